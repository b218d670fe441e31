"""Tables of one figure a run: each setting's middle with its intervals, and pairs of settings.

The unit is a training run, as in statistics.py. `comparisons.py` has the same of scores.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from genjax.analysis import comparisons
from genjax.analysis.selection import Selection
from genjax.metrics import statistics
from genjax.plotting.tables import Block, Column, Estimate, Table


class Figure(NamedTuple):
  """Of one run."""

  value: float  # NaN where it has none
  failed: bool

  @property
  def undefined(self) -> bool:
    """Whether it came out as NaN, though its run is sound."""
    return math.isnan(self.value) and not self.failed


Settings = Mapping[str, Mapping[int, Figure]]  # setting -> seed -> figure


def settings(found: Sequence[tuple[Selection, np.ndarray]]) -> Settings:
  """The figures [R] of the runs of some workdirs."""
  groups = {}
  for selection, values in found:
    for label, value in zip(selection.labels, values, strict=True):
      name = label.setting or selection.name
      groups.setdefault(name, {})[label.seed] = Figure(float(value), label.failed_at >= 0)
  return groups


_COLUMNS = (
  Column("setting", "setting", "text"),
  Column("n", "n", "count"),
  Column("failed", "failed", "count"),
  Column("median", "median [95%]", interval=True),
  Column("mean", "mean [95%]", interval=True),
)


def middles(blocks: Sequence[tuple[str, dict[str, str], Settings]]) -> Table:
  """Each setting's middle under some titles; `about` as in `tables.Block`."""
  made = [
    Block(title, about, [_row(*item) for item in found.items()]) for title, about, found in blocks
  ]
  notes = [*_counted(blocks[0][2]), *_undefined(blocks)]
  least = min((row[1] for block in made for row in block.rows), default=0)
  if least < 6:
    notes.append("the interval of the median takes 6 runs; that of the mean (Student's) takes 2")
  return Table(_COLUMNS, [*made[:-1], made[-1]._replace(notes=notes)])


def _row(setting: str, figures: Mapping[int, Figure]) -> tuple:
  known = np.array([f.value for f in figures.values() if not math.isnan(f.value)])
  failed = sum(f.failed for f in figures.values())
  if not known.size:
    nothing = Estimate(math.nan, math.nan, math.nan)
    return setting, 0, failed, nothing, nothing
  median = Estimate(float(np.median(known)), *statistics.median_interval(known))
  return (
    setting,
    known.size,
    failed,
    median,
    Estimate(float(known.mean()), *statistics.t_interval(known)),
  )


def _counted(found: Settings) -> list[str]:
  """A note on failed runs that have figures all the same."""
  figures = [figure for one in found.values() for figure in one.values()]
  counted = sum(figure.failed and not math.isnan(figure.value) for figure in figures)
  if not counted:
    return []
  failed = sum(figure.failed for figure in figures)
  return [f"{counted} of {failed} failed runs count in n too: by their best weights from before it"]


def _undefined(blocks: Sequence[tuple[str, dict[str, str], Settings]]) -> list[str]:
  """A note for each title under which runs that are sound have no figure."""
  notes = []
  for title, _, found in blocks:
    figures = [figure for one in found.values() for figure in one.values()]
    if count := sum(figure.undefined for figure in figures):
      notes.append(
        f"{title}: {count} of {len(figures)} runs have no figure, as it came out as NaN: they are "
        "in no column"
      )
  return notes


def pairs(blocks: Sequence[tuple[str, dict[str, str], Settings]]) -> Table:
  """Each two settings under some titles, where lower is better; no block for one setting alone.

  A run that failed is worse than any other; one whose figure came out as NaN has no part.
  """
  made, notes = [], {}
  for title, about, found in blocks:
    values = {
      setting: {seed: f.value for seed, f in one.items() if not f.undefined}
      for setting, one in found.items()
    }
    values = {setting: of_seeds for setting, of_seeds in values.items() if of_seeds}
    if len(values) > 1:
      rows, on_rows = comparisons.of_pairs(values, lower=True)
      made.append(Block(title, about, rows))
      notes |= dict.fromkeys([*on_rows, *_undefined([(title, about, found)])])
  if made:
    made[-1] = made[-1]._replace(notes=list(notes))
  return Table(comparisons.PAIRS, made)


_RUNS = (
  Column("setting", "setting", "text"),
  Column("seed", "seed", "count"),
  Column("failed", "failed", "text"),
)


def runs(columns: Mapping[str, Settings], about: Mapping[str, str]) -> Table:
  """Each run's figures: a column for each name, of the same runs in all; `about` as in `Block`."""
  first = next(iter(columns.values()))
  rows = [
    (
      setting,
      seed,
      "yes" if figure.failed else "no",
      *(of_name[setting][seed].value for of_name in columns.values()),
    )
    for setting, figures in first.items()
    for seed, figure in figures.items()
  ]
  return Table(
    [*_RUNS, *(Column(name, name) for name in columns)], [Block("Runs", dict(about), rows)]
  )
