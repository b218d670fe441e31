"""Images and labels from arrays in files, and from scikit-learn's digits."""

import functools
import importlib.util
import os
import pathlib
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageChops, ImageOps, UnidentifiedImageError

from genjax.mistakes import reason
from genjax.types import Dataset, UserError

_DIGITS = "datasets/data/digits.csv.gz"  # where scikit-learn has them


class MissingData(UserError):  # noqa: N818 (it says what is missing)
  """Data are not where they are said to be."""


class Arrays(NamedTuple):
  """All that a source holds, before anything is split off."""

  train: Dataset  # numpy arrays: image [N, H, W, C] uint8 with C of 1 or 3, label [N] int32
  test: Dataset | None  # None where the source has no test part
  classes: tuple[str, ...]  # label -> its name
  source: str  # one line for people
  notes: tuple[str, ...] = ()  # how it was read, where that is for whoever uses it to know


def numbered(count: int) -> tuple[str, ...]:
  """The names of classes that have none but their numbers."""
  return tuple(map(str, range(count)))


def unnamed(classes: Sequence[str]) -> bool:
  """Whether classes have no names but their numbers."""
  return tuple(classes) == numbered(len(classes))


def shortened(classes: Sequence[str]) -> str:
  """Names for a line: all, or the first ten and how many there are."""
  more = f", ... ({len(classes):,} in all)" if len(classes) > 10 else ""
  return ", ".join(classes[:10]) + more


@functools.lru_cache(maxsize=2)
def digits(size: int) -> Arrays:
  """scikit-learn's 1,797 handwritten digits, drawn like MNIST: [1797, 28, 28, 1] for size 0.

  The originals have 8x8 pixels of 0 to 16. They become 20x20 with a margin of 4, as in MNIST. They
  are drawn once for each size: who asks again shares these arrays, and cannot write to them.
  """
  # The table alone: to import scikit-learn takes two seconds.
  (place,) = importlib.util.find_spec("sklearn").submodule_search_locations
  table = np.loadtxt(pathlib.Path(place, _DIGITS), delimiter=",")
  small = np.rint(table[:, :-1].reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)
  drawn = (
    ImageOps.expand(Image.fromarray(x).resize((20, 20), Image.Resampling.LANCZOS), border=4)
    for x in small
  )
  image = stack((("digits", x) for x in drawn), size)
  train = Dataset(image, table[:, -1].astype(np.int32))
  for shared in train:
    shared.setflags(write=False)
  return Arrays(train, None, numbered(10), "digits (scikit-learn)")


def decode(file, name: str, background: str = "white") -> Image.Image:
  """The image of a path or a binary stream, in mode L or RGB.

  What is transparent shows the background, and the image's `info` then has "transparent".

  Raises:
    UserError: with `name`, where it cannot be read.
  """
  try:
    with Image.open(file) as image:
      if image.mode.startswith(("I", "F")):
        raise UserError(f"{name}: not a readable image: {image.mode} has more than 8 bits a pixel")
      if image.mode in ("P", "PA", "LA", "La", "RGBA", "RGBa") or "transparency" in image.info:
        image = _on(background, image.convert("RGBA"))
        grey = all(low == high == 0 for low, high in _differences(image))
        return image.convert("L") if grey else image
      return image.convert("L" if image.mode in ("1", "L") else "RGB")
  except UserError:
    raise
  except Exception as error:  # each of Pillow's formats has its own ways to fail
    known = not isinstance(error, UnidentifiedImageError)
    raise UserError(f"{name}: not a readable image" + f" ({reason(error)})" * known) from error


def _on(background: str, image: Image.Image) -> Image.Image:
  """An RGBA image as RGB on paper of that colour."""
  paper = Image.new("RGBA", image.size, background)
  drawn = Image.alpha_composite(paper, image).convert("RGB")
  drawn.info |= image.info  # which says how a camera was held
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


def resized(images: np.ndarray, size: int, name: str) -> np.ndarray:
  """As `stack`, of images [N, H, W, C] uint8 that are arrays; as they are where size is 0."""
  if not size or images.shape[1:3] == (size, size):
    return images
  drawn = (Image.fromarray(x[..., 0] if x.shape[-1] == 1 else x) for x in images)
  return stack(((name, x) for x in drawn), size)


def walk(root: pathlib.Path) -> Iterator[tuple[str, list[str], list[str]]]:
  """As `os.walk`, in natural order and through links, but those to a folder above themselves.

  Whoever takes a folder from the list does not go there.

  Raises:
    UserError: a folder may not be read.
  """
  for parent, folders, files in os.walk(root, onerror=_unreadable, followlinks=True):
    real = os.path.realpath(parent)
    folders[:] = sorted((name for name in folders if not _above(parent, name, real)), key=natural)
    yield parent, folders, sorted(files, key=natural)


def _above(parent: str, name: str, real: str) -> bool:
  target = os.path.realpath(os.path.join(parent, name))
  return os.path.commonpath([target, real]) == target


def _unreadable(error: OSError) -> None:
  raise UserError(f"{error.filename} cannot be read ({error.strerror})") from error


def natural(name: str) -> tuple:
  """A key to sort names by: 2 before 10."""
  parts = re.split(r"(\d+)", name)
  return [int(part) if part.isdecimal() else part for part in parts], name


def text_of(name: str) -> str:
  """A file's name as text, whatever bytes it has."""
  return os.fsencode(name).decode(errors="replace")
