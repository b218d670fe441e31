"""The layers of a network as a table, as the reports print them."""

from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from genjax.models import modules
from genjax.models.layers import LSTM, Conv, Map
from genjax.types import Model, Shape


class LayerRow(NamedTuple):
  """A row of a network's table."""

  name: str
  output: tuple[int, ...]  # shape, without the batch axis
  trained: int  # parameters
  statistics: int  # running statistics of batch norm


Tables = dict[str, list[LayerRow]]  # player -> its layers


def tables(model: Model, image_shape: Shape) -> Tables:
  """The layers of each of a model's players; of a model that shows no networks, none."""
  if model.networks is None:
    return {}
  image = jax.ShapeDtypeStruct((1, *image_shape), jnp.float32)
  z = jax.ShapeDtypeStruct((1, model.latent), jnp.float32)
  label = jax.ShapeDtypeStruct((1,), jnp.int32)
  inputs = model.networks.inputs(image, z, label)
  return {
    player: layers_of(getattr(model.networks, player), *given) for player, given in inputs.items()
  }


def layers_of(module: nn.Module, *inputs: jax.ShapeDtypeStruct) -> list[LayerRow]:
  """The layers that a network calls for such inputs, in their order; nothing is computed.

  Layers are the modules that the network itself calls: what these call in turn is part of them.
  """
  called = []  # (layer, its output, the names below which its variables lie)
  within = []  # the names of the layer that is being called

  def watch(call, args, kwargs, context):
    names = set(context.module.path[:1])
    if within:
      within[0].update(names)
      return call(*args, **kwargs)
    if not names:  # the network
      return call(*args, **kwargs)
    within.append(names)
    output = call(*args, **kwargs)
    called.append((context.module, output, within.pop()))
    return output

  with nn.intercept_methods(watch):
    variables = jax.eval_shape(module.init, jax.random.key(0), *inputs)

  def size(collection, names):
    return sum(modules.count(variables.get(collection, {}).get(name, {})) for name in names)

  return [
    LayerRow(_title(layer), output.shape[1:], size("params", names), size("batch_stats", names))
    for layer, output, names in called
  ]


def _title(layer: nn.Module) -> str:
  kind = type(layer).__name__
  given = "" if layer.name.startswith(f"{kind}_") else f"{layer.name}: "
  return given + _kind(layer)


def _kind(layer: nn.Module) -> str:
  match layer:
    case Conv():
      stride = f", stride {layer.stride}" if layer.stride > 1 else ""
      padding = f", {layer.padding}" if layer.padding != "SAME" else ""
      transposed = "transposed " if layer.transposed else ""
      return f"{transposed}conv {layer.kernel} x {layer.kernel}{stride}{padding}"
    case Map():
      f = getattr(layer.f, "func", layer.f)
      return f.__name__.strip("_")
    case nn.Dropout():
      return f"dropout {layer.rate:g}"
    case nn.BatchNorm():
      return "batch norm"
    case LSTM():
      return "LSTM"
  return type(layer).__name__.lower()
