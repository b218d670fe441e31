"""How far generated images are from real ones, in the features of some network.

Features are `[N, D]` arrays of real and `[M, D]` of generated images. What sums over images is done
in float64 by numpy, on small matrices; what compares all pairs in float32 by JAX, in blocks.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

BLOCK = 500  # images whose distances to all others are held at once


class Moments(NamedTuple):
  mean: np.ndarray  # [D]
  covariance: np.ndarray  # [D, D]


def moments(features: np.ndarray) -> Moments:
  """Mean and unbiased covariance. Raises `ValueError` for less than two images."""
  features = np.asarray(features, np.float64)
  if len(features) < 2:
    raise ValueError(f"a covariance needs two images; there are {len(features)}")
  return Moments(features.mean(0), np.atleast_2d(np.cov(features, rowvar=False)))


def frechet(a: Moments, b: Moments) -> float:
  """Squared Frechet distance of two normal distributions (Heusel et al. 2017, section 4).

  `|m_a - m_b|^2 + tr(C_a + C_b - 2 (C_a^1/2 C_b C_a^1/2)^1/2)`. Both roots are of symmetric
  matrices, with negative eigenvalues cut off: dead features make the covariances singular, where a
  general matrix root fails. At least 0; biased upwards by few images.
  """
  root = _root(a.covariance)
  product = root @ b.covariance @ root
  eigenvalues = np.linalg.eigvalsh((product + product.T) / 2)
  cross = np.sqrt(np.maximum(eigenvalues, 0)).sum()
  spread = np.trace(a.covariance) + np.trace(b.covariance) - 2 * cross
  return float(((a.mean - b.mean) ** 2).sum() + max(spread, 0.0))


def _root(matrix: np.ndarray) -> np.ndarray:
  values, vectors = np.linalg.eigh(matrix)
  return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T


def frechet_at_infinity(
  real: Moments, generated: np.ndarray, sizes: int = 15, seed: int = 0
) -> float:
  """The Frechet distance that infinitely many generated images would have.

  A line through the distances of random parts of the generated images, from a tenth of them up,
  over 1 / size, at 0 (Chong & Forsyth 2020, section 4). It may be negative.

  Raises:
    ValueError: less than 200 generated images.
  """
  N = len(generated)
  if N < 200:
    raise ValueError(f"{N} generated images are too few to extrapolate from; 200 would be right")
  rng = np.random.default_rng(seed)
  counts = np.linspace(N // 10, N, sizes).astype(int)
  found = [frechet(real, moments(generated[rng.permutation(N)[:count]])) for count in counts]
  return float(np.polyfit(1 / counts, found, 1)[1])


def kernel_distance(
  real: np.ndarray, generated: np.ndarray, subsets: int = 100, size: int = 1000, seed: int = 0
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
  x, y = (np.asarray(features, np.float64) for features in (real, generated))
  return float(
    np.mean(
      [
        _mmd(x[rng.choice(len(x), size, False)], y[rng.choice(len(y), size, False)])
        for _ in range(subsets)
      ]
    )
  )


def _mmd(x: np.ndarray, y: np.ndarray) -> float:
  n, D = x.shape

  def kernel(a, b):
    return (a @ b.T / D + 1) ** 3

  within = sum(k.sum() - np.trace(k) for k in (kernel(x, x), kernel(y, y)))
  return within / (n * (n - 1)) - 2 * kernel(x, y).mean()


class Neighbours(NamedTuple):
  """Precision, recall, density and coverage, each in 0 to 1 but density, which has no bound."""

  precision: float  # of generated images that lie near a real one: blind to collapse
  recall: float  # of real images that lie near a generated one
  density: float  # real neighbourhoods in which a generated image lies, over k
  coverage: float  # of real images with a generated one nearby: 1 - 2**-k for equal distributions


def neighbours(real: Array, generated: Array, near: int = 3, dense: int = 5) -> Neighbours:
  """k-nearest-neighbour scores.

  Args:
    real, generated: [N, D] and [M, D].
    near: k of precision and recall (Kynkaanniemi et al. 2019).
    dense: k of density and coverage (Naeem et al. 2020).

  Raises:
    ValueError: a set has not more than k images.
  """
  if min(len(real), len(generated)) <= max(near, dense):
    raise ValueError(
      f"{len(real)} real and {len(generated)} generated images have no {max(near, dense)} "
      "neighbours each"
    )
  # Distances do not change, and cancel less.
  centre = jnp.asarray(real).mean(0, keepdims=True)
  real, generated = jnp.asarray(real) - centre, jnp.asarray(generated) - centre
  return Neighbours(*map(float, _neighbours(real, generated, near, dense)))


@jax.jit(static_argnums=(2, 3))
def _neighbours(real: Array, generated: Array, near: int, dense: int) -> tuple[Array, ...]:
  reach_of_real = _reach(real, max(near, dense))
  radius, dense_radius = reach_of_real[:, near - 1], reach_of_real[:, dense - 1]
  generated_radius = _reach(generated, near)[:, near - 1]

  def of_generated(distance):  # [B, N], of some generated images to all real ones
    inside = distance <= radius[None]
    return inside.any(1), (distance <= dense_radius[None]).sum(1)

  def of_real(distance_and_radius):  # [B, M]
    distance, own_radius = distance_and_radius
    inside = (distance <= generated_radius[None]).any(1)
    return inside, (distance <= own_radius[:, None]).any(1)

  precise, counts = _by_blocks(lambda x: of_generated(_distances(x, real)), generated)
  recalled, covered = _by_blocks(
    lambda x, r: of_real((_distances(x, generated), r)), real, dense_radius
  )
  return precise.mean(), recalled.mean(), counts.mean() / dense, covered.mean()


def _distances(x: Array, y: Array) -> Array:
  """Squared distances of all pairs: `[B, D]`, `[N, D] -> [B, N]`."""
  squares = (x**2).sum(1)[:, None] + (y**2).sum(1)[None]
  return jnp.maximum(squares - 2 * x @ y.T, 0)


def _reach(x: Array, k: int) -> Array:
  """Squared distances to the k nearest others, nearest first: `[N, D] -> [N, k]`."""
  index = jnp.arange(len(x))

  def of_block(block, own):
    distance = jnp.where(own[:, None] == index[None], jnp.inf, _distances(block, x))
    return -lax.top_k(-distance, k)[0]

  return _by_blocks(of_block, x, index)


def _by_blocks(f, *arrays: Array):
  """`f` of blocks of rows, one after another: as `f(*arrays)`, with less memory."""
  N = len(arrays[0])
  whole = N // BLOCK * BLOCK
  parts = []
  if whole:
    blocks = [a[:whole].reshape(-1, BLOCK, *a.shape[1:]) for a in arrays]
    done = lax.map(lambda block: f(*block), blocks)
    parts.append(jax.tree.map(lambda a: a.reshape(whole, *a.shape[2:]), done))
  if whole < N:
    parts.append(f(*(a[whole:] for a in arrays)))
  return jax.tree.map(lambda *a: jnp.concatenate(a), *parts)


def nearest(images: Array, others: Array) -> tuple[Array, Array]:
  """For each row of `[M, D]` the index of, and the distance to, the nearest row of `[N, D]`."""

  def of_block(block):
    distance = _distances(block, others)
    return distance.argmin(1), jnp.sqrt(distance.min(1))

  return _by_blocks(of_block, images)


def classifier_score(probabilities: np.ndarray) -> float:
  """exp of the mean KL of p(y|x) from p(y): `[N, K]` -> 1 to K (Salimans et al. 2016, section 4).

  With Inception's classifier it is the inception score. Blind to repetition: the same ten good
  images score as high as the data.
  """
  p = np.asarray(probabilities, np.float64)
  marginal = p.mean(0, keepdims=True)
  with np.errstate(divide="ignore", invalid="ignore"):
    terms = np.where(p > 0, p * (np.log(p) - np.log(marginal)), 0.0)
  return float(np.exp(terms.sum(1).mean()))


def class_divergence(labels: np.ndarray, real: np.ndarray, num_classes: int) -> tuple[int, float]:
  """Modes: how many classes occur, and the Jensen-Shannon divergence of the histograms.

  Args:
    labels, real: [M] and [N], of generated and of real images, 0 to num_classes - 1.

  Returns:
    Classes among the generated, and nats, 0 to log 2.
  """
  p, q = (np.bincount(x, minlength=num_classes) / len(x) for x in (labels, real))
  middle = (p + q) / 2

  def relative(x):
    known = x > 0
    return (x[known] * np.log(x[known] / middle[known])).sum()

  return int((p > 0).sum()), float((relative(p) + relative(q)) / 2)
