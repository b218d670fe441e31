"""Scores on the images themselves."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from genjax.metrics import pixels
from genjax.metrics.pixels import unit
from genjax.scoring import floors
from genjax.scoring.protocols import EMD_IMAGES, Context, Group, RunBlock
from genjax.training.sweep import compiled


def group(context: Context, cache: str | None = None) -> Group:
  """Scores computed on the pixels themselves: sliced Wasserstein distance, sharpness, exact EMD.

  `cache` is as of `floors.kept`.
  """
  count = context.count
  real = jnp.asarray(context.splits.train.image[:count])
  count = min(count, len(real))

  def slices(images: Array) -> list[pixels.Slices]:
    return pixels.pyramid_slices(context.key(4), unit(images))

  def on_device(images: Array, reference: list[pixels.Slices]) -> dict[str, Array]:
    images = images[:count]
    swd = pixels.distance_of_slices(reference, slices(images))
    return {"swd": swd, "sharpness": pixels.sharpness(unit(images)).mean()}

  every, once = context.vectorised(on_device), compiled(on_device)
  reference = functools.cache(lambda: compiled(slices)(real))

  def emd(images: np.ndarray) -> float:
    few = min(EMD_IMAGES, count)
    return pixels.exact_emd(*(np.asarray(x[:few]) / 255 for x in (real, images)))

  def measure(block: RunBlock, names: set[str]) -> dict[str, np.ndarray]:
    found = {}
    if names & {"swd", "sharpness"}:
      found = jax.device_get(every(block.images, reference()))
    if "emd" in names:
      found["emd"] = np.array([emd(images) for images in np.asarray(block.images)])
    return found

  def floor(names: set[str]) -> dict[str, float]:
    held = context.held.image[:count]
    found = {name: float(x) for name, x in once(jnp.asarray(held), reference()).items()}
    if "emd" in names:
      found["emd"] = emd(held)
    return found

  # Which images the first of training are depends on how many are held out.
  whole = len(context.splits.train.label)
  protocol = context.protocol(
    "images", training_images=whole, real_images=count, generated_images=count
  )
  of_real = floors.kept(floor, context, protocol, cache)
  return Group(protocol, context.names("images"), measure, of_real)
