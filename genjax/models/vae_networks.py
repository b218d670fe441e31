"""Encoders and decoders of the reference systems, layer by layer as their reports have them.

An encoder maps images to `(mean, logvar)`; a decoder `z` to logits. The decoder's layer that reads
the latent is named `latent`. Each function is the layers of one, an encoder's up to its two last.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial

import flax.linen as nn
from jaxtyping import Array, Float

from genjax.models.layers import Layers, Map, Spec, flatten, max_pool, reshape

Images = Float[Array, "B H W C"]
Latents = Float[Array, "B Z"]
Rows = Float[Array, "B N"]
Widths = Callable[[Spec], Sequence[int]]  # of a dense encoder's layers; its decoder has the reverse


class Encoder(nn.Module):
  """Images [B, H, W, C] in [0, 1] to mean and logvar of q(z|x), [B, Z] each."""

  layers: Layers
  spec: Spec
  body: Callable[[Layers, Spec, Images], Rows]

  @nn.compact
  def __call__(self, image: Images, train: bool = False) -> tuple[Latents, Latents]:
    x = self.body(self.layers, self.spec, image)
    end = partial(self.layers.dense, self.spec.latent, latent=-1)
    return tuple(end(name=name)(x) for name in ("mean", "logvar"))


class Decoder(nn.Module):
  """Latents [B, Z] to the logits of pixels, [B, H, W, C]."""

  layers: Layers
  spec: Spec
  body: Callable[[Layers, Spec, Latents], Images]

  @nn.compact
  def __call__(self, z: Latents, train: bool = False) -> Images:
    return self.body(self.layers, self.spec, z)


def alike(spec: Spec) -> Sequence[int]:
  """S0 and S2: half of the hidden layers go to each of encoder and decoder."""
  return (spec.width,) * (spec.depth // 2)


def halved(spec: Spec) -> Sequence[int]:
  """S1 on MNIST."""
  return spec.width, spec.width // 2, spec.width // 4


def dense_encoder(layers: Layers, spec: Spec, image: Images, widths: Widths) -> Rows:
  """S0 and S2, and S1 on MNIST."""
  x = Map(flatten)(image)
  for width in widths(spec):
    x = Map(nn.relu)(layers.dense(width)(x))
  return x


def dense_decoder(layers: Layers, spec: Spec, z: Latents, widths: Widths) -> Images:
  """S0, S2 and S3, and S1 on MNIST."""
  first, *others = reversed(widths(spec))
  x = Map(nn.relu)(layers.from_latent(first)(z))
  for width in others:
    x = Map(nn.relu)(layers.dense(width)(x))
  return reshape(*spec.shape[:2])(layers.dense(math.prod(spec.shape))(x))


def s1_conv_encoder(layers: Layers, spec: Spec, image: Images) -> Rows:
  """S1 on CIFAR-10: half of `width`, then `width` channels."""
  x = image
  for features in (spec.width // 2, spec.width):
    x = Map(nn.relu)(layers.conv(features, 4, 2)(x))
  return Map(flatten)(max_pool(2)(x))


def s1_conv_decoder(layers: Layers, spec: Spec, z: Latents) -> Images:
  """S1 on CIFAR-10: it draws 128 x 128 pixels and keeps the largest of each 4 x 4."""
  x = Map(nn.relu)(layers.from_latent(16 * 16 * max(spec.width // 16, 1))(z))
  x = reshape(16, 16)(x)
  x = Map(nn.relu)(layers.conv_transpose(spec.width // 2, 4, 4)(x))
  return max_pool(4)(layers.conv_transpose(3, 4, 2)(x))


def s3_encoder(layers: Layers, spec: Spec, image: Images) -> Rows:
  """S3: an LSTM (Hochreiter & Schmidhuber 1997) reads the image row by row."""
  return layers.lstm(spec.width)(image.reshape(*image.shape[:2], -1))


def s4_encoder(layers: Layers, spec: Spec, image: Images) -> Rows:
  """S4: half of `width`, then `width` channels."""
  x = image
  for features in (spec.width // 2, spec.width):
    x = Map(nn.relu)(layers.conv(features, 3, 2)(x))
  return Map(nn.relu)(layers.dense(16)(Map(flatten)(x)))


def s4_decoder(layers: Layers, spec: Spec, z: Latents) -> Images:
  """S4: `width`, then half of it."""
  x = reshape(7, 7)(Map(nn.relu)(layers.from_latent(7 * 7 * spec.width)(z)))
  for features in (spec.width, spec.width // 2):
    x = Map(nn.relu)(layers.conv_transpose(features, 3, 2)(x))
  return layers.conv_transpose(1, 3)(x)
