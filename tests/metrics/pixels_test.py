"""Metrics against scipy and POT, and where the answer is known."""

import draws
import jax
import jax.numpy as jnp
import numpy as np
import ot
import pytest
from scipy import integrate, ndimage, stats
from systems import digits

from genjax.metrics import pixels


def _distance(key, x, y, projections=128):
  sliced = jax.jit(pixels.sliced, static_argnums=2)
  return np.abs(np.subtract(sliced(key, x, projections), sliced(key, y, projections))).mean()


def test_sliced_wasserstein_against_scipy():
  x, y = draws.uniform(0, (2, 50, 3, 4, 1))
  directions = np.array(jax.random.normal(jax.random.key(5), (12, 7)))
  directions /= np.linalg.norm(directions, axis=0)
  flat = [np.asarray(part).reshape(50, 12) for part in (x, y)]
  expected = np.mean([stats.wasserstein_distance(flat[0] @ d, flat[1] @ d) for d in directions.T])
  value = _distance(jax.random.key(5), x, y, projections=7)
  np.testing.assert_allclose(value, expected, rtol=1e-4)


def test_sliced_wasserstein_of_a_shift():
  """A shift by c moves every projection by d . c, and E |d . c| = |c| E |d_1|."""
  x = draws.normal(0, (100, 16))
  assert _distance(jax.random.key(1), x, x) == 0
  shift = np.where(np.arange(16) == 3, np.float32(2), 0)[None]
  value = _distance(jax.random.key(1), x, x + shift, projections=20_000)
  expected = 2 * np.exp(_log_gamma(8) - _log_gamma(8.5)) / np.sqrt(np.pi)
  np.testing.assert_allclose(value, expected, rtol=0.02)


def _log_gamma(x):
  return float(jax.scipy.special.gammaln(x))


def test_sliced_wasserstein_does_not_depend_on_the_order():
  x, y = draws.normal(0, (2, 40, 5))
  key = jax.random.key(1)
  a = _distance(key, x, y)
  np.testing.assert_allclose(_distance(key, x[::-1], y), a, rtol=1e-6)
  np.testing.assert_allclose(_distance(key, y, x), a, rtol=1e-6)


def _real(part):
  return digits().train.image[part].astype(np.float32) / 255


def _blur(images, times):
  for _ in range(times):
    rows = (np.roll(images, 1, 1) + 2 * images + np.roll(images, -1, 1)) / 4
    images = (np.roll(rows, 1, 2) + 2 * rows + np.roll(rows, -1, 2)) / 4
  return images


def test_what_is_ordered_is_in_numpys_order():
  x = np.random.default_rng(0).normal(size=(3, 1000)).astype(np.float32)
  x[0, :4], x[1, 7] = [np.nan, np.inf, -np.inf, 0], -np.nan
  np.testing.assert_array_equal(jax.jit(pixels._ordered)(x), np.sort(x, -1))


def test_pyramid_distance_orders_corruptions():
  """Real images are nearest, and more of a corruption is further: blur, noise, repetition."""
  distance = jax.jit(pixels.pyramid_distance)
  real, other = _real(slice(0, 500)), _real(slice(500, 1000))
  key = jax.random.key(0)
  noise = np.asarray(draws.uniform(1, other.shape))
  floor = distance(key, real, other)
  assert distance(key, real, real) == 0
  blurred = [float(distance(key, real, _blur(other, times))) for times in (1, 2, 5)]
  assert 1.3 * floor < blurred[0] < blurred[1] < blurred[2]
  noisy = [float(distance(key, real, other + w * (noise - other))) for w in (0.1, 0.3, 1.0)]
  assert 1.3 * floor < noisy[0] < noisy[1] < noisy[2]
  repeated = np.tile(other[:10], (50, 1, 1, 1))
  assert distance(key, real, repeated) > 1.3 * floor


def test_pyramid_distance_takes_odd_sizes_and_colours():
  x, distance = draws.uniform(0, (8, 33, 29, 3)), jax.jit(pixels.pyramid_distance)
  assert distance(jax.random.key(1), x, x) == 0
  assert distance(jax.random.key(1), x, x / 2) > 0.1


def test_the_pyramid_is_the_image():
  """Details and rest put together again give the image."""
  x = draws.uniform(0, (3, 28, 28, 1))
  fine, coarse, rest = map(np.asarray, jax.jit(pixels._pyramid)(x))
  assert [level.shape[1] for level in (fine, coarse, rest)] == [28, 14, 7]
  middle = coarse + rest.repeat(2, 1).repeat(2, 2)
  np.testing.assert_allclose(fine + middle.repeat(2, 1).repeat(2, 2), x, atol=1e-6)
  np.testing.assert_allclose(fine.reshape(3, 14, 2, 14, 2).mean((2, 4)), 0, atol=1e-6)


def test_exact_emd_against_pot():
  x, y = np.random.default_rng(0).uniform(size=(2, 43, 3, 2, 1)).astype(np.float32)
  flat = [part.reshape(43, 6).astype(float) for part in (x, y)]
  expected = [
    ot.emd2([], [], ot.dist(flat[0][part], flat[1][part], metric="euclidean"))
    for part in (slice(0, 20), slice(20, 40))  # and three are left out
  ]
  np.testing.assert_allclose(pixels.exact_emd(x, y, size=20), np.mean(expected), rtol=1e-9)
  whole = ot.emd2([], [], ot.dist(*flat, metric="euclidean"))
  np.testing.assert_allclose(pixels.exact_emd(x, y), whole, rtol=1e-9)


