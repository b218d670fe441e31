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

from genjax.models.gan_networks import with_label
from genjax.models.layers import Conv, Dense, Map, max_pool, reshape
from genjax.models.networks import GanNetworks, VaeNetworks
from genjax.types import Model, Shape

FILE = "generator_torch.py"
# Functions of `layers.Map`, and their methods of the page; others of the same names are none.
_FUNCTIONS = {
  jnp.tanh: "tanh",
  nn.sigmoid: "sigmoid",
  nn.relu: "relu",
  nn.leaky_relu: "leaky_relu",
  reshape(1, 1).f.func: "reshape",
  max_pool(1).f.func: "max_pool",
}


def write(model: Model, shape: Shape) -> str | None:
  """The code of the network that generates; None where its layers do not follow one another.

  Args:
    model: whose `networks` are a VAE's or a GAN's; others generate in ways of their own.
    shape: of images, H, W, C.
  """
  match model.networks:
    case VaeNetworks(decoder=network):
      player, (low, high) = "decoder", (0.0, 1.0)
    case GanNetworks(generator=network, image_range=(low, high)):
      player = "generator"
    case _:
      return None
  z = jax.random.normal(jax.random.key(0), (2, model.latent))
  image, label = jax.ShapeDtypeStruct((2, *shape), jnp.float32), jnp.arange(2)
  called = _sequence(network, model.networks.inputs(image, z, label)[player], model.num_classes)
  if called is None:
    return None
  if player == "decoder":  # which gives logits
    called.append(("sigmoid", {}))
  lines = ",\n".join(f'  ("{kind}", {facts!r})' for kind, facts in called)
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


def _sequence(module: nn.Module, inputs: tuple, num_classes: int) -> list[tuple[str, dict]] | None:
  """The layers in the order of their calls; None where one does not read what the last one gave.

  The first must read the latent as it is, or, where there are classes, after the label.
  """
  called, given, within = [], [], []  # layers, what the last one gave, the layer that is called

  def watch(call: Callable, args: tuple, kwargs: dict, context: Any) -> Any:
    if within or not context.module.path:
      return call(*args, **kwargs)
    within.append(context.module)
    output = call(*args, **kwargs)
    within.pop()
    follows = not given or args[0] is given[-1]
    called.append(_layer(context.module) if follows else None)
    given.extend([output] if given else [args[0], output])
    return output

  @jax.jit  # which computes no more of the network than it gives
  def read(*inputs: Array) -> Array:
    with nn.intercept_methods(watch):
      output, _ = module.init_with_output(jax.random.key(0), *inputs)
    if output is not given[-1]:
      called.append(None)
    return given[0]

  first, expected = read(*inputs), inputs[0]
  if num_classes:
    expected = with_label(*inputs, num_classes)
  if first.shape != expected.shape or (first != expected).any() or None in called:
    return None
  return called


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
      if function in _FUNCTIONS:
        return _FUNCTIONS[function], dict(given)
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
    if CLASSES and label is None:
      raise ValueError("a conditional generator takes a label [B] as well")
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
    bias, more = self.weight(name, "bias"), max(stride - kernel, 0)
    y = functional.conv_transpose2d(x, weight, bias, stride, output_padding=more)
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

  def leaky_relu(self, x, negative_slope=0.01):
    return functional.leaky_relu(x, negative_slope)

  def relu(self, x):
    return torch.relu(x)

  def tanh(self, x):
    return torch.tanh(x)

  def sigmoid(self, x):
    return torch.sigmoid(x)
'''
