"""Metrics against scipy, and where the answer is known."""

import jax
import jax.numpy as jnp
import numpy as np
from scipy import stats

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
