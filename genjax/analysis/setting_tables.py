"""Tables of measures: each setting's middle, and every run."""

import itertools
import math
from collections.abc import Mapping, Sequence

from genjax.analysis import conditions
from genjax.analysis.measures import Measure, Setting, summary
from genjax.metrics import significance
from genjax.metrics.statistics import ENOUGH, Interval
from genjax.plotting import thinning
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
  Column("failure_rate", "failure rate [95%]", "share", interval=True),
)
_FLOOR = Column("floor", "floor")


def middles(all_measures: Sequence[Measure]) -> Table:
  """Each setting under each measure: how many runs, and their middle with its intervals."""
  floors = any(not math.isnan(one.floor) for m in all_measures for one in m.settings.values())
  blocks = [_middles_of(measure, floors) for measure in all_measures]
  least = min((row[3] for block in blocks for row in block.rows), default=ENOUGH)
  notes = [SURVIVORS] * any(row[4] for block in blocks for row in block.rows)
  notes += [NARROW] * (least < ENOUGH)
  return noted([*_MIDDLES, *([_FLOOR] if floors else [])], blocks, notes)


SURVIVORS = (
  "a failed run is the worst one of a median and an IQM, infinite where that is in the middle; "
  "means are of the n that lived"
)


# As statistics.bca_interval measured.
NARROW = (
  f"with n below {ENOUGH} the interval of the IQM (BCa) is too narrow; that of the mean "
  "(Student's) is not, if figures are about normal; that of the median takes 6 runs"
)


def noted(columns: Sequence[Column], blocks: list[Block], notes: Sequence[str]) -> Table:
  """With notes on all blocks, under the last."""
  if blocks and notes:
    blocks[-1] = blocks[-1]._replace(notes=[*blocks[-1].notes, *notes])
  return Table(columns, blocks)


def _middles_of(measure: Measure, floors: bool) -> Block:
  rows = []
  for name, one in measure.settings.items():
    told = summary(one.known.values(), measure.better)
    failed = _failed(one)
    counts = told.n, failed, len(one.runs) - len(one.known)
    rate, of_rate = significance.failure_rate(failed, told.n + failed)
    estimates = (
      Estimate(told.median, *within(told.of_median, one.limits)),
      Estimate(told.iqm, *within(told.of_iqm, one.limits)),
      Estimate(told.mean, *within(told.of_mean, one.limits)),
      Estimate(rate, *of_rate),
    )
    rows.append((name, one.workdir, one.latent, *counts, *estimates, *([one.floor] * floors)))
  return Block(measure.heading, dict(measure.about), rows, uncounted(measure))


def _failed(one: Setting) -> int:
  return sum(value.failed for value in one.runs.values())


def within(interval: Interval, limits: tuple[float, float]) -> Interval:
  """An interval that does not leave a figure's range; one that is not known stays so."""
  low, high = limits
  if math.isinf(interval.low) and math.isinf(interval.high):
    return interval
  return Interval(*(end if math.isinf(end) else min(max(end, low), high) for end in interval))


def uncounted(measure: Measure) -> list[str]:
  """Notes on runs that are in no column, and on failed ones that had a figure before."""
  values = [value for one in measure.settings.values() for value in one.runs.values()]
  failed = [value for value in values if value.status == "failed"]
  figures = sum(not math.isnan(value.value) for value in failed)
  worst = sum(value.undefined for value in values)
  undefined = worst or sum(value.measured and not value.known for value in values)
  missing = sum(not value.measured and not value.known for value in values)
  notes = []
  if figures:
    notes.append(
      f"{figures} of {len(failed)} failed runs have a figure from before the failure (runs.csv): "
      "they count as failed"
    )
  if undefined:
    notes.append(
      f"{undefined} of {len(values)} runs have no figure, as it came out as NaN"
      + ": they count as failed" * bool(worst)
    )
  if missing:
    notes.append(f"{missing} of {len(values)} runs are not scored")
  return notes


