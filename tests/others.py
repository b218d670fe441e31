"""Parts that are not genjax's, by which the tests see whether it takes them."""

import math

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

import genjax
from genjax.models.layers import Layers
from genjax.types import State


class Encoder(nn.Module):
  layers: Layers
  latent: int
  width: int
  axis: int | None = -1

  @nn.compact
  def __call__(self, image, train=False):
    x = nn.relu(self.layers.dense(self.width)(image.reshape(image.shape[0], -1)))
    names = ("mean", "logvar")
    return tuple(self.layers.dense(self.latent, name=n, latent=self.axis)(x) for n in names)


class Decoder(nn.Module):
  layers: Layers
  shape: tuple
  width: int
  declared: bool = True

  @nn.compact
  def __call__(self, z, train=False):
    first = self.layers.from_latent if self.declared else self.layers.dense
    x = self.layers.dense(math.prod(self.shape))(jnp.tanh(first(self.width)(z)))
    return x.reshape(-1, *self.shape)


def networks(shape, latent, width=8, declared=True, axis=-1, layers=None):
  return genjax.VaeNetworks(
    Encoder(layers, latent, width, axis or None), Decoder(layers, shape, width, declared)
  )


def of_another_kind(shape, latent):
  return "networks"


def of_another_shape(shape, latent, layers=None):
  return networks((*shape[:2], 3), latent, layers=layers)


class Whole(Decoder):
  @nn.compact
  def __call__(self, z, train=False):
    return jnp.zeros((len(z), *self.shape), jnp.uint8)


def of_whole_numbers(shape, latent, layers=None):
  return genjax.VaeNetworks(Encoder(layers, latent, 8), Whole(layers, shape, 8))


def without_a_default(shape, latent, width):
  return networks(shape, latent, width)


def with_a_key_s_name(shape, latent, name="x", layers=None):
  return networks(shape, latent, layers=layers)


loss = genjax.GanLoss(lambda s: -s, lambda s: s, lambda s: -s)


def _ink(generated, real):
  return abs(generated.mean() - real.mean())


def _agreement(generated, real, model):
  mean, _ = model.encode(generated[:50])
  return float(np.abs(np.asarray(mean)).mean())


ink = genjax.Metric("ink", "difference in ink (fraction)", _ink, "lower", limits=(0, 1))
code = genjax.Metric("code", "size of codes", _agreement, needs="encoder")
taken = genjax.Metric("fd", "a name that is taken", _ink)


def stripes():
  """600 images of 8 x 8 pixels: class k has k + 1 rows of ink."""
  rng = np.random.default_rng(0)
  label = np.arange(600) % 3
  image = rng.integers(0, 60, (600, 8, 8, 1))
  image[np.arange(8)[None] <= label[:, None]] += 180
  return genjax.Arrays(
    genjax.Dataset(image.astype(np.uint8), label.astype(np.int32)), None, ("one", "two", "three"),
    "stripes (ours)",
  )  # fmt: skip


def pairs():
  return stripes()._replace(train=tuple(stripes().train))


def counted():
  return stripes()._replace(classes=3)


def floats():
  arrays = stripes()
  return arrays._replace(train=arrays.train._replace(image=arrays.train.image / 255))


def make(image_shape, latent, rate=0.1, width=4, masked=True, noisy=False):
  """A model that is neither VAE nor GAN: the mean image, moved along fixed directions."""
  directions = jax.random.normal(jax.random.key(width), (latent, math.prod(image_shape)))

  def init(run):
    params = {"mean": {"image": jnp.zeros(image_shape)}}
    return State(jnp.zeros((), jnp.int32), params, {"mean": {}}, {}, {})

  def step(run, state, batch):
    old = state.params["mean"]["image"]
    new = old + rate * (batch.image[0].mean(0) - old)
    loss = ((new - old) ** 2).sum()
    if noisy:  # by another number for each latent
      loss += jax.random.normal(run.key, (latent,))[-1] ** 2
    return state._replace(step=state.step + 1, params={"mean": {"image": new}}), {"loss": loss}

  def generate(run, state, z, label=None):
    moved = (z * run.latent_mask[None] if masked else z) @ directions
    moved = moved.reshape(-1, *image_shape) / 100
    return jnp.clip(state.params["mean"]["image"][None] + moved, 0, 1)

  def diagnose(run, state, key, batch):
    error = (batch.image - state.params["mean"]["image"][None]) ** 2
    return {"val_loss": error.sum((1, 2, 3)).mean()}

  return genjax.Model(init, step, generate, diagnose, latent, "val_loss")
