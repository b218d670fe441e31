"""How straight and how evenly images move along paths of the latent space, over seeds.

The unit is a training run: its figure is the mean over the same pairs of random latents.

Axes: R runs, P pairs, T steps of a path, Z latent.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from genjax.analysis import measures
from genjax.analysis.measures import Measure
from genjax.analysis.selection import Selection
from genjax.metrics import paths
from genjax.rng import image_noise
from genjax.types import FeatureNetwork, Run, State

PAIRS, STEPS = 32, 64
NORMS = 1000  # pairs of which the norms are told
# Name in CSV -> title, which end is smoother, and the least that there can be. A short path may be
# that of a generator which hardly moves at all.
MEASURES = {
  "length": ("length of the path", "", 0.0),
  "ratio": ("length / straight distance of the ends", "lower", 1.0),
  "jump": ("largest step / mean step", "lower", 1.0),
}


class Paths(NamedTuple):
  """One workdir's."""

  selection: Selection
  values: dict[tuple[str, str], np.ndarray]  # (measure, kind) -> [R]; NaN for a lost run
  about: dict[str, str]  # how they were measured: what equal figures must have in common
  still: np.ndarray  # [R] pairs between which some path stands still


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

  def of_run(run_state: tuple[Run, State], a: Array, b: Array, label: Array, params) -> list:
    run, state = run_state
    mask = run.latent_mask[None]

    def of_pair(pair: tuple[Array, Array, Array], kind: str) -> Array:
      a, b, label = pair
      z = paths.between(a, b, STEPS + 1, kind)
      images = selection.model.generate(run, state, z, jnp.broadcast_to(label, len(z)))
      points = network.apply(params, images)[0] if network else images.reshape(len(z), -1)
      return jnp.stack(paths.smoothness(points))

    pairs = (a * mask, b * mask, label)
    return [_mean(lax.map(lambda pair, k=kind: of_pair(pair, k), pairs)) for kind in kinds]

  found = selection.computed(of_run, a, b, label, params)
  values = {
    (name, kind): np.where(selection.lost, np.nan, of_kind[:, m])
    for m, name in enumerate(MEASURES)
    for kind, (of_kind, _) in zip(kinds, found, strict=True)
  }
  still = np.max([count for _, count in found], 0)
  about = {
    "space": network.name if network else "pixels",
    "weights": selection.weights,
    "noise_seed": str(seed),
    "pairs": str(PAIRS),
    "steps": str(STEPS),
  }
  return Paths(selection, values, about, np.where(selection.lost, 0, still))


def _mean(values: Array) -> tuple[Array, Array]:
  """Means of the measures of pairs `[P, M]`, and how many pairs stand still: `[M]`, `[]`.

  A path that does not move has a length, and no shape: NaN, and so has then the run, as the shape
  of the others alone would praise a generator that moves little.
  """
  still = jnp.isnan(values).any(1) & ~jnp.isnan(values[:, 0])
  return values.mean(0), still.sum()


def measures_of(found: Sequence[Paths]) -> list[Measure]:
  """Each measure of each kind of path, by setting; the length, of which no end is better, last."""
  about, made = found[0].about, []
  for name, kind in sorted(found[0].values, key=lambda key: key[0] == "length"):
    title, better, least = MEASURES[name]
    unit = f" (RMS distance in {about['space']})" if name == "length" else ""
    made.append(
      measures.of_selections(
        f"{name}_{kind}",
        f"{title}, {kind} path{unit}",
        better,
        [(one.selection, one.values[name, kind]) for one in found],
        about={"measure": name, "path": kind} | about,
        limits=(least, math.inf),
        headline=f"{kind} {name}" if better else "",
      )
    )
  return made


def on_still(found: Sequence[Paths]) -> list[str]:
  """A note on pairs between which some path stands still, if there are any."""
  still = np.concatenate([one.still for one in found])
  if not still.any():
    return []
  return [
    f"in {(still > 0).sum()} of {len(still)} runs there are pairs between which no image moves, up "
    f"to {still.max()} of {PAIRS}: they have no ratio and no jump"
  ]


def described(found: Sequence[Paths]) -> str:
  """How they were measured, in a line."""
  about = found[0].about
  return (
    f"Paths of {about['steps']} steps between {about['pairs']} pairs of random latents (noise seed "
    f"{about['noise_seed']}), {about['weights']} weights, in {about['space']}"
  )


def meanings() -> str:
  """What the measures are that have a better end."""
  return "; ".join(f"{name}: {title}" for name, (title, better, _) in MEASURES.items() if better)


def explained(latents: Sequence[int], seed: int) -> str:
  """What a straight path does to the norm, with measured figures."""
  sentences = []
  for latent in sorted(set(latents)):
    a, b = ends(NORMS, latent, seed)
    middle = {k: float(paths.norms(paths.between(a, b, 3, k)[1]).mean()) for k in paths.KINDS}
    mean, sd = paths.shell(latent)
    side = "inside" if middle["linear"] < mean else "outside"
    sentences.append(
      f"Latent {latent}: the prior's latents have |z| = {mean:.2f} ± {sd:.2f}; the middle of a "
      f"linear path is at {middle['linear']:.2f}, {middle['linear'] / mean:.2f} of that and "
      f"{abs(middle['linear'] - mean) / sd:.1f} sd {side}, the middle of a spherical path at "
      f"{middle['spherical']:.2f}."
    )
  return " ".join([*sentences, f"Means over {NORMS:,} pairs."])
