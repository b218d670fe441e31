"""Figures of many runs: curves of training, the KL of each latent dimension.

Galleries of images (galleries.py) stand on the same pages, with the same colours.

Every figure shows all seeds, says how many there are, and marks the runs that failed. Nothing here
touches pyplot: a figure belongs to its caller, and a user's matplotlibrc does not change it.

Axes: R runs, S logged steps, Z latent. Lengths are in pixels of the PNG.
"""

import io
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import matplotlib
import numpy as np
from matplotlib import style
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from genjax import files

# A figure 1,800 wide is shown 900 wide in a page: there, text of 9 points is 12 pixels high.
DPI = 200
INK, FAINT = "#222222", "#666666"
STYLE = {
  "font.family": "DejaVu Sans",  # comes with matplotlib, so every machine draws the same
  "text.parse_math": False,  # a $ in a user's title is a $
  "text.color": INK,
  "font.size": 9,
  "axes.edgecolor": FAINT,
  "axes.grid": True,
  "axes.grid.axis": "y",
  "axes.axisbelow": True,
  "axes.labelcolor": INK,
  "axes.labelsize": 8.5,
  "axes.spines.right": False,
  "axes.spines.top": False,
  "axes.titlelocation": "left",
  "axes.titlesize": 9.5,
  "axes.titleweight": "bold",
  "axes.unicode_minus": True,
  "grid.color": "#E6E6E6",
  "grid.linewidth": 0.6,
  "legend.fontsize": 9,
  "legend.frameon": False,
  "xtick.labelsize": 8.5,
  "ytick.labelsize": 8.5,
  "xtick.color": FAINT,
  "ytick.color": FAINT,
  "xtick.labelcolor": INK,
  "ytick.labelcolor": INK,
}

# Okabe and Ito, safe for colour-blind eyes. Grey stands for their yellow, unreadable on white.
PALETTE = [
  "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#222222", "#999999",
]  # fmt: skip
STEPS = [1, 2, 2.5, 5, 10]  # between the ticks of a linear axis, times a power of ten
DASHES = ["solid", (0, (4, 1.5)), (0, (1, 1.2)), (0, (5, 1.2, 1, 1.2))]


# Of fewer points than that, as of a run's validations, each is shown but an explosion: one that is
# so many times as large as the others.
FEW, EXPLOSION = 20, 100


class Metric(NamedTuple):
  title: str
  limits: tuple[float, float] | None = None  # of the y axis, where they are known beforehand
  wide: bool = False  # settings may differ by orders of magnitude: then the axis is logarithmic


METRICS = {
  "loss": Metric("loss (nats)"),
  "kl": Metric("KL (nats)"),
  "reconstruction": Metric("reconstruction (nats)"),
  "generator_loss": Metric("generator loss", wide=True),
  "critic_loss": Metric("critic loss", wide=True),
  "critic_gap": Metric("critic gap: real - generated", wide=True),
  "accuracy_real": Metric("discriminator accuracy on real images", (0, 1)),
  "accuracy_generated": Metric("discriminator accuracy on generated images", (0, 1)),
  "critic_gradient_norm": Metric("critic gradient norm", wide=True),
  "penalty": Metric("critic penalty", wide=True),
  "clip_fraction": Metric("weights at the clip bound (fraction)"),
  "training_jsd": Metric("Jensen-Shannon bound of the training discriminator (nats)"),
  "swd": Metric("sliced Wasserstein distance"),
}


def drawable(classes: Sequence[str]) -> tuple[str, ...]:
  """The names of classes for figures: their numbers where the figures' font lacks a letter."""
  font = get_font(findfont(FontProperties(family=STYLE["font.family"])))
  known = all(font.get_char_index(ord(letter)) for letter in "".join(classes))
  return tuple(classes) if known else tuple(map(str, range(len(classes))))


def metric_of(name: str) -> Metric:
  """An entry of METRICS, also for its value on validation images; unknown names are titles."""
  if name.startswith("val_") and (metric := METRICS.get(name.removeprefix("val_"))):
    return metric._replace(title=f"{metric.title}, validation")
  return METRICS.get(name, Metric(name))


