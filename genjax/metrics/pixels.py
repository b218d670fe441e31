"""Metrics on images and scores: pure functions of arrays."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, ArrayLike, Float, Float32, Integer, Key, UInt8
from threadpoolctl import threadpool_limits

from genjax.models import losses

PATCH = 7  # pixels along a side
PATCHES = 4  # of each image and level
GREY = (0.299, 0.587, 0.114)  # of red, green and blue: ITU-R BT.601, as in `data.load`


def unit(images: UInt8[ArrayLike, "*shape"]) -> Float32[ArrayLike, "*shape"]:
  """Pixels 0 to 255 scaled to [0, 1]."""
  return images.astype(jnp.float32) / 255


def to_bytes(images: Float[ArrayLike, "*shape"]) -> UInt8[ArrayLike, "*shape"]:
  """Images in [0, 1] as pictures have them; a NaN is grey. NumPy's stay NumPy's."""
  xp = jnp if isinstance(images, Array) else np
  return xp.rint(xp.clip(xp.nan_to_num(images, nan=0.5), 0, 1) * 255).astype(xp.uint8)


def sliced(
  key: Key[Array, ""], x: Float[Array, " N *shape"], projections: int = 128
) -> Float[Array, "N {projections}"]:
  """Where points lie along random directions of unit length, in order along each.

  By one key, the mean absolute difference of two sets' slices is their sliced Wasserstein-1
  distance (Bonneel et al. 2015, with exponent 1). 0 where the sets are equal; biased upwards by
  small N, so that real images against other real images do not reach 0. It has no gradient.
  """
  x = x.reshape(len(x), -1)
  directions = jax.random.normal(key, (x.shape[-1], projections))
  directions /= jnp.linalg.norm(directions, axis=0, keepdims=True)
  return _ordered((x @ directions).T.astype(jnp.float32)).T


def _ordered(x: Float32[Array, "P N"]) -> Float32[Array, "P N"]:
  """Each row in order, NaN last, as `jnp.sort` has it, which takes several times as long on a CPU.

  XLA compares whole numbers by one instruction. The bits of a positive float are in its order, and
  those of a negative one against it.
  """

  def mirrored(bits: Integer[Array, "P N"]) -> Integer[Array, "P N"]:
    return jnp.where(bits < 0, bits ^ jnp.int32(2**31 - 1), bits)

  bits = lax.bitcast_convert_type(jnp.where(jnp.isnan(x), jnp.nan, x), jnp.int32)
  return lax.bitcast_convert_type(mirrored(jnp.sort(mirrored(bits), stable=False)), jnp.float32)


def pyramid_distance(
  key: Key[Array, ""], real: Float[Array, "N H W C"], generated: Float[Array, "N H W C"]
) -> Float[Array, ""]:
  """Sliced Wasserstein distance over the levels of a Laplacian pyramid.

  After Karras et al. 2018, section 5: 7 x 7 patches of the detail at each scale, and the small
  image that remains. On whole images the distance hardly tells blur from sharpness; patches of the
  finest detail do. Each level is in units of its own standard deviation on the real images, and
  the levels count alike. As biased as that of `sliced`.
  """
  return distance_of_slices(pyramid_slices(key, real), pyramid_slices(key, generated))


class Slices(NamedTuple):
  """A level of a set of images, as `pyramid_distance` compares it with another's."""

  ordered: Float[Array, "M P"]
  deviation: Float[Array, ""]


def pyramid_slices(key: Key[Array, ""], images: Float[Array, "N H W C"]) -> list[Slices]:
  """One set's side of `pyramid_distance`, finest level first: that of real images serves many."""
  levels, slices = _pyramid(images), []
  for i, x in enumerate(levels):
    patch_key, direction_key = jax.random.split(jax.random.fold_in(key, i))
    x = _patches(patch_key, x) if i < len(levels) - 1 else x
    slices.append(Slices(sliced(direction_key, x), x.std()))
  return slices


def distance_of_slices(real: list[Slices], generated: list[Slices]) -> Float[Array, ""]:
  """`pyramid_distance` of images whose slices are by one key."""
  distances = [
    jnp.abs(a.ordered - b.ordered).mean() / (a.deviation + 1e-6)
    for a, b in zip(real, generated, strict=True)
  ]
  return jnp.stack(distances).mean()


