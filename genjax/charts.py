"""The curves of a report: figures of plots.py, and in words what is seen in them."""

import pathlib
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from genjax import histories, page, plots
from genjax.page import Picture
from genjax.selection import Selection

SETTINGS = 12  # that a figure of several workdirs may have
FIGURES = 6  # workdirs that have figures of their own where there are more settings


def made(selections: Sequence[Selection]) -> dict:
  """Figures over all programs; or of each, where they have too many settings for one figure."""
  labels = [label for one in selections for label in one.labels]
  parts = [histories.read(one.path / "metrics.csv", len(one.index)) for one in selections]
  settings = {label.setting for label in labels}
  if len(selections) == 1 or len(settings) <= SETTINGS:
    whole = histories.joined(parts, [len(one.index) for one in selections])
    drawn = selections[0].path / "plots" if len(selections) == 1 else None
    groups = [("", whole, labels, drawn)]
  else:
    groups = [
      (one.name, part, one.labels, one.path / "plots")
      for one, part in zip(selections[:FIGURES], parts, strict=False)
    ]
  return {
    "groups": [(name, list(_figures(*rest))) for name, *rest in groups],
    "left_out": [one.name for one in selections[len(groups) :]] if len(groups) > 1 else [],
  }


_TITLES = {
  "training": "Training",
  "validation": "On validation images",
  "scores": "Scores over training",
}


def _figures(
  series: histories.Series, labels: list[plots.RunLabel], drawn: pathlib.Path | None
) -> Iterator[tuple[str, Picture]]:
  """(title, picture) of each figure."""
  shown = histories.over_training(series)
  for name, panels in histories.figures(shown).items():
    alt = histories.described(panels, labels)
    yield _TITLES[name], _figure(name, lambda p=panels: plots.curves(p, labels), alt, drawn)
  dimensions = histories.dimensions(series)
  if dimensions is not None:
    alt = _of_dimensions(dimensions, labels)
    figure = _figure(
      "kl_per_dimension", lambda: plots.kl_per_dimension(dimensions, labels), alt, drawn
    )
    yield "KL of each latent dimension", figure


def _figure(name: str, draw: Callable, alt: str, drawn: pathlib.Path | None) -> Picture:
  """A figure, from the folder `plots` where it is as new as the figures it shows."""
  file = (drawn or pathlib.Path()) / f"{name}.png"
  if drawn and file.exists() and _time(file) >= _time(drawn.parent / "metrics.csv"):
    return page.of_png(file.read_bytes(), alt)
  return page.of_png(plots.png(draw()), alt)


def _time(file: pathlib.Path) -> int:
  return file.stat().st_mtime_ns


def _of_dimensions(values: np.ndarray, labels: list[plots.RunLabel]) -> str:
  """In words what `plots.kl_per_dimension` draws."""
  said = []
  for setting, rows in plots.by_setting(labels).items():
    known = values[rows][np.isfinite(values[rows]).any(1)]
    if len(known):
      total = np.median(np.nansum(known, 1))
      used = np.median((np.nan_to_num(known) > 0.1).sum(1))
      said.append(f"{setting} median total {total:.3g} nats, {used:g} dimensions above 0.1".strip())
  return f"KL of each latent dimension in nats: {'; '.join(said)}."
