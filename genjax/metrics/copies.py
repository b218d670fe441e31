"""Images that are copies: of training images, and of one another."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int
from scipy import linalg

from genjax.metrics import distances, pixels


def nearest(
  images: Float[ArrayLike, "M D"], others: Float[ArrayLike, "N D"]
) -> tuple[Int[Array, " M"], Float[Array, " M"]]:
  """For each image the index of the nearest of the others, and its distance."""
  return _nearest(jnp.asarray(images, jnp.float32), jnp.asarray(others, jnp.float32))


TILE = 64  # XLA finds the least of many numbers in a third of the time that it takes to say which


@jax.jit
def _nearest(
  images: Float[Array, "M D"], others: Float[Array, "N D"]
) -> tuple[Int[Array, " M"], Float[Array, " M"]]:
  # The last one again and again, of which the first counts.
  padded = jnp.pad(others, ((0, -len(others) % TILE), (0, 0)), mode="edge")
  tiles = padded.reshape(-1, TILE, others.shape[1])
  mean = others.mean(0, keepdims=True)

  def of_block(block):
    distance = distances.squared_distances(padded - mean, block - mean)
    tile = distance.reshape(len(tiles), TILE, -1).min(1).argmin(0)
    # From the rows themselves, so that a copy is at 0.
    exact = jnp.linalg.norm(tiles[tile] - block[:, None], axis=-1)
    return tile * TILE + exact.argmin(1), exact.min(1)

  return distances.by_blocks(of_block, images)


class Others(NamedTuple):
  """Images among which the nearest are looked for: first in few directions, where all are nearer.

  Of the packaged classifiers' features four of five images need no second look.
  """

  images: Float[np.ndarray, "N D"]
  mean: Float[np.ndarray, "1 D"]
  directions: Float[np.ndarray, "D R"]
  parts: Float[np.ndarray, "N R"]  # of images less the mean, in these directions


DIRECTIONS = 16  # 0.92 of the variance of 128 features of MNIST, and an eighth of the arithmetic


def others(images: Float[ArrayLike, "N D"]) -> Others:
  """The directions are the principal ones of the first 2,000."""
  images = np.asarray(images)
  D, mean = images.shape[1], images.mean(0, keepdims=True)
  covariance = np.atleast_2d(np.cov(images[:2000], rowvar=False))
  principal = linalg.eigh(covariance, subset_by_index=(max(D - DIRECTIONS, 0), D - 1))[1]
  directions = principal.astype(np.float32)
  return Others(images, mean, directions, (images - mean) @ directions)


def _least(images: Float[np.ndarray, "M D"], others: Others) -> Float[np.ndarray, " M"]:
  """For each image a distance that the nearest of the others is not below."""
  squares = np.asarray(_least_square((images - others.mean) @ others.directions, others.parts))
  rounding = 1e-5 * float((others.parts**2).sum(1).mean())  # of a difference of squares
  return np.sqrt(np.maximum(squares - rounding, 0)) * (1 - 1e-5)


@jax.jit
def _least_square(images: Float[Array, "M D"], others: Float[Array, "N D"]) -> Float[Array, " M"]:
  def of_block(block):
    return distances.squared_distances(block, others).min(1)

  return distances.by_blocks(of_block, images)


def copy_distance(train: Others, test: Float[ArrayLike, "M D"]) -> float:
  """How near to a training image only one held-out image in a hundred is.

  Raises:
    ValueError: less than 100 held-out images.
  """
  if len(test) < 100:
    raise ValueError(f"{len(test)} held-out images have no nearest 1%; expected 100 or more")
  return float(np.quantile(nearest(test, train.images)[1], 0.01))


def memorised(train: Others, generated: Float[ArrayLike, "M D"], distance: float) -> float:
  """The fraction of generated images that lie at most `distance` from a training image.

  With the `copy_distance` of training and held-out images, images as new as held-out ones score
  0.01, and copies 1. It tells copies from new images, not good ones from bad ones: an image far
  from all images is new, too.
  """
  generated = np.asarray(generated)
  near = generated[_least(generated, train) <= distance]
  if not near.size:
    return math.nan if math.isnan(distance) else 0.0
  # As many as a power of two, as each number is a program that has to be compiled.
  size = max(128, 1 << (len(near) - 1).bit_length())
  found = np.asarray(nearest(np.resize(near, (size, near.shape[1])), train.images)[1])[: len(near)]
  return float((found <= distance).sum() / len(generated))


def duplicate_distance(real: distances.Manifold) -> float:
  """Half the median distance of a real image to the nearest that differs: nearer ones are the same.

  It shrinks with more real images: one and the same set should serve all comparisons. Real images
  that lie close by nature have such pairs too, and so a floor: 10,000 MNIST images count as 9,000
  distinct ones in 64 principal components, and a hundred of them repeated as 101.
  Copies of a real image do not count as others: NaN where each has so many that the nearest are
  copies all.
  """
  radii = np.asarray(real.radii)
  # What rounding leaves of equal images' squared distance.
  copies = 4e-6 * float((real.features**2).sum(1).mean())
  differs = radii > copies
  nearest = np.take_along_axis(radii, differs.argmax(1)[:, None], 1)[differs.any(1), 0]
  return float(np.median(nearest) / 4) ** 0.5 if nearest.size else math.nan


BINS = 8  # of distances, in which generated and real images are counted
LEAST_OTHERS = 2 * BINS  # of real images: one half of them is counted, one in each bin


def repetition_bound(
  real: Float[ArrayLike, "N D"],
  generated: Float[ArrayLike, "N D"],
  others: Float[ArrayLike, "M D"],
) -> Float[Array, ""]:
  """A lower bound of the Jensen-Shannon divergence, by how near images lie to generated ones.

  A network that is trained for a moment does not learn a thousand images by heart, and takes copies
  of training images for real: that they come again tells them. The first half of both sets says how
  much likelier a generated image is at each distance to the nearest of the others, in eight bins;
  the other half is judged by that.

  Args:
    real: images that nothing was trained on, at least `LEAST_OTHERS`.
    generated: as many.
    others: more generated images.

  Returns:
    Nats, up to log 2; about 0, or a little below, where no image comes again.
  """
  far = jnp.stack([nearest(images, others)[1] for images in (real, generated)])
  half = far.shape[1] // 2
  edges = jnp.quantile(far[:, :half], jnp.linspace(0, 1, BINS + 1)[1:-1])
  bins = jnp.searchsorted(edges, far)
  counts = (bins[:, :half, None] == jnp.arange(BINS)[None, None]).sum(1) + 1.0
  logits = jnp.log(counts[0] / counts[1])[bins[:, half:]]
  return pixels.jensen_shannon_bound(logits[0], logits[1])


def distinct(count: int, duplicates: int, distance: float) -> float:
  """How many distinct images a generator has, by the birthday paradox (Arora et al. 2018).

  M images have M (M - 1) / 2 pairs; were they drawn evenly from so many distinct ones, one in so
  many of the pairs would be a duplicate. Where none is found, one is assumed: a lower bound. Drawn
  unevenly, the images are more than this says. The paper (section 3) has people look for
  duplicates.

  Args:
    count: M, of generated images.
    duplicates: pairs of them that are.
    distance: below which a pair is one: `duplicate_distance` of real images. NaN where that is not
      known, and so is the number then.
  """
  return math.nan if math.isnan(distance) else count * (count - 1) / 2 / max(duplicates, 1)
