"""Tables of a report: scores, or else validation figures, over seeds; and runs that failed."""

import collections
import itertools
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from genjax.analysis import comparisons, judgements, workdirs
from genjax.analysis.workdirs import Run, Workdir
from genjax.metrics import statistics
from genjax.plotting.axes import METRICS, metric_of
from genjax.plotting.tables import Block, Column, Estimate, Table
from genjax.reporting import page

_COLUMNS = (
  Column("setting", "setting", "text"),
  Column("n", "n", "count"),
  Column("failed", "failed", "count"),
  Column("median", "median"),
  Column("iqm", "IQM [95%]", interval=True),
  Column("mean", "mean [95%]", interval=True),
)
SETTINGS = 6  # that stand side by side in an overview
PAIRS = 100  # rows of the tables of pairs


class Part(NamedTuple):
  """Tables under a heading: those to be seen at once, and those that a reader opens."""

  title: str
  shown: list[page.Grid]
  hidden: list[page.Grid]


def made(homes: Sequence[Workdir], compare: str) -> dict:
  """What a report says of results: scores by `genjax.evaluate` where there are some.

  `compare` is the command that writes the longer tables.
  """
  parts, pairs, remarks = [], [], []
  scored = {w: workdirs.scores(homes, w) for w in workdirs.weights_scored(homes)}
  for weights, found in scored.items():
    parts.append(_part(f"Scores of the {weights} weights", comparisons.summaries(found)))
    pairs.append(_of_pairs(comparisons.pairs(found), weights, compare))
    remarks += list(workdirs.remarks(homes, weights))
  if not scored and (table := validation(homes)).blocks:
    parts.append(_part("On validation images, at the last step", table))
  weights, found = next(iter(scored.items()), ("last", []))
  judged = judgements.of_runs(homes, found, weights)
  where = f"flags.csv, which `{compare}` writes{'' if scored else ' once there are scores'}"
  protocols = comparisons.protocols(list(itertools.chain(*scored.values())))
  return {
    "scored": bool(scored),
    "parts": parts,
    "pairs": [part for part in pairs if part.shown],
    "few": few(homes),
    "health": page.grids(judgements.counts(judged)),
    "raised": page.grids(judgements.examples(judgements.reasons(judged), where)),
    "protocols": page.grids(protocols) if scored else [],
    "remarks": list(dict.fromkeys(remarks)),
  }


def _part(title: str, table: Table) -> Part:
  settings = {row[0] for block in table.blocks for row in block.rows}
  if len(table.blocks) > 1 and 1 < len(settings) <= SETTINGS:
    return Part(title, page.grids(overview(table)), page.grids(table))
  grids = page.grids(table)
  return Part(title, grids[:1], grids[1:])


def _of_pairs(table: Table, weights: str, compare: str) -> Part:
  if not table.blocks:
    return Part("", [], [])
  rows = sum(len(block.rows) for block in table.blocks)
  verdicts = comparisons.verdicts(table, f"pairs.csv, which `{compare}` writes")
  if rows > PAIRS:
    return Part(f"Pairs, {weights} weights", page.grids(verdicts), [])
  return Part(f"Pairs, {weights} weights", page.grids(_without_notes(verdicts)), page.grids(table))


def _without_notes(table: Table) -> Table:
  return table._replace(blocks=[block._replace(notes=[]) for block in table.blocks])


def overview(table: Table) -> Table:
  """Of a table of summaries the interquartile means alone: a row a figure, a column a setting."""
  place = {column.name: i for i, column in enumerate(table.columns)}
  counts = {}
  for block in table.blocks:
    for row in block.rows:
      counts.setdefault(row[0], []).append((row[place["n"]], row[place["failed"]]))
  columns = [Column("figure", "figure", "text"), Column("better", "better", "text")]
  for setting, each in counts.items():
    n, failed = max(each)
    lost = f", {failed} failed" if failed else ""
    columns.append(Column(setting, f"{setting} (n={n}{lost})", interval=True))
  floors = "floor" in place
  columns += [Column("floor", "floor")] if floors else []
  nothing = Estimate(math.nan, math.nan, math.nan)
  titles = [block.title.partition("; ")[0] for block in table.blocks]
  rows = []
  for block in table.blocks:
    known = {row[0]: row for row in block.rows}
    cells = [known[s][place["iqm"]] if s in known else nothing for s in counts]
    lowest = {row[place["floor"]] for row in block.rows} if floors else set()
    last = [lowest.pop() if len(lowest) == 1 else math.nan] if floors else []
    rows.append((*_end(block.title, titles), *cells, *last))
  notes = dict.fromkeys(note for block in table.blocks for note in block.notes)
  title = "Interquartile means [95%]"
  return Table(columns, [Block(title, {}, rows, list(notes))])


