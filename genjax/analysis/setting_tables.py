"""Tables of measures: each setting's middle, pairs of settings, and every run."""

import itertools
import math
from collections.abc import Mapping, Sequence

from genjax.analysis.measures import Measure, Setting, summary
from genjax.metrics import significance
from genjax.metrics.statistics import ENOUGH, Interval
from genjax.plotting.tables import Block, Column, Estimate, Table

_MIDDLES = (
  Column("setting", "setting", "text"),
  Column("workdir", "", "text"),
  Column("latent", "", "count"),
  Column("n", "n", "count"),
  Column("failed", "failed", "count"),
  Column("not_scored", "", "count"),
  Column("median", "median [95%]", interval=True),
  Column("iqm", "IQM [95%]", interval=True),
  Column("mean", "mean [95%]", interval=True),
)
_FLOOR = Column("floor", "floor")


def middles(found: Sequence[Measure]) -> Table:
  """Each setting under each measure: how many runs, and their middle with its intervals."""
  floors = any(not math.isnan(one.floor) for m in found for one in m.settings.values())
  blocks = [_middles_of(measure, floors) for measure in found]
  least = min((row[3] for block in blocks for row in block.rows), default=ENOUGH)
  return _noted([*_MIDDLES, *([_FLOOR] if floors else [])], blocks, [NARROW] * (least < ENOUGH))


# As statistics.bca_interval measured.
NARROW = (
  f"with n below {ENOUGH} the interval of the IQM (BCa) is too narrow; that of the mean "
  "(Student's) is not, if figures are about normal; that of the median takes 6 runs"
)


def _noted(columns: Sequence[Column], blocks: list[Block], notes: Sequence[str]) -> Table:
  """With notes on all blocks, under the last."""
  if blocks and notes:
    blocks[-1] = blocks[-1]._replace(notes=[*blocks[-1].notes, *notes])
  return Table(columns, blocks)


def _middles_of(measure: Measure, floors: bool) -> Block:
  rows = []
  for name, one in measure.settings.items():
    told = summary(one.known.values())
    counts = told.n, _failed(one), len(one.runs) - len(one.known)
    estimates = (
      Estimate(told.median, *within(told.of_median, one.limits)),
      Estimate(told.iqm, *within(told.of_iqm, one.limits)),
      Estimate(told.mean, *within(told.of_mean, one.limits)),
    )
    rows.append((name, one.workdir, one.latent, *counts, *estimates, *([one.floor] * floors)))
  return Block(measure.heading, dict(measure.about), rows, uncounted(measure))


def _failed(one: Setting) -> int:
  return sum(value.failed for value in one.runs.values())


def within(interval: Interval, limits: tuple[float, float]) -> Interval:
  """An interval that does not leave a figure's range; one that is not known stays so."""
  if not (math.isfinite(interval.low) and math.isfinite(interval.high)):
    return interval
  low, high = limits
  return Interval(*(min(max(end, low), high) for end in interval))


def uncounted(measure: Measure) -> list[str]:
  """Notes on runs that n leaves out, and on failed ones that it does not."""
  values = [value for one in measure.settings.values() for value in one.runs.values()]
  failed = [value for value in values if value.failed]
  figures = sum(not math.isnan(value.value) for value in failed)
  undefined = sum(value.measured and not value.known for value in values)
  missing = sum(not value.measured and not value.known for value in values)
  notes = []
  if figures:
    notes.append(
      f"{figures} of {len(failed)} failed runs count in n too: scored by their best weights from "
      "before the failure"
    )
  if undefined:
    notes.append(
      f"{undefined} of {len(values)} runs have no figure, as it came out as NaN: they are in no "
      "column"
    )
  if missing:
    notes.append(f"{missing} of {len(values)} runs are not scored: they are in no column")
  return notes


def overview(found: Sequence[Measure], title: str, every: Sequence[Measure] = ()) -> Table:
  """A row a setting, a column a measure: interquartile means; last, what real test images score.

  Settings of `every` that have none of these measures have their row as well.
  """
  columns = [
    Column("setting", "setting", "text"),
    Column("n", "n", "text"),
    Column("failed", "failed", "count"),
    *(Column(_key(one), _head(one), "brief", interval=True) for one in found),
  ]
  names = dict.fromkeys(itertools.chain(*(one.settings for one in (*found, *every))))
  rows = [_overview_row(name, found) for name in names]
  counts = [summary(one.known.values()).n for m in found for one in m.settings.values()]
  notes = _shared_notes(found)
  if min(counts, default=ENOUGH) < ENOUGH:
    notes.append(f"with n below {ENOUGH} these intervals (BCa) are too narrow")
  return Table(columns, [Block(title, {}, [*rows, *_floor_rows(found)], notes)] if rows else [])


def _shared_notes(found: Sequence[Measure]) -> list[str]:
  """Notes on runs that are in no column; what is so under every measure is said once."""
  titles = {}
  for measure in found:
    for note in uncounted(measure):
      titles.setdefault(note, []).append(measure.short)
  return [
    note if len(named) == len(found) else f"{', '.join(named)}: {note}"
    for note, named in titles.items()
  ]


