"""Tests of trends, equivalence, interaction and spread: by hand, by scipy, and their own size."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from genjax.metrics import trends

RNG = np.random.default_rng


def _size(p_values):
  return np.mean(np.array(p_values) < 0.05)


# Within four standard errors of 0.05 from above, of 1,000 simulations.
MOST = 0.05 + 4 * math.sqrt(0.05 * 0.95 / 1000)


def test_jonckheere_by_hand_and_in_the_axis_s_direction():
  rising = [np.array([1.0, 2]), np.array([3.0, 5]), np.array([4.0, 6])]
  found = trends.jonckheere([rising])
  assert found.tau == (11 - 1) / 12  # of 12 pairs of two settings one is not in order
  assert trends.jonckheere([rising[::-1]]).tau == -found.tau
  # Over all deals of the six figures: the variance is exact, and p near.
  counts = []
  for order in itertools.permutations(np.concatenate(rising)):
    groups = order[:2], order[2:4], order[4:]
    counts.append(sum(x < y for a, b in itertools.combinations(groups, 2) for x in a for y in b))
  assert trends._variance(rising) == pytest.approx(np.var(counts))
  exact = np.mean(np.abs(np.array(counts) - 6) >= 5)
  assert found.p_value == pytest.approx(exact, abs=0.02)


def test_jonckheere_s_variance_with_ties_is_exact():
  groups = [np.array([1.0, 1, 2]), np.array([2.0, 2]), np.array([3.0, 1])]
  scores = []
  for order in itertools.permutations(np.concatenate(groups)):
    parts = order[:3], order[3:5], order[5:]
    scores.append(
      sum(
        (x < y) + 0.5 * (x == y) for a, b in itertools.combinations(parts, 2) for x in a for y in b
      )
    )
  assert trends._variance(groups) == pytest.approx(np.var(scores))


@pytest.mark.parametrize("n", [3, 5, 10, 20])
def test_jonckheere_s_size_and_power(n):
  rng = RNG(n)
  null = [trends.jonckheere([list(rng.normal(size=(4, n)))]).p_value for _ in range(1000)]
  assert _size(null) < MOST
  two_lines = [
    trends.jonckheere([list(a), list(9 + b)]).p_value
    for a, b in (rng.integers(0, 4, (2, 3, n)).astype(float) for _ in range(1000))
  ]
  assert _size(two_lines) < MOST
  rising = [
    trends.jonckheere([list(rng.normal(size=(4, n)) + np.arange(4)[:, None])]).p_value
    for _ in range(100)
  ]
  assert _size(rising) > 0.8


def test_a_trend_over_failures_and_of_nothing():
  failed = [np.array([1.0, 2, 3]), np.array([1.5, 2.5, math.inf]), np.full(3, math.inf)]
  assert trends.jonckheere([failed]).tau > 0.5
  assert trends.jonckheere([[np.ones(3), np.ones(3)]]) == (0, 1)
  assert math.isnan(trends.jonckheere([[np.ones(3)]]).p_value)


@pytest.mark.parametrize("n", [5, 10, 20])
def test_equivalence_is_shown_within_the_margin_and_not_at_its_edge(n):
  rng = RNG(n)
  edge = [
    trends.equivalence_p(a + 2.0, b, 2.0) for a, b in (rng.normal(size=(2, n)) for _ in range(1000))
  ]
  assert _size(edge) < MOST
  same = [trends.equivalence_p(a, b, 2.0) for a, b in (rng.normal(size=(2, n)) for _ in range(200))]
  assert _size(same) > {5: 0.6, 10: 0.95, 20: 0.99}[n]
  a, b = RNG(0).normal(size=(2, 20))
  assert trends.equivalence_p(a, b, 3.0) < 1e-6
  for failed in (np.append(a[:-1], math.inf), np.full(20, math.inf)):
    assert trends.equivalence_p(failed, b, 3.0) == trends.equivalence_p(b, failed, 3.0) == 1
  with pytest.raises(ValueError, match="margin of 0"):
    trends.equivalence_p(np.ones(3), np.ones(3), 0.0)


@pytest.mark.parametrize("n", [3, 5, 10, 20])
def test_interaction_s_size_beside_large_main_effects_and_power(n):
  rng = RNG(n)
  main = 5 * np.arange(2)[:, None] + 9 * np.arange(3)[None]
  cells = lambda effect: [list(row) for row in effect[..., None] + rng.normal(size=(2, 3, n))]  # noqa: E731
  assert _size([trends.interaction_p(cells(main)) for _ in range(1000)]) < MOST
  crossed = main + np.array([[0, 0, 0], [0, 0, 4]])
  power = _size([trends.interaction_p(cells(crossed)) for _ in range(100)])
  assert power > (0.9 if n > 3 else 0.5)


def test_interaction_where_none_can_be_told():
  cell = np.array([1.0, 2, 3])
  assert math.isnan(trends.interaction_p([[cell, cell]]))
  assert math.isnan(trends.interaction_p([[cell, cell], [cell, np.array([1.0, math.inf])]]))
  assert math.isnan(trends.interaction_p([[cell[:1]] * 2] * 2))


def test_interaction_does_not_depend_on_the_unit():
  """Whole figures, of which many are equal once the main effects are taken off."""
  for seed in range(20):
    figures = RNG(seed).integers(0, 4, (2, 3, 5)) + np.array([[0.0], [3]])[..., None]
    found = [trends.interaction_p([list(row) for row in unit * figures]) for unit in (1, 3.7e5)]
    assert found[0] == found[1]


@pytest.mark.parametrize("n", [5, 10, 20])
def test_spread_is_scipy_s_its_size_and_without_failures(n):
  rng = RNG(n)
  a, b, c = rng.normal(size=(3, n))
  expected = stats.levene(a, b, c, center="median").pvalue
  assert trends.spread_p([a, b, np.append(c, math.inf)]) == pytest.approx(expected)
  null = [trends.spread_p(list(rng.normal(size=(3, n)))) for _ in range(1000)]
  assert _size(null) < MOST
  assert math.isnan(trends.spread_p([a, b[:2]]))
  assert math.isnan(trends.spread_p([np.ones(n), np.ones(n)]))
