"""The central theorem: a run of a sweep equals the run alone, and a padded run the narrow one.

And what the program of a sweep looks like, which is traced for it.
"""

import functools
import re

import draws
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from systems import (
  SYSTEMS,
  assert_trees_close,
  assert_trees_equal,
  batches,
  digits,
  small,
)

from genjax import data, models
from genjax.models import convolution
from genjax.training import blocks, checkpoint, programs, sweep

BATCH_NORM = (
  "s1_wgan",
  "s1_wgan_cifar10",
  "wgan_gp_cifar10",
  "s4_gan",
  "cgan_mnist",
  "cgan_cifar10",
  "dcgan",
  "dcgan_sn",
  "dcgan_r1",
  "dcgan_conditional",
  "dcgan_projection",
)
# Matrix products of other shapes add in another order: a few units in the last place, which the
# division by a small second moment enlarges.
TOLERANCE = {"rtol": 1e-3, "atol": 1e-4}
# A bias before batch norm has no gradient but rounding, which Adam and RMSprop would scale up to a
# whole step: networks with batch norm are compared under plain gradient descent.
OPTIMISER = dict.fromkeys(BATCH_NORM, "sgd")
# So that plain descent moves the weights as far; a clipped critic of four layers has small slopes.
RATE = dict.fromkeys(BATCH_NORM, 0.1) | {"s1_wgan_cifar10": 2.0, "wgan_gp_cifar10": 1.0}
RATE |= {"dcgan_conditional": 1.0, "dcgan_projection": 1.0}


def _steps(name):
  return 1 if name in BATCH_NORM else 3  # batch norm of 16 images enlarges rounding


def _model(name, latent):
  return small(name, latent, **({"optimiser": OPTIMISER[name]} if name in OPTIMISER else {}))


@functools.cache
def _programs(name, latent, num_runs, chunk):
  """Of these many runs: rows -> first progress; rows -> progress after steps, summed metrics."""
  model = _model(name, latent)
  begin, advance = programs.training(model, 16, num_runs, chunk, length=_steps(name))
  shape = SYSTEMS[name].shape
  dataset = data.to_device(digits(shape).train)

  def start(rows):
    return begin(sweep.runs(rows))

  def train(rows):
    all_runs = sweep.runs(rows)
    totals = blocks.empty_totals(model, all_runs, shape, 16)
    return advance(all_runs, start(rows), totals, dataset, 0, _steps(name))

  return start, train


def _programs_of(name, rows, chunk=0):
  return _programs(name, max(row["latent"] for row in rows), len(rows), chunk)


def _start(name, rows, chunk=0):
  """Progress `[R, ...]` before the first step."""
  return _programs_of(name, rows, chunk)[0](rows)


def _train(name, rows, chunk=0):
  """Progress `[R, ...]` after some steps on digits, and the summed metrics."""
  return _programs_of(name, rows, chunk)[1](rows)


def _row(tree, i):
  """In numpy: what several devices hold is put together there, and no index is compiled."""
  return jax.tree.map(lambda leaf: np.asarray(leaf)[i], tree)


def _rows(name, num_seeds=2):
  rate = RATE.get(name, 1e-3)
  return sweep.table(seeds=tuple(range(3, 3 + num_seeds)), latents=(2, 5), learning_rate=(rate,))


UNPADDED_TOO = ("s2_gan", "s1_wgan", "s2_vae", "s4_cgan")  # each is another program to compile

# On two devices: 4 rows in pairs; some also one by one; 8 rows in threes and one left over.
SWEEPS = [(name, 2, 2) for name in SYSTEMS]
SWEEPS += [("s2_gan", 2, 1), ("s1_wgan", 2, 1), ("s2_vae", 2, 1), ("s2_vae", 4, 3)]


