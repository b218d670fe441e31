"""Tables over the runs of settings: their scores, comparisons of pairs, protocols.

The unit is a training run (statistics.py). A setting's runs differ in their seed alone.
"""

import functools
import itertools
import json
import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from genjax.analysis.workdirs import Run, Scores
from genjax.metrics import statistics
from genjax.metrics.statistics import Interval, Summary
from genjax.plotting.tables import Block, Column, Estimate, Table


def summary(values: Iterable[float]) -> Summary:
  """`statistics.summary`, remembered; without intervals where none can be had."""
  # One object for all NaN, which otherwise are no two of them equal.
  return _summary(tuple(math.nan if math.isnan(value) else float(value) for value in values))


@functools.cache
def _summary(values: tuple[float, ...]) -> Summary:
  known = np.array([value for value in values if not math.isnan(value)])
  if np.isfinite(known).all():
    return statistics.summary(values)
  anything = Interval(-math.inf, math.inf)
  middle = float(np.median(known)), float(statistics.iqm(known))
  failed = len(values) - len(known)
  return Summary(len(known), failed, float(known.mean()), *middle, anything, anything)


def settings(scores: Scores) -> dict[str, np.ndarray]:
  """Setting -> the places of its runs that have a figure or failed; in the workdirs' order."""
  groups = {}
  for r in np.flatnonzero(scores.known):
    groups.setdefault(scores.runs[r].setting, []).append(r)
  return {setting: np.array(rows) for setting, rows in groups.items()}


def title(scores: Scores) -> str:
  """One line: what it is, which end is better, and by what it was measured."""
  better = f", {scores.score.better} is better" if scores.score.better else ""
  features = scores.record.get("features", "")
  return f"{scores.score.title}{better}; {scores.column}{features and f', features {features}'}"


def conditions(scores: Scores) -> str:
  """What its protocol says, in words."""
  record = {key: value for key, value in scores.record.items() if value not in ("", [], (), None)}
  parts = [str(record.pop("data"))] if "data" in record else []
  parts += [f"{record.pop(key)} {key}" for key in ("split", "weights") if key in record]
  for key in ("generated_images", "real_images"):
    if key in record:
      parts.append(f"{record.pop(key):,} {key.replace('_', ' ')}")
  rest = {key: value for key, value in record.items() if key not in _UNSAID}
  parts += [f"{key.replace('_', ' ')} {_plain(value)}" for key, value in rest.items()]
  return ", ".join(parts)


_UNSAID = ("group", "image_shape", "rules")


def _plain(value) -> str:
  if isinstance(value, int):
    return f"{value:,}"
  return value if isinstance(value, str) else json.dumps(value)


_PROTOCOLS = (
  Column("protocol", "protocol", "text"),
  Column("group", "scores", "text"),
  Column("conditions", "how they were measured", "text"),
)


def protocols(found: Sequence[Scores]) -> Table:
  """What the ids behind the @ stand for."""
  rows = dict.fromkeys((s.protocol, s.record["group"], conditions(s)) for s in found)
  return Table(_PROTOCOLS, [Block("Protocols", {}, list(rows))])


def _about(scores: Scores) -> dict[str, str]:
  record = scores.record
  return {
    "score": scores.name,
    "protocol": scores.protocol,
    "features": str(record.get("features", "")),
    "data": str(record.get("data", "")),
    "weights": str(record.get("weights", "")),
  }


_SUMMARY = (
  Column("setting", "setting", "text"),
  Column("workdir", "", "text"),
  Column("latent", "", "count"),
  Column("n", "n", "count"),
  Column("failed", "failed", "count"),
  Column("not_scored", "", "count"),
  Column("median", "median"),
  Column("iqm", "IQM [95%]", interval=True),
  Column("mean", "mean [95%]", interval=True),
  Column("floor", "floor"),
)


def summaries(found: Sequence[Scores]) -> Table:
  """Each setting under each score: how many runs, and their middle with its intervals."""
  table = Table(_SUMMARY, [_summary_block(scores) for scores in found])
  least = min((row[3] for block in table.blocks for row in block.rows), default=statistics.ENOUGH)
  return table if least >= statistics.ENOUGH else _noted(table, [NARROW])


# As statistics.bca_interval measured.
NARROW = (
  f"with n below {statistics.ENOUGH} the interval of the IQM (BCa) is too narrow; that of the mean "
  "(Student's) is not, if figures are about normal"
)


def _noted(table: Table, notes: Iterable[str]) -> Table:
  """With notes on all blocks, under the last."""
  *blocks, last = table.blocks
  return table._replace(blocks=[*blocks, last._replace(notes=[*last.notes, *notes])])


def _summary_block(scores: Scores) -> Block:
  rows = []
  everyone = {}
  for r, run in enumerate(scores.runs):
    everyone.setdefault(run.setting, []).append(r)
  for setting, of_setting in everyone.items():
    known = [r for r in of_setting if scores.known[r]]
    told = summary(scores.values[known])
    first = scores.runs[of_setting[0]]
    failed = sum(scores.runs[r].failed for r in of_setting)
    middle = Estimate(told.iqm, *told.of_iqm), Estimate(told.mean, *told.of_mean)
    counts = told.n, failed, len(of_setting) - len(known)
    floor = float(scores.floors[of_setting[0]])
    rows.append((setting, first.workdir, first.latent, *counts, told.median, *middle, floor))
  return Block(title(scores), _about(scores), rows, _notes(scores))


