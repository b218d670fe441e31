"""What pairs of images say, real and generated ones, in the features of some network.

D features of N real images and of M generated ones; all pairs are seen once, in blocks, by products
in float32. The real images' side, `manifold`, is computed once, for many runs.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, ArrayLike, Float, Int, Integer, PyTree, Shaped
from scipy import special

BLOCK = 100  # images whose distances to all others are held at once
OCCURS = 0.1  # of a class's share of real images, from which on it occurs


class Manifold(NamedTuple):
  """Real images and their nearest others: computed once, and then compared with many runs."""

  features: Float[Array, "N D"]  # less `mean`
  mean: Float[Array, "1 D"]
  radii: Float[Array, "N k"]  # squared distances to the k nearest other images, nearest first
  kernel: float  # the mean of `_kernel` over pairs of different images


def manifold(real: Float[ArrayLike, "N D"], k: int = 5) -> Manifold:
  """The real images' side of `pairs` and `copies.duplicate_distance`.

  Raises `ValueError` where there are not more than k images.
  """
  if len(real) <= k:
    raise ValueError(f"{len(real)} real images have no {k} neighbours each")
  real = jnp.asarray(real, jnp.float32)
  mean = real.mean(0, keepdims=True)  # distances do not change, and cancel less
  among = _among(real - mean, mean, k, 0.0)
  return Manifold(real - mean, mean, among.radii, _mean(among.kernel, len(real) - 1))


def _mean(sums: Float[ArrayLike, " N"], others: int) -> float:
  """Of sums over so many others."""
  return float(np.asarray(sums, np.float64).mean() / others)


class Pairs(NamedTuple):
  """What pairs of real and of generated images say.

  Precision, recall and coverage are 0 to 1, density has no bound.
  """

  precision: float  # of generated images that lie near a real one: blind to collapse
  recall: float  # of real images that lie near a generated one
  density: float  # real neighbourhoods in which a generated image lies, over k
  coverage: float  # of real images with a generated one nearby: 1 - 2**-k for equal distributions
  kernel_distance: float  # expected at 0 for equal distributions: may be negative, and is not cut
  duplicates: int  # pairs of generated images that are as good as the same


def pairs(
  real: Manifold,
  generated: Float[ArrayLike, "M D"],
  near: int = 3,
  dense: int = 5,
  duplicate: float = 0.0,
) -> Pairs:
  """Scores of k nearest neighbours and of a kernel, and duplicates, from the same distances.

  The kernel distance is the unbiased squared maximum mean discrepancy with the kernel
  `(x.y / D + 1)^3` (Binkowski et al. 2018, equation 4), over all images, where the paper's figure
  is a mean over subsets: of the same expectation and less variance.

  Args:
    real: of N images, with at least as many radii as `near` and `dense` say.
    generated: features of M images.
    near: k of precision and recall (Kynkaanniemi et al. 2019).
    dense: k of density and coverage (Naeem et al. 2020).
    duplicate: a distance; generated images that are nearer to one another are duplicates.

  Raises:
    ValueError: a set has too few images.
  """
  if real.radii.shape[1] < max(near, dense):
    raise ValueError(f"{real.radii.shape[1]} radii of real images; {max(near, dense)} are needed")
  M = len(generated)
  if near >= M:
    raise ValueError(f"{M} generated images have no {near} neighbours each")
  generated = jnp.asarray(generated, jnp.float32) - real.mean
  k = min(real.radii.shape[1], M - 1)  # of as many images as real ones the same program
  among = _among(generated, real.mean, k, duplicate**2)
  *scores, kernel = _between(real, generated, among.radii[:, near - 1], near, dense)
  kernel_distance = real.kernel + _mean(among.kernel, M - 1) - 2 * _mean(kernel, M)
  duplicates = int(np.asarray(among.duplicates).sum(dtype=int)) // 2  # each is seen from both sides
  return Pairs(*map(float, scores), kernel_distance, duplicates)


class _Among(NamedTuple):
  """Of each image of a set, and its others."""

  radii: Float[Array, "N k"]  # squared distances to the nearest, nearest first
  kernel: Float[Array, " N"]  # sums
  duplicates: Int[Array, " N"]  # how many are nearer than is asked


@jax.jit(static_argnums=2)
def _among(
  x: Float[Array, "N D"], mean: Float[Array, "1 D"], k: int, squared: Float[ArrayLike, ""]
) -> _Among:
  index, shift = jnp.arange(len(x)), _shift(x, mean)

  def of_block(sums, block, own, own_shift):
    itself = own[:, None] == index[None]
    products = _products(block, x)
    distance = jnp.where(itself, jnp.inf, squared_distances(block, x, products))
    kernel = jnp.where(itself, 0.0, _kernel(products, own_shift, shift, mean))
    sums = sums[0] + kernel.sum(0), sums[1] + (distance < squared).sum(0)
    return sums, -lax.top_k(-distance, k)[0]

  nothing = jnp.zeros(len(x)), jnp.zeros(len(x), int)
  (kernel, duplicates), radii = _over_blocks(of_block, nothing, x, index, shift)
  return _Among(radii, kernel, duplicates)


@jax.jit(static_argnums=(3, 4))
def _between(
  real: Manifold,
  generated: Float[Array, "M D"],
  generated_radius: Float[Array, " M"],
  near: int,
  dense: int,
) -> tuple[Float[Array, "..."], ...]:
  """Precision, recall, density and coverage; the kernel's sums over generated images."""
  radius, dense_radius = real.radii[:, near - 1], real.radii[:, dense - 1]
  shift = _shift(real.features, real.mean)

  def of_block(reached, block, own_radius, own_shift):
    """Which real images some generated ones reach, or are reached by."""
    recalled, covered, sums = reached
    products = _products(block, real.features)  # [B, N]
    distance = squared_distances(block, real.features, products)
    recalled |= (distance <= own_radius[:, None]).any(0)
    dense_enough = distance <= dense_radius[None]
    covered |= dense_enough.any(0)
    sums += _kernel(products, own_shift, shift, real.mean).sum(0)
    precise = (distance <= radius[None]).any(1)
    return (recalled, covered, sums), (precise, dense_enough.sum(1))

  nothing = jnp.zeros(len(radius), bool)
  (recalled, covered, sums), (precise, counts) = _over_blocks(
    of_block,
    (nothing, nothing, jnp.zeros(len(radius))),
    generated,
    generated_radius,
    _shift(generated, real.mean),
  )
  return precise.mean(), recalled.mean(), counts.mean() / dense, covered.mean(), sums


