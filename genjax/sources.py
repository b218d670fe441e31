"""Images and labels from arrays in files, and from scikit-learn's digits."""

import os
import pathlib
import textwrap
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from absl import logging
from PIL import Image, ImageChops, ImageOps, UnidentifiedImageError

from genjax.types import Dataset, UserError


class Arrays(NamedTuple):
  """All that a source holds, before anything is split off."""

  train: Dataset  # numpy arrays: image [N, H, W, C] uint8 with C of 1 or 3, label [N] int32
  test: Dataset | None  # None where the source has no test part
  classes: tuple[str, ...]  # label -> its name
  source: str  # one line for people


def numbered(count: int) -> tuple[str, ...]:
  """The names of classes that have none but their numbers."""
  return tuple(map(str, range(count)))


def shortened(classes: Sequence[str]) -> str:
  """Names for a line: all, or the first ten and how many there are."""
  more = f", ... ({len(classes):,} in all)" if len(classes) > 10 else ""
  return ", ".join(classes[:10]) + more


def digits(size: int) -> Arrays:
  """scikit-learn's 1,797 handwritten digits, drawn like MNIST: [1797, 28, 28, 1] for size 0.

  The originals have 8x8 pixels of 0 to 16. They become 20x20 with a margin of 4, as in MNIST.
  """
  from sklearn.datasets import load_digits  # a second to import, and only here

  bunch = load_digits()
  small = np.rint(bunch.images * (255 / 16)).astype(np.uint8)
  drawn = (
    ImageOps.expand(Image.fromarray(x).resize((20, 20), Image.Resampling.LANCZOS), border=4)
    for x in small
  )
  image = stack((("digits", x) for x in drawn), size)
  train = Dataset(image, bunch.target.astype(np.int32))
  return Arrays(train, None, numbered(10), "digits (scikit-learn)")


# How libraries name the arrays of each part: images, then labels.
_NAMES = (
  {"train": ("image", "label")},
  {"train": ("images", "labels")},
  {part: (f"x_{part}", f"y_{part}") for part in ("train", "val", "test")},  # Keras
  {part: (f"{part}_images", f"{part}_labels") for part in ("train", "val", "test")},  # MedMNIST
)
_MOST_CLASSES = 2**16


def npz(path: str, size: int) -> Arrays:
  """Arrays of a .npz file, by the names in `_NAMES`; `classes`, if there, names the labels.

  Images are [N, H, W], [N, H, W, C] or [N, C, H, W] with C of 1 or 3: whole numbers from 0 to 255,
  floats in [0, 1], or black and white as booleans or as 0 and 1. Without labels, all are 0.
  Validation images are the test part if there is none, and training images otherwise, as those of
  `folders.read`.

  Raises:
    UserError: the file is absent or damaged, or an array is not as above.
  """
  members = _members(path)
  pairs = _pairs(path, members)
  parts = {part: _labelled(path, members, *names, size) for part, names in pairs.items()}
  shapes = {part: dataset.image.shape[1:] for part, dataset in parts.items()}
  if len(set(shapes.values())) > 1:
    told = ", ".join(f"{pairs[part][0]} {shape}" for part, shape in shapes.items())
    raise UserError(f"{path} holds images of unequal shapes: {told}")
  classes = _named(path, members, 1 + max(int(part.label.max()) for part in parts.values()))
  if "val" in parts:
    other = "train" if "test" in parts else "test"
    joined = [part for part in (parts.get(other), parts.pop("val")) if part]
    parts[other] = Dataset(*map(np.concatenate, zip(*joined, strict=True)))
  taken = {"classes", *(name for names in pairs.values() for name in names)}
  if left := sorted(set(members) - taken):
    logging.warning("%s: arrays not taken: %s", path, ", ".join(left))
  source = f"{pathlib.Path(path).name} (npz)"
  return Arrays(parts["train"], parts.get("test"), classes, source)


def _pairs(path: str, members: dict) -> dict[str, tuple[str, str]]:
  """Part -> the names of its images and labels. Raises `UserError` where one is missing."""
  for names in _NAMES:
    if names["train"][0] not in members:
      continue
    pairs = {part: pair for part, pair in names.items() if pair[0] in members}
    labels = [label for _, label in pairs.values()]
    if not any(label in members for label in labels):
      return pairs
    if missing := [label for label in labels if label not in members]:
      raise UserError(f"{path}: no array {missing[0]!r} among {', '.join(members)}")
    return pairs
  expected = " or ".join(names["train"][0] for names in _NAMES)
  raise UserError(
    f"{path}: no training images among its arrays {', '.join(members) or '(none)'}; expected "
    f"{expected}, with labels beside them"
  )


def _named(path: str, members: dict, count: int) -> tuple[str, ...]:
  """The names of the classes: their numbers where the file has no `classes`."""
  if "classes" not in members:
    return numbered(count)
  names = members["classes"]
  if names.ndim != 1 or names.dtype.kind != "U" or not len(set(names)) == len(names) >= count:
    raise UserError(
      f"{path}: classes is {names.dtype} {list(names.shape)}; expected {count} or more different "
      "names, as text"
    )
  return tuple(map(str, names))


