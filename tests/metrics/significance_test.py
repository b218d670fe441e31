"""Comparisons of settings: against brute force, other implementations, and their own promise."""

import math

import numpy as np
import pytest
from scipy import stats

from genjax.metrics import significance

NAN = math.nan
RNG = np.random.default_rng


def test_all_pairs_by_newcombe():
  a, b = np.array([1.0, 2, 3, 5]), np.array([3.0, 4, 6])
  found, (low, high) = significance.probability_of_better(a, b)
  assert found == (3 + 3 + 2.5 + 1) / 12
  # Each end is as many standard errors away as the level says, written out.
  for theta in (low, high):
    spread = 1 + 2.5 * ((1 - theta) / (2 - theta) + theta / (1 + theta))
    error = math.sqrt(theta * (1 - theta) * spread / 12)
    np.testing.assert_allclose(abs(found - theta) / error, 1.959964, rtol=1e-5)
  assert low < found < high
  mirrored, other = significance.probability_of_better(b, a)
  np.testing.assert_allclose([mirrored, *other], [1 - found, 1 - high, 1 - low])
  apart, (low, high) = significance.probability_of_better(a, a + 9)
  assert (apart, high) == (1, 1)
  assert 0.4 < low < 0.9  # four runs each that do not overlap are no proof


@pytest.mark.parametrize(("shift", "n"), [(0.0, 10), (1.0, 10), (1.0, 5)])
def test_newcombe_s_coverage_by_simulation(shift, n):
  truth = stats.norm.cdf(shift / math.sqrt(2))  # P(A < B) of A ~ N(0, 1), B ~ N(shift, 1)
  draws = RNG(n).normal(size=(1000, 2, n))
  intervals = [significance.probability_of_better(a, b + shift)[1] for a, b in draws]
  coverage = np.mean([low <= truth <= high for low, high in intervals])
  assert 0.92 < coverage < 0.985


def test_a_failed_run_is_the_worst_whichever_way_is_better():
  a, b = np.array([1.0, 2, 3]), np.array([NAN, 5, 6])
  for sign, lower in ((1, True), (-1, False)):
    assert significance.probability_of_better(sign * a, sign * b, lower)[0] == 1
    assert significance.probability_of_better(sign * b, sign * a, lower)[0] == 0
  both = np.array([NAN, NAN])
  assert significance.probability_of_better(both, both)[0] == 0.5


def test_a_comparison_by_brute_force():
  a, b = RNG(0).normal(size=7), RNG(1).normal(size=7) + 0.8
  apart = significance.compare(dict(enumerate(a)), dict(enumerate(b, 100)))
  np.testing.assert_allclose(apart.p_value, stats.mannwhitneyu(a, b, method="exact").pvalue)
  by_seed = significance.compare(dict(enumerate(a)), dict(enumerate(b)), paired=True)
  assert by_seed.probability == apart.probability
  assert by_seed.p_value != apart.p_value
  with pytest.raises(ValueError, match="without runs"):
    significance.compare({}, {0: 1.0})
  with pytest.raises(ValueError, match="no pairs"):
    significance.compare({0: 1.0}, {1: 1.0}, paired=True)


def _setting(*values, first=0):
  return dict(enumerate(map(float, values), first))


@pytest.mark.parametrize("lower", [True, False])
def test_the_verdict_goes_where_its_p_comes_from(lower):
  """16 small wins against 14 large losses: A wins more pairs of a seed, B has the lower ranks."""
  rng = RNG(0)
  difference = np.concatenate([np.full(16, -0.1), np.full(14, 5.0)]) + 0.01 * rng.normal(size=30)
  b = rng.normal(size=30)
  by_setting = {"a": _setting(*(b + difference)), "b": _setting(*b)}
  if not lower:
    by_setting = {name: {k: -v for k, v in own.items()} for name, own in by_setting.items()}
  (one,) = significance.compare_all(by_setting, lower)
  assert one.adjusted < 0.05
  assert (one.comparison.probability < 0.5, one.verdict) == (True, "B")


def test_eight_failures_of_ten_are_no_winner():
  """Each of the two survivors is the best of all runs."""
  a = _setting(1, 1.1, *[NAN] * 8)
  (one,) = significance.compare_all({"a": a, "b": _setting(*np.linspace(2, 3, 10))}, True)
  assert (one.comparison.failed, one.comparison.probability) == ((8, 0), 0.2)
  assert one.verdict != "A"
  assert one.comparison.failure_p < 0.001


