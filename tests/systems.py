"""The reference systems at test size, and small real images: what several test files share."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from genjax import data, models, sweep
from genjax.types import Batch, Model, Run

IMAGE = (28, 28, 1)


class System(NamedTuple):
  model: dict  # a config's model keys
  latent: int  # of the report
  params: dict  # player -> trained parameters at the report's width
  totals: dict  # with running statistics


SYSTEMS = {
  "s2_vae": System(
    {"name": "vae", "network": "dense", "width": 512, "depth": 2},
    2,
    {"encoder": 403_972, "decoder": 403_728},
    {"encoder": 403_972, "decoder": 403_728},
  ),
  "s1_gan": System(
    {"name": "gan", "network": "s1_gan", "width": 128},
    100,
    {"critic": 69_825, "generator": 1_164_289},
    {"critic": 69_825, "generator": 1_164_289},
  ),
  "s1_wgan": System(
    {
      "name": "gan",
      "network": "s1_wgan",
      "width": 128,
      "loss": "wasserstein",
      "regulariser": "clip",
      "critic_steps": 2,
      "optimiser": "rmsprop",
    },
    50,
    {"critic": 70_081, "generator": 851_201},
    {"critic": 70_337, "generator": 851_713},
  ),
  "s4_gan": System(
    {"name": "gan", "network": "s4_gan", "width": 128},
    100,
    {"critic": 212_865, "generator": 2_305_472},
    {"critic": 212_865, "generator": 2_330_944},
  ),
  "s4_cgan": System(
    {"name": "gan", "network": "s4_cgan", "width": 128},
    128,
    {"critic": 80_385, "generator": 1_491_215},
    {"critic": 80_385, "generator": 1_491_215},
  ),
}


def small(name: str, latent: int = 3, **changes) -> Model:
  """The system with narrow layers."""
  return models.build(SYSTEMS[name].model | {"width": 8} | changes, IMAGE, 10, latent)


def runs(seeds=(0,), latents=(3,), **numbers) -> Run:
  return sweep.runs(sweep.table(seeds=seeds, latents=latents, **numbers))


def run(latents=(3,), **numbers) -> Run:
  """The first of such runs, without the leading axis."""
  return jax.tree.map(lambda leaf: leaf[0], runs(latents=latents, **numbers))


def digits() -> data.Splits:
  return data.load("digits")


def batches(model: Model, size: int = 16, first: int = 0) -> Batch:
  """Real digits for one step of a model: leaves [K, B, ...]."""
  K = model.batches_per_step
  split = digits().train
  part = slice(first, first + K * size)
  image = jnp.asarray(split.image[part], jnp.float32) / 255
  label = jnp.asarray(split.label[part])
  return Batch(image.reshape(K, size, *image.shape[1:]), label.reshape(K, size))


def assert_trees_close(a, b, rtol=0.0, atol=0.0):
  for (path, x), y in zip(jax.tree.leaves_with_path(a), jax.tree.leaves(b), strict=True):
    if jnp.issubdtype(x.dtype, jax.dtypes.prng_key):
      x, y = jax.random.key_data(x), jax.random.key_data(y)
    np.testing.assert_allclose(x, y, rtol=rtol, atol=atol, err_msg=jax.tree_util.keystr(path))


def assert_trees_equal(a, b):
  for (path, x), y in zip(jax.tree.leaves_with_path(a), jax.tree.leaves(b), strict=True):
    np.testing.assert_array_equal(x, y, err_msg=jax.tree_util.keystr(path))
