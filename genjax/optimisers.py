"""Optimisers whose numbers are traced, so that each run may have its own."""

import optax

from genjax.types import PyTree, Run

OPTIMISERS = {
  "adam": lambda run: optax.adam(run.learning_rate, b1=run.b1),
  "rmsprop": lambda run: optax.rmsprop(run.learning_rate, decay=0.9),
  "sgd": lambda run: optax.sgd(run.learning_rate),
}


def init(optimiser: str, run: Run, params: PyTree) -> PyTree:
  """The optimiser's state before the first step."""
  return OPTIMISERS[optimiser](run).init(params)


def update(
  optimiser: str, run: Run, gradients: PyTree, opt_state: PyTree, params: PyTree
) -> tuple[PyTree, PyTree]:
  """One step: `(params, opt_state)` afterwards."""
  updates, opt_state = OPTIMISERS[optimiser](run).update(gradients, opt_state, params)
  return optax.apply_updates(params, updates), opt_state
