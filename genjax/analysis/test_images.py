"""The real images that a command shows beside those of runs."""

from collections.abc import Sequence

import numpy as np

from genjax import data
from genjax.analysis.selection import Selection
from genjax.training import planning
from genjax.types import UserError


def splits(selections: Sequence[Selection], where: str = "") -> data.Splits:
  """The data of all workdirs, that lie at `where` now.

  Raises:
    UserError: they are gone, or not the same.
  """
  loaded = planning.reload_data(selections[0].saved.config, where)
  for one in selections:
    planning.check_data(one.path, loaded)
  return loaded


def check_shapes(selections: Sequence[Selection]) -> None:
  """Raises `UserError` for workdirs whose images cannot stand in one figure."""
  shapes = {one.saved.image_shape: one.name for one in selections}
  if len(shapes) > 1:
    named = ", ".join(f"{name} of {shape}" for shape, name in shapes.items())
    raise UserError(f"images differ in their shape: {named}; name workdirs of one dataset")


def of_each_class(labels: np.ndarray, count: int) -> np.ndarray:
  """Places of the first image of each class, then of the second of each: `[N] -> [count]`."""
  earlier = np.zeros(len(labels), int)  # images of the same class before it
  for k in np.unique(labels):
    earlier[labels == k] = np.arange((labels == k).sum())
  return np.lexsort((labels, earlier))[:count]


def places(given: Sequence[str], labels: np.ndarray, count: int) -> np.ndarray:
  """Places of test images: those that `--images` gives, or so many of different classes.

  Raises:
    UserError: there are no such test images.
  """
  labels = np.asarray(labels)
  if not given:
    return of_each_class(labels, count)
  chosen = np.array([int(place) if place.strip().isdecimal() else -1 for place in given])
  if chosen.min() < 0 or chosen.max() >= len(labels):
    raise UserError(
      f"--images={','.join(given)}: expected places of test images, 0 to "
      f"{len(labels) - 1:,}, as 0,5"
    )
  return chosen
