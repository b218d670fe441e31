"""Tables over the runs of settings: scores, comparisons of pairs, agreement, what losses tell.

The unit is a training run (statistics.py). A setting's runs differ in their seed alone.
"""

import functools
import itertools
import json
import math
import warnings
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from scipy import stats

from genjax import health, statistics
from genjax.readings import Run, Scores, Workdir
from genjax.statistics import Interval, Summary
from genjax.tables import Block, Column, Estimate, Table

# Of training, on validation images: do they rank runs as the scores do?
LOSSES = ("val_loss", "val_critic_loss", "val_swd")


def summary(values: Iterable[float]) -> Summary:
  """`statistics.summary`, remembered; without intervals where none can be had."""
  # One object for all NaN, which otherwise are no two of them equal.
  return _summary(tuple(math.nan if math.isnan(value) else float(value) for value in values))


@functools.cache
def _summary(values: tuple[float, ...]) -> Summary:
  known = np.array([value for value in values if not math.isnan(value)])
  if np.isfinite(known).all():
    # BCa has no interval where leaving out any one run changes nothing, as of classes that occur.
    with np.errstate(invalid="ignore"), warnings.catch_warnings():
      warnings.simplefilter("ignore", stats.DegenerateDataWarning)
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
  missing = int((~scores.known).sum())
  notes = []
  if figures:
    notes.append(
      f"{figures} of {len(failed)} failed runs count in n too: scored by their best weights from "
      "before the failure"
    )
  if missing:
    notes.append(f"{missing} of {len(scores.runs)} runs are not scored: they are in no column")
  return notes


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


def pairs(found: Sequence[Scores]) -> Table:
  """Each two settings under each score that has a better end.

  The family of tests that Holm's method holds together is that of all pairs under one score.
  """
  blocks, notes = [], {}
  for scores in found:
    if scores.score.better and len(settings(scores)) > 1:
      compared = list(_compared(scores))
      adjusted = statistics.holm([c.p_value for *_, c in compared])
      rows = [_pair(a, b, c, float(p)) for (a, b, c), p in zip(compared, adjusted, strict=True)]
      blocks.append(Block(title(scores), _about(scores), rows))
      notes |= dict.fromkeys(_on_pairs(rows, [c for *_, c in compared]))
  return _noted(Table(_PAIRS, blocks), notes) if blocks else Table(_PAIRS, [])


def _compared(scores: Scores) -> Iterator[tuple[str, str, statistics.Comparison]]:
  seeds = {
    setting: {scores.runs[r].seed: float(scores.values[r]) for r in rows}
    for setting, rows in settings(scores).items()
  }
  for a, b in itertools.combinations(seeds, 2):
    yield a, b, statistics.compare(seeds[a], seeds[b], scores.score.better == "lower")


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


def verdicts(compared: Table) -> Table:
  """How many of the pairs under each score have which verdict."""
  rows = []
  for block in compared.blocks:
    said = [row[-1] for row in block.rows]
    counts = [said.count(kind) for kind in ("no difference shown", "not enough seeds")]
    about = block.about["score"], block.about["features"]
    rows.append((*about, len(said), len(said) - sum(counts), *counts))
  notes = ["each pair with its interval and p is in pairs.csv; fewer scores are shown in full"]
  notes += dict.fromkeys(note for block in compared.blocks for note in block.notes)
  return Table(_VERDICTS, [Block("Pairs of settings", {}, rows, notes)])


_AGREEMENT = (
  Column("score", "score", "text"),
  Column("features_a", "features", "text"),
  Column("features_b", "and", "text"),
  Column("settings", "settings", "count"),
  Column("tau_settings", "tau of medians", "share"),
  Column("runs", "runs", "count"),
  Column("tau_runs", "tau of runs", "share"),
)


def agreement(found: Sequence[Scores]) -> Table:
  """Whether feature networks rank settings and runs alike: Kendall's tau-b, -1 to 1."""
  families = {}
  for scores in found:
    rest = {key: value for key, value in scores.record.items() if key != "features"}
    families.setdefault((scores.name, json.dumps(rest)), []).append(scores)
  rows = [
    (a.name, a.record["features"], b.record["features"], *_agreement(a, b))
    for family in families.values()
    for a, b in itertools.combinations(family, 2)
    if np.isfinite(a.values).sum() > 1
  ]
  text = "Agreement of feature networks in rank, Kendall's tau-b: 1 where they agree wholly"
  return Table(_AGREEMENT, [Block(text, {}, rows)] if rows else [])