def decode(file, name: str, background: str = "white") -> Image.Image:
  """The image of a path or a binary stream, in mode L or RGB.

  What is transparent shows the background, and the image's `info` then has "transparent".

  Raises:
    UserError: with `name`, where it cannot be read.
  """
  try:
    with Image.open(file) as image:
      if image.mode.startswith(("I", "F")):
        raise ValueError(f"more than 8 bits a pixel (mode {image.mode})")
      if image.mode in ("P", "PA", "LA", "La", "RGBA", "RGBa") or "transparency" in image.info:
        image = _on(background, image.convert("RGBA"))
        grey = all(low == high == 0 for low, high in _differences(image))
        return image.convert("L") if grey else image
      return image.convert("L" if image.mode in ("1", "L") else "RGB")
  except Exception as error:  # each of Pillow's formats has its own ways to fail
    known = not isinstance(error, UnidentifiedImageError)
    raise UserError(f"{name}: not a readable image" + f" ({reason(error)})" * known) from error


def _on(background: str, image: Image.Image) -> Image.Image:
  """An RGBA image as RGB on paper of that colour."""
  paper = Image.new("RGBA", image.size, background)
  drawn = Image.alpha_composite(paper, image).convert("RGB")
  if image.getchannel("A").getextrema()[0] < 255:
    drawn.info["transparent"] = True
  return drawn


def _differences(image: Image.Image) -> list[tuple[int, int]]:
  """The extrema of what green and blue differ from red by: none in grey images."""
  red, green, blue = image.split()
  return [ImageChops.difference(red, other).getextrema() for other in (green, blue)]


def stack(images: Iterable[tuple[str, Image.Image]], size: int) -> np.ndarray:
  """Images (name, image in mode L or RGB) as one array [N, H, W, C] uint8.

  size > 0 resizes each to size x size, whatever its proportions.

  Raises:
    UserError: unequal sizes, and size is 0.
  """
  arrays, first = [], None
  for name, image in images:
    if size:
      image = image.resize((size, size), Image.Resampling.LANCZOS)
    first = first or (name, image.size)
    if image.size != first[1]:
      (w, h), (first_w, first_h) = image.size, first[1]
      raise UserError(
        f"images of unequal sizes: {first[0]} is {first_w}x{first_h} and {name} is {w}x{h};"
        " --config.data.size=64 (say) resizes all"
      )
    arrays.append(np.atleast_3d(np.asarray(image)))
  channels = max(x.shape[-1] for x in arrays)
  return np.stack([np.broadcast_to(x, (*x.shape[:2], channels)) for x in arrays])


def reason(error: Exception) -> str:
  """An exception in one line, for a message of ours."""
  return textwrap.shorten(f"{type(error).__name__}: {error}", 200, placeholder=" ...")


def _members(path: str) -> dict[str, np.ndarray]:
  try:
    # A stream of ours, as np.load leaves its own open where the archive is damaged.
    with open(os.path.expanduser(path), "rb") as stream:
      members = np.load(stream)
      if isinstance(members, np.ndarray):
        raise ValueError("a single array, as .npy files hold")
      return {name.lower(): array for name, array in members.items()}
  except FileNotFoundError as error:
    raise UserError(f"{path}: no such file (--config.data.name)") from error
  except Exception as error:  # a damaged archive fails in as many ways as there are bytes
    raise UserError(f"{path}: not a readable .npz file ({reason(error)})") from error


def _labelled(path: str, members: dict, image_key: str, label_key: str, size: int) -> Dataset:
  image = _pixels(path, image_key, members[image_key])
  label = members.get(label_key, np.zeros(len(image), np.int32))
  if label.shape == (len(image), 1):  # as Keras has CIFAR's
    label = label[:, 0]
  if (
    label.shape != image.shape[:1]
    or label.dtype.kind not in "iu"
    or not 0 <= label.min() <= label.max() < _MOST_CLASSES
  ):
    raise UserError(
      f"{path}: {label_key} is {label.dtype} {list(label.shape)}; expected {len(image)} integers"
      f" from 0 to {_MOST_CLASSES - 1}, one for each image"
    )
  if size and image.shape[1:3] != (size, size):
    drawn = (Image.fromarray(x[..., 0] if x.shape[-1] == 1 else x) for x in image)
    image = stack(((path, x) for x in drawn), size)
  return Dataset(image, label.astype(np.int32))


def _pixels(path: str, key: str, image: np.ndarray) -> np.ndarray:
  image = image[..., None] if image.ndim == 3 else image
  if image.ndim == 4 and image.shape[-1] not in (1, 3) and image.shape[1] in (1, 3):
    logging.warning("%s: %s has its channels first, %s", path, key, list(image.shape))
    image = np.moveaxis(image, 1, -1)
  if image.ndim != 4 or image.shape[-1] not in (1, 3) or not image.size:
    raise UserError(
      f"{path}: {key} has shape {list(image.shape)}; expected [N, H, W], [N, H, W, C] or "
      "[N, C, H, W] with C of 1 or 3"
    )
  if image.dtype.kind in "biu" and 0 <= image.min() <= image.max() <= 255:
    # Whoever has nothing but 0 and 1 means black and white, not two shades of black.
    return image.astype(np.uint8) * (255 if image.max() <= 1 else 1)
  if not (image.dtype.kind == "f" and image.min() >= 0 and image.max() <= 1):  # NaN fails too
    extent = f" from {image.min()} to {image.max()}" if image.dtype.kind in "iuf" else ""
    raise UserError(
      f"{path}: {key} is {image.dtype}{extent}; expected whole numbers from 0 to 255, 0 and 1 for "
      "black and white, or floats in [0, 1]"
    )
  return np.rint(image * 255).astype(np.uint8)
