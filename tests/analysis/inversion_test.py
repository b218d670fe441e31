"""Latents of images are found where they are known."""

import draws
import jax
import jax.numpy as jnp
import numpy as np

from genjax.analysis import inversion

KEY = jax.random.key(3)
nearest = jax.jit(inversion.nearest, static_argnums=(0, 5))
MASK = jnp.array([1.0, 1.0, 1.0, 0.0])
SLOPES = draws.normal(0, (30, 4))
OFFSETS = jnp.array([0.0, 5.0])


def _generate(z, label):
  return ((z * MASK[None]) @ SLOPES.T + OFFSETS[label][:, None]).reshape(-1, 5, 6, 1)


def test_latents_of_a_linear_generator_are_found_with_the_images_class():
  label = jnp.array([0, 1, 1])
  z = draws.normal(1, (3, 4)) * MASK[None]
  found = nearest(_generate, _generate(z, label), label, MASK, KEY)
  np.testing.assert_allclose(found.z, z, atol=0.02)
  assert (found.error < 0.02).all()
  assert not found.z[:, 3].any()  # masked


def test_what_no_latent_reaches_is_the_least_squares_error():
  image = draws.normal(2, (2, 5, 6, 1))
  found = nearest(_generate, image, jnp.zeros(2, int), MASK, KEY)
  pixels = np.asarray(image).reshape(2, 30).T
  _, residual, _, _ = np.linalg.lstsq(np.asarray(SLOPES[:, :3]), pixels, rcond=None)
  np.testing.assert_allclose(found.error, np.sqrt(residual / 30), rtol=1e-3)


def test_the_best_of_the_starts_is_kept():
  # Two valleys at -2 and 2; only the right one reaches the image.
  def generate(z, label):
    return jnp.stack([(jnp.abs(z[:, 0]) - 2) ** 2, 0.1 * (z[:, 0] < 0)], -1).reshape(-1, 1, 2, 1)

  image = jnp.zeros((1, 1, 2, 1))
  for starts in (4, 32):
    found = nearest(generate, image, jnp.zeros(1, int), jnp.ones(1), KEY, starts)
    np.testing.assert_allclose(found.z, [[2.0]], atol=0.05)
    # The error is that of the latent which is given back.
    made = generate(found.z, None)
    np.testing.assert_allclose(found.error, [jnp.sqrt((made**2).mean())], rtol=1e-5)
