"""Whether one setting is better than another: tests by their runs, in families.

The unit is a training run, and a failed one is worse than any other (statistics.py). A verdict, its
direction and its p come from one statistic, the share of all pairs of runs that A wins.
"""

import functools
import itertools
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import scipy
from jaxtyping import Float

from genjax.metrics import power, rank_tests
from genjax.metrics.power import LEVEL
from genjax.metrics.statistics import ENOUGH, Figures, Interval, ranked

# Level at which seeds are taken to correlate between settings. Where they only seem to, the test of
# pairs finds what is not there in a quarter to two fifths of the cases: at 0.001 that adds nothing
# to be seen.
SEEDS_AGREE = 0.001

BySeed = Mapping[int, float]


class PairTest(NamedTuple):
  """Setting A against setting B."""

  n: tuple[int, int]  # runs, failed ones included
  failed: tuple[int, int]
  paired: bool  # whether p is of swaps within seeds
  probability: float  # that a run of A is better than one of B, of all n m pairs; ties count half
  interval: Interval
  p_value: float  # two-sided, of there being no difference
  failure_p: float = 1.0  # the same of failure rates: Fisher's exact test


class Compared(NamedTuple):
  """A comparison as one of a family."""

  a: str
  b: str
  comparison: PairTest
  adjusted: float  # p by Holm's method
  verdict: str  # as `verdict` has it


def probability_of_better(
  a: Figures, b: Figures, lower: bool = True, confidence: float = 0.95
) -> tuple[float, Interval]:
  """How likely a run of A is better than a run of B, ties by half, and its interval.

  Args:
    a, b: of n and m runs; NaN is one that failed, which is worse than any other.
    lower: whether lower is better.
    confidence: 0 to 1.

  Returns:
    The part of all n m pairs, and the interval of Newcombe 2006 (part 2, method 5), which does not
    collapse where the settings do not overlap. Of runs whose seeds correlate it is too wide.
  """
  a, b = ranked(a, lower), ranked(b, lower)
  wins = float(((a[:, None] < b[None]) + 0.5 * (a[:, None] == b[None])).mean())
  return wins, _newcombe(wins, len(a), len(b), float(scipy.stats.norm.ppf((1 + confidence) / 2)))


@functools.lru_cache(10_000)
def _newcombe(wins: float, n: int, m: int, z: float) -> Interval:
  """The probabilities whose own standard error puts `wins` z of them away."""
  extra = (n + m) / 2 - 1

  def excess(theta: float) -> float:
    spread = 1 + extra * ((1 - theta) / (2 - theta) + theta / (1 + theta))
    return (wins - theta) ** 2 - z**2 * theta * (1 - theta) * spread / (n * m)

  edge = 1e-9  # where nothing or everything is won, that itself is a root, and not the one meant
  low = 0.0 if wins == 0 else scipy.optimize.brentq(excess, 0.0, min(wins, 1 - edge))
  high = 1.0 if wins == 1 else scipy.optimize.brentq(excess, max(wins, edge), 1.0)
  return Interval(low, high)


def compare(a: BySeed, b: BySeed, lower: bool = True, paired: bool = False) -> PairTest:
  """Compares two settings' runs.

  The test is the exact rank-sum test with ties, among them those of failed runs; where `paired`,
  the same statistic with swaps within seeds in place of all orders.

  Raises:
    ValueError: a setting without runs, or paired ones of other seeds.
  """
  if not (a and b):
    raise ValueError("a setting without runs cannot be compared")
  if paired and a.keys() != b.keys():
    raise ValueError("runs of other seeds make no pairs")
  x, y = (np.array([one[seed] for seed in sorted(one)], float) for one in (a, b))
  failed = int(np.isnan(x).sum()), int(np.isnan(y).sum())
  test = rank_tests.paired_p if paired else rank_tests.rank_sum_p
  counts = [[failed[0], len(x) - failed[0]], [failed[1], len(y) - failed[1]]]
  return PairTest(
    (len(x), len(y)),
    failed,
    paired,
    *probability_of_better(x, y, lower),
    test(ranked(x, lower), ranked(y, lower)),
    float(scipy.stats.fisher_exact(counts).pvalue) if any(failed) else 1.0,
  )


def holm(p_values: Sequence[float]) -> Float[np.ndarray, " {len(p_values)}"]:
  """p-values adjusted for a family of tests, 0 to 1 (Holm 1979)."""
  p = np.asarray(p_values, float)
  order = np.argsort(p)
  steps = np.maximum.accumulate(p[order] * (len(p) - np.arange(len(p))))
  adjusted = np.empty_like(p)
  adjusted[order] = np.minimum(steps, 1)
  return adjusted


def compare_all(
  by_setting: Mapping[str, BySeed],
  lower: bool,
  contrasts: Sequence[tuple[str, str]] | None = None,
) -> list[Compared]:
  """Some pairs of settings, as one family of tests.

  Runs of one seed are pairs only where seeds are shown to correlate between settings, and where so
  many pairs could decide at all: else they are independent runs, and if they do correlate after
  all, that test errs to the safe side.

  Args:
    by_setting: setting -> seed -> figure, NaN where the run failed.
    lower: whether lower is better.
    contrasts: the pairs that are compared; all where it is None.
  """
  pairs = list(itertools.combinations(by_setting, 2)) if contrasts is None else list(contrasts)
  correlated = seeds_correlate(by_setting, lower)
  compared = []
  for a, b in pairs:
    x, y = by_setting[a], by_setting[b]
    decide = power.least_p(len(x), len(y), paired=True) * len(pairs) < LEVEL
    compared.append(compare(x, y, lower, correlated and decide and x.keys() == y.keys()))
  adjusted = holm([one.p_value for one in compared])
  return [
    Compared(a, b, one, float(p), verdict(one, p))
    for (a, b), one, p in zip(pairs, compared, adjusted, strict=True)
  ]


def seeds_correlate(by_setting: Mapping[str, BySeed], lower: bool = True) -> bool:
  """Whether seeds rank alike in the settings that share them: Kendall's W, at 0.001."""
  if not by_setting:
    return False
  seeds, _ = Counter(tuple(sorted(one)) for one in by_setting.values()).most_common(1)[0]
  rows = [[one[s] for s in seeds] for one in by_setting.values() if tuple(sorted(one)) == seeds]
  return rank_tests.seeds_agree_p(np.array([ranked(row, lower) for row in rows])) < SEEDS_AGREE


def verdict(comparison: PairTest, adjusted_p: float, level: float = LEVEL) -> str:
  """ "A", "B", "trade-off", "no difference shown", or "not enough seeds".

  It is a trade-off where the one with the better runs is shown to fail more often.
  """
  if min(comparison.n) < ENOUGH:
    return "not enough seeds"
  if adjusted_p >= level:
    return "no difference shown"
  winner = 0 if comparison.probability > 0.5 else 1
  rates = [failed / n for failed, n in zip(comparison.failed, comparison.n, strict=True)]
  if rates[winner] > rates[1 - winner] and comparison.failure_p < level:
    return "trade-off"
  return "AB"[winner]


def failure_rate(failed: int, n: int, confidence: float = 0.95) -> tuple[float, Interval]:
  """The part of n runs that failed, and its interval of Clopper & Pearson 1934.

  It holds the truth at least as often as it says. NaN of no run.
  """
  if not n:
    return math.nan, Interval(0.0, 1.0)
  found = scipy.stats.binomtest(failed, n).proportion_ci(confidence)
  return failed / n, Interval(float(found.low), float(found.high))
