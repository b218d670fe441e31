"""The networks by name, and how they are built.

A network has the layers of its report, where `width` and `depth` are 0; another width scales the
hidden channels, all but those of the dense critic and of the layer of 16 in S4's encoder.
"""

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import flax.linen as nn

from genjax import parts
from genjax.models import dcgan_networks
from genjax.models import gan_networks as adversarial
from genjax.models import vae_networks as variational
from genjax.models.initialisers import INITIALISERS
from genjax.models.layers import BATCH_NORMS, Layers
from genjax.types import Shape, UserError

MNIST, CIFAR10 = (28, 28, 1), (32, 32, 3)
UNIT, SIGNED = (0.0, 1.0), (-1.0, 1.0)  # the ranges of a sigmoid's and of a tanh's images
KERAS, TORCH = "keras", "torch"
REPORT = "report"  # stands for the framework of the network's report


class VaeNetworks(NamedTuple):
  """The networks of a VAE, modules that are called with `train` besides what they read.

  Whether they have batch norm or dropout, `train=True` says when these are of training.
  """

  encoder: nn.Module  # images [B, H, W, C] in [0, 1] -> mean [B, Z], logvar [B, Z]
  decoder: nn.Module  # z [B, Z] -> logits of the pixels [B, H, W, C]

  def inputs(self, image: Any, z: Any, label: Any) -> dict[str, tuple]:
    """Player -> what it reads of these: arrays, or their shapes."""
    return {"encoder": (image,), "decoder": (z,)}


class GanNetworks(NamedTuple):
  """The networks of a GAN, modules that are called with `train` besides what they read."""

  generator: nn.Module  # z [B, Z], label [B] -> images [B, H, W, C] in `image_range`
  critic: nn.Module  # images in `image_range`, label [B] -> scores [B]
  image_range: tuple[float, float]  # (0, 1) of a sigmoid, (-1, 1) of a tanh
  num_classes: int = 0  # of the labels that both read; 0 where they read none

  def inputs(self, image: Any, z: Any, label: Any) -> dict[str, tuple]:
    """Player -> what it reads of these: arrays, or their shapes."""
    return {"generator": (z, label), "critic": (image, label)}


class Spec(NamedTuple):
  """What networks are built from: the kind of their layers, and sizes."""

  layers: Layers
  shape: Shape  # of images
  latent: int
  width: int
  depth: int
  num_classes: int  # 0 where the network reads no label


class Entry(NamedTuple):
  """A network that a config may name."""

  make: Callable[[Spec], VaeNetworks | GanNetworks]
  shape: Shape | None  # the only images that it takes; None for those that it `fits`
  width: int  # the report's
  config: str  # a config that has it
  framework: str  # the report's, whose defaults hold where a config names none
  depth: int = 0  # the report's, where a config may choose another
  conditional: bool = False
  fits: Callable[[Shape], bool] = lambda shape: True


