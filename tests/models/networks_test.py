"""Layers and parameter counts of the reference systems."""

import functools
import pathlib
import runpy

import draws
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from systems import COLOUR, IMAGE, SYSTEMS, batches, digits, run, small

from genjax import models
from genjax.models import layers, modules, networks
from genjax.types import UserError

CONFIGS = pathlib.Path(__file__).parents[2] / "configs"


def _build(name, framework="torch"):
  """Networks for a latent of 3, of width 8."""
  known, defaults = networks.VAES if "vae" in name else networks.GANS, (framework, framework)
  return networks.build(known, name, IMAGE, 3, 8, 0, 0, 0.2, *defaults)


def _full(name):
  system = SYSTEMS[name]
  model = models.build(system.model, system.shape, 10, system.latent)
  return jax.eval_shape(model.init, run(latents=(system.latent,)))


@pytest.mark.parametrize("name", SYSTEMS)
def test_parameter_counts_are_those_of_the_report(name):
  state, system = _full(name), SYSTEMS[name]
  for part, expected in (("params", system.params), ("stats", system.stats)):
    counts = {player: modules.count(tree) for player, tree in getattr(state, part).items()}
    assert {player: count for player, count in counts.items() if count} == expected


# Of encoder and decoder, or of generator and critic: sums that the reports print, or that one can
# do by hand.
VARIANTS = [
  ({"name": "vae", "width": 256}, IMAGE, 2, (785 * 256 + 4 * 257, 3 * 256 + 257 * 784)),
  ({"name": "vae", "width": 512}, IMAGE, 2, (403_972, 403_728)),
  ({"name": "vae", "width": 1024}, IMAGE, 2, (785 * 1024 + 4 * 1025, 3 * 1024 + 1025 * 784)),
  ({"name": "vae", "width": 512}, COLOUR, 2, (1_575_428, 1_577_472)),
  ({"name": "vae", "depth": 12}, IMAGE, 2, (403_972 + 5 * 512 * 513, 403_728 + 5 * 512 * 513)),
  (
    {"name": "gan", "network": "dense", "width": 1024},
    COLOUR,
    100,
    (101 * 1024 + 1025 * 2048 + 2049 * 3072, 3073 * 512 + 513 * 256 + 257),
  ),
  ({"name": "gan", "network": "dense", "width": 128, "depth": 2}, IMAGE, 100, (114_064, 533_505)),
  (
    {"name": "gan", "network": "dense", "width": 128, "depth": 6},
    IMAGE,
    100,
    (101 * 128 + 129 * 256 + 257 * 512 + 513 * 1024 + 1025 * 1024 + 1025 * 784, 533_505),
  ),
]


@pytest.mark.parametrize(("model", "shape", "latent", "expected"), VARIANTS)
def test_counts_of_other_widths_and_depths(model, shape, latent, expected):
  built = models.build(model, shape, 10, latent)
  params = jax.eval_shape(built.init, run(latents=(latent,))).params
  players = ("encoder", "decoder") if model["name"] == "vae" else ("generator", "critic")
  assert tuple(modules.count(params[player]) for player in players) == expected


def test_networks_of_one_name_have_one_framework():
  """As a config's "report" is looked up by the name alone."""
  for known in networks.NETWORKS.values():
    for name, entry in known.items():
      assert networks.default_of(name, "report") == entry.framework
      assert networks.default_of(name, "torch") == "torch"


def test_every_network_is_tested():
  for kind, known in networks.NETWORKS.items():
    models_of_kind = [s.model for s in SYSTEMS.values() if s.model["name"] == kind]
    assert {model["network"] for model in models_of_kind} == set(known)


def test_depth_halves_between_encoder_and_decoder():
  model = models.build({"name": "vae", "width": 8, "depth": 6}, IMAGE, 10, 2)
  params = jax.eval_shape(model.init, run(latents=(2,))).params
  hidden = [name for name in params["encoder"] if name.startswith("Dense")]
  assert len(hidden) == 3
  assert len(params["decoder"]) == 3 + 1  # and the pixels


@functools.cache
def _begun(name):
  """A small system, its first state and its images of a state."""
  model = small(name)
  return model, jax.jit(model.init)(run()), jax.jit(functools.partial(model.generate, run()))


@pytest.mark.parametrize("name", SYSTEMS)
def test_images_have_their_shape_and_range(name):
  _, state, generate = _begun(name)
  images = generate(state, draws.normal(0, (8, 3), 3), jnp.arange(8))
  assert images.shape == (8, *SYSTEMS[name].shape)
  assert float(images.min()) >= 0
  assert float(images.max()) <= 1
  assert float(images.std()) > 1e-3


