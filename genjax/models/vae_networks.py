"""Encoders and decoders of the reference systems, layer by layer as their reports have them.

An encoder maps images to `(mean, logvar)`; a decoder `z` to logits. The decoder's layer that reads
the latent is named `latent`.
"""

import math

import flax.linen as nn
from jaxtyping import Array, Float

from genjax.models.layers import Layers, Map, flatten, max_pool, reshape
from genjax.types import Shape

Images = Float[Array, "B H W C"]
Latents = Float[Array, "B Z"]


def _gaussian(x: Float[Array, "B N"], latent: int, layers: Layers) -> tuple[Latents, Latents]:
  return tuple(layers.dense(latent, name=name, latent=-1)(x) for name in ("mean", "logvar"))


class DenseEncoder(nn.Module):
  """S0 and S2, and S1 on MNIST."""

  layers: Layers
  latent: int
  widths: tuple[int, ...]

  @nn.compact
  def __call__(self, image: Images, train: bool = False) -> tuple[Latents, Latents]:
    x = Map(flatten)(image)
    for width in self.widths:
      x = Map(nn.relu)(self.layers.dense(width)(x))
    return _gaussian(x, self.latent, self.layers)


class DenseDecoder(nn.Module):
  """S0, S2 and S3, and S1 on MNIST."""

  layers: Layers
  shape: Shape
  widths: tuple[int, ...]

  @nn.compact
  def __call__(self, z: Latents, train: bool = False) -> Images:
    x = Map(nn.relu)(self.layers.from_latent(self.widths[0])(z))
    for width in self.widths[1:]:
      x = Map(nn.relu)(self.layers.dense(width)(x))
    return reshape(*self.shape[:2])(self.layers.dense(math.prod(self.shape))(x))


class S1ConvEncoder(nn.Module):
  """S1 on CIFAR-10: half of `width`, then `width` channels."""

  layers: Layers
  latent: int
  width: int

  @nn.compact
  def __call__(self, image: Images, train: bool = False) -> tuple[Latents, Latents]:
    x = image
    for features in (self.width // 2, self.width):
      x = Map(nn.relu)(self.layers.conv(features, 4, 2)(x))
    return _gaussian(Map(flatten)(max_pool(2)(x)), self.latent, self.layers)


class S1ConvDecoder(nn.Module):
  """S1 on CIFAR-10: it draws 128 x 128 pixels and keeps the largest of each 4 x 4."""

  layers: Layers
  width: int

  @nn.compact
  def __call__(self, z: Latents, train: bool = False) -> Images:
    x = Map(nn.relu)(self.layers.from_latent(16 * 16 * max(self.width // 16, 1))(z))
    x = reshape(16, 16)(x)
    x = Map(nn.relu)(self.layers.conv_transpose(self.width // 2, 4, 4)(x))
    return max_pool(4)(self.layers.conv_transpose(3, 4, 2)(x))


class S3Encoder(nn.Module):
  """S3: an LSTM (Hochreiter & Schmidhuber 1997) reads the image row by row."""

  layers: Layers
  latent: int
  width: int

  @nn.compact
  def __call__(self, image: Images, train: bool = False) -> tuple[Latents, Latents]:
    rows = image.reshape(*image.shape[:2], -1)
    return _gaussian(self.layers.lstm(self.width)(rows), self.latent, self.layers)


class S4Encoder(nn.Module):
  """S4: half of `width`, then `width` channels."""

  layers: Layers
  latent: int
  width: int

  @nn.compact
  def __call__(self, image: Images, train: bool = False) -> tuple[Latents, Latents]:
    x = image
    for features in (self.width // 2, self.width):
      x = Map(nn.relu)(self.layers.conv(features, 3, 2)(x))
    x = Map(nn.relu)(self.layers.dense(16)(Map(flatten)(x)))
    return _gaussian(x, self.latent, self.layers)


class S4Decoder(nn.Module):
  """S4: `width`, then half of it."""

  layers: Layers
  width: int

  @nn.compact
  def __call__(self, z: Latents, train: bool = False) -> Images:
    x = reshape(7, 7)(Map(nn.relu)(self.layers.from_latent(7 * 7 * self.width)(z)))
    for features in (self.width, self.width // 2):
      x = Map(nn.relu)(self.layers.conv_transpose(features, 3, 2)(x))
    return self.layers.conv_transpose(1, 3)(x)
