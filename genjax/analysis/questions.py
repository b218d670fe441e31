"""What is asked of a study besides which of two settings is better: trends along axes, interaction
of two axes, equal spread, and equivalence within a margin.

None of these gives a verdict: each p is of one question, not corrected for the others, but for
equivalence, which has its own family.
"""

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from genjax.analysis import setting_tables
from genjax.analysis.measures import Measure
from genjax.config import contrasts
from genjax.config.contrasts import Line, Pair
from genjax.metrics import significance, trends
from genjax.metrics.statistics import ENOUGH, ranked
from genjax.plotting import tables
from genjax.plotting.tables import Block, Column, Table
from genjax.types import grouped

_QUESTIONS = (
  Column("question", "question", "text"),
  Column("along", "along", "text"),
  Column("settings", "settings", "count"),
  Column("runs", "runs", "count"),
  Column("tau", "tau", "share"),
  Column("p", "p", "p"),
)


def answered(all_measures: Sequence[Measure]) -> Table:
  """The questions that the settings allow, under each measure that has a better end."""
  blocks = [
    Block(measure.heading, dict(measure.about), rows)
    for measure in all_measures
    if (rows := [*_trends(measure), *_interactions(measure), *_spread(measure)])
  ]
  note = (
    "trend: Jonckheere and Terpstra, tau above 0 where figures rise along the axis, a failed run "
    "the worst; interaction: aligned ranks; spread: Brown and Forsythe; each p is of one question, "
    "not corrected for the others"
  )
  return setting_tables.noted(_QUESTIONS, blocks, [note])


def _figures(measure: Measure) -> dict[str, np.ndarray]:
  """setting -> its runs' figures, lower is better."""
  lower = measure.better == "lower"
  return {name: ranked(list(own.values()), lower) for name, own in measure.judged.items()}


def _lines(measure: Measure, figures: dict) -> dict[str, list[Line]]:
  """axis -> the lines along it of settings that have figures."""
  known = {name: measure.settings[name].coordinates for name in figures}
  return grouped(contrasts.lines(known), lambda line: line.axis)


def _groups(line: Line, figures: dict) -> list[np.ndarray]:
  return [np.concatenate([figures[name] for name in names]) for names in line.settings]


class _Trend(NamedTuple):
  axis: str
  groups: list[list[np.ndarray]]  # line -> value -> the runs' figures
  tau: float  # above 0 where figures rise along the axis
  p: float

  @property
  def enough(self) -> bool:
    """Whether it may be told, as which of two settings is better may be."""
    return min(map(len, itertools.chain(*self.groups))) >= ENOUGH

  @property
  def steady(self) -> bool:
    """Whether each step goes the same way."""
    middles = ([float(np.median(group)) for group in line] for line in self.groups)
    steps = {(b > a) - (b < a) for line in middles for a, b in itertools.pairwise(line)}
    return steps in ({1}, {-1})


def _along(measure: Measure) -> list[_Trend]:
  figures, found = _figures(measure), []
  for axis, lines in _lines(measure, figures).items():
    lines = [line for line in lines if line.numeric]
    if max((len(line.values) for line in lines), default=0) > 2:
      groups = [_groups(line, figures) for line in lines]
      tau, p = trends.jonckheere(groups)
      found.append(_Trend(axis, groups, tau if measure.better == "lower" else -tau, p))
  return found


def _trends(measure: Measure) -> list[tuple]:
  return [
    (
      *("trend", one.axis, sum(map(len, one.groups))),
      *(sum(map(len, itertools.chain(*one.groups))), one.tau, one.p),
    )
    for one in _along(measure)
  ]


