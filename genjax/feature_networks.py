"""The networks in whose features runs are compared, by what a user asks for."""

import importlib
from collections.abc import Collection

import jax
import jax.numpy as jnp

from genjax import classifier, data
from genjax.scores import SCORES
from genjax.types import FeatureNetwork, UserError


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
  if not wanted and not any(SCORES[name].group == "features" for name in names):
    return []
  if not wanted:
    return classifier.feature_networks(splits, cache, _show, count)
  kind, _, where = wanted.partition(":")
  if not where:
    raise UserError(
      f"--features={wanted}: right would be inception:PATH or MODULE:FUNCTION, or nothing"
    )
  made = _inception(where) if kind == "inception" else _function(kind, where)
  image = jax.ShapeDtypeStruct((2, *splits.train.image.shape[1:]), jnp.float32)
  try:
    shape = jax.eval_shape(made.apply, made.params, image)[0].shape
  except Exception as error:
    raise UserError(
      f"--features={wanted}: it does not take images of {image.shape}: {error}"
    ) from None
  if len(shape) != 2 or shape[0] != 2:
    raise UserError(f"--features={wanted} gives {shape} for 2 images; right would be (2, D)")
  return [made]


def _inception(path: str) -> FeatureNetwork:
  from genjax import inception  # its tables are not needed otherwise

  network = inception.load(path)
  return FeatureNetwork(f"inception-{network.digest}", network.params, network.apply, False)


def _function(module: str, name: str) -> FeatureNetwork:
  try:
    function = getattr(importlib.import_module(module), name)
  except (ImportError, AttributeError) as error:
    raise UserError(f"--features={module}:{name}: {error}") from None
  return FeatureNetwork(
    f"{module}:{name}", {}, lambda params, images: (function(images), None), classes=False
  )


def _show(line: str) -> None:
  print(line, flush=True)
