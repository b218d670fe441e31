"""Statistics against hand figures, brute force, other implementations, and their own promise."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from genjax.metrics import statistics
from genjax.metrics.statistics import Interval

NAN = math.nan
RNG = np.random.default_rng


def test_the_interquartile_mean_by_hand():
  assert statistics.iqm(np.array([100.0, 1, 2, 3, 4, 5, 6, -50])) == 3.5  # 2, 3, 4, 5
  assert statistics.iqm(np.array([9.0, 1, 2])) == 4  # a quarter of three runs is none
  np.testing.assert_array_equal(statistics.iqm(np.array([[0.0, 1, 2, 9], [4, 4, 4, 4]])), [1.5, 4])


def test_students_interval_by_the_table():
  low, high = statistics.t_interval(np.arange(1.0, 6))
  half = 2.776445 * math.sqrt(2.5) / math.sqrt(5)  # t of 4 degrees of freedom, variance 2.5
  np.testing.assert_allclose([low, high], [3 - half, 3 + half], rtol=1e-6)
  assert statistics.t_interval(np.array([3.0])) == (-math.inf, math.inf)


def _bca(values, confidence, resamples, rng):
  """The interval of the mean after Efron 1987, written out."""
  n = len(values)
  means = np.sort(values[rng.integers(0, n, (resamples, n))].mean(1))
  bias = stats.norm.ppf((means < values.mean()).mean())
  left_out = np.array([np.delete(values, i).mean() for i in range(n)])
  d = left_out.mean() - left_out
  acceleration = (d**3).sum() / (6 * (d**2).sum() ** 1.5)
  ends = []
  for tail in ((1 - confidence) / 2, (1 + confidence) / 2):
    z = bias + stats.norm.ppf(tail)
    ends.append(np.quantile(means, stats.norm.cdf(bias + z / (1 - acceleration * z))))
  return ends


def test_bca_against_the_paper_s_formulas():
  values = RNG(0).lognormal(size=15)
  found = statistics.bca_interval(values, lambda x, axis: x.mean(axis))
  width = found.high - found.low
  np.testing.assert_allclose(found, _bca(values, 0.95, 200_000, RNG(1)), atol=0.03 * width)
  # To the right of the symmetric one, as the figures are skewed.
  assert found.low > statistics.t_interval(values).low
  assert found.high > statistics.t_interval(values).high


def test_intervals_of_what_has_no_spread():
  same = np.full(5, 2.5)
  assert statistics.bca_interval(same, statistics.iqm) == (2.5, 2.5)
  assert statistics.bca_interval(same[:1], statistics.iqm) == (-math.inf, math.inf)


def test_bca_where_no_single_run_changes_the_statistic():
  classes = np.array([10.0] * 9 + [9.0])  # the interquartile mean is 10 without any one of them
  low, high = statistics.bca_interval(classes, statistics.iqm)
  assert 9 <= low <= high == 10


# How often BCa's 95% interval of the mean holds the truth, for normal figures.
COVERAGE = {3: (0.66, 0.79), 5: (0.78, 0.88), 10: (0.86, 0.94), 20: (0.88, 0.96)}


@pytest.mark.parametrize("n", COVERAGE)
def test_coverage_by_simulation(n, monkeypatch):
  """Student's keeps its promise for normal figures; BCa does not with a few, which is why both."""
  draws = RNG(n).normal(size=(2000, n))
  within = [low <= 0 <= high for low, high in map(statistics.t_interval, draws)]
  assert abs(np.mean(within) - 0.95) < 4 * math.sqrt(0.95 * 0.05 / 2000)
  monkeypatch.setattr(statistics, "RESAMPLES", 499)
  intervals = [statistics.bca_interval(x, lambda x, axis: x.mean(axis)) for x in draws[:600]]
  low, high = COVERAGE[n]
  assert low < np.mean([i.low <= 0 <= i.high for i in intervals]) < high


@pytest.mark.parametrize("lower", [True, False])
def test_best_of_k_by_all_subsets(lower):
  values = RNG(0).normal(size=7)
  best = min if lower else max
  for k in range(1, 8):
    expected = np.mean([best(chosen) for chosen in itertools.combinations(values, k)])
    np.testing.assert_allclose(statistics.best_of(values, k, lower), expected, rtol=1e-9)


