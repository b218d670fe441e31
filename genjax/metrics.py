"""Metrics on images and scores: pure functions of arrays."""

import jax
import jax.numpy as jnp
from jax import Array


def sliced_wasserstein(key: Array, x: Array, y: Array, projections: int = 128) -> Array:
  """Sliced Wasserstein-1 distance of two sets of images of one size: `[N, ...]` each -> `[]`.

  The mean, over random directions of unit length, of the exact one-dimensional distance (Bonneel
  et al. 2015, with exponent 1). 0 where the sets are equal; biased upwards by small N, so that
  real images against other real images do not reach 0.
  """
  x, y = x.reshape(len(x), -1), y.reshape(len(y), -1)
  directions = jax.random.normal(key, (x.shape[-1], projections))
  directions /= jnp.linalg.norm(directions, axis=0, keepdims=True)
  return jnp.abs(jnp.sort(x @ directions, 0) - jnp.sort(y @ directions, 0)).mean()
