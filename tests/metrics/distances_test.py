"""Distances of feature sets against scipy, prdc and brute force, and where the answer is known."""

import numpy as np
import pytest
from prdc import compute_prdc
from scipy import linalg, stats
from scipy.spatial import distance
from sklearn.metrics.pairwise import polynomial_kernel

from genjax.metrics import copies, distances, frechet

RNG = np.random.default_rng


def normal(n, size, seed=0, scale=1.0, shift=0.0):
  return RNG(seed).normal(shift, scale, (n, size)).astype(np.float32)


def test_frechet_of_known_normals():
  """Diagonal covariances: the sum of squared differences of means and of standard deviations."""
  a = frechet.Moments(np.array([0.0, 1, 2]), np.diag([1.0, 4, 9]))
  b = frechet.Moments(np.array([1.0, 1, 0]), np.diag([4.0, 4, 1]))
  np.testing.assert_allclose(frechet.distance(a, b), 1 + 4 + 1 + 0 + 4)
  np.testing.assert_allclose(frechet.distance(a, a), 0, atol=1e-12)


def test_frechet_against_scipys_matrix_root():
  x, y = normal(300, 8) @ RNG(2).normal(size=(8, 8)), normal(200, 8, 1, 1.5, 0.3)
  a, b = frechet.moments(x), frechet.moments(y)
  root = linalg.sqrtm(np.cov(x, rowvar=False) @ np.cov(y, rowvar=False)).real
  expected = ((x.mean(0) - y.mean(0)) ** 2).sum()
  expected += np.trace(np.cov(x, rowvar=False) + np.cov(y, rowvar=False) - 2 * root)
  np.testing.assert_allclose(frechet.distance(a, b), expected, rtol=1e-6)
  np.testing.assert_allclose(frechet.distance(b, a), expected, rtol=1e-6)


def test_dead_features_do_no_harm():
  x, y = normal(300, 6), normal(300, 6, 1, 2.0)
  wide = [np.pad(part, ((0, 0), (0, 20))) for part in (x, y)]
  alone, padded = (frechet.distance(*map(frechet.moments, pair)) for pair in ((x, y), wide))
  np.testing.assert_allclose(padded, alone, rtol=1e-9)
  with pytest.raises(ValueError, match="two images; there are 1"):
    frechet.moments(x[:1])


def test_few_images_bias_the_frechet_distance_and_extrapolation_does_not():
  real = frechet.Moments(np.zeros(16), np.eye(16))
  same = [normal(1000, 16, seed) for seed in range(5)]
  biased = np.mean([frechet.distance(real, frechet.moments(x)) for x in same])
  extrapolated = np.mean([frechet.at_infinity(real, x) for x in same])
  assert biased > 0.05
  assert abs(extrapolated) < biased / 4
  with pytest.raises(ValueError, match="199 generated images are too few"):
    frechet.at_infinity(real, same[0][:199])


def test_extrapolation_is_refused_where_its_bias_is_large():
  """200 images of 128 features: the extrapolation is off by as much as the distance itself."""
  real = frechet.moments(normal(20_000, 128))
  x = normal(1279, 128, 1)
  with pytest.raises(ValueError, match="expected 1,280 or more"):
    frechet.at_infinity(real, x)
  x = normal(1280, 128, 1)
  biased = frechet.distance(real, frechet.moments(x))
  assert abs(frechet.at_infinity(real, x)) < 0.4 * biased


def test_extrapolation_by_another_regression():
  """Each part is drawn anew, and the line is through all fifteen points."""
  real, x = frechet.moments(normal(500, 4)), normal(603, 4, 1, 1.2)
  rng = RNG(7)
  counts = [60, 98, 137, 176, 215, 253, 292, 331, 370, 409, 447, 486, 525, 564, 603]
  parts = [x[rng.permutation(603)[:count]] for count in counts]
  found = [frechet.distance(real, frechet.moments(part)) for part in parts]
  expected = stats.linregress(1 / np.array(counts), found).intercept
  np.testing.assert_allclose(frechet.at_infinity(real, x, seed=7), expected, rtol=1e-9)


