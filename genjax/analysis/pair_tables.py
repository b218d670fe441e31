"""Tables of pairs of settings: which is better, and what that rests on."""

from collections.abc import Sequence

from genjax.analysis import setting_tables
from genjax.analysis.measures import Measure
from genjax.metrics import power
from genjax.metrics.significance import Compared
from genjax.metrics.statistics import ENOUGH
from genjax.plotting.tables import Block, Column, Estimate, Table, csv_text

_PAIRS = (
  Column("a", "A", "text"),
  Column("b", "B", "text"),
  Column("n_a", "n of A", "count"),
  Column("n_b", "of B", "count"),
  Column("failed_a", "failed of A", "count"),
  Column("failed_b", "of B", "count"),
  Column("failure_p", "", "p"),
  Column("paired", "paired", "text"),
  Column("probability", "P(A better) [95%]", "share", interval=True),
  Column("p", "", "p"),
  Column("p_holm", "p (Holm)", "p"),
  Column("verdict", "better", "text"),
)


def pairs(all_measures: Sequence[Measure]) -> Table:
  """The settings that are compared, under each measure that has a better end.

  Holm's method holds the pairs under one measure together; the measure that decides alone gives
  verdicts, so that this family is all that could err.
  """
  blocks, notes = [], {}
  for measure in all_measures:
    if compared := measure.compared:
      rows = [_pair(pair) for pair in compared]
      blocks.append(
        Block(measure.heading, dict(measure.about), rows, setting_tables.uncounted(measure))
      )
      notes |= dict.fromkeys(_on_pairs(measure, compared))
  return setting_tables.noted(_PAIRS, blocks, list(notes))


def _pair(pair: Compared) -> tuple:
  found = pair.comparison
  return (
    pair.a,
    pair.b,
    *found.n,
    *found.failed,
    found.failure_p,
    "by seed" if found.paired else "no",
    Estimate(found.probability, *found.interval),
    found.p_value,
    pair.adjusted,
    pair.verdict,
  )


PRELIMINARY = "no score decides while some of these runs are still being trained"


def _on_pairs(measure: Measure, compared: Sequence[Compared]) -> list[str]:
  notes = []
  if measure.capped:
    notes.append(f"{measure.short}: figures better than real images' count as {measure.floor:.4g}")
  if measure.preliminary:
    return [*notes, PRELIMINARY]
  if not measure.decides:
    return [
      *notes,
      "one score decides, over all its pairs at 5%; the others are descriptive: their p is not "
      "corrected for there being several",
    ]
  if any(pair.verdict == "not enough seeds" for pair in compared):
    notes.append(f"with less than {ENOUGH} seeds of each, no winner is named")
  if any(pair.verdict == "trade-off" for pair in compared):
    notes.append("trade-off: the setting with the better runs fails more often (Fisher's exact p)")
  if any(pair.comparison.paired for pair in compared):
    notes.append("paired by seed, as seeds rank alike in these settings (Kendall's W, p < 0.001)")
  enough = [pair.comparison.n for pair in compared if min(pair.comparison.n) >= ENOUGH]
  least = min((power.least_p(*n) for n in enough), default=0) * len(compared)
  if least >= power.LEVEL:
    notes.append(
      f"{len(compared)} pairs are too many for so few seeds: p (Holm) cannot be below {least:.2g}; "
      "compare fewer settings, or train more seeds"
    )
  return notes


def files(name: str, all_measures: Sequence[Measure]) -> dict[str, bytes]:
  """The three tables as CSV by the names of their files, without those that have no row."""
  made = {
    name: setting_tables.middles(all_measures),
    f"{name}_pairs": pairs(all_measures),
    f"{name}_runs": setting_tables.runs(all_measures),
  }
  return {f"{name}.csv": csv_text(table).encode() for name, table in made.items() if table.blocks}
