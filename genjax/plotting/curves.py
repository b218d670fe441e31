"""Curves of training, and the KL of each latent dimension: every run, and what its setting does."""

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import style
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from genjax.plotting import plots, thinning
from genjax.plotting.axes import (
  METRICS,
  Axis,
  _known,
  _limits,
  _outside,
  axis_of,
  metric_of,
  set_y,
  spread,
)


def _finite(values: np.ndarray) -> np.ndarray:
  return np.where(np.isfinite(values), values, np.nan).astype(np.float64)


@style.context(plots.STYLE, after_reset=True)
def curves(
  history: Mapping[str, tuple[np.ndarray, np.ndarray]],
  labels: Sequence[plots.RunLabel],
  title: str = "",
  settings: Sequence[str] | None = None,
) -> Figure:
  """A panel for each metric, in the order of `METRICS`: median, band over the seeds, and each seed.

  Of many runs some are drawn apart, and of very many settings some (thinning.py); medians and bands
  are always of all runs.

  Args:
    history: from a metric's name to its steps [S] and values [R, S], NaN where a run has none.
      Nothing that a run logged after its failure is drawn.
    labels: the R runs, in the order of the values.
    settings: all settings of the sweep, where `labels` has only some: keeps their colours.

  Raises:
    ValueError: no metric, or values whose shape does not fit.
  """
  if not history:
    raise ValueError("history is empty: expected at least one metric")
  look, kept, left_out = _kept(labels, settings)
  history = {
    name: _while_sound(name, *history[name], labels) for name in sorted(history, key=_place)
  }
  history = {name: (steps, values[kept]) for name, (steps, values) in history.items()}
  labels = [labels[r] for r in kept]
  metrics = [metric_of(name) for name in history]
  axes = [axis_of(m, v, labels) for m, (_, v) in zip(metrics, history.values(), strict=True)]
  heads = [plots.Head(m.title, a.note) for m, a in zip(metrics, axes, strict=True)]
  end = max(np.max(steps, initial=0) for steps, _ in history.values())
  end = max(end, *(label.failed_at for label in labels)) or 1
  figure, panels = plots.panel_grid(
    heads, title, _handles(labels, look), _caption(labels, axes, history) + left_out, f"{end:,.0f}"
  )
  for panel, axis, (steps, values) in zip(panels, axes, history.values(), strict=True):
    panel.set_xlim(0, end * 1.02)
    panel.xaxis.set_major_formatter(FuncFormatter(lambda step, _: f"{step:,.0f}"))
    panel.set_xlabel("step" if panel.xaxis.get_tick_params()["labelbottom"] else "")
    set_y(panel, axis)
    _draw(panel, steps, values, labels, look)
  return figure


def _kept(labels: Sequence[plots.RunLabel], settings: Sequence[str] | None = None):
  """The looks of settings, the places of the runs of those that are drawn, and what that leaves."""
  groups = plots.by_setting(labels)
  drawn = thinning.spread(list(groups))
  kept = sorted(itertools.chain(*(groups[setting] for setting in drawn)))
  left_out = f" Of {len(groups):,} settings {len(drawn)} are drawn, evenly spread."
  return plots.looks(settings or drawn), kept, left_out if len(drawn) < len(groups) else ""


def _place(name: str) -> int:
  """Where a metric's panel stands; those without an entry come last, as they came."""
  base = name.removeprefix("val_")
  return list(METRICS).index(base) if base in METRICS else len(METRICS)


def _while_sound(name: str, steps, values, labels: Sequence[plots.RunLabel]):
  """Steps [S] and finite values [R, S], NaN elsewhere and after a run's failure."""
  steps, values = np.asarray(steps), _finite(plots.checked(values, labels, name))
  if steps.shape != values.shape[1:]:
    raise ValueError(f"{name} has steps {steps.shape} for values {values.shape}")
  failed_at = np.array([label.failed_at for label in labels])[:, None]
  return steps, np.where((failed_at >= 0) & (steps > failed_at), np.nan, values)


