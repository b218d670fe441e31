"""What a report shows of one program's runs: galleries, interpolations and the explorer's tiles.

All of it is decoded by one compiled program (analysis/renderings.py).
"""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from genjax.analysis import latents, renderings
from genjax.analysis.renderings import Request
from genjax.analysis.selection import Selection
from genjax.plotting import animations
from genjax.plotting.plots import RunLabel
from genjax.reporting import explorer, page
from genjax.reporting.page import Picture
from genjax.training import cost

ROWS = 24  # runs of a gallery
FRAMES, STILLS = 20, 9  # of an interpolation
IMAGES = 2000  # decoded to find the dimensions that matter: of many, the first ones stand out
FLOP = 2e11  # of the images in the explorer: on two cores a few seconds
SHORT = 100  # steps: after fewer there is little to see, and less is drawn


class GalleryRow(NamedTuple):
  """A run in a gallery, or a setting in the interpolations."""

  setting: str
  name: str
  failed: bool
  picture: Picture
  still: Picture | None = None  # in place of one that moves


class Samples(NamedTuple):
  """What a report shows of one program's runs, or of all programs' one after another."""

  gallery: list[GalleryRow]
  interpolations: list[GalleryRow]
  spaces: list[dict]  # as `explorer.page_data` has them


def decoded(
  selection: Selection, quota: dict[str, Sequence[int]], tiles: int, train: np.ndarray | None
) -> Samples:
  """Everything that is shown of a program's runs.

  Args:
    selection: all its runs.
    quota: "gallery", "interpolations", "explorer" -> places of the runs that are shown there.
    tiles: how many of them a run's explorer may have, of each class.
    train: training images [N, H, W, C] uint8, or None where they cannot be had.
  """
  walking, columns = quota["interpolations"], selection.saved.config.sample_columns
  z, paths = renderings.latents_of(selection, columns, walking, FRAMES)
  spaces = _spaces(selection, quota["explorer"], tiles, z[0])
  label = renderings.classes(columns, selection.model.num_classes)
  requests = {
    "gallery": [Request(run, z, label) for run in quota["gallery"]],
    "walks": _walks(selection, walking, paths),
    "tiles": _tiles(selection, spaces),
  }
  images = iter(renderings.render(selection, list(itertools.chain(*requests.values()))))
  drawn = {name: list(itertools.islice(images, len(own))) for name, own in requests.items()}
  return Samples(
    _gallery(selection, quota["gallery"], drawn["gallery"], train),
    [_interpolation(selection, *one) for one in zip(walking, drawn["walks"], strict=True)],
    _page_data(selection, spaces, drawn["tiles"]),
  )


def _walks(selection: Selection, runs: Sequence[int], paths: np.ndarray) -> list[Request]:
  """The paths `[S, T, P, Z]` of the runs; each pair keeps its class."""
  label = renderings.classes(paths.shape[2], selection.model.num_classes)
  label = np.tile(label, paths.shape[1])
  return [
    Request(run, path.reshape(len(label), -1), label) for run, path in zip(runs, paths, strict=True)
  ]


def _tiles(selection: Selection, spaces: Sequence[explorer.Space]) -> list[Request]:
  """Of each space, one after another, the tiles of each class."""
  return [
    Request(space.run, points, np.full(len(points), c))
    for space, points in ((space, explorer.points(space)) for space in spaces)
    for c in range(max(selection.model.num_classes, 1))
  ]


def _page_data(
  selection: Selection, spaces: Sequence[explorer.Space], images: Sequence[np.ndarray]
) -> list[dict]:
  """The spaces with the images of `_tiles`."""
  classes = max(selection.model.num_classes, 1)
  names = selection.saved.classes if selection.model.num_classes else ()
  return [
    explorer.page_data(
      space, _about(selection, space.run, space.dimensions), images[i * classes :][:classes], names
    )
    for i, space in enumerate(spaces)
  ]


