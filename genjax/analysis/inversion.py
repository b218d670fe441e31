"""The latent whose image is nearest to a given one, for generators that have no encoder.

Axes: B images, S starts of each, Z latent.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import Array, lax

from genjax.rng import latent_noise

CANDIDATES = 256  # random latents of which each image takes the nearest for its starts
LEARNING_RATE = 0.1  # of Adam, falling to 0 as a cosine


class Inversion(NamedTuple):
  """Latents found for B images, and their reconstruction error."""

  z: Array  # [B, Z], 0 in masked dimensions
  error: Array  # [B] root mean square over the pixels of the image in [0, 1]


def nearest(
  generate: Callable[[Array, Array], Array],
  image: Array,
  label: Array,
  mask: Array,
  key: Array,
  starts: int = 4,
  steps: int = 200,
) -> Inversion:
  """Latents that give these images, as nearly as gradient descent on the squared error finds them.

  As Zhu et al. 2016, section 3.1, without their network that predicts a start: the nearest of many
  random latents stand for it. The best of the starts is kept. A far error may be the descent's
  fault as well as the generator's.

  Args:
    generate: (z [N, Z], label [N]) to images [N, H, W, C] in [0, 1].
    image: [B, H, W, C].
    label: [B] of a conditional generator; others do not read it.
    mask: [Z]; latents are 0 where it is.
    key: of the random latents.
    starts: S, at most CANDIDATES.
    steps: of Adam.

  Returns:
    z [B, Z], 0 in masked dimensions; error [B], the root mean square over pixels, at least 0.
  """
  B, Z = len(image), mask.shape[-1]
  labels = jnp.repeat(label, starts)
  target = jnp.repeat(image, starts, axis=0)

  def error(z: Array) -> Array:
    """Mean squared error of each start."""
    return ((generate(z, labels) - target) ** 2).mean((1, 2, 3))

  # Masked dimensions stay 0 as well: the generator masks its input, so that they have no gradient.
  candidates = latent_noise(key, (CANDIDATES, Z)) * mask[None]
  z = _starts(generate, image, label, candidates, starts).reshape(B * starts, Z)
  adam = optax.adam(optax.cosine_decay_schedule(LEARNING_RATE, steps))

  def step(carry, _):
    z, state = carry
    # Of the sum, so that no start's gradient depends on how many there are.
    updates, state = adam.update(jax.grad(lambda z: error(z).sum())(z), state)
    return (optax.apply_updates(z, updates), state), None

  (z, _), _ = lax.scan(step, (z, adam.init(z)), length=steps)
  errors = error(z).reshape(B, starts)
  best = errors.argmin(1)
  z = z.reshape(B, starts, Z)[jnp.arange(B), best]
  return Inversion(z, jnp.sqrt(errors.min(1)))


def _starts(
  generate: Callable, image: Array, label: Array, candidates: Array, starts: int
) -> Array:
  """For each image the nearest of the candidates: [B, S, Z]."""

  def of_image(one: tuple[Array, Array]) -> Array:
    image, label = one
    made = generate(candidates, jnp.broadcast_to(label, len(candidates)))
    _, places = lax.top_k(-((made - image[None]) ** 2).mean((1, 2, 3)), starts)
    return candidates[places]

  return lax.map(of_image, (image, label))
