"""Blocks of steps: what their program looks like, how long they are, and where a run has failed."""

import re

import jax
import jax.numpy as jnp
import pytest
from systems import SYSTEMS, assert_trees_equal, digits, runs, small

from genjax import data
from genjax.models import convolution
from genjax.training import blocks, programs
from genjax.types import Progress


def _text(name):
  """The lowered program of two runs at once, as an accelerator has it."""
  system = SYSTEMS[name]
  model, two = small(name, 3), runs(seeds=(0, 1, 2, 3))
  progress = jax.eval_shape(jax.vmap(lambda run: Progress.begin(model.init(run))), two)
  totals = jax.eval_shape(lambda: blocks.empty_totals(model, two, system.shape, 4))
  dataset = data.to_device(digits(system.shape).train)
  _, advance = programs.training(model, 4, 4, chunk=2, length=5)
  return advance.lower(two, progress, totals, dataset).as_text()


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
  text = _text(name)
  loops = _loops(text)
  assert "dense<5>" in text
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
  slow = _convolutions(_text("s1_gan"))
  assert len(slow) > 5
  assert any(slow)


@pytest.mark.parametrize(
  ("longest", "log_every", "eval_every", "steps", "length"),
  [
    (1, 50, 500, 4210, 1),
    (50, 50, 500, 6000, 50),
    (50, 50, 500, 4210, 10),  # 50 would leave ten single steps, and another program
    (50, 100, 1000, 6000, 50),
    (50, 100, 1000, 6001, 50),
    (33, 50, 500, 6000, 25),
    (5, 50, 500, 6000, 5),
    (50, 97, 970, 9700, 48),  # and a single step
    (50, 3, 6, 12, 3),
    (50, 1, 2, 4, 1),
  ],
)
def test_blocks_fill_the_steps_between_rows(longest, log_every, eval_every, steps, length):
  assert blocks.length(longest, log_every, eval_every, steps) == length


def test_the_longest_block_is_as_long_as_a_step_is_short(monkeypatch):
  model, shape = small("s2_vae"), SYSTEMS["s2_vae"].shape
  assert blocks.longest(model, runs(), shape, 16) == blocks.LONGEST
  monkeypatch.setitem(blocks.RATES, "cpu", 1e5)
  assert blocks.longest(model, runs(), shape, 16) == 1
  flop = 2 * 16 * (3 * (4 * 784 * 8 // 2 + 9 * 8) - 784 * 8)
  monkeypatch.setitem(blocks.RATES, "cpu", flop * 10.5)
  assert blocks.longest(model, runs(), shape, 16) == 21  # in two seconds
  assert blocks.longest(model, runs(seeds=(0, 1, 2)), shape, 16) == 10  # two on a device


def _one(rate, length):
  """A run `[1, ...]` before its first step, and what takes its steps."""
  model, one = small("s2_vae"), runs(learning_rate=(rate,))
  begin, advance = programs.training(model, 16, 1, length=length)
  totals = blocks.empty_totals(model, one, SYSTEMS["s2_vae"].shape, 16)
  dataset = data.to_device(digits().train)
  return advance, one, begin(one), totals, dataset


@pytest.mark.parametrize("length", [1, 8])
def test_the_step_that_failed_is_found(length):
  advance, *given = _one(1e4, length)
  progress, totals = advance(*given, 0, 24)
  (failed_at,) = progress.failed_at.tolist()
  assert 0 < failed_at < 24
  assert progress.state.step.tolist() == totals.steps.tolist() == [failed_at]
  advance, *given = _one(1e4, 1)
  alone, _ = advance(*given, 0, failed_at)
  assert alone.failed_at.tolist() == [-1]
  assert_trees_equal(alone.state, progress.state)


def test_a_run_that_comes_through_alone_is_well():
  advance, one, progress, totals, dataset = _one(1e-3, 8)
  carried = blocks.Carried(progress.state, jnp.array([4]), totals)  # as its block had said
  found = advance._locate((one, carried), dataset, 4, 9)
  assert found.failed_at.tolist() == [-1]
  assert found.totals.steps.tolist() == [5]
