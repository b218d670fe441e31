"""Blocks of steps: how long they are, and where a run has failed."""

import jax.numpy as jnp
import pytest
from systems import SYSTEMS, assert_trees_equal, digits, runs, small

from genjax import data
from genjax.training import blocks, programs


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
