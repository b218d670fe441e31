"""The reference systems at test size, and small real images: what several test files share."""

import functools
import types
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from genjax import data, models
from genjax.training import sweep
from genjax.types import Batch, Model, Run

IMAGE, COLOUR = (28, 28, 1), (32, 32, 3)
WGAN = {
  "name": "gan",
  "loss": "wasserstein",
  "regulariser": "clip",
  "critic_steps": 2,
  "optimiser": "rmsprop",
}


class System(NamedTuple):
  model: dict  # a config's model keys
  latent: int  # of the report
  params: dict  # player -> trained parameters at the report's width
  stats: dict = types.MappingProxyType(
    {}
  )  # player -> the other parameters, batch norm's running statistics
  shape: tuple = IMAGE


def _vae(network, **options):
  return {"name": "vae", "network": network} | options


def _gan(network, **options):
  return {"name": "gan", "network": network} | options


# The reports print most of these counts; the others are arithmetic from their layers.
SYSTEMS = {
  "s0_vae": System(_vae("dense", depth=4), 20, {"encoder": 685_096, "decoder": 675_600}),
  "s1_vae": System(_vae("s1_vae"), 5, {"encoder": 1_462_538, "decoder": 1_462_032}),
  "s1_vae_cifar10": System(
    _vae("s1_vae_cifar10"), 5, {"encoder": 154_826, "decoder": 23_619}, shape=COLOUR
  ),
  "s1_gan": System(_gan("s1_gan"), 100, {"critic": 69_825, "generator": 1_164_289}),
  "s1_gan_cifar10": System(
    _gan("s1_gan_cifar10"), 100, {"critic": 522_497, "generator": 1_466_115}, shape=COLOUR
  ),
  "s1_wgan": System(
    WGAN | {"network": "s1_wgan"},
    50,
    {"critic": 70_081, "generator": 851_201},
    {"critic": 256, "generator": 512},
  ),
  "s1_wgan_cifar10": System(
    WGAN | {"network": "s1_wgan_cifar10"},
    100,
    {"critic": 663_747, "generator": 1_069_379},
    {"critic": 768, "generator": 896},
    COLOUR,
  ),
  # S1's WGAN, of whose critic batch norm has 2 x (128 + 256) trained parameters.
  "wgan_gp_cifar10": System(
    _gan("s1_wgan_gp_cifar10"),  # without its penalty, which takes long to compile
    100,
    {"critic": 662_979, "generator": 1_069_379},
    {"generator": 896},
    COLOUR,
  ),
  "s2_vae": System(_vae("dense"), 2, {"encoder": 403_972, "decoder": 403_728}),
  "s2_gan": System(_gan("dense"), 10, {"critic": 533_505, "generator": 536_592}),
  "s2_wgan": System(WGAN | {"network": "dense"}, 10, {"critic": 533_505, "generator": 536_592}),
  "dense_wgan_gp": System(
    _gan("dense", loss="wasserstein", regulariser="gradient_penalty", critic_steps=2),
    10,
    {"critic": 533_505, "generator": 536_592},
  ),
  "iwae": System(_vae("dense", samples=3), 2, {"encoder": 403_972, "decoder": 403_728}),
  "s3_gan": System(_gan("s3_gan"), 100, {"critic": 533_505, "generator": 579_728}),
  "s3_vae": System(_vae("s3_vae"), 20, {"encoder": 86_056, "decoder": 103_824}),
  "s4_vae": System(_vae("s4_vae"), 2, {"encoder": 69_076, "decoder": 65_089}),
  "s4_gan": System(
    _gan("s4_gan"),
    100,
    {"critic": 212_865, "generator": 2_305_472},
    {"generator": 25_472},
  ),
  "s4_cgan": System(_gan("s4_cgan"), 128, {"critic": 80_385, "generator": 1_491_215}),
  # S1's WGAN with 10 classes: 10 x 6272 more rows of the latent, 16 x 10 x 64 more of a kernel.
  "cgan_mnist": System(
    _gan("s1_cgan"),
    100,
    {"critic": 80_321, "generator": 1_227_521},
    {"critic": 256, "generator": 512},
  ),
  # And on CIFAR-10: 16 x 10 x 256 more of the latent's kernel, 16 x 10 x 64 more of the critic's.
  "cgan_cifar10": System(
    _gan("s1_cgan_cifar10"),
    100,
    {"critic": 673_987, "generator": 1_110_339},
    {"critic": 768, "generator": 896},
    COLOUR,
  ),
}


