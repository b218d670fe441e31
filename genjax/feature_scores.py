"""Scores in the features of a network: real against generated images."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from genjax import classifier, distances, metrics
from genjax.protocols import BATCH, Block, Context, Group
from genjax.types import Dataset, FeatureNetwork, PyTree, Run, State, latent_noise

EMD_IMAGES = 5000  # of which minibatches of 500 are paired
SUBSETS, SUBSET = 100, 1000  # of the kernel distance
PATHS = 2000  # pairs of latents


class _Seen(NamedTuple):
  """Images as a network sees them."""

  features: np.ndarray  # [N, D]
  probabilities: np.ndarray | None  # [N, K]
  labels: np.ndarray  # [N] that were asked for, or that real images have


class _Reference:
  """The real images' side, each part of it computed when a score first asks for it."""

  def __init__(self, train: _Seen, held: _Seen, count: int, num_classes: int, seed: int):
    self.train, self.held, self.num_classes, self.seed = train, held, num_classes, seed
    self.few = train.features[:count]  # as many as there are generated ones
    self.subset = min(SUBSET, count)

  @functools.cached_property
  def moments(self) -> distances.Moments:
    return distances.moments(self.train.features)

  @functools.cached_property
  def manifold(self) -> distances.Manifold:
    return distances.manifold(self.few)

  @functools.cached_property
  def copy_distance(self) -> float:
    return distances.copy_distance(self.train.features, self.held.features)

  @functools.cached_property
  def duplicate_distance(self) -> float:
    return distances.duplicate_distance(self.manifold)


def _frechet(reference: _Reference, seen: _Seen) -> tuple:
  return (distances.frechet(reference.moments, distances.moments(seen.features)),)


def _frechet_at_infinity(reference: _Reference, seen: _Seen) -> tuple:
  return (distances.frechet_at_infinity(reference.moments, seen.features, seed=reference.seed),)


def _kernel(reference: _Reference, seen: _Seen) -> tuple:
  size, seed = reference.subset, reference.seed
  return (distances.kernel_distance(reference.train.features, seen.features, SUBSETS, size, seed),)


def _neighbours(reference: _Reference, seen: _Seen) -> tuple:
  return tuple(distances.neighbours(reference.manifold, seen.features))


def _distinct(reference: _Reference, seen: _Seen) -> tuple:
  return (distances.distinct(seen.features, reference.duplicate_distance).images,)


def _memorised(reference: _Reference, seen: _Seen) -> tuple:
  train = reference.train.features
  return (distances.memorised(train, seen.features, reference.copy_distance),)


def _emd_features(reference: _Reference, seen: _Seen) -> tuple:
  count = min(EMD_IMAGES, len(seen.features), len(reference.few))
  return (metrics.exact_emd(reference.few[:count], seen.features[:count]),)


def _classifier_score(reference: _Reference, seen: _Seen) -> tuple:
  return (distances.classifier_score(seen.probabilities),)


def _modes(reference: _Reference, seen: _Seen) -> tuple:
  classes = seen.probabilities.argmax(1)
  return distances.class_divergence(classes, reference.train.labels, reference.num_classes)


def _label_agreement(reference: _Reference, seen: _Seen) -> tuple:
  return (float(metrics.label_agreement(seen.probabilities, seen.labels)),)


_OF_FEATURES = {
  ("fd",): _frechet,
  ("fd_infinity",): _frechet_at_infinity,
  ("kd",): _kernel,
  ("precision", "recall", "density", "coverage"): _neighbours,
  ("distinct",): _distinct,
  ("memorised",): _memorised,
  ("emd_features",): _emd_features,
}
_OF_PROBABILITIES = {("classifier_score",): _classifier_score}
_OF_CLASSES = {("modes", "class_jsd"): _modes, ("label_agreement",): _label_agreement}


def group(context: Context, network: FeatureNetwork) -> Group:
  """Scores that compare images as a network sees them."""
  see = context.vectorised(
    lambda images, params: classifier.classify(network.apply, params, images)
  )
  train, held, labels = context.splits.train, context.held, context.labels

  @functools.cache
  def reference() -> _Reference:
    see_one = jax.jit(lambda images, params: classifier.classify(network.apply, params, images))
    seen = [
      _seen(*see_one(jnp.asarray(part.image), network.params), part.label)
      for part in (train, Dataset(*(x[: context.count] for x in held)))
    ]
    return _Reference(*seen, context.count, context.splits.num_classes, context.settings.seed)

  logits = jax.eval_shape(
    network.apply, network.params, jax.ShapeDtypeStruct((1, *train.image.shape[1:]), jnp.float32)
  )[1]
  functions = _OF_FEATURES
  functions |= _OF_PROBABILITIES if logits is not None else {}
  functions |= _OF_CLASSES if network.classes else {}
  names = [name for some in functions for name in some] + ["path_length"]
  speeds = context.vectorised(_path_length(context, network))

  def of(seen: _Seen, names: set[str]) -> dict[str, float]:
    found = {}
    for some, function in functions.items():
      if names.intersection(some):
        found |= zip(some, function(reference(), seen), strict=True)
    return {name: value for name, value in found.items() if name in names}

  def measure(block: Block, names: set[str]) -> dict[str, np.ndarray]:
    features, logits = jax.device_get(see(block.images, network.params))
    rows = [
      of(_seen(features[i], None if logits is None else logits[i], labels), names)
      for i in range(len(features))
    ]
    found = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    if "path_length" in names:
      found["path_length"] = np.asarray(speeds((block.runs, block.states), network.params))
    return found

  return Group(
    context.protocol(
      "features",
      features=network.name,
      real_images=len(train.label),
      generated_images=context.count,
    ),
    tuple(name for name in context.names("features") if name in names),
    measure,
    lambda names: of(reference().held, names),
  )


def _seen(features: Array, logits: Array | None, labels: np.ndarray) -> _Seen:
  probabilities = None if logits is None else np.asarray(jax.nn.softmax(logits))
  return _Seen(np.asarray(features), probabilities, labels)


def _path_length(context: Context, network: FeatureNetwork) -> Callable:
  model, count = context.model, min(PATHS, context.count)

  def length(row: tuple[Run, State], params: PyTree) -> Array:
    run, state = row
    ends = [latent_noise(context.key(i), (count, model.latent)) for i in (1, 2)]
    a, b = (z * run.latent_mask[None] for z in ends)
    t = jax.random.uniform(context.key(3), (count,), maxval=0.99)
    labels = jnp.asarray(context.labels[:count])

    def speed(drawn: tuple) -> Array:
      a, b, t, label = drawn

      def features_of(z: Array) -> Array:
        return network.apply(params, model.generate(run, state, z, label[None]))[0]

      return metrics.path_speed(features_of, a[None], b[None], t[None])[0]

    speeds = lax.map(speed, (a, b, t, labels), batch_size=min(BATCH, count))
    return metrics.path_length(speeds)

  return length
