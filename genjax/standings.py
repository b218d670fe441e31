"""Tables of a report: validation figures over seeds, and runs that failed."""

import collections
import math
from collections.abc import Iterator, Sequence

from genjax import comparisons, plots, statistics
from genjax.readings import Run, Workdir
from genjax.tables import Block, Column, Estimate, Table

_COLUMNS = (
  Column("setting", "setting", "text"),
  Column("n", "n", "count"),
  Column("failed", "failed", "count"),
  Column("median", "median"),
  Column("iqm", "IQM [95%]", interval=True),
  Column("mean", "mean [95%]", interval=True),
)


def validation(workdirs: Sequence[Workdir]) -> Table:
  """The last figure on validation images of each run, by setting; without blocks if there is none.

  A run that failed has none.
  """
  runs = [run for home in workdirs for run in home.runs]
  names = dict.fromkeys(name for run in runs for name in run.figures if name.startswith("val_"))
  order = list(plots.METRICS)
  blocks = [
    Block(plots.metric_of(name).title, {}, list(_rows(runs, name)))
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


def few(workdirs: Sequence[Workdir]) -> str:
  """What the reader of figures of few seeds must know; "" where there are enough."""
  counts = collections.Counter(run.setting for home in workdirs for run in home.runs)
  n = min(counts.values(), default=0)
  if n >= statistics.ENOUGH:
    return ""
  return (
    f"With {n} {'run' if n == 1 else 'runs'} of a setting no winner is named; that takes "
    f"{statistics.ENOUGH} seeds of each."
  )


def failures(
  workdirs: Sequence[Workdir], failed_at: dict[tuple[str, int], int], numbers: dict
) -> Table:
  """The runs that failed, with their numbers; without blocks if none did.

  Args:
    workdirs: all of them.
    failed_at: (workdir, row of runs.csv) -> the step that gave NaN or Inf.
    numbers: (workdir, row) -> the run's numbers.
  """
  names = dict.fromkeys(name for row in numbers.values() for name in row if name != "seed")
  columns = [Column("workdir", "workdir", "text")] if len(workdirs) > 1 else []
  columns += [Column("run", "run", "text"), Column("seed", "seed", "text")]
  columns += [Column("step", "failed at step", "text"), Column("best", "best step before", "count")]
  columns += [Column(name, name.replace("_", " "), "text") for name in names]
  rows = []
  for home in workdirs:
    for place, run in enumerate(home.runs):
      if run.failed:
        step, own = failed_at.get((home.name, place), -1), numbers.get((home.name, place), {})
        first = (home.name,) if len(workdirs) > 1 else ()
        at = f"{step:,}" if step >= 0 else f"after {run.last_step:,}"
        rest = (f"{own[name]:g}" if name in own else "-" for name in names)
        rows.append((*first, str(place), str(run.seed), at, run.best_step, *rest))
  return Table(columns, [Block("Runs that met NaN or Inf", {}, rows)] if rows else [])
