"""Tables of which runs are not well, by the rules of health.py."""

import math
from collections.abc import Sequence

from genjax.analysis import health
from genjax.analysis.workdirs import Run, Scores, Workdir
from genjax.plotting.tables import Block, Column, Table

Judged = Sequence[tuple[Run, dict[str, str | None]]]  # of each run what each rule says of it


def of_runs(workdirs: Sequence[Workdir], found: Sequence[Scores], weights: str) -> Judged:
  """Of each run what `health.judge` says, by the worst of the feature networks."""
  measured = _measured(found)
  result = []
  for home in workdirs:
    for run in home.runs:
      step = run.best_step if weights == "best" else run.last_step
      training = {name: run.at(name, step) for name in run.figures if "@" not in name}
      said = [
        health.judge(scores, {"modes": home.num_classes} | floors, training, run.latent)
        for scores, floors in measured.get((run.setting, run.seed), [({}, {})])
      ]
      result.append((run, {name: _worst([s[name] for s in said]) for name in health.RULES}))
  return result


def _measured(found: Sequence[Scores]) -> dict[tuple[str, int], list[tuple[dict, dict]]]:
  """(setting, seed) -> scores and floors, for each feature network with those that need none."""
  by_run = {}
  for scores in found:
    for run, value, floor in zip(scores.runs, scores.values, scores.floors, strict=True):
      networks = by_run.setdefault((run.setting, run.seed), {"": ({}, {})})
      pair = networks.setdefault(str(scores.record.get("features", "")), ({}, {}))
      pair[0][scores.name] = float(value)
      if not math.isnan(floor):
        pair[1][scores.name] = float(floor)
  merged = {}
  for key, networks in by_run.items():
    values, floors = networks.pop("") if len(networks) > 1 else ({}, {})
    merged[key] = [(values | v, floors | f) for v, f in networks.values()]
  return merged


def _worst(said: list[str | None]) -> str | None:
  known = [s for s in said if s is not None]
  return next(filter(None, known), "") if known else None


def counts(judged: Judged) -> Table:
  """Each setting: how many of its runs have each flag, None where no run could be judged."""
  columns = [Column("setting", "setting", "text"), Column("runs", "runs", "count")]
  columns.append(Column("failed", "failed", "count"))
  columns += [Column(name.replace(" ", "_"), name, "count") for name in health.RULES]
  groups = {}
  for run, said in judged:
    groups.setdefault(run.setting, []).append((run, said))
  rows = []
  for setting, members in groups.items():
    cells = [_flagged([said[name] for _, said in members]) for name in health.RULES]
    rows.append((setting, len(members), sum(run.failed for run, _ in members), *cells))
  notes = ["-: not measured"] if any(None in row for row in rows) else []
  return Table(columns, [Block("Runs with a flag", {}, rows, notes)])


def _flagged(said: list[str | None]) -> int | None:
  known = [s for s in said if s is not None]
  return sum(map(bool, known)) if known else None


_FLAGS = (
  Column("setting", "setting", "text"),
  Column("seed", "seed", "count"),
  Column("flag", "flag", "text"),
  Column("reason", "because", "text"),
)


def reasons(judged: Judged) -> Table:
  """Each flag of each run, and the figure that raised it."""
  rows = [
    (run.setting, run.seed, name, reason)
    for run, said in judged
    for name, reason in said.items()
    if reason
  ]
  return Table(_FLAGS, [Block("What raised the flags", {}, rows)] if rows else [])


def examples(raised: Table, where: str = "flags.csv") -> Table:
  """Of each setting and flag the first run; the others stand in `where`."""
  blocks = []
  for block in raised.blocks:
    firsts = {}
    for row in block.rows:
      firsts.setdefault((row[0], row[2]), row)
    rows = list(firsts.values())
    more = len(block.rows) - len(rows)
    blocks.append(block._replace(rows=rows, notes=[f"{more} more in {where}"] if more else []))
  return raised._replace(blocks=blocks)
