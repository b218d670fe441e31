"""Optimisers as frameworks write them, with numbers that are traced: each run may have its own."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, ArrayLike, Float, Int

from genjax.types import PyTree, Run


def keras_adam(
  learning_rate: Float[Array, ""] | float,
  b1: Float[Array, ""] | float,
  b2: Float[Array, ""] | float = 0.999,
  epsilon: float = 1e-7,
) -> optax.GradientTransformation:
  """Adam as Keras has it: epsilon is added before the second moment's bias is corrected.

  The form at the end of section 2 of Kingma & Ba 2015. PyTorch's and optax's is algorithm 1; an
  equal epsilon weighs 32 times as much here in the first step.
  """

  def update(gradients: PyTree, state: optax.ScaleByAdamState, params: PyTree = None):
    del params
    count = state.count + 1
    mu = jax.tree.map(lambda m, g: b1 * m + (1 - b1) * g, state.mu, gradients)
    nu = jax.tree.map(lambda v, g: b2 * v + (1 - b2) * g**2, state.nu, gradients)
    scale = jnp.sqrt(1 - b2**count) / (1 - b1**count)
    updates = jax.tree.map(lambda m, v: scale * m / (jnp.sqrt(v) + epsilon), mu, nu)
    return updates, optax.ScaleByAdamState(count, mu, nu)

  moments = optax.GradientTransformation(optax.scale_by_adam().init, update)
  return optax.chain(moments, optax.scale_by_learning_rate(learning_rate))


class Rule(NamedTuple):
  """A framework's optimisers with its own constants."""

  adam: Callable  # (learning_rate, b1=..., b2=...) -> optax's transformation
  rmsprop: Callable  # (learning_rate) -> optax's transformation


# Where epsilon stands matters to a clipped critic, whose gradients are small: inside the root 1e-8
# is a floor of 1e-4 under their size.
RULES = {
  # Of the time of the reports (TensorFlow 2.0 to 2.10): epsilon outside the root.
  "keras": Rule(keras_adam, partial(optax.rmsprop, decay=0.9, eps=1e-7, eps_in_sqrt=False)),
  "keras3": Rule(keras_adam, partial(optax.rmsprop, decay=0.9, eps=1e-7, eps_in_sqrt=True)),
  "torch": Rule(optax.adam, partial(optax.rmsprop, decay=0.99, eps=1e-8, eps_in_sqrt=False)),
  "optax": Rule(optax.adam, partial(optax.rmsprop, decay=0.9, eps=1e-8, eps_in_sqrt=True)),
}
OPTIMISERS = {
  "adam": lambda rule, run: rule.adam(run.learning_rate, b1=run.b1, b2=run.b2),
  "rmsprop": lambda rule, run: rule.rmsprop(run.learning_rate),
  "sgd": lambda rule, run: optax.sgd(run.learning_rate),
}


def at_step(run: Run, step: Int[Array, ""]) -> Run:
  """The run with the learning rates that it has at a step: they may fall linearly to 0."""
  left = jnp.where(run.decay_steps > 0, 1 - step / jnp.maximum(run.decay_steps, 1), 1.0)
  left = jnp.maximum(left, 0.0)
  return run._replace(
    learning_rate=left * run.learning_rate,
    critic_learning_rate=left * run.critic_learning_rate,
  )


def of_critic(run: Run) -> Run:
  """The run as the critic's optimiser reads it (two time scales, Heusel et al. 2017)."""
  own = run.critic_learning_rate
  return run._replace(learning_rate=jnp.where(own > 0, own, run.learning_rate))


class Optimiser(NamedTuple):
  """An optimiser as pure functions of one run."""

  init: Callable[[Run, PyTree], PyTree]  # its state before the first step
  # (run, gradients, opt_state, params) -> (params, opt_state) after a step
  update: Callable[[Run, PyTree, PyTree, PyTree], tuple[PyTree, PyTree]]


def make(optimiser: str, rule: str) -> Optimiser:
  """An optimiser of `OPTIMISERS` with the constants of `RULES`."""
  of_run = partial(OPTIMISERS[optimiser], RULES[rule])

  def update(run: Run, gradients: PyTree, opt_state: PyTree, params: PyTree):
    updates, opt_state = of_run(run).update(gradients, opt_state, params)
    return optax.apply_updates(params, updates), opt_state

  return Optimiser(lambda run, params: of_run(run).init(params), update)


def moving_average(
  decay: Float[ArrayLike, ""],
  step: Int[ArrayLike, ""],
  average: Float[ArrayLike, "*shape"],
  new: Float[ArrayLike, "*shape"],
) -> Float[Array, "*shape"]:
  """Exponential average, a short one at first, so that the first weights are soon forgotten."""
  decay = jnp.minimum(decay, (1 + step) / (10 + step))
  return decay * average + (1 - decay) * new