def test_best_of_k_where_runs_failed():
  assert statistics.best_of([1.0, NAN, 2.0], 1) == math.inf  # one run may be the failed one
  np.testing.assert_allclose(statistics.best_of([1.0, NAN, 2.0], 2), (1 + 1 + 2) / 3)
  assert statistics.best_of([1.0, NAN], 1, lower=False) == -math.inf
  for k in (0, 4):
    with pytest.raises(ValueError, match=f"best of {k} of 3"):
      statistics.best_of([1.0, 2.0, 3.0], k)


def test_a_summary_counts_the_failed():
  found = statistics.summary([3.0, NAN, 1.0, 2.0])
  assert (found.n, found.failed, found.mean, found.median, found.iqm) == (3, 1, 2, 2, 2)
  assert found.of_mean == statistics.t_interval(np.array([3.0, 1.0, 2.0]))
  nothing = statistics.summary([NAN, NAN])
  assert (nothing.n, nothing.failed) == (0, 2)
  assert math.isnan(nothing.median)
  assert nothing.of_iqm == Interval(-math.inf, math.inf)


def test_failed_runs_are_the_worst_of_ranks_and_no_part_of_a_mean():
  """1, 2, 3, 4 and six failures: the survivors' 2.5 is no middle of ten runs."""
  ten = [1.0, 2, 3, 4] + [NAN] * 6
  found = statistics.summary(ten, "lower")
  assert (found.n, found.failed, found.mean) == (4, 6, 2.5)
  assert (found.median, found.iqm) == (math.inf, math.inf)
  assert found.of_median == (2, math.inf)  # as between the 2nd and the 9th of ten
  assert statistics.summary(ten, "higher").median == -math.inf
  assert statistics.summary(ten).median == 2.5  # where no end is worse
  dead = statistics.summary([NAN] * 3, "lower")
  assert (dead.n, dead.failed, dead.median, dead.iqm) == (0, 3, math.inf, math.inf)
  assert math.isnan(dead.mean)
  assert statistics.summary([NAN], "higher").iqm == -math.inf
  assert math.isnan(statistics.summary([], "lower").iqm)  # nothing was scored
  one = statistics.summary([*range(1, 10), NAN], "lower")
  assert (one.median, one.iqm) == (5.5, 5.5)  # of 3 to 8, as a quarter is cut off at each end
  assert one.of_iqm.low < 5.5 < one.of_iqm.high == math.inf
  other = statistics.summary([*range(1, 10), NAN], "higher")
  assert (other.median, other.of_iqm.low) == (4.5, -math.inf)


@pytest.mark.parametrize("n", [10, 20])
def test_percentile_intervals_with_failures_hold_the_truth(n, monkeypatch):
  """One run in ten fails, at random: the middle half of all runs is that of 0.9 of a normal's."""
  monkeypatch.setattr(statistics, "RESAMPLES", 499)

  def draw(rng, size):
    return np.where(rng.random(size) < 0.1, NAN, rng.normal(size=size))

  truth = statistics.iqm(statistics.ranked(draw(RNG(99), 400_000), lower=True))
  found = [statistics.summary(draw(RNG(i), n), "lower").of_iqm for i in range(400)]
  coverage = np.mean([low <= truth <= high for low, high in found])
  assert 0.88 < coverage < 0.985


def test_interval_of_the_median_is_between_order_statistics():
  values = np.array([3.0, 10.0, 1.0, 7.0, 2.0, 9.0, 4.0, 8.0, 6.0, 5.0])
  # Of 10, the 2nd to the 9th hold the median with 1 - 2 (1 + 10) / 2**10 = 0.979, and the 3rd to
  # the 8th with 0.891.
  assert statistics.median_interval(values) == (2, 9)
  assert statistics.median_interval(values, 0.85) == (3, 8)
  assert statistics.median_interval(values[:6]) == (1, 10)  # with 1 - 2 / 2**6 = 0.969
  assert statistics.median_interval(values[:5]) == (-np.inf, np.inf)
  assert statistics.median_interval(values[:0]) == (-np.inf, np.inf)
