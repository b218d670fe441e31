"""Pictures of paths through the latent spaces of runs: a row a run, a column a step.

Axes: R runs, P pairs of ends, T steps, K classes, D dimensions, Z latent, H W C image.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from matplotlib.figure import Figure

from genjax.analysis import inversion, latents, smoothness
from genjax.analysis.selection import Selection, class_names
from genjax.metrics import paths
from genjax.models import generation
from genjax.plotting import galleries
from genjax.plotting.plots import RunLabel, drawable, tick_label
from genjax.rng import Stream, stream
from genjax.types import Run, State

MOST_DIMENSIONS = 10  # of a traversal
GRID = 20  # images along a side of a manifold
Pictures = Iterator[tuple[str, Figure | np.ndarray]]  # name, and a figure or frames of an animation


class Asked(NamedTuple):
  """What is the same in all pictures."""

  kinds: tuple[str, ...]  # of paths
  pairs: int  # P
  steps: int  # T
  seed: int  # of the noise

  @property
  def kind(self) -> str:
    """Where there is room for one."""
    return self.kinds[-1]

  @property
  def columns(self) -> list[str]:
    return [f"{t:.2f}" for t in np.linspace(0, 1, self.steps)]


def between_random(found: Sequence[Selection], asked: Asked) -> Pictures:
  """Linear and spherical paths between the same random latents, whatever the model and latent."""

  def of_run(row: tuple[Run, State], a: Array, b: Array) -> Array:
    mask = row[0].latent_mask[None]
    z = [paths.between(a * mask, b * mask, asked.steps, kind) for kind in asked.kinds]
    label = jnp.arange(asked.pairs) % max(one.model.num_classes, 1)
    return jnp.stack([generation.images(one.model, row, path, label) for path in z])

  images, labels = [], []  # [kinds, T, P, H, W, C] each
  for one in found:
    ends = smoothness.ends(asked.pairs, one.model.latent, asked.seed)
    images += list(
      np.asarray(one.vectorised(of_run)(one.rows, *ends)).reshape(
        -1, asked.steps, asked.pairs, *one.saved.image_shape
      )
    )
    labels += [_about(label, kind) for label in one.labels for kind in asked.kinds]
  images = np.stack(images)
  note = smoothness.explained([row["latent"] for one in found for row in one.numbers], asked.seed)
  for p in range(asked.pairs):
    title = f"Between random latents, {p + 1} of {asked.pairs}: the same two in every row"
    yield f"random-{p + 1}", galleries.gallery(images[:, :, p], labels, asked.columns, title, note)
  yield "random", _moving(images, labels, _pairs(asked), "Between random latents")


def between_images(
  found: Sequence[Selection], asked: Asked, originals: Array, classes: Array
) -> Pictures:
  """Paths between real images, as a VAE encodes them or as a search finds them in a GAN.

  Args:
    found: the runs.
    asked: its P is half of the number of images.
    originals: [2 P, H, W, C] in [0, 1], those of a pair one after the other.
    classes: [2 P] int32.
  """
  key = stream(jax.random.key(asked.seed), Stream.SEARCH)

  def of_run(row: tuple[Run, State], image: Array, label: Array) -> tuple[Array, Array]:
    z, error = located(one, row, image, label, key)
    path = paths.between(z[0::2], z[1::2], asked.steps, asked.kind)
    K = one.model.num_classes
    if K:  # the class goes over into the other's, as the image does
      weights = jax.nn.one_hot(label, K)
      label = paths.between(weights[0::2], weights[1::2], asked.steps, "linear").reshape(-1, K)
    return generation.images(one.model, row, path, label), error, paths.norms(z)

  images, labels, errors, norms = [], [], [], []
  for one in found:
    made, error, norm = map(np.asarray, one.vectorised(of_run)(one.rows, originals, classes))
    images += list(made)
    norms += list(norm)
    labels += one.labels
    errors += list(error)
  images = np.stack(images)
  ways = {True: "the means of a VAE's encoder", False: "the nearest that a search finds in a GAN"}
  note = (
    f"At both ends the real image. Between them the {asked.kind} path between the images' latents: "
    f"{' and '.join(ways[w] for w in ways if w in {bool(one.model.encode) for one in found})}. "
    "RMSE: root mean square error a pixel, in [0, 1], of the left and of the right end. The "
    f"latents found have |z| from {np.min(norms):.2f} to {np.max(norms):.2f}{_prior(found)}."
  )
  for p in range(asked.pairs):
    ends = np.broadcast_to(originals[2 * p : 2 * p + 2][None], (len(images), 2, *images.shape[3:]))
    row = np.concatenate([ends[:, :1], images[:, :, p], ends[:, 1:]], 1)
    of_ends = [
      _about(label, f"RMSE {error[2 * p]:.3f}\nand {error[2 * p + 1]:.3f}")
      for label, error in zip(labels, errors, strict=True)
    ]
    title = f"Between two test images, {p + 1} of {asked.pairs}"
    columns = ["real", *asked.columns, "real"]
    yield f"images-{p + 1}", galleries.gallery(row, of_ends, columns, title, note)
  yield "images", _moving(images, labels, _pairs(asked), "Between test images")


def _prior(found: Sequence[Selection]) -> str:
  """What |z| the prior has, where all runs have one latent."""
  latents_of = {row["latent"] for one in found for row in one.numbers}
  if len(latents_of) > 1:
    return ""
  mean, sd = paths.shell(latents_of.pop())
  return f", the prior's {mean:.2f} ± {sd:.2f}"


def located(
  one: Selection, row: tuple[Run, State], image: Array, label: Array, key: Array
) -> tuple[Array, Array]:
  """The latents of images, and what is lost of these: `[B, Z]`, `[B]` RMSE a pixel."""
  if one.model.encode:
    z, _ = one.model.encode(*row, image)
    made = one.model.generate(*row, z)
    return z, jnp.sqrt(((made - image) ** 2).mean((1, 2, 3)))
  return inversion.nearest(
    lambda z, label: one.model.generate(*row, z, label), image, label, row[0].latent_mask, key
  )


def between_classes(found: Sequence[Selection], asked: Asked) -> Pictures:
  """From each class to the next one at one latent, and between two latents at each class.

  Of models with equally many classes.
  """

  def of_run(row: tuple[Run, State], a: Array, b: Array) -> tuple[Array, Array]:
    K, T, mask = one.model.num_classes, asked.steps, row[0].latent_mask[None]
    weights = jnp.eye(K)
    mixed = paths.between(weights, jnp.roll(weights, -1, 0), T, "linear")
    still = jnp.broadcast_to((a * mask)[None], (T, K, a.shape[-1]))
    z = paths.between(a * mask, b * mask, T, asked.kind)
    moving = jnp.broadcast_to(z, still.shape)
    return (
      generation.images(one.model, row, still, mixed.reshape(-1, K)),
      generation.images(one.model, row, moving, jnp.arange(K)),
    )

  everything, labels = [], []
  for one in found:
    classes = drawable(one.saved.classes)
    names = [f"class {name}" for name in classes]
    after = (*classes[1:], classes[0])
    ends = smoothness.ends(1, one.model.latent, asked.seed)
    over, within = (np.asarray(x) for x in one.vectorised(of_run)(one.rows, *ends))
    everything += list(over)
    labels += one.labels
    for label, across, along in zip(one.labels, over, within, strict=True):
      named = [f"{name}\nto {other}" for name, other in zip(names, after, strict=True)]
      rows = [_about(label, about, alone=True) for about in named]
      title = f"From class to class at one latent: {_name(one, label)}"
      note = "The generator reads weights of two classes in place of one class."
      yield f"classes-{_slug(one, label)}", _transposed(across, rows, asked.columns, title, note)
      rows = [_about(label, name, alone=True) for name in names]
      title = f"From latent to latent at each class: {_name(one, label)}"
      note = f"A {asked.kind} path, the same in every row."
      yield (
        f"classes-latent-{_slug(one, label)}",
        _transposed(along, rows, asked.columns, title, note),
      )
  names = class_names(found)
  columns = [
    f"{name} to {other}" for name, other in zip(names, (*names[1:], names[0]), strict=True)
  ]
  yield "classes", _moving(np.stack(everything), labels, columns, "From class to class")


def manifolds(found: Sequence[Selection]) -> Pictures:
  """The images of a grid over the prior, of each run with a latent of 2."""
  grid = latents.manifold(GRID)

  def of_run(row: tuple[Run, State], z: Array) -> Array:
    z = jnp.pad(z, ((0, 0), (0, one.model.latent - 2)))
    return generation.images(one.model, row, z, jnp.zeros(len(z), jnp.int32))

  for one in map(with_latent_2, found):
    if not one.index:
      continue
    images = np.asarray(one.vectorised(of_run)(one.rows, grid))
    for label, of_label in zip(one.labels, images, strict=True):
      tiles = of_label.reshape(GRID, GRID, *of_label.shape[1:]).swapaxes(1, 2)
      H, W, C = one.saved.image_shape
      sheet = tiles.reshape(1, 1, GRID * H, GRID * W, C)
      title = f"The latent plane: {_name(one, label)}"
      low, high = (tick_label(round(float(x), 2)) for x in (grid[:, 0].min(), grid[:, 0].max()))
      note = (
        f"Dimension 0 rises to the right, dimension 1 upwards, at the normal quantiles from "
        f"{0.5 / GRID:g} to {1 - 0.5 / GRID:g}, {low} to {high}"
        f"{_of_first_class(one, ', of ')}."
      )
      figure = galleries.gallery(sheet, [_about(label, "", alone=True)], None, title, note)
      yield f"manifold-{_slug(one, label)}", figure


def _of_first_class(one: Selection, before: str) -> str:
  return f"{before}class {drawable(one.saved.classes)[0]}" if one.model.num_classes else ""


def with_latent_2(one: Selection) -> Selection:
  kept = [r for r, row in enumerate(one.numbers) if row["latent"] == 2]
  return one._replace(index=tuple(one.index[r] for r in kept), labels=[one.labels[r] for r in kept])


def traversals(found: Sequence[Selection], asked: Asked) -> Pictures:
  """One dimension moves and the others stay; those that matter most to the run, first."""

  def of_run(row: tuple, base: Array) -> Array:
    (run, state), dimensions = row
    z = latents.traversal(base * run.latent_mask, dimensions, asked.steps).swapaxes(0, 1)
    return generation.images(one.model, (run, state), z, jnp.zeros(len(dimensions), jnp.int32))

  moving, labels = [], []
  for one in found:
    values, what = latents.importance(one)
    most = min(MOST_DIMENSIONS, max(row["latent"] for row in one.numbers))
    masked = np.asarray(one.saved.runs.latent_mask)[list(one.index)] == 0
    order = np.argsort(np.where(masked, np.inf, -values), axis=1, kind="stable")[:, :most]
    base = smoothness.ends(1, one.model.latent, asked.seed)[0][0]
    base = jnp.zeros_like(base) if one.model.encode else base
    rows = (one.rows, jnp.asarray(order))
    images = np.array(one.vectorised(of_run)(rows, base))  # [R, T, D, H, W, C]
    for r, label in enumerate(one.labels):
      D = min(one.numbers[r]["latent"], most)
      abouts = [
        _about(label, f"dimension {d}\n{_measured(values[r, d], what)}", alone=True)
        for d in order[r, :D]
      ]
      columns = [
        tick_label(round(x, 1)) for x in np.linspace(-latents.REACH, latents.REACH, asked.steps)
      ]
      still = "at 0" if one.model.encode else "at one random latent"
      note = (
        f"Each row moves one of {one.numbers[r]['latent']} dimensions, in standard deviations of "
        f"the prior; the others stay {still}{_of_first_class(one, ', ')}. The "
        f"first row matters most, by the {what}."
      )
      title = f"One dimension at a time: {_name(one, label)}"
      yield (
        f"traversal-{_slug(one, label)}",
        _transposed(images[r, :, :D], abouts, columns, title, note),
      )
      images[r, :, D:] = 1  # white, as the page
    moving += list(images)
    labels += one.labels
  columns = max(len(images[0]) for images in moving)
  moving = [np.pad(x, _beyond(x, columns), constant_values=1) for x in moving]
  ranks = [f"{place + 1}." for place in range(columns)]
  yield (
    "traversal",
    _moving(np.stack(moving), labels, ranks, "One dimension at a time, by its rank"),
  )


def _beyond(images: np.ndarray, columns: int) -> list[tuple[int, int]]:
  """What `np.pad` adds to [T, D, ...] so that there are so many columns."""
  return [(0, columns - images.shape[1] if axis == 1 else 0) for axis in range(images.ndim)]


def _measured(value: float, what: str) -> str:
  return f"KL {value:.2f}" if what == latents.KL else f"variance {value:.2g}"


def _moving(images: np.ndarray, labels: list[RunLabel], columns: list[str], title: str):
  """[R, T, M, H, W, C] as frames."""
  return galleries.animation(images.swapaxes(0, 1), labels, columns, title)


def _pairs(asked: Asked) -> list[str]:
  return [f"pair {p + 1}" for p in range(asked.pairs)]


def _transposed(images: np.ndarray, labels, columns, title: str, note: str) -> Figure:
  """[T, M, H, W, C] with M as rows."""
  return galleries.gallery(images.swapaxes(0, 1), labels, columns, title, note)


def _about(label: RunLabel, text: str, alone: bool = False) -> RunLabel:
  """A row that says this beside its seed; `alone` where the figure's title names the run."""
  if alone:
    return label._replace(setting="", about=text or " ")
  return label._replace(about=f"seed {label.seed}\n{text}")


def _name(one: Selection, label: RunLabel) -> str:
  return f"{label.setting or one.name}, seed {label.seed}"


def _slug(one: Selection, label: RunLabel) -> str:
  return re.sub(r"[^\w.=]+", "-", _name(one, label)).strip("-")
