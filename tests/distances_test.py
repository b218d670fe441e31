"""Distances of feature sets against scipy, prdc and brute force, and where the answer is known."""

import numpy as np
import pytest
from prdc import compute_prdc
from scipy import linalg, stats
from scipy.spatial import distance

from genjax import distances

RNG = np.random.default_rng


def normal(n, size, seed=0, scale=1.0, shift=0.0):
  return RNG(seed).normal(shift, scale, (n, size)).astype(np.float32)


def test_frechet_of_known_normals():
  """Diagonal covariances: the sum of squared differences of means and of standard deviations."""
  a = distances.Moments(np.array([0.0, 1, 2]), np.diag([1.0, 4, 9]))
  b = distances.Moments(np.array([1.0, 1, 0]), np.diag([4.0, 4, 1]))
  np.testing.assert_allclose(distances.frechet(a, b), 1 + 4 + 1 + 0 + 4)
  np.testing.assert_allclose(distances.frechet(a, a), 0, atol=1e-12)


def test_frechet_against_scipys_matrix_root():
  x, y = normal(300, 8) @ RNG(2).normal(size=(8, 8)), normal(200, 8, 1, 1.5, 0.3)
  a, b = distances.moments(x), distances.moments(y)
  root = linalg.sqrtm(np.cov(x, rowvar=False) @ np.cov(y, rowvar=False)).real
  expected = ((x.mean(0) - y.mean(0)) ** 2).sum()
  expected += np.trace(np.cov(x, rowvar=False) + np.cov(y, rowvar=False) - 2 * root)
  np.testing.assert_allclose(distances.frechet(a, b), expected, rtol=1e-6)
  np.testing.assert_allclose(distances.frechet(b, a), expected, rtol=1e-6)


def test_dead_features_do_no_harm():
  x, y = normal(300, 6), normal(300, 6, 1, 2.0)
  wide = [np.pad(part, ((0, 0), (0, 20))) for part in (x, y)]
  alone, padded = (distances.frechet(*map(distances.moments, pair)) for pair in ((x, y), wide))
  np.testing.assert_allclose(padded, alone, rtol=1e-9)
  with pytest.raises(ValueError, match="two images; there are 1"):
    distances.moments(x[:1])


def test_few_images_bias_the_frechet_distance_and_extrapolation_does_not():
  real = distances.Moments(np.zeros(16), np.eye(16))
  same = [normal(1000, 16, seed) for seed in range(5)]
  biased = np.mean([distances.frechet(real, distances.moments(x)) for x in same])
  extrapolated = np.mean([distances.frechet_at_infinity(real, x) for x in same])
  assert biased > 0.05
  assert abs(extrapolated) < biased / 4
  with pytest.raises(ValueError, match="199 generated images are too few"):
    distances.frechet_at_infinity(real, same[0][:199])


def _mmd_by_loops(x, y):
  def kernel(a, b):
    return (float(a @ b) / len(a) + 1) ** 3

  n = len(x)
  within = sum(
    kernel(part[i], part[j]) for part in (x, y) for i in range(n) for j in range(n) if i != j
  )
  across = sum(kernel(a, b) for a in x for b in y)
  return within / (n * (n - 1)) - 2 * across / n**2


def test_kernel_distance_by_loops():
  x, y = normal(20, 5).astype(float), normal(20, 5, 1, 1.5).astype(float)
  found = distances.kernel_distance(x, y, subsets=1, size=20)  # a subset is then everything
  np.testing.assert_allclose(found, _mmd_by_loops(x, y), rtol=1e-9)


def test_kernel_distance_is_unbiased():
  found = [
    distances.kernel_distance(normal(200, 8, i), normal(200, 8, 100 + i), 1, 200) for i in range(60)
  ]
  assert abs(np.mean(found)) < 4 * np.std(found) / np.sqrt(60)
  assert min(found) < 0  # and is not cut off
  assert distances.kernel_distance(normal(200, 8), normal(200, 8, 1, 1, 1), 1, 200) > max(found)
  with pytest.raises(ValueError, match="200 generated images are less than a subset's 201"):
    distances.kernel_distance(normal(300, 8), normal(200, 8), size=201)


@pytest.mark.parametrize(("n", "m"), [(60, 40), (700, 1100)])
def test_neighbours_against_prdc(n, m, monkeypatch):
  """Also in blocks with some rows left over."""
  real, generated = normal(n, 6), normal(m, 6, 1, 0.8, 0.4)
  found = distances.neighbours(real, generated)
  near, dense = (compute_prdc(real, generated, k) for k in (3, 5))
  expected = {"precision": near, "recall": near, "density": dense, "coverage": dense}
  for name, value in found._asdict().items():
    np.testing.assert_allclose(value, expected[name][name], atol=2 / min(n, m), err_msg=name)


def test_what_the_neighbours_see_and_do_not_see():
  real = normal(1000, 4)
  repeated = real[RNG(0).integers(0, 20, 1000)]
  collapsed = distances.neighbours(real, repeated + 1e-3 * normal(1000, 4, 2))
  assert collapsed.precision > 0.95  # blind
  assert collapsed.recall < 0.2
  assert collapsed.coverage < 0.2
  same = distances.neighbours(real, normal(1000, 4, 3))
  assert abs(same.coverage - (1 - 2**-5)) < 0.02
  far = distances.neighbours(real, normal(1000, 4, 3, shift=50.0))
  assert far == (0, 0, 0, 0)
  with pytest.raises(ValueError, match="5 generated images have no 5 neighbours"):
    distances.neighbours(real, real[:5])


def test_nearest_by_brute_force():
  x, y = normal(1203, 5), normal(700, 5, 1)
  index, found = distances.nearest(x, y)
  every = distance.cdist(x, y)
  np.testing.assert_array_equal(index, every.argmin(1))
  np.testing.assert_allclose(found, every.min(1), atol=2e-3)


def test_classifier_score_where_it_is_known():
  sure = np.eye(10)[np.arange(1000) % 10]
  np.testing.assert_allclose(distances.classifier_score(sure), 10)
  np.testing.assert_allclose(distances.classifier_score(np.full((50, 10), 0.1)), 1)
  np.testing.assert_allclose(distances.classifier_score(sure[:1]), 1)  # one class alone
  p = RNG(0).dirichlet(np.ones(4), 30)
  expected = np.exp(np.mean([stats.entropy(row, p.mean(0)) for row in p]))
  np.testing.assert_allclose(distances.classifier_score(p), expected)


def test_class_divergence():
  real, half = np.arange(1000) % 10, np.arange(1000) % 5
  assert distances.class_divergence(real, real, 10) == (10, 0)
  modes, divergence = distances.class_divergence(half, real, 10)
  p, q = np.repeat([0.2, 0], 5), np.full(10, 0.1)
  np.testing.assert_allclose(divergence, distance.jensenshannon(p, q) ** 2)
  assert modes == 5
  _, apart = distances.class_divergence(np.zeros(9, int), np.ones(9, int), 2)
  np.testing.assert_allclose(apart, np.log(2))
