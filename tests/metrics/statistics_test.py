"""Statistics against hand figures, brute force, other implementations, and their own promise."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from genjax.metrics import significance, statistics
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


@pytest.mark.parametrize(("wins", "n"), [(0, 10), (3, 10), (10, 10), (17, 20)])
def test_pairs_by_wilson(wins, n):
  a = np.where(np.arange(n) < wins, 0.0, 2.0)
  found, interval = significance.probability_of_better(a, np.ones(n), paired=True)
  expected = stats.binomtest(wins, n).proportion_ci(method="wilson")
  assert found == wins / n
  np.testing.assert_allclose(interval, (expected.low, expected.high), atol=1e-9)


def test_all_pairs_by_newcombe():
  a, b = np.array([1.0, 2, 3, 5]), np.array([3.0, 4, 6])
  found, (low, high) = significance.probability_of_better(a, b, paired=False)
  assert found == (3 + 3 + 2.5 + 1) / 12
  # Each end is as many standard errors away as the level says, written out.
  for theta in (low, high):
    spread = 1 + 2.5 * ((1 - theta) / (2 - theta) + theta / (1 + theta))
    error = math.sqrt(theta * (1 - theta) * spread / 12)
    np.testing.assert_allclose(abs(found - theta) / error, 1.959964, rtol=1e-5)
  assert low < found < high
  mirrored, other = significance.probability_of_better(b, a, paired=False)
  np.testing.assert_allclose([mirrored, *other], [1 - found, 1 - high, 1 - low])
  apart, (low, high) = significance.probability_of_better(a, a + 9, paired=False)
  assert (apart, high) == (1, 1)
  assert 0.4 < low < 0.9  # four runs each that do not overlap are no proof


@pytest.mark.parametrize(("shift", "n"), [(0.0, 10), (1.0, 10), (1.0, 5)])
def test_newcombe_s_coverage_by_simulation(shift, n):
  truth = stats.norm.cdf(shift / math.sqrt(2))  # P(A < B) of A ~ N(0, 1), B ~ N(shift, 1)
  draws = RNG(n).normal(size=(1000, 2, n))
  intervals = [significance.probability_of_better(a, b + shift, paired=False)[1] for a, b in draws]
  coverage = np.mean([low <= truth <= high for low, high in intervals])
  assert 0.92 < coverage < 0.985


def test_a_failed_run_is_the_worst_whichever_way_is_better():
  a, b = np.array([1.0, 2, 3]), np.array([NAN, 5, 6])
  for sign, lower in ((1, True), (-1, False)):
    for paired in (True, False):
      assert significance.probability_of_better(sign * a, sign * b, paired, lower)[0] == 1
      assert significance.probability_of_better(sign * b, sign * a, paired, lower)[0] == 0
  both = np.array([NAN, NAN])
  assert significance.probability_of_better(both, both, paired=True)[0] == 0.5


def _sign_flips(difference):
  """The two-sided p-value of the signed ranks' sum, over all signs."""
  ranks = stats.rankdata(np.abs(difference))
  signs = np.array(list(itertools.product([-1, 1], repeat=len(ranks))))
  sums, found = signs @ ranks, np.sign(difference) @ ranks
  return (np.abs(sums) >= abs(found) - 1e-9).mean()


def _shuffles(a, b):
  """The two-sided p-value of A's wins, over all ways to split the figures."""
  both, indices = np.concatenate([a, b]), range(len(a) + len(b))
  wins = []
  for chosen in itertools.combinations(indices, len(a)):
    rest = [i for i in indices if i not in chosen]
    wins.append((both[list(chosen)][:, None] < both[rest][None]).sum())
  found, centre = (a[:, None] < b[None]).sum(), len(a) * len(b) / 2
  return (np.abs(np.array(wins) - centre) >= abs(found - centre) - 1e-9).mean()


def test_p_values_by_brute_force():
  a, b = RNG(0).normal(size=7), RNG(1).normal(size=7) + 0.8
  by_seed = significance.compare(dict(enumerate(a)), dict(enumerate(b)))
  assert by_seed.paired
  np.testing.assert_allclose(by_seed.p_value, _sign_flips(a - b), rtol=1e-9)
  apart = significance.compare(dict(enumerate(a)), dict(enumerate(b, 100)))
  assert not apart.paired
  np.testing.assert_allclose(apart.p_value, _shuffles(a, b), rtol=1e-9)


