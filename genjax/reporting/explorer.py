"""Tiles of a latent space: images at all points of a small grid, in one picture a run and class.

The page shows one tile at a time, so that a browser can move through the space without a network.

Axes: Z latent, A axes of the grid, n points of each.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from genjax.analysis import latents
from genjax.analysis.selection import Selection
from genjax.plotting import galleries
from genjax.reporting import page

RUNS = 8  # that can be chosen among
# Numbers of all pixels in all tiles together, which makes a page of about 3 MB.
BUDGET = 4_000_000
SIZES = {1: (41,), 2: (25, 21, 17, 13, 11, 9, 7, 5), 3: (11, 9, 7)}  # n, of so many axes


class Space(NamedTuple):
  """The grid of one run."""

  name: str
  run: int  # its place in the selection
  dimensions: tuple[int, ...]  # [A] of the latent
  titles: tuple[str, ...]  # [A]
  values: np.ndarray  # [n] of each axis
  base: np.ndarray  # [Z] where the other dimensions stay


def size(axes: int, share: float) -> int:
  """How many points an axis may have, of so many tiles; the fewest there are if none is enough."""
  return next((n for n in SIZES[axes] if n**axes <= share), SIZES[axes][-1])


def space(
  selection: Selection, run: int, importance: np.ndarray, what: str, base: np.ndarray, share: int
) -> Space:
  """The grid of one run.

  Args:
    selection: of the run.
    run: its place there.
    importance: [Z] of each dimension, as `latents.importance` has it: the first ones become axes.
    what: what these figures are, as "KL (nats)"; "" where nothing was measured.
    base: [Z] where dimensions that no axis moves stay.
    share: how many tiles it may have.
  """
  latent, label = selection.numbers[run]["latent"], selection.labels[run]
  axes = min(latent, 3 if SIZES[3][-1] ** 3 <= share else 2)
  order = np.argsort(-importance[:latent], kind="stable")
  dimensions = range(latent) if latent <= axes else sorted(map(int, order[:axes]))
  # Of a latent of 2, every step is equally likely; else even steps, as far as traversals go.
  n = size(axes, share)
  line = np.linspace(-latents.REACH, latents.REACH, n)
  return Space(
    label.name,
    run,
    tuple(dimensions),
    tuple(f"Dimension {d}" + _importance_note(importance[d], what, latent) for d in dimensions),
    latents.manifold(n)[:n, 0] if latent == 2 else line,
    np.asarray(base, np.float32),
  )


def _importance_note(figure: float, what: str, latent: int) -> str:
  return "" if latent == 2 or not what else f", {what.partition(' (')[0]} {figure:.3g}"


def points(one: Space) -> np.ndarray:
  """The latents of its tiles, `[n^A, Z]`: first axis to the right, second upwards, third in pages.

  So a page of a latent of 2 is `latents.manifold`.
  """
  axes = len(one.dimensions)
  line = (one.values, one.values[::-1], one.values)[:axes]
  grid = np.meshgrid(*reversed(line), indexing="ij")[::-1]
  z = np.repeat(one.base[None], grid[0].size, 0)
  z[:, list(one.dimensions)] = np.stack([part.ravel() for part in grid], 1)
  return z


def page_data(
  one: Space, about: str, images: Sequence[np.ndarray], classes: Sequence[str] = ()
) -> dict:
  """What the page's script reads.

  Args:
    one: the grid.
    about: a line on the run.
    images: of each class, or of the only one, `[n^A, H, W, C]` uint8 as `points` has them.
    classes: their names, where there are several.
  """
  height, width = images[0].shape[1:3]
  return {
    "name": one.name,
    "about": about,
    "axes": list(one.titles),
    "values": [round(float(value), 4) for value in one.values],
    "width": width,
    "height": height,
    "classes": list(classes),
    "sprites": [page.sprite(galleries.tiled(tiles, len(one.values))) for tiles in images],
  }