def _interactions(measure: Measure) -> list[tuple]:
  """Of each two axes along which the settings are a whole grid."""
  figures, rows = _figures(measure), []
  places = {name: measure.settings[name].coordinates for name in figures}
  for a, b in itertools.combinations(_lines(measure, figures), 2):
    values = [list(dict.fromkeys(own.get(axis) for own in places.values())) for axis in (a, b)]
    grid = {(own.get(a), own.get(b)): figures[name] for name, own in places.items()}
    whole = len(grid) == len(places) == len(values[0]) * len(values[1])
    if whole and min(map(len, values)) > 1:
      p = trends.interaction_p([[grid[x, y] for y in values[1]] for x in values[0]])
      runs = sum(map(len, grid.values()))
      rows.append(("interaction", f"{a} x {b}", len(grid), runs, math.nan, p))
  return rows


def _spread(measure: Measure) -> list[tuple]:
  figures = _figures(measure)
  p = trends.spread_p(list(figures.values()))
  runs = int(sum(np.isfinite(own).sum() for own in figures.values()))
  return [] if math.isnan(p) else [("spread", "", len(figures), runs, math.nan, p)]


def trend_sentences(all_measures: Sequence[Measure]) -> list[str]:
  """A line for each trend under the measure that decides, where there are seeds enough."""
  lines = []
  for measure in all_measures:
    for one in filter(lambda one: one.enough, _along(measure) if measure.decides else []):
      way, steps = "is not shown to rise or fall", ""
      if one.p < significance.LEVEL:
        way, steps = "rises" if one.tau > 0 else "falls", "" if one.steady else ", not at each step"
      lines.append(
        f"trend: {measure.short} {way} with {one.axis.replace('_', ' ')} over "
        f"{sum(map(len, one.groups))} settings{steps} (tau {one.tau:.2f}, "
        f"p {tables.p_value(one.p)}, not corrected)"
      )
  return lines


EQUIVALENT = "equivalent"
_EQUIVALENCE = (
  Column("a", "A", "text"),
  Column("b", "B", "text"),
  Column("n_a", "n of A", "count"),
  Column("n_b", "of B", "count"),
  Column("margin", "margin"),
  Column("p", "", "p"),
  Column("p_holm", "p (Holm)", "p"),
  Column("verdict", "verdict", "text"),
)


def equivalence(all_measures: Sequence[Measure], margin: float) -> Table:
  """Whether settings differ by less than a margin, under the measure that decides.

  Args:
    all_measures: measures.
    margin: a part of the median of both settings' runs that lived, above 0.
  """
  blocks = [
    Block(measure.heading, dict(measure.about), rows)
    for measure in all_measures
    if measure.decides and (rows := _equivalent(measure, margin))
  ]
  note = (
    f"two one-sided rank sums; margin: {margin:g} of the median of both; a verdict takes {ENOUGH} "
    "seeds of each"
  )
  return setting_tables.noted(_EQUIVALENCE, blocks, [note])


def equivalent(table: Table, margin: float) -> dict[Pair, str]:
  """Of settings that a table of `equivalence` shows to be so, the words for it."""
  return {
    (a, b): f"equivalent within {margin:.3g} of their median (p {tables.p_value(p)})"
    for block in table.blocks
    for a, b, *_, p, verdict in block.rows
    if verdict == EQUIVALENT
  }


def _equivalent(measure: Measure, part: float) -> list[tuple]:
  figures, rows = _figures(measure), []
  for pair in measure.compared:
    a, b = figures[pair.a], figures[pair.b]
    lived = np.concatenate([a, b])
    lived = lived[np.isfinite(lived)]
    margin = part * abs(float(np.median(lived))) if lived.size else math.nan
    p = trends.equivalence_p(a, b, margin) if margin > 0 else 1.0
    rows.append((pair.a, pair.b, len(a), len(b), margin, p))
  adjusted = significance.holm([row[-1] for row in rows])
  return [(*row, float(p), _verdict(row[2:4], p)) for row, p in zip(rows, adjusted, strict=True)]


def _verdict(counts: tuple[int, int], p: float) -> str:
  if min(counts) < ENOUGH:
    return "not enough seeds"
  return EQUIVALENT if p < significance.LEVEL else "not shown"