def test_a_failed_run_in_a_pair_is_the_largest_difference():
  a = {0: 1.0, 1: 2.0, 2: 3.0, 3: NAN, 4: 0.0}
  b = {0: 1.5, 1: 4.0, 2: 3.2, 3: 2.0, 4: 3.0}
  found = significance.compare(a, b)
  assert (found.n, found.failed) == ((5, 5), (1, 0))
  assert found.probability == 0.8
  np.testing.assert_allclose(found.p_value, _sign_flips(np.array([-0.5, -2, -0.2, 99, -3])))
  assert significance.compare({0: NAN, 1: 1.0}, {0: NAN, 1: 1.0}).p_value == 1
  with pytest.raises(ValueError, match="without runs"):
    significance.compare({}, {0: 1.0})


def test_holm_by_hand():
  # Sorted 0.01, 0.03, 0.04 times 3, 2, 1, and never less than one before.
  np.testing.assert_allclose(significance.holm([0.03, 0.01, 0.04]), [0.06, 0.03, 0.06])
  np.testing.assert_allclose(significance.holm([0.9, 0.8]), [1, 1])
  assert significance.holm([]).shape == (0,)


def test_no_winner_without_enough_seeds():
  def verdict(n, shift):
    a = {i: i / 100 for i in range(n)}
    found = significance.compare(a, {i: v + shift for i, v in a.items()})
    return significance.verdict(found, found.p_value)

  assert verdict(9, 5.0) == "not enough seeds"
  assert verdict(10, 5.0) == "A"
  assert verdict(10, -5.0) == "B"
  assert verdict(10, 0.0) == "no difference shown"


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


def test_interval_of_the_median_is_between_order_statistics():
  values = np.array([3.0, 10.0, 1.0, 7.0, 2.0, 9.0, 4.0, 8.0, 6.0, 5.0])
  # Of 10, the 2nd to the 9th hold the median with 1 - 2 (1 + 10) / 2**10 = 0.979, and the 3rd to
  # the 8th with 0.891.
  assert statistics.median_interval(values) == (2, 9)
  assert statistics.median_interval(values, 0.85) == (3, 8)
  assert statistics.median_interval(values[:6]) == (1, 10)  # with 1 - 2 / 2**6 = 0.969
  assert statistics.median_interval(values[:5]) == (-np.inf, np.inf)
  assert statistics.median_interval(values[:0]) == (-np.inf, np.inf)


# How many seeds would decide.


@pytest.mark.parametrize("paired", [True, False])
def test_seeds_to_decide_have_the_power_that_they_promise(paired):
  """Of normal figures one sd apart, by simulation with the number that is named."""
  shift = 1.0
  # P(A better) of independent runs; pairs of independent runs have the same.
  probability = stats.norm.cdf(shift / np.sqrt(2))
  n = statistics.ENOUGH
  like = significance.Comparison(
    (n, n), (0, 0), paired, float(probability), statistics.Interval(0, 1), 0.5
  )
  needed = significance.seeds_to_decide(like, tests=3)
  rng, won = np.random.default_rng(0), 0
  for _ in range(200):
    a, b = rng.normal(size=needed), rng.normal(shift, size=needed)
    seeds = range(needed)
    others = seeds if paired else range(needed, 2 * needed)
    compared = significance.compare(
      dict(zip(seeds, a, strict=True)), dict(zip(others, b, strict=True))
    )
    assert compared.paired == paired
    won += compared.p_value < 0.05 / 3
  # Wilcoxon's test takes fewer pairs than the sign test that the number is of.
  assert 0.7 < won / 200 < (1.0 if paired else 0.9)


def test_seeds_to_decide_by_hand_and_more_than_there_are():
  n = statistics.ENOUGH
  like = significance.Comparison((n, n), (0, 0), False, 0.75, statistics.Interval(0, 1), 0.1)
  # (1.960 + 0.842)^2 / 6 / 0.25^2
  assert significance.seeds_to_decide(like, tests=1) == 21
  assert significance.seeds_to_decide(like._replace(paired=True), tests=1) == 32  # / 4
  assert significance.seeds_to_decide(like._replace(n=(40, 30)), tests=1) == 41


def test_seeds_to_decide_are_enough_for_the_least_p():
  n = statistics.ENOUGH
  apart = significance.Comparison((n, n), (0, 0), True, 1.0, statistics.Interval(0, 1), 0.001)
  assert significance.seeds_to_decide(apart, tests=1) == n + 1  # as these did not decide
  many = significance.seeds_to_decide(apart, tests=45)
  assert significance.least_p(apart._replace(n=(many, many))) * 45 < 0.05
  nothing = apart._replace(probability=0.5)
  assert significance.seeds_to_decide(nothing, tests=1) > 10**9