def _draw(panel, steps, values: np.ndarray, labels: Sequence[plots.RunLabel], look) -> None:
  dot = "." if len(steps) <= 12 else None  # few points, as of an evaluation: show where they are
  single, apart = len(steps) == 1, _apart(labels)
  thin = {"alpha": 0.45, "linewidth": 0.5, "marker": "." if single else None, "markersize": 3}
  for setting, rows in plots.by_setting(labels).items():
    color, dashes = look[setting]
    low, middle, high = spread(values[rows])
    if len(rows) > 1:
      if single:
        panel.vlines(steps, low, high, color=color, alpha=0.4, linewidth=4, gid="band")
      else:
        panel.fill_between(steps, low, high, color=color, alpha=0.18, linewidth=0, gid="band")
      for r in apart.intersection(rows):
        panel.plot(steps, values[r], color=color, gid="seed", zorder=2, **thin)
    line = {"color": color, "linestyle": dashes, "linewidth": 1.6, "marker": dot, "zorder": 3}
    panel.plot(steps, middle, gid="median", **line)
    if failed := [r for r in rows if labels[r].failed]:
      ends = [_end(steps, values[r], labels[r].failed_at, panel.get_ylim()) for r in failed]
      panel.plot(*zip(*ends, strict=True), color=color, linestyle="none", gid="failed", **CROSS)


def _apart(labels: Sequence[plots.RunLabel]) -> set[int]:
  """The places of the runs that are drawn one by one."""
  return set(thinning.some([label.setting for label in labels], thinning.LINES))


def _end(
  steps, values: np.ndarray, failed_at: int, limits: tuple[float, float]
) -> tuple[float, float]:
  """Where the curve of a run that failed ends, its step and its value."""
  known = np.flatnonzero(~np.isnan(values))
  if not known.size:
    return failed_at, limits[0]
  # Clamped: the value with which a run failed is often far beyond the axis.
  return steps[known[-1]], np.clip(values[known[-1]], *limits)


CROSS = {"marker": "x", "markersize": 6, "markeredgewidth": 1.7, "clip_on": False, "zorder": 5}


def _handles(labels: Sequence[plots.RunLabel], look: dict[str, plots.Look]) -> list[Line2D]:
  handles = []
  for setting, rows in plots.by_setting(labels).items():
    line = {"color": look[setting].color, "linestyle": look[setting].dashes, "linewidth": 2}
    handles.append(Line2D([], [], label=plots._named(setting, rows, labels), **line))
  if any(label.failed for label in labels):
    handles.append(failed_mark())
  return handles


def failed_mark() -> Line2D:
  """What a legend says of the crosses."""
  cross = {k: v for k, v in CROSS.items() if k.startswith("marker")}
  return Line2D([], [], color=plots.INK, linestyle="none", label="a run failed", **cross)


def _caption(labels: Sequence[plots.RunLabel], axes: list[Axis], history: Mapping) -> str:
  sizes = {len(rows) for rows in plots.by_setting(labels).values()}
  many, few = max(sizes) >= 4, not sizes.isdisjoint({2, 3})
  quartiles, extremes = "25 to 75% of the seeds", "minimum to maximum"
  both = f"{quartiles} ({extremes} where n < 4)"
  band = both if many and few else quartiles if many else extremes
  text = "One seed a setting: no band."
  if many or few:
    seeds = f"{thinning.LINES} runs at most" if len(labels) > thinning.LINES else "each seed"
    single = all(len(steps) == 1 for steps, _ in history.values())
    line, area, thin = ("Point", "Bar", "Small") if single else ("Line", "Band", "Thin")
    text = f"{line}: median over the seeds. {area}: {band}. {thin}: {seeds}."
  if any(label.failed for label in labels):
    text += " A failed run counts up to its failure."
  if not all(had for _, values in history.values() for had in _failures(values, labels)):
    text += " Cross on the x axis: a run that failed at that step, before it had a value."
  if any("not shown" in axis.note for axis in axes):
    text += " Not shown: values beyond the axis."
  return text


