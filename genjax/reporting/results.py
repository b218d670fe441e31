"""Tables of a report: scores, or else validation figures, over seeds; and runs that failed."""

import collections
import itertools
from collections.abc import Sequence
from typing import NamedTuple

from genjax.analysis import (
  conditions,
  findings,
  health,
  measures,
  pair_tables,
  questions,
  recorded_scores,
  setting_tables,
  workdirs,
)
from genjax.analysis.measures import Measure
from genjax.analysis.selection import Selection
from genjax.analysis.workdirs import Workdir
from genjax.metrics import statistics
from genjax.plotting.tables import Block, Column, Table
from genjax.reporting import page
from genjax.types import counted

PAIRS = 100  # rows of the tables of pairs that a page has room for


class Section(NamedTuple):
  """A table with the verdicts beneath, to be seen at once, and tables that a reader opens."""

  title: str
  shown: list[page.Grid]
  verdicts: list[str]
  figures: list[page.Grid]
  pairs: list[page.Grid]


def context(homes: Sequence[Workdir], compare: str) -> dict:
  """What a report says of results: scores by `genjax.evaluate` where there are some.

  `compare` is the command that writes the longer tables.
  """
  parts, remarks, failed = [], [], [run.failed for home in homes for run in home.runs]
  scored = {w: recorded_scores.read(homes, w) for w in recorded_scores.weights_scored(homes)}
  for weights, found in scored.items():
    chosen = workdirs.planned(homes)
    measured = findings.decide(measures.of_scores(found, chosen))
    first = findings.headlines(measured)
    parts.append(_section(f"Scores of the {weights} weights", first, measured, compare))
    remarks += list(recorded_scores.remarks(homes, weights))
  if not scored and (measured := measures.of_validation(homes)):
    parts.append(
      _section("On validation images, at the last step", measured[:4], measured, compare)
    )
  weights, found = next(iter(scored.items()), ("last", []))
  judged = health.of_runs(homes, found, weights)
  where = f"flags.csv, which `{compare}` writes{'' if scored else ' once there are scores'}"
  protocols = conditions.protocols(list(itertools.chain(*scored.values())))
  return {
    "scored": bool(scored),
    "lost": f"All {counted(len(failed), 'run')} failed" if all(failed) else "",
    "parts": parts,
    "few": few(homes),
    "health": page.grids(health.counts(judged)),
    "raised": page.grids(health.examples(health.reasons(judged), where)),
    "protocols": page.grids(protocols) if scored else [],
    "remarks": list(dict.fromkeys(remarks)),
    "flags": _flags(found, weights) if scored else "",
  }


def _flags(found: Sequence[recorded_scores.Scores], weights: str) -> str:
  """What `evaluate` is to be given for these scores again."""
  asked = dict.fromkeys(str(one.record.get("metric", one.name)) for one in found)
  images = {one.record["generated_images"] for one in found if "generated_images" in one.record}
  splits = {str(one.record["split"]) for one in found if "split" in one.record}
  flags = [f"--metrics={','.join(asked)}"]
  flags += [f"--images={max(images)}"] if images else []
  flags += ["--split=validation"] if splits == {"validation"} else []
  return "".join(f" {flag}" for flag in [*flags, f"--weights={weights}"])


def _section(
  title: str, first: Sequence[Measure], every: Sequence[Measure], compare: str
) -> Section:
  shown = page.grids(setting_tables.overview(first, "Interquartile means [95%]", every))
  said = findings.of(first, f"pairs.csv, which `{compare}` writes")
  said += [*findings.legend(first, said), *questions.trend_sentences(first)]
  pairs = pair_tables.pairs(every)
  many = sum(len(block.rows) for block in pairs.blocks) > PAIRS
  grids = [] if many else page.grids(pairs)
  return Section(title, shown, said, page.grids(setting_tables.middles(every)), grids)


def few(homes: Sequence[Workdir]) -> str:
  """What the reader of figures of few seeds must know; "" where there are enough."""
  counts = collections.Counter(run.setting for home in homes for run in home.runs)
  n = min(counts.values(), default=0)
  if n >= statistics.ENOUGH:
    return ""
  return (
    f"With {counted(n, 'run')} of a setting no winner is named; that takes "
    f"{statistics.ENOUGH} seeds of each."
  )


def failures(homes: Sequence[Workdir], selections: Sequence[Selection]) -> Table:
  """The runs that failed, with their numbers; without blocks if none did.

  Args:
    homes: all of them.
    selections: the runs of those that have weights, which say the step that gave NaN or Inf.
  """
  known = {one.path: list(zip(one.labels, one.numbers, strict=True)) for one in selections}
  numbers = [row for of_home in known.values() for _, row in of_home]
  names = dict.fromkeys(name for row in numbers for name in row if name != "seed")
  columns = [Column("workdir", "workdir", "text")] if len(homes) > 1 else []
  columns += [Column("run", "run", "text"), Column("seed", "seed", "text")]
  columns += [Column("step", "failed at step", "text"), Column("best", "best step before", "count")]
  columns += [Column(name, name.replace("_", " "), "text") for name in names]
  rows = []
  for home in homes:
    for place, run in enumerate(home.runs):
      if run.failed:
        label, own = known[home.path][place] if home.path in known else (None, {})
        step = label.failed_at if label else -1
        first = (home.name,) if len(homes) > 1 else ()
        at = f"{step:,}" if step >= 0 else f"after {run.last_step:,}"
        rest = (f"{own[name]:g}" if name in own else "-" for name in names)
        rows.append((*first, str(place), str(run.seed), at, run.best_step, *rest))
  return Table(columns, [Block("Runs that met NaN or Inf", {}, rows)] if rows else [])
