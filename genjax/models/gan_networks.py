"""Generators and critics of the reference systems, layer by layer as their reports have them.

A generator maps `(z, label)` to images; a critic maps `(image, label)` to scores. Networks with
`num_classes` above 0 read the label, the others do not; a generator takes weights of the classes as
well. The generator's layer that reads the latent is named `latent`.
"""

import math

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from genjax.models.layers import Layers, Map, flatten, global_max_pool, reshape
from genjax.types import Label, Shape

Images = Float[Array, "B H W C"]
Latents = Float[Array, "B Z"]
Classes = Int[Array, " B"]
Scores = Float[Array, " B"]


def to_score(x: Float[Array, "B N"], layers: Layers) -> Scores:
  return layers.dense(1)(x)[:, 0]


def with_label(z: Latents, label: Label | None, num_classes: int) -> Float[Array, "B N"]:
  """The label first: its rows keep their place when the latent is padded."""
  if not num_classes:
    return z
  mixed = jnp.issubdtype(label.dtype, jnp.floating)  # weights of the classes
  return jnp.concatenate([label if mixed else jax.nn.one_hot(label, num_classes), z], -1)


def with_planes(image: Images, label: Classes | None, num_classes: int) -> Float[Array, "B H W N"]:
  """The one-hot label as further channels."""
  if not num_classes:
    return image
  planes = jax.nn.one_hot(label, num_classes)[:, None, None]
  planes = jnp.broadcast_to(planes, (*image.shape[:3], num_classes))
  return jnp.concatenate([image, planes], -1)


class DenseGenerator(nn.Module):
  """S2 (three layers) and S3 (two, four or six): widths double, and the last are the pixels."""

  layers: Layers
  shape: Shape
  widths: tuple[int, ...]

  @nn.compact
  def __call__(self, z: Latents, label: Label | None = None, train: bool = False) -> Images:
    x = self.layers.leaky_relu()(self.layers.from_latent(self.widths[0])(z))
    for width in self.widths[1:]:
      x = self.layers.leaky_relu()(self.layers.dense(width)(x))
    x = self.layers.dense(math.prod(self.shape))(x)
    return Map(jnp.tanh)(reshape(*self.shape[:2])(x))


class DenseCritic(nn.Module):
  """S2 and S3."""

  layers: Layers

  @nn.compact
  def __call__(self, image: Images, label: Classes | None = None, train: bool = False) -> Scores:
    x = Map(flatten)(image)
    for width in (512, 256):
      x = self.layers.leaky_relu()(self.layers.dense(width)(x))
    return to_score(x, self.layers)


class S1Generator(nn.Module):
  """S1 on MNIST: the GAN's generator, and with batch norm and tanh the WGAN's.

  With classes, the label joins the latent.
  """

  layers: Layers
  width: int
  batch_norm: bool
  num_classes: int = 0

  @nn.compact
  def __call__(self, z: Latents, label: Label | None = None, train: bool = False) -> Images:
    z = with_label(z, label, self.num_classes)
    x = reshape(7, 7)(self.layers.from_latent(7 * 7 * self.width)(z))
    x = self.layers.leaky_relu()(x)
    for _ in range(2):
      x = self.layers.conv_transpose(self.width, 4, 2)(x)
      x = self.layers.batch_norm(train)(x) if self.batch_norm else x
      x = self.layers.leaky_relu()(x)
    return Map(jnp.tanh if self.batch_norm else nn.sigmoid)(self.layers.conv(1, 7)(x))