def _mmd_by_loops(x, y):
  def kernel(a, b):
    return (float(a @ b) / len(a) + 1) ** 3

  within = [
    np.mean([kernel(a, b) for i, a in enumerate(z) for j, b in enumerate(z) if i != j])
    for z in (x, y)
  ]
  return sum(within) - 2 * np.mean([kernel(a, b) for a in x for b in y])


def _kernel_distance(real, generated):
  return distances.pairs(distances.manifold(real), generated).kernel_distance


@pytest.mark.parametrize(("n", "m"), [(20, 20), (20, 27), (730, 120)])
def test_kernel_distance_by_loops(n, m):
  """Also of sets of several sizes, in blocks with some rows left over, and far from 0."""
  x, y = normal(n, 5, shift=2.0).astype(float), normal(m, 5, 1, 1.5).astype(float)
  np.testing.assert_allclose(_kernel_distance(x, y), _mmd_by_loops(x, y), rtol=1e-5)


@pytest.mark.parametrize("mean", [0.0, 30.0])
def test_kernel_distance_loses_little_in_float32(mean):
  """Against float64, next to how subsets differ; features are not centred, and sparse."""
  weights = RNG(9).normal(size=(20, 64))
  x, y = (np.maximum(normal(1500, 20, seed) @ weights, 0) + mean for seed in (0, 1))

  def expected(a, b):
    within = [polynomial_kernel(z, degree=3) for z in (a, b)]
    within = sum((k.sum() - np.trace(k)) / (len(k) * (len(k) - 1)) for k in within)
    return within - 2 * polynomial_kernel(a, b, degree=3).mean()

  rng = RNG(3)
  subsets = [expected(*(z[rng.choice(1500, 1000, False)] for z in (x, y))) for _ in range(10)]
  assert abs(_kernel_distance(x, y) - expected(x, y)) < 1e-3 * np.std(subsets)


def test_kernel_distance_is_unbiased():
  found = [_kernel_distance(normal(200, 8, i), normal(200, 8, 100 + i)) for i in range(60)]
  assert abs(np.mean(found)) < 4 * np.std(found) / np.sqrt(60)
  assert min(found) < 0  # and is not cut off
  assert _kernel_distance(normal(200, 8), normal(200, 8, 1, 1, 1)) > max(found)


@pytest.mark.parametrize(("n", "m"), [(60, 40), (730, 1150)])
def test_neighbours_against_prdc(n, m):
  """Also in blocks with some rows left over, and with features far from 0."""
  real, generated = normal(n, 6, shift=30.0), normal(m, 6, 1, 0.8, 30.4)
  found = distances.pairs(distances.manifold(real), generated)
  near, dense = (compute_prdc(real, generated, k) for k in (3, 5))
  expected = {"precision": near, "recall": near, "density": dense, "coverage": dense}
  for name, scores in expected.items():
    np.testing.assert_allclose(getattr(found, name), scores[name], atol=2 / min(n, m), err_msg=name)


def test_what_the_neighbours_see_and_do_not_see():
  """One side of real images serves all."""
  images = normal(1000, 4)
  real = distances.manifold(images)
  repeated = images[RNG(0).integers(0, 20, 1000)]
  collapsed = distances.pairs(real, repeated + 1e-3 * normal(1000, 4, 2))
  assert collapsed.precision > 0.95  # blind
  assert collapsed.recall < 0.2
  assert collapsed.coverage < 0.2
  same = distances.pairs(real, normal(1000, 4, 3))
  assert abs(same.coverage - (1 - 2**-5)) < 0.02
  far = distances.pairs(real, normal(1000, 4, 3, shift=50.0))
  assert far[:4] == (0, 0, 0, 0)
  with pytest.raises(ValueError, match="3 generated images have no 3 neighbours"):
    distances.pairs(real, images[:3])
  with pytest.raises(ValueError, match="5 real images have no 5 neighbours"):
    distances.manifold(images[:5])
  with pytest.raises(ValueError, match="4 radii of real images; 5 are needed"):
    distances.pairs(distances.manifold(images, 4), images)