def squared_distances(
  x: Float[Array, "B D"], y: Float[Array, "N D"], products: Float[Array, "B N"] | None = None
) -> Float[Array, "B N"]:
  """Squared distances of all pairs; `products` are theirs, where they are known."""
  squares = (x**2).sum(1)[:, None] + (y**2).sum(1)[None]
  return jnp.maximum(squares - 2 * (_products(x, y) if products is None else products), 0)


def _products(x: Float[Array, "B D"], y: Float[Array, "N D"]) -> Float[Array, "B N"]:
  # An accelerator's faster products have 10 bits, and near images differ in later ones.
  return jnp.matmul(x, y.T, precision=lax.Precision.HIGHEST)


def _shift(x: Float[Array, "N D"], mean: Float[Array, "1 D"]) -> Float[Array, " N"]:
  """Added for both images: what their product has beside that less the mean, but for a constant."""
  return (x * mean).sum(1)


def _kernel(
  products: Float[Array, "B N"],
  x: Float[Array, " B"],
  y: Float[Array, " N"],
  mean: Float[Array, "1 D"],
) -> Float[Array, "B N"]:
  """Of images less their mean, with both's `_shift`; less the kernel of the mean with itself.

  A float32 would mostly hold that one, and the discrepancy does not depend on it.
  """
  own = (mean**2).mean() + 1
  more = (products + x[:, None] + y[None]) / mean.shape[1]
  return more * (3 * own**2 + 3 * own * more + more**2)


def by_blocks(f: Callable, *arrays: Shaped[Array, "N ..."]) -> PyTree[Shaped[Array, "N ..."]]:
  """`f` of blocks of rows, one after another: as `f(*arrays)`, with less memory."""
  return _over_blocks(lambda carry, *block: (carry, f(*block)), (), *arrays)[1]


def _over_blocks(f: Callable, carry: PyTree, *arrays: Shaped[Array, "N ..."]):
  """`f: carry, *block -> carry, rows` over blocks of rows; the last carry, and all rows."""
  N = len(arrays[0])
  whole, parts = N // BLOCK * BLOCK, []
  if whole:
    blocks = [a[:whole].reshape(-1, BLOCK, *a.shape[1:]) for a in arrays]
    carry, done = lax.scan(lambda carry, block: f(carry, *block), carry, blocks)
    parts.append(jax.tree.map(lambda a: a.reshape(whole, *a.shape[2:]), done))
  if whole < N:
    carry, rest = f(carry, *(a[whole:] for a in arrays))
    parts.append(rest)
  return carry, jax.tree.map(lambda *a: jnp.concatenate(a), *parts)


def classifier_score(probabilities: Float[ArrayLike, "N K"]) -> float:
  """exp of the mean KL of p(y|x) from p(y): 1 to K (Salimans et al. 2016, section 4).

  With Inception's classifier it is the inception score. Blind to repetition: the same ten good
  images score as high as the data.
  """
  p = np.asarray(probabilities, np.float64)
  return float(np.exp(special.rel_entr(p, p.mean(0, keepdims=True)).sum(1).mean()))


def class_divergence(
  labels: Integer[ArrayLike, " M"], real: Integer[ArrayLike, " N"], num_classes: int
) -> tuple[int, float]:
  """Modes: how many classes occur, and the Jensen-Shannon divergence of the histograms.

  A class occurs that has more than one image and a tenth of its share among real ones: mistakes of
  a classifier are fewer (by a single image, the digit 1 alone was 3 classes, and noise 8).

  Args:
    labels, real: of generated and of real images, 0 to num_classes - 1.

  Returns:
    Classes among the generated, and nats, 0 to log 2.
  """
  p, q = (np.bincount(x, minlength=num_classes) / len(x) for x in (labels, real))
  occurs = (p * len(labels) > 1.5) & (p >= OCCURS * q)
  divergences = [special.rel_entr(x, (p + q) / 2).sum() for x in (p, q)]
  return int(occurs.sum()), float(np.mean(divergences))
