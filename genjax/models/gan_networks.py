"""Generators and critics of the reference systems, layer by layer as their reports have them.

A generator maps `(z, label)` to images; a critic maps `(image, label)` to scores. Networks with
`num_classes` above 0 read the label, the others do not; a generator takes weights of the classes as
well. The generator's layer that reads the latent is named `latent`.

Each function is the layers of one: what it is given has the label in it, and `train` says whether
it is training. A critic's function ends before the last dense layer, which makes the score.
"""

import math
from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from genjax.models.layers import Layers, Map, Spec, flatten, global_max_pool, reshape
from genjax.types import Label, Shape

Images = Float[Array, "B H W C"]
Latents = Float[Array, "B Z"]
Classes = Int[Array, " B"]
Scores = Float[Array, " B"]
Rows = Float[Array, "B N"]


def with_label(z: Latents, label: Label | None, num_classes: int) -> Rows:
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


class Generator(nn.Module):
  """With classes, the label joins the latent."""

  layers: Layers
  spec: Spec
  body: Callable[[Layers, Spec, Rows, bool], Images]

  @nn.compact
  def __call__(self, z: Latents, label: Label | None = None, train: bool = False) -> Images:
    z = with_label(z, label, self.spec.num_classes)
    return self.body(self.layers, self.spec, z, train)


class Critic(nn.Module):
  """With classes, they are further channels of the image."""

  layers: Layers
  spec: Spec
  body: Callable[[Layers, Spec, Images, bool], Rows]

  @nn.compact
  def __call__(self, image: Images, label: Classes | None = None, train: bool = False) -> Scores:
    x = with_planes(image, label, self.spec.num_classes)
    x = self.body(self.layers, self.spec, x, train)
    return self.layers.dense(1)(x)[:, 0]  # after the others, as names count


class ProjectionCritic(nn.Module):
  """The class meets the features, not the pixels (Miyato and Koyama 2018, equation 3)."""

  layers: Layers
  spec: Spec
  body: Callable[[Layers, Spec, Images, bool], Rows]

  @nn.compact
  def __call__(self, image: Images, label: Classes, train: bool = False) -> Scores:
    x = self.body(self.layers, self.spec, image, train)
    # A vector for each class, drawn as the last layer's is; the product with that of the label.
    of_classes = self.layers.dense(self.spec.num_classes, use_bias=False, name="classes")(x)
    of_class = (of_classes * jax.nn.one_hot(label, self.spec.num_classes)).sum(-1)
    return self.layers.dense(1)(x)[:, 0] + of_class


def _leaky(layers: Layers, x: Array, train: bool, batch_norm: bool = True) -> Array:
  """A leaky ReLU, after batch norm or without."""
  x = layers.batch_norm(train)(x) if batch_norm else x
  return layers.leaky_relu()(x)


def dense_generator(layers: Layers, spec: Spec, z: Rows, train: bool) -> Images:
  """S2 (three layers) and S3 (two, four or six): widths double, and the last are the pixels."""
  # Doubled a layer up to S3's 1024; S2's own widest first layer is 1024, and its second 2048.
  widest = max(1024, 2 * spec.width)
  first, *others = (min(spec.width * 2**i, widest) for i in range(spec.depth - 1))
  x = layers.leaky_relu()(layers.from_latent(first)(z))
  for width in others:
    x = layers.leaky_relu()(layers.dense(width)(x))
  x = layers.dense(math.prod(spec.shape))(x)
  return Map(jnp.tanh)(reshape(*spec.shape[:2])(x))


def dense_critic(layers: Layers, spec: Spec, image: Images, train: bool) -> Rows:
  """S2 and S3."""
  x = Map(flatten)(image)
  for width in (512, 256):
    x = layers.leaky_relu()(layers.dense(width)(x))
  return x


def s1_generator(
  layers: Layers, spec: Spec, z: Rows, train: bool, batch_norm: bool = False, more: int = 0
) -> Images:
  """S1 on MNIST: the GAN's generator, and with batch norm and tanh the WGAN's.

  `more` are channels of the first layer besides its `width`.
  """
  x = reshape(7, 7)(layers.from_latent(7 * 7 * (spec.width + more))(z))
  x = layers.leaky_relu()(x)
  for _ in range(2):
    x = _leaky(layers, layers.conv_transpose(spec.width, 4, 2)(x), train, batch_norm)
  return Map(jnp.tanh if batch_norm else nn.sigmoid)(layers.conv(1, 7)(x))


