"""Errors of reconstructions equal those that a run alone has."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import toys

from genjax.analysis import reconstructions, selection


def test_errors_are_those_of_the_runs_alone(vae):
  path, plan = vae
  (chosen,) = selection.read([path], ["learning_rate=0.001"])
  images = np.asarray(plan.splits.test.image[:150])  # no whole number of batches
  measured = reconstructions.measure(chosen, images, seed=0)
  x = images / np.float32(255)
  for r, run in enumerate(toys.loaded(chosen)):
    mean, logvar = run.encode(x)
    Z = mean.shape[1]
    np.testing.assert_allclose(measured.mean[r, :, :Z], mean, atol=1e-5)
    assert not measured.mean[r, :, Z:].any()
    made = run.generate(mean)
    np.testing.assert_allclose(measured.errors["mse"][r], ((made - x) ** 2).mean(), rtol=1e-5)
    kl = (jnp.exp(logvar) + mean**2 - 1 - logvar).sum() / 2 / len(x)
    np.testing.assert_allclose(measured.errors["kl"][r], kl, rtol=1e-5)
    # Of other samples: equal up to their spread.
    z = mean + jnp.exp(logvar / 2) * jax.random.normal(jax.random.key(9), mean.shape)
    decoded = jnp.clip(run.generate(z), 1e-6, 1 - 1e-6)
    nats = optax.sigmoid_binary_cross_entropy(jnp.log(decoded / (1 - decoded)), x)
    expected = nats.sum() / len(x)
    np.testing.assert_allclose(measured.errors["reconstruction"][r], expected, rtol=0.02)


def test_pictures_are_decoded_from_the_means(vae):
  path, plan = vae
  (chosen,) = selection.read([path], ["0", "5"])
  images = np.asarray(plan.splits.test.image[:4])
  made = reconstructions.reconstructed(chosen, images)
  for r, run in enumerate(toys.loaded(chosen)):
    expected = run.generate(run.encode(images / np.float32(255))[0])
    np.testing.assert_allclose(made[r], expected, atol=1e-5)