def overview(all_measures: Sequence[Measure], title: str, every: Sequence[Measure] = ()) -> Table:
  """A row a setting, a column a measure: interquartile means; last, what real test images score.

  Settings of `every` that have none of these measures have their row as well. Of more than `MOST`
  settings the best by the first measure that has a better end are shown, or some where none has.
  """
  columns = [
    Column("setting", "setting", "text"),
    Column("n", "n", "text"),
    Column("failed", "failed", "count"),
    *(Column(_key(one), _head(one), "brief", interval=True) for one in all_measures),
  ]
  names = dict.fromkeys(itertools.chain(*(one.settings for one in (*all_measures, *every))))
  shown, chosen = _best(list(names), all_measures)
  rows = [_overview_row(name, all_measures) for name in shown]
  counts = [summary(one.known.values()).n for m in all_measures for one in m.settings.values()]
  notes = _shared_notes(all_measures)
  if len(shown) < len(names):
    notes.append(f"{len(shown)} of {len(names):,} settings: {chosen}; compare writes all")
  if any(_failed(one) for m in all_measures for one in m.settings.values()):
    notes.append(
      "a failed run is the worst one of these means, infinite where it is in the middle half"
    )
  if any(1 < count < ENOUGH for count in counts):
    notes.append(f"with n below {ENOUGH} these intervals (BCa) are too narrow")
  return Table(
    columns, [Block(title, {}, [*rows, *_floor_rows(all_measures)], notes)] if rows else []
  )


MOST = 100  # rows of settings for a reader


def _best(names: list[str], all_measures: Sequence[Measure]) -> tuple[list[str], str]:
  """At most `MOST` of these settings, in their order, and how they were chosen."""
  decider = next((measure for measure in all_measures if measure.better), None)
  if len(names) <= MOST or not decider:
    return thinning.spread(names, MOST), "evenly spread"

  def rank(name: str) -> float:
    told = summary(decider.settings.get(name, _NOTHING).known.values(), decider.better).iqm
    return math.inf if math.isnan(told) else told if decider.better == "lower" else -told

  kept = set(sorted(names, key=rank)[:MOST])
  return [name for name in names if name in kept], f"the best by {decider.short}"


def _shared_notes(all_measures: Sequence[Measure]) -> list[str]:
  """Notes on runs that are in no column; what is so under every measure is said once."""
  titles = {}
  for measure in all_measures:
    for note in uncounted(measure):
      titles.setdefault(note, []).append(measure.short)
  return [
    note if len(named) == len(all_measures) else f"{', '.join(named)}: {note}"
    for note, named in titles.items()
  ]


def _key(measure: Measure) -> str:
  return "@".join(filter(None, [measure.name, measure.about.get("protocol", "")]))


def _head(measure: Measure) -> str:
  return measure.short + {"lower": " ↓", "higher": " ↑"}.get(measure.better, "")


def _overview_row(name: str, all_measures: Sequence[Measure]) -> tuple:
  settings = [measure.settings.get(name, _NOTHING) for measure in all_measures]
  told = [
    summary(one.known.values(), measure.better)
    for one, measure in zip(settings, all_measures, strict=True)
  ]
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


def _floor_rows(all_measures: Sequence[Measure]) -> list[tuple]:
  """What real test images score: a row, or one for each workdir where they have different ones."""
  called = conditions.real_images(measure.about.get("split") or "test" for measure in all_measures)
  by_workdir = {}
  for place, measure in enumerate(all_measures):
    for one in measure.settings.values():
      by_workdir.setdefault(one.workdir, [math.nan] * len(all_measures))[place] = one.floor
  rows = {}
  for workdir, floors in by_workdir.items():
    if not all(map(math.isnan, floors)):
      rows.setdefault(str(floors), (floors, []))[1].append(workdir)
  return [
    (
      called + (f", {', '.join(workdirs)}" if len(rows) > 1 else ""),
      "-",
      None,
      *(Estimate(floor, math.nan, math.nan) for floor in floors),
    )
    for floors, workdirs in rows.values()
  ]


_RUNS = (
  Column("setting", "setting", "text"),
  Column("workdir", "", "text"),
  Column("latent", "latent", "count"),
  Column("seed", "seed", "count"),
  Column("status", "status", "text"),
  Column("step", "step", "count"),
  Column("value", "value"),
)


def runs(all_measures: Sequence[Measure]) -> Table:
  """Each run's figure under each measure."""
  return Table(
    _RUNS,
    [
      Block(measure.heading, dict(measure.about), list(_runs_of(measure.settings)))
      for measure in all_measures
    ],
  )


def _runs_of(settings: Mapping[str, Setting]):
  for name, one in settings.items():
    for seed, run in one.runs.items():
      step = run.step if run.step >= 0 else None
      yield name, one.workdir, one.latent, seed, run.status, step, run.value
