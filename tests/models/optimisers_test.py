"""Optimisers against the formulas of Keras and PyTorch, written out in float64."""

import itertools

import jax.numpy as jnp
import numpy as np
import pytest
from systems import run

from genjax.models import optimisers

RATE, B1, B2 = 1e-2, 0.5, 0.999


def keras_adam(gradients, B2=B2):  # noqa: N803 (as the papers have it)
  """keras/src/optimizers/adam.py, `update_step`."""
  w = m = v = 0.0
  for t, g in enumerate(gradients, 1):
    alpha = RATE * np.sqrt(1 - B2**t) / (1 - B1**t)
    m += (g - m) * (1 - B1)
    v += (g**2 - v) * (1 - B2)
    w -= m * alpha / (np.sqrt(v) + 1e-7)
  return w


def torch_adam(gradients, B2=B2):  # noqa: N803
  """torch/optim/adam.py, `_single_tensor_adam`."""
  w = m = v = 0.0
  for t, g in enumerate(gradients, 1):
    m = B1 * m + (1 - B1) * g
    v = B2 * v + (1 - B2) * g**2
    w -= RATE / (1 - B1**t) * m / (np.sqrt(v) / np.sqrt(1 - B2**t) + 1e-8)
  return w


def _rmsprop(decay, denominator):
  def formula(gradients):
    w = v = 0.0
    for g in gradients:
      v = decay * v + (1 - decay) * g**2
      w -= RATE * g / denominator(v)
    return w

  return formula


FORMULAS = {
  ("adam", "keras"): keras_adam,
  ("adam", "keras3"): keras_adam,
  ("adam", "torch"): torch_adam,
  ("adam", "optax"): torch_adam,
  # tensorflow/python/keras/optimizer_v2/rmsprop.py without momentum.
  ("rmsprop", "keras"): _rmsprop(0.9, lambda v: np.sqrt(v) + 1e-7),
  # keras/src/optimizers/rmsprop.py.
  ("rmsprop", "keras3"): _rmsprop(0.9, lambda v: np.sqrt(v + 1e-7)),
  # torch/optim/rmsprop.py.
  ("rmsprop", "torch"): _rmsprop(0.99, lambda v: np.sqrt(v) + 1e-8),
  ("rmsprop", "optax"): _rmsprop(0.9, lambda v: np.sqrt(v + 1e-8)),
}


def _moved(optimiser, rule, gradients, **numbers):
  """Where a weight comes that begins at 0."""
  made, a_run = optimisers.make(optimiser, rule), run(learning_rate=(RATE,), b1=(B1,), **numbers)
  w = jnp.zeros(())
  state = made.init(a_run, w)
  for g in gradients:
    w, state = made.update(a_run, jnp.asarray(g, jnp.float32), state, w)
  return float(w)


# Large gradients, those of a clipped critic, and some near epsilon, where its place shows.
@pytest.mark.parametrize("size", [1.0, 1e-4, 1e-7])
@pytest.mark.parametrize(("optimiser", "rule"), FORMULAS)
def test_steps_are_those_of_the_frameworks_formula(optimiser, rule, size):
  gradients = size * np.random.default_rng(0).normal(size=6)
  expected = FORMULAS[optimiser, rule](gradients)
  np.testing.assert_allclose(_moved(optimiser, rule, gradients), expected, rtol=1e-4)


@pytest.mark.parametrize(("rule", "formula"), [("keras", keras_adam), ("torch", torch_adam)])
def test_adam_s_second_decay_is_a_run_s(rule, formula):
  gradients = np.random.default_rng(0).normal(size=6)
  moved = {b2: _moved("adam", rule, gradients, b2=(b2,)) for b2 in (0.9, 0.999)}
  np.testing.assert_allclose(moved[0.9], formula(gradients, 0.9), rtol=1e-4)
  assert abs(moved[0.9] - moved[0.999]) > 1e-3 * abs(moved[0.9])


def test_every_rule_is_checked():
  assert set(FORMULAS) == set(itertools.product(("adam", "rmsprop"), optimisers.RULES))


def test_the_rules_differ_where_gradients_are_small():
  gradients = [1e-5] * 4
  moved = {rule: -_moved("rmsprop", rule, gradients) for rule in optimisers.RULES}
  assert moved["torch"] > moved["keras"] > 5 * moved["optax"] > 10 * moved["keras3"]
