"""How far generated images are from real ones, in the features of some network.

D features of N real images and of M generated ones. What sums over images is done in float64 by
numpy, on small matrices; what compares all pairs in float32 by JAX, in blocks.
The real images' side (`moments`, `manifold`, `copy_distance`) is computed once, for many runs.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, ArrayLike, Float, Float64, Int, Integer, PyTree, Shaped
from threadpoolctl import threadpool_limits

BLOCK = 100  # images whose distances to all others are held at once
FEW = 512  # features
OCCURS = 0.1  # of a class's share of real images, from which on it occurs
# Images a feature, so that the smallest part that is extrapolated from has a covariance. Of equal
# normal distributions in 128 dimensions 200 images gave 0.15, and 2,000 gave -0.002.
EXTRAPOLATES = 10


class Moments(NamedTuple):
  """Mean and unbiased covariance of the features of one set of images."""

  mean: Float64[np.ndarray, " D"]
  covariance: Float64[np.ndarray, "D D"]


def moments(features: Float[ArrayLike, "N D"]) -> Moments:
  """Mean and unbiased covariance. Raises `ValueError` for less than two images."""
  features = np.asarray(features, np.float64)
  if len(features) < 2:
    raise ValueError(f"a covariance needs two images; there are {len(features)}")
  with _threads(features.shape[1]):
    return Moments(features.mean(0), np.atleast_2d(np.cov(features, rowvar=False)))


def _threads(features: int) -> threadpool_limits:
  """BLAS's threads: one for few features, where on a busy machine they would wait for one another.

  There, a covariance of 10,000 x 128 took 0.42 s with two threads and 0.01 s with one.
  """
  return threadpool_limits(1 if features <= FEW else None, user_api="blas")


def frechet(a: Moments, b: Moments) -> float:
  """Squared Frechet distance of two normal distributions (Heusel et al. 2017, section 4).

  `|m_a - m_b|^2 + tr(C_a + C_b - 2 (C_a^1/2 C_b C_a^1/2)^1/2)`. Both roots are of symmetric
  matrices, with negative eigenvalues cut off: dead features make the covariances singular, where a
  general matrix root fails. At least 0; biased upwards by few images.
  """
  return _frechet(a, _root(a.covariance), b)


def _frechet(a: Moments, root: Float64[np.ndarray, "D D"], b: Moments) -> float:
  """With the root of a's covariance."""
  with _threads(len(root)):
    product = root @ b.covariance @ root
    eigenvalues = np.linalg.eigvalsh((product + product.T) / 2)
  cross = np.sqrt(np.maximum(eigenvalues, 0)).sum()
  spread = np.trace(a.covariance) + np.trace(b.covariance) - 2 * cross
  return float(((a.mean - b.mean) ** 2).sum() + max(spread, 0.0))


def _root(matrix: Float64[np.ndarray, "D D"]) -> Float64[np.ndarray, "D D"]:
  with _threads(len(matrix)):
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T


