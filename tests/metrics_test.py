"""Metrics against scipy, and where the answer is known."""

import jax
import jax.numpy as jnp
import numpy as np
from scipy import stats
from systems import digits

from genjax import metrics


def test_sliced_wasserstein_against_scipy():
  x, y = jax.random.uniform(jax.random.key(0), (2, 50, 3, 4, 1))
  directions = np.array(jax.random.normal(jax.random.key(5), (12, 7)))
  directions /= np.linalg.norm(directions, axis=0)
  flat = [np.asarray(part).reshape(50, 12) for part in (x, y)]
  expected = np.mean([stats.wasserstein_distance(flat[0] @ d, flat[1] @ d) for d in directions.T])
  value = metrics.sliced_wasserstein(jax.random.key(5), x, y, projections=7)
  np.testing.assert_allclose(value, expected, rtol=1e-4)


def test_sliced_wasserstein_of_a_shift():
  """A shift by c moves every projection by d . c, and E |d . c| = |c| E |d_1|."""
  x = jax.random.normal(jax.random.key(0), (100, 16))
  assert metrics.sliced_wasserstein(jax.random.key(1), x, x) == 0
  shift = jnp.zeros((1, 16)).at[0, 3].set(2.0)
  value = metrics.sliced_wasserstein(jax.random.key(1), x, x + shift, projections=20_000)
  expected = 2 * np.exp(_log_gamma(8) - _log_gamma(8.5)) / np.sqrt(np.pi)
  np.testing.assert_allclose(value, expected, rtol=0.02)


def _log_gamma(x):
  return float(jax.scipy.special.gammaln(x))


def test_sliced_wasserstein_does_not_depend_on_the_order():
  x, y = jax.random.normal(jax.random.key(0), (2, 40, 5))
  key = jax.random.key(1)
  a = metrics.sliced_wasserstein(key, x, y)
  np.testing.assert_allclose(metrics.sliced_wasserstein(key, x[::-1], y), a, rtol=1e-6)
  np.testing.assert_allclose(metrics.sliced_wasserstein(key, y, x), a, rtol=1e-6)


def _real(part):
  images = jnp.asarray(digits().train.image[part], jnp.float32) / 255
  return images


def _blur(images, times):
  for _ in range(times):
    rows = (jnp.roll(images, 1, 1) + 2 * images + jnp.roll(images, -1, 1)) / 4
    images = (jnp.roll(rows, 1, 2) + 2 * rows + jnp.roll(rows, -1, 2)) / 4
  return images


def test_pyramid_distance_orders_corruptions():
  """Real images are nearest, and more of a corruption is further: blur, noise, repetition."""
  distance = jax.jit(metrics.pyramid_distance)
  real, other = _real(slice(0, 500)), _real(slice(500, 1000))
  key = jax.random.key(0)
  noise = jax.random.uniform(jax.random.key(1), other.shape)
  floor = distance(key, real, other)
  assert distance(key, real, real) == 0
  blurred = [float(distance(key, real, _blur(other, times))) for times in (1, 2, 5)]
  assert 1.3 * floor < blurred[0] < blurred[1] < blurred[2]
  noisy = [float(distance(key, real, other + w * (noise - other))) for w in (0.1, 0.3, 1.0)]
  assert 1.3 * floor < noisy[0] < noisy[1] < noisy[2]
  repeated = jnp.tile(other[:10], (50, 1, 1, 1))
  assert distance(key, real, repeated) > 1.3 * floor


def test_pyramid_distance_takes_odd_sizes_and_colours():
  x = jax.random.uniform(jax.random.key(0), (8, 33, 29, 3))
  assert metrics.pyramid_distance(jax.random.key(1), x, x) == 0
  assert metrics.pyramid_distance(jax.random.key(1), x, x / 2) > 0.1


def test_the_pyramid_is_the_image():
  """Details and rest put together again give the image."""
  x = jax.random.uniform(jax.random.key(0), (3, 28, 28, 1))
  fine, coarse, rest = metrics._pyramid(x)
  assert [level.shape[1] for level in (fine, coarse, rest)] == [28, 14, 7]
  middle = coarse + rest.repeat(2, 1).repeat(2, 2)
  np.testing.assert_allclose(fine + middle.repeat(2, 1).repeat(2, 2), x, atol=1e-6)
  np.testing.assert_allclose(fine.reshape(3, 14, 2, 14, 2).mean((2, 4)), 0, atol=1e-6)
