"""The central theorem: a run of a sweep equals the run alone, and a padded run the narrow one."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from systems import SYSTEMS, assert_trees_close, batches, digits, run, runs, small

from genjax import data, programs, sweep
from genjax.types import Progress

STEPS = 3
# Matrix products of other shapes add in another order: a few units in the last place, which the
# division by a small second moment enlarges.
TOLERANCE = {"rtol": 1e-3, "atol": 2e-5}
# A bias before batch norm has no gradient but rounding, which Adam and RMSprop would scale up to a
# whole step: networks with batch norm are compared under plain gradient descent.
OPTIMISER = {"s1_wgan": "sgd", "s4_gan": "sgd"}


def _model(name, latent):
  return small(name, latent, **({"optimiser": OPTIMISER[name]} if name in OPTIMISER else {}))


def _train(model, rows, chunk=0, steps=STEPS):
  """The progress of these runs `[R, ...]` after some steps on digits, and their mean metrics."""
  vectorise = functools.partial(sweep.vectorise, num_runs=len(rows), chunk=chunk)
  all_runs = sweep.runs(rows)
  begin = jax.jit(vectorise(lambda run: Progress.begin(model.init(run))))
  totals = programs.empty_totals(model, all_runs, (28, 28, 1), 16)
  step = jax.jit(vectorise(programs.advance(model, 16)))
  dataset = data.to_device(digits().train)
  return step((all_runs, begin(all_runs), totals), dataset, 0, steps)


def _row(tree, i):
  return jax.tree.map(lambda leaf: leaf[i], tree)


@functools.cache
def _alone(name):
  return _train(_model(name, ROWS[0]["latent"]), ROWS[:1])


ROWS = sweep.table(seeds=(3, 4), latents=(2, 5), learning_rate=(1e-3,))
CHUNKS = [(name, chunk) for name in SYSTEMS for chunk in (1, 4)] + [("s2_vae", 2), ("s2_vae", 3)]


@pytest.mark.parametrize(("name", "chunk"), CHUNKS)
def test_a_row_of_the_sweep_equals_the_run_alone(name, chunk):
  """Padded, beside others, one after another or all at once: as if it had been alone."""
  progress, totals = _train(_model(name, 5), ROWS, chunk)
  alone, alone_totals = _alone(name)
  np.testing.assert_array_equal(progress.state.step, STEPS)
  for metric, value in totals.metrics.items():
    expected = alone_totals.metrics[metric][0]
    np.testing.assert_allclose(value[0], expected, rtol=1e-3, atol=1e-4, err_msg=metric)
  for part in ("params", "stats"):
    a, b = _row(getattr(progress.state, part), 0), _row(getattr(alone.state, part), 0)
    assert_trees_close(_narrow(a, b), b, **TOLERANCE)
  moved = progress.state.params["decoder" if "vae" in name else "generator"]["latent"]["kernel"]
  assert float(jnp.abs(moved[0] - moved[1]).max()) > 0.1  # another seed is another run


def _narrow(padded, like):
  """The part of padded parameters that the narrow network has too."""

  def cut(path, leaf, target):
    # The one axis that differs holds the latent: labels, where there are any, come before it.
    return leaf[tuple(slice(0, n) for n in target.shape)]

  return jax.tree_util.tree_map_with_path(cut, padded, like)


@pytest.mark.parametrize("name", SYSTEMS)
def test_padded_net_starts_as_the_narrow_one(name):
  wide, narrow = small(name, latent=9), small(name, latent=2)
  padded = jax.tree.map(lambda leaf: leaf[0], runs(latents=(2, 9)))
  a, b = jax.jit(wide.init)(padded), jax.jit(narrow.init)(run(latents=(2,)))
  assert_trees_close(_narrow(a.params, b.params), b.params, rtol=1e-6)


@pytest.mark.parametrize("name", SYSTEMS)
def test_padded_net_equals_the_narrow_one_in_outputs_and_gradients(name):
  wide, narrow = small(name, latent=9), small(name, latent=2)
  padded = jax.tree.map(lambda leaf: leaf[0], runs(latents=(2, 9)))
  alone = run(latents=(2,))
  a, b = jax.jit(wide.init)(padded), jax.jit(narrow.init)(alone)
  z = jax.random.normal(jax.random.key(0), (4, 9))  # whatever lies beyond the latent is masked
  label = jnp.arange(4)
  np.testing.assert_allclose(
    wide.generate(padded, a, z, label), narrow.generate(alone, b, z[:, :2], label), atol=1e-5
  )
  if wide.encode:
    image = batches(wide).image[0]
    for x, y in zip(wide.encode(padded, a, image), narrow.encode(alone, b, image), strict=True):
      np.testing.assert_allclose(x[:, :2], y, atol=1e-5)
      np.testing.assert_array_equal(x[:, 2:], 0)

  def gradient(model, a_run, state, z):
    """Of the sum of what the generator or decoder makes, for every weight of the model."""

    def loss(weights):
      ema = state.ema and {**state.ema, "params": weights["generator"]}
      changed = state._replace(params=weights, ema=ema)
      total = jnp.sum(jnp.sin(7 * model.generate(a_run, changed, z, label)))
      if model.encode:
        mean, logvar = model.encode(a_run, changed, batches(model).image[0])
        total += jnp.sum(jnp.sin(mean)) + jnp.sum(jnp.exp(logvar) - 1)
      return total

    return jax.jit(jax.grad(loss))(state.params)

  wide_gradient = gradient(wide, padded, a, z)
  narrow_gradient = gradient(narrow, alone, b, z[:, :2])
  assert_trees_close(_narrow(wide_gradient, narrow_gradient), narrow_gradient, rtol=1e-3, atol=2e-4)
  if wide.encode:
    np.testing.assert_array_equal(wide_gradient["encoder"]["mean"]["kernel"][:, 2:], 0)
  player = "decoder" if wide.encode else "generator"
  rows = wide_gradient[player]["latent"]["kernel"]
  np.testing.assert_array_equal(rows[-7:], 0)  # nothing trains what no run reads


def test_a_run_depends_on_nothing_but_its_own_numbers():
  """Other runs, their order and the chunk: the same bits, where the same program takes each run."""
  model = small("s2_vae", latent=4)
  table = sweep.table(seeds=(0, 1, 2, 3), latents=(2, 4), learning_rate=(1e-3, 1e-2))
  everything, _ = _train(model, table)
  order = [5, 2, 11, 8]
  some, _ = _train(model, [table[i] for i in order])
  for i, j in enumerate(order):
    for x, y in zip(
      jax.tree.leaves(some.state.params), jax.tree.leaves(everything.state.params), strict=True
    ):
      np.testing.assert_array_equal(x[i], y[j])
