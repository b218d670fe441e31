"""Scores in the features of a network: real against generated images."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from scipy import special

from genjax import data, files
from genjax.data import cache as caching
from genjax.metrics import copies, distances, frechet, paths, pixels
from genjax.rng import latent_noise
from genjax.scoring import floors
from genjax.scoring.classifier_network import classify
from genjax.scoring.protocols import EMD_IMAGES, Context, Group, RunBlock
from genjax.training.sweep import compiled
from genjax.types import Dataset, FeatureNetwork, PyTree, Run, State, UserError

PATHS = 2000  # pairs of latents
# As protocols.RULES, of this group. 3: the kernel distance is over all images, not over subsets.
FEATURE_RULES = 3


class Seen(NamedTuple):
  """Images as a network sees them."""

  features: np.ndarray  # [N, D]
  probabilities: np.ndarray | None  # [N, K]
  labels: np.ndarray  # [N] that were asked for, or that real images have


class Reference:
  """Real images as a network sees them; each part is computed when a score first asks for it."""

  def __init__(
    self,
    network: FeatureNetwork,
    splits: data.Splits,
    held: Dataset,
    seed: int = 0,
    cache: str | None = None,
  ):
    """`held` are images that no run has seen; as many others are compared with real ones.

    What a network whose weights are known sees in real images is kept in `cache`, as
    `config.data.cache` names it; None keeps nothing.
    """
    self.network, self.num_classes, self.seed = network, splits.num_classes, seed
    self.cache = cache if jax.tree.leaves(network.params) else None
    self._splits, self._held = splits, held
    # (images, params) -> features, logits
    self.look = lambda images, params: classify(network.apply, params, images, network.batch)
    self._see = compiled(self.look)
    shape = (1, *splits.train.image.shape[1:])
    image = jax.ShapeDtypeStruct(shape, jnp.float32)
    features, logits = jax.eval_shape(network.apply, network.params, image)
    self._functions = _OF_FEATURES | (_OF_PROBABILITIES if logits is not None else {})
    self._functions |= _OF_CLASSES if network.classes else {}
    if len(held.label) < frechet.EXTRAPOLATES * features.shape[-1]:
      self._functions.pop(("fd_infinity",))

  @property
  def names(self) -> tuple[str, ...]:
    """The scores that this network allows."""
    return tuple(name for some in self._functions for name in some)

  def see(self, images: np.ndarray, labels: np.ndarray) -> Seen:
    """Images `[N, H, W, C]` uint8."""
    return seen(*self._see(jnp.asarray(images), self.network.params), labels)

  def nearest(self, images: np.ndarray) -> np.ndarray:
    """The training image nearest to each of `[N, H, W, C]` uint8, in features."""
    features = self.see(images, np.zeros(len(images), int)).features
    index = copies.nearest(features, self.train.features)[0]
    return self._splits.train.image[np.asarray(index)]

  def score(self, seen: Seen, names: set[str]) -> dict[str, float]:
    """Those of `names` that this network allows; NaN where it cannot see all images."""
    if not np.isfinite(seen.features).all():
      return {name: np.nan for name in self.names if name in names}
    found = {}
    for some, function in self._functions.items():
      if names.intersection(some):
        found |= zip(some, np.atleast_1d(function(self, seen)), strict=True)
    return {name: float(value) for name, value in found.items() if name in names}

  @functools.cached_property
  def train(self) -> Seen:
    return self._real(self._splits.train)

  @functools.cached_property
  def held(self) -> Seen:
    return self._real(self._held)

  def _real(self, images: Dataset) -> Seen:
    """As `see`. Raises `UserError` where some features are not finite."""
    looked = self._kept(images)
    if unseen := np.count_nonzero(~np.isfinite(looked.features).all(1)):
      raise UserError(
        f"--features={self.network.name} gives {unseen:,} of {len(images.label):,} real images "
        "features that are infinite or NaN; expected finite ones"
      )
    return looked

  def _kept(self, images: Dataset) -> Seen:
    """As `see`, from the cache where it is there."""
    if self.cache is None:
      return self.see(*images)
    file = f"{self.network.name}-{files.checksum(images.image):08x}-{len(images.label)}.npz"
    path = caching.folder(self.cache, "seen") / file
    found = caching.read(path)
    if found is None:
      looked = self.see(*images)
      arrays = {"features": looked.features, "probabilities": looked.probabilities}
      caching.write(path, {key: x for key, x in arrays.items() if x is not None})
      return looked
    return Seen(found["features"], found.get("probabilities"), images.label)

  @property
  def few(self) -> np.ndarray:
    """Features of as many training images as are held out: for what compares pairs."""
    return self.train.features[: len(self._held.label)]

  @functools.cached_property
  def moments(self) -> frechet.Moments:
    return frechet.moments(self.train.features)

  @functools.cached_property
  def manifold(self) -> distances.Manifold:
    return distances.manifold(self.few)

  @functools.cached_property
  def others(self) -> copies.Others:
    return copies.others(self.train.features)

  @functools.cached_property
  def copy_distance(self) -> float:
    return copies.copy_distance(self.others, self.held.features)

  @functools.cached_property
  def duplicate_distance(self) -> float:
    return copies.duplicate_distance(self.manifold)


def seen(features: Array, logits: Array | None, labels: np.ndarray) -> Seen:
  """What a network gave for some images, on the host."""
  probabilities = None if logits is None else special.softmax(np.asarray(logits), axis=-1)
  return Seen(np.asarray(features), probabilities, labels)


def _pairs(real: Reference, seen: Seen) -> tuple[float, ...]:
  limit = real.duplicate_distance
  *scores, duplicates = distances.pairs(real.manifold, seen.features, duplicate=limit)
  return *scores, copies.distinct(len(seen.features), duplicates, limit)


def _emd_features(real: Reference, seen: Seen) -> float:
  count = min(EMD_IMAGES, len(seen.features), len(real.few))
  return pixels.exact_emd(real.few[:count], seen.features[:count])


# Scores -> their figures, of real images and of others.
_OF_FEATURES = {
  ("fd",): lambda real, seen: frechet.distance(real.moments, frechet.moments(seen.features)),
  ("fd_infinity",): lambda real, seen: frechet.at_infinity(
    real.moments, seen.features, seed=real.seed
  ),
  ("precision", "recall", "density", "coverage", "kd", "distinct"): _pairs,
  ("memorised",): lambda real, seen: copies.memorised(
    real.others, seen.features, real.copy_distance
  ),
  ("emd_features",): _emd_features,
}
_OF_PROBABILITIES = {
  ("classifier_score",): lambda real, seen: distances.classifier_score(seen.probabilities)
}
_OF_CLASSES = {
  ("modes", "class_jsd"): lambda real, seen: distances.class_divergence(
    seen.probabilities.argmax(1), real.train.labels, real.num_classes
  ),
  ("label_agreement",): lambda real, seen: pixels.label_agreement(seen.probabilities, seen.labels),
}


def group(context: Context, reference: Reference) -> Group:
  """Scores that compare images as a network sees them."""
  network = reference.network
  names = {*reference.names, "path_length"}
  see = context.vectorised(reference.look)
  lengths = context.vectorised(_path_length(context, network))

  def measure(block: RunBlock, names: set[str]) -> dict[str, np.ndarray]:
    found = {}
    if names - {"path_length"}:
      features, logits = jax.device_get(see(block.images, network.params))
      rows = [
        reference.score(seen(one, None if logits is None else logits[i], context.labels), names)
        for i, one in enumerate(features)
      ]
      found = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    if "path_length" in names:
      found["path_length"] = np.asarray(lengths((block.runs, block.states), network.params))
    return found

  protocol = context.protocol(
    "features",
    rules=FEATURE_RULES,
    features=network.name,
    real_images=len(context.splits.train.label),
    generated_images=context.count,
  )

  def of_real(names: set[str]) -> dict[str, float]:
    return reference.score(reference.held, names)

  return Group(
    protocol,
    tuple(name for name in context.names("features") if name in names),
    measure,
    floors.kept(of_real, context, protocol, reference.cache),
  )


def _path_length(context: Context, network: FeatureNetwork) -> Callable:
  model, count = context.model, min(PATHS, context.count)

  def length(run_state: tuple[Run, State], params: PyTree) -> Array:
    run, state = run_state
    ends = [latent_noise(context.key(i), (count, model.latent)) for i in (1, 2)]
    a, b = (z * run.latent_mask[None] for z in ends)
    t = jax.random.uniform(context.key(3), (count,), maxval=0.99)
    labels = jnp.asarray(context.labels[:count])

    def speed(drawn: tuple) -> Array:
      a, b, t, label = drawn

      def features_of(z: Array) -> Array:
        return network.apply(params, model.generate(run, state, z, label[None]))[0]

      return paths.path_speed(features_of, a[None], b[None], t[None])[0]

    speeds = lax.map(speed, (a, b, t, labels), batch_size=min(network.batch, count))
    return paths.perceptual_path_length(speeds)

  return length
