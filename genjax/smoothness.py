"""How straight and how evenly images move along paths of the latent space, over seeds.

The unit is a training run: its figure is the mean over the same pairs of random latents.

Axes: R runs, P pairs, T steps of a path, Z latent.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from genjax import paths, run_tables
from genjax.selection import Selection
from genjax.tables import Table
from genjax.types import FeatureNetwork, Run, State, image_noise

PAIRS, STEPS = 32, 64
NORMS = 1000  # pairs of which the norms are told
# Name in CSV -> title, and whether a lower figure is smoother: a short path may be a generator that
# hardly moves at all.
MEASURES = {
  "length": ("length of the path", False),
  "ratio": ("length / straight distance of the ends", True),
  "jump": ("largest step / mean step", True),
}


class Paths(NamedTuple):
  """One workdir's."""

  selection: Selection
  values: dict[tuple[str, str], np.ndarray]  # (measure, kind) -> [R]; NaN for a lost run


def ends(pairs: int, latent: int, seed: int) -> tuple[Array, Array]:
  """Random latents to go from and to: [P, Z] each.

  A pair depends on the seed and on its place alone, and its first dimensions not on Z either, so
  that all models and latent sizes share it.
  """
  z = image_noise(seed, jnp.arange(2 * pairs), latent)
  return z[0::2], z[1::2]


def measure(
  selection: Selection, kinds: Sequence[str], seed: int, network: FeatureNetwork | None = None
) -> Paths:
  """The measures of each run's paths, in pixels or in a network's features."""
  a, b = ends(PAIRS, selection.model.latent, seed)
  label = jnp.arange(PAIRS) % max(selection.model.num_classes, 1)
  params = network.params if network else {}

  def of_run(row: tuple[Run, State], a: Array, b: Array, label: Array, params) -> list[Array]:
    run, state = row
    mask = run.latent_mask[None]

    def of_pair(pair: tuple[Array, Array, Array], kind: str) -> Array:
      a, b, label = pair
      z = paths.between(a, b, STEPS + 1, kind)
      images = selection.model.generate(run, state, z, jnp.broadcast_to(label, len(z)))
      points = network.apply(params, images)[0] if network else images.reshape(len(z), -1)
      return jnp.stack(paths.lengths(points))

    pairs = (a * mask, b * mask, label)
    return [lax.map(lambda pair, k=kind: of_pair(pair, k), pairs).mean(0) for kind in kinds]

  found = selection.vectorised(of_run)(selection.rows, a, b, label, params)
  lost = run_tables.lost(selection)
  values = {
    (name, kind): np.where(lost, np.nan, np.asarray(of_kind)[:, m])
    for m, name in enumerate(MEASURES)
    for kind, of_kind in zip(kinds, found, strict=True)
  }
  return Paths(selection, values)


def summaries(found: Sequence[Paths], space: str) -> Table:
  """Each setting under each measure and kind of path."""
  return run_tables.middles(list(_blocks(found, space)))


def pairs(found: Sequence[Paths], space: str) -> Table:
  """Each two settings under the measures of which lower is smoother."""
  return run_tables.pairs(
    [
      (f"{title}: lower is smoother", about, figures)
      for title, about, figures in _blocks(found, space)
      if MEASURES[about["measure"]][1]
    ]
  )


def _blocks(found: Sequence[Paths], space: str) -> Iterator[tuple[str, dict, run_tables.Settings]]:
  for name, kind in found[0].values:
    unit = f" (RMS distance in {space})" if name == "length" else ""
    about = {"measure": name, "path": kind, "space": space}
    yield f"{MEASURES[name][0]}{unit}, {kind} path", about, _settings(found, (name, kind))


def runs(found: Sequence[Paths]) -> Table:
  """Each run's figures."""
  return run_tables.runs(
    {f"{name}_{kind}": _settings(found, (name, kind)) for name, kind in found[0].values}
  )


def _settings(found: Sequence[Paths], key: tuple[str, str]) -> run_tables.Settings:
  return run_tables.settings([(one.selection, one.values[key]) for one in found])


def explained(latents: Sequence[int], seed: int) -> str:
  """What a straight path does to the norm, with measured figures."""
  sentences = []
  for latent in sorted(set(latents)):
    a, b = ends(NORMS, latent, seed)
    middle = {k: float(paths.norms(paths.between(a, b, 3, k)[1]).mean()) for k in paths.KINDS}
    mean, sd = paths.shell(latent)
    sentences.append(
      f"Latent {latent}: the model was trained on |z| = {mean:.2f} ± {sd:.2f}; the middle of a "
      f"linear path is at {middle['linear']:.2f}, {middle['linear'] / mean:.2f} of that and "
      f"{_away(middle['linear'], mean, sd)}, the middle of a spherical path at "
      f"{middle['spherical']:.2f}."
    )
  return " ".join([*sentences, f"Means over {NORMS:,} pairs."])


def _away(norm: float, mean: float, sd: float) -> str:
  return f"{abs(norm - mean) / sd:.1f} sd {'inside' if norm < mean else 'outside'}"
