"""Images of one run at given latents, whatever their axes."""

import draws
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import systems

from genjax.models import generation


@pytest.fixture(scope="module")
def conditional():
  name = next(n for n in systems.SYSTEMS if systems.small(n).num_classes)
  model, run = systems.small(name), systems.run()
  return model, (run, jax.jit(model.init)(run))


def _images(model, row, z, label, **how):
  """In one program."""
  return jax.jit(lambda z, label: generation.images(model, row, z, label, **how))(z, label)


def test_labels_take_turns_over_the_last_axes(conditional):
  model, row = conditional
  z = draws.normal(0, (2, 3, model.latent))
  found = generation.images(model, row, z, jnp.arange(3))
  expected = model.generate(*row, z.reshape(6, -1), jnp.array([0, 1, 2, 0, 1, 2]))
  np.testing.assert_array_equal(found.reshape(expected.shape), expected)


def test_some_at_once_are_the_same_and_are_finished(conditional):
  model, row = conditional
  z, label = draws.normal(0, (5, model.latent)), jnp.arange(5) % 2
  whole = _images(model, row, z, label)
  parts = _images(model, row, z, label, at_once=2, finish=lambda x: 2 * x)
  np.testing.assert_allclose(parts, 2 * whole, atol=1e-5)
  weights = jax.nn.one_hot(label, model.num_classes)
  np.testing.assert_allclose(_images(model, row, z, weights), whole, atol=1e-5)


def test_a_conditional_model_takes_a_label(conditional):
  model, row = conditional
  with pytest.raises(ValueError, match="classes generates by label; got none"):
    generation.images(model, row, jnp.zeros((1, model.latent)))
