"""What figures of scores share: panels, their axes, marks and legends."""

import operator
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.lines import Line2D

from genjax.analysis import conditions
from genjax.analysis.recorded_scores import Scores
from genjax.analysis.workdirs import RunRecord
from genjax.plotting import curves, plots, thinning
from genjax.plotting.axes import Axis, Quantity, axis_of, set_y
from genjax.plotting.plots import INK, Head, RunLabel
from genjax.types import grouped


def look_of(all_scores: Sequence[Scores], by: str = "setting") -> dict[str, plots.Look]:
  """Of each setting, or of each "line"."""
  return plots.looks([getattr(run, by) for run in all_runs(all_scores)])


def all_runs(all_scores: Sequence[Scores]) -> list[RunRecord]:
  """The runs of all these scores that have a figure or failed, by some score at least."""
  runs = {}
  for scores in all_scores:
    for run, known, failed in zip(scores.runs, scores.known, scores.failed, strict=True):
      if failed:
        runs[run.setting, run.seed] = run._replace(status="failed")
      elif known:
        runs.setdefault((run.setting, run.seed), run)
  return list(runs.values())


def thinned(
  all_scores: Sequence[Scores], every: Sequence[Scores], by: str
) -> tuple[list[Scores], list[Scores], str]:
  """Both lists with as many settings as a figure can tell apart, and how many for its title.

  Args:
    all_scores: what a figure is of.
    every: all scores of a comparison, which say what there is.
    by: what tells runs apart: their "setting", or but for their latent their "line".
  """
  name = operator.attrgetter(by)
  names = list(dict.fromkeys(map(name, all_runs(all_scores))))
  others = [run for run in dict.fromkeys(map(name, all_runs(every))) if run not in set(names)]
  kept = set(thinning.spread(names)) | set(thinning.spread(others))
  if len(kept) == len(names) + len(others):
    return list(all_scores), list(every), ""
  some = f", {thinning.SETTINGS} of {len(names):,} {by}s" if len(names) > thinning.SETTINGS else ""

  def of_kept(scores: Scores) -> Scores:
    return scores.only(np.flatnonzero([name(run) in kept for run in scores.runs]))

  return [of_kept(scores) for scores in all_scores], [of_kept(scores) for scores in every], some


# Fractions and the like, whose differences count and not their ratios.
_NEVER_LOGARITHMIC = {
  "precision", "recall", "density", "coverage", "classifier_score", "modes", "label_agreement",
  "cas", "jsd", "class_jsd", "memorised",
}  # fmt: skip


def axis_for(
  scores: Scores, values: np.ndarray, settings: list[str], floors: Sequence[float] = ()
) -> Axis:
  """For figures [N] of these settings, and floors; logarithmic where they are orders apart."""
  names = [*settings, *("real images" for _ in floors)]
  values = np.append(np.where(np.isinf(values), np.nan, values), floors)
  metric = Quantity("", wide=scores.name not in _NEVER_LOGARITHMIC)
  return axis_of(metric, values[:, None], [RunLabel(0, name, -1) for name in names])


def floors_of(scores: Scores) -> list[float]:
  """One, or some where workdirs measured it for themselves."""
  return sorted(set(scores.floors[~np.isnan(scores.floors)]))


def frame(
  all_scores: Sequence[Scores],
  axes: Sequence[Axis],
  title: str,
  handles: list[Line2D],
  caption: str,
):
  """A figure and its panels, a score each, with its floor."""
  heads = []
  for scores, axis in zip(all_scores, axes, strict=True):
    better = f"{scores.score.better} is better" if scores.score.better else ""
    heads.append(Head(scores.score.title, "\n".join(filter(None, [better, axis.note]))))
  figure, panels = plots.panel_grid(heads, title, handles, captioned(caption, all_scores))
  for panel, scores, axis in zip(panels, all_scores, axes, strict=True):
    set_y(panel, axis)
    for floor in floors_of(scores):
      panel.axhline(floor, gid="floor", zorder=1, **_FLOOR)
  return figure, panels


def handles_of(
  runs: list[RunRecord],
  look: Mapping[str, plots.Look],
  by: str = "setting",
  numbered: bool = False,
  **options,
) -> list[Line2D]:
  """What the legend says of what runs are told apart by: how many seeds, and how many failed."""
  handles = []
  for name, own in grouped(runs, operator.attrgetter(by)).items():
    sizes = Counter(run.setting for run in own).values()
    low, high = min(sizes), max(sizes)
    count = f"{low}" if low == high else f"{low} to {high}"
    each = " each" if len(sizes) > 1 else ""
    failed = sum(run.failed for run in own)
    label = f"{name} (n={count}{each}{f', {failed} failed' if failed else ''})"
    label = f"{len(handles) + 1}  {label}" if numbered else label
    line = {"color": look[name].color, "linestyle": look[name].dashes, "linewidth": 2}
    handles.append(Line2D([], [], label=label, markersize=5, **line | options))
  return handles


def floor_mark(all_scores: Sequence[Scores]) -> list[Line2D]:
  """What the legend says of real images, where a score of theirs is known."""
  known = [scores for scores in all_scores if not np.isnan(scores.floors).all()]
  label = conditions.real_images(str(scores.record.get("split", "test")) for scores in known)
  return [Line2D([], [], label=label, **_FLOOR)] if known else []


def failed_mark(all_scores: Sequence[Scores]) -> list[Line2D]:
  """And of crosses, where there are some."""
  return [curves.failed_mark()] if any(run.failed for run in all_runs(all_scores)) else []


_FLOOR = {"color": INK, "linestyle": (0, (4, 3)), "linewidth": 1.0}


def captioned(caption: str, all_scores: Sequence[Scores]) -> str:
  """With the protocol below."""
  return f"{caption}\n{conditions.in_words(all_scores[0])}; protocol {all_scores[0].protocol}."


DOT = {"marker": "o", "markersize": 3, "alpha": 0.55, "markeredgewidth": 0, "clip_on": False}
