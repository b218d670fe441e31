"""Layers that begin as those of a framework do; convolutions are matrix products."""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Key

from genjax.models import convolution, initialisers
from genjax.models.initialisers import INITIALISERS, Initialiser
from genjax.types import PyTree, Shape

LECUN_NORMAL = INITIALISERS["lecun_normal"]


def spectral(layer: nn.Module, kernel: Float[Array, "... O"]) -> Float[Array, "... O"]:
  """A layer's kernel over its largest singular value, as a matrix of one column per output.

  By the vector that `power_iteration` keeps among the statistics (Miyato et al. 2018, algorithm 1).
  """
  matrix = kernel.reshape(-1, kernel.shape[-1])
  size = kernel.shape[-1]
  right = layer.variable("batch_stats", "singular", lambda: jnp.full(size, size**-0.5)).value
  left = _unit(lax.stop_gradient(matrix) @ right)
  return kernel / (left @ matrix @ right)


def power_iteration(params: PyTree, stats: PyTree) -> PyTree:
  """The statistics of a network, whose singular vectors are one iteration nearer, however deep."""

  def nearer(kernel: Float[Array, "... O"], right: Float[Array, " O"]) -> Float[Array, " O"]:
    matrix = kernel.reshape(-1, kernel.shape[-1])
    return _unit(_unit(matrix @ right) @ matrix)

  if "singular" in stats:
    return stats | {"singular": nearer(params["kernel"], stats["singular"])}
  return {
    name: power_iteration(params[name], kept) if isinstance(kept, Mapping) else kept
    for name, kept in stats.items()
  }


def _unit(x: Float[Array, " N"]) -> Float[Array, " N"]:
  return x / (jnp.linalg.norm(x) + 1e-12)


class Dense(nn.Module):
  """A fully connected layer."""

  features: int
  use_bias: bool = True
  spectral: bool = False
  initialiser: Initialiser = LECUN_NORMAL
  latent: int | None = None  # the axis of the kernel that holds the latent, as in `initialisers`
  precision: str = "float32"  # a key of `convolution.PRODUCTS`

  @nn.compact
  def __call__(self, x: Float[Array, "B I"]) -> Float[Array, "B {self.features}"]:
    shape = (x.shape[-1], self.features)
    w = self.param("kernel", initialisers.kernel, shape, self.initialiser, False, self.latent)
    w = spectral(self, w) if self.spectral else w
    y = convolution.PRODUCTS[self.precision](x, w)
    if self.use_bias:
      y += self.param("bias", initialisers.bias, shape, self.initialiser)[None]
    return y


class Conv(nn.Module):
  """Convolution with a square kernel."""

  features: int
  kernel: int
  stride: int = 1
  padding: convolution.Padding = "SAME"
  use_bias: bool = True
  spectral: bool = False
  initialiser: Initialiser = LECUN_NORMAL
  latent: int | None = None
  forward: bool = False  # whether nothing is trained by it, and no kernel of it is vectorised
  precision: str = "float32"
  transposed = False

  @nn.compact
  def __call__(self, x: Float[Array, "B H W I"]) -> Float[Array, "B h w {self.features}"]:
    shape = (self.kernel, self.kernel, x.shape[-1], self.features)
    drawn = shape, self.initialiser, self.transposed
    w = self.param("kernel", initialisers.kernel, *drawn, self.latent)
    w = spectral(self, w) if self.spectral else w
    kind = "transpose" if self.transposed else "conv"
    way = convolution.FORWARD.get(jax.default_backend()) if self.forward else None
    if self.precision == "bfloat16":
      way = convolution.BFLOAT16
    if way is None:
      layer = convolution.ConvShape(kind, x.shape, w.shape, self.stride, self.padding)
      way = convolution.way_of(layer)
    y = getattr(way, kind)(x, w, self.stride, self.padding)
    if self.use_bias:
      y += self.param("bias", initialisers.bias, *drawn)[None, None, None]
    return y


class ConvTranspose(Conv):
  """Transposed convolution: an image `stride` times as large, if SAME.

  The gradient of `Conv`, as in Keras and PyTorch; the kernel is `[k, k, I, features]`.
  """

  transposed = True


