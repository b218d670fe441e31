"""Layers and parameter counts of the reference systems."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from systems import IMAGE, SYSTEMS, batches, run, small

from genjax import models, networks
from genjax.types import UserError


def _full(name):
  system = SYSTEMS[name]
  model = models.build(system.model, IMAGE, 10, system.latent)
  return jax.eval_shape(model.init, run(latents=(system.latent,)))


@pytest.mark.parametrize("name", SYSTEMS)
def test_parameter_counts_are_those_of_the_report(name):
  state, system = _full(name), SYSTEMS[name]
  params = {player: networks.count(tree) for player, tree in state.params.items()}
  totals = {player: params[player] + networks.count(state.stats[player]) for player in params}
  assert params == system.params
  assert totals == system.totals


@pytest.mark.parametrize(
  ("width", "encoder", "decoder"), [(256, 201_988 + 0, 202_256), (1024, 807_940, 806_672)]
)
def test_dense_vae_widths_count_by_arithmetic(width, encoder, decoder):
  # 784 w + w, then 2 (2 w + 2); 2 w + w, then 784 w + 784.
  assert encoder == 785 * width + 4 * width + 4
  assert decoder == 3 * width + 784 * width + 784
  state = jax.eval_shape(
    models.build({"name": "vae", "width": width}, IMAGE, 10, 2).init, run(latents=(2,))
  )
  assert networks.count(state.params["encoder"]) == encoder
  assert networks.count(state.params["decoder"]) == decoder


def test_depth_halves_between_encoder_and_decoder():
  model = models.build({"name": "vae", "width": 8, "depth": 6}, IMAGE, 10, 2)
  params = jax.eval_shape(model.init, run(latents=(2,))).params
  hidden = [name for name in params["encoder"] if name.startswith("Dense")]
  assert len(hidden) == 3
  assert len(params["decoder"]) == 3 + 1  # and the pixels


@pytest.mark.parametrize("name", SYSTEMS)
def test_images_have_their_shape_and_range(name):
  model = small(name)
  state = jax.jit(model.init)(run())
  z = 3 * jax.random.normal(jax.random.key(0), (5, 3))
  images = jax.jit(model.generate)(run(), state, z, jnp.arange(5))
  assert images.shape == (5, 28, 28, 1)
  assert float(images.min()) >= 0
  assert float(images.max()) <= 1
  assert float(images.std()) > 1e-3


@pytest.mark.parametrize("name", [n for n, s in SYSTEMS.items() if s.model["name"] == "gan"])
def test_the_image_range_is_that_of_the_output(name):
  pair = networks.gan(SYSTEMS[name].model["network"], IMAGE, 8, 10)
  z, label = 100 * jax.random.normal(jax.random.key(0), (8, 3)), jnp.arange(8)
  params, stats = networks.init(pair.generator, jax.random.key(1), z, label)
  # Large weights drive the last activation to both of its ends.
  images, _ = networks.apply(
    pair.generator, jax.tree.map(lambda w: 30 * w, params), stats, z, label
  )
  low, high = pair.image_range
  assert low <= float(images.min()) <= low + 0.05
  assert high - 0.05 <= float(images.max()) <= high


def test_conditional_networks_see_the_label():
  model = small("s4_cgan")
  state = jax.jit(model.init)(run())
  z = jnp.ones((2, 3))
  images = model.generate(run(), state, z, jnp.array([3, 4]))
  assert float(jnp.abs(images[0] - images[1]).max()) > 1e-4
  scores = model.score(run(), state, jnp.ones((2, 28, 28, 1)) / 2, jnp.array([3, 4]))
  assert abs(float(scores[0] - scores[1])) > 1e-6


def test_dropout_acts_in_training_alone():
  critic = networks.S4Critic(8)
  image = batches(small("s4_gan")).image[0]
  params, stats = networks.init(critic, jax.random.key(0), image)
  first, _ = networks.apply(critic, params, stats, image, key=jax.random.key(1))
  second, _ = networks.apply(critic, params, stats, image, key=jax.random.key(2))
  assert float(jnp.abs(first - second).max()) > 1e-3
  still = [networks.apply(critic, params, stats, image)[0] for _ in range(2)]
  np.testing.assert_array_equal(*still)


def test_batch_norm_uses_the_batch_in_training_and_its_average_afterwards():
  critic = networks.S1Critic(8, batch_norm=True)
  image = batches(small("s1_gan")).image[0]
  params, stats = networks.init(critic, jax.random.key(0), image)
  _, new = networks.apply(critic, params, stats, image, key=jax.random.key(1))
  before, after = stats["BatchNorm_0"]["var"], new["BatchNorm_0"]["var"]
  np.testing.assert_array_equal(before, 1)
  # The activations' own variance, by slower means.
  activations = networks.Conv(4, 4, 2).apply({"params": params["Conv_0"]}, image)
  own = np.asarray(activations).reshape(-1, 4).var(0)
  np.testing.assert_allclose(after, 0.9 * before + 0.1 * own, rtol=1e-4)
  _, unchanged = networks.apply(critic, params, stats, image)
  assert unchanged is stats


@pytest.mark.parametrize(
  ("changes", "shape", "message"),
  [
    ({"network": "s9"}, IMAGE, "model.network 's9' is unknown: one of s1_gan"),
    ({}, (32, 32, 3), r"\(28, 28, 1\), and the data has \(32, 32, 3\)"),
    (
      {"network": "s1_wgan", "regulariser": "gradient_penalty"},
      IMAGE,
      "'gradient_penalty' .* batch norm",
    ),
  ],
)
def test_what_cannot_be_built_is_said(changes, shape, message):
  with pytest.raises(UserError, match=message):
    models.build({"name": "gan"} | changes, shape, 10, 3)


def test_odd_depth_is_refused():
  with pytest.raises(UserError, match="even number"):
    models.build({"name": "vae", "depth": 3}, IMAGE, 10, 3)
