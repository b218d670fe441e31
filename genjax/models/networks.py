"""The networks by name, and how they are built.

A network has the layers of its report, where `width` and `depth` are 0; another width scales the
hidden channels, all but those of the dense critic and of the layer of 16 in S4's encoder.
"""

import dataclasses
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

import flax.linen as nn

from genjax import parts
from genjax.models import gan_networks as gan
from genjax.models import own
from genjax.models import vae_networks as vae
from genjax.models.initialisers import INITIALISERS
from genjax.models.layers import BATCH_NORMS, Layers, Spec
from genjax.types import Shape, UserError

MNIST, CIFAR10 = (28, 28, 1), (32, 32, 3)
UNIT, SIGNED = (0.0, 1.0), (-1.0, 1.0)  # the ranges of a sigmoid's and of a tanh's images
KERAS, TORCH = "keras", "torch"
REPORT = "report"  # stands for the framework of the network's report


class VaeNetworks(NamedTuple):
  """Encoder and decoder: flax modules that accept `train`, False by default and True in training.

  They must accept it even without batch norm or dropout.
  """

  encoder: nn.Module  # images [B, H, W, C] in [0, 1] -> mean [B, Z], logvar [B, Z]
  decoder: nn.Module  # z [B, Z] -> logits of the pixels [B, H, W, C]

  def inputs(self, image: Any, z: Any, label: Any) -> dict[str, tuple]:
    """Player -> what it reads of these: arrays, or their shapes."""
    return {"encoder": (image,), "decoder": (z,)}


class GanNetworks(NamedTuple):
  """Generator and critic: flax modules that accept `train`, False by default and True in training.

  They must accept it even without batch norm or dropout.
  """

  generator: nn.Module  # z [B, Z], label [B] -> images [B, H, W, C] in `image_range`
  critic: nn.Module  # images in `image_range`, label [B] -> scores [B]
  image_range: tuple[float, float]  # (0, 1) of a sigmoid, (-1, 1) of a tanh
  num_classes: int = 0  # of the labels that both read; 0 where they read none

  def inputs(self, image: Any, z: Any, label: Any) -> dict[str, tuple]:
    """Player -> what it reads of these: arrays, or their shapes."""
    return {"generator": (z, label), "critic": (image, label)}


class Entry(NamedTuple):
  """A network that a config may name."""

  players: tuple[Callable, Callable]  # layers of encoder and decoder, or of generator and critic
  shape: Shape | None  # the only images that it takes; None for those that it `fits`
  width: int  # the report's
  config: str  # a config that has it
  framework: str  # the report's, whose defaults hold where a config names none
  depth: int = 0  # the report's, where a config may choose another
  conditional: bool = False
  critic: type = gan.Critic  # how its critic reads images and labels
  fits: Callable[[Shape], bool] = lambda shape: True
  image_range: tuple[float, float] = SIGNED  # of a generator's


def _dense_vae(widths: vae.Widths) -> tuple[Callable, Callable]:
  return partial(vae.dense_encoder, widths=widths), partial(vae.dense_decoder, widths=widths)


_S3_VAE = vae.s3_encoder, partial(vae.dense_decoder, widths=lambda spec: (spec.width,))
_DENSE_GAN = gan.dense_generator, gan.dense_critic
_S1_GAN = gan.s1_generator, gan.s1_critic
_S1_WGAN = tuple(partial(player, batch_norm=True) for player in _S1_GAN)
_S1_CIFAR_GAN = gan.s1_cifar_generator, gan.s1_cifar_critic
_S1_CIFAR_WGAN = gan.s1_cifar_wgan_generator, gan.s1_cifar_wgan_critic
_S1_CIFAR_WGAN_GP = _S1_CIFAR_WGAN[0], partial(gan.s1_cifar_wgan_critic, batch_norm=False)
_S4_CGAN = gan.s4_conditional_generator, gan.s4_conditional_critic
_DCGAN = gan.dcgan_generator, gan.dcgan_critic
_DCGAN_PLAIN = gan.dcgan_generator, partial(gan.dcgan_critic, batch_norm=False)