# A pyramid is no report's. On MNIST the generator has 100 x 49 x 64 + 16 x 64 x 32 + 16 x 32 + 1
# numbers and two for each of 64 + 32 normalised channels; the critic 16 x 32 + 32, 16 x 32 x 64 and
# 49 x 64 + 1, and either two for each of 64 channels or 64 biases.
SYSTEMS |= {
  "dcgan": System(
    _gan("dcgan"),
    100,
    {"critic": 36_577, "generator": 347_073},
    {"critic": 128, "generator": 192},
  ),
  # Singular vectors of 32, 64 and 1 outputs.
  "dcgan_sn": System(
    _gan("dcgan_plain", loss="hinge", spectral_norm=True),
    100,
    {"critic": 36_513, "generator": 347_073},
    {"critic": 97, "generator": 192},
  ),
  "dcgan_r1": System(
    _gan("dcgan_plain", regulariser="r1"),
    100,
    {"critic": 36_513, "generator": 347_073},
    {"generator": 192},
  ),
  # 10 x 49 x 64 more rows of the latent, 16 x 10 x 32 more of a kernel.
  "dcgan_conditional": System(
    _gan("dcgan_conditional"),
    100,
    {"critic": 41_633, "generator": 378_433},
    {"generator": 192},
  ),
  # dcgan_r1's critic, and 10 x 49 x 64 of the classes' vectors.
  "dcgan_projection": System(
    _gan("dcgan_projection", regulariser="r1"),
    100,
    {"critic": 67_873, "generator": 378_433},
    {"generator": 192},
  ),
}


@functools.cache
def small(name: str, latent: int = 3, **changes) -> Model:
  """The system with narrow layers; the same object each time, which is traced and compiled once."""
  system = SYSTEMS[name]
  return models.build(system.model | {"width": 8} | changes, system.shape, 10, latent)


def runs(seeds=(0,), latents=(3,), **numbers) -> Run:
  return sweep.runs(sweep.table(seeds=seeds, latents=latents, **numbers))


def run(latents=(3,), **numbers) -> Run:
  """The first of such runs, without the leading axis."""
  return jax.tree.map(lambda leaf: leaf[0], runs(latents=latents, **numbers))


@functools.cache
def digits(shape=IMAGE) -> data.Splits:
  return data.load("digits", size=shape[0], channels=shape[2])


def batches(model: Model, size: int = 16, first: int = 0, shape=IMAGE) -> Batch:
  """Real digits for one step of a model: leaves [K, B, ...]."""
  K = model.batches_per_step
  split = digits(shape).train
  part = slice(first, first + K * size)
  image = split.image[part].astype(np.float32) / 255
  shaped = image.reshape(K, size, *image.shape[1:]), split.label[part].reshape(K, size)
  return Batch(*jax.device_put(shaped))


def assert_trees_close(a, b, rtol=0.0, atol=0.0):
  for (path, x), y in zip(jax.tree.leaves_with_path(a), jax.tree.leaves(b), strict=True):
    if jnp.issubdtype(x.dtype, jax.dtypes.prng_key):
      x, y = jax.random.key_data(x), jax.random.key_data(y)
    np.testing.assert_allclose(x, y, rtol=rtol, atol=atol, err_msg=jax.tree_util.keystr(path))


def assert_trees_equal(a, b):
  for (path, x), y in zip(jax.tree.leaves_with_path(a), jax.tree.leaves(b), strict=True):
    np.testing.assert_array_equal(x, y, err_msg=jax.tree_util.keystr(path))
