"""The split of variance, by hand and by simulation."""

import math

import numpy as np
import pytest

from genjax.metrics import variance

NAN = math.nan


def test_by_hand():
  # Runs at 1 and 3, two evaluations 0.2 apart in the one and the other way in the other.
  found = variance.split([np.array([[1.1, 0.9], [2.9, 3.1]])])
  assert found.evaluation**2 == pytest.approx(4 * 0.1**2)
  assert found.training**2 == pytest.approx((2 * 2 - 0.04) / 2)
  assert found.share == pytest.approx(1.98 / 2.02)


def test_what_an_evaluation_adds_to_all_runs_is_no_noise_of_a_comparison():
  runs = np.array([[1.0], [2.0], [4.0]]) + np.array([[0.0, 10.0]])
  found = variance.split([runs])
  assert (found.evaluation, found.share) == (pytest.approx(0, abs=1e-9), pytest.approx(1))


def test_where_nothing_can_be_told():
  assert variance.split([np.ones((3, 1))]) is None
  assert variance.split([np.array([[1.0, 2], [NAN, 1]])]) is None
  assert math.isnan(variance.split([np.ones((3, 2))]).share)


@pytest.mark.parametrize(("n", "share"), [(3, 0.5), (5, 0.9), (10, 0.5), (20, 0.9), (10, 0.0)])
def test_the_truth_and_its_interval_by_simulation(n, share):
  rng, sd = np.random.default_rng(n), math.sqrt(share)
  found = [
    variance.split(
      [
        5 * setting + sd * rng.normal(size=(n, 1)) + math.sqrt(1 - share) * rng.normal(size=(n, 3))
        for setting in range(4)
      ]
    )
    for _ in range(400)
  ]
  held = np.mean([one.interval.low <= share <= one.interval.high for one in found])
  assert 0.92 < held <= 1.0
  if n >= 10:
    assert np.mean([one.training**2 for one in found]) == pytest.approx(share, abs=0.06)
