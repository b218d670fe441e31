"""Images and labels from arrays in files, and from scikit-learn's digits."""

import pathlib
import textwrap
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageChops, ImageOps, UnidentifiedImageError

from genjax.types import Dataset, UserError


class Arrays(NamedTuple):
  """All that a source holds, before anything is split off."""

  train: Dataset  # numpy arrays: image [N, H, W, C] uint8 with C of 1 or 3, label [N] int32
  test: Dataset | None  # None where the source has no test part
  num_classes: int
  source: str  # one line for people


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
  return Arrays(Dataset(image, bunch.target.astype(np.int32)), None, 10, "digits (scikit-learn)")


def npz(path: str, size: int) -> Arrays:
  """Arrays of a .npz file: `x_train, y_train, x_test, y_test`, or `image` and perhaps `label`.

  Images are [N, H, W] or [N, H, W, C] with C of 1 or 3: whole numbers from 0 to 255, floats in
  [0, 1], or black and white as booleans or as 0 and 1. Without `label`, all labels are 0.

  Raises:
    UserError: the file is absent or damaged, or an array is not as above.
  """
  members = _members(path)
  if "image" in members:
    pairs = [("image", "label")]
    members.setdefault("label", np.zeros(members["image"].shape[:1], np.int32))
  else:
    pairs = [("x_train", "y_train"), ("x_test", "y_test")]
  for key in sum(pairs, ()):
    if key not in members:
      raise UserError(
        f"{path}: no array {key!r} among {', '.join(members) or 'none'}; expected image (and"
        " label), or x_train, y_train, x_test and y_test"
      )
  parts = [_labelled(path, members, *pair, size) for pair in pairs]
  if len({part.image.shape[1:] for part in parts}) > 1:
    shapes = " and ".join(str(part.image.shape[1:]) for part in parts)
    raise UserError(f"{path}: x_train and x_test hold images of unequal shapes {shapes}")
  num_classes = 1 + max(int(part.label.max()) for part in parts)
  test = parts[1] if len(parts) == 2 else None
  return Arrays(parts[0], test, num_classes, f"{pathlib.Path(path).name} (npz)")


def decode(file, name: str) -> Image.Image:
  """The image of a path or a binary stream, in mode L or RGB. UserError with `name` if it fails."""
  try:
    with Image.open(file) as image:
      if image.mode.startswith(("I", "F")):
        raise ValueError(f"more than 8 bits a pixel (mode {image.mode})")
      if image.mode in ("P", "PA", "LA", "La", "RGBA", "RGBa") or "transparency" in image.info:
        image = _on_white(image.convert("RGBA"))
        grey = all(low == high == 0 for low, high in _differences(image))
        return image.convert("L") if grey else image
      return image.convert("L" if image.mode in ("1", "L") else "RGB")
  except Exception as error:  # each of Pillow's formats has its own ways to fail
    known = not isinstance(error, UnidentifiedImageError)
    raise UserError(f"{name}: not a readable image" + f" ({reason(error)})" * known) from error


def _on_white(image: Image.Image) -> Image.Image:
  """An RGBA image as RGB on white paper: ink that is drawn on nothing would be black on black."""
  paper = Image.new("RGBA", image.size, "white")
  return Image.alpha_composite(paper, image).convert("RGB")


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
    with pathlib.Path(path).expanduser().open("rb") as stream:
      members = np.load(stream)
      if isinstance(members, np.ndarray):
        raise ValueError("a single array, as .npy files hold")
      return dict(members)
  except FileNotFoundError as error:
    raise UserError(f"{path}: no such file (--config.data.name)") from error
  except Exception as error:  # a damaged archive fails in as many ways as there are bytes
    raise UserError(f"{path}: not a readable .npz file ({reason(error)})") from error


def _labelled(path: str, members: dict, image_key: str, label_key: str, size: int) -> Dataset:
  image, label = _pixels(path, image_key, members[image_key]), members[label_key]
  if label.shape == (len(image), 1):  # as Keras has CIFAR's
    label = label[:, 0]
  if (
    label.shape != image.shape[:1]
    or label.dtype.kind not in "iu"
    or not 0 <= label.min() <= label.max() < 2**31
  ):
    raise UserError(
      f"{path}: {label_key} is {label.dtype} {list(label.shape)}; expected {len(image)} integers"
      " from 0 to 2147483647, one for each image"
    )
  if size and image.shape[1:3] != (size, size):
    drawn = (Image.fromarray(x[..., 0] if x.shape[-1] == 1 else x) for x in image)
    image = stack(((path, x) for x in drawn), size)
  return Dataset(image, label.astype(np.int32))


def _pixels(path: str, key: str, image: np.ndarray) -> np.ndarray:
  image = image[..., None] if image.ndim == 3 else image
  if image.ndim != 4 or image.shape[-1] not in (1, 3) or not image.size:
    raise UserError(
      f"{path}: {key} has shape {list(image.shape)}; expected [N, H, W] or [N, H, W, C]"
      " with C of 1 or 3"
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
