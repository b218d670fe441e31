"""Images and labels from the arrays of a .npz file."""

import os
import pathlib
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from genjax.data import sources
from genjax.metrics import pixels
from genjax.mistakes import reason
from genjax.types import Dataset, UserError

# How libraries name the images and the labels of each part, in small letters.
_IMAGES = {
  "train": ("image", "images", "imgs", "x_train", "train_images"),
  "val": ("x_val", "val_images"),
  "test": ("x_test", "test_images"),
}
_LABELS = {
  "train": ("label", "labels", "y_train", "train_labels"),
  "val": ("y_val", "val_labels"),
  "test": ("y_test", "test_labels"),
}
_CLASSES = ("classes", "class_names")
_MOST_CLASSES = 2**16


def read(path: str, size: int) -> sources.Arrays:
  """Arrays of a .npz file: images and labels by the names above; `classes`, if there, names them.

  Images are [N, H, W], [N, H, W, C] or [N, C, H, W] with C of 1 or 3: whole numbers from 0 to 255,
  floats in [0, 1], or black and white as booleans or as 0 and 1. Without labels, all are 0.
  Validation images are the test part if there is none, and training images otherwise, as those of
  `folders.read`.

  Raises:
    UserError: the file is absent or damaged, or an array is not as above.
  """
  members, others = _members(path)
  images = {part: _one_of(path, members, names) for part, names in _IMAGES.items()}
  labels = {part: _one_of(path, members, names) for part, names in _LABELS.items()}
  if not images["train"]:
    raise UserError(
      f"{path}: no training images among its arrays {', '.join([*members, *others]) or '(none)'}; "
      f"expected one of {', '.join(_IMAGES['train'])}"
    )
  images = {part: name for part, name in images.items() if name}
  if lacking := [part for part in images if not labels[part] and any(labels.values())]:
    raise UserError(
      f"{path}: no labels of {images[lacking[0]]} among its arrays {', '.join(members)}; expected "
      f"one of {', '.join(_LABELS[lacking[0]])}"
    )
  two_tones = black_and_white([members[name] for name in images.values()])
  parts = {
    part: _labelled(path, members, name, labels[part], size, two_tones)
    for part, name in images.items()
  }
  shapes = {images[part]: dataset.image.shape[1:] for part, dataset in parts.items()}
  if len(set(shapes.values())) > 1:
    told = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
    raise UserError(f"{path} holds images of unequal shapes: {told}")
  classes = _named(path, members, 1 + max(int(part.label.max()) for part in parts.values()))
  if "val" in parts:
    other = "train" if "test" in parts else "test"
    joined = [part for part in (parts.get(other), parts.pop("val")) if part]
    parts[other] = Dataset(*map(np.concatenate, zip(*joined, strict=True)))
  notes = tuple(_notes(images, labels, members, others))
  source = f"{pathlib.Path(path).name} (npz)"
  return sources.Arrays(parts["train"], parts.get("test"), classes, source, notes)


def _notes(images: dict, labels: dict, members: dict, others: list[str]) -> Iterator[str]:
  """How a file was read, for people."""
  if not any(labels.values()):
    yield "no labels, so that all images are of one class"
  if "val" in images:
    yield f"images of {images['val']} are {'trained on' if 'test' in images else 'the test part'}"
  for name in images.values():
    if _channels_first(members[name]):
      yield f"{name} has its channels first, {list(members[name].shape)}"
  if others:
    yield f"arrays not taken: {', '.join(others)}"


def _channels_first(image: np.ndarray) -> bool:
  return image.ndim == 4 and image.shape[-1] not in (1, 3) and image.shape[1] in (1, 3)


def _one_of(path: str, members: dict, names: Sequence[str]) -> str:
  """The name that is there, or "". Raises `UserError` where there are two."""
  there = [name for name in names if name in members]
  if len(there) > 1:
    raise UserError(
      f"{path}: both {there[0]} and {there[1]} among its arrays; expected one of them"
    )
  return there[0] if there else ""


def black_and_white(arrays: Iterable[np.ndarray]) -> bool:
  """Whether all images hold only 0 and 1, which then mean black and white."""
  return all(x.dtype.kind in "biu" and x.size > 0 and x.max() <= 1 for x in arrays)


