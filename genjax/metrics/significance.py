"""Whether one setting is better than another: tests by their runs, in families.

The unit is a training run, and a failed one is worse than any other (statistics.py).
"""

import itertools
import math
import sys
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy import optimize, stats

from genjax.metrics.statistics import ENOUGH, Figures, Interval, ranked


class Comparison(NamedTuple):
  """Setting A against setting B."""

  n: tuple[int, int]  # runs, failed ones included
  failed: tuple[int, int]
  paired: bool
  probability: float  # that a run of A is better than one of B; ties count half
  interval: Interval
  p_value: float  # two-sided, of there being no difference


def probability_of_better(
  a: Figures,
  b: Figures,
  paired: bool,
  lower: bool = True,
  confidence: float = 0.95,
) -> tuple[float, Interval]:
  """How likely a run of A is better than a run of B, ties by half, and its interval.

  Args:
    a, b: of n and m runs; NaN is one that failed, which is worse than any other. n = m if `paired`.
    paired: entries of one index belong together, as runs of one seed do.
    lower: whether lower is better.
    confidence: 0 to 1.

  Returns:
    Paired, the part of the pairs that A wins and Wilson's interval. Otherwise the part of all n m
    pairs, and the interval of Newcombe 2006 (part 2, method 5), which does not collapse where the
    settings do not overlap.
  """
  a, b = ranked(a, lower), ranked(b, lower)
  z = stats.norm.ppf((1 + confidence) / 2)
  if paired:
    wins = _wins(a, b).mean()
    return float(wins), _wilson(wins, len(a), z)
  wins = _wins(a[:, None], b[None]).mean()
  return float(wins), _newcombe(wins, len(a), len(b), z)


def _wins(a: Float[np.ndarray, "..."], b: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
  return (a < b) + 0.5 * (a == b)


def _wilson(wins: float, n: int, z: float) -> Interval:
  """Wilson 1927; `wins` may hold halves."""
  centre, half = wins + z**2 / (2 * n), z * math.sqrt(wins * (1 - wins) / n + z**2 / (4 * n**2))
  return Interval(
    max((centre - half) / (1 + z**2 / n), 0.0), min((centre + half) / (1 + z**2 / n), 1.0)
  )


def _newcombe(wins: float, n: int, m: int, z: float) -> Interval:
  """The probabilities whose own standard error puts `wins` z of them away."""
  extra = (n + m) / 2 - 1

  def excess(theta: float) -> float:
    spread = 1 + extra * ((1 - theta) / (2 - theta) + theta / (1 + theta))
    return (wins - theta) ** 2 - z**2 * theta * (1 - theta) * spread / (n * m)

  edge = 1e-9  # where nothing or everything is won, that itself is a root, and not the one meant
  low = 0.0 if wins == 0 else optimize.brentq(excess, 0.0, min(wins, 1 - edge))
  high = 1.0 if wins == 1 else optimize.brentq(excess, max(wins, edge), 1.0)
  return Interval(low, high)


def compare(
  a: Mapping[int, float], b: Mapping[int, float], lower: bool = True, confidence: float = 0.95
) -> Comparison:
  """Compares two settings' runs by seed; they are paired where both have the same seeds.

  The test is Wilcoxon's signed-rank test of pairs, or the Mann-Whitney test.

  Raises:
    ValueError: a setting without runs.
  """
  if not (a and b):
    raise ValueError("a setting without runs cannot be compared")
  paired = a.keys() == b.keys()
  seeds = sorted(a)
  x = np.array([a[seed] for seed in seeds], float)
  y = np.array([b[seed] for seed in (seeds if paired else sorted(b))], float)
  probability, interval = probability_of_better(x, y, paired, lower, confidence)
  return Comparison(
    (len(x), len(y)),
    (int(np.isnan(x).sum()), int(np.isnan(y).sum())),
    paired,
    probability,
    interval,
    _p_value(ranked(x, lower), ranked(y, lower), paired),
  )


def _p_value(a: Float[np.ndarray, " n"], b: Float[np.ndarray, " m"], paired: bool) -> float:
  if not paired:
    return float(stats.mannwhitneyu(a, b).pvalue)
  with np.errstate(invalid="ignore"):
    difference = np.where(a == b, 0.0, a - b)  # two failed runs are a tie
  finite = np.abs(difference[np.isfinite(difference)])
  # A failed run loses by more than any other; by how much does not matter to ranks.
  beyond = 2 * finite.max(initial=1.0)
  difference = np.clip(difference, -beyond, beyond)
  if not difference.any():
    return 1.0
  return float(stats.wilcoxon(difference, zero_method="zsplit").pvalue)


def holm(p_values: Sequence[float]) -> Float[np.ndarray, " {len(p_values)}"]:
  """p-values adjusted for a family of tests, 0 to 1 (Holm 1979)."""
  p = np.asarray(p_values, float)
  order = np.argsort(p)
  steps = np.maximum.accumulate(p[order] * (len(p) - np.arange(len(p))))
  adjusted = np.empty_like(p)
  adjusted[order] = np.minimum(steps, 1)
  return adjusted


def compare_all(
  by_setting: Mapping[str, Mapping[int, float]], lower: bool
) -> list[tuple[str, str, Comparison, float, str]]:
  """`(A, B, comparison, p by Holm's method, verdict)` of each two settings, as one family of tests.

  Args:
    by_setting: setting -> seed -> figure, NaN where the run failed.
    lower: whether lower is better.
  """
  pairs = list(itertools.combinations(by_setting, 2))
  compared = [compare(by_setting[a], by_setting[b], lower) for a, b in pairs]
  adjusted = holm([one.p_value for one in compared])
  return [
    (a, b, one, float(p), verdict(one, p))
    for (a, b), one, p in zip(pairs, compared, adjusted, strict=True)
  ]


def least_p(compared: Comparison) -> float:
  """What the test gives where every run of one is better than every run of the other."""
  n, m = compared.n
  return 2 / (2**n if compared.paired else math.comb(n + m, n))


def seeds_to_decide(compared: Comparison, tests: int, power: float = 0.8) -> int:
  """How many seeds of each setting would show the difference as it looks now, with this power.

  Noether 1987 (equations 2 and 5): of the sign test where runs are paired, which stands for
  Wilcoxon's, and else of the Mann-Whitney test; at 0.05, divided by the tests of the family. More
  than there are, as these did not decide. Where nothing differs it is infinite: `sys.maxsize`.
  """
  shift = abs(compared.probability - 0.5)
  if shift == 0:
    return sys.maxsize
  z = stats.norm.isf(0.05 / tests / 2) + stats.norm.isf(1 - power)
  needed = math.ceil(z**2 / (4 if compared.paired else 6) / shift**2)
  enough = (n for n in itertools.count(ENOUGH) if least_p(_with_n(compared, n)) * tests < 0.05)
  return max(needed, next(enough), max(compared.n) + 1)


def _with_n(compared: Comparison, n: int) -> Comparison:
  return compared._replace(n=(n, n))


def verdict(comparison: Comparison, adjusted_p: float, level: float = 0.05) -> str:
  """ "A", "B", "no difference shown", or "not enough seeds"."""
  if min(comparison.n) < ENOUGH:
    return "not enough seeds"
  if adjusted_p >= level:
    return "no difference shown"
  return "A" if comparison.probability > 0.5 else "B"
