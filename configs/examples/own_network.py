"""A network of one's own: a generator that doubles images by repeating their pixels.

  python -m genjax.main --config=configs/examples/own_network.py --workdir=runs/own_network
  python -m genjax.main --config=gan_digits --config.model.network=own_network:networks

The second line is for the folder of this file, or with it on PYTHONPATH. The arguments of
`networks` from the third on are keys of the config: --config.model.kernel=5, or
--config.grid.kernel="(3,5)".
"""

import math

import flax.linen as nn
import jax.numpy as jnp

import genjax
from genjax import config as genjax_config
from genjax.models.layers import Layers


class Generator(nn.Module):
  """`width` channels at a quarter of the image's size, half as many at half of it."""

  layers: Layers  # which make layers as the config says
  shape: tuple
  width: int
  kernel: int

  @nn.compact
  def __call__(self, z, label=None, train=False):  # [B, Z] -> [B, H, W, C]
    height, width, channels = self.shape
    base = (height // 4, width // 4, self.width)
    # The layer that reads the latent is declared: runs with a smaller latent mask its rows.
    x = self.layers.from_latent(math.prod(base))(z).reshape(-1, *base)
    for features in (self.width // 2, channels):
      x = nn.relu(x).repeat(2, 1).repeat(2, 2)
      x = self.layers.conv(features, self.kernel)(x)
    return jnp.tanh(x)


class Critic(nn.Module):
  layers: Layers
  width: int
  kernel: int

  @nn.compact
  def __call__(self, image, label=None, train=False):  # [B, H, W, C] -> [B]
    x = image
    for features in (self.width // 2, self.width):
      x = nn.leaky_relu(self.layers.conv(features, self.kernel, stride=2)(x), self.layers.slope)
    return self.layers.dense(1)(x.reshape(x.shape[0], -1))[:, 0]


def networks(shape, latent, width=32, kernel=3, layers=None):
  return genjax.GanNetworks(
    Generator(layers, shape, width, kernel),
    Critic(layers, width, kernel),
    image_range=(-1.0, 1.0),
  )


VARIANTS = {
  "": {
    "data.name": "digits",
    "data.validation": 0.25,
    "batch_size": 64,
    "steps": 500,
    "eval_every": 100,
    "eval_images": 300,
    "model.network": "own_network:networks",
    "model.initialiser": "normal_0.02",
    "model.regulariser": "r1",
    "sweep.seeds": (0, 1),
    "sweep.latents": (2, 16),
    "sweep.learning_rate": (2e-3,),
    "sweep.b1": (0.5,),
    "sweep.penalty_weight": (1.0,),
    "sweep.ema_decay": (0.99,),
  }
}


def get_config(variant=""):
  return genjax_config.variant("gan", VARIANTS, variant)
