"""Figures of scores over training, of the best of k runs, and against losses."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib import style
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from genjax.analysis import correlations, score_panels
from genjax.analysis.recorded_scores import Scores, history
from genjax.metrics import association, statistics
from genjax.plotting import curves, plots, tables
from genjax.plotting.axes import Axis, Quantity, axis_of, metric_of, set_axis, set_y
from genjax.plotting.curves import CROSS
from genjax.plotting.plots import STYLE, Head, RunLabel


def over_training(
  all_scores: Sequence[Scores], title: str = "", everything: Sequence[Scores] = ()
) -> Figure | None:
  """Each score over the steps at which it was measured; None where no run has two of them.

  Runs whose best weights are of different steps are joined by straight lines, on which the median
  and the band stand too. Arguments as in `against_latent`.
  """
  runs = score_panels.all_runs(all_scores)
  labels = [RunLabel(run.seed, run.setting, run.last_step if run.failed else -1) for run in runs]
  series = {}
  for scores in all_scores:
    steps, values = history(scores)
    if len(steps) > 1 and ((~np.isnan(values)).sum(1) > 1).any():
      own = {(run.setting, run.seed): row for run, row in zip(scores.runs, values, strict=True)}
      nothing = np.full(len(steps), np.nan)
      rows = [_between(steps, own.get((run.setting, run.seed), nothing)) for run in runs]
      series[_with_floor(scores)] = steps, np.stack(rows)
  if not series:
    return None
  return curves.curves(series, labels, title, list(score_panels.look_of(everything or all_scores)))


def _between(steps: np.ndarray, values: np.ndarray) -> np.ndarray:
  known = np.isfinite(values)
  if not known.any():
    return values
  return np.interp(steps, steps[known], values[known], left=np.nan, right=np.nan)


def _with_floor(scores: Scores) -> str:
  floors = score_panels.floors_of(scores)
  return scores.score.title + (f" (real images: {np.median(floors):.3g})" if floors else "")


@style.context(STYLE, after_reset=True)
def best_of(
  all_scores: Sequence[Scores], title: str = "", everything: Sequence[Scores] = ()
) -> Figure | None:
  """The expected best score of k runs; None where no score has a better end.

  Arguments as in `against_latent`.
  """
  look = score_panels.look_of(everything or all_scores)
  all_scores = [scores for scores in all_scores if scores.score.better]
  if not all_scores:
    return None
  curves = [_best_curves(scores) for scores in all_scores]
  axes = [
    score_panels.axis_for(
      s,
      np.concatenate([*c.values()]),
      [k for k, v in c.items() for _ in v],
      score_panels.floors_of(s),
    )
    for s, c in zip(all_scores, curves, strict=True)
  ]
  handles = score_panels.handles_of(score_panels.all_runs(all_scores), look)
  handles += score_panels.floor_mark(all_scores)
  caption = (
    "Expected best of k runs that are drawn without replacement, exactly. A line begins where not "
    "all k may have failed."
  )
  figure, panels = score_panels.frame(all_scores, axes, title, handles, caption)
  most = max(len(curve) for part in curves for curve in part.values())
  for panel, part in zip(panels, curves, strict=True):
    for key, curve in part.items():
      line = {"color": look[key].color, "linestyle": look[key].dashes, "linewidth": 1.6}
      dot = "." if len(curve) <= 40 else None
      panel.plot(range(1, len(curve) + 1), curve, marker=dot, gid="best", **line)
    panel.set_xlim(1 - 0.03 * most, most * 1.03)
    panel.xaxis.set_major_locator(MaxNLocator(min(most, 8), steps=[1, 2, 5, 10], integer=True))
    panel.set_xlabel("k")
  return figure


def _best_curves(scores: Scores) -> dict[str, np.ndarray]:
  """Setting -> the expected best of 1, 2, ... of its runs; NaN where that is infinite."""
  lower = scores.score.better == "lower"
  curves = {}
  for setting, rows in scores.settings.items():
    values = scores.counted[rows]
    best = [statistics.best_of(values, k, lower) for k in range(1, len(rows) + 1)]
    curves[setting] = np.where(np.isfinite(best), best, np.nan)
  return curves


@style.context(STYLE, after_reset=True)
def against_loss(
  all_scores: Sequence[Scores], loss: str, title: str = "", everything: Sequence[Scores] = ()
) -> Figure | None:
  """Each score against a loss of training at the same weights, a point a run.

  Args:
    all_scores, title, everything: as in `against_latent`.
    loss: its name in metrics.csv, as `val_loss`.

  Returns:
    The figure; None where less than two runs have both.
  """
  look = score_panels.look_of(everything or all_scores)
  points = [point for scores in all_scores if (point := _both(scores, loss)).losses.size > 1]
  if not points:
    return None
  axes = [score_panels.axis_for(p.scores, p.scores.values, p.settings) for p in points]
  across = [_axis_of_losses(p) for p in points]
  heads = [
    Head(p.scores.score.title, _spearman(p, above, beside))
    for p, above, beside in zip(points, axes, across, strict=True)
  ]
  runs = score_panels.all_runs([point.scores for point in points])
  handles = score_panels.handles_of(runs, look, marker="o", linestyle="none")
  handles += score_panels.failed_mark(all_scores)
  caption = (
    "Point: one run, its loss on validation images at the weights that were scored. Spearman's rho "
    "is of runs ranked within their settings."
  )
  caption = score_panels.captioned(caption, all_scores)
  figure, panels = plots.panel_grid(heads, title, handles, caption)
  for panel, point, above, beside in zip(panels, points, axes, across, strict=True):
    set_y(panel, above)
    set_axis(panel, "x", beside)
    panel.set_xlabel(metric_of(loss).title)
    for key, color in look.items():
      _draw_points(panel, point, [setting == key for setting in point.settings], color.color)
  return figure


class _Points(NamedTuple):
  scores: Scores  # of the runs that have a score and a loss
  losses: np.ndarray  # [R] of these

  @property
  def settings(self) -> list[str]:
    return [run.setting for run in self.scores.runs]


def _both(scores: Scores, loss: str) -> _Points:
  losses = correlations.losses(scores, loss)
  rows = np.flatnonzero(np.isfinite(losses) & np.isfinite(scores.values))
  return _Points(scores.only(rows), losses[rows])


def _axis_of_losses(points: _Points) -> Axis:
  labels = [RunLabel(0, setting, -1) for setting in points.settings]
  return axis_of(Quantity("", wide=True), points.losses[:, None], labels)


def _draw_points(panel, points: _Points, chosen: list[bool], color) -> None:
  failed = points.scores.failed
  x = np.clip(points.losses, *panel.get_xlim())
  y = np.clip(points.scores.values, *panel.get_ylim())
  for part, mark in (
    (failed, CROSS | {"markersize": 5}),
    (~failed, score_panels.DOT | {"markersize": 3.6}),
  ):
    part = part & chosen
    if part.any():
      panel.plot(x[part], y[part], color=color, linestyle="none", gid="run", **mark)


def _spearman(points: _Points, *axes: Axis) -> str:
  n, rho, p = association.spearman(points.losses, points.scores.values, points.settings)
  text = f"n = {n}"
  if not math.isnan(rho):
    text = f"Spearman {rho:.2f}".replace("-", "\N{MINUS SIGN}") + f", {text}, p {_p(p)}"
  notes = dict.fromkeys(line for axis in axes for line in axis.note.split("\n"))
  return "\n".join(filter(None, [text, *notes]))


def _p(p: float) -> str:
  shown = tables.p_value(p)
  return shown if shown.startswith("<") else f"= {shown}"