class RunLabel(NamedTuple):
  """How the figures know a run."""

  seed: int
  setting: str  # what tells runs apart besides the seed, as "latent 10, clip 0.01"; "" if nothing
  failed_at: int  # the step at which the run failed, -1 where it did not
  about: str = ""  # of a gallery's row that is not simply a run's


class Look(NamedTuple):
  color: str | tuple
  dashes: str | tuple


def looks(settings: Sequence[str]) -> dict[str, Look]:
  """A colour and a dash pattern for each setting, the same in every figure of a sweep.

  Up to eight settings take the palette in their order. More than eight that differ in one number
  take a sequential map in the order of that number, and others repeat the palette with dashes.
  """
  settings = list(dict.fromkeys(settings))
  numbers = _only_number(settings)
  if len(settings) > len(PALETTE) and numbers:
    rank = {s: i for i, s in enumerate(sorted(settings, key=numbers.get))}
    shades = matplotlib.colormaps["viridis"](np.linspace(0, 0.88, len(settings)))  # no pale yellow
    return {s: Look(tuple(shades[rank[s]]), "solid") for s in settings}
  N, D = len(PALETTE), len(DASHES)
  return {s: Look(PALETTE[i % N], DASHES[i // N % D]) for i, s in enumerate(settings)}


def _only_number(settings: list[str]) -> dict[str, float]:
  """The one number in which the settings differ, {} if they differ in more or in words."""
  pattern = r"(?<![\w.])-?\d+(?:\.\d*)?(?:e[-+]?\d+)?"
  if len({re.sub(pattern, "#", s) for s in settings}) != 1:
    return {}
  columns = list(zip(*(map(float, re.findall(pattern, s)) for s in settings), strict=True))
  varying = [c for c in columns if len(set(c)) > 1]
  return dict(zip(settings, varying[0], strict=True)) if len(varying) == 1 else {}


def by_setting(labels: Sequence[RunLabel]) -> dict[str, list[int]]:
  """From each setting to the places of its runs, both in the order of the labels."""
  groups = {}
  for r, label in enumerate(labels):
    groups.setdefault(label.setting, []).append(r)
  return groups


def _named(setting: str, rows: list[int], labels: Sequence[RunLabel]) -> str:
  failed = sum(labels[r].failed_at >= 0 for r in rows)
  name = setting or ("all runs" if len(rows) > 1 else "one run")
  return f"{name} (n={len(rows)}{f', {failed} failed' if failed else ''})"


# Text is measured before it is placed, so that nothing overlaps and nothing is cut off.
_RENDERER = RendererAgg(1, 1, DPI)


def text_width(text: str, size: float, weight: str = "normal") -> float:
  """Width of the widest line, in pixels, of text of this size in points."""
  font = FontProperties(family=STYLE["font.family"], weight=weight, size=size)
  lines = text.split("\n")
  return max(_RENDERER.get_text_width_height_descent(line, font, False)[0] for line in lines)


def wrap(text: str, size: float, width: float, weight: str = "normal") -> str:
  """Breaks lines between words, so that none is wider than that, but for a single word."""
  lines = []
  for line in text.split("\n"):
    lines.append("")
    for word in line.split():
      longer = f"{lines[-1]} {word}".strip()
      if lines[-1] and text_width(longer, size, weight) > width:
        lines.append(word)
      else:
        lines[-1] = longer
  return "\n".join(lines)


def text_height(text: str, size: float) -> float:
  """Height of all lines, 0 where there is no text."""
  return len(text.split("\n")) * size * 1.25 * DPI / 72 if text else 0.0


def tick_label(value: float, _position=None) -> str:
  return f"{value:,.6g}".replace("-", "\N{MINUS SIGN}")


class Page:
  """A blank figure on which places are pixels from the top left."""

  def __init__(self, width: float, height: float):
    self.width, self.height = int(np.ceil(width)), int(np.ceil(height))
    self.figure = Figure(figsize=(self.width / DPI, self.height / DPI), dpi=DPI, facecolor="white")
    FigureCanvasAgg(self.figure)

  def text(self, x: float, y: float, text: str, size: float, up: float = 0, **kwargs) -> None:
    """`up` is the share of the text's height that is above y: 0 hangs from y, 1 stands on it."""
    y -= up * text_height(text, size)
    # Line by line, on baselines of our own: matplotlib's depend on the letters in the text.
    for i, line in enumerate(text.split("\n")):
      baseline = 1 - (y + text_height("x", size) * (i + 0.78)) / self.height
      self.figure.text(x / self.width, baseline, line, size=size, va="baseline", **kwargs)

  def upright(self, x: float, y: float, text: str, size: float, up: float = 0, **kwargs) -> None:
    y -= up * text_width(text, size)
    place = (x / self.width, 1 - y / self.height)
    self.figure.text(*place, text, size=size, rotation=90, va="top", **kwargs)

  def axes(self, x: float, y: float, width: float, height: float):
    W, H = self.width, self.height
    return self.figure.add_axes((x / W, 1 - (y + height) / H, width / W, height / H))

  def legend(self, x: float, y: float, handles: list, columns: int) -> None:
    spacing = {"handlelength": 1.8, "handletextpad": 0.5, "labelspacing": 0.4, "columnspacing": 1.6}
    place = {"loc": "upper left", "bbox_to_anchor": (x / self.width, 1 - y / self.height)}
    self.figure.legend(
      handles=handles, ncols=columns, borderpad=0, borderaxespad=0, **place, **spacing
    )


class Axis(NamedTuple):
  """The y axis of a panel."""

  low: float
  high: float
  linear: float | None  # half the linear part of a logarithmic (arcsinh) axis, None if it is linear
  note: str  # what a reader must know of it


class Head(NamedTuple):
  """What stands over a panel."""

  title: str
  note: str


def panel_grid(heads: list[Head], title: str, handles: list, caption: str, tick: str = ""):
  """A grid of empty panels under the figure's title and legend, and over its caption.

  `tick` is the widest label of the x axis: the panels leave room for its half. Where it is empty,
  the panels have an axis of their own.
  """
  count = len(heads)
  columns = {1: 1, 2: 2, 4: 2}.get(count, 3)
  width = 1300 if columns == 1 else 1800
  tall = (640, 480, 370)[columns - 1]
  edge, left, right = 40, 150, max(40, text_width(tick, 8.5) / 2 + 8)
  across = width / columns - left - right
  heads = [Head(wrap(h.title, 9.5, across + 30, "bold"), wrap(h.note, 8, across)) for h in heads]
  above = [text_height(h.title, 9.5) + text_height(h.note, 8) + 15 for h in heads]
  above = [max(above[i : i + columns]) for i in range(0, count, columns)]  # of a row of panels
  title = wrap(title, 12, width - 2 * edge, "bold")
  caption = wrap(caption, 8, width - 2 * edge)
  entry = max((text_width(h.get_label(), 9) for h in handles), default=0) + 110
  entries = max(1, min(len(handles), int((width - 2 * edge) / entry)))
  top = edge - 10 + text_height(title, 12) + (20 if title else 0)
  y = top + (-(-len(handles) // entries) * 36 + 24 if handles else 0)
  below = 45 if tick else 115
  bottom = y + sum(above) + len(above) * (tall + below) + (40 if tick else -25)
  page = Page(width, bottom + text_height(caption, 8) + 45)
  page.text(edge, edge - 10, title, 12, weight="bold")
  if handles:
    page.legend(edge, top, handles, entries)
  page.text(edge, bottom + 15, caption, 8, color=FAINT)
  panels = []
  for i, head in enumerate(heads):
    y += above[i // columns] if i % columns == 0 else 0
    x = i % columns * width / columns + left
    panels.append(page.axes(x, y, across, tall))
    page.text(x, y - 10, head.note, 8, 1, color=FAINT)
    over = y - 10 - text_height(head.note, 8)
    page.text(x, over, head.title, 9.5, 1, weight="bold")
    panels[-1].tick_params(length=3, labelbottom=not tick or i + columns >= count)
    if tick:
      ticks = int(np.clip(across / (1.5 * text_width(tick, 8.5)), 2, 5))
      panels[-1].xaxis.set_major_locator(MaxNLocator(ticks, steps=STEPS, integer=True))
    y += tall + below if i % columns == columns - 1 else 0
  return page.figure, panels


def spread(values: np.ndarray) -> np.ndarray:
  """Rows low, median and high, [3, S], of the values [n, S] that are not NaN at each step.

  Low and high are the quartiles from four seeds up, the extremes below; NaN where no seed has a
  value.
  """
  shares = np.array([0.25, 0.5, 0.75] if len(values) >= 4 else [0, 0.5, 1])[:, None]
  ordered = np.sort(values, axis=0)  # NaN last
  last = np.maximum((~np.isnan(values)).sum(0) - 1, 0)
  place = shares * last
  below = np.floor(place).astype(int)
  low = np.take_along_axis(ordered, below, 0)
  high = np.take_along_axis(ordered, np.minimum(below + 1, last), 0)
  return low + (place - below) * (high - low)


def axis_of(metric: Metric, values: np.ndarray, labels: Sequence[RunLabel]) -> Axis:
  """The axis that values [R, S] need, NaN where there is none."""
  if not _known(values).size:
    return Axis(0, 1, None, "no finite value")
  linear = _linear_part(values, labels) if metric.wide else None
  if metric.limits:
    margin = 0.03 * (metric.limits[1] - metric.limits[0])
    low, high = metric.limits[0] - margin, metric.limits[1] + margin
  elif linear:
    low, high = linear * np.sinh(_limits(np.arcsinh(values / linear), labels))
  else:
    low, high = _limits(values, labels)
  note = "log scale, linear near 0" if linear else ""
  return Axis(low, high, linear, "\n".join(filter(None, [note, _outside(values, low, high)])))


def _limits(
  values: np.ndarray, labels: Sequence[RunLabel], trimmed: float = 0.05
) -> tuple[float, float]:
  """Limits that a spike, the first few steps or a run that explodes cannot stretch without bound.

  A run's core leaves out a share of its lowest and of its highest values; of few values it leaves
  out none but an explosion. The limits hold the cores and every value no farther from them than
  their own length, as the whiskers of a box plot do. A core much larger than those of the setting's
  other runs does not count.
  """

  def bound(r: int) -> int:
    """How many times the usual size is too large."""
    return EXPLOSION if values.shape[1] < FEW and labels[r].failed_at < 0 else 10

  cores = {r: _core(v, trimmed) for r in range(len(values)) if (v := _known(values[r])).size}
  sizes = {r: np.abs(core).max() for r, core in cores.items()}
  kept = [
    cores[r]
    for rows in by_setting(labels).values()
    for r in rows
    if r in cores and not sizes[r] > bound(r) * _usual(sizes, rows, labels)
  ]
  low, high = np.min(kept), np.max(kept)
  reach = high - low or np.inf
  near = values[(values >= low - reach) & (values <= high + reach)]
  low, high = near.min(), near.max()
  pad = 0.05 * (high - low) or 0.1 * abs(high) or 0.1
  return low - pad, high + pad


def _core(values: np.ndarray, trimmed: float) -> np.ndarray:
  """The lowest and the highest value that the limits must hold."""
  cut = min(int(np.ceil(trimmed * len(values))), (len(values) - 1) // 2)
  core = np.sort(values)[[cut, -1 - cut]]
  if len(values) >= FEW:
    return core
  ordinary = values[np.abs(values) <= (EXPLOSION * np.abs(core).max() or np.inf)]
  return np.array([ordinary.min(), ordinary.max()])


def _usual(sizes: dict[int, float], rows: list[int], labels: Sequence[RunLabel]) -> float:
  """The median size of a setting's runs that did not fail; if there are none, of any setting's."""
  sound = [r for r in sizes if labels[r].failed_at < 0]
  pool = [r for r in sound if r in rows] or sound or list(sizes)
  return np.median([sizes[r] for r in pool]) or np.inf


def _known(values: np.ndarray) -> np.ndarray:
  return values[~np.isnan(values)]


def _linear_part(values: np.ndarray, labels: Sequence[RunLabel]) -> float | None:
  """The size of the smallest setting's values; None if the settings are of similar sizes."""
  rows = [_known(values[r]) for r in by_setting(labels).values()]
  sizes = [np.median(np.abs(v)) for v in rows if v.size]
  sizes = [s for s in sizes if s > 0]
  return min(sizes) if sizes and max(sizes) > 30 * min(sizes) else None


def _outside(values: np.ndarray, low: float, high: float) -> str:
  above, below = values[values > high], values[values < low]
  parts = []
  if above.size:
    parts.append(f"{above.size:,} above, up to {_short(above.max())}")
  if below.size:
    parts.append(f"{below.size:,} below, down to {_short(below.min())}")
  return f"not shown: {', '.join(parts)}" if parts else ""


def _short(value: float) -> str:
  text = f"{value:,.0f}" if 1e3 <= abs(value) < 1e6 else f"{value:.3g}"
  return text.replace("-", "\N{MINUS SIGN}")


def checked(values, labels: Sequence[RunLabel], name: str, axes: int = 2) -> np.ndarray:
  """An array [R, ...] with so many axes. Raises `ValueError` for any other shape, or no run."""
  values = np.asarray(values)
  if values.ndim != axes or len(values) != len(labels) or not len(labels):
    expected = f"{axes} axes, the first of {len(labels)} runs, at least one"
    raise ValueError(f"{name} has the shape {values.shape}: expected {expected}")
  return values


def _finite(values: np.ndarray) -> np.ndarray:
  return np.where(np.isfinite(values), values, np.nan).astype(np.float64)


@style.context(STYLE, after_reset=True)
def curves(
  history: Mapping[str, tuple[np.ndarray, np.ndarray]],
  labels: Sequence[RunLabel],
  title: str = "",
  settings: Sequence[str] | None = None,
) -> Figure:
  """A panel for each metric, in the order of `METRICS`: median, band over the seeds, and each seed.

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
  look = looks(settings or [label.setting for label in labels])
  history = {
    name: _while_sound(name, *history[name], labels) for name in sorted(history, key=_place)
  }
  metrics = [metric_of(name) for name in history]
  axes = [axis_of(m, v, labels) for m, (_, v) in zip(metrics, history.values(), strict=True)]
  heads = [Head(m.title, a.note) for m, a in zip(metrics, axes, strict=True)]
  end = max(np.max(steps, initial=0) for steps, _ in history.values())
  end = max(end, *(label.failed_at for label in labels)) or 1
  figure, panels = panel_grid(
    heads, title, _handles(labels, look), _caption(labels, axes, history), f"{end:,.0f}"
  )
  for panel, axis, (steps, values) in zip(panels, axes, history.values(), strict=True):
    panel.set_xlim(0, end * 1.02)
    panel.xaxis.set_major_formatter(FuncFormatter(lambda step, _: f"{step:,.0f}"))
    panel.set_xlabel("step" if panel.xaxis.get_tick_params()["labelbottom"] else "")
    set_y(panel, axis)
    _draw(panel, steps, values, labels, look)
  return figure


def _place(name: str) -> int:
  """Where a metric's panel stands; those without an entry come last, as they came."""
  base = name.removeprefix("val_")
  return list(METRICS).index(base) if base in METRICS else len(METRICS)


def _while_sound(name: str, steps, values, labels: Sequence[RunLabel]):
  """Steps [S] and finite values [R, S], NaN elsewhere and after a run's failure."""
  steps, values = np.asarray(steps), _finite(checked(values, labels, name))
  if steps.shape != values.shape[1:]:
    raise ValueError(f"{name} has steps {steps.shape} for values {values.shape}")
  failed_at = np.array([label.failed_at for label in labels])[:, None]
  return steps, np.where((failed_at >= 0) & (steps > failed_at), np.nan, values)


def set_y(panel, axis: Axis) -> None:
  """Scale, ticks and limits of a panel's y axis."""
  if axis.linear:
    panel.set_yscale("asinh", linear_width=axis.linear)
    panel.yaxis.set_major_locator(FixedLocator(decades(axis)))
    panel.yaxis.set_minor_locator(NullLocator())
  else:
    panel.yaxis.set_major_locator(MaxNLocator(5, steps=STEPS))
  panel.yaxis.set_major_formatter(FuncFormatter(tick_label))
  panel.set_ylim(axis.low, axis.high)
  if axis.low < 0 < axis.high:
    panel.axhline(0, color="#AAAAAA", linewidth=0.8, zorder=1)


def decades(axis: Axis) -> list[float]:
  """Zero and some powers of ten, where the axis is logarithmic."""
  first = int(np.ceil(np.log10(axis.linear)))
  last = int(np.floor(np.log10(max(-axis.low, axis.high, axis.linear))))
  both = axis.low < -(10.0**first) and axis.high > 10.0**first
  stride = max(1, -(-(last - first + 1) // (3 if both else 5)))
  powers = np.array([10.0**e for e in range(last, first - 1, -stride)])
  heights = np.arcsinh(np.array([axis.low, axis.high]) / axis.linear)
  clear = 0.09 * np.ptp(heights)  # of the label of zero
  powers = powers[np.arcsinh(powers / axis.linear) > clear]
  return [0.0, *powers, *-powers]


def _draw(panel, steps, values: np.ndarray, labels: Sequence[RunLabel], look) -> None:
  dot = "." if len(steps) <= 12 else None  # few points, as of an evaluation: show where they are
  for setting, rows in by_setting(labels).items():
    color, dashes = look[setting]
    low, middle, high = spread(values[rows])
    if len(rows) > 1:
      panel.fill_between(steps, low, high, color=color, alpha=0.18, linewidth=0, gid="band")
      for r in rows:
        panel.plot(steps, values[r], color=color, alpha=0.45, linewidth=0.5, gid="seed", zorder=2)
    line = {"color": color, "linestyle": dashes, "linewidth": 1.6, "marker": dot, "zorder": 3}
    panel.plot(steps, middle, gid="median", **line)
    for r in (r for r in rows if labels[r].failed_at >= 0):
      known = np.flatnonzero(~np.isnan(values[r]))
      # Clamped: the value with which a run failed is often far beyond the axis.
      low, high = panel.get_ylim()
      end = np.clip(values[r, known[-1]], low, high) if known.size else low
      step = steps[known[-1]] if known.size else labels[r].failed_at
      panel.plot(step, end, color=color, gid="failed", **CROSS)


CROSS = {"marker": "x", "markersize": 6, "markeredgewidth": 1.7, "clip_on": False, "zorder": 5}


def _handles(labels: Sequence[RunLabel], look: dict[str, Look]) -> list[Line2D]:
  handles = []
  for setting, rows in by_setting(labels).items():
    line = {"color": look[setting].color, "linestyle": look[setting].dashes, "linewidth": 2}
    handles.append(Line2D([], [], label=_named(setting, rows, labels), **line))
  if any(label.failed_at >= 0 for label in labels):
    handles.append(failed_mark())
  return handles


def failed_mark() -> Line2D:
  """What a legend says of the crosses."""
  cross = {k: v for k, v in CROSS.items() if k.startswith("marker")}
  return Line2D([], [], color=INK, linestyle="none", label="a run failed", **cross)


def _caption(labels: Sequence[RunLabel], axes: list[Axis], history: Mapping) -> str:
  sizes = {len(rows) for rows in by_setting(labels).values()}
  many, few = max(sizes) >= 4, not sizes.isdisjoint({2, 3})
  quartiles, extremes = "25 to 75% of the seeds", "minimum to maximum"
  both = f"{quartiles} ({extremes} where n < 4)"
  band = both if many and few else quartiles if many else extremes
  text = "One seed a setting: no band."
  if many or few:
    text = f"Line: median over the seeds. Band: {band}. Thin: each seed."
  if any(label.failed_at >= 0 for label in labels):
    text += " A failed run counts up to its failure."
  if not all(had for _, values in history.values() for had in _failures(values, labels)):
    text += " Cross on the x axis: a run that failed at that step, before it had a value."
  if any("not shown" in axis.note for axis in axes):
    text += " Not shown: values beyond the axis."
  return text


def _failures(values: np.ndarray, labels: Sequence[RunLabel]) -> list[bool]:
  """For each run that failed, whether it had a value before."""
  return [_known(values[r]).size > 0 for r, label in enumerate(labels) if label.failed_at >= 0]


@style.context(STYLE, after_reset=True)
def kl_per_dimension(
  values: np.ndarray, labels: Sequence[RunLabel], settings: Sequence[str] | None = None
) -> Figure:
  """A panel for each setting: the KL of its latent dimensions, the largest first.

  Args:
    values: nats [R, Z], NaN beyond a run's latent. Each run's dimensions are sorted by themselves:
      the third of one seed has nothing to do with the third of another.
    labels, settings: as in `curves`.

  Raises:
    ValueError: values whose shape does not fit.
  """
  values = -np.sort(-_finite(checked(values, labels, "values")), axis=1)  # NaN last
  groups, look = by_setting(labels), looks(settings or [label.setting for label in labels])
  axis = _axis_of_bars(values, labels)
  heads = [
    Head(_named(setting, rows, labels), _total(values[rows], axis))
    for setting, rows in groups.items()
  ]
  caption = "Bar: median over the seeds. Point: one seed, its dimensions sorted by their own KL."
  failures = _failures(values, labels)
  if any(failures):
    caption += " Cross: a seed that failed."
  if not all(failures):
    caption += " Without a mark: a seed that failed before it had a value."
  figure, panels = panel_grid(heads, "KL of each latent dimension (nats)", [], caption)
  for panel, (setting, rows) in zip(panels, groups.items(), strict=True):
    set_y(panel, axis)
    _draw_dimensions(panel, values[rows], [labels[r] for r in rows], look[setting].color)
  return figure


def _axis_of_bars(values: np.ndarray, labels: Sequence[RunLabel]) -> Axis:
  if not _known(values).size:
    return Axis(0, 1, None, "")
  _, high = _limits(values, labels, trimmed=0)  # a few large dimensions are the point
  return Axis(min(0, _known(values).min()) - 0.015 * high, high, None, "")


def _total(values: np.ndarray, axis: Axis) -> str:
  totals = [_known(row).sum() for row in values if _known(row).size]
  total = f"median total {np.median(totals):.3g} nats" if totals else "no finite value"
  return "\n".join(filter(None, [total, _outside(values, axis.low, axis.high)]))


def _draw_dimensions(panel, values: np.ndarray, labels: list[RunLabel], color) -> None:
  Z = max(1, (~np.isnan(values)).any(0).sum())
  dimensions, values = np.arange(1, Z + 1), values[:, :Z]
  panel.bar(dimensions, spread(values)[1], 0.8, color=color, alpha=0.35, linewidth=0, gid="median")
  for row, label in zip(values, labels, strict=True):
    mark = {"marker": "x", "markersize": 4} if label.failed_at >= 0 else {"marker": "o"}
    mark = {"markersize": 2.4, "markeredgewidth": 0.8, "linestyle": "none", **mark}
    panel.plot(dimensions, row, color=color, alpha=0.8, gid="seed", **mark)
  panel.set_xlim(0.3, max(Z, 5) + 0.7)
  panel.set_xlabel("dimension, by KL")
  locator = MaxNLocator(5, steps=[1, 2, 5, 10], integer=True)
  panel.xaxis.set_major_locator(FixedLocator(dimensions) if Z <= 10 else locator)


@style.context(STYLE, after_reset=True)
def png(figure: Figure) -> bytes:
  """A PNG: the same figure gives the same bytes, with one version of matplotlib."""
  stream = io.BytesIO()
  figure.savefig(stream, format="png", dpi=DPI, metadata={"Software": None})
  return stream.getvalue()


def save(figure: Figure, path: str | os.PathLike) -> None:
  """Writes `png` whole or not at all. The folder must exist."""
  files.write(Path(path), png(figure))
