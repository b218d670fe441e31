"""Figures of scores: against the latent size, and by setting.

They stand on the pages of plots.py. Each takes scores of one protocol, a panel each; every seed is
drawn, those that failed as crosses.

Axes: R runs, S steps. Lengths are in pixels of the PNG.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib import style
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator

from genjax.analysis import measures, score_panels
from genjax.analysis.recorded_scores import Scores
from genjax.analysis.workdirs import RunRecord
from genjax.metrics import statistics
from genjax.plotting import plots
from genjax.plotting.axes import Axis
from genjax.plotting.curves import CROSS
from genjax.plotting.plots import STYLE
from genjax.types import grouped


class _Group(NamedTuple):
  """Runs that differ in their seed alone, and where they stand in a panel."""

  key: str  # what their colour stands for
  x: float
  width: float
  rows: np.ndarray  # their places among the score's runs

  @property
  def middle(self) -> float:
    """Where their mean stands: beside the seeds, so that it hides none."""
    return self.x + 0.4 * self.width


def spans_latents(all_scores: Sequence[Scores]) -> bool:
  """Whether a line through several latents can be drawn: not beside images that have none."""
  latents = {}
  for run in score_panels.all_runs(all_scores):
    latents.setdefault(run.line, set()).add(run.latent)
  return any(len(own) > 1 for own in latents.values()) and {0} not in latents.values()


@style.context(STYLE, after_reset=True)
def against_latent(
  all_scores: Sequence[Scores], title: str = "", everything: Sequence[Scores] = ()
) -> Figure:
  """Each score against the latent size, on a logarithmic axis: a line for what else differs.

  Args:
    all_scores: scores of one protocol, at least one.
    title: of the figure.
    everything: all scores of a comparison, of which `all_scores` is a part: keeps colours.
  """
  runs = score_panels.all_runs(all_scores)
  latents = sorted({run.latent for run in runs})
  span = math.log10(latents[-1] / latents[0]) or 0.5
  gap = min(np.diff(np.log10(latents)), default=span)
  beside = {z: list(dict.fromkeys(run.line for run in runs if run.latent == z)) for z in latents}
  # The lines of one latent share a slot, and between two latents there is space left.
  slots = {z: min(0.6 * gap, 0.1 * span * len(lines)) for z, lines in beside.items()}

  def place(run: RunRecord) -> tuple[str, float, float]:
    lines, slot = beside[run.latent], slots[run.latent]
    middle = (lines.index(run.line) + 0.5) / len(lines) - 0.5
    return run.line, math.log10(run.latent) + slot * middle, 0.9 * slot / len(lines)

  margin = max(slots.values()) / 2 + 0.03 * span
  edges = math.log10(latents[0]) - margin, math.log10(latents[-1]) + margin
  look = score_panels.look_of(everything or all_scores, "line")
  figure, panels = _points(all_scores, title, runs, look, place, "line: through the latents")
  for panel in panels:
    _label_latents(panel, latents, edges)
  return figure


@style.context(STYLE, after_reset=True)
def by_setting(
  all_scores: Sequence[Scores], title: str = "", everything: Sequence[Scores] = ()
) -> Figure:
  """Each score of each setting, side by side. Arguments as in `against_latent`."""
  runs = score_panels.all_runs(all_scores)
  names = list(dict.fromkeys(run.setting for run in runs))
  ticks = _ticks(names, len(all_scores))

  def place(run: RunRecord) -> tuple[str, float, float]:
    return run.setting, names.index(run.setting), min(0.6, 0.25 * len(names))

  look = score_panels.look_of(everything or all_scores)
  figure, panels = _points(all_scores, title, runs, look, place, "", numbered=not ticks)
  for panel in panels:
    panel.set_xlim(-0.6, len(names) - 0.4)
    room = panel.get_position().width * panel.figure.bbox.width / len(names)
    stride = 1 if ticks else math.ceil((plots.text_width(str(len(names)), 8.5) + 8) / room)
    panel.xaxis.set_major_locator(FixedLocator(range(0, len(names), stride)))
    panel.set_xticklabels(ticks or range(1, len(names) + 1, stride))
    panel.set_xlabel("" if ticks else "setting")
  return figure


def _ticks(names: list[str], panels: int) -> list[str]:
  """The settings' names below their places, on two lines at most; [] if there is no room."""
  across = 1000 if panels == 1 else 650 if panels in (2, 4) else 400
  room = across / len(names) - 12
  wrapped = [plots.wrap(name, 8.5, room) for name in names]
  fit = all(plots.text_width(text, 8.5) <= room and text.count("\n") < 2 for text in wrapped)
  return wrapped if fit else []


