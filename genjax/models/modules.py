"""Functions of flax modules: their first weights, their outputs, how many numbers they have."""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import ArrayLike, Float, Shaped

from genjax.models import initialisers
from genjax.types import PyTree, Shape


def init(module: nn.Module, key: Array, *inputs: Array) -> tuple[PyTree, PyTree]:
  """`(params, batch-norm statistics)` of a network for inputs of these shapes."""
  variables = module.init(key, *inputs)
  return variables["params"], variables.get("batch_stats", {})


def apply(
  module: nn.Module,
  params: PyTree,
  stats: PyTree,
  *inputs: Array | None,
  key: Array | None = None,
) -> tuple[PyTree, PyTree]:
  """`(outputs, statistics)`. With a key as in training: batch statistics, and dropout from it."""
  if key is None:
    return module.apply({"params": params, "batch_stats": stats}, *inputs), stats
  outputs, changed = module.apply(
    {"params": params, "batch_stats": stats},
    *inputs,
    train=True,
    rngs={"dropout": key},
    mutable=["batch_stats"],
  )
  return outputs, changed.get("batch_stats", {})


class ForwardVjp(NamedTuple):
  """What a network gave in training, and what a gradient by that takes."""

  output: Array
  stats: PyTree
  pull: Callable  # gradient of a loss by the output -> (gradient by the parameters,)


def forward_vjp(
  module: nn.Module, params: PyTree, stats: PyTree, *inputs: Array | None, key: Array
) -> ForwardVjp:
  """As `apply` in training, of which a loss may be known later."""
  output, pull, stats = jax.vjp(
    lambda params: apply(module, params, stats, *inputs, key=key), params, has_aux=True
  )
  return ForwardVjp(output, stats, pull)


def batch_statistics(
  module: nn.Module, params: PyTree, stats: PyTree, *inputs: Shaped[Array, "B ..."] | None
) -> PyTree:
  """Batch norm's statistics of these inputs alone, as training normalises them; {} without any."""
  if not jax.tree.leaves(stats):
    return stats
  norm = module.layers.norm._replace(momentum=0.0)  # which keeps nothing of the old ones
  module = module.clone(layers=dataclasses.replace(module.layers, norm=norm))
  return apply(module, params, stats, *inputs, key=jax.random.key(0))[1]


# The layers that read or write the latent, and the axis of their kernels that holds it.
LATENT_LAYERS = {"latent": -2, "mean": -1, "logvar": -1}


def init_players(
  networks: Any, key: Array, image_shape: Shape, latent: int, mask: Float[Array, " Z"]
) -> tuple[dict[str, PyTree], dict[str, PyTree]]:
  """First weights and statistics of a model's players, by their names.

  Layers that read or write the latent have the initial scale of a run's own latent size. These are
  the layer `latent` of a decoder or generator, and `mean` and `logvar` of an encoder.
  """
  image, z, label = jnp.zeros((1, *image_shape)), jnp.zeros((1, latent)), jnp.zeros(1, jnp.int32)
  inputs, params, stats = networks.inputs(image, z, label), {}, {}
  for (player, given), own in zip(inputs.items(), jax.random.split(key), strict=True):
    module = getattr(networks, player)
    params[player], stats[player] = init(module, own, *given)
    if player != "critic":  # which sees no latent
      params[player] = _fit_latent(module, params[player], mask)
  return params, stats


def _fit_latent(module: nn.Module, params: PyTree, mask: Float[Array, " Z"]) -> PyTree:
  layers = getattr(module, "layers", None)  # a network of one's own need not have them
  for name, axis in LATENT_LAYERS.items():
    if layers and name in params:
      params = initialisers.rescale_latent(params, name, axis, mask, layers.initialiser)
  return params


def crop_latent(leaf: ArrayLike, like: Shaped[Array, "..."] | jax.ShapeDtypeStruct) -> Array:
  """A leaf of a padded network in the shape of the narrow one's.

  The one axis that differs holds the latent: labels, where there are any, come before it.
  """
  return jnp.asarray(leaf)[tuple(slice(0, n) for n in like.shape)]


def count(params: PyTree) -> int:
  """How many numbers there are in a tree."""
  return sum(leaf.size for leaf in jax.tree.leaves(params))
