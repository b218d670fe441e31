"""What designs can show, against simulations of the tests themselves."""

import math

import numpy as np
import pytest
from scipy import stats

from genjax.metrics import power, rank_tests, significance
from genjax.metrics.statistics import ENOUGH


def test_the_least_p_is_that_of_settings_that_do_not_overlap():
  for n, m in ((5, 5), (10, 10), (4, 7)):
    a, b = np.arange(n, dtype=float), 100 + np.arange(m, dtype=float)
    np.testing.assert_allclose(power.least_p(n, m), rank_tests.rank_sum_p(a, b))
    if n == m:
      np.testing.assert_allclose(power.least_p(n, m, paired=True), rank_tests.paired_p(a, b))


def test_ten_seeds_of_45_pairs_can_conclude_and_signed_ranks_could_not():
  assert power.concludes(10, 10, 45)
  assert power.least_p(10, 10, paired=True) * 45 > 0.05  # as the studies were compared before
  assert not power.concludes(9, 10, 1)
  assert not power.concludes(10, 10, 5000)


@pytest.mark.parametrize(("n", "tests"), [(10, 1), (10, 9), (20, 9)])
def test_the_detectable_shift_has_the_power_that_it_promises(n, tests):
  shift = power.detectable_shift(n, n, tests)
  rng = np.random.default_rng(7)
  draws = rng.normal(size=(1500, 2, n))
  found = np.mean([rank_tests.rank_sum_p(a, b + shift) < 0.05 / tests for a, b in draws])
  assert abs(found - power.POWER) < 0.045


def test_what_no_shift_shows_is_infinite():
  assert power.detectable_shift(3, 3, 1) == math.inf
  # Above the exact range by a formula, at once whatever n is, and it goes on from the exact one.
  assert power.detectable_shift(61, 61, 1) == pytest.approx(
    power.detectable_shift(60, 60, 1), rel=0.06
  )
  assert 0 < power.detectable_shift(5000, 5000, 45) < 0.1
  assert power.detectable_shift(10, 10, 10) > power.detectable_shift(10, 10, 1)


def test_seeds_to_decide_have_the_power_that_they_promise():
  """Of normal figures one sd apart, by simulation with the number that is named."""
  shift = 1.0
  probability = float(stats.norm.cdf(shift / np.sqrt(2)))
  needed = power.seeds_to_decide(probability, ENOUGH, tests=3)
  rng, won = np.random.default_rng(0), 0
  for _ in range(300):
    a, b = rng.normal(size=needed), rng.normal(shift, size=needed)
    compared = significance.compare(dict(enumerate(a)), dict(enumerate(b)))
    won += compared.p_value < 0.05 / 3
  assert 0.7 < won / 300 < 0.9


def test_seeds_to_decide_by_hand_and_more_than_there_are():
  # (1.960 + 0.842)^2 / 6 / 0.25^2
  assert power.seeds_to_decide(0.75, 10, tests=1) == 21
  assert power.seeds_to_decide(0.75, 40, tests=1) == 41
  assert power.seeds_to_decide(1.0, 10, tests=1) == 11  # as these did not decide
  assert power.seeds_to_decide(0.5, 10, tests=1) > 10**9
