"""Which latent dimensions matter to a run, and latents that show what they do.

Axes: R runs, Z latent, D dimensions that are shown, T steps.
"""

import jax
import jax.numpy as jnp
import numpy as np
import scipy
from jax import Array, lax

from genjax.analysis.selection import Selection
from genjax.rng import Stream, latent_noise, stream
from genjax.training import metrics_file
from genjax.types import Run, State

KL, VARIANCE = "KL (nats)", "variance of the images"
NODES, POINTS = 5, 16  # of a dimension, and of the others, where variances are measured
REACH = 2.5  # standard deviations to either side that a traversal goes


def importance(selection: Selection, points: int = POINTS) -> tuple[np.ndarray, str]:
  """How much each latent dimension matters to each run, and what that is: `([R, Z], what)`.

  Of VAEs the KL of each dimension on validation images, as metrics.csv has it for the weights'
  step or the last one before; 0 throughout for a run that failed before it was validated. Of other
  models the variance that a dimension gives to a pixel (`_variances`), at so many `points` of the
  other dimensions. Masked dimensions have 0.
  """
  mask = np.asarray(selection.saved.runs.latent_mask)[list(selection.index)]
  if selection.model.encode and (found := _kl(selection)) is not None:
    return found * mask, KL
  key = stream(jax.random.key(0), Stream.IMPORTANCE)  # the same points for every run
  measured = selection.computed(lambda row, key: _variances(selection, row, key, points), key)
  return measured * mask, VARIANCE


def _kl(selection: Selection) -> np.ndarray | None:
  """[R, Z] from metrics.csv; None where it has none."""
  found = metrics_file.read_figures(selection.path, _of_dimension)
  selection.check_runs()
  values = np.full((len(selection.index), selection.model.latent), np.nan)
  for r, (run, last) in enumerate(zip(selection.index, selection.steps, strict=True)):
    for name, figures in found.get(run, {}).items():
      if before := [step for step in figures if step <= last]:
        values[r, int(name.partition("/")[2])] = figures[max(before)]
  return None if np.isnan(values).all() else np.where(np.isnan(values), 0, values)


def _of_dimension(name: str) -> bool:
  """Whether it is a KL on validation images; a score is by a protocol and on other images."""
  return name.startswith("kl_dim/") and "@" not in name


def _variances(
  selection: Selection, run_state: tuple[Run, State], key: Array, points: int
) -> Array:
  """The variance that each dimension alone gives to a pixel, mean over pixels and the others: [Z].

  The total effect of a dimension (Saltelli et al. 2010, table 2), not divided by the variance of
  all. Its own integral is Gauss and Hermite's of 5 nodes, exact for polynomials of degree 4.
  """
  model, (run, state) = selection.model, run_state
  nodes, weights = (jnp.asarray(x, jnp.float32) for x in np.polynomial.hermite_e.hermegauss(NODES))
  weights /= weights.sum()
  others = latent_noise(key, (points, model.latent))
  label = jnp.arange(points) % max(model.num_classes, 1)

  def variance(dimension: Array) -> Array:
    z = jnp.broadcast_to(others[None], (NODES, *others.shape))
    z = z.at[:, :, dimension].set(jnp.broadcast_to(nodes[:, None], (NODES, points)))
    images = model.generate(run, state, z.reshape(-1, model.latent), jnp.tile(label, NODES))
    images = images.reshape(NODES, -1)
    mean = weights @ images
    return (weights @ (images - mean[None]) ** 2).mean()

  return lax.map(variance, jnp.arange(model.latent))


def manifold(n: int) -> np.ndarray:
  """A grid over the prior of a latent of 2, `[n * n, 2]`, row by row from the top left.

  Normal quantiles at (i + 1/2) / n (Kingma & Welling 2014, figure 4): the first dimension rises to
  the right, the second upwards.
  """
  quantiles = scipy.special.ndtri((np.arange(n) + 0.5) / n)
  across, up = np.meshgrid(quantiles, quantiles[::-1])
  return np.stack([across.ravel(), up.ravel()], 1).astype(np.float32)


def traversal(base: Array, dimensions: Array, steps: int) -> Array:
  """Latents in which one dimension moves from -REACH to REACH: `[Z]`, `[D] -> [D, T, Z]`.

  The others stay at `base`.
  """
  moved = jnp.linspace(-REACH, REACH, steps)[None, :, None]
  here = jax.nn.one_hot(dimensions, base.shape[-1])[:, None]
  return jnp.where(here > 0, moved, base[None, None])
