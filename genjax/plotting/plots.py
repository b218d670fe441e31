"""What all figures of many runs share: colours, text, pages, and how settings are told apart.

Every figure shows all seeds, says how many there are, and marks the runs that failed. Nothing here
touches pyplot: a figure belongs to its caller, and a user's matplotlibrc does not change it.

Axes: R runs, S logged steps, Z latent. Lengths are in pixels of the PNG.
"""

import io
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import matplotlib
import numpy as np
from matplotlib import style
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.ticker import MaxNLocator

from genjax import files
from genjax.data.sources import numbered
from genjax.types import grouped

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


def drawable(classes: Sequence[str]) -> tuple[str, ...]:
  """The names of classes for figures: their numbers where the figures' font lacks a letter."""
  font = get_font(findfont(FontProperties(family=STYLE["font.family"])))
  known = all(font.get_char_index(ord(letter)) for letter in "".join(classes))
  return tuple(classes) if known else numbered(len(classes))


class RunLabel(NamedTuple):
  """How the figures know a run."""

  seed: int
  setting: str  # what tells runs apart besides the seed, as "latent 10, clip 0.01"; "" if nothing
  failed_at: int  # the step at which the run failed, -1 where it did not
  about: str = ""  # of a gallery's row that is not simply a run's

  @property
  def failed(self) -> bool:
    return self.failed_at >= 0

  @property
  def name(self) -> str:
    return ", ".join(filter(None, [self.setting, f"seed {self.seed}"]))

  @property
  def fate(self) -> str:
    """What is said after its name where it failed."""
    return f", failed at step {self.failed_at:,}" if self.failed else ""


class Look(NamedTuple):
  """How a setting's lines are drawn, as matplotlib takes it."""

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
  return grouped(range(len(labels)), lambda r: labels[r].setting)


def _named(setting: str, rows: list[int], labels: Sequence[RunLabel]) -> str:
  failed = sum(labels[r].failed for r in rows)
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

  def paint(self, canvas: np.ndarray) -> None:
    """Draws the pixels of the whole page, [height, width, 3] uint8, one to one."""
    for top in range(0, self.height, 256):  # in strips: drawing takes 25 times their memory
      strip = canvas[top : top + 256]
      self.figure.figimage(strip, 0, self.height - top - len(strip), origin="upper")

  def axes(self, x: float, y: float, width: float, height: float):
    W, H = self.width, self.height
    return self.figure.add_axes((x / W, 1 - (y + height) / H, width / W, height / H))

  def legend(self, x: float, y: float, handles: list, columns: int) -> None:
    spacing = {"handlelength": 1.8, "handletextpad": 0.5, "labelspacing": 0.4, "columnspacing": 1.6}
    place = {"loc": "upper left", "bbox_to_anchor": (x / self.width, 1 - y / self.height)}
    self.figure.legend(
      handles=handles, ncols=columns, borderpad=0, borderaxespad=0, **place, **spacing
    )


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


def checked(values, labels: Sequence[RunLabel], name: str, axes: int = 2) -> np.ndarray:
  """An array [R, ...] with so many axes. Raises `ValueError` for any other shape, or no run."""
  values = np.asarray(values)
  if values.ndim != axes or len(values) != len(labels) or not len(labels):
    expected = f"{axes} axes, the first of {len(labels)} runs, at least one"
    raise ValueError(f"{name} has the shape {values.shape}: expected {expected}")
  return values


@style.context(STYLE, after_reset=True)
def png(figure: Figure) -> bytes:
  """A PNG: the same figure gives the same bytes, with one version of matplotlib."""
  stream = io.BytesIO()
  figure.savefig(stream, format="png", dpi=DPI, metadata={"Software": None})
  return stream.getvalue()


def save(figure: Figure, path: str | os.PathLike) -> None:
  """Writes `png` whole or not at all. The folder must exist."""
  files.write(Path(path), png(figure))
