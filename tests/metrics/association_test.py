"""Correlations within settings, against scipy, all orders, and settings that only lie apart."""

import math
import warnings

import numpy as np
import pytest
from scipy import stats

from genjax.metrics import association

NAN = math.nan
RNG = np.random.default_rng


@pytest.mark.parametrize("n", [3, 5, 6, 7, 8, 20])
def test_one_setting_is_scipy_s_and_exact_with_few_runs(n):
  rng = RNG(n)
  x, y = rng.normal(size=n), rng.integers(0, 4, n).astype(float)  # with ties
  found, rho, p = association.spearman(x, y, ["a"] * n)
  expected = stats.spearmanr(x, y)
  assert found == n
  np.testing.assert_allclose(rho, expected.statistic)
  if n <= 6:
    exact = stats.permutation_test(
      (x,), lambda x: stats.spearmanr(x, y).statistic, permutation_type="pairings"
    )
    np.testing.assert_allclose(p, exact.pvalue, rtol=1e-9)
  elif n > 7:
    np.testing.assert_allclose(p, expected.pvalue)
  np.testing.assert_allclose(association.kendall(x, y, ["a"] * n)[1], stats.kendalltau(x, y)[0])


def test_three_settings_by_hand():
  x = [1.0, 2, 3, 11, 12, 13, 21, 22, NAN]
  y = [3.0, 2, 1, 12, 13, 11, 22, 21, 5]
  settings = list("aaabbbccc")
  # Ranks from their settings' means: -2, -1 and -0.5 of 2 + 2 + 0.5.
  n, rho, p = association.spearman(x, y, settings)
  assert (n, rho) == (8, pytest.approx(-3.5 / 4.5))
  # Of 3! 3! 2! orders: sums of +-2, +-1 twice each and of +-0.5.
  sums = [
    a + b + c for a in (2, 1, 1, -1, -1, -2) for b in (2, 1, 1, -1, -1, -2) for c in (0.5, -0.5)
  ]
  assert p == pytest.approx(np.mean(np.abs(sums) >= 3.5))
  assert association.kendall(x, y, settings) == (8, pytest.approx((-3 - 1 - 1) / 7))


def _three(rng, slope, apart, n=10):
  """Three settings: what both figures are moved by, and what they have in common within."""
  x, y = rng.normal(size=(2, 3, n))
  y = slope * x + math.sqrt(1 - slope**2) * y
  shift = apart * np.arange(3)[:, None]
  return (x + shift).ravel(), (y + shift).ravel(), np.repeat([0, 1, 2], n).tolist()


def test_settings_apart_without_a_relation_within_are_not_correlated():
  rng = RNG(0)
  found = [association.spearman(*_three(rng, 0.0, 5)) for _ in range(400)]
  assert abs(np.mean([rho for _, rho, _ in found])) < 0.05
  assert np.mean([p < 0.05 for *_, p in found]) < 0.09
  pooled = [stats.spearmanr(*_three(rng, 0.0, 5)[:2]).statistic for _ in range(20)]
  assert np.mean(pooled) > 0.8  # what was said before


def test_what_settings_hide_is_found():
  n, rho, p = association.spearman(*_three(RNG(1), -0.999, 5))
  assert (n, rho < -0.95, p < 1e-6) == (30, True, True)


@pytest.mark.parametrize("n", [3, 5, 10, 20])
def test_the_size_of_p_by_simulation(n):
  rng = RNG(n + 1)
  p = [association.spearman(*_three(rng, 0.0, 9, n))[2] for _ in range(1200)]
  assert np.mean(np.array(p) < 0.05) < 0.05 + 3 * math.sqrt(0.05 * 0.95 / 1200)


def test_correlation_where_nothing_can_be_told():
  with warnings.catch_warnings():
    warnings.simplefilter("error")
    for x, y, n in (([1, 2], [1, 2], 2), ([1, 1, 1], [1, 2, 3], 3), ([1, 2, 3], [1, NAN, 3], 2)):
      found = association.spearman(x, y, ["a"] * len(x))
      assert found[0] == n
      assert np.isnan(found[1:]).all()
    assert np.isnan(association.spearman([1, 2, 3], [1, 2, 3], "abc")[1])
    assert association.kendall([1.0], [1.0], "a")[0] == 1
    assert math.isnan(association.kendall([], [], [])[1])
