"""What is measured on held-out images while a run trains."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax

from genjax.metrics import pixels
from genjax.metrics.pixels import unit
from genjax.rng import Stream, latent_noise, stream
from genjax.types import Batch, Dataset, Metrics, Model, Run, State

BATCH = 100


def usable(num_images: int, available: int) -> int:
  """How many validation images are used: whole batches, or all where there is less than one."""
  wanted = min(num_images, available)
  return wanted // BATCH * BATCH or wanted


def make(model: Model, num_images: int, binarise: bool) -> Callable:
  """`(run, state, validation) -> Metrics`, from the first `num_images` validation images.

  Noise is drawn from the run's key and is the same at every step: only the weights change.
  """

  def generate(run: Run, state: State, batches: Batch):
    def one(key_and_label):
      key, label = key_and_label
      z = latent_noise(key, (len(label), model.latent))
      return model.generate(run, state, z, label)

    keys = jax.random.split(stream(run.key, Stream.VALIDATION, 2), len(batches.label))
    return lax.map(one, (keys, batches.label))

  def measure(run: Run, state: State, validation: Dataset) -> Metrics:
    batches = _batches(validation, num_images)
    if binarise:
      key = stream(run.key, Stream.VALIDATION, 0)
      image = jax.random.bernoulli(key, batches.image).astype(jnp.float32)
      batches = batches._replace(image=image)
    keys = jax.random.split(stream(run.key, Stream.VALIDATION, 1), len(batches.label))
    rows = lax.map(lambda args: model.diagnose(run, state, *args), (keys, batches))
    result = jax.tree.map(lambda row: row.mean(0), rows)
    if model.criterion == "val_swd":
      real, generated = _flat(batches.image), _flat(generate(run, state, batches))
      # Patches and directions are those of every run: a figure to compare runs by.
      key = stream(jax.random.key(0), Stream.METRIC)
      result["val_swd"] = pixels.pyramid_distance(key, real, generated)
      result["val_spread"] = generated.std(0).mean() / jnp.maximum(real.std(0).mean(), 1e-6)
      result["val_brightness"] = generated.mean()
    return result

  return measure


def _batches(validation: Dataset, num_images: int) -> Batch:
  image, label = validation.image[:num_images], validation.label[:num_images]
  size = min(len(label), BATCH)
  image = image.reshape(-1, size, *image.shape[1:])
  return Batch(unit(image), label.reshape(-1, size))


def _flat(images):
  return images.reshape(-1, *images.shape[2:])
