"""Encoders, decoders, generators and critics, as flax modules and two functions that apply them.

A generator or decoder maps `(z [B, Z], label [B])` to images; a critic maps `(image, label)` to
scores `[B]`; an encoder maps an image to `(mean [B, Z], logvar [B, Z])`. The layer that reads the
latent is named `latent`. The reference systems keep the layers of their reports, where `width` has
its default; other widths scale all hidden channels.
"""

from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from genjax.layers import Conv, ConvTranspose, latent_columns, latent_rows
from genjax.types import PyTree, UserError

Shape = tuple[int, int, int]
UNIT, SIGNED = (0.0, 1.0), (-1.0, 1.0)  # the ranges of a sigmoid's and of a tanh's images


def init(module: nn.Module, key: Array, *inputs: Array) -> tuple[PyTree, PyTree]:
  """`(params, batch-norm statistics)` of a network for inputs of these shapes."""
  variables = module.init(key, *inputs)
  return variables["params"], variables.get("batch_stats", {})


def apply(
  module: nn.Module, params: PyTree, stats: PyTree, *inputs: Array, key: Array | None = None
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


def count(params: PyTree) -> int:
  """How many numbers there are in a tree."""
  return sum(leaf.size for leaf in jax.tree.leaves(params))


def _leaky(x: Array) -> Array:
  return nn.leaky_relu(x, 0.2)


def _batch_norm(train: bool) -> nn.BatchNorm:
  # 0.9 rather than Keras' 0.99: 100 steps then forget the initial statistics.
  return nn.BatchNorm(use_running_average=not train, momentum=0.9)


def _flatten(x: Array) -> Array:
  return x.reshape(x.shape[0], -1)


def _image(x: Array, height: int, width: int) -> Array:
  return x.reshape(x.shape[0], height, width, -1)


class DenseEncoder(nn.Module):
  """S0 and S2: dense hidden layers of one width."""

  latent: int
  width: int
  depth: int

  @nn.compact
  def __call__(self, image, train=False):
    x = _flatten(image)
    for _ in range(self.depth):
      x = nn.relu(nn.Dense(self.width)(x))
    return _gaussian(x, self.latent)


class DenseDecoder(nn.Module):
  shape: Shape
  width: int
  depth: int

  @nn.compact
  def __call__(self, z, train=False):
    x = nn.relu(nn.Dense(self.width, kernel_init=latent_rows, name="latent")(z))
    for _ in range(self.depth - 1):
      x = nn.relu(nn.Dense(self.width)(x))
    height, width, channels = self.shape
    return _image(nn.Dense(height * width * channels)(x), height, width)


def _gaussian(x: Array, latent: int) -> tuple[Array, Array]:
  return tuple(
    nn.Dense(latent, kernel_init=latent_columns, name=name)(x) for name in ("mean", "logvar")
  )


class S1Generator(nn.Module):
  """S1 on MNIST: the GAN's generator, and with batch norm and tanh the WGAN's."""

  width: int
  batch_norm: bool

  @nn.compact
  def __call__(self, z, label=None, train=False):
    x = nn.Dense(7 * 7 * self.width, kernel_init=latent_rows, name="latent")(z)
    x = _image(_leaky(x), 7, 7)
    for _ in range(2):
      x = ConvTranspose(self.width, 4, 2)(x)
      x = _leaky(_batch_norm(train)(x) if self.batch_norm else x)
    x = Conv(1, 7)(x)
    return jnp.tanh(x) if self.batch_norm else nn.sigmoid(x)


class S1Critic(nn.Module):
  width: int
  batch_norm: bool

  @nn.compact
  def __call__(self, image, label=None, train=False):
    x = image
    for _ in range(2):
      x = Conv(self.width // 2, 4, 2)(x)
      x = _leaky(_batch_norm(train)(x) if self.batch_norm else x)
    return nn.Dense(1)(_flatten(x))[:, 0]


class S4Generator(nn.Module):
  """S4's GAN: no biases before batch norm."""

  width: int

  @nn.compact
  def __call__(self, z, label=None, train=False):
    width = self.width
    x = nn.Dense(7 * 7 * 4 * width, use_bias=False, kernel_init=latent_rows, name="latent")(z)
    x = _image(_leaky(_batch_norm(train)(x)), 7, 7)
    for features, stride in [(2 * width, 1), (width, 2)]:
      x = ConvTranspose(features, 5, stride, use_bias=False)(x)
      x = _leaky(_batch_norm(train)(x))
    return jnp.tanh(ConvTranspose(1, 5, 2, use_bias=False)(x))


class S4Critic(nn.Module):
  width: int

  @nn.compact
  def __call__(self, image, label=None, train=False):
    x = image
    for features in [self.width, 2 * self.width]:
      x = _leaky(Conv(features, 5, 2)(x))
      x = nn.Dropout(0.3, deterministic=not train)(x)
    return nn.Dense(1)(_flatten(x))[:, 0]


class S4ConditionalGenerator(nn.Module):
  """S4's conditional GAN: the label joins the latent."""

  width: int
  num_classes: int

  @nn.compact
  def __call__(self, z, label, train=False):
    # The label comes first: its rows keep their place when the latent is padded.
    x = jnp.concatenate([jax.nn.one_hot(label, self.num_classes), z], -1)
    # 138 channels: the report's latent and classes. They stay when the latent changes.
    features = self.width + self.num_classes
    x = nn.Dense(7 * 7 * features, kernel_init=latent_rows, name="latent")(x)
    x = _image(_leaky(x), 7, 7)
    for _ in range(2):
      x = _leaky(ConvTranspose(self.width, 4, 2)(x))
    return nn.sigmoid(Conv(1, 7)(x))


class S4ConditionalCritic(nn.Module):
  width: int
  num_classes: int

  @nn.compact
  def __call__(self, image, label, train=False):
    planes = jax.nn.one_hot(label, self.num_classes)[:, None, None]
    planes = jnp.broadcast_to(planes, (*image.shape[:3], self.num_classes))
    x = jnp.concatenate([image, planes], -1)
    for features in [self.width // 2, self.width]:
      x = _leaky(Conv(features, 3, 2)(x))
    return nn.Dense(1)(x.max((1, 2)))[:, 0]


class VaeNetworks(NamedTuple):
  encoder: nn.Module
  decoder: nn.Module  # to logits


class GanNetworks(NamedTuple):
  generator: nn.Module
  critic: nn.Module
  image_range: tuple[float, float]


def _dense_vae(shape: Shape, latent: int, width: int, depth: int) -> VaeNetworks:
  half = depth // 2
  return VaeNetworks(DenseEncoder(latent, width, half), DenseDecoder(shape, width, half))


def _s1_gan(width: int, num_classes: int) -> GanNetworks:
  return GanNetworks(S1Generator(width, False), S1Critic(width, False), UNIT)


def _s1_wgan(width: int, num_classes: int) -> GanNetworks:
  return GanNetworks(S1Generator(width, True), S1Critic(width, True), SIGNED)


def _s4_gan(width: int, num_classes: int) -> GanNetworks:
  return GanNetworks(S4Generator(width // 2), S4Critic(width // 2), SIGNED)


def _s4_conditional(width: int, num_classes: int) -> GanNetworks:
  generator = S4ConditionalGenerator(width, num_classes)
  return GanNetworks(generator, S4ConditionalCritic(width, num_classes), UNIT)


VAES = {"dense": _dense_vae}
GANS = {"s1_gan": _s1_gan, "s1_wgan": _s1_wgan, "s4_gan": _s4_gan}
CONDITIONAL_GANS = {"s4_cgan": _s4_conditional}


def vae(network: str, shape: Shape, latent: int, width: int, depth: int) -> VaeNetworks:
  """Encoder and decoder for images of `shape`. Raises `UserError` for what cannot be built."""
  _check_name(network, VAES)
  if depth < 2 or depth % 2:
    raise UserError(
      f"model.depth is {depth}: half of the hidden layers go to each of encoder and "
      "decoder, so an even number from 2 would be right"
    )
  return VAES[network](shape, latent, width, depth)


def gan(network: str, shape: Shape, width: int, num_classes: int) -> GanNetworks:
  """Generator and critic for images of `shape`; conditional networks take `num_classes` labels.

  Raises `UserError` for an unknown network, or a shape that it cannot take.
  """
  _check_name(network, GANS | CONDITIONAL_GANS)
  if shape != (28, 28, 1):
    raise UserError(
      f"model.network {network!r} makes images of (28, 28, 1), and the data has "
      f"{shape}: choose data of that shape, such as mnist, fashion_mnist or digits"
    )
  return (GANS | CONDITIONAL_GANS)[network](width, num_classes)


def _check_name(network: str, known: dict) -> None:
  if network not in known:
    raise UserError(f"model.network {network!r} is unknown: one of {', '.join(known)}")