@pytest.mark.parametrize(("name", "num_seeds", "chunk"), SWEEPS)
def test_a_row_of_the_sweep_equals_the_run_alone(name, num_seeds, chunk):
  """Padded, beside others, one after another or all at once: as if it had been alone."""
  rows = _rows(name, num_seeds)
  progress, totals = _train(name, rows, chunk)
  np.testing.assert_array_equal(progress.state.step, _steps(name))
  for i, row in enumerate(rows):
    if row["latent"] == 5 and name not in UNPADDED_TOO:
      continue
    alone_start, (alone, alone_totals) = _start(name, [row]), _train(name, [row])
    for metric, value in totals.metrics.items():
      expected = alone_totals.metrics[metric][0]
      np.testing.assert_allclose(value[i], expected, rtol=5e-3, atol=1e-3, err_msg=metric)
    for part in ("params", "stats"):
      a, b = _row(getattr(progress.state, part), i), _row(getattr(alone.state, part), 0)
      assert_trees_close(_narrow(a, b), b, **TOLERANCE)
    moved = _moved(alone_start.state.params, alone.state.params)
    assert min(moved.values()) > 10 * TOLERANCE["atol"], moved  # or the above would say little


def _moved(before, after):
  """How far the kernels of each player went: the largest change of a weight."""
  return {
    player: max(
      float(np.abs(np.asarray(x) - y).max())
      for x, y in zip(jax.tree.leaves(before[player]), jax.tree.leaves(after[player]), strict=True)
    )
    for player in before
  }


@pytest.mark.parametrize("chunk", [1, 2])
@pytest.mark.parametrize("name", ["s1_wgan", "s2_vae"])
def test_a_run_that_fails_leaves_the_others_bit_for_bit(name, chunk):
  rows, steps = _rows(name), _steps(name)
  healthy, _ = _train(name, rows, chunk)
  sick = [row | {"learning_rate": 1e38} if i == 1 else row for i, row in enumerate(rows)]
  progress, totals = _train(name, sick, chunk)
  assert int(progress.failed_at[1]) == int(progress.state.step[1]) < steps
  np.testing.assert_array_equal(totals.steps, [steps, progress.failed_at[1], steps, steps])
  for leaf in jax.tree.leaves(_row(progress.state, 1)):
    assert np.isfinite(leaf).all()
  for i in (0, 2, 3):
    assert_trees_equal(_row(progress.state, i), _row(healthy.state, i))


def _narrow(padded, like):
  """The part of padded parameters that the narrow network has too."""

  def cut(path, leaf, target):
    # The one axis that differs holds the latent: labels, where there are any, come before it.
    return leaf[tuple(slice(0, n) for n in target.shape)]

  return jax.tree_util.tree_map_with_path(cut, padded, like)


def _padded_and_narrow(name):
  """A run of latent 2 in a network for 5 dimensions and in its own: model, run and first state."""
  both = []
  for rows, chunk in ((_rows(name), 2), (_rows(name)[:1], 0)):  # programs that train them above
    model = _model(name, max(row["latent"] for row in rows))
    run = jax.tree.map(lambda leaf: leaf[0], sweep.runs(rows))
    both.append((model, run, _row(_start(name, rows, chunk).state, 0)))
  return both


@pytest.mark.parametrize("name", SYSTEMS)
def test_padded_net_starts_as_the_narrow_one(name):
  (_, _, a), (_, _, b) = _padded_and_narrow(name)
  assert_trees_close(_narrow(a.params, b.params), b.params, rtol=1e-6)


def _outputs_and_gradient(model, a_run, state, z, label, image):
  """What the model makes of these, and the gradient of a sum of it, for every weight."""

  def loss(weights):
    ema = state.ema and {**state.ema, "params": weights["generator"]}
    changed = state._replace(params=weights, ema=ema)
    outputs = {"images": model.generate(a_run, changed, z, label)}
    total = jnp.sum(jnp.sin(7 * outputs["images"]))
    if model.encode:
      outputs["mean"], outputs["logvar"] = model.encode(a_run, changed, image)
      total += jnp.sum(jnp.sin(outputs["mean"])) + jnp.sum(jnp.exp(outputs["logvar"]) - 1)
    return total, outputs

  gradient, outputs = jax.jit(jax.grad(loss, has_aux=True))(state.params)
  return outputs, gradient


