"""The curves of a report: figures of plotting/curves.py, and in words what is seen in them."""

from collections.abc import Iterator, Sequence

from genjax.analysis.selection import Selection
from genjax.plotting import histories, plots
from genjax.reporting import page
from genjax.reporting.page import Picture
from genjax.training import metrics_file
from genjax.types import Curves

SETTINGS = 12  # that a figure of several workdirs may have
FIGURES = 6  # workdirs that have figures of their own where there are more settings


def context(selections: Sequence[Selection]) -> dict:
  """Figures over all programs; or of each, where they have too many settings for one figure."""
  labels = [label for one in selections for label in one.labels]
  parts = [metrics_file.read_curves(one.path / "metrics.csv", len(one.index)) for one in selections]
  for one in selections:
    one.check_runs()
  settings = {label.setting for label in labels}
  if len(selections) == 1 or len(settings) <= SETTINGS:
    whole = histories.joined(parts, [len(one.index) for one in selections])
    groups, left_out = [("", whole, labels)], []
  else:
    groups = [
      (one.name, part, one.labels) for one, part in zip(selections[:FIGURES], parts, strict=False)
    ]
    left_out = [one.name for one in selections[FIGURES:]]
  return {
    "groups": [(name, list(_figures(*rest))) for name, *rest in groups],
    "left_out": left_out,
  }


_TITLES = {
  "training": "Training",
  "validation": "On validation images",
  "scores": "Scores over training",
  "kl_per_dimension": "KL of each latent dimension",
}


def _figures(curves: Curves, labels: list[plots.RunLabel]) -> Iterator[tuple[str, Picture]]:
  """(title, picture) of each figure."""
  for name, figure, described in histories.drawn(histories.over_training(curves), labels):
    yield _TITLES[name], page.of_png(plots.png(figure), described())