@pytest.mark.parametrize("name", [n for n, s in SYSTEMS.items() if s.model["name"] == "gan"])
def test_the_image_range_is_that_of_the_output(name):
  model, state, _ = _begun(name)
  z, label = draws.normal(0, (8, 3), 100), jnp.arange(8)
  params, stats = state.params["generator"], state.stats["generator"]
  apply = jax.jit(functools.partial(modules.apply, model.networks.generator))
  # Large weights drive the last activation to both of its ends.
  images, _ = apply(jax.tree.map(lambda w: 30 * np.asarray(w), params), stats, z, label)
  low, high = model.networks.image_range
  assert low <= float(images.min()) <= low + 0.05
  assert high - 0.05 <= float(images.max()) <= high


@pytest.mark.parametrize("name", ["s4_cgan", "cgan_mnist", "cgan_cifar10", "dcgan_projection"])
def test_conditional_networks_see_the_label(name):
  model, state, generate = _begun(name)
  images = generate(state, jnp.ones((8, 3)), jnp.arange(8))
  assert float(jnp.abs(images[3] - images[4]).max()) > 1e-4
  grey = jnp.ones((2, *SYSTEMS[name].shape)) / 2
  scores = jax.jit(model.score)(run(), state, grey, jnp.array([3, 4]))
  assert abs(float(scores[0] - scores[1])) > 1e-6


def test_a_projection_adds_the_product_of_features_and_the_class_s_vector():
  """By the critic that reads no label, whose last layer then has such a vector for its kernel."""
  image, label = batches(small("dcgan")).image[0][:4], jnp.array([3, 0, 9, 3])
  critic, plain = (
    networks.build(networks.GANS, name, IMAGE, 3, 8, num_classes=10).critic
    for name in ("dcgan_projection", "dcgan_plain")
  )
  init, project, score = map(jax.jit, (
    functools.partial(modules.init, critic),
    lambda *given: modules.apply(critic, *given)[0],
    lambda *given: modules.apply(plain, *given)[0],
  ))  # fmt: skip
  params = jax.device_get(init(jax.random.key(0), image, label)[0])
  expected, last = np.array(score(params, {}, image)), params["Dense_0"]
  for i, one in enumerate(np.asarray(label)):
    vector = {"kernel": params["classes"]["kernel"][:, one, None], "bias": 0 * last["bias"]}
    expected[i] += score(params | {"Dense_0": vector}, {}, image)[i]
  scores = np.asarray(project(params, {}, image, label))
  np.testing.assert_allclose(scores, expected, rtol=1e-5)
  assert abs(scores - project(params, {}, image, label + 1))[0] > 0.01


def test_dropout_acts_in_training_alone():
  critic = _build("s4_gan").critic
  image = batches(small("s4_gan")).image[0]
  params, stats = jax.jit(functools.partial(modules.init, critic))(jax.random.key(0), image)
  apply = jax.jit(lambda key: modules.apply(critic, params, stats, image, key=key)[0])
  first, second = (np.asarray(apply(jax.random.key(i))) for i in (1, 2))
  assert abs(first - second).max() > 1e-3
  still, _ = modules.apply(critic, params, stats, image)  # operation by operation
  np.testing.assert_allclose(apply(None), still, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
  ("framework", "momentum", "epsilon"), [("keras", 0.99, 1e-3), ("torch", 0.9, 1e-5)]
)
def test_batch_norm_uses_the_batch_in_training_and_its_average_afterwards(
  framework, momentum, epsilon
):
  critic = _build("s1_wgan", framework).critic
  image = batches(small("s1_gan")).image[0]
  params, stats = jax.jit(functools.partial(modules.init, critic))(jax.random.key(0), image)
  train = jax.jit(lambda key: modules.apply(critic, params, stats, image, key=key))
  _, new = train(jax.random.key(1))
  before, after = stats["BatchNorm_0"]["var"], new["BatchNorm_0"]["var"]
  np.testing.assert_array_equal(before, 1)
  # The activations' own variance, by slower means.
  activations = jax.jit(layers.Conv(4, 4, 2).apply)({"params": params["Conv_0"]}, image)
  own = np.asarray(activations).reshape(-1, 4).var(0)
  np.testing.assert_allclose(after, momentum * before + (1 - momentum) * own, rtol=1e-4)
  _, unchanged = modules.apply(critic, params, stats, image)
  assert unchanged is stats
  # Afterwards what a statistic of 0 leaves is divided by the root of epsilon.
  none = {"BatchNorm_0": {"mean": jnp.zeros(4), "var": jnp.zeros(4)}}
  layer = {"params": {k: params["BatchNorm_0"][k] for k in ("scale", "bias")}}
  flat = critic.layers.batch_norm(train=False).apply(
    layer | {"batch_stats": none["BatchNorm_0"]}, jnp.ones((1, 4))
  )
  np.testing.assert_allclose(flat, epsilon**-0.5, rtol=1e-5)