def _pyramid(image: Float[Array, "N H W C"]) -> list[Float[Array, "N _ _ C"]]:
  """Detail at each scale, finest first, and last what remains, of less than two patches a side."""
  levels = []
  while min(image.shape[1:3]) >= 2 * PATCH:
    height, width = (size // 2 * 2 for size in image.shape[1:3])
    image = image[:, :height, :width]
    small = image.reshape(len(image), height // 2, 2, width // 2, 2, -1).mean((2, 4))
    levels.append(image - small.repeat(2, 1).repeat(2, 2))
    image = small
  return [*levels, image]


def _patches(key: Key[Array, ""], image: Float[Array, "N H W C"]) -> Float[Array, "M P P C"]:
  """Some random patches of each image: N * PATCHES, of PATCH pixels a side."""
  limits = jnp.array([size - PATCH + 1 for size in image.shape[1:3]])
  corners = jax.random.randint(key, (len(image), PATCHES, 2), 0, limits[None, None])

  def cut(image, corner):
    return lax.dynamic_slice(image, (*corner, 0), (PATCH, PATCH, image.shape[-1]))

  patches = jax.vmap(jax.vmap(cut, (None, 0)))(image, corners)
  return patches.reshape(-1, *patches.shape[2:])


# On a busy machine, BLAS's threads wait for one another longer than these products take.
@threadpool_limits.wrap(limits=1, user_api="blas")
def exact_emd(x: Float[ArrayLike, "N ..."], y: Float[ArrayLike, "M ..."], size: int = 500) -> float:
  """Earth mover's distance of two sets of points, by the cheapest pairing.

  The Euclidean distance of a pair, in the mean over pairs and over minibatches of `size` points
  (Rubner et al. 2000); all in float64 on the host. 0 where the sets are equal. Small minibatches
  bias it upwards, so that real images against other real images are its floor; and in pixels it
  prefers blur: on MNIST 6.3 is the floor, and the same images, blurred by 0.7 pixels, are at 5.6.

  Args:
    x, y: pixels in [0, 1] or features, in an order that is a random one.
    size: points of a minibatch; what does not fill one is left out, but where N < size all N make
      the only one.

  Raises:
    ValueError: the sets are empty, or of different shapes.
  """
  if np.shape(x) != np.shape(y) or not len(x):
    raise ValueError(f"points of shape {np.shape(x)} cannot be paired with {np.shape(y)}")
  size = min(size, len(x))
  count = len(x) // size
  x, y = (np.asarray(part)[: count * size].reshape(count, size, -1) for part in (x, y))
  return float(np.mean([_cheapest_pairing(*pair) for pair in zip(x, y, strict=True)]))


def _cheapest_pairing(x: Float[np.ndarray, "B D"], y: Float[np.ndarray, "B D"]) -> float:
  """Mean distance of a pair."""
  from scipy import optimize  # takes as long as a third of JAX; training does without

  x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
  squares = (x**2).sum(1)[:, None] + (y**2).sum(1)[None] - 2 * x @ y.T
  rows, columns = optimize.linear_sum_assignment(np.sqrt(np.maximum(squares, 0)))
  # From the points themselves: the root of what the squares lose would be seen.
  return np.linalg.norm(x[rows] - y[columns], axis=1).mean()


def sharpness(images: Float[ArrayLike, "N H W C"]) -> Float[ArrayLike, " N"]:
  """Variance of the Laplacian of each image, grey and in [0, 1].

  The 3 x 3 Laplacian of four neighbours, inside the image alone (Pech-Pacheco et al. 2000). Noise
  is the sharpest of all: neither more nor less is better, but as much as real images have.

  Raises:
    ValueError: neither 1 nor 3 channels.
  """
  if images.shape[-1] not in (1, 3):
    raise ValueError(f"images of {images.shape[-1]} channels; expected 1 or 3")
  x = images[..., 0]
  if images.shape[-1] == 3:
    x = sum(weight * images[..., channel] for channel, weight in enumerate(GREY))
  around = x[:, :-2, 1:-1] + x[:, 2:, 1:-1] + x[:, 1:-1, :-2] + x[:, 1:-1, 2:]
  return (around - 4 * x[:, 1:-1, 1:-1]).var((1, 2))


def jensen_shannon_bound(
  real: Float[Array, " N"], generated: Float[Array, " M"]
) -> Float[Array, ""]:
  """A lower bound of the Jensen-Shannon divergence, in nats.

  log 2 - L / 2, L the sum of both mean cross-entropies (Goodfellow et al. 2014, theorem 1). It
  bounds the divergence, up to the noise of few images, only on images that the discriminator was
  not trained on; and tightly only if that one was trained freshly, for this generator as it is.
  Negative where the discriminator does worse than a coin.

  Args:
    real, generated: the discriminator's logits, of "real", on held-out and on generated images.
  """
  loss = losses.GAN_LOSSES["nonsaturating"]
  return losses.jensen_shannon(loss.real(real).mean() + loss.generated(generated).mean())


def label_agreement(
  scores: Float[ArrayLike, "N K"], labels: Integer[ArrayLike, " N"]
) -> Float[ArrayLike, ""]:
  """The fraction that is classified as it was asked for.

  Args:
    scores: logits or probabilities of the classes.
    labels: 0 to K - 1.
  """
  return (scores.argmax(-1) == labels).mean()