class LSTM(nn.Module):
  """Reads T steps and gives its last output (Gers et al. 2000).

  Gates are columns of the kernels, in the order input, forget, cell, output. PyTorch's has a bias
  for each of its two products, and draws everything from U(-b, b), b^2 = 1 / features. In the
  others, as in Keras and flax, the recurrent kernel is orthogonal.
  """

  features: int
  initialiser: Initialiser = LECUN_NORMAL
  precision: str = "float32"

  @nn.compact
  def __call__(self, x: Float[Array, "B T I"]) -> Float[Array, "B {self.features}"]:
    inputs, recurrent = (x.shape[-1], 4 * self.features), (self.features, 4 * self.features)
    initial = self.initialiser
    if initial.lstm == "torch":
      scale = initialisers.deviation(initial, recurrent) / initial.spread
      parts = {"input": inputs, "recurrent": recurrent}
      w, r = (
        self.param(f"{name}_kernel", _scaled, initial, part, scale) for name, part in parts.items()
      )
      b = sum(self.param(f"{name}_bias", _scaled, initial, inputs[1:], scale) for name in parts)
    else:
      w = self.param("input_kernel", initialisers.kernel, inputs, initial)
      r = self.param("recurrent_kernel", nn.initializers.orthogonal(), recurrent)
      gates = jnp.array([0.0, initial.forget_bias, 0.0, 0.0])
      b = self.param("input_bias", lambda key: jnp.repeat(gates, self.features))

    product = convolution.PRODUCTS[self.precision]

    def step(carry: tuple[Array, Array], row: Array) -> tuple[tuple[Array, Array], None]:
      h, c = carry
      i, f, g, o = jnp.split(row + product(h, r), 4, axis=-1)
      c = nn.sigmoid(f) * c + nn.sigmoid(i) * jnp.tanh(g)
      return (nn.sigmoid(o) * jnp.tanh(c), c), None

    rows = jnp.moveaxis(
      convolution.matmul(x, w, product) + b[None, None], 1, 0
    )  # [T, B, 4 * features]
    nothing = jnp.zeros((x.shape[0], self.features), x.dtype)
    (h, _), _ = lax.scan(step, (nothing, nothing), rows)
    return h


def _scaled(
  key: Key[Array, ""], initialiser: Initialiser, shape: tuple, scale: float
) -> Float[Array, "..."]:
  return scale * initialiser.draw(key, shape, jnp.float32)


class BatchNorm(NamedTuple):
  """The numbers of batch norm (Ioffe & Szegedy 2015)."""

  momentum: float  # what the running statistics keep of their old values at each step
  epsilon: float


# PyTorch counts momentum the other way round. Its running statistics have the unbiased variance of
# a batch, as do those of TensorFlow 2 for images; here, as in Keras 3, it is the biased one, which
# is less by 1 / n for n numbers a channel.
BATCH_NORMS = {"keras": BatchNorm(0.99, 1e-3), "torch": BatchNorm(0.9, 1e-5)}


@dataclasses.dataclass(frozen=True)
class Layers:
  """Makes layers as a framework does: a network asks it for all that have weights."""

  initialiser: Initialiser
  norm: BatchNorm = BATCH_NORMS["torch"]
  slope: float = 0.0  # of leaky ReLUs below zero
  spectral: bool = False  # whether kernels are normalised by `spectral`
  precision: str = "float32"  # of products: a key of `convolution.PRODUCTS`

  def dense(self, features: int, **options) -> Dense:
    return Dense(features, **self._common(), **options)

  def conv(self, features: int, kernel: int, stride: int = 1, **options) -> Conv:
    return Conv(features, kernel, stride, **self._common(), **options)

  def conv_transpose(self, features: int, kernel: int, stride: int = 1, **options) -> ConvTranspose:
    return ConvTranspose(features, kernel, stride, **self._common(), **options)

  def _common(self) -> dict:
    return {"initialiser": self.initialiser, "spectral": self.spectral, "precision": self.precision}

  def lstm(self, features: int) -> LSTM:
    return LSTM(features, self.initialiser, self.precision)

  def batch_norm(self, train: bool) -> nn.BatchNorm:
    momentum, epsilon = self.norm
    return nn.BatchNorm(use_running_average=not train, momentum=momentum, epsilon=epsilon)

  def leaky_relu(self) -> "Map":
    return Map(functools.partial(nn.leaky_relu, negative_slope=self.slope))

  def from_latent(self, features: int, **options) -> Dense:
    """The dense layer that reads the latent: `initialisers.rescale_latent` finds it by its name."""
    return self.dense(features, name="latent", latent=-2, **options)


class Spec(NamedTuple):
  """The sizes that networks are built from."""

  shape: Shape  # of images
  latent: int
  width: int
  depth: int
  num_classes: int  # 0 where the network reads no label


class Map(nn.Module):
  """A layer without parameters: a function, made a module so that `describe` lists it."""

  f: Callable[[Float[Array, "B ..."]], Float[Array, "B ..."]]

  @nn.compact
  def __call__(self, x: Float[Array, "B ..."]) -> Float[Array, "B ..."]:
    return self.f(x)


def flatten(x: Float[Array, "B ..."]) -> Float[Array, "B N"]:
  """The numbers of each example in one row."""
  return x.reshape(x.shape[0], -1)


def reshape(height: int, width: int) -> Map:
  """Rows of numbers as images of this size."""
  return Map(functools.partial(_reshape, height=height, width=width))


def _reshape(
  x: Float[Array, "B N"], height: int, width: int
) -> Float[Array, "B {height} {width} C"]:
  return x.reshape(x.shape[0], height, width, -1)


def max_pool(size: int) -> Map:
  """The largest of each size x size pixels."""
  return Map(functools.partial(_max_pool, size=size))


def _max_pool(x: Float[Array, "B H W C"], size: int) -> Float[Array, "B H//{size} W//{size} C"]:
  # Windows side by side need no `reduce_window`, whose gradient is a slow scatter.
  B, H, W, C = x.shape
  return x.reshape(B, H // size, size, W // size, size, C).max((2, 4))


def global_max_pool(x: Float[Array, "B H W C"]) -> Float[Array, "B C"]:
  """The largest of each channel."""
  return x.max((1, 2))