def _points(
  all_scores: Sequence[Scores],
  title: str,
  runs: list[RunRecord],
  look: dict[str, plots.Look],
  place: Callable,
  joined: str,
  numbered: bool = False,
):
  """Panels with each seed, and the middle of each setting with its interval.

  `place` tells of a run its colour's key, and the middle and the width of where its setting stands.
  """
  axes = [  # that hold the runs and the floor
    score_panels.axis_for(s, s.values, [run.setting for run in s.runs], score_panels.floors_of(s))
    for s in all_scores
  ]
  by, line = ("line", {}) if joined else ("setting", {"linestyle": "none"})
  handles = score_panels.handles_of(runs, look, by, numbered, marker="o", **line)
  handles += score_panels.floor_mark(all_scores) + score_panels.failed_mark(all_scores)
  figure, panels = score_panels.frame(
    all_scores, axes, title, handles, _caption(all_scores, axes, joined)
  )
  for panel, scores, axis in zip(panels, all_scores, axes, strict=True):
    groups = [_Group(*place(scores.runs[rows[0]]), rows) for rows in scores.settings.values()]
    for group in groups:
      _draw_seeds(panel, scores, axis, group, look[group.key].color)
      _draw_middle(panel, scores, group, look[group.key].color)
    for name, own in grouped(groups, lambda group: group.key).items() if joined else ():
      _join(panel, scores, own, look[name])
  return figure, panels


def _caption(all_scores: Sequence[Scores], axes: list[Axis], joined: str) -> str:
  marks = "Point: one seed. Diamond and bar: interquartile mean and its 95% interval (BCa)"
  text = f"{marks}{joined and f'; {joined}'}."
  if any(len(rows) < statistics.ENOUGH for s in all_scores for rows in s.settings.values()):
    text += f" With less than {statistics.ENOUGH} seeds the interval is too narrow."
  if any(run.failed for run in score_panels.all_runs(all_scores)):
    text += " Cross: a run that failed, at the worse edge where it has no figure."
  if any("not shown" in axis.note for axis in axes):
    text += " Triangle: beyond the axis."
  return text


def _draw_seeds(panel, scores: Scores, axis: Axis, group: _Group, color) -> None:
  values, n = scores.values[group.rows], len(group.rows)
  failed = np.array([scores.runs[r].failed for r in group.rows])
  x = group.x + group.width * (0.7 * (np.arange(n) + 0.5) / n - 0.5)
  y, above, below = np.clip(values, axis.low, axis.high), values > axis.high, values < axis.low
  for chosen, mark in (
    (failed & ~np.isnan(values), CROSS | {"markersize": 5}),
    (~failed & above, score_panels.DOT | {"marker": "^", "markersize": 4}),
    (~failed & below, score_panels.DOT | {"marker": "v", "markersize": 4}),
    (~failed & ~above & ~below, score_panels.DOT),
  ):
    if chosen.any():
      gid = "failed" if mark["marker"] == "x" else "seed"
      panel.plot(x[chosen], y[chosen], color=color, linestyle="none", gid=gid, **mark)
  nowhere = x[np.isnan(values)]
  if nowhere.size:
    # In parts of the panel's height, between its edge and all figures.
    worse = np.full(len(nowhere), 0.97 if scores.score.better == "lower" else 0.03)
    cross = CROSS | {"markersize": 5, "transform": panel.get_xaxis_transform()}
    panel.plot(nowhere, worse, color=color, linestyle="none", gid="nowhere", **cross)


def _draw_middle(panel, scores: Scores, group: _Group, color) -> None:
  told = measures.summary(scores.counted[group.rows], scores.score.better)
  if np.isfinite(told.iqm):
    if np.isfinite(told.of_iqm).all():
      panel.plot([group.middle] * 2, told.of_iqm, color=color, gid="interval", **_BAR)
    panel.plot(group.middle, told.iqm, color=color, gid="middle", **_DIAMOND)


_BAR = {"linewidth": 1.5, "zorder": 3}


_DIAMOND = {
  "marker": "D", "markersize": 4.5, "markeredgecolor": "white", "markeredgewidth": 0.7, "zorder": 4,
}  # fmt: skip


def _join(panel, scores: Scores, groups: list[_Group], look: plots.Look) -> None:
  better = scores.score.better
  middles = [measures.summary(scores.counted[group.rows], better).iqm for group in groups]
  known = sorted((g.middle, y) for g, y in zip(groups, middles, strict=True) if np.isfinite(y))
  if len(known) > 1:
    line = {"color": look.color, "linestyle": look.dashes, "linewidth": 1.2, "alpha": 0.8}
    panel.plot(*zip(*known, strict=True), gid="line", zorder=2, **line)


def _label_latents(panel, latents: list[int], edges: tuple[float, float]) -> None:
  """The latents that there are, those left out that have no room; the axis is log10."""
  panel.set_xlim(*edges)
  across = panel.get_position().width * panel.figure.bbox.width
  scale = across / (edges[1] - edges[0])
  shown, last = [], -math.inf
  for latent in latents:
    half = plots.text_width(f"{latent:,}", 8.5) / 2 + 5
    if math.log10(latent) * scale - half >= last:
      shown.append(latent)
      last = math.log10(latent) * scale + half
  panel.xaxis.set_major_locator(FixedLocator(np.log10(shown)))
  panel.xaxis.set_minor_locator(FixedLocator(np.log10(latents)))
  panel.set_xticklabels([f"{latent:,}" for latent in shown])
  panel.set_xlabel("latent size")