def _failures(values: np.ndarray, labels: Sequence[plots.RunLabel]) -> list[bool]:
  """For each run that failed, whether it had a value before."""
  return [_known(values[r]).size > 0 for r, label in enumerate(labels) if label.failed]


@style.context(plots.STYLE, after_reset=True)
def kl_per_dimension(values: np.ndarray, labels: Sequence[plots.RunLabel]) -> Figure:
  """A panel for each setting: the KL of its latent dimensions, the largest first.

  Args:
    values: nats [R, Z], NaN beyond a run's latent. Each run's dimensions are sorted by themselves:
      the third of one seed has nothing to do with the third of another.
    labels: as in `curves`.

  Raises:
    ValueError: values whose shape does not fit.
  """
  values = -np.sort(-_finite(plots.checked(values, labels, "values")), axis=1)  # NaN last
  look, kept, left_out = _kept(labels)
  values, labels = values[kept], [labels[r] for r in kept]
  groups, apart = plots.by_setting(labels), _apart(labels)
  axis = _axis_of_bars(values, labels)
  heads = [
    plots.Head(plots._named(setting, rows, labels), _total(values[rows], axis))
    for setting, rows in groups.items()
  ]
  seed = f"a seed, {thinning.LINES} at most in all" if len(labels) > thinning.LINES else "one seed"
  caption = f"Bar: median over the seeds. Point: {seed}, its dimensions sorted by their own KL."
  failures = _failures(values, labels)
  if any(failures):
    caption += " Cross: a seed that failed."
  if not all(failures):
    caption += " Without a mark: a seed that failed before it had a value."
  title = "KL of each latent dimension (nats)"
  figure, panels = plots.panel_grid(heads, title, [], caption + left_out)
  for panel, (setting, rows) in zip(panels, groups.items(), strict=True):
    set_y(panel, axis)
    points = [(values[r], labels[r].failed) for r in rows if r in apart]
    _draw_dimensions(panel, values[rows], points, look[setting].color)
  return figure


def _axis_of_bars(values: np.ndarray, labels: Sequence[plots.RunLabel]) -> Axis:
  if not _known(values).size:
    return Axis(0, 1, None, "")
  _, high = _limits(values, labels, trimmed=0)  # a few large dimensions are the point
  return Axis(min(0, _known(values).min()) - 0.015 * high, high, None, "")


def _total(values: np.ndarray, axis: Axis) -> str:
  totals = [_known(row).sum() for row in values if _known(row).size]
  total = f"median total {np.median(totals):.3g} nats" if totals else "no finite value"
  return "\n".join(filter(None, [total, _outside(values, axis.low, axis.high)]))


def _draw_dimensions(panel, values: np.ndarray, points: list[tuple], color) -> None:
  """A bar of the median of all values [n, Z]; `points` are a run's [Z], and whether it failed."""
  Z = max(1, (~np.isnan(values)).any(0).sum())
  dimensions, values = np.arange(1, Z + 1), values[:, :Z]
  panel.bar(dimensions, spread(values)[1], 0.8, color=color, alpha=0.35, linewidth=0, gid="median")
  for row, failed in points:
    mark = {"marker": "x", "markersize": 4} if failed else {"marker": "o"}
    mark = {"markersize": 2.4, "markeredgewidth": 0.8, "linestyle": "none", **mark}
    panel.plot(dimensions, row[:Z], color=color, alpha=0.8, gid="seed", **mark)
  panel.set_xlim(0.3, max(Z, 5) + 0.7)
  panel.set_xlabel("dimension, by KL")
  locator = MaxNLocator(5, steps=[1, 2, 5, 10], integer=True)
  panel.xaxis.set_major_locator(FixedLocator(dimensions) if Z <= 10 else locator)
