"""Metrics on images and scores: pure functions of arrays."""

import jax
import jax.numpy as jnp
from jax import Array

PATCH = 7  # pixels along a side
PATCHES = 4  # of each image and level


def sliced_wasserstein(key: Array, x: Array, y: Array, projections: int = 128) -> Array:
  """Sliced Wasserstein-1 distance of two sets of points of one size: `[N, ...]` each -> `[]`.

  The mean, over random directions of unit length, of the exact one-dimensional distance (Bonneel
  et al. 2015, with exponent 1). 0 where the sets are equal; biased upwards by small N, so that
  real images against other real images do not reach 0.
  """
  x, y = x.reshape(len(x), -1), y.reshape(len(y), -1)
  directions = jax.random.normal(key, (x.shape[-1], projections))
  directions /= jnp.linalg.norm(directions, axis=0, keepdims=True)
  return jnp.abs(jnp.sort(x @ directions, 0) - jnp.sort(y @ directions, 0)).mean()


def pyramid_distance(key: Array, real: Array, generated: Array) -> Array:
  """Sliced Wasserstein distance over the levels of a Laplacian pyramid: `[N, H, W, C]` -> `[]`.

  After Karras et al. 2018, section 5: 7 x 7 patches of the detail at each scale, and the small
  image that remains. On whole images the distance hardly tells blur from sharpness; patches of the
  finest detail do. Each level is in units of its own standard deviation on the real images, and
  the levels count alike. As biased as `sliced_wasserstein`.
  """
  levels = list(zip(_pyramid(real), _pyramid(generated), strict=True))
  distances = []
  for i, (x, y) in enumerate(levels):
    patch_key, direction_key = jax.random.split(jax.random.fold_in(key, i))
    if i < len(levels) - 1:
      x, y = _patches(patch_key, x), _patches(patch_key, y)
    distances.append(sliced_wasserstein(direction_key, x, y) / (x.std() + 1e-6))
  return jnp.stack(distances).mean()


def _pyramid(image: Array) -> list[Array]:
  """Detail at each scale, finest first, and last what remains, of less than two patches a side."""
  levels = []
  while min(image.shape[1:3]) >= 2 * PATCH:
    height, width = (size // 2 * 2 for size in image.shape[1:3])
    image = image[:, :height, :width]
    small = image.reshape(len(image), height // 2, 2, width // 2, 2, -1).mean((2, 4))
    levels.append(image - small.repeat(2, 1).repeat(2, 2))
    image = small
  return [*levels, image]


def _patches(key: Array, image: Array) -> Array:
  """A few random patches of each image: `[N * PATCHES, PATCH, PATCH, C]`."""
  limits = jnp.array([size - PATCH + 1 for size in image.shape[1:3]])
  corners = jax.random.randint(key, (len(image), PATCHES, 2), 0, limits[None, None])

  def cut(image, corner):
    return jax.lax.dynamic_slice(image, (*corner, 0), (PATCH, PATCH, image.shape[-1]))

  patches = jax.vmap(jax.vmap(cut, (None, 0)))(image, corners)
  return patches.reshape(-1, *patches.shape[2:])