def _end(title: str, titles: Sequence[str] = ()) -> tuple[str, str]:
  """A block's title and which end is better: "recall, higher is better; ..." -> recall, higher.

  One that is several times in `titles`, as under two networks, keeps what it was measured by.
  """
  title, _, by = title.partition("; ")
  by = f" ({by})" if titles.count(title) > 1 else ""
  if not title.endswith(" is better"):
    return title + by, "-"
  name, _, better = title.removesuffix(" is better").rpartition(", ")
  return name + by, better


def validation(homes: Sequence[Workdir]) -> Table:
  """The last figure on validation images of each run, by setting; without blocks if there is none.

  A run that failed has none.
  """
  runs = [run for home in homes for run in home.runs]
  names = dict.fromkeys(name for run in runs for name in run.figures if name.startswith("val_"))
  order = list(METRICS)
  blocks = [
    Block(metric_of(name).title, {}, list(_rows(runs, name)))
    for name in sorted(names, key=lambda n: [*order, n[4:]].index(n[4:]))
  ]
  return Table(_COLUMNS, blocks)


def _rows(runs: Sequence[Run], name: str) -> Iterator[tuple]:
  groups = {}
  for run in runs:
    groups.setdefault(run.setting, []).append(run)
  for setting, members in groups.items():
    values = [math.nan if run.failed else run.at(name, run.last_step) for run in members]
    told = comparisons.summary(values)
    if told.n or any(run.failed for run in members):
      iqm, mean = Estimate(told.iqm, *told.of_iqm), Estimate(told.mean, *told.of_mean)
      failed = sum(run.failed for run in members)
      yield setting, told.n, failed, told.median, iqm, mean


def few(homes: Sequence[Workdir]) -> str:
  """What the reader of figures of few seeds must know; "" where there are enough."""
  counts = collections.Counter(run.setting for home in homes for run in home.runs)
  n = min(counts.values(), default=0)
  if n >= statistics.ENOUGH:
    return ""
  return (
    f"With {n} {'run' if n == 1 else 'runs'} of a setting no winner is named; that takes "
    f"{statistics.ENOUGH} seeds of each."
  )


def failures(
  homes: Sequence[Workdir], failed_at: dict[tuple[str, int], int], numbers: dict
) -> Table:
  """The runs that failed, with their numbers; without blocks if none did.

  Args:
    homes: all of them.
    failed_at: (workdir, row of runs.csv) -> the step that gave NaN or Inf.
    numbers: (workdir, row) -> the run's numbers.
  """
  names = dict.fromkeys(name for row in numbers.values() for name in row if name != "seed")
  columns = [Column("workdir", "workdir", "text")] if len(homes) > 1 else []
  columns += [Column("run", "run", "text"), Column("seed", "seed", "text")]
  columns += [Column("step", "failed at step", "text"), Column("best", "best step before", "count")]
  columns += [Column(name, name.replace("_", " "), "text") for name in names]
  rows = []
  for home in homes:
    for place, run in enumerate(home.runs):
      if run.failed:
        step, own = failed_at.get((home.name, place), -1), numbers.get((home.name, place), {})
        first = (home.name,) if len(homes) > 1 else ()
        at = f"{step:,}" if step >= 0 else f"after {run.last_step:,}"
        rest = (f"{own[name]:g}" if name in own else "-" for name in names)
        rows.append((*first, str(place), str(run.seed), at, run.best_step, *rest))
  return Table(columns, [Block("Runs that met NaN or Inf", {}, rows)] if rows else [])