def _named(path: str, members: dict, count: int) -> tuple[str, ...]:
  """The names of the classes: their numbers where the file has none."""
  key = _one_of(path, members, _CLASSES)
  if not key:
    return sources.numbered(count)
  names = members[key]
  if names.ndim != 1 or names.dtype.kind != "U" or not len(set(names)) == len(names) >= count:
    raise UserError(
      f"{path}: {key} is {names.dtype} {list(names.shape)}; expected {count} or more different "
      "names, as text"
    )
  return tuple(map(str, names))


def _members(path: str) -> tuple[dict[str, np.ndarray], list[str]]:
  """The arrays that have a name of ours, by it; and the names of the others, which are not read."""
  known = {name for names in (*_IMAGES.values(), *_LABELS.values(), _CLASSES) for name in names}
  try:
    # A stream of ours, as np.load leaves its own open where the archive is damaged.
    with open(os.path.expanduser(path), "rb") as stream:
      archive = np.load(stream)
      if isinstance(archive, np.ndarray):
        raise ValueError("a single array, as .npy files hold")
      ours = [name for name in archive.files if name.lower() in known]
      members = {name.lower(): archive[name] for name in ours}
      others = [name for name in archive.files if name not in ours]
  except FileNotFoundError as error:
    raise sources.MissingData(f"{path}: no such file") from error
  except Exception as error:  # a damaged archive fails in as many ways as there are bytes
    raise UserError(f"{path}: not a readable .npz file ({why(error)})") from error
  if len(members) < len(ours):
    raise UserError(
      f"{path}: arrays whose names differ in capitals alone: {', '.join(sorted(ours))}"
    )
  return members, others


def why(error: Exception) -> str:
  """What NumPy says of a file that it cannot read, without its advice to execute what is in it."""
  if "allow_pickle" not in str(error):
    return reason(error)
  return "an array holds objects" if "Object arrays" in str(error) else "it holds no arrays"


def _labelled(
  path: str, members: dict, image_key: str, label_key: str, size: int, two_tones: bool
) -> Dataset:
  image = as_bytes(path, image_key, members[image_key], two_tones)
  label = members.get(label_key, np.zeros(len(image), np.int32))
  if label.shape == (len(image), 1):  # as Keras has CIFAR's
    label = label[:, 0]
  if (
    label.shape != image.shape[:1]
    or label.dtype.kind not in "iu"
    or not 0 <= label.min() <= label.max() < _MOST_CLASSES
  ):
    raise UserError(
      f"{path}: {label_key} is {label.dtype} {list(label.shape)}{_extent(label)}; expected "
      f"{len(image)} integers from 0 to {_MOST_CLASSES - 1}, one for each image"
    )
  return Dataset(sources.resized(image, size, path), label.astype(np.int32))


def as_bytes(path: str, key: str, image: np.ndarray, two_tones: bool) -> np.ndarray:
  """Images of an array as `read` takes them, [N, H, W, C] uint8; path and key are for its error."""
  image = image[..., None] if image.ndim == 3 else image
  if _channels_first(image):
    image = np.moveaxis(image, 1, -1)
  if image.ndim != 4 or image.shape[-1] not in (1, 3) or not image.size:
    raise UserError(
      f"{path}: {key} has shape {list(image.shape)}; expected [N, H, W], [N, H, W, C] or "
      "[N, C, H, W] with C of 1 or 3"
    )
  if image.dtype.kind in "biu" and 0 <= image.min() <= image.max() <= 255:
    return image.astype(np.uint8) * (255 if two_tones or image.dtype.kind == "b" else 1)
  if not (image.dtype.kind == "f" and image.min() >= 0 and image.max() <= 1):  # NaN fails too
    raise UserError(
      f"{path}: {key} is {image.dtype}{_extent(image)}; expected whole numbers from 0 to 255, 0 "
      "and 1 for black and white, or floats in [0, 1]"
    )
  return pixels.to_bytes(image)


def _extent(array: np.ndarray) -> str:
  if not (array.dtype.kind in "iuf" and array.size):
    return ""
  if np.isnan(array).any():
    return " with NaN"
  return f" from {array.min():g} to {array.max():g}"