def _notes(scores: Scores) -> list[str]:
  failed = [r for r, run in enumerate(scores.runs) if run.failed]
  figures = sum(not math.isnan(scores.values[r]) for r in failed)
  undefined = int(scores.undefined.sum())
  missing = int((~scores.known).sum()) - undefined
  notes = []
  if figures:
    notes.append(
      f"{figures} of {len(failed)} failed runs count in n too: scored by their best weights from "
      "before the failure"
    )
  if undefined:
    notes.append(
      f"{undefined} of {len(scores.runs)} runs have no figure, as it came out as NaN: they are in "
      "no column"
    )
  if missing:
    notes.append(f"{missing} of {len(scores.runs)} runs are not scored: they are in no column")
  return notes


PAIRS = (
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


def pairs(found: Sequence[Scores]) -> Table:
  """Each two settings under each score that has a better end.

  The family of tests that Holm's method holds together is that of all pairs under one score.
  """
  blocks, notes = [], {}
  for scores in found:
    if scores.score.better and len(settings(scores)) > 1:
      rows, on_rows = of_pairs(_by_seed(scores), scores.score.better == "lower")
      blocks.append(Block(title(scores), _about(scores), rows))
      notes |= dict.fromkeys(on_rows)
  return _noted(Table(PAIRS, blocks), notes) if blocks else Table(PAIRS, [])


def _by_seed(scores: Scores) -> dict[str, dict[int, float]]:
  return {
    setting: {scores.runs[r].seed: float(scores.values[r]) for r in rows}
    for setting, rows in settings(scores).items()
  }


def of_pairs(
  by_setting: Mapping[str, Mapping[int, float]], lower: bool
) -> tuple[list[tuple], list[str]]:
  """Rows of PAIRS for each two settings, as one family of tests, and notes on them.

  Args:
    by_setting: setting -> seed -> figure, NaN where the run failed.
    lower: whether lower is better.
  """
  pairs = list(itertools.combinations(by_setting, 2))
  compared = [statistics.compare(by_setting[a], by_setting[b], lower) for a, b in pairs]
  adjusted = statistics.holm([c.p_value for c in compared])
  rows = [_pair(a, b, c, float(p)) for (a, b), c, p in zip(pairs, compared, adjusted, strict=True)]
  return rows, _on_pairs(rows, compared)


def _pair(a: str, b: str, compared: statistics.Comparison, adjusted: float) -> tuple:
  return (
    a,
    b,
    *compared.n,
    *compared.failed,
    "by seed" if compared.paired else "no",
    Estimate(compared.probability, *compared.interval),
    compared.p_value,
    adjusted,
    statistics.verdict(compared, adjusted),
  )


def _on_pairs(rows: list[tuple], compared: list[statistics.Comparison]) -> list[str]:
  notes = []
  if any(row[-1] == "not enough seeds" for row in rows):
    notes.append(f"with less than {statistics.ENOUGH} seeds of each, no winner is named")
  enough = [c for c in compared if min(c.n) >= statistics.ENOUGH]
  if enough and (least := min(map(_least_p, enough)) * len(rows)) >= 0.05:
    notes.append(
      f"{len(rows)} pairs are too many for so few seeds: p (Holm) cannot be below {least:.2g}; "
      "compare fewer settings, or train more seeds"
    )
  return notes


def _least_p(compared: statistics.Comparison) -> float:
  """What the test gives where every run of one is better than every run of the other."""
  n, m = compared.n
  return 2 / (2**n if compared.paired else math.comb(n + m, n))


_VERDICTS = (
  Column("score", "score", "text"),
  Column("features", "features", "text"),
  Column("pairs", "pairs", "count"),
  Column("shown", "one is better", "count"),
  Column("not_shown", "no difference shown", "count"),
  Column("seeds", "not enough seeds", "count"),
)


def verdicts(compared: Table, where: str = "pairs.csv") -> Table:
  """How many of the pairs under each score have which verdict; each pair stands in `where`."""
  rows = []
  for block in compared.blocks:
    said = [row[-1] for row in block.rows]
    counts = [said.count(kind) for kind in ("no difference shown", "not enough seeds")]
    about = block.about["score"], block.about["features"]
    rows.append((*about, len(said), len(said) - sum(counts), *counts))
  notes = [f"each pair with its interval and p is in {where}; fewer scores are shown in full"]
  notes += dict.fromkeys(note for block in compared.blocks for note in block.notes)
  return Table(_VERDICTS, [Block("Pairs of settings", {}, rows, notes)])


_RUNS = (
  Column("setting", "setting", "text"),
  Column("workdir", "", "text"),
  Column("latent", "latent", "count"),
  Column("seed", "seed", "count"),
  Column("status", "status", "text"),
  Column("step", "step", "count"),
  Column("value", "value"),
)


def runs(found: Sequence[Scores]) -> Table:
  """Each run's figure under each score."""
  blocks = []
  for scores in found:
    rows = [
      (*_who(run), run.status, int(step) if step >= 0 else None, float(value))
      for run, step, value in zip(scores.runs, scores.steps, scores.values, strict=True)
    ]
    blocks.append(Block(title(scores), _about(scores), rows))
  return Table(_RUNS, blocks)


def _who(run: Run) -> tuple[str, str, int, int]:
  return run.setting, run.workdir, run.latent, run.seed