def _agreement(a: Scores, b: Scores) -> tuple[int, float, int, float]:
  medians = [
    {setting: summary(s.values[rows]).median for setting, rows in settings(s).items()}
    for s in (a, b)
  ]
  runs = [_by_run(s) for s in (a, b)]
  return *_tau(*medians), *_tau(*runs)


def _by_run(scores: Scores) -> dict[tuple[str, int], float]:
  return {(run.setting, run.seed): v for run, v in zip(scores.runs, scores.values, strict=True)}


def _tau(a: dict, b: dict) -> tuple[int, float]:
  x, y = _both([a[key] for key in a if key in b], [b[key] for key in a if key in b])
  if len(x) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
    return len(x), math.nan
  return len(x), float(stats.kendalltau(x, y).statistic)


def _both(x: Sequence[float], y: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
  """The figures of those that have both."""
  x, y = np.array(x, float), np.array(y, float)
  known = np.isfinite(x) & np.isfinite(y)
  return x[known], y[known]


_CORRELATIONS = (
  Column("loss", "loss", "text"),
  Column("score", "score", "text"),
  Column("features", "features", "text"),
  Column("protocol", "", "text"),
  Column("n", "runs", "count"),
  Column("rho", "Spearman's rho", "share"),
  Column("p", "p", "p"),
)


def correlations(found: Sequence[Scores]) -> Table:
  """Whether a loss of training ranks runs as a score does: Spearman's rho, runs of all settings."""
  rows = []
  for name in LOSSES:
    for scores in found:
      n, rho, p = correlation(losses(scores, name), scores.values)
      if n > 2:
        features = str(scores.record.get("features", ""))
        rows.append((name, scores.name, features, scores.protocol, n, rho, p))
  text = (
    "Losses on validation images against scores, runs of all settings together\n"
    "rho is 1 where the higher loss always has the higher score; each p is for itself"
  )
  return Table(_CORRELATIONS, [Block(text, {}, rows)] if rows else [])


def first_features(correlated: Table) -> Table:
  """What losses tell of the scores by the first of the feature networks, and of those without."""
  blocks = []
  for block in correlated.blocks:
    networks = [features for _, _, features, *_ in block.rows if features]
    rows = [row for row in block.rows if row[2] in ("", *networks[:1])]
    notes = ["the other feature networks are in losses.csv"] if len(rows) < len(block.rows) else []
    blocks.append(block._replace(rows=rows, notes=notes))
  return correlated._replace(blocks=blocks)


def losses(scores: Scores, name: str) -> np.ndarray:
  """[R] that loss at the step of the weights which were scored; NaN where there is none."""
  return np.array(
    [
      run.at(name, step) if step >= 0 else math.nan
      for run, step in zip(scores.runs, scores.steps, strict=True)
    ]
  )


def correlation(x: np.ndarray, y: np.ndarray) -> tuple[int, float, float]:
  """(n, rho, p) of Spearman; NaN where less than three runs, or all alike, tell nothing.

  p is two-sided: over all orders of up to seven runs, by Student's distribution of more.
  """
  x, y = _both(x, y)
  n = len(x)
  if n < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
    return n, math.nan, math.nan
  result = stats.spearmanr(x, y)
  rho, p = float(result.statistic), float(result.pvalue)
  if n <= 7:  # where Student's says 0 of four runs in order, and one order in twelve is as good
    a, b = stats.rankdata(x), stats.rankdata(y)
    orders = np.array(list(itertools.permutations(b - b.mean())))
    sums = np.abs(orders @ (a - a.mean()))
    p = float((sums >= sums[0] - 1e-9).mean())
  return n, rho, p


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


def judgements(
  workdirs: Sequence[Workdir], found: Sequence[Scores], weights: str
) -> list[tuple[Run, dict[str, str | None]]]:
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


def health_table(judged: Sequence[tuple[Run, dict[str, str | None]]]) -> Table:
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


def flags(judged: Sequence[tuple[Run, dict[str, str | None]]]) -> Table:
  """Each flag of each run, and the figure that raised it."""
  rows = [
    (run.setting, run.seed, name, reason)
    for run, said in judged
    for name, reason in said.items()
    if reason
  ]
  return Table(_FLAGS, [Block("What raised the flags", {}, rows)] if rows else [])


def examples(raised: Table) -> Table:
  """Of each setting and flag the first run."""
  blocks = []
  for block in raised.blocks:
    firsts = {}
    for row in block.rows:
      firsts.setdefault((row[0], row[2]), row)
    rows = list(firsts.values())
    more = (
      [f"{len(block.rows) - len(rows)} more in flags.csv"] if len(rows) < len(block.rows) else []
    )
    blocks.append(block._replace(rows=rows, notes=more))
  return raised._replace(blocks=blocks)