def _dense_vae(spec: Spec) -> VaeNetworks:
  if spec.depth % 2:
    raise UserError(
      f"config.model.depth is {spec.depth}: half of the hidden layers go to each of encoder and "
      "decoder; expected an even number from 2"
    )
  return _dense_pair(spec, (spec.width,) * (spec.depth // 2))


def _s1_dense_vae(spec: Spec) -> VaeNetworks:
  return _dense_pair(spec, (spec.width, spec.width // 2, spec.width // 4))


def _dense_pair(spec: Spec, widths: tuple[int, ...]) -> VaeNetworks:
  """The encoder has layers of these widths, the decoder the same in reverse."""
  encoder = variational.DenseEncoder(spec.layers, spec.latent, widths)
  return VaeNetworks(encoder, variational.DenseDecoder(spec.layers, spec.shape, widths[::-1]))


def _s1_conv_vae(spec: Spec) -> VaeNetworks:
  encoder = variational.S1ConvEncoder(spec.layers, spec.latent, spec.width)
  return VaeNetworks(encoder, variational.S1ConvDecoder(spec.layers, spec.width))


def _s3_vae(spec: Spec) -> VaeNetworks:
  encoder = variational.S3Encoder(spec.layers, spec.latent, spec.width)
  return VaeNetworks(encoder, variational.DenseDecoder(spec.layers, spec.shape, (spec.width,)))


def _s4_vae(spec: Spec) -> VaeNetworks:
  encoder = variational.S4Encoder(spec.layers, spec.latent, spec.width)
  return VaeNetworks(encoder, variational.S4Decoder(spec.layers, spec.width))


def _dense_gan(spec: Spec) -> GanNetworks:
  # Doubled a layer up to S3's 1024; S2's own widest first layer is 1024, and its second 2048.
  widest = max(1024, 2 * spec.width)
  widths = tuple(min(spec.width * 2**i, widest) for i in range(spec.depth - 1))
  generator = adversarial.DenseGenerator(spec.layers, spec.shape, widths)
  return GanNetworks(generator, adversarial.DenseCritic(spec.layers), SIGNED)


def _s1_gan(spec: Spec, batch_norm: bool = False) -> GanNetworks:
  """The GAN's networks, and with batch norm the WGAN's, whose images are a tanh's."""
  options = (spec.layers, spec.width, batch_norm, spec.num_classes)
  generator, critic = adversarial.S1Generator(*options), adversarial.S1Critic(*options)
  return GanNetworks(generator, critic, SIGNED if batch_norm else UNIT, spec.num_classes)


def _s1_cifar_gan(spec: Spec) -> GanNetworks:
  generator = adversarial.S1CifarGenerator(spec.layers, spec.width)
  return GanNetworks(generator, adversarial.S1CifarCritic(spec.layers, spec.width), SIGNED)


def _s1_cifar_wgan(spec: Spec, batch_norm: bool = True) -> GanNetworks:
  """The report's networks; a critic without batch norm takes a gradient penalty."""
  options = (spec.layers, spec.width, spec.num_classes)
  generator = adversarial.S1CifarWganGenerator(*options)
  critic = adversarial.S1CifarWganCritic(*options, batch_norm)
  return GanNetworks(generator, critic, SIGNED, spec.num_classes)


def _s4_gan(spec: Spec) -> GanNetworks:
  generator = adversarial.S4Generator(spec.layers, spec.width)
  return GanNetworks(generator, adversarial.S4Critic(spec.layers, spec.width), SIGNED)


def _s4_cgan(spec: Spec) -> GanNetworks:
  options = (spec.layers, spec.width, spec.num_classes)
  generator = adversarial.S4ConditionalGenerator(*options)
  return GanNetworks(generator, adversarial.S4ConditionalCritic(*options), UNIT, spec.num_classes)


def _dcgan(spec: Spec, batch_norm: bool = True) -> GanNetworks:
  """With batch norm in the critic, or without: a penalty of its slope is of each image alone."""
  if not dcgan_networks.halves(spec.shape):
    raise UserError(
      f"the data's images are {spec.shape}, and a pyramid halves height and width down to 4 to 7 "
      "pixels: --config.data.size=28 or 32, say, makes the data fit"
    )
  options = {"layers": spec.layers, "width": spec.width, "num_classes": spec.num_classes}
  generator = dcgan_networks.DcganGenerator(shape=spec.shape, **options)
  critic = dcgan_networks.DcganCritic(batch_norm=batch_norm, **options)
  return GanNetworks(generator, critic, SIGNED, spec.num_classes)


_s1_wgan = partial(_s1_gan, batch_norm=True)
_dcgan_plain = partial(_dcgan, batch_norm=False)
_s1_cifar_wgan_gp = partial(_s1_cifar_wgan, batch_norm=False)

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
  "s1_wgan": Entry(_s1_wgan, MNIST, 128, "wgan_mnist.py:s1", KERAS),
  "s1_wgan_cifar10": Entry(_s1_cifar_wgan, CIFAR10, 128, "wgan_cifar10.py:s1", TORCH),
  "s1_wgan_gp_cifar10": Entry(_s1_cifar_wgan_gp, CIFAR10, 128, "wgan_gp_cifar10.py", TORCH),
  "s3_gan": Entry(_dense_gan, None, 128, "gan_mnist.py:s3", TORCH, depth=4),
  "s4_gan": Entry(_s4_gan, MNIST, 128, "gan_mnist.py:s4", KERAS),
  "s1_cgan": Entry(_s1_wgan, MNIST, 128, "cgan_mnist.py:s1_layers", KERAS, conditional=True),
  "s4_cgan": Entry(_s4_cgan, MNIST, 128, "cgan_mnist.py:s4", KERAS, conditional=True),
  "s1_cgan_cifar10": Entry(
    _s1_cifar_wgan, CIFAR10, 128, "cgan_cifar10.py", TORCH, conditional=True
  ),
  "dcgan": Entry(_dcgan, None, 32, "gan_mnist.py:dcgan", TORCH, fits=dcgan_networks.halves),
  "dcgan_plain": Entry(_dcgan_plain, None, 32, "gan_mnist.py", TORCH, fits=dcgan_networks.halves),
  "dcgan_conditional": Entry(
    _dcgan_plain, None, 32, "cgan_mnist.py", TORCH, conditional=True, fits=dcgan_networks.halves
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
) -> VaeNetworks | GanNetworks:
  """The networks of a model for images of `shape`.

  Args:
    known: `VAES` or `GANS`.
    network: a key of it.
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

  Raises:
    UserError: for an unknown network, or one that cannot be built so.
  """
  entry = _entry(network, known, shape, depth)
  layers = Layers(
    INITIALISERS[default_of(network, initialiser)],
    BATCH_NORMS[default_of(network, batch_norm)],
    slope,
    precision=precision,
  )
  classes = num_classes if entry.conditional else 0
  built = entry.make(
    Spec(layers, shape, latent, width or entry.width, depth or entry.depth, classes)
  )
  if not spectral_norm:
    return built
  normalised = dataclasses.replace(layers, spectral=True)
  return built._replace(critic=built.critic.clone(layers=normalised))


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
  return entry
