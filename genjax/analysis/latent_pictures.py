"""Pictures of latent spaces: the plane of a latent of 2, and one dimension at a time."""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jax import Array

from genjax.analysis import latents, smoothness
from genjax.analysis.picture_rows import InterpolationFlags, Pictures, animated, of_one_run
from genjax.analysis.selection import Selection
from genjax.models import generation
from genjax.plotting import galleries
from genjax.plotting.plots import drawable, tick_label
from genjax.types import Run, State

MOST_DIMENSIONS = 10  # of a traversal
GRID = 20  # images along a side of a manifold


def manifolds(selections: Sequence[Selection]) -> Pictures:
  """The images of a grid over the prior, of each run with a latent of 2."""
  grid = latents.manifold(GRID)

  def of_run(run_state: tuple[Run, State], z: Array) -> Array:
    z = jnp.pad(z, ((0, 0), (0, one.model.latent - 2)))
    return generation.images(one.model, run_state, z, jnp.zeros(len(z), jnp.int32))

  for every in selections:
    one = every.only(r for r, row in enumerate(every.numbers) if row["latent"] == 2)
    if not one.index:
      continue
    images = one.computed(of_run, grid)
    for label, of_label in zip(one.labels, images, strict=True):
      sheet = galleries.tiled(of_label, GRID)[None, None]
      low, high = (tick_label(round(float(x), 2)) for x in (grid[:, 0].min(), grid[:, 0].max()))
      note = (
        f"Dimension 0 rises to the right, dimension 1 upwards, at the normal quantiles from "
        f"{0.5 / GRID:g} to {1 - 0.5 / GRID:g}, {low} to {high}"
        f"{_of_first_class(one, ', of ')}."
      )
      yield of_one_run("manifold", one, label, sheet, [""], None, "The latent plane", note)


def _of_first_class(one: Selection, before: str) -> str:
  return f"{before}class {drawable(one.saved.classes)[0]}" if one.model.num_classes else ""


def traversals(selections: Sequence[Selection], asked: InterpolationFlags) -> Pictures:
  """One dimension moves and the others stay; those that matter most to the run, first."""

  def of_run(row: tuple, base: Array) -> Array:
    (run, state), dimensions = row
    z = latents.traversal(base * run.latent_mask, dimensions, asked.steps).swapaxes(0, 1)
    return generation.images(one.model, (run, state), z, jnp.zeros(len(dimensions), jnp.int32))

  moving, labels = [], []
  for one in selections:
    values, what = latents.importance(one)
    most = min(MOST_DIMENSIONS, max(row["latent"] for row in one.numbers))
    masked = np.asarray(one.saved.runs.latent_mask)[list(one.index)] == 0
    order = np.argsort(np.where(masked, np.inf, -values), axis=1, kind="stable")[:, :most]
    base = smoothness.ends(1, one.model.latent, asked.seed)[0][0]
    base = jnp.zeros_like(base) if one.model.encode else base
    chosen = one.rows, jnp.asarray(order)
    images = np.array(one.vectorised(of_run)(chosen, base))  # [R, T, D, H, W, C]
    for r, label in enumerate(one.labels):
      D = min(one.numbers[r]["latent"], most)
      rows = [f"dimension {d}\n{_measured(values[r, d], what)}" for d in order[r, :D]]
      columns = [
        tick_label(round(x, 2)) for x in np.linspace(-latents.REACH, latents.REACH, asked.steps)
      ]
      still = "at 0" if one.model.encode else "at one random latent"
      note = (
        f"Each row moves one of {one.numbers[r]['latent']} dimensions, in standard deviations of "
        f"the prior; the others stay {still}{_of_first_class(one, ', ')}. The "
        f"first row matters most, by the {what}."
      )
      title = "One dimension at a time"
      yield of_one_run("traversal", one, label, images[r, :, :D], rows, columns, title, note)
      images[r, :, D:] = 1  # white, as the page
    moving += list(images)
    labels += one.labels
  columns = max(len(images[0]) for images in moving)
  moving = [  # [T, D, H, W, C]
    np.pad(x, [(0, 0), (0, columns - x.shape[1]), *[(0, 0)] * 3], constant_values=1) for x in moving
  ]
  ranks = [f"{place + 1}." for place in range(columns)]
  yield (
    "traversal",
    animated(np.stack(moving), labels, ranks, "One dimension at a time, by its rank"),
  )


def _measured(value: float, what: str) -> str:
  return f"KL {value:.2f}" if what == latents.KL else f"variance {value:.2g}"