@pytest.mark.parametrize("name", SYSTEMS)
def test_padded_net_equals_the_narrow_one_in_outputs_and_gradients(name):
  (wide, *padded), (narrow, *alone) = _padded_and_narrow(name)
  z = draws.normal(0, (4, 5))  # whatever lies beyond the latent is masked
  given = jnp.arange(4), batches(wide, shape=SYSTEMS[name].shape).image[0]
  outputs, wide_gradient = _outputs_and_gradient(wide, *padded, z, *given)
  expected, narrow_gradient = _outputs_and_gradient(narrow, *alone, z[:, :2], *given)
  np.testing.assert_allclose(outputs["images"], expected["images"], atol=1e-5)
  if wide.encode:
    for part in ("mean", "logvar"):
      np.testing.assert_allclose(outputs[part][:, :2], expected[part], atol=1e-5)
      np.testing.assert_array_equal(outputs[part][:, 2:], 0)
  assert_trees_close(_narrow(wide_gradient, narrow_gradient), narrow_gradient, rtol=1e-3, atol=2e-4)
  if wide.encode:
    np.testing.assert_array_equal(wide_gradient["encoder"]["mean"]["kernel"][:, 2:], 0)
  player = "decoder" if wide.encode else "generator"
  rows = wide_gradient[player]["latent"]["kernel"]
  np.testing.assert_array_equal(rows[..., -3:, :], 0)  # nothing trains what no run reads


def test_a_run_depends_on_nothing_but_its_own_numbers():
  """Other runs, their order and the chunk: the same bits, where the same program takes each run."""
  table = sweep.table(seeds=(0, 1, 2, 3), latents=(2, 4), learning_rate=(1e-3, 1e-2))
  everything, _ = _train("s2_vae", table)
  order = [5, 2, 11, 8]
  some, _ = _train("s2_vae", [table[i] for i in order])
  for i, j in enumerate(order):
    for x, y in zip(
      jax.tree.leaves(some.state.params), jax.tree.leaves(everything.state.params), strict=True
    ):
      np.testing.assert_array_equal(x[i], y[j])


# What a program looks like.


def _text(name, model):
  """The lowered program of two runs at once, as an accelerator has it, and of seven steps."""
  all_runs, shape = sweep.runs(_rows(name)), SYSTEMS[name].shape
  _, advance = programs.training(model, 16, 4, 2)
  progress = checkpoint.shapes(model, all_runs)
  totals = blocks.empty_totals(model, all_runs, shape, 16)
  carried = blocks.Carried(progress.state, progress.failed_at, totals)
  dataset = data.to_device(digits(shape).train)
  return advance.program(7).lower(all_runs, carried, dataset, 0).as_text()


def _loops(text):
  """Of each loop, whether it is known how often it turns: its counter stops at a constant."""
  conditions = re.findall(r"stablehlo\.while.*?\n\s*cond \{(.*?)\} do \{", text, re.DOTALL)
  known = r"\s*(%\w+) = stablehlo\.constant dense<\d+> : tensor<i32>\s+%\d+ = "
  known += r"stablehlo\.compare +LT, %iterArg\w*, \1,.*\n\s*stablehlo\.return %\d+ : tensor<i1>\s*"
  return [bool(re.fullmatch(known, condition)) for condition in conditions]


def _convolutions(text):
  """Of each convolution, whether it is grouped or dilated."""
  found = re.findall(r"stablehlo\.convolution.*", text)
  return [
    not re.search("batch_group_count = 1 .*feature_group_count = 1 ", line)
    or bool(re.search(r"(lhs|rhs)_dilate = \[(?!1, 1\])", line))
    for line in found
  ]


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_program_waits_for_nothing_and_has_no_slow_convolution(name):
  """No loop of unknown length, for which a GPU would ask the host; nothing grouped, nor dilated."""
  text = _text(name, _model(name, 5))
  loops = _loops(text)
  assert "dense<7>" in text
  assert len(loops) == len(re.findall(r"stablehlo\.while", text)) > 2
  assert all(loops)
  assert not any(_convolutions(text))


def test_slow_programs_look_otherwise(monkeypatch):
  def loop(x, stop):
    return jax.lax.fori_loop(0, stop, lambda _, x: x + 1, x)

  assert _loops(jax.jit(loop).lower(0, 3).as_text()) == [False]
  walk = jax.jit(lambda x: jax.lax.while_loop(lambda x: jnp.any(x < 9), lambda x: x + 1, x))
  assert _loops(walk.lower(jnp.zeros(3)).as_text()) == [False]
  monkeypatch.setitem(convolution.BY_BACKEND, "cpu", convolution.LAX)
  model = models.build(SYSTEMS["s1_gan"].model | {"width": 8}, SYSTEMS["s1_gan"].shape, 10, 5)
  slow = _convolutions(_text("s1_gan", model))
  assert len(slow) > 5
  assert any(slow)
