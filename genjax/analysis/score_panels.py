"""What figures of scores share: panels, their axes, marks and legends."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from matplotlib.lines import Line2D

from genjax.analysis import conditions
from genjax.analysis.recorded_scores import Scores
from genjax.analysis.workdirs import RunRecord
from genjax.plotting import curves, plots, thinning
from genjax.plotting.axes import Axis, Metric, axis_of
from genjax.plotting.plots import INK, Head, RunLabel


def unique(names: Iterable[str]) -> list[str]:
  return list(dict.fromkeys(names))


def look_of(found: Sequence[Scores]) -> dict[str, plots.Look]:
  """Of each setting."""
  return plots.looks(unique(run.setting for run in all_runs(found)))


def all_runs(found: Sequence[Scores]) -> list[RunRecord]:
  """The runs of all these scores that have a figure or failed."""
  runs = {}
  for scores in found:
    for run, known in zip(scores.runs, scores.known, strict=True):
      if known:
        runs[run.setting, run.seed] = run
  return list(runs.values())


def thinned(
  found: Sequence[Scores], every: Sequence[Scores], by_line: bool
) -> tuple[list[Scores], list[Scores], str]:
  """Both lists with as many settings as a figure can tell apart, and how many for its title.

  Args:
    found: what a figure is of.
    every: all scores of a comparison, which say what there is.
    by_line: whether settings are told apart by all but their latent.
  """

  def name(run: RunRecord) -> str:
    return run.line if by_line else run.setting

  names = unique(map(name, all_runs(found)))
  others = [run for run in unique(map(name, all_runs(every))) if run not in set(names)]
  kept = set(thinning.spread(names)) | set(thinning.spread(others))
  if len(kept) == len(names) + len(others):
    return list(found), list(every), ""
  what = "lines" if by_line else "settings"
  some = f", {thinning.SETTINGS} of {len(names):,} {what}" if len(names) > thinning.SETTINGS else ""

  def of_kept(scores: Scores) -> Scores:
    rows = np.array([name(run) in kept for run in scores.runs])
    runs = [run for run, chosen in zip(scores.runs, rows, strict=True) if chosen]
    values, steps, floors = (a[rows] for a in (scores.values, scores.steps, scores.floors))
    return scores._replace(runs=runs, values=values, steps=steps, floors=floors)

  return [of_kept(scores) for scores in found], [of_kept(scores) for scores in every], some


def named_runs(runs: list[RunRecord], key: Callable[[RunRecord], str]) -> dict[str, str]:
  """Each key with the number of its seeds, and of those that failed."""
  groups, names = {}, {}
  for run in runs:
    groups.setdefault(key(run), []).append(run)
  for name, own in groups.items():
    sizes = Counter(run.setting for run in own).values()
    low, high = min(sizes), max(sizes)
    count = f"{low}" if low == high else f"{low} to {high}"
    each = " each" if len(sizes) > 1 else ""
    failed = sum(run.failed for run in own)
    names[name] = f"{name} (n={count}{each}{f', {failed} failed' if failed else ''})"
  return names


# Fractions and the like, whose differences count and not their ratios.
_NEVER_LOGARITHMIC = {
  "precision", "recall", "density", "coverage", "classifier_score", "modes", "label_agreement",
  "cas", "jsd", "class_jsd", "memorised",
}  # fmt: skip


def axis_for(
  scores: Scores, values: np.ndarray, settings: list[str], floors: Sequence[float] = ()
) -> Axis:
  """For figures [N] of these settings, and floors; logarithmic where they are orders apart."""
  names = [*settings, *("real test images" for _ in floors)]
  values = np.append(np.where(np.isinf(values), np.nan, values), floors)
  metric = Metric("", wide=scores.name not in _NEVER_LOGARITHMIC)
  return axis_of(metric, values[:, None], [RunLabel(0, name, -1) for name in names])


def floors_of(scores: Scores) -> list[float]:
  """One, or some where workdirs measured it for themselves."""
  return sorted(set(scores.floors[~np.isnan(scores.floors)]))


def head_of(scores: Scores, axis: Axis) -> Head:
  better = f"{scores.score.better} is better" if scores.score.better else ""
  return Head(scores.score.title, "\n".join(filter(None, [better, axis.note])))


def handle_of(label: str, look: plots.Look, marker: str | None = None, line="") -> Line2D:
  dashes = line or look.dashes
  options = {"marker": marker, "markersize": 5, "linewidth": 2, "linestyle": dashes}
  return Line2D([], [], color=look.color, label=label, **options)


def marks_of(found: Sequence[Scores]) -> list[Line2D]:
  """What the legend says besides the settings."""
  handles = []
  if any(not np.isnan(scores.floors).all() for scores in found):
    handles.append(Line2D([], [], label="real test images", **_FLOOR))
  if any(run.failed for run in all_runs(found)):
    handles.append(curves.failed_mark())
  return handles


_FLOOR = {"color": INK, "linestyle": (0, (4, 3)), "linewidth": 1.0}


def protocol_of(found: Sequence[Scores]) -> str:
  return f"{conditions.in_words(found[0])}; protocol {found[0].protocol}."


DOT = {"marker": "o", "markersize": 3, "alpha": 0.55, "markeredgewidth": 0, "clip_on": False}


def draw_floor(panel, scores: Scores) -> None:
  for floor in floors_of(scores):
    panel.axhline(floor, gid="floor", zorder=1, **_FLOOR)
