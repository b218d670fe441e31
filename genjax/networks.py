"""The networks by name, and functions that initialise, apply and count them.

A network has the layers of its report, where `width` and `depth` are 0; another width scales the
hidden channels, all but those of the dense critic and of the layer of 16 in S4's encoder.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import flax.linen as nn
import jax
from jax import Array

from genjax import gan_networks as adversarial
from genjax import vae_networks as variational
from genjax.types import PyTree, Shape, UserError

MNIST, CIFAR10 = (28, 28, 1), (32, 32, 3)
UNIT, SIGNED = (0.0, 1.0), (-1.0, 1.0)  # the ranges of a sigmoid's and of a tanh's images


class VaeNetworks(NamedTuple):
  encoder: nn.Module
  decoder: nn.Module  # to logits


class GanNetworks(NamedTuple):
  generator: nn.Module
  critic: nn.Module
  image_range: tuple[float, float]


class Entry(NamedTuple):
  """A network that a config may name."""

  make: Callable
  shape: Shape | None  # the only images that it takes; None for any
  width: int  # the report's
  config: str  # a config that has it
  depth: int = 0  # the report's, where a config may choose another


def _dense_vae(shape: Shape, latent: int, width: int, depth: int) -> VaeNetworks:
  widths = (width,) * (depth // 2)
  return VaeNetworks(
    variational.DenseEncoder(latent, widths), variational.DenseDecoder(shape, widths)
  )


def _s1_dense_vae(shape: Shape, latent: int, width: int, depth: int) -> VaeNetworks:
  widths = (width, width // 2, width // 4)
  return VaeNetworks(
    variational.DenseEncoder(latent, widths), variational.DenseDecoder(shape, widths[::-1])
  )


def _s1_conv_vae(shape: Shape, latent: int, width: int, depth: int) -> VaeNetworks:
  return VaeNetworks(variational.S1ConvEncoder(latent, width), variational.S1ConvDecoder(width))


def _s3_vae(shape: Shape, latent: int, width: int, depth: int) -> VaeNetworks:
  decoder = variational.DenseDecoder(shape, (width,))
  return VaeNetworks(variational.S3Encoder(latent, width), decoder)


def _s4_vae(shape: Shape, latent: int, width: int, depth: int) -> VaeNetworks:
  return VaeNetworks(variational.S4Encoder(latent, width), variational.S4Decoder(width))


def _dense_gan(shape: Shape, width: int, depth: int, slope: float, classes: int) -> GanNetworks:
  # Doubled a layer up to S3's 1024; S2's own widest first layer is 1024, and its second 2048.
  widths = tuple(min(width * 2**i, max(1024, 2 * width)) for i in range(depth - 1))
  generator = adversarial.DenseGenerator(shape, widths, slope)
  return GanNetworks(generator, adversarial.DenseCritic(slope), SIGNED)


def _s1_gan(
  shape: Shape,
  width: int,
  depth: int,
  slope: float,
  classes: int,
  batch_norm: bool = False,
  conditional: bool = False,
) -> GanNetworks:
  """The GAN's networks, and with batch norm the WGAN's, whose images are a tanh's."""
  options = (width, slope, batch_norm, classes if conditional else 0)
  generator, critic = adversarial.S1Generator(*options), adversarial.S1Critic(*options)
  return GanNetworks(generator, critic, SIGNED if batch_norm else UNIT)


def _s1_cifar_gan(shape: Shape, width: int, depth: int, slope: float, classes: int) -> GanNetworks:
  generator = adversarial.S1CifarGenerator(width, slope)
  return GanNetworks(generator, adversarial.S1CifarCritic(width, slope), SIGNED)


def _s1_cifar_cgan(shape: Shape, width: int, depth: int, slope: float, classes: int) -> GanNetworks:
  """The WGAN's networks, which batch norm keeps from S1's GAN's grey images, and the label."""
  generator = adversarial.S1CifarWganGenerator(width, classes)
  return GanNetworks(generator, adversarial.S1CifarWganCritic(width, slope, classes), SIGNED)


def _s1_cifar_wgan(
  shape: Shape, width: int, depth: int, slope: float, classes: int, batch_norm: bool = True
) -> GanNetworks:
  """The report's networks; the critic without batch norm takes a gradient penalty."""
  generator = adversarial.S1CifarWganGenerator(width, num_classes=0)
  critic = adversarial.S1CifarWganCritic(width, slope, 0, batch_norm)
  return GanNetworks(generator, critic, SIGNED)


def _s4_gan(shape: Shape, width: int, depth: int, slope: float, classes: int) -> GanNetworks:
  return GanNetworks(
    adversarial.S4Generator(width, slope), adversarial.S4Critic(width, slope), SIGNED
  )