def test_the_better_runs_of_a_setting_that_fails_more_are_a_trade_off():
  a = _setting(*np.linspace(1, 2, 28), *[NAN] * 12)
  b = _setting(*np.linspace(3, 4, 40))
  (one,) = significance.compare_all({"a": a, "b": b}, True)
  assert (one.comparison.probability, one.verdict) == (0.7, "trade-off")
  (other,) = significance.compare_all({"b": b, "a": a}, True)
  assert other.verdict == "trade-off"
  few = _setting(*np.linspace(1, 2, 38), NAN, NAN)  # as no difference of failures is shown
  (one,) = significance.compare_all({"a": few, "b": b}, True)
  assert one.verdict == "A"


def test_failure_rates_have_the_interval_of_clopper_and_pearson():
  rate, (low, high) = significance.failure_rate(3, 10)
  assert rate == 0.3
  np.testing.assert_allclose(stats.binom.sf(2, 10, low), 0.025)
  np.testing.assert_allclose(stats.binom.cdf(3, 10, high), 0.025)
  assert significance.failure_rate(0, 10)[1].low == 0
  assert math.isnan(significance.failure_rate(0, 0)[0])


# Ten settings of ten seeds that do not overlap: today's studies.
APART = {f"s{i}": _setting(*(i + np.linspace(0, 0.5, 10))) for i in range(10)}


SHUFFLED = {
  name: dict(zip(RNG(i).permutation(10).tolist(), own.values(), strict=True))
  for i, (name, own) in enumerate(APART.items())
}


def test_ten_seeds_of_ten_settings_name_winners():
  for by_setting in (SHUFFLED, APART):  # those of APART are of one order in all: seeds agree
    found = significance.compare_all(by_setting, True)
    assert len(found) == 45
    assert {one.verdict for one in found} == {"A"}
    assert not any(one.comparison.paired for one in found)  # 45 pairs of signs decide nothing


def test_runs_are_pairs_only_where_seeds_are_shown_to_correlate():
  rng = RNG(3)
  shared, noise = rng.normal(size=10), 0.05 * rng.normal(size=(2, 10))
  alike = {"a": _setting(*(shared + noise[0])), "b": _setting(*(shared + 0.2 + noise[1]))}
  (one,) = significance.compare_all(alike, True)
  assert one.comparison.paired
  assert one.verdict == "A"  # though the runs overlap
  apart = {"a": alike["a"], "b": dict(enumerate(alike["b"].values(), 100))}
  (other,) = significance.compare_all(apart, True)
  assert (other.comparison.paired, other.verdict) == (False, "no difference shown")
  free = {name: _setting(*rng.normal(size=10)) for name in "abc"}
  assert not any(one.comparison.paired for one in significance.compare_all(free, True))


def test_contrasts_are_the_family():
  every = significance.compare_all(SHUFFLED, True)
  chosen = significance.compare_all(SHUFFLED, True, [("s0", "s1"), ("s1", "s2")])
  assert [(one.a, one.b) for one in chosen] == [("s0", "s1"), ("s1", "s2")]
  np.testing.assert_allclose(chosen[0].adjusted * 45, every[0].adjusted * 2)


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


# False verdicts of a study: the family's, whatever the figures' distribution.


def _null_study(rng, settings, n, kind):
  def figures():
    shared = rng.normal(size=n)
    own = {
      "normal": lambda: rng.normal(size=n),
      "skewed": lambda: rng.lognormal(size=n),
      "ties": lambda: rng.integers(0, 4, n).astype(float),
      "failures": lambda: np.where(rng.random(n) < 0.3, NAN, rng.normal(size=n)),
      "seeds": lambda: 0.9 * shared + 0.3 * rng.normal(size=n),
    }[kind]
    return [own() for _ in range(settings)]

  return {f"s{i}": dict(enumerate(one)) for i, one in enumerate(figures())}


@pytest.mark.parametrize("kind", ["normal", "skewed", "ties", "failures", "seeds"])
def test_false_verdicts_by_simulation(kind):
  rng, studies = RNG(0), 150
  false = sum(
    any(one.verdict in ("A", "B", "trade-off") for one in significance.compare_all(study, True))
    for study in (_null_study(rng, 4, 10, kind) for _ in range(studies))
  )
  assert false / studies < 0.05 + 3 * math.sqrt(0.05 * 0.95 / studies)