def test_exact_emd_by_hand():
  # (3, 4) stays, and (0, 0) goes to (0, 1).
  x, y = np.array([[0.0, 0], [3, 4]]), np.array([[3.0, 4], [0, 1]])
  assert pixels.exact_emd(x, y) == 0.5
  images = draws.uniform(0, (300, 28, 28, 1))
  assert pixels.exact_emd(images, images[::-1]) == 0
  with pytest.raises(ValueError, match=r"shape \(2, 2\) cannot be paired with \(1, 2\)"):
    pixels.exact_emd(x, y[:1])
  with pytest.raises(ValueError, match="cannot be paired"):
    pixels.exact_emd(x[:0], y[:0])


def test_what_the_exact_emd_is_known_for():
  """Small minibatches make it larger, and points too near to their mean make it smaller: blur."""
  x, y = np.random.default_rng(0).normal(size=(2, 500, 50))
  floor = pixels.exact_emd(x, y)
  assert pixels.exact_emd(x, y, size=50) > 1.05 * floor
  assert pixels.exact_emd(x, y / 2) < 0.9 * floor


def test_sharpness_against_scipy():
  images = np.random.default_rng(0).uniform(size=(5, 9, 7, 1)).astype(np.float32)
  expected = [ndimage.laplace(image[..., 0])[1:-1, 1:-1].var() for image in images]
  found = jax.jit(pixels.sharpness)(images)
  np.testing.assert_allclose(found, expected, rtol=1e-5)
  np.testing.assert_allclose(pixels.sharpness(images.repeat(3, -1)), expected, rtol=1e-5)
  # One bright pixel: -4 there, 1 beside it, and 4 more zeros: (16 + 4) / 9 about a mean of 0.
  dot = np.zeros((1, 5, 5, 3), np.float32)
  dot[0, 2, 2, 1] = 1  # of green, which is 0.587 of grey
  np.testing.assert_allclose(pixels.sharpness(dot), 0.587**2 * 20 / 9, rtol=1e-6)
  with pytest.raises(ValueError, match="images of 2 channels"):
    pixels.sharpness(np.zeros((1, 5, 5, 2)))


def test_sharpness_orders_blur_and_noise():
  real = _real(slice(0, 200))
  noise = draws.uniform(0, real.shape)
  sharpness = jax.jit(pixels.sharpness)
  found = [np.mean(sharpness(x)) for x in (_blur(real, 2), _blur(real, 1), real, noise)]
  assert 0 < 1.5 * found[0] < found[1] < 0.7 * found[2] < 0.1 * found[3]


def test_the_bound_of_jensen_and_shannon():
  """Of N(0, 1) and N(1, 1), where the best logit for "real" is 1/2 - x."""
  p, q = stats.norm(0, 1), stats.norm(1, 1)

  def density(x):
    middle = np.log((p.pdf(x) + q.pdf(x)) / 2)
    return (p.pdf(x) * (p.logpdf(x) - middle) + q.pdf(x) * (q.logpdf(x) - middle)) / 2

  exact = integrate.quad(density, -9, 10)[0]
  rng = np.random.default_rng(0)
  real, generated = p.rvs(200_000, random_state=rng), q.rvs(100_000, random_state=rng)

  def bound(logit):
    return pixels.jensen_shannon_bound(*(jnp.asarray(logit(x)) for x in (real, generated)))

  np.testing.assert_allclose(bound(lambda x: 0.5 - x), exact, atol=1.5e-3)
  for worse in (lambda x: 0.5 - 2 * x, lambda x: 0.2 * (0.5 - x), lambda x: -x):
    assert bound(worse) < exact - 0.01
  assert bound(lambda x: x - 0.5) < 0
  np.testing.assert_allclose(bound(lambda x: 0 * x), 0, atol=1e-6)
  np.testing.assert_allclose(
    pixels.jensen_shannon_bound(jnp.full(3, 99.0), jnp.full(2, -99.0)), np.log(2), rtol=1e-6
  )


def test_label_agreement():
  scores = jnp.array([[0.1, 0.9], [0.8, 0.2], [0.6, 0.4], [3.0, -5.0]])
  assert pixels.label_agreement(scores, jnp.array([1, 0, 1, 0])) == 0.75


@pytest.mark.parametrize("xp", [np, jnp])
def test_bytes_of_images_and_back(xp):
  values = xp.array([-1, 0, 0.0019, 0.002, 0.2, 0.5, 1, 2, np.nan, np.inf], np.float32)
  made = pixels.to_bytes(values)
  assert isinstance(made, xp.ndarray)
  assert made.dtype == np.uint8
  assert made.tolist() == [0, 0, 0, 1, 51, 128, 255, 255, 128, 255]
  every = jnp.arange(256, dtype=jnp.uint8)
  np.testing.assert_array_equal(pixels.to_bytes(pixels.unit(every)), every)