@pytest.mark.parametrize(
  ("changes", "shape", "message"),
  [
    ({"network": "s9"}, IMAGE, "model.network 's9' is unknown: one of dense, s1_gan"),
    (
      {},
      COLOUR,
      r"'s1_gan' takes images of \(28, 28, 1\), and the data's are \(32, 32, 3\), for which there "
      r"are configs/gan_cifar10.py:s1, .*configs/cgan_cifar10.py:s1_layers, .*network=dense",
    ),
    (
      {"network": "s4_gan"},
      (9, 9, 1),
      r"\(9, 9, 1\), .* there are --config.model.network=dense, .*=s3_gan; .*size=28 .*channels=1",
    ),
    (
      {"network": "s4_cgan"},
      COLOUR,
      r"are configs/cgan_cifar10.py:s1_layers, --config.model.network=dcgan_conditional, "
      r"--config.model.network=dcgan_projection; .*size=28",
    ),
    ({"network": "s4_cgan"}, (9, 9, 1), "for which there are no networks yet"),
    (
      {"network": "dcgan"},
      (9, 9, 1),
      r"\(9, 9, 1\), and a pyramid halves .* --config.data.size=28",
    ),
    ({"network": "dcgan"}, (28, 42, 1), "halves height and width"),
    (
      {"network": "s1_gan", "depth": 4},
      IMAGE,
      "layers: expected 0, .* dense",
    ),
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


@pytest.mark.parametrize(
  ("shape", "base"),
  [
    (IMAGE, (7, 7, 64)),
    (COLOUR, (4, 4, 128)),
    ((64, 64, 3), (4, 4, 256)),
    ((32, 48, 1), (4, 6, 128)),
  ],
)
def test_a_pyramid_fits_images_that_can_be_halved(shape, base):
  """Down to `base`: the last layer of the critic, before its score, reads as many numbers."""
  model = models.build({"name": "gan", "network": "dcgan_conditional"}, shape, 10, 5)
  one, label = run(latents=(5,)), jnp.arange(2)
  state = jax.eval_shape(model.init, one)
  assert state.params["generator"]["latent"]["kernel"].shape == (5 + 10, np.prod(base))
  assert state.params["critic"]["Dense_0"]["kernel"].shape == (np.prod(base), 1)
  z = jax.ShapeDtypeStruct((2, 5), jnp.float32)
  images = jax.eval_shape(lambda state, z: model.generate(one, state, z, label), state, z)
  assert images.shape == (2, *shape)
  scores = jax.eval_shape(lambda state, x: model.score(one, state, x, label), state, images)
  assert scores.shape == (2,)


def test_odd_depth_is_refused():
  with pytest.raises(UserError, match="even number"):
    models.build({"name": "vae", "depth": 3}, IMAGE, 10, 3)


def test_the_lstm_by_numpy():
  """Rows from the top, and the last h; with a forget gate (Gers et al. 2000)."""
  encoder = _build("s3_vae").encoder
  image = jnp.asarray(digits().train.image[:4], jnp.float32) / 255
  params, _ = jax.jit(functools.partial(modules.init, encoder))(jax.random.key(0), image)
  (mean, logvar), _ = jax.jit(functools.partial(modules.apply, encoder))(params, {}, image)
  params = jax.tree.map(np.asarray, params)
  cell = next(layer for name, layer in params.items() if "LSTM" in name)
  h, c = np.zeros((4, 8)), np.zeros((4, 8))
  for row in np.moveaxis(np.asarray(image)[..., 0], 1, 0):
    gates = row @ cell["input_kernel"] + cell["input_bias"]
    gates = gates + h @ cell["recurrent_kernel"] + cell["recurrent_bias"]
    i, f, g, o = np.split(gates, 4, -1)  # PyTorch's order, and Keras'
    i, f, o = (1 / (1 + np.exp(-np.asarray(gate, np.float64))) for gate in (i, f, o))
    c = f * c + i * np.tanh(g)
    h = o * np.tanh(c)
  for found, layer in ((mean, params["mean"]), (logvar, params["logvar"])):
    np.testing.assert_allclose(found, h @ layer["kernel"] + layer["bias"], atol=1e-5)


def test_max_pool_keeps_the_largest():
  x = jnp.asarray(np.random.default_rng(0).normal(size=(2, 4, 8, 3)), jnp.float32)
  for size in (2, 4):
    pooled = layers.max_pool(size).apply({}, x)
    slow = np.array(
      [
        [[x[b, i : i + size, j : j + size].max((0, 1)) for j in range(0, 8, size)]
        for i in range(0, 4, size)]
        for b in range(2)
      ]
    )  # fmt: skip
    np.testing.assert_array_equal(pooled, slow)


def test_every_config_that_an_error_names_is_there():
  for name, entry in [*networks.VAES.items(), *networks.GANS.items()]:
    file, _, variant = entry.config.partition(":")
    wanted = runpy.run_path(str(CONFIGS / file))["get_config"](variant)
    coloured = entry.shape == COLOUR or name == "dcgan_projection"  # which fits both
    assert wanted.data.name == ("cifar10" if coloured else "mnist")
    assert wanted.model.network == name
