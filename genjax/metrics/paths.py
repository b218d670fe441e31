"""Paths between two latents, how smooth they are, and the shell on which the prior's latents lie.

Axes: T steps of a path, B paths or N speeds, Z latent, D coordinates of a space.
"""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

KINDS = ("linear", "spherical")


def between(
  a: Float[Array, "*ends Z"], b: Float[Array, "*ends Z"], steps: int, kind: str
) -> Float[Array, "{steps} *ends Z"]:
  """Equally spaced latents from a to b, both included.

  Args:
    a, b: latents, 0 in masked dimensions, which stay 0.
    steps: T, at least 2.
    kind: "linear", or "spherical": the direction turns at a constant speed as in `slerp`
      (White 2016, section 2.1), and the norm goes evenly from that of a to that of b. White's own
      norm grows far beyond both where a and b are nearly opposite, as a latent of 2 often has them.
      Exact opposites, as any two of unlike sign are where Z is 1, have no one arc between them: the
      direction goes straight over through 0, and so does the path.

  Raises:
    ValueError: another kind, or fewer than two steps.
  """
  if kind not in KINDS:
    raise ValueError(f"kind is {kind!r}; expected {' or '.join(KINDS)}")
  if steps < 2:
    raise ValueError(f"steps is {steps}; expected 2 or more")
  t = jnp.linspace(0, 1, steps).reshape(steps, *(1 for _ in a.shape[:-1]))
  if kind == "linear":
    return (1 - t[..., None]) * a[None] + t[..., None] * b[None]
  from_a, from_b = norms(a), norms(b)
  directions = [v / jnp.maximum(n, 1e-30)[..., None] for v, n in ((a, from_a), (b, from_b))]
  turned = slerp(*(direction[None] for direction in directions), t)
  return ((1 - t) * from_a[None] + t * from_b[None])[..., None] * turned


def slerp(
  a: Float[Array, "*#points Z"], b: Float[Array, "*#points Z"], t: Float[Array, "*#points"]
) -> Float[Array, "*points Z"]:
  """Spherical interpolation (White 2016, section 2.1).

  From a at 0 to b at 1, at a constant angular speed. A straight line where a and b point the same
  way or opposite ways, as they always do where Z is 1. Masked dimensions must be 0 in both, as
  they would have a part in the angle.
  """
  t = t[..., None]
  from_a, from_b = (v / jnp.maximum(_norm(v), 1e-30) for v in (a, b))
  # As exact for small angles and for nearly opposite vectors as for others; an arc cosine is not.
  angle = 2 * jnp.arctan2(_norm(from_a - from_b), _norm(from_a + from_b))
  sine = jnp.sin(angle)
  straight = sine < 1e-3
  sine = jnp.where(straight, 1, sine)
  weight_a = jnp.where(straight, 1 - t, jnp.sin((1 - t) * angle) / sine)
  weight_b = jnp.where(straight, t, jnp.sin(t * angle) / sine)
  return weight_a * a + weight_b * b


def _norm(x: Float[Array, "*points Z"]) -> Float[Array, "*points 1"]:
  return jnp.linalg.norm(x, axis=-1, keepdims=True)


def norms(path: Float[Array, "*points Z"]) -> Float[Array, "*points"]:
  """How far from the origin a path is."""
  return jnp.linalg.norm(path, axis=-1)


def shell(latent: int) -> tuple[float, float]:
  """Mean and standard deviation of |z| for z standard normal in so many dimensions.

  Of the chi distribution: about sqrt(Z) and sqrt(1/2) where Z is large, so that the prior is a thin
  shell. The middle of a straight line between two of its points is normal with half the variance:
  at sqrt(1/2), 0.71, of that distance.
  """
  mean = math.sqrt(2) * math.exp(math.lgamma((latent + 1) / 2) - math.lgamma(latent / 2))
  return mean, math.sqrt(latent - mean**2)


def smoothness(
  points: Float[Array, "T D"],
) -> tuple[Float[Array, ""], Float[Array, ""], Float[Array, ""]]:
  """How a path runs through a space: its length, ratio and jump.

  Distances are root mean squares over the D coordinates. `length` is the sum of the steps; `ratio`
  is to the straight distance of both ends, so that 1 is straight; `jump` is the largest step over
  the mean one, so that 1 is even. NaN where the path does not move, or for `ratio` where it ends at
  its start.
  """
  steps = jnp.sqrt(((points[1:] - points[:-1]) ** 2).mean(-1))
  straight = jnp.sqrt(((points[-1] - points[0]) ** 2).mean())
  length = steps.sum()
  ratio = jnp.where(straight > 0, length / straight, jnp.nan)
  return length, ratio, steps.max() / steps.mean()


def path_speed(
  features_of: Callable[[Float[Array, "B Z"]], Float[Array, "B D"]],
  a: Float[Array, "B Z"],
  b: Float[Array, "B Z"],
  t: Float[Array, " B"],
  step: Float[Array, ""] | float = 1e-3,
) -> Float[Array, " B"]:
  """Squared distance of features per squared step along `slerp`.

  The step is longer than the 1e-4 of Karras et al. 2019, section 4.1. In float32, in a network of
  five layers, rounding moved a pair's speed by up to 0.7% with that one, by 7% with 1e-5 and by
  0.06% with this one, whose mean speed was within 0.1% of the limit (Z of 20 and of 100).

  Args:
    features_of: latents to features of the images generated from them.
    a, b: latents, 0 in masked dimensions.
    t: in [0, 1 - step].
    step: of t.
  """
  # An accelerator's faster products have 10 bits: fewer than the step would need.
  with jax.default_matmul_precision("highest"):
    before, after = features_of(slerp(a, b, t)), features_of(slerp(a, b, t + step))
  return ((after - before) ** 2).sum(-1) / step**2


def perceptual_path_length(speeds: Float[Array, " N"]) -> Float[Array, ""]:
  """Mean of the speeds from their 1st to their 99th percentile.

  Perceptual path length (Karras et al. 2019, section 4.1), but in features of the caller's, of
  latents that are not normalised, and without cropping. NaN where any speed is.
  """
  low, high = jnp.percentile(speeds, jnp.array([1.0, 99.0]))
  # A speed that is a percentile is within, however that is rounded.
  slack = 1e-6 * jnp.maximum(jnp.abs(low), jnp.abs(high))
  low, high = low - slack, high + slack
  return speeds.mean(where=(low <= speeds) & (speeds <= high))
