"""The networks by name, and functions that initialise, apply and count them.

A network has the layers of its report, where `width` and `depth` are 0; another width scales the
hidden channels, all but those of the dense critic and of the layer of 16 in S4's encoder.
"""

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import flax.linen as nn
import jax
from jax import Array

from genjax.models import gan_networks as adversarial
from genjax.models import initialisers
from genjax.models import vae_networks as variational
from genjax.models.initialisers import INITIALISERS
from genjax.models.layers import BATCH_NORMS, Layers
from genjax.types import PyTree, Shape, UserError

MNIST, CIFAR10 = (28, 28, 1), (32, 32, 3)
UNIT, SIGNED = (0.0, 1.0), (-1.0, 1.0)  # the ranges of a sigmoid's and of a tanh's images
KERAS, TORCH = "keras", "torch"
REPORT = "report"  # stands for the framework of the network's report


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
  framework: str  # the report's, whose defaults hold where a config names none
  depth: int = 0  # the report's, where a config may choose another


def _dense_vae(layers: Layers, shape: Shape, latent: int, width: int, depth: int) -> VaeNetworks:
  widths = (width,) * (depth // 2)
  return VaeNetworks(
    variational.DenseEncoder(layers, latent, widths),
    variational.DenseDecoder(layers, shape, widths),
  )


def _s1_dense_vae(layers: Layers, shape: Shape, latent: int, width: int, depth: int) -> VaeNetworks:
  widths = (width, width // 2, width // 4)
  return VaeNetworks(
    variational.DenseEncoder(layers, latent, widths),
    variational.DenseDecoder(layers, shape, widths[::-1]),
  )


def _s1_conv_vae(layers: Layers, shape: Shape, latent: int, width: int, depth: int) -> VaeNetworks:
  return VaeNetworks(
    variational.S1ConvEncoder(layers, latent, width), variational.S1ConvDecoder(layers, width)
  )


def _s3_vae(layers: Layers, shape: Shape, latent: int, width: int, depth: int) -> VaeNetworks:
  decoder = variational.DenseDecoder(layers, shape, (width,))
  return VaeNetworks(variational.S3Encoder(layers, latent, width), decoder)


def _s4_vae(layers: Layers, shape: Shape, latent: int, width: int, depth: int) -> VaeNetworks:
  return VaeNetworks(
    variational.S4Encoder(layers, latent, width), variational.S4Decoder(layers, width)
  )


def _dense_gan(layers: Layers, shape: Shape, width: int, depth: int, classes: int) -> GanNetworks:
  # Doubled a layer up to S3's 1024; S2's own widest first layer is 1024, and its second 2048.
  widths = tuple(min(width * 2**i, max(1024, 2 * width)) for i in range(depth - 1))
  generator = adversarial.DenseGenerator(layers, shape, widths)
  return GanNetworks(generator, adversarial.DenseCritic(layers), SIGNED)


def _s1_gan(
  layers: Layers,
  shape: Shape,
  width: int,
  depth: int,
  classes: int,
  batch_norm: bool = False,
  conditional: bool = False,
) -> GanNetworks:
  """The GAN's networks, and with batch norm the WGAN's, whose images are a tanh's."""
  options = (layers, width, batch_norm, classes if conditional else 0)
  generator, critic = adversarial.S1Generator(*options), adversarial.S1Critic(*options)
  return GanNetworks(generator, critic, SIGNED if batch_norm else UNIT)


def _s1_cifar_gan(
  layers: Layers, shape: Shape, width: int, depth: int, classes: int
) -> GanNetworks:
  generator = adversarial.S1CifarGenerator(layers, width)
  return GanNetworks(generator, adversarial.S1CifarCritic(layers, width), SIGNED)


def _s1_cifar_wgan(
  layers: Layers,
  shape: Shape,
  width: int,
  depth: int,
  classes: int,
  batch_norm: bool = True,
  conditional: bool = False,
) -> GanNetworks:
  """The report's networks; a critic without batch norm takes a gradient penalty."""
  labels = classes if conditional else 0
  generator = adversarial.S1CifarWganGenerator(layers, width, labels)
  critic = adversarial.S1CifarWganCritic(layers, width, labels, batch_norm)
  return GanNetworks(generator, critic, SIGNED)


def _s4_gan(layers: Layers, shape: Shape, width: int, depth: int, classes: int) -> GanNetworks:
  return GanNetworks(
    adversarial.S4Generator(layers, width), adversarial.S4Critic(layers, width), SIGNED
  )


def _s4_cgan(layers: Layers, shape: Shape, width: int, depth: int, classes: int) -> GanNetworks:
  generator = adversarial.S4ConditionalGenerator(layers, width, classes)
  return GanNetworks(generator, adversarial.S4ConditionalCritic(layers, width, classes), UNIT)


VAES = {
  "dense": Entry(_dense_vae, None, 512, "vae_mnist.py", KERAS, depth=2),
  "s1_vae": Entry(_s1_dense_vae, None, 1024, "vae_mnist.py:s1", TORCH),
  "s1_vae_cifar10": Entry(_s1_conv_vae, CIFAR10, 128, "vae_cifar10.py:s1", TORCH),
  "s3_vae": Entry(_s3_vae, None, 128, "vae_mnist.py:s3", TORCH),
  "s4_vae": Entry(_s4_vae, MNIST, 64, "vae_mnist.py:s4", KERAS),
}
GANS = {
  "dense": Entry(_dense_gan, None, 256, "gan_mnist.py:s2", KERAS, depth=3),
  "s1_gan": Entry(_s1_gan, MNIST, 128, "gan_mnist.py:s1", KERAS),
  "s1_gan_cifar10": Entry(_s1_cifar_gan, CIFAR10, 128, "gan_cifar10.py:s1", KERAS),
  "s1_wgan": Entry(partial(_s1_gan, batch_norm=True), MNIST, 128, "wgan_mnist.py:s1", KERAS),
  "s1_wgan_cifar10": Entry(_s1_cifar_wgan, CIFAR10, 128, "wgan_cifar10.py:s1", TORCH),
  "s1_wgan_gp_cifar10": Entry(
    partial(_s1_cifar_wgan, batch_norm=False), CIFAR10, 128, "wgan_gp_cifar10.py", TORCH
  ),
  "s3_gan": Entry(_dense_gan, None, 128, "gan_mnist.py:s3", TORCH, depth=4),
  "s4_gan": Entry(_s4_gan, MNIST, 128, "gan_mnist.py:s4", KERAS),
}
CONDITIONAL_GANS = {
  "s1_cgan": Entry(
    partial(_s1_gan, batch_norm=True, conditional=True), MNIST, 128, "cgan_mnist.py", KERAS
  ),
  "s4_cgan": Entry(_s4_cgan, MNIST, 128, "cgan_mnist.py:s4", KERAS),
  "s1_cgan_cifar10": Entry(
    partial(_s1_cifar_wgan, conditional=True), CIFAR10, 128, "cgan_cifar10.py", TORCH
  ),
}
FRAMEWORKS = {name: entry.framework for name, entry in (VAES | GANS | CONDITIONAL_GANS).items()}


def default_of(network: str, choice: str) -> str:
  """What a config's `choice` among frameworks' defaults means: "report" is the network's own."""
  return FRAMEWORKS[network] if choice == REPORT else choice


def vae(
  network: str, shape: Shape, latent: int, width: int, depth: int, initialiser: str
) -> VaeNetworks:
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
  layers = Layers(INITIALISERS[default_of(network, initialiser)])
  return entry.make(layers, shape, latent, width or entry.width, depth or entry.depth)


def gan(
  network: str,
  shape: Shape,
  width: int,
  depth: int,
  num_classes: int,
  slope: float,
  initialiser: str,
  batch_norm: str,
) -> GanNetworks:
  """Generator and critic for images of `shape`.

  Args:
    network: a key of `GANS` or `CONDITIONAL_GANS`.
    shape: H, W, C.
    width: see the network.
    depth: layers of a dense generator.
    num_classes: labels of the data, which conditional networks read.
    slope: of leaky ReLUs below zero.
    initialiser: a key of `INITIALISERS`, or "report".
    batch_norm: a key of `BATCH_NORMS`, or "report".

  Raises:
    UserError: for an unknown network, or one that cannot be built so.
  """
  entry = _entry(network, GANS | CONDITIONAL_GANS, shape, depth)
  layers = Layers(
    INITIALISERS[default_of(network, initialiser)],
    BATCH_NORMS[default_of(network, batch_norm)],
    slope,
  )
  return entry.make(layers, shape, width or entry.width, depth or entry.depth, num_classes)


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


def batch_statistics(module: nn.Module, params: PyTree, stats: PyTree, *inputs: Array) -> PyTree:
  """Batch norm's statistics of these inputs alone, as training normalises them; {} without any."""
  if not jax.tree.leaves(stats):
    return stats
  norm = module.layers.norm._replace(momentum=0.0)  # which keeps nothing of the old ones
  module = module.clone(layers=dataclasses.replace(module.layers, norm=norm))
  return apply(module, params, stats, *inputs, key=jax.random.key(0))[1]


def fit_latent(module: nn.Module, params: PyTree, mask: Array) -> PyTree:
  """Gives layers that read or write the latent the initial scale of a run's own latent size.

  These are the layer `latent` of a decoder or generator, and `mean` and `logvar` of an encoder.
  """
  for name, axis in (("latent", -2), ("mean", -1), ("logvar", -1)):
    if name in params:
      params = initialisers.fit(params, name, axis, mask, module.layers.initialiser)
  return params


def count(params: PyTree) -> int:
  """How many numbers there are in a tree."""
  return sum(leaf.size for leaf in jax.tree.leaves(params))