def frechet_at_infinity(
  real: Moments, generated: Float[np.ndarray, "M D"], sizes: int = 15, seed: int = 0
) -> float:
  """The Frechet distance that infinitely many generated images would have.

  A line through the distances of random parts of the generated images, from a tenth of them up,
  over 1 / size, at 0 (Chong & Forsyth 2020, section 4, of images from pseudo-random latents, not
  Sobol's). Each part is drawn anew. It may be negative.

  Raises:
    ValueError: less than ten generated images for each feature, or less than 200.
  """
  N, least = len(generated), max(EXTRAPOLATES * generated.shape[1], 200)
  if least > N:
    raise ValueError(
      f"{N} generated images are too few to extrapolate from; expected {least:,} or more"
    )
  rng = np.random.default_rng(seed)
  counts = np.linspace(N // 10, N, sizes).astype(int)
  parts = (generated[rng.permutation(N)[:count]] for count in counts)
  root = _root(real.covariance)
  values = [_frechet(real, root, moments(part)) for part in parts]
  return float(np.polyfit(1 / counts, values, 1)[1])


def kernel_distance(
  real: Float[ArrayLike, "N D"],
  generated: Float[ArrayLike, "M D"],
  subsets: int = 100,
  size: int = 1000,
  seed: int = 0,
) -> float:
  """Unbiased squared maximum mean discrepancy, kernel `(x.y / D + 1)^3` (Binkowski et al. 2018).

  The mean over random subsets of `size` images of each. Its expectation is 0 where the
  distributions are equal, so it may be negative, and is not cut off.

  Raises:
    ValueError: a set has less than `size` images.
  """
  for name, features in (("real", real), ("generated", generated)):
    if len(features) < size:
      raise ValueError(f"{len(features)} {name} images are less than a subset's {size}")
  rng = np.random.default_rng(seed)
  x, y = (jnp.asarray(features, jnp.float32) for features in (real, generated))
  rows = np.array([[rng.choice(len(z), size, False) for z in (x, y)] for _ in range(subsets)])
  within, across = np.asarray(_kernel_sums(x, y, rows), np.float64).sum(-1).T
  return float(np.mean(within / (size * (size - 1)) - 2 * across / size**2))


@jax.jit
def _kernel_sums(
  x: Float[Array, "N D"], y: Float[Array, "M D"], rows: Int[Array, "S 2 size"]
) -> Float[Array, "S 2 size"]:
  """The kernel's sums over one image of each pair, within sets and across.

  Products in float32, which add 2e-8 to a subset's figure where subsets differ by 5e-4 (10,000
  images, D of 128); the sums over the other image are left to float64.
  """

  def kernel(a, b):
    return (_products(a, b) / x.shape[1] + 1) ** 3

  def of_subset(rows):
    a, b = x[rows[0]], y[rows[1]]
    of_itself = [((z**2).sum(1) / x.shape[1] + 1) ** 3 for z in (a, b)]
    within = [kernel(z, z).sum(0) - own for z, own in zip((a, b), of_itself, strict=True)]
    return jnp.stack([sum(within), kernel(a, b).sum(0)])

  return lax.map(of_subset, rows)


class Manifold(NamedTuple):
  """Real images and their nearest others: computed once, and then compared with many runs."""

  features: Float[Array, "N D"]  # less `mean`
  mean: Float[Array, "1 D"]
  radii: Float[Array, "N k"]  # squared distances to the k nearest other images, nearest first


def manifold(real: Float[ArrayLike, "N D"], k: int = 5) -> Manifold:
  """The real images' side of `neighbours` and `duplicate_distance`.

  Raises `ValueError` where there are not more than k images.
  """
  if len(real) <= k:
    raise ValueError(f"{len(real)} real images have no {k} neighbours each")
  real = jnp.asarray(real, jnp.float32)
  mean = real.mean(0, keepdims=True)  # distances do not change, and cancel less
  return Manifold(real - mean, mean, _reach(real - mean, k))


class Neighbours(NamedTuple):
  """Precision, recall, density and coverage, each in 0 to 1 but density, which has no bound."""

  precision: float  # of generated images that lie near a real one: blind to collapse
  recall: float  # of real images that lie near a generated one
  density: float  # real neighbourhoods in which a generated image lies, over k
  coverage: float  # of real images with a generated one nearby: 1 - 2**-k for equal distributions


def neighbours(
  real: Manifold, generated: Float[ArrayLike, "M D"], near: int = 3, dense: int = 5
) -> Neighbours:
  """k-nearest-neighbour scores.

  Args:
    real: of N images, with at least as many radii as `near` and `dense` say.
    generated: features of M images.
    near: k of precision and recall (Kynkaanniemi et al. 2019).
    dense: k of density and coverage (Naeem et al. 2020).

  Raises:
    ValueError: a set has too few images.
  """
  if real.radii.shape[1] < max(near, dense):
    raise ValueError(f"{real.radii.shape[1]} radii of real images; {max(near, dense)} are needed")
  if len(generated) <= near:
    raise ValueError(f"{len(generated)} generated images have no {near} neighbours each")
  generated = jnp.asarray(generated, jnp.float32)
  return Neighbours(*map(float, _neighbours(real, generated, near, dense)))


@jax.jit(static_argnums=(2, 3))
def _neighbours(
  real: Manifold, generated: Float[Array, "M D"], near: int, dense: int
) -> tuple[Float[Array, ""], ...]:
  generated = generated - real.mean
  radius, dense_radius = real.radii[:, near - 1], real.radii[:, dense - 1]
  generated_radius = _reach(generated, near)[:, near - 1]

  def of_block(reached, block, own_radius):
    """Which real images some generated ones reach, or are reached by: all pairs are seen once."""
    recalled, covered = reached
    distance = squared_distances(block, real.features)  # [B, N]
    recalled |= (distance <= own_radius[:, None]).any(0)
    dense_enough = distance <= dense_radius[None]
    covered |= dense_enough.any(0)
    return (recalled, covered), ((distance <= radius[None]).any(1), dense_enough.sum(1))

  nothing = jnp.zeros(len(radius), bool)
  (recalled, covered), (precise, counts) = _over_blocks(
    of_block, (nothing, nothing), generated, generated_radius
  )
  return precise.mean(), recalled.mean(), counts.mean() / dense, covered.mean()


def squared_distances(x: Float[Array, "B D"], y: Float[Array, "N D"]) -> Float[Array, "B N"]:
  """Squared distances of all pairs."""
  squares = (x**2).sum(1)[:, None] + (y**2).sum(1)[None]
  return jnp.maximum(squares - 2 * _products(x, y), 0)


def _products(x: Float[Array, "B D"], y: Float[Array, "N D"]) -> Float[Array, "B N"]:
  # An accelerator's faster products have 10 bits, and near images differ in later ones.
  return jnp.matmul(x, y.T, precision=lax.Precision.HIGHEST)


@jax.jit(static_argnums=1)
def _reach(x: Float[Array, "N D"], k: int) -> Float[Array, "N {k}"]:
  """Squared distances to the k nearest others, nearest first."""
  index = jnp.arange(len(x))

  def of_block(block, own):
    distance = jnp.where(own[:, None] == index[None], jnp.inf, squared_distances(block, x))
    return -lax.top_k(-distance, k)[0]

  return by_blocks(of_block, x, index)


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
  marginal = p.mean(0, keepdims=True)
  with np.errstate(divide="ignore", invalid="ignore"):
    terms = np.where(p > 0, p * (np.log(p) - np.log(marginal)), 0.0)
  return float(np.exp(terms.sum(1).mean()))


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
  middle = (p + q) / 2

  def relative(x):
    known = x > 0
    return (x[known] * np.log(x[known] / middle[known])).sum()

  occurs = (p * len(labels) > 1.5) & (p >= OCCURS * q)
  return int(occurs.sum()), float((relative(p) + relative(q)) / 2)
