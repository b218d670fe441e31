"""One step of a VAE: its terms by slower means, and its figures."""

import functools

import draws
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats
from systems import SYSTEMS, assert_trees_close, assert_trees_equal, batches, run, small

from genjax.models import modules
from genjax.rng import Stream, latent_noise, stream

VAES = [name for name, system in SYSTEMS.items() if system.model["name"] == "vae"]


def _state(model, a_run):
  return jax.jit(model.init)(a_run)


def test_the_loss_is_the_mean_of_reconstruction_and_weighted_kl():
  """Against the same terms written out with numpy, sum over pixels, mean over the batch."""
  model, a_run = small("s2_vae"), run(kl_weight=(0.25,))
  state, batch = _state(model, a_run), batches(model)
  _, metrics = jax.jit(model.step)(a_run, state, batch)
  image = batch.image[0]
  mean, logvar = (np.asarray(part, np.float64) for part in model.encode(a_run, state, image))
  noise_key = jax.random.split(stream(a_run.key, Stream.STEP, 0), 3)[1]
  z = mean + np.exp(logvar / 2) * np.asarray(latent_noise(noise_key, mean.shape))
  p = np.asarray(model.generate(a_run, state, jnp.asarray(z, jnp.float32)), np.float64)
  x = np.asarray(image)
  reconstruction = -(x * np.log(p) + (1 - x) * np.log(1 - p)).sum((1, 2, 3)).mean()
  kl = (0.5 * (mean**2 + np.exp(logvar) - 1 - logvar)).sum(1).mean()
  np.testing.assert_allclose(metrics["reconstruction"], reconstruction, rtol=1e-4)
  np.testing.assert_allclose(metrics["kl"], kl, rtol=1e-4)
  np.testing.assert_allclose(metrics["loss"], reconstruction + 0.25 * kl, rtol=1e-4)


def test_kl_of_masked_dimensions_does_not_count():
  model = small("s2_vae", latent=4)
  padded = run(latents=(4,))._replace(latent_mask=jnp.array([1.0, 1.0, 0.0, 0.0]))
  state = _state(model, padded)
  flat = jax.tree.map(lambda leaf: leaf[0], batches(model))
  metrics = jax.jit(model.diagnose)(padded, state, jax.random.key(0), flat)
  assert metrics["kl_dim"].shape == (4,)
  assert (metrics["kl_dim"][:2] > 0).all()
  np.testing.assert_array_equal(metrics["kl_dim"][2:], 0)
  np.testing.assert_allclose(metrics["kl_dim"].sum(), metrics["val_kl"], rtol=1e-5)
  np.testing.assert_allclose(
    metrics["val_loss"], metrics["val_reconstruction"] + metrics["val_kl"], rtol=1e-6
  )


def test_a_kl_weight_against_the_mean_over_pixels():
  """Is one of 784 times as much in the ELBO, and a gradient 784 times as small."""
  pixels, moved, found = 28 * 28, {}, {}
  for convention, weight, rate in (("mean", 0.01, 0.1 * pixels), ("sum", 0.01 * pixels, 0.1)):
    model = small("s2_vae", reconstruction=convention, optimiser="sgd")
    a_run = run(kl_weight=(weight,), learning_rate=(rate / 1000,))
    state, metrics = jax.jit(model.step)(a_run, _state(model, a_run), batches(model))
    moved[convention], found[convention] = state.params, metrics
  assert_trees_close(moved["mean"], moved["sum"], rtol=1e-5, atol=1e-7)
  np.testing.assert_allclose(found["mean"]["loss"], found["sum"]["loss"], rtol=1e-6)
  total = found["mean"]["reconstruction"] + 7.84 * found["mean"]["kl"]
  np.testing.assert_allclose(found["mean"]["loss"], total, rtol=1e-6)  # nats an image


def test_a_larger_kl_weight_gives_a_smaller_kl():
  model, batch = small("s2_vae"), batches(small("s2_vae"), 64)
  kl = {}
  for weight in (0.0, 1.0, 100.0):
    a_run = run(kl_weight=(weight,), learning_rate=(1e-2,))
    state, step = _state(model, a_run), jax.jit(model.step)
    for _ in range(80):
      state, metrics = step(a_run, state, batch)
    kl[weight] = float(metrics["kl"])
  assert kl[100.0] < 0.5 < kl[1.0] < kl[0.0]


@pytest.mark.parametrize("optimiser", ["adam", "rmsprop", "sgd"])
def test_no_learning_rate_no_movement(optimiser):
  model = small("s2_vae", optimiser=optimiser)
  still = run(learning_rate=(0.0,))
  state = _state(model, still)
  after, _ = jax.jit(model.step)(still, state, batches(model))
  assert_trees_equal(state.params, after.params)
  assert int(after.step) == 1