def short(selection: Selection) -> bool:
  """Whether the runs were trained for a moment only."""
  return int(selection.saved.progress.state.step.max()) <= SHORT


def _about(selection: Selection, run: int, dimensions: Sequence[int]) -> str:
  step = int(selection.saved.states(selection.weights).step[selection.index[run]])
  label, latent = selection.labels[run], selection.numbers[run]["latent"]
  text = f"Weights of step {step:,}."
  if label.failed:
    text += f" The run failed at step {label.failed_at:,}."
  if latent > len(dimensions):
    place = "0, the prior's middle" if selection.model.encode else "the noise of the first sample"
    text += f" The other {latent - len(dimensions)} of {latent} dimensions stay at {place}."
  return text


def _gallery(
  selection: Selection, runs: Sequence[int], images: list[np.ndarray], train: np.ndarray | None
) -> list[GalleryRow]:
  if not runs:
    return []
  near = [None] * len(runs)
  if train is not None:
    index = renderings.nearest(np.concatenate(images), train)
    near = np.split(train[index], len(runs))
  rows = []
  for run, own, others in zip(runs, images, near, strict=True):
    label = selection.labels[run]
    alt = f"{len(own)} images of {label.name}{label.fate}"
    lines = [own] if others is None else [own, others]
    alt += "" if others is None else f"; below each the nearest training image{_distances(*lines)}"
    rows.append(_row(label, page.strip(lines, alt)))
  return rows


def _row(label: RunLabel, *pictures: Picture) -> GalleryRow:
  return GalleryRow(label.setting, f"seed {label.seed}{label.fate}", label.failed, *pictures)


def _distances(images: np.ndarray, others: np.ndarray) -> str:
  """How far they are, as a root mean square over pixels in 0 to 1."""
  error = (images.astype(np.float64) - others) / 255
  middle = np.median(np.sqrt((error**2).mean((1, 2, 3))))
  return f", at a median distance of {middle:.3f} a pixel"


def _interpolation(selection: Selection, run: int, images: np.ndarray) -> GalleryRow:
  label = selection.labels[run]
  frames = images.reshape(FRAMES, -1, *images.shape[1:])
  name = f"{label.name}{label.fate}"
  pairs = frames.shape[1]
  places = np.linspace(0, FRAMES - 1, STILLS).round().astype(int)
  still = page.strip(
    list(frames[places].swapaxes(0, 1)), f"{pairs} interpolations of {name}, {STILLS} steps each"
  )
  alt = f"{pairs} interpolations of {name}, forth and back"
  moving = page.moving(animations.gif(page.side_by_side(frames)), frames.shape, alt)
  return _row(label, moving, still)


def affordable(selection: Selection) -> int:
  """How many images its model may decode for one page: large networks take their time."""
  model = selection.model
  row = jax.tree.map(lambda leaf: leaf[0], selection.rows)
  z, label = jnp.zeros((1, model.latent)), jnp.zeros((1,), jnp.int32)
  flop = cost.flops(lambda: model.generate(*row, z, label if model.num_classes else None))
  return int(FLOP // max(flop, 1))


def _spaces(
  selection: Selection, runs: Sequence[int], tiles: int, noise: np.ndarray
) -> list[explorer.Space]:
  if not runs:
    return []
  some = selection.only(runs)
  if short(selection) or all(row["latent"] <= 2 for row in some.numbers):
    importance, what = np.zeros((len(runs), selection.model.latent)), ""
  else:
    decoded = len(runs) * selection.model.latent * latents.NODES
    points = int(np.clip(IMAGES // decoded, 1, latents.POINTS))
    importance, what = latents.importance(some, points)
  # What a VAE decodes at 0 is its prior's middle. A GAN never saw it: its latents lie on a shell.
  base = np.zeros_like(noise) if selection.model.encode else noise
  return [
    explorer.space(selection, run, figures, what, base, tiles)
    for run, figures in zip(runs, importance, strict=True)
  ]