def test_the_manifold_by_brute_force():
  x = normal(730, 5, shift=10.0)
  every = np.sort(distance.cdist(x, x), 1)[:, 1:4]
  np.testing.assert_allclose(np.sqrt(distances.manifold(x, 3).radii), every, rtol=1e-3)


def test_nearest_by_brute_force():
  x, y = normal(1203, 5, shift=10.0), normal(730, 5, 1, shift=10.0)
  index, found = copies.nearest(x, y)
  every = distance.cdist(x, y)
  np.testing.assert_array_equal(index, every.argmin(1))
  np.testing.assert_allclose(found, every.min(1), rtol=1e-4)
  index, found = copies.nearest(y[::-1], y)
  np.testing.assert_array_equal(index, np.arange(730)[::-1])
  assert not found.any()


def test_memorised():
  train, test, new = normal(3000, 6), normal(2000, 6, 1), normal(2000, 6, 2)
  others = copies.others(train)
  limit = copies.copy_distance(others, test)
  nearest = distance.cdist(test, train).min(1)
  assert (nearest <= limit * (1 + 1e-5)).mean() == 0.01
  np.testing.assert_allclose(copies.memorised(others, test, limit), 0.01)  # the floor
  assert copies.memorised(others, new, limit) < 0.02
  copied = train[RNG(0).integers(0, 3000, 1000)]
  assert copies.memorised(others, copied, limit) == 1
  np.testing.assert_allclose(
    copies.memorised(others, np.concatenate([copied, new[:1000]]), limit), 0.505, atol=0.01
  )
  assert copies.memorised(others, normal(500, 6, shift=50.0), limit) == 0  # new, if no good
  assert np.isnan(copies.memorised(others, new, np.nan))
  with pytest.raises(ValueError, match="99 held-out images have no nearest 1%"):
    copies.copy_distance(others, test[:99])


@pytest.mark.parametrize("size", [4, 16, 40, 300])
def test_memorised_by_brute_force(size):
  """Whichever directions are looked at first: here the images differ evenly in all of them."""
  train, new = normal(1000, size, shift=1.0), normal(730, size, 1, shift=1.0)
  others, every = copies.others(train), np.sort(distance.cdist(new, train).min(1))
  np.testing.assert_allclose(copies.copy_distance(others, new), np.quantile(every, 0.01), rtol=1e-5)
  for nearer in (1, 73, 365, 729):
    limit = every[nearer - 1 : nearer + 1].mean()
    assert copies.memorised(others, new, limit) == nearer / 730
  assert copies.memorised(others, new, every[0] / 2) == 0


def test_copies_are_seen_where_test_images_are_copies_too():
  train = normal(400, 6)
  others = copies.others(train)
  limit = copies.copy_distance(others, np.concatenate([train[:20], normal(180, 6, 1)]))
  assert limit == 0
  assert copies.memorised(others, train[:50], limit) == 1
  assert copies.memorised(others, normal(200, 6, 2), limit) == 0


def test_images_that_are_all_alike_are_copies():
  same = np.full((300, 20), 2.5, np.float32)
  others = copies.others(same)
  assert copies.copy_distance(others, same[:150]) == 0
  assert copies.memorised(others, same[:50], 0.0) == 1
  assert copies.memorised(others, same[:50] + 1, 0.0) == 0


def test_duplicate_distance_by_brute_force():
  x = normal(730, 6, shift=10.0)
  every = distance.cdist(x, x) + np.diag(np.full(730, np.inf))
  limit = copies.duplicate_distance(distances.manifold(x))
  np.testing.assert_allclose(limit, np.median(every.min(1)) / 2, rtol=1e-4)


def test_copies_among_real_images_do_not_make_all_images_differ():
  x = normal(400, 6, shift=10.0)
  limit = copies.duplicate_distance(distances.manifold(x))
  some = copies.duplicate_distance(distances.manifold(np.concatenate([x, x, x[:100]])))
  every = distance.cdist(x, x) + np.diag(np.full(400, np.inf))
  nearest = every.min(1)
  expected = np.median(np.concatenate([nearest, nearest, nearest[:100]])) / 2
  np.testing.assert_allclose(some, expected, rtol=1e-4)
  assert abs(some / limit - 1) < 0.1
  unknown = copies.duplicate_distance(distances.manifold(np.concatenate([x] * 6)))
  assert np.isnan(unknown)
  real = distances.manifold(x)
  found = distances.pairs(real, normal(300, 6, 1, shift=10.0), duplicate=unknown)
  assert np.isnan(copies.distinct(300, found.duplicates, unknown))


