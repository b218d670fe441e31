"""Exact rank tests, against scipy and all orders looked through."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from genjax.metrics import rank_tests

RNG = np.random.default_rng


def _deals(a, b):
  """The rank sum of A in every way to deal the figures out, and the one found."""
  ranks = stats.rankdata(np.concatenate([a, b]))
  sums = [sum(chosen) for chosen in itertools.combinations(ranks, len(a))]
  return np.array(sums), ranks[: len(a)].sum(), len(a) * (len(ranks) + 1) / 2


CASES = {
  "no ties": ([1.0, 4, 2.5, 7], [3.0, 9, 8, 11, 6]),
  "ties": ([1.0, 1, 2, 3], [1.0, 2, 2, 5, 5]),
  "failures": ([1.0, 2, 3, math.inf], [4.0, math.inf, math.inf, 7, math.inf]),
  "one": ([0.0], [1.0, 2]),
}


@pytest.mark.parametrize("case", CASES)
def test_the_rank_sum_by_all_deals(case):
  a, b = map(np.array, CASES[case])
  sums, found, mean = _deals(a, b)
  expected = {
    "two-sided": (np.abs(sums - mean) >= abs(found - mean) - 1e-9).mean(),
    "less": (sums <= found + 1e-9).mean(),
    "greater": (sums >= found - 1e-9).mean(),
  }
  for side, p in expected.items():
    np.testing.assert_allclose(rank_tests.rank_sum_p(a, b, side), p, rtol=1e-12)


@pytest.mark.parametrize(("n", "m"), [(5, 5), (10, 10), (7, 20), (30, 30)])
def test_the_rank_sum_by_scipy_where_that_is_exact(n, m):
  a, b = RNG(n).normal(size=n), RNG(m).normal(size=m) + 0.5
  expected = stats.mannwhitneyu(a, b, method="exact").pvalue
  np.testing.assert_allclose(rank_tests.rank_sum_p(a, b), expected, rtol=1e-9)


def test_many_runs_take_the_normal_approximation():
  a, b = RNG(0).normal(size=80), RNG(1).normal(size=60) + 0.3
  expected = stats.mannwhitneyu(a, b, method="asymptotic").pvalue
  assert rank_tests.rank_sum_p(a, b) == expected
  assert rank_tests.rank_sum_p(np.ones(80), np.ones(60)) == 1


@pytest.mark.parametrize("case", [0, 1, 2])
def test_pairs_by_all_swaps(case):
  a = np.array([[1.0, 2, 3, 9, 4], [1, 1, 2, 2, 3], [1, math.inf, 2, 3, math.inf]][case], float)
  b = np.array([[1.5, 4, 3.2, 2, 8], [1, 2, 2, 3, 3], [4, math.inf, 5, math.inf, 6]][case], float)
  ranks = stats.rankdata(np.concatenate([a, b]))
  difference = ranks[:5] - ranks[5:]
  signs = np.array(list(itertools.product([-1, 1], repeat=5)))
  expected = (np.abs(signs @ difference) >= abs(difference.sum()) - 1e-9).mean()
  np.testing.assert_allclose(rank_tests.paired_p(a, b), expected, rtol=1e-12)
  assert rank_tests.paired_p(a, a) == 1


def test_the_fewest_wins_that_are_significant():
  for n, m, level in ((10, 10, 0.05), (10, 10, 0.05 / 45), (4, 6, 0.05), (3, 3, 0.05)):
    wins = rank_tests.critical_wins(n, m, level)
    table = {}
    for chosen in itertools.islice(itertools.combinations(range(n + m), n), 0, None, 371):
      a = np.array(chosen, float)
      b = np.setdiff1d(np.arange(n + m), a).astype(float)
      table[int((a[:, None] < b[None]).sum())] = rank_tests.rank_sum_p(a, b)
    for won, p in table.items():
      assert (won >= wins) == (p < level and won > n * m / 2), (n, m, won, p)
  assert rank_tests.critical_wins(3, 3, 0.05) == 10  # of 9: never


def test_whether_seeds_agree_by_simulation():
  """At 0.01 of independent settings, few are said to agree; of settings that share, nearly all."""
  rng = RNG(0)
  for K in (2, 4, 10):
    null = [rank_tests.seeds_agree_p(rng.normal(size=(K, 10))) < 0.05 for _ in range(1000)]
    assert 0.02 < np.mean(null) < 0.08, K
    shared = 2 * rng.normal(size=(200, 1, 10)) + rng.normal(size=(200, K, 10))
    assert np.mean([rank_tests.seeds_agree_p(one) < 0.05 for one in shared]) > 0.8
  assert rank_tests.seeds_agree_p(np.ones((3, 10))) == 1
  assert rank_tests.seeds_agree_p(np.arange(10.0)[None]) == 1
  for K, n in ((2, 3), (2, 10), (4, 6)):  # one order of n!, K - 1 times
    alike = rank_tests.seeds_agree_p(np.array([np.arange(float(n))] * K))
    assert alike == pytest.approx(math.factorial(n) ** (1 - K))