VAES = {
  "dense": Entry(_dense_vae(vae.alike), None, 512, "vae_mnist.py", KERAS, depth=2),
  "s1_vae": Entry(_dense_vae(vae.halved), None, 1024, "vae_mnist.py:s1", TORCH),
  "s1_vae_cifar10": Entry(
    (vae.s1_conv_encoder, vae.s1_conv_decoder), CIFAR10, 128, "vae_cifar10.py:s1", TORCH
  ),
  "s3_vae": Entry(_S3_VAE, None, 128, "vae_mnist.py:s3", TORCH),
  "s4_vae": Entry((vae.s4_encoder, vae.s4_decoder), MNIST, 64, "vae_mnist.py:s4", KERAS),
}
GANS = {
  "dense": Entry(_DENSE_GAN, None, 256, "gan_mnist.py:s2", KERAS, depth=3),
  "s1_gan": Entry(_S1_GAN, MNIST, 128, "gan_mnist.py:s1", KERAS, image_range=UNIT),
  "s1_gan_cifar10": Entry(_S1_CIFAR_GAN, CIFAR10, 128, "gan_cifar10.py:s1", KERAS),
  "s1_wgan": Entry(_S1_WGAN, MNIST, 128, "wgan_mnist.py:s1", KERAS),
  "s1_wgan_cifar10": Entry(_S1_CIFAR_WGAN, CIFAR10, 128, "wgan_cifar10.py:s1", TORCH),
  "s1_wgan_gp_cifar10": Entry(
    _S1_CIFAR_WGAN_GP, CIFAR10, 128, "wgan_gp_cifar10.py:s1_layers", TORCH
  ),
  "s3_gan": Entry(_DENSE_GAN, None, 128, "gan_mnist.py:s3", TORCH, depth=4),
  "s4_gan": Entry((gan.s4_generator, gan.s4_critic), MNIST, 128, "gan_mnist.py:s4", KERAS),
  "s1_cgan": Entry(_S1_WGAN, MNIST, 128, "cgan_mnist.py:s1_layers", KERAS, conditional=True),
  "s4_cgan": Entry(
    _S4_CGAN, MNIST, 128, "cgan_mnist.py:s4", KERAS, conditional=True, image_range=UNIT
  ),
  "s1_cgan_cifar10": Entry(
    _S1_CIFAR_WGAN, CIFAR10, 128, "cgan_cifar10.py:s1_layers", TORCH, conditional=True
  ),
  "dcgan": Entry(_DCGAN, None, 32, "gan_mnist.py:dcgan", TORCH, fits=gan.halves),
  "dcgan_plain": Entry(_DCGAN_PLAIN, None, 32, "gan_mnist.py", TORCH, fits=gan.halves),
  "dcgan_conditional": Entry(
    _DCGAN_PLAIN, None, 32, "cgan_mnist.py", TORCH, conditional=True, fits=gan.halves
  ),
  "dcgan_projection": Entry(
    _DCGAN_PLAIN,
    None,
    32,
    "cgan_cifar10.py",
    TORCH,
    conditional=True,
    critic=gan.ProjectionCritic,
    fits=gan.halves,
  ),
}
NETWORKS = {"vae": VAES, "gan": GANS}  # model -> its networks


def default_of(network: str, choice: str) -> str:
  """What a config's `choice` among frameworks' defaults means: "report" is the network's own.

  A network that is not genjax's has no report: PyTorch's hold where nothing else is said.
  """
  if choice != REPORT:
    return choice
  return TORCH if parts.is_name(network) else (VAES | GANS)[network].framework


def build(
  known: dict[str, Entry],
  network: str,
  shape: Shape,
  latent: int,
  width: int = 0,
  depth: int = 0,
  num_classes: int = 0,
  slope: float = 0.0,
  initialiser: str = REPORT,
  batch_norm: str = REPORT,
  spectral_norm: bool = False,
  precision: str = "float32",
  chosen: Mapping[str, Any] = MappingProxyType({}),
) -> VaeNetworks | GanNetworks:
  """The networks of a model for images of `shape`.

  Args:
    known: `VAES` or `GANS`.
    network: a key of it; or `MODULE:OBJECT`, as of `own.build`.
    shape: H, W, C.
    latent: Z.
    width: see the network; 0 for the report's.
    depth: layers of a dense network; 0 for the report's.
    num_classes: labels of the data, which conditional networks read.
    slope: of leaky ReLUs below zero.
    initialiser: a key of `INITIALISERS`, or "report".
    batch_norm: a key of `BATCH_NORMS`, or "report".
    spectral_norm: of the critic's kernels.
    precision: of products, a key of `convolution.PRODUCTS`.
    chosen: options of networks of one's own; others do not read them.

  Raises:
    UserError: for an unknown network, or one that cannot be built so.
  """
  entry = None if parts.is_name(network) else _entry(network, known, shape, depth)
  layers = Layers(
    INITIALISERS[default_of(network, initialiser)],
    BATCH_NORMS[default_of(network, batch_norm)],
    slope,
    precision=precision,
  )
  if not entry:
    kind = VaeNetworks if known is VAES else GanNetworks
    sizes = {name: size for name, size in {"width": width, "depth": depth}.items() if size}
    given = sizes | dict(chosen) | {"num_classes": num_classes, "layers": layers}
    return own.build(kind, network, shape, latent, given, spectral_norm)
  classes = num_classes if entry.conditional else 0
  spec = Spec(shape, latent, width or entry.width, depth or entry.depth, classes)
  first, second = entry.players
  if known is VAES:
    return VaeNetworks(vae.Encoder(layers, spec, first), vae.Decoder(layers, spec, second))
  critic = entry.critic(dataclasses.replace(layers, spectral=spectral_norm), spec, second)
  return GanNetworks(gan.Generator(layers, spec, first), critic, entry.image_range, classes)


def _entry(network: str, known: dict[str, Entry], shape: Shape, depth: int) -> Entry:
  if network not in known:
    raise UserError(f"config.model.network {network!r} is unknown: one of {', '.join(known)}")
  entry = known[network]
  if entry.shape not in (None, shape):
    # Who asks for a label is told of networks that read it.
    kin = {name: e for name, e in known.items() if e.conditional >= entry.conditional}
    fitting = [f"configs/{e.config}" for e in kin.values() if e.shape == shape]
    fitting += [
      f"--config.model.network={name}"
      for name, e in kin.items()
      if e.shape is None and e.fits(shape)
    ]
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
      f"config.model.depth is {depth}, and network {network!r} has its report's layers: expected "
      f"0, or network {' or '.join(deep)}"
    )
  if known is VAES and depth % 2:
    raise UserError(
      f"config.model.depth is {depth}: half of the hidden layers go to each of encoder and "
      "decoder; expected an even number from 2"
    )
  if not entry.fits(shape):
    raise UserError(
      f"the data's images are {shape}, and a pyramid halves height and width down to 4 to 7 "
      "pixels: --config.data.size=28 or 32, say, makes the data fit"
    )
  return entry