def test_generate_is_the_decoder_and_its_sigmoid():
  model, a_run = small("s2_vae"), run()
  state = _state(model, a_run)
  z = draws.normal(0, (4, 3))
  decode = jax.jit(functools.partial(modules.apply, model.networks.decoder))
  logits, _ = decode(state.params["decoder"], {}, z)
  found = jax.jit(model.generate)(a_run, state, z)
  np.testing.assert_allclose(found, 1 / (1 + np.exp(-np.asarray(logits))), atol=1e-6)


def test_the_importance_weighted_bound_written_out():
  """Against densities by numpy, for the same latents."""
  model, a_run = small("s2_vae", samples=4), run()
  state, batch = _state(model, a_run), batches(model)
  # Away from the start, where posterior and prior are nearly the same.
  state.params["encoder"]["mean"]["bias"] += jnp.array([0.5, -1.0, 0.2])
  state.params["encoder"]["logvar"]["bias"] += jnp.array([-1.0, 0.3, -2.0])
  _, metrics = jax.jit(model.step)(a_run, state, batch)
  x = np.asarray(batch.image[0], np.float64)
  encoded = jax.jit(model.encode)(a_run, state, batch.image[0])
  mean, logvar = (np.asarray(part, np.float64) for part in encoded)
  generate = jax.jit(model.generate)
  noise_key = jax.random.split(stream(a_run.key, Stream.STEP, 0), 3)[1]
  noise = np.asarray(latent_noise(noise_key, (4 * 16, 3)), np.float64).reshape(4, 16, 3)
  weights = []
  for s in range(4):
    z = mean + np.exp(logvar / 2) * noise[s]
    p = np.asarray(generate(a_run, state, z.astype(np.float32)), np.float64)
    log_x = (x * np.log(p) + (1 - x) * np.log(1 - p)).sum((1, 2, 3))
    log_prior = stats.norm.logpdf(z).sum(1)
    log_posterior = stats.norm.logpdf(z, mean, np.exp(logvar / 2)).sum(1)
    weights.append(log_x + log_prior - log_posterior)
  bound = np.log(np.mean(np.exp(weights - np.max(weights, 0)), 0)) + np.max(weights, 0)
  np.testing.assert_allclose(metrics["loss"], -bound.mean(), rtol=1e-4)
  assert float(metrics["loss"]) < -np.mean(weights)  # the mean is what one sample each would give


def test_masked_dimensions_do_not_weigh():
  """The bound of a padded run is that of the narrow network, whatever the mask's noise is."""
  wide, narrow = small("s2_vae", latent=5, samples=3), small("s2_vae", latent=2, samples=3)
  padded = run(latents=(5,))._replace(latent_mask=jnp.array([1.0, 1.0, 0.0, 0.0, 0.0]))
  alone = run(latents=(2,))
  flat = jax.tree.map(lambda leaf: leaf[0], batches(wide))
  losses = [
    jax.jit(model.diagnose)(a_run, _state(model, a_run), jax.random.key(0), flat)["val_loss"]
    for model, a_run in ((wide, padded), (narrow, alone))
  ]
  np.testing.assert_allclose(*losses, rtol=1e-5)


# After one step at seed 0 on the first 16 training digits. Change these figures only with a change
# that is meant to change what is computed, and say so in its message.
GOLDEN = {
  "s0_vae": {"kl": 0.146719, "loss": 544.564, "reconstruction": 544.418},
  "s1_vae": {"kl": 0.123483, "loss": 551.539, "reconstruction": 551.415},
  "s1_vae_cifar10": {"kl": 0.00389404, "loss": 2087.57, "reconstruction": 2087.57},
  "s2_vae": {"kl": 0.312007, "loss": 544.649, "reconstruction": 544.337},
  "iwae": {"kl": 0.312007, "loss": 543.588, "reconstruction": 544.282},
  "s3_vae": {"kl": 0.0168837, "loss": 558.115, "reconstruction": 558.098},
  "s4_vae": {"kl": 0.0319768, "loss": 541.705, "reconstruction": 541.673},
}


@pytest.mark.parametrize("name", VAES)
def test_golden_figures_of_one_step(name):
  model = small(name)
  batch = batches(model, shape=SYSTEMS[name].shape)
  state, metrics = jax.jit(model.step)(run(), _state(model, run()), batch)
  for key, value in GOLDEN[name].items():
    np.testing.assert_allclose(metrics[key], value, rtol=1e-4, err_msg=key)
  _, after = jax.jit(model.step)(run(), state, batch)
  assert float(after["loss"]) < float(metrics["loss"])