def s1_critic(
  layers: Layers, spec: Spec, image: Images, train: bool, batch_norm: bool = False
) -> Rows:
  """S1 on MNIST: of the GAN, and with batch norm of the WGAN. `width` is the generator's."""
  x = image
  for _ in range(2):
    x = _leaky(layers, layers.conv(spec.width // 2, 4, 2)(x), train, batch_norm)
  return Map(flatten)(x)


def s1_cifar_generator(layers: Layers, spec: Spec, z: Rows, train: bool) -> Images:
  """S1's GAN on CIFAR-10."""
  x = reshape(4, 4)(layers.from_latent(4 * 4 * 2 * spec.width)(z))
  x = layers.leaky_relu()(x)
  for _ in range(3):
    x = layers.leaky_relu()(layers.conv_transpose(spec.width, 4, 2)(x))
  return Map(jnp.tanh)(layers.conv(3, 3)(x))


def s1_cifar_critic(layers: Layers, spec: Spec, image: Images, train: bool) -> Rows:
  """S1's GAN on CIFAR-10. `width` is the generator's."""
  x, width = image, spec.width
  for features, stride in ((width // 2, 1), (width, 2), (width, 2), (2 * width, 2)):
    x = layers.leaky_relu()(layers.conv(features, 3, stride)(x))
  return nn.Dropout(0.4, deterministic=not train)(Map(flatten)(x))


def s1_cifar_wgan_generator(layers: Layers, spec: Spec, z: Rows, train: bool) -> Images:
  """S1's WGAN on CIFAR-10: `width` channels at 8 x 8."""
  x = reshape(1, 1)(z)
  x = layers.conv_transpose(2 * spec.width, 4, padding="VALID", name="latent", latent=-2)(x)
  for features in (spec.width, spec.width // 2):
    x = Map(nn.relu)(layers.batch_norm(train)(x))
    x = layers.conv_transpose(features, 4, 2)(x)
  x = Map(nn.relu)(layers.batch_norm(train)(x))
  return Map(jnp.tanh)(layers.conv_transpose(3, 4, 2)(x))


def s1_cifar_wgan_critic(
  layers: Layers, spec: Spec, image: Images, train: bool, batch_norm: bool = True
) -> Rows:
  """S1's WGAN on CIFAR-10: `width` channels at 8 x 8.

  A gradient penalty is of each image alone, and so takes it without batch norm.
  """
  x = layers.leaky_relu()(layers.conv(spec.width // 2, 4, 2)(image))
  for features in (spec.width, 2 * spec.width):
    x = _leaky(layers, layers.conv(features, 4, 2)(x), train, batch_norm)
  return Map(flatten)(layers.conv(1, 4, padding="VALID")(x))


def s4_generator(layers: Layers, spec: Spec, z: Rows, train: bool) -> Images:
  """S4's GAN: no biases before batch norm."""
  width = spec.width
  x = _leaky(layers, layers.from_latent(7 * 7 * 2 * width, use_bias=False)(z), train)
  x = reshape(7, 7)(x)
  for features, stride in ((width, 1), (width // 2, 2)):
    x = _leaky(layers, layers.conv_transpose(features, 5, stride, use_bias=False)(x), train)
  return Map(jnp.tanh)(layers.conv_transpose(1, 5, 2, use_bias=False)(x))


def s4_critic(layers: Layers, spec: Spec, image: Images, train: bool) -> Rows:
  """S4's GAN: half of `width`, then `width` channels."""
  x = image
  for features in (spec.width // 2, spec.width):
    x = layers.leaky_relu()(layers.conv(features, 5, 2)(x))
    x = nn.Dropout(0.3, deterministic=not train)(x)
  return Map(flatten)(x)


def s4_conditional_generator(layers: Layers, spec: Spec, z: Rows, train: bool) -> Images:
  """S4's conditional GAN: S1's layers, but for the first."""
  # 138 channels: the report's latent and classes. They stay when the latent changes.
  return s1_generator(layers, spec, z, train, more=spec.num_classes)


def s4_conditional_critic(layers: Layers, spec: Spec, image: Images, train: bool) -> Rows:
  """S4's conditional GAN."""
  x = image
  for features in (spec.width // 2, spec.width):
    x = layers.leaky_relu()(layers.conv(features, 3, 2)(x))
  return Map(global_max_pool)(x)


def halvings(shape: Shape) -> int:
  """How often DCGAN's critic halves images: until their shorter side has 4 to 7 pixels."""
  return max(min(shape[:2]).bit_length() - 3, 1)


def halves(shape: Shape) -> bool:
  """Whether height and width can be halved so often."""
  return min(shape[:2]) >= 8 and not any(size % 2 ** halvings(shape) for size in shape[:2])


def dcgan_generator(layers: Layers, spec: Spec, z: Rows, train: bool) -> Images:
  """DCGAN's pyramid (Radford et al. 2016) for images of any size that can be halved.

  `width` channels at half of the image's size, twice at a quarter, and so on down to 4 to 7 pixels.
  """
  times = halvings(spec.shape)
  base = [size >> times for size in spec.shape[:2]]
  features = spec.width << (times - 1)
  x = layers.from_latent(math.prod(base) * features, use_bias=False)(z)
  x = Map(nn.relu)(layers.batch_norm(train)(reshape(*base)(x)))
  for _ in range(times - 1):
    features //= 2
    x = layers.conv_transpose(features, 4, 2, use_bias=False)(x)
    x = Map(nn.relu)(layers.batch_norm(train)(x))
  return Map(jnp.tanh)(layers.conv_transpose(spec.shape[-1], 4, 2)(x))


def dcgan_critic(
  layers: Layers, spec: Spec, image: Images, train: bool, batch_norm: bool = True
) -> Rows:
  """The generator's pyramid the other way round.

  With batch norm, or without: a penalty of its slope is of each image alone.
  """
  x = image
  for i in range(halvings(image.shape[1:])):
    normalised = batch_norm and i > 0  # not of the images themselves
    x = layers.conv(spec.width << i, 4, 2, use_bias=not normalised)(x)
    x = _leaky(layers, x, train, normalised)
  return Map(flatten)(x)
