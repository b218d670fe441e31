"""DCGAN's pyramid (Radford et al. 2016) for images of any size that can be halved."""

import math

import flax.linen as nn
import jax.numpy as jnp

from genjax.models.gan_networks import (
  Classes,
  Images,
  Latents,
  Scores,
  to_score,
  with_label,
  with_planes,
)
from genjax.models.layers import Layers, Map, flatten, reshape
from genjax.types import Label, Shape


def halvings(shape: Shape) -> int:
  """How often DCGAN's critic halves images: until their shorter side has 4 to 7 pixels."""
  return max(min(shape[:2]).bit_length() - 3, 1)


def halves(shape: Shape) -> bool:
  """Whether height and width can be halved so often."""
  return min(shape[:2]) >= 8 and not any(size % 2 ** halvings(shape) for size in shape[:2])


class DcganGenerator(nn.Module):
  """`width` channels at half of the image's size, twice at a
  quarter, and so on down to 4 to 7 pixels; with classes, the label joins the latent.
  """

  layers: Layers
  shape: Shape
  width: int
  num_classes: int = 0

  @nn.compact
  def __call__(self, z: Latents, label: Label | None = None, train: bool = False) -> Images:
    z = with_label(z, label, self.num_classes)
    times = halvings(self.shape)
    base = [size >> times for size in self.shape[:2]]
    features = self.width << (times - 1)
    x = self.layers.from_latent(math.prod(base) * features, use_bias=False)(z)
    x = Map(nn.relu)(self.layers.batch_norm(train)(reshape(*base)(x)))
    for _ in range(times - 1):
      features //= 2
      x = self.layers.conv_transpose(features, 4, 2, use_bias=False)(x)
      x = Map(nn.relu)(self.layers.batch_norm(train)(x))
    return Map(jnp.tanh)(self.layers.conv_transpose(self.shape[-1], 4, 2)(x))


class DcganCritic(nn.Module):
  """The generator's pyramid the other way round; with classes, they are further channels."""

  layers: Layers
  width: int
  num_classes: int = 0
  batch_norm: bool = True

  @nn.compact
  def __call__(self, image: Images, label: Classes | None = None, train: bool = False) -> Scores:
    x = with_planes(image, label, self.num_classes)
    for i in range(halvings(image.shape[1:])):
      normalised = self.batch_norm and i > 0  # not of the images themselves
      x = self.layers.conv(self.width << i, 4, 2, use_bias=not normalised)(x)
      x = self.layers.batch_norm(train)(x) if normalised else x
      x = self.layers.leaky_relu()(x)
    return to_score(Map(flatten)(x), self.layers)
