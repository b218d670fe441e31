"""Random numbers for which nothing is compiled, as jax.random's would be for each shape."""

import jax
import numpy as np


def normal(seed, shape, scale=1.0):
  numbers = np.random.default_rng(seed).standard_normal(shape, np.float32)
  return jax.device_put(np.float32(scale) * numbers)


def uniform(seed, shape):
  return jax.device_put(np.random.default_rng(seed).random(shape, np.float32))
