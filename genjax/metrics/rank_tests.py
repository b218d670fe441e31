"""Exact tests by ranks: of two settings, of pairs that share a seed, and of a shift between them.

Figures are such that lower is better, and a failed run's is infinite (`statistics.ranked`). Ties,
which failed runs are among themselves, share their mean rank. p-values count the orders that chance
alone would give, ties included, where libraries assume that there are none.
"""

import functools
import math

import numpy as np
import scipy
from jaxtyping import Float

EXACT = 120  # runs of both settings together, above which the normal approximation serves


def rank_sum_p(
  a: Float[np.ndarray, " n"], b: Float[np.ndarray, " m"], alternative: str = "two-sided"
) -> float:
  """The p-value of the rank sum of A (Wilcoxon 1945; Mann & Whitney 1947), exact with ties.

  Args:
    a, b: figures of n and m independent runs.
    alternative: "two-sided"; "less" asks whether A's figures are lower, "greater" the reverse.

  Returns:
    0 to 1: of all ways to deal the ranks out, those with a sum as far from its mean (or as low, as
    high) as the one found.
  """
  doubled = _doubled_ranks(np.concatenate([a, b]))
  if np.ptp(doubled) == 0:
    return 1.0
  if len(doubled) > EXACT:
    found = scipy.stats.mannwhitneyu(a, b, alternative=alternative, method="asymptotic")
    return float(found.pvalue)
  chances = _rank_sums(tuple(np.sort(doubled).tolist()), len(a))
  return _tail(chances, int(doubled[: len(a)].sum()), len(a) * (len(doubled) + 1), alternative)


def critical_wins(n: int, m: int, level: float) -> int:
  """The fewest wins, of n m, at which the two-sided p of runs without ties is below the level.

  n m + 1 where there are none.
  """
  if n + m > EXACT:
    spread = math.sqrt(n * m * (n + m + 1) / 12)
    return math.floor(n * m / 2 + 0.5 + -scipy.special.ndtri(level / 2) * spread) + 1
  # Of doubled ranks every other sum is possible; the lowest has no win.
  chances = _rank_sums(tuple(range(2, 2 * (n + m) + 1, 2)), n)[n * (n + 1) :: 2][: n * m + 1]
  tails = 2 * np.cumsum(chances[::-1])[::-1]  # of at least so many wins
  return int((tails >= level).sum())


def paired_p(a: Float[np.ndarray, " n"], b: Float[np.ndarray, " n"]) -> float:
  """The two-sided p-value of the same rank sum where entries of one index belong together.

  Exact: all 2**n ways to swap the figures within pairs. Its direction is that of `rank_sum_p` and
  of the share of all pairs of runs that A wins (Munzel 1999, of that effect for paired figures).
  """
  n = len(a)
  doubled = _doubled_ranks(np.concatenate([a, b]))
  difference = doubled[:n] - doubled[n:]
  if not difference.any():
    return 1.0
  total = int(np.abs(difference).sum())
  chances = _signed_sums(tuple(np.sort(np.abs(difference)).tolist()))
  return _tail(chances, int(difference.sum()) + total, total, "two-sided")


def seeds_agree_p(figures: Float[np.ndarray, "K n"]) -> float:
  """The p-value of seeds having no part in it: one-sided, of Kendall's W over K settings.

  By the F approximation (Kendall & Babington Smith 1939; Legendre 2005, equation 3), but where all
  settings have one order, of which there are as many as seeds can be put in. 1 where there
  is nothing to tell by: less than two settings or three seeds, or settings of equal figures alone.

  Args:
    figures: of each setting and seed, the same seeds in all.
  """
  figures = figures[np.ptp(scipy.stats.rankdata(figures, axis=1), axis=1) > 0]
  K, n = figures.shape
  if K < 2 or n < 3:
    return 1.0
  correlations = np.corrcoef(scipy.stats.rankdata(figures, axis=1))
  mean = (correlations.sum() - K) / (K * (K - 1))
  W = (1 + (K - 1) * mean) / K
  if math.isclose(W, 1) or W > 1:
    return math.exp((1 - K) * math.lgamma(n + 1))
  free = n - 1 - 2 / K
  return float(scipy.stats.f.sf((K - 1) * W / (1 - W), free, free * (K - 1)))


def _doubled_ranks(values: Float[np.ndarray, " N"]) -> np.ndarray:
  """Whole numbers: ranks of ties are halves."""
  return np.rint(2 * scipy.stats.rankdata(values)).astype(int)


def _tail(chances: np.ndarray, observed: int, mean: int, alternative: str) -> float:
  """The chance of a sum as extreme as the one found; `chances` of the sums 0, 1, ..."""
  sums = np.arange(len(chances))
  extreme = {
    "two-sided": np.abs(sums - mean) >= abs(observed - mean),
    "less": sums <= observed,
    "greater": sums >= observed,
  }[alternative]
  return float(min(chances[extreme].sum(), 1.0))


@functools.lru_cache(64)
def _rank_sums(doubled: tuple[int, ...], n: int) -> np.ndarray:
  """The chance of each sum of n of these ranks, drawn without replacement (Streitberg 1986)."""
  counts = np.zeros((n + 1, sum(doubled) + 1))
  counts[0, 0] = 1
  for rank in doubled:
    counts[1:, rank:] += counts[:-1, : counts.shape[1] - rank].copy()
  return counts[n] / counts[n].sum()


@functools.lru_cache(64)
def _signed_sums(sizes: tuple[int, ...]) -> np.ndarray:
  """The chance of each sum of these with random signs; entry 0 is minus their total."""
  total = sum(sizes)
  chances = np.zeros(2 * total + 1)
  chances[total] = 1
  for size in sizes:
    if size:
      chances = (np.roll(chances, size) + np.roll(chances, -size)) / 2
  return chances
