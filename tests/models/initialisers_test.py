"""First weights against the formulas that the frameworks' documentation gives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from systems import assert_trees_close, run, runs, small

from genjax.models import initialisers, layers
from genjax.models.initialisers import INITIALISERS

# Of a dense layer, a convolution and a transposed convolution: [..., I, O].
DENSE, CONV, TRANSPOSED = (100, 6272), (5, 5, 64, 128), (4, 4, 256, 64)
# Fans written out: Keras counts a kernel's receptive field in both. PyTorch takes the second axis
# of the weight, which of a transposed convolution, [I, O, k, k], is O.
BOUNDS = {
  ("keras", DENSE): np.sqrt(6 / (100 + 6272)),
  ("keras", CONV): np.sqrt(6 / (25 * 64 + 25 * 128)),
  ("keras", TRANSPOSED): np.sqrt(6 / (16 * 256 + 16 * 64)),
  ("torch", DENSE): 1 / np.sqrt(100),
  ("torch", CONV): 1 / np.sqrt(25 * 64),
  ("torch", TRANSPOSED): 1 / np.sqrt(16 * 64),
}


@pytest.mark.parametrize(("name", "shape"), BOUNDS)
def test_uniform_kernels_have_the_frameworks_range_and_variance(name, shape):
  bound = BOUNDS[name, shape]
  initialiser, transposed = INITIALISERS[name], shape == TRANSPOSED
  drawn = initialisers.kernel(jax.random.key(0), shape, initialiser, transposed)
  assert drawn.shape == shape
  assert bound * 0.999 < float(jnp.abs(drawn).max()) <= bound * (1 + 1e-6)
  assert float(drawn.min()) < -bound * 0.999
  np.testing.assert_allclose(float(drawn.var()), bound**2 / 3, rtol=0.01)
  assert abs(float(drawn.mean())) < bound * 0.01
  bias = initialisers.bias(jax.random.key(1), (*shape[:-1], 10_000), initialiser, transposed)
  if name == "keras":
    np.testing.assert_array_equal(bias, 0)
  elif not transposed:  # the other's fan in is the number of biases
    assert bound * 0.99 < float(jnp.abs(bias).max()) <= bound * (1 + 1e-6)


@pytest.mark.parametrize("shape", [DENSE, CONV, TRANSPOSED])
def test_normal_kernels_have_their_variance(shape):
  lecun = initialisers.kernel(jax.random.key(0), shape, INITIALISERS["lecun_normal"])
  fan_in = np.prod(shape[:-1])
  np.testing.assert_allclose(float(lecun.std()), fan_in**-0.5, rtol=0.01)
  assert float(jnp.abs(lecun).max()) <= 2 * fan_in**-0.5 / 0.8796  # cut off at two deviations
  normal = initialisers.kernel(jax.random.key(0), shape, INITIALISERS["normal_0.02"])
  np.testing.assert_allclose(float(normal.std()), 0.02, rtol=0.01)
  assert float(jnp.abs(normal).max()) > 0.07  # and not cut off


def test_a_transposed_convolution_of_pytorch_counts_its_outputs():
  """The layer itself, as a network makes it: weight and bias of `ConvTranspose2d(256, 64, 4)`."""
  made = layers.Layers(INITIALISERS["torch"]).conv_transpose(64, 4, 2)
  params = made.init(jax.random.key(0), jnp.zeros((1, 7, 7, 256)))["params"]
  bound = 1 / np.sqrt(64 * 16)
  assert 0.99 * bound < float(jnp.abs(params["kernel"]).max()) <= bound * (1 + 1e-6)
  assert 0.9 * bound < float(jnp.abs(params["bias"]).max()) <= bound * (1 + 1e-6)


@pytest.mark.parametrize("name", INITIALISERS)
@pytest.mark.parametrize("axis", [-2, -1])
def test_the_latent_s_first_numbers_do_not_depend_on_how_many_follow(name, axis):
  wide = initialisers.kernel(jax.random.key(0), (64, 64), INITIALISERS[name], latent=axis)
  shape = (8, 64) if axis == -2 else (64, 8)
  narrow = initialisers.kernel(jax.random.key(0), shape, INITIALISERS[name], latent=axis)
  first = wide[:8] if axis == -2 else wide[:, :8]
  assert float(jnp.abs(narrow).max()) > 0
  np.testing.assert_allclose(first / first.std(), narrow / narrow.std(), rtol=1e-5)


# A latent of 2 in a network for 5, with 3 classes beside it: how much larger its own kernel is.
RATIOS = [
  ("keras", (5 + 3, 40), -2, np.sqrt((8 + 40) / (5 + 40))),
  ("keras", (40, 5), -1, np.sqrt((40 + 5) / (40 + 2))),
  ("keras", (4, 4, 5 + 3, 40), -2, np.sqrt((8 + 40) / (5 + 40))),
  ("torch", (5 + 3, 40), -2, np.sqrt(8 / 5)),
  ("torch", (40, 5), -1, 1),
  ("torch", (4, 4, 5 + 3, 40), -2, 1),  # whose fan in counts the outputs
  ("lecun_normal", (5 + 3, 40), -2, np.sqrt(8 / 5)),
  ("lecun_normal", (40, 5), -1, 1),
  ("normal_0.02", (5 + 3, 40), -2, 1),
]


@pytest.mark.parametrize(("name", "shape", "axis", "ratio"), RATIOS)
def test_a_padded_latent_gets_the_scale_of_its_own_size(name, shape, axis, ratio):
  mask = jnp.array([1.0, 1.0, 0.0, 0.0, 0.0])
  params = {"latent": {"kernel": jnp.ones(shape), "bias": jnp.ones(4)}, "other": 1}
  fitted = initialisers.rescale_latent(params, "latent", axis, mask, INITIALISERS[name])
  np.testing.assert_allclose(fitted["latent"]["kernel"], ratio, rtol=1e-6)
  np.testing.assert_allclose(fitted["latent"]["bias"], ratio, rtol=1e-6)  # drawn by the same rule
  assert fitted["other"] == 1


@pytest.mark.parametrize("initialiser", INITIALISERS)
@pytest.mark.parametrize("name", ["s2_vae", "s1_wgan_cifar10", "s4_cgan"])
def test_a_padded_run_starts_as_the_narrow_one(name, initialiser):
  wide, narrow = (small(name, latent, initialiser=initialiser) for latent in (9, 2))
  padded = jax.jit(wide.init)(jax.tree.map(lambda leaf: leaf[0], runs(latents=(2, 9)))).params
  alone = jax.jit(narrow.init)(run(latents=(2,))).params
  cut = jax.tree.map(lambda x, like: x[tuple(map(slice, like.shape))], padded, alone)
  assert_trees_close(cut, alone, rtol=2e-6)


def test_the_lstm_begins_as_in_its_framework():
  x = jnp.zeros((1, 28, 28))
  keras = layers.LSTM(128, INITIALISERS["keras"]).init(jax.random.key(0), x)["params"]
  bound = np.sqrt(6 / (28 + 4 * 128))  # Keras draws the four gates as one kernel
  assert 0.99 * bound < float(jnp.abs(keras["input_kernel"]).max()) <= bound * (1 + 1e-6)
  rows = keras["recurrent_kernel"]
  np.testing.assert_allclose(rows @ rows.T, np.eye(128), atol=1e-5)
  np.testing.assert_array_equal(
    keras["input_bias"].reshape(4, 128), [[0] * 128, [1] * 128] + [[0] * 128] * 2
  )
  torch = layers.LSTM(128, INITIALISERS["torch"]).init(jax.random.key(0), x)["params"]
  # 4 * 128 * (28 + 128 + 1 + 1): PyTorch has a bias for each of its two products.
  assert sum(leaf.size for leaf in torch.values()) == 80_896
  for leaf in torch.values():
    assert 0.98 / np.sqrt(128) < float(jnp.abs(leaf).max()) <= (1 + 1e-6) / np.sqrt(128)
