"""A generator as PyTorch code: a page that an export has beside the weights, and no part of genjax.

Networks whose layers follow one another can be written so, as all of genjax's do; others cannot.
"""

import functools
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from genjax.models.layers import Conv, Dense, Map
from genjax.types import Model, Shape

FILE = "generator_torch.py"
# Functions of `layers.Map` by name, with what they are given.
_FUNCTIONS = {"tanh", "sigmoid", "relu", "leaky_relu", "_reshape", "_max_pool"}


def write(model: Model, shape: Shape) -> str | None:
  """The code of the network that generates; None where its layers do not follow one another.

  Args:
    model: whose `networks` there are.
    shape: of images, H, W, C.
  """
  if not hasattr(model.networks, "inputs"):
    return None
  z = jax.ShapeDtypeStruct((2, model.latent), jnp.float32)
  label = jax.ShapeDtypeStruct((2,), jnp.int32)
  image = jax.ShapeDtypeStruct((2, *shape), jnp.float32)
  inputs = model.networks.inputs(image, z, label)
  player = next(name for name, given in inputs.items() if given[0] is z)
  layers = _sequence(getattr(model.networks, player), inputs[player], model.num_classes > 0)
  if layers is None:
    return None
  low, high = getattr(model.networks, "image_range", (0.0, 1.0))
  if model.decode:  # whose network gives logits
    layers.append(("sigmoid", {}))
  lines = ",\n".join(f'  ("{kind}", {facts!r})' for kind, facts in layers)
  example = f", torch.arange(16) % {model.num_classes}" if model.num_classes else ""
  return _CODE.format(
    player=player,
    layers=lines,
    low=low,
    high=high,
    classes=model.num_classes,
    latent=model.latent,
    example=example,
  )


def _sequence(module: nn.Module, inputs: tuple, conditional: bool) -> list[tuple[str, dict]] | None:
  """The layers in the order of their calls; None where one does not read what the last one gave.

  The first must read the latent as it is, or, where the network is conditional, with the label.
  """
  called, given, within = [], [], []  # layers, what the last one gave, the layer that is called

  def watch(call: Callable, args: tuple, kwargs: dict, context: Any) -> Any:
    if within or not context.module.path:
      return call(*args, **kwargs)
    within.append(context.module)
    output = call(*args, **kwargs)
    within.pop()
    follows = args[0] is (given[-1] if given else inputs[0]) or (conditional and not given)
    called.append(_layer(context.module) if follows else None)
    given.append(output)
    return output

  def run(key: Array) -> Array:
    with nn.intercept_methods(watch):
      output, _ = module.init_with_output(key, *inputs)
    if output is not given[-1]:
      called.append(None)
    return output

  inputs = [jnp.zeros(one.shape, one.dtype) for one in inputs]
  jax.eval_shape(run, jax.random.key(0))
  return None if None in called else called


def _layer(layer: nn.Module) -> tuple[str, dict] | None:
  name = layer.name
  match layer:
    case Dense(spectral=False):
      return "dense", {"name": name}
    case Conv(spectral=False):
      kind = "conv_transpose" if layer.transposed else "conv"
      facts = {"name": name, "kernel": layer.kernel, "stride": layer.stride}
      return kind, facts | {"same": layer.padding == "SAME"}
    case nn.BatchNorm():
      return "batch_norm", {"name": name, "epsilon": layer.epsilon}
    case Map():
      function = getattr(layer.f, "func", layer.f)
      given = layer.f.keywords if isinstance(layer.f, functools.partial) else {}
      if function.__name__ in _FUNCTIONS:
        return function.__name__.strip("_"), dict(given)
  return None


_CODE = '''\
"""The generator of this export in plain PyTorch: it takes torch and numpy alone.

  from generator_torch import Generator
  images = Generator("params.safetensors")(torch.randn(16, {latent}){example})

Images are [B, H, W, C] in [0, 1], as those of generate.stablehlo.
"""

import json
import pathlib

import numpy as np
import torch
from torch import nn
from torch.nn import functional

PLAYER, LOW, HIGH, CLASSES = "{player}", {low}, {high}, {classes}
LAYERS = (
{layers},
)


def read(path):
  """name -> array of a file of safetensors."""
  data = pathlib.Path(path).read_bytes()
  start = 8 + int.from_bytes(data[:8], "little")
  arrays = {{}}
  for name, about in json.loads(data[8:start]).items():
    if name != "__metadata__":
      first, last = (start + place for place in about["data_offsets"])
      arrays[name] = np.frombuffer(data[first:last], "<f4").reshape(about["shape"]).copy()
  return arrays


class Generator(nn.Module):
  def __init__(self, path):
    super().__init__()
    arrays = read(path)
    for name, array in arrays.items():
      player, *rest = name.split("/")
      if player == PLAYER:
        # Kernels are [I, O] and [k, k, I, O]; PyTorch's are [O, I], [O, I, k, k] or [I, O, k, k].
        tensor, name = torch.from_numpy(array), "__".join(rest)
        if rest[-1] in ("mean", "var"):  # of batch norm
          self.register_buffer(name, tensor)
        else:
          self.register_parameter(name, nn.Parameter(tensor))

  def forward(self, z, label=None):
    """z [B, Z]; label [B], or weights of the classes [B, K], of a conditional generator."""
    x = z
    if CLASSES:
      mixed = label.is_floating_point()
      x = torch.cat([label if mixed else functional.one_hot(label.long(), CLASSES).float(), z], 1)
    for kind, facts in LAYERS:
      x = getattr(self, kind)(x, **facts)
    return (x.permute(0, 2, 3, 1) - LOW) / (HIGH - LOW)

  def weight(self, name, part):
    return getattr(self, f"{{name}}__{{part}}", None)

  def dense(self, x, name):
    return functional.linear(x, self.weight(name, "kernel").T, self.weight(name, "bias"))

  def conv(self, x, name, kernel, stride, same):
    if same:
      sizes = [max((-(-n // stride) - 1) * stride + kernel - n, 0) for n in x.shape[:1:-1]]
      x = functional.pad(x, [side for n in sizes for side in (n // 2, n - n // 2)])
    weight = self.weight(name, "kernel").permute(3, 2, 0, 1)
    return functional.conv2d(x, weight, self.weight(name, "bias"), stride)

  def conv_transpose(self, x, name, kernel, stride, same):
    weight = self.weight(name, "kernel").permute(2, 3, 0, 1)
    y = functional.conv_transpose2d(x, weight, self.weight(name, "bias"), stride)
    if not same:
      return y
    low = max(kernel - stride, 0) // 2
    height, width = (stride * n for n in x.shape[2:])
    return y[:, :, low : low + height, low : low + width]

  def batch_norm(self, x, name, epsilon):
    parts = (self.weight(name, part) for part in ("mean", "var", "scale", "bias"))
    return functional.batch_norm(x, *parts, eps=epsilon)

  def reshape(self, x, height, width):
    return x.reshape(len(x), height, width, -1).permute(0, 3, 1, 2)

  def max_pool(self, x, size):
    return functional.max_pool2d(x, size)

  def leaky_relu(self, x, negative_slope):
    return functional.leaky_relu(x, negative_slope)

  def relu(self, x):
    return torch.relu(x)

  def tanh(self, x):
    return torch.tanh(x)

  def sigmoid(self, x):
    return torch.sigmoid(x)
'''