class S1Critic(nn.Module):
  """S1 on MNIST: of the GAN, and with batch norm of the WGAN. `width` is the generator's.

  With classes, they are further channels.
  """

  layers: Layers
  width: int
  batch_norm: bool
  num_classes: int = 0

  @nn.compact
  def __call__(self, image: Images, label: Classes | None = None, train: bool = False) -> Scores:
    x = with_planes(image, label, self.num_classes)
    for _ in range(2):
      x = self.layers.conv(self.width // 2, 4, 2)(x)
      x = self.layers.batch_norm(train)(x) if self.batch_norm else x
      x = self.layers.leaky_relu()(x)
    return to_score(Map(flatten)(x), self.layers)


class S1CifarGenerator(nn.Module):
  """S1's GAN on CIFAR-10."""

  layers: Layers
  width: int

  @nn.compact
  def __call__(self, z: Latents, label: Label | None = None, train: bool = False) -> Images:
    x = reshape(4, 4)(self.layers.from_latent(4 * 4 * 2 * self.width)(z))
    x = self.layers.leaky_relu()(x)
    for _ in range(3):
      x = self.layers.leaky_relu()(self.layers.conv_transpose(self.width, 4, 2)(x))
    return Map(jnp.tanh)(self.layers.conv(3, 3)(x))


class S1CifarCritic(nn.Module):
  """S1's GAN on CIFAR-10. `width` is the generator's."""

  layers: Layers
  width: int

  @nn.compact
  def __call__(self, image: Images, label: Classes | None = None, train: bool = False) -> Scores:
    x, width = image, self.width
    for features, stride in ((width // 2, 1), (width, 2), (width, 2), (2 * width, 2)):
      x = self.layers.leaky_relu()(self.layers.conv(features, 3, stride)(x))
    return to_score(nn.Dropout(0.4, deterministic=not train)(Map(flatten)(x)), self.layers)


class S1CifarWganGenerator(nn.Module):
  """S1's WGAN on CIFAR-10: `width` channels at 8 x 8; with classes, the label joins the latent."""

  layers: Layers
  width: int
  num_classes: int

  @nn.compact
  def __call__(self, z: Latents, label: Label | None = None, train: bool = False) -> Images:
    x = reshape(1, 1)(with_label(z, label, self.num_classes))
    x = self.layers.conv_transpose(2 * self.width, 4, padding="VALID", name="latent", latent=-2)(x)
    for features in (self.width, self.width // 2):
      x = Map(nn.relu)(self.layers.batch_norm(train)(x))
      x = self.layers.conv_transpose(features, 4, 2)(x)
    x = Map(nn.relu)(self.layers.batch_norm(train)(x))
    return Map(jnp.tanh)(self.layers.conv_transpose(3, 4, 2)(x))


class S1CifarWganCritic(nn.Module):
  """S1's WGAN on CIFAR-10: `width` channels at 8 x 8; with classes, they are further channels.

  A gradient penalty is of each image alone, and so takes it without batch norm.
  """

  layers: Layers
  width: int
  num_classes: int
  batch_norm: bool = True

  @nn.compact
  def __call__(self, image: Images, label: Classes | None = None, train: bool = False) -> Scores:
    x = with_planes(image, label, self.num_classes)
    x = self.layers.leaky_relu()(self.layers.conv(self.width // 2, 4, 2)(x))
    for features in (self.width, 2 * self.width):
      x = self.layers.conv(features, 4, 2)(x)
      x = self.layers.batch_norm(train)(x) if self.batch_norm else x
      x = self.layers.leaky_relu()(x)
    return to_score(Map(flatten)(self.layers.conv(1, 4, padding="VALID")(x)), self.layers)


class S4Generator(nn.Module):
  """S4's GAN: no biases before batch norm."""

  layers: Layers
  width: int

  @nn.compact
  def __call__(self, z: Latents, label: Label | None = None, train: bool = False) -> Images:
    width = self.width
    x = self.layers.batch_norm(train)(self.layers.from_latent(7 * 7 * 2 * width, use_bias=False)(z))
    x = reshape(7, 7)(self.layers.leaky_relu()(x))
    for features, stride in ((width, 1), (width // 2, 2)):
      x = self.layers.conv_transpose(features, 5, stride, use_bias=False)(x)
      x = self.layers.leaky_relu()(self.layers.batch_norm(train)(x))
    return Map(jnp.tanh)(self.layers.conv_transpose(1, 5, 2, use_bias=False)(x))


class S4Critic(nn.Module):
  """S4's GAN: half of `width`, then `width` channels."""

  layers: Layers
  width: int

  @nn.compact
  def __call__(self, image: Images, label: Classes | None = None, train: bool = False) -> Scores:
    x = image
    for features in (self.width // 2, self.width):
      x = self.layers.leaky_relu()(self.layers.conv(features, 5, 2)(x))
      x = nn.Dropout(0.3, deterministic=not train)(x)
    return to_score(Map(flatten)(x), self.layers)


class S4ConditionalGenerator(nn.Module):
  """S4's conditional GAN: the label joins the latent."""

  layers: Layers
  width: int
  num_classes: int

  @nn.compact
  def __call__(self, z: Latents, label: Label, train: bool = False) -> Images:
    # 138 channels: the report's latent and classes. They stay when the latent changes.
    features = self.width + self.num_classes
    x = reshape(7, 7)(
      self.layers.from_latent(7 * 7 * features)(with_label(z, label, self.num_classes))
    )
    x = self.layers.leaky_relu()(x)
    for _ in range(2):
      x = self.layers.leaky_relu()(self.layers.conv_transpose(self.width, 4, 2)(x))
    return Map(nn.sigmoid)(self.layers.conv(1, 7)(x))


class S4ConditionalCritic(nn.Module):
  """S4's conditional GAN: the classes are further channels of the image."""

  layers: Layers
  width: int
  num_classes: int

  @nn.compact
  def __call__(self, image: Images, label: Classes, train: bool = False) -> Scores:
    x = with_planes(image, label, self.num_classes)
    for features in (self.width // 2, self.width):
      x = self.layers.leaky_relu()(self.layers.conv(features, 3, 2)(x))
    return to_score(Map(global_max_pool)(x), self.layers)
