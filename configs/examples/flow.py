"""A model that is neither VAE nor GAN: flow matching (Lipman et al. 2023; Liu et al. 2023).

  python -m genjax.main --config=configs/examples/flow.py --workdir=runs/flow
  python -m genjax.main --config=configs/examples/flow.py:mnist --workdir=runs/flow_mnist

The first trains two seeds on digits of 16 x 16 pixels, 46 s of a core each (Xeon, AVX-512):
flow.png. The second, five seeds, takes 7 minutes each: flow_mnist.png, and a table in BUILD.md.

A network learns the velocity x - z of the straight line from noise z to an image x, at any time t
on it, and images are drawn by following it from t = 0 to 1. The latent is the noise: it has as many
dimensions as an image has pixels. genjax knows nothing of all this: `make` gives a `Model`, and its
runs are swept, resumed, scored, compared, interpolated and exported as those of a VAE are.
"""

import math

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax

import genjax
from genjax import config as genjax_config
from genjax.models import modules, optimisers
from genjax.models.initialisers import INITIALISERS
from genjax.models.layers import Layers
from genjax.rng import Stream, latent_noise, stream
from genjax.types import State


class Velocity(nn.Module):
  """A small U: down to half and a quarter of the size and back, told of the time at each layer."""

  layers: Layers
  width: int

  @nn.compact
  def __call__(self, x, t, train=False):  # [B, H, W, C], [B] -> [B, H, W, C]
    angles = t[:, None] * (2.0 ** jnp.arange(6))[None] * math.pi
    time = jnp.concatenate([jnp.sin(angles), jnp.cos(angles), t[:, None]], -1)

    def told(x):
      return nn.swish(x + self.layers.dense(x.shape[-1])(time)[:, None, None])

    full = told(self.layers.conv(self.width, 3)(x))
    half = told(self.layers.conv(2 * self.width, 4, 2)(full))
    quarter = told(self.layers.conv(4 * self.width, 4, 2)(half))
    deep = told(self.layers.conv(4 * self.width, 3)(quarter)) + quarter
    up = told(self.layers.conv_transpose(2 * self.width, 4, 2)(deep)) + half
    up = told(self.layers.conv_transpose(self.width, 4, 2)(up)) + full
    return self.layers.conv(x.shape[-1], 3)(up)


def make(image_shape, latent, width=16, integration_steps=20, optimiser="adam"):
  """The arguments from the third on are the config's model keys, with these defaults.

  Args:
    image_shape: H, W, C; H and W are multiples of 4.
    latent: H W C.
    width: channels at the full size.
    integration_steps: of Heun's method, two evaluations of the network each.
    optimiser: "adam", "rmsprop" or "sgd".
  """
  pixels = math.prod(image_shape)
  if latent != pixels:
    raise genjax.UserError(
      f"config.sweep.latents has {latent}, and a flow on images of {image_shape} starts from "
      f"noise of as many pixels: expected ({pixels},)"
    )
  network = Velocity(Layers(INITIALISERS["torch"]), width)
  adapt = optimisers.make(optimiser, "optax")

  def init(run):
    key = stream(run.key, Stream.INIT)
    params, stats = modules.init(network, key, jnp.zeros((1, *image_shape)), jnp.zeros(1))
    average = {"params": params, "stats": stats}
    opt_state = {"flow": adapt.init(run, params)}
    return State(jnp.zeros((), jnp.int32), {"flow": params}, {"flow": stats}, opt_state, average)

  def loss(params, key, image):
    """The mean squared error of the velocity, at a time drawn for each image."""
    z_key, t_key = jax.random.split(key)
    z = latent_noise(z_key, (len(image), latent)).reshape(image.shape)
    # A time in each of B equal parts of [0, 1]: less noise than B times of [0, 1].
    t = (jnp.arange(len(image)) + jax.random.uniform(t_key, (len(image),))) / len(image)
    x, at = 2 * image - 1, t[:, None, None, None]
    velocity = modules.apply(network, params, {}, (1 - at) * z + at * x, t)[0]
    return ((velocity - (x - z)) ** 2).mean()

  def step(run, state, batches):
    key = stream(run.key, Stream.STEP, state.step)
    value, gradients = jax.value_and_grad(loss)(state.params["flow"], key, batches.image[0])
    now = optimisers.at_step(run, state.step)
    params, opt_state = adapt.update(now, gradients, state.opt_state["flow"], state.params["flow"])
    average = jax.tree.map(
      lambda old, new: optimisers.moving_average(run.ema_decay, state.step, old, new),
      state.ema,
      {"params": params, "stats": state.stats["flow"]},
    )
    after = State(state.step + 1, {"flow": params}, state.stats, {"flow": opt_state}, average)
    return after, {"loss": value}

  def generate(run, state, z, label=None):
    """Heun's method along the learned velocity."""
    size = 1 / integration_steps

    def velocity(x, t):
      times = jnp.full(x.shape[:1], t)
      return modules.apply(network, state.ema["params"], state.ema["stats"], x, times)[0]

    def move(x, i):
      first = velocity(x, i * size)
      second = velocity(x + size * first, (i + 1) * size)
      return x + size / 2 * (first + second), None

    x, _ = lax.scan(move, z.reshape(-1, *image_shape), jnp.arange(integration_steps))
    return jnp.clip((x + 1) / 2, 0, 1)

  def diagnose(run, state, key, batch):
    return {"val_loss": loss(state.ema["params"], key, batch.image)}

  return genjax.Model(
    init, step, generate, diagnose, latent, criterion="val_loss", averaged="flow", binary=False
  )


COMMON = {"model.name": "flow:make", "data.name": "mnist", "sweep.latents": (784,)}
COMMON |= {"sweep.ema_decay": (0.999,)}
DIGITS = {"data.name": "digits", "data.size": 16, "sweep.latents": (256,), "batch_size": 64}
DIGITS |= {"steps": 600, "eval_every": 300, "model.integration_steps": 10, "sweep.seeds": (0, 1)}
DIGITS |= {"sweep.learning_rate": (2e-3,), "sweep.ema_decay": (0.99,)}
VARIANTS = {
  "": COMMON | DIGITS,
  "mnist": COMMON | {"epochs": 5.0, "eval_every": 1000, "sweep.seeds": (0, 1, 2, 3, 4)},
}


def get_config(variant=""):
  config = genjax_config.variant("flow:make", VARIANTS, variant)
  name = variant.removesuffix("smoke").removesuffix(",")
  config.sweep.latents = VARIANTS[name]["sweep.latents"]  # also where everything else is small
  if variant.endswith("smoke"):
    config.model.integration_steps = 2
  return config
