"""Tables of what ranks runs alike: feature networks, and losses of training and scores."""

import itertools
import json
import math
from collections.abc import Sequence

import numpy as np
from scipy import stats

from genjax.analysis.measures import summary
from genjax.analysis.recorded_scores import Scores
from genjax.plotting.tables import Block, Column, Table

# Of training, on validation images: do they rank runs as the scores do?
LOSSES = ("val_loss", "val_critic_loss", "val_swd")
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
    {setting: summary(s.values[rows]).median for setting, rows in s.settings.items()}
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


def with_losses(found: Sequence[Scores]) -> Table:
  """Whether a loss of training ranks runs as a score does: Spearman's rho, runs of all settings."""
  rows = []
  for name in LOSSES:
    for scores in found:
      n, rho, p = spearman(losses(scores, name), scores.values)
      if n > 2:
        features = str(scores.record.get("features", ""))
        rows.append((name, scores.name, features, scores.protocol, n, rho, p))
  text = (
    "Losses on validation images against scores, runs of all settings together\n"
    "rho is 1 where the higher loss always has the higher score; each p is for itself"
  )
  return Table(_CORRELATIONS, [Block(text, {}, rows)] if rows else [])


def losses(scores: Scores, name: str) -> np.ndarray:
  """[R] that loss at the step of the weights which were scored; NaN where there is none."""
  return np.array(
    [
      run.at(name, step) if step >= 0 else math.nan
      for run, step in zip(scores.runs, scores.steps, strict=True)
    ]
  )


def spearman(x: np.ndarray, y: np.ndarray) -> tuple[int, float, float]:
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