def _key(measure: Measure) -> str:
  return "@".join(filter(None, [measure.name, measure.about.get("protocol", "")]))


def _head(measure: Measure) -> str:
  return measure.short + {"lower": " ↓", "higher": " ↑"}.get(measure.better, "")


def _overview_row(name: str, found: Sequence[Measure]) -> tuple:
  settings = [measure.settings.get(name, _NOTHING) for measure in found]
  told = [summary(one.known.values()) for one in settings]
  cells = [
    Estimate(middle.iqm, *within(middle.of_iqm, one.limits))
    for one, middle in zip(settings, told, strict=True)
  ]
  counts = [m.n for one, m in zip(settings, told, strict=True) if one is not _NOTHING]
  if not counts:
    return name, "-", None, *cells
  low, high = min(counts), max(counts)
  return name, f"{low}" if low == high else f"{low} to {high}", max(map(_failed, settings)), *cells


_NOTHING = Setting({}, "", 0)  # of a measure that a setting does not have


def _floor_rows(found: Sequence[Measure]) -> list[tuple]:
  """What real test images score: a row, or one for each workdir where they have different ones."""
  by_workdir = {}
  for place, measure in enumerate(found):
    for one in measure.settings.values():
      by_workdir.setdefault(one.workdir, [math.nan] * len(found))[place] = one.floor
  rows = {}
  for workdir, floors in by_workdir.items():
    if not all(map(math.isnan, floors)):
      rows.setdefault(str(floors), (floors, []))[1].append(workdir)
  return [
    (
      "real test images" + (f", {', '.join(workdirs)}" if len(rows) > 1 else ""),
      "-",
      None,
      *(Estimate(floor, math.nan, math.nan) for floor in floors),
    )
    for floors, workdirs in rows.values()
  ]


_PAIRS = (
  Column("a", "A", "text"),
  Column("b", "B", "text"),
  Column("n_a", "n of A", "count"),
  Column("n_b", "of B", "count"),
  Column("failed_a", "", "count"),
  Column("failed_b", "", "count"),
  Column("paired", "paired", "text"),
  Column("probability", "P(A better) [95%]", "share", interval=True),
  Column("p", "", "p"),
  Column("p_holm", "p (Holm)", "p"),
  Column("verdict", "better", "text"),
)


def pairs(found: Sequence[Measure]) -> Table:
  """Each two settings under each measure that has a better end.

  The family of tests that Holm's method holds together is that of all pairs under one measure.
  """
  blocks, notes = [], {}
  for measure in found:
    compared = compared_by(measure)
    if compared:
      rows = [_pair(*of_two) for of_two in compared]
      blocks.append(Block(measure.heading, dict(measure.about), rows, uncounted(measure)))
      notes |= dict.fromkeys(_on_pairs(compared))
  return _noted(_PAIRS, blocks, list(notes))


def compared_by(measure: Measure) -> list[tuple]:
  """As `significance.compare_all`; () where no end is better."""
  if not measure.better:
    return []
  return significance.compare_all(measure.known, measure.better == "lower")


def _pair(
  a: str, b: str, compared: significance.Comparison, adjusted: float, verdict: str
) -> tuple:
  return (
    a,
    b,
    *compared.n,
    *compared.failed,
    "by seed" if compared.paired else "no",
    Estimate(compared.probability, *compared.interval),
    compared.p_value,
    adjusted,
    verdict,
  )


def _on_pairs(compared: list[tuple]) -> list[str]:
  notes = []
  if any(verdict == "not enough seeds" for *_, verdict in compared):
    notes.append(f"with less than {ENOUGH} seeds of each, no winner is named")
  enough = [c for _, _, c, *_ in compared if min(c.n) >= ENOUGH]
  if enough and (least := min(map(significance.least_p, enough)) * len(compared)) >= 0.05:
    notes.append(
      f"{len(compared)} pairs are too many for so few seeds: p (Holm) cannot be below {least:.2g}; "
      "compare fewer settings, or train more seeds"
    )
  return notes


_RUNS = (
  Column("setting", "setting", "text"),
  Column("workdir", "", "text"),
  Column("latent", "latent", "count"),
  Column("seed", "seed", "count"),
  Column("status", "status", "text"),
  Column("step", "step", "count"),
  Column("value", "value"),
)


def runs(found: Sequence[Measure]) -> Table:
  """Each run's figure under each measure."""
  return Table(
    _RUNS,
    [Block(one.heading, dict(one.about), list(_runs_of(one.settings))) for one in found],
  )


def _runs_of(settings: Mapping[str, Setting]):
  for name, one in settings.items():
    for seed, run in one.runs.items():
      step = run.step if run.step >= 0 else None
      yield name, one.workdir, one.latent, seed, run.status, step, run.value


def files(name: str, found: Sequence[Measure]) -> dict[str, Table]:
  """The three tables by the names of their files, without those that have no row."""
  made = {name: middles(found), f"{name}_pairs": pairs(found), f"{name}_runs": runs(found)}
  return {name: table for name, table in made.items() if table.blocks}
