"""What a program costs before it is run: multiplications by its jaxpr, memory by its compiler."""

import math
import time
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np

from genjax import data
from genjax.training import blocks, planning, programs, sweep, validation
from genjax.training.flops import flops
from genjax.types import Model, PyTree

TIMED_SECONDS = 2.0  # about as long steps are timed


def step_flops(model: Model, image_shape: tuple, batch_size: int) -> dict[str, int]:
  """FLOP of one step of one run: each player's part, or that of all, named "step"."""
  runs = jax.eval_shape(lambda: sweep.runs([{"seed": 0, "latent": model.latent}]))
  run, state, batch = blocks.arguments(model, runs, image_shape, batch_size)
  if not model.turns:
    return {"step": flops(model.step, run, state, batch)}
  return {name: flops(turn, run, state, batch, run.key) for name, turn in model.turns.items()}


class Memory(NamedTuple):
  """Bytes on each device that has runs."""

  weights: int
  statistics: int
  averaged: int  # weights and statistics of the averaged generator
  optimiser: int
  best: int  # the weights that are kept of each run's best step, averaged ones included
  images: int  # training and validation, with their labels
  temporary: int  # of a step of training; what validation and pictures take is not counted


class Compiled(NamedTuple):
  """The program of a block, and shapes of what it takes, as `step_arguments` gives them."""

  program: Callable  # runs, carried, dataset, start -> carried
  arguments: tuple
  length: int  # steps of the block


def compiled(
  model: Model, config: ml_collections.ConfigDict, splits: data.Splits, rows: list[dict]
) -> Compiled:
  """The program that trains these runs; no array is made."""
  runs, *_ = arguments = step_arguments(model, config, splits, rows)
  steps = planning.length(config, len(splits.train.label), model.batches_per_step)
  length = blocks.length_of(model, config, runs, splits.train.image.shape[1:], steps)
  advance = programs.build(model, config, len(rows), length).advance
  return Compiled(advance.lower(*arguments).compile(), arguments, length)


def memory(step: Compiled, config: ml_collections.ConfigDict, splits: data.Splits) -> Memory:
  """What training by this program takes."""
  runs, progress, _, dataset = step.arguments
  devices = sweep.mesh(len(runs.learning_rate)).size
  stats = step.program.memory_analysis()
  used = validation.usable(config.eval_images, len(splits.validation.label))
  held_out = data.first(splits.validation, used)
  state = progress.state
  # What the program returns takes the place of its arguments, where the backend can do that.
  returned = stats.output_size_in_bytes - stats.alias_size_in_bytes
  return Memory(
    weights=_bytes(state.params) // devices,
    statistics=_bytes(state.stats) // devices,
    averaged=_bytes(state.ema) // devices,
    optimiser=_bytes(state.opt_state) // devices,
    best=_bytes(progress.best) // devices,
    images=_bytes(dataset) + _bytes(held_out),
    temporary=stats.temp_size_in_bytes + returned,
  )


def step_arguments(
  model: Model, config: ml_collections.ConfigDict, splits: data.Splits, rows: list[dict]
) -> tuple:
  """Shapes of what training gives to `Programs.advance`, and the devices where they lie."""
  R = len(rows)
  place, everywhere = sweep.sharding(R), sweep.replicated(R)
  runs = _placed(jax.eval_shape(lambda: sweep.resized(sweep.runs(rows), R, sweep.slots(R))), place)
  progress = jax.eval_shape(programs.build(model, config, R).begin, runs)
  shape = splits.train.image.shape[1:]
  totals = jax.eval_shape(lambda: blocks.empty_totals(model, runs, shape, config.batch_size))
  dataset = _placed(splits.train, everywhere)
  return runs, _placed(progress, place), _placed(totals, place), dataset


def _placed(tree: PyTree, sharding: jax.sharding.Sharding) -> PyTree:
  return jax.tree.map(
    lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding), tree
  )


def run_steps_a_second(
  step: Compiled,
  splits: data.Splits,
  rows: list[dict],
  clock: Callable[[], float] = time.perf_counter,
) -> float:
  """`_timed`; NaN also where there is not the memory to tell."""
  try:
    return _timed(step, splits, rows, clock)
  except jax.errors.JaxRuntimeError:
    return math.nan


def _timed(
  step: Compiled, splits: data.Splits, rows: list[dict], clock: Callable[[], float]
) -> float:
  """How fast the program is on this machine, by a few steps of it; NaN where these fail.

  From made-up weights, all alike: how long a step takes does not depend on them, and to draw first
  ones would take another compilation. Validations, pictures and compilations come on top.
  """
  R = len(rows)
  _, progress, totals, _ = step.arguments
  runs = sweep.placed(sweep.runs(rows), R)
  dataset = jax.device_put(data.to_device(splits.train), sweep.replicated(R))
  carried = blocks.Carried(progress.state, progress.failed_at, totals)
  carried = jax.tree.map(_made_up, carried)
  carried = carried._replace(failed_at=carried.failed_at - 1)
  taken, calls, seconds = 0, 1, 0.0
  while seconds < TIMED_SECONDS / 2:
    begun, before = clock(), taken
    for taken in range(before + step.length, before + step.length * (calls + 1), step.length):
      carried = step.program(runs, carried, dataset, taken - step.length)
    jax.block_until_ready(carried)
    seconds = clock() - begun
    if np.any(np.asarray(carried.failed_at) >= 0):  # it takes no more steps, and is soon done
      return math.nan
    calls = 1 + int(calls * min(TIMED_SECONDS / seconds, 20))
  return R * (taken - before) / seconds


def _made_up(leaf: jax.ShapeDtypeStruct) -> jax.Array:
  number = 0.01 if jnp.issubdtype(leaf.dtype, jnp.floating) else 0
  return jax.device_put(jnp.full(leaf.shape, number, leaf.dtype), leaf.sharding, may_alias=False)


def _bytes(tree: PyTree) -> int:
  return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))
