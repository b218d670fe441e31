"""What VAEs lose of real images, and where they put them.

Axes: R runs, N images, Z latent.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from genjax.analysis.selection import Selection
from genjax.metrics import pixels
from genjax.models import losses
from genjax.rng import Stream, latent_noise, stream
from genjax.types import Run, State

BATCH = 100
# Name in CSV -> title, which end is better, and the range.
ERRORS = {
  "mse": ("squared error a pixel, from the mean of the encoder", "lower", (0.0, 1.0)),
  "reconstruction": (
    "reconstruction term of the bound (nats an image), from a sample", "lower", (0.0, math.inf)
  ),
  "kl": ("KL (nats an image)", "", (0.0, math.inf)),
}  # fmt: skip


class Reconstructions(NamedTuple):
  """Of one workdir's runs."""

  errors: dict[str, np.ndarray]  # a key of ERRORS -> [R], mean over the images
  mean: np.ndarray  # [R, N, Z] of the encoder, 0 in masked dimensions


def measure(selection: Selection, images: np.ndarray, seed: int) -> Reconstructions:
  """Errors of each run on the same images `[N, H, W, C]` uint8, with the same noise.

  The bound's reconstruction term, -log p(x|z) of a sample z, is as in `vae.make`: of grey pixels it
  is no likelihood.
  """
  model = selection.model
  key = stream(jax.random.key(seed), Stream.RECONSTRUCTION)
  noise = latent_noise(key, (len(images), model.latent))

  def of_run(run_state: tuple[Run, State], images: Array, noise: Array) -> tuple[Array, Array]:
    def of_image(one: tuple[Array, Array]) -> tuple[Array, Array]:
      image, noise = pixels.unit(one[0])[None], one[1][None]
      mean, logvar = model.encode(*run_state, image)
      made = model.generate(*run_state, mean)
      logits = model.decode(*run_state, mean + jnp.exp(logvar / 2) * noise)
      kl = losses.gaussian_kl(mean, logvar) * run_state[0].latent_mask[None]
      errors = ((made - image) ** 2).mean(), losses.bernoulli(logits, image)[0], kl.sum()
      return jnp.stack(errors), mean[0]

    errors, mean = lax.map(of_image, (images, noise), batch_size=min(BATCH, len(images)))
    return errors.mean(0), mean

  errors, mean = selection.computed(of_run, images, noise)
  return Reconstructions(dict(zip(ERRORS, errors.T, strict=True)), mean)


def reconstructed(selection: Selection, images: np.ndarray) -> np.ndarray:
  """What each run makes of the means of images `[M, H, W, C]` uint8: `[R, M, H, W, C]`."""

  def of_run(run_state: tuple[Run, State], images: Array) -> Array:
    return selection.model.generate(
      *run_state, selection.model.encode(*run_state, pixels.unit(images))[0]
    )

  return selection.computed(of_run, images)
