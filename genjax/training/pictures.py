"""Pictures that training leaves in a workdir, as they are drawn again and again."""

import pathlib
from collections.abc import Collection, Sequence

import numpy as np

from genjax.plotting import galleries, histories, plots, thinning
from genjax.plotting.plots import RunLabel
from genjax.types import Curves


def labels(rows: Sequence[dict], settings: Sequence[str], failed_at: Sequence) -> list[RunLabel]:
  """Of each run, by its numbers, its setting and the step at which it failed."""
  return [
    RunLabel(row["seed"], setting, int(at))
    for row, setting, at in zip(rows, settings, failed_at, strict=True)
  ]


def gallery(
  images: np.ndarray,
  steps: np.ndarray,
  labels: Sequence[RunLabel],
  classes: Sequence[str],
  runs: int,
) -> plots.Figure:
  """A row a run: images `[R, M, H, W, C]` of weights of these steps `[R]`.

  `classes` are those of a conditional model, which take turns; () for others. `runs` is how many
  the sweep has, of which R are shown.
  """
  columns = np.resize(classes, images.shape[1]).tolist() if classes else None
  shared = "its noise and its class" if classes else "its noise"
  footnote = (
    f"{_steps_of(steps)}; each column shares {shared}. {thinning.shown_note(len(labels), runs)}"
  )
  return galleries.gallery(images, labels, column_labels=columns, footnote=footnote)


def _steps_of(steps: np.ndarray) -> str:
  low, high = steps.min(), steps.max()
  return f"weights of step {low:,}" if low == high else f"weights of steps {low:,} to {high:,}"


def draw_curves(
  series: Curves,
  labels: Sequence[RunLabel],
  folder: pathlib.Path,
  scored: Collection[str],
) -> None:
  """What metrics.csv has over training; of scores, those named in `scored` alone."""
  shown = {name: one for name, one in series.items() if "@" not in name or name in scored}
  for name, figure, _ in histories.drawn(shown, labels):
    save(figure, folder / f"{name}.png")


def save(figure: plots.Figure, path: pathlib.Path) -> None:
  path.parent.mkdir(exist_ok=True)
  plots.save(figure, path)