def test_a_hundred_images_repeated_are_about_a_hundred():
  real = distances.manifold(normal(3000, 16))
  limit = copies.duplicate_distance(real)
  repeated = np.repeat(normal(100, 16, 1), 100, 0) + 1e-3 * normal(10_000, 16, 2)
  found = distances.pairs(real, RNG(0).permutation(repeated), duplicate=limit)
  # Of 10,000 x 9,999 / 2 pairs 100 x (100 x 99 / 2) are duplicates.
  assert found.duplicates == 100 * 4950
  np.testing.assert_allclose(copies.distinct(10_000, found.duplicates, limit), 49_995_000 / 495_000)


def test_distinct_images_without_a_duplicate_are_at_least_so_many():
  real, new = distances.manifold(normal(2000, 16)), normal(1130, 16, 1)
  limit = copies.duplicate_distance(real)
  assert distances.pairs(real, new, duplicate=limit).duplicates == 0
  assert copies.distinct(1130, 0, limit) == 1130 * 1129 / 2
  wider = distances.pairs(real, new, duplicate=4 * limit).duplicates
  assert wider == (distance.pdist(new) < 4 * limit).sum() > 1000
  np.testing.assert_allclose(copies.distinct(1130, wider, limit), 1130 * 1129 / 2 / wider)


def test_classifier_score_where_it_is_known():
  sure = np.eye(10)[np.arange(1000) % 10]
  np.testing.assert_allclose(distances.classifier_score(sure), 10)
  np.testing.assert_allclose(distances.classifier_score(np.full((50, 10), 0.1)), 1)
  np.testing.assert_allclose(distances.classifier_score(sure[:1]), 1)  # one class alone
  p = RNG(0).dirichlet(np.ones(4), 30)
  expected = np.exp(np.mean([stats.entropy(row, p.mean(0)) for row in p]))
  np.testing.assert_allclose(distances.classifier_score(p), expected)


def test_images_that_come_again_bound_the_divergence():
  real, few = normal(400, 5), normal(20, 5, 1)
  again = few[RNG(0).integers(0, 20, 1400)]
  found = copies.repetition_bound(real, again[:400], again[400:])
  assert 0.6 < found < np.log(2)
  half = np.concatenate([again[:200], normal(200, 5, 2)])[RNG(1).permutation(400)]
  mixed = copies.repetition_bound(real, half, np.concatenate([again[400:900], normal(500, 5, 3)]))
  # Of a half that is a point mass and a half that is real: log 2 - L / 2 in closed form.
  truth = np.log(2) - (np.log(1.5) + 0.5 * np.log(3)) / 2
  assert truth - 0.05 < mixed < truth + 0.06
  new = [
    copies.repetition_bound(normal(400, 5, i), normal(400, 5, 90 + i), normal(1000, 5, 50 + i))
    for i in range(20)
  ]
  assert -0.06 < np.mean(new) < 0.01


def test_class_divergence():
  real, half = np.arange(1000) % 10, np.arange(1000) % 5
  assert distances.class_divergence(real, real, 10) == (10, 0)
  modes, divergence = distances.class_divergence(half, real, 10)
  p, q = np.repeat([0.2, 0], 5), np.full(10, 0.1)
  np.testing.assert_allclose(divergence, distance.jensenshannon(p, q) ** 2)
  assert modes == 5
  ones = np.repeat([1, 7, 4], [9990, 6, 4])  # only 1s, with a classifier's mistakes
  assert distances.class_divergence(ones, real, 10)[0] == 1
  rare = np.repeat([0, 1], [9, 1])  # a single image is none, even where real ones are as rare
  assert distances.class_divergence(rare, rare, 10)[0] == 1
  _, apart = distances.class_divergence(np.zeros(9, int), np.ones(9, int), 2)
  np.testing.assert_allclose(apart, np.log(2))
