"""Paths between two latents, and the shell on which the prior's latents lie.

Axes: T steps of a path, Z latent, D coordinates of a space.
"""

import math

import jax.numpy as jnp
from jaxtyping import Array, Float

from genjax.metrics.pixels import slerp

KINDS = ("linear", "spherical")


def between(
  a: Float[Array, "*ends Z"], b: Float[Array, "*ends Z"], steps: int, kind: str
) -> Float[Array, "{steps} *ends Z"]:
  """Equally spaced latents from a to b, both included.

  Args:
    a, b: latents, 0 in masked dimensions, which stay 0.
    steps: T, at least 2.
    kind: "linear", or "spherical": the direction turns at a constant speed as in `pixels.slerp`
      (White 2016, section 2.1), and the norm goes evenly from that of a to that of b. White's own
      norm grows far beyond both where a and b are nearly opposite, as a latent of 2 often has them.
      Exact opposites, as any two of unlike sign are where Z is 1, have no one arc between them: the
      direction goes straight over through 0, and so does the path.

  Raises:
    ValueError: another kind, or fewer than two steps.
  """
  if kind not in KINDS or steps < 2:
    raise ValueError(f"{steps} steps of kind {kind!r}: expected at least 2, {' or '.join(KINDS)}")
  t = jnp.linspace(0, 1, steps).reshape(steps, *(1 for _ in a.shape[:-1]))
  if kind == "linear":
    return (1 - t[..., None]) * a[None] + t[..., None] * b[None]
  from_a, from_b = norms(a), norms(b)
  directions = [v / jnp.maximum(n, 1e-30)[..., None] for v, n in ((a, from_a), (b, from_b))]
  turned = slerp(*(direction[None] for direction in directions), t)
  return ((1 - t) * from_a[None] + t * from_b[None])[..., None] * turned


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


def lengths(
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