def _s4_cgan(shape: Shape, width: int, depth: int, slope: float, classes: int) -> GanNetworks:
  generator = adversarial.S4ConditionalGenerator(width, slope, classes)
  return GanNetworks(generator, adversarial.S4ConditionalCritic(width, slope, classes), UNIT)


VAES = {
  "dense": Entry(_dense_vae, None, 512, "vae_mnist.py", depth=2),
  "s1_vae": Entry(_s1_dense_vae, None, 1024, "vae_mnist.py:s1"),
  "s1_vae_cifar10": Entry(_s1_conv_vae, CIFAR10, 128, "vae_cifar10.py:s1"),
  "s3_vae": Entry(_s3_vae, None, 128, "vae_mnist.py:s3"),
  "s4_vae": Entry(_s4_vae, MNIST, 64, "vae_mnist.py:s4"),
}
GANS = {
  "dense": Entry(_dense_gan, None, 256, "gan_mnist.py:s2", depth=3),
  "s1_gan": Entry(_s1_gan, MNIST, 128, "gan_mnist.py:s1"),
  "s1_gan_cifar10": Entry(_s1_cifar_gan, CIFAR10, 128, "gan_cifar10.py:s1"),
  "s1_wgan": Entry(partial(_s1_gan, batch_norm=True), MNIST, 128, "wgan_mnist.py:s1"),
  "s1_wgan_cifar10": Entry(_s1_cifar_wgan, CIFAR10, 128, "wgan_cifar10.py:s1"),
  "s1_wgan_gp_cifar10": Entry(
    partial(_s1_cifar_wgan, batch_norm=False), CIFAR10, 128, "wgan_gp_cifar10.py"
  ),
  "s4_gan": Entry(_s4_gan, MNIST, 128, "gan_mnist.py:s4"),
}
CONDITIONAL_GANS = {
  "s1_cgan": Entry(
    partial(_s1_gan, batch_norm=True, conditional=True), MNIST, 128, "cgan_mnist.py"
  ),
  "s4_cgan": Entry(_s4_cgan, MNIST, 128, "cgan_mnist.py:s4"),
  "s1_cgan_cifar10": Entry(_s1_cifar_cgan, CIFAR10, 128, "cgan_cifar10.py"),
}


def vae(network: str, shape: Shape, latent: int, width: int, depth: int) -> VaeNetworks:
  """Encoder and decoder for images of `shape`; `depth` counts the hidden layers of both.

  Raises:
    UserError: for an unknown network, or one that cannot be built so.
  """
  entry = _entry(network, VAES, shape, depth)
  if depth % 2:
    raise UserError(
      f"config.model.depth is {depth}: half of the hidden layers go to each of encoder and "
      "decoder, so an even number would be right"
    )
  return entry.make(shape, latent, width or entry.width, depth or entry.depth)


def gan(
  network: str, shape: Shape, width: int, depth: int, slope: float, num_classes: int
) -> GanNetworks:
  """Generator and critic for images of `shape`.

  Args:
    network: a key of `GANS` or `CONDITIONAL_GANS`.
    shape: H, W, C.
    width: see the network.
    depth: layers of a dense generator.
    slope: of leaky ReLUs below zero.
    num_classes: labels of the data, which conditional networks read.

  Raises:
    UserError: for an unknown network, or one that cannot be built so.
  """
  entry = _entry(network, GANS | CONDITIONAL_GANS, shape, depth)
  return entry.make(shape, width or entry.width, depth or entry.depth, slope, num_classes)


def _entry(network: str, known: dict[str, Entry], shape: Shape, depth: int) -> Entry:
  if network not in known:
    raise UserError(f"config.model.network {network!r} is unknown: one of {', '.join(known)}")
  entry = known[network]
  if entry.shape not in (None, shape):
    kin = CONDITIONAL_GANS if network in CONDITIONAL_GANS else known
    fitting = [f"configs/{e.config}" for e in kin.values() if e.shape == shape]
    fitting += [f"--config.model.network={name}" for name, e in kin.items() if e.shape is None]
    size, _, channels = entry.shape
    resized = f"--config.data.size={size} --config.data.channels={channels}"
    raise UserError(
      f"config.model.network {network!r} takes images of {entry.shape}, and the data's are "
      f"{shape}, for which there are {', '.join(fitting) or 'no networks yet'}; {resized} makes "
      "the data fit"
    )
  if depth and not entry.depth:
    deep = [name for name, e in known.items() if e.depth]
    raise UserError(
      f"config.model.depth is {depth}, and network {network!r} has its report's layers: 0 would "
      f"be right, or network {' or '.join(deep)}"
    )
  return entry


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
