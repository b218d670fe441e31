"""The networks in whose features runs are compared, by what a user asks for."""

import hashlib
from collections.abc import Collection
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from genjax import data, parts
from genjax.metrics import catalogue
from genjax.mistakes import reason
from genjax.scoring import classifier
from genjax.training import sweep
from genjax.types import FeatureNetwork, Shape, UserError

PROBES = 8  # images of noise that a user's network is known by
DIGITS = 3  # of their features: the last bits are the platform's


def load(
  splits: data.Splits, cache: str, wanted: str, count: int, names: Collection[str]
) -> list[FeatureNetwork]:
  """The first of a dataset's own classifiers, or the network that a user brings.

  Args:
    splits: of the dataset.
    cache: as `config.data.cache`.
    wanted: "" for classifiers; `inception:PATH` of weights; or `MODULE:FUNCTION`, a function of
      images `[B, H, W, C]` in [0, 1] to features `[B, D]`.
    count: of classifiers.
    names: of the scores that are to be computed: classifiers are trained for features alone.

  Raises:
    UserError: there is no such network, or it does not take these images.
  """
  groups = {catalogue.find(name, "--metrics").group for name in names}
  if not wanted and "features" not in groups:
    return []
  if not wanted:
    return classifier.feature_networks(splits, cache, partial(print, flush=True), count)
  kind, _, where = wanted.partition(":")
  if not where:
    raise UserError(f"--features={wanted}: expected inception:PATH or MODULE:FUNCTION, or nothing")
  if kind == "inception":
    from genjax.scoring import inception

    network = inception.load(where)
  else:
    function = parts.find(wanted, "--features")
    network = FeatureNetwork(wanted, {}, lambda params, images: (function(images), None), False)
  image_shape = splits.train.image.shape[1:]
  image = jax.ShapeDtypeStruct((2, *image_shape), jnp.float32)
  try:
    shape = jax.eval_shape(network.apply, network.params, image)[0].shape
  except Exception as error:
    raise UserError(
      f"--features={wanted}: it does not take images of {image.shape} ({reason(error)})"
    ) from None
  if len(shape) != 2 or shape[0] != 2:
    raise UserError(f"--features={wanted} gives {shape} for 2 images; expected (2, D)")
  if kind != "inception":
    network = network._replace(name=f"{network.name}-{_digest_of_features(network, image_shape)}")
  return [network]


def _digest_of_features(network: FeatureNetwork, image_shape: Shape) -> str:
  """Stands for what a network does: a hash of how it sees some noise, darker and brighter.

  Neither the name nor the code of a function tells which weights it reads. A few sums of features,
  rounded in units of the largest, are hashed: fewer figures lie by chance where rounding decides.
  """
  rng = np.random.default_rng(0)
  noise = rng.random((PROBES, *image_shape)) * np.linspace(0.2, 1, PROBES)[:, None, None, None]
  see = sweep.compiled(network.apply)
  features = np.asarray(see(network.params, jnp.asarray(noise, jnp.float32))[0])
  sums = features.astype(np.float64) @ rng.standard_normal(features.shape[1])
  size = f"{np.abs(sums).max():.{DIGITS - 1}e}"
  figures = [f"{x:.{DIGITS}f}" for x in sums / (np.abs(sums).max() or 1)]
  return hashlib.sha256(" ".join([size, *figures]).encode()).hexdigest()[:8]
