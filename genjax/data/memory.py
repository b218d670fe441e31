"""Datasets that a function gives: `data.name=MODULE:OBJECT`."""

import numpy as np

from genjax import parts
from genjax.data import sources
from genjax.data.sources import Arrays
from genjax.types import Dataset, UserError

WHERE = "config.data.name"


def read(name: str, size: int) -> Arrays:
  """The arrays of `MODULE:OBJECT`, a function without arguments that gives `Arrays`.

  Args:
    name: its name.
    size: > 0 resizes the images to size x size.

  Raises:
    UserError: it is not there, raises, or gives something else; or its arrays are not of the types
      and shapes that `Arrays` has.
  """
  load = parts.find(name, WHERE)
  if not callable(load):
    raise UserError(f"{WHERE} is {name!r}, not a function; expected one that gives Arrays")
  try:
    arrays = load()
  except (Exception, SystemExit) as error:  # of a file that is not ours
    raise UserError(f"{WHERE} is {name!r}, and raised {type(error).__name__}: {error}") from error
  if not isinstance(arrays, Arrays):
    raise UserError(f"{WHERE} is {name!r}, which gives {type(arrays).__name__}; expected Arrays")
  if not isinstance(arrays.classes, tuple | list):
    raise UserError(f"{WHERE} is {name!r}, whose classes are no names; expected a tuple of them")
  given = {"train": arrays.train, "test": arrays.test}
  for part, one in given.items():
    if not (isinstance(one, Dataset) or (one is None and part == "test")):
      raise UserError(
        f"{WHERE} is {name!r}, whose {part} is {type(one).__name__}; expected Dataset"
      )
  checked = {part: _checked(name, part, one, arrays) for part, one in given.items() if one}
  if len({one.image.shape[1:] for one in checked.values()}) > 1:
    raise UserError(f"{WHERE} is {name!r}, whose train and test images differ in shape")
  resized = {
    part: one._replace(image=sources.resized(one.image, size, "image"))
    for part, one in checked.items()
  }
  classes = tuple(map(str, arrays.classes))
  return Arrays(resized["train"], resized.get("test"), classes, arrays.source, arrays.notes)


def _checked(name: str, part: str, given: Dataset, arrays: Arrays) -> Dataset:
  image, label = np.asarray(given.image), np.asarray(given.label)
  said = f"{WHERE} is {name!r}, whose {part} images are {image.dtype} {list(image.shape)}"
  if image.ndim != 4 or image.dtype != np.uint8 or image.shape[-1] not in (1, 3):
    raise UserError(f"{said}; expected uint8 [N, H, W, C], C of 1 or 3")
  if label.shape != image.shape[:1] or label.dtype.kind not in "iu":
    raise UserError(f"{said}, and labels {label.dtype} {list(label.shape)}; expected int32 [N]")
  if len(label) and not 0 <= label.min() <= label.max() < len(arrays.classes):
    raise UserError(
      f"{said}, with labels {label.min()} to {label.max()}; expected 0 to "
      f"{len(arrays.classes) - 1}, as there are {len(arrays.classes)} classes"
    )
  return Dataset(image, label.astype(np.int32))
