"""What steps cost before they are taken: FLOP by their jaxpr, seconds by a few of them."""

import math
import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from genjax import data
from genjax.training import blocks, memory, planning, programs, sweep
from genjax.training.flops import flops
from genjax.types import Model

TIMED_SECONDS = 2.0  # about as long steps are timed


def step_flops(model: Model, image_shape: tuple, batch_size: int) -> dict[str, int]:
  """FLOP of one step of one run: each player's part, or that of all, named "step"."""
  runs = jax.eval_shape(lambda: sweep.runs([{"seed": 0, "latent": model.latent}]))
  run, state, batch = blocks.arguments(model, runs, image_shape, batch_size)
  if not model.turns:
    return {"step": flops(model.step, run, state, batch)}
  return {name: flops(turn, run, state, batch, run.key) for name, turn in model.turns.items()}


class Step(NamedTuple):
  """The program of a block of steps, and shapes of what training gives to it."""

  program: Callable  # runs, carried, dataset, start -> carried
  given: memory.Shapes
  length: int  # steps of the block


def planned(plan: planning.Plan, chunk: int = 0) -> tuple[Step, memory.Fitting]:
  """What would train a plan, and what memory that takes; no array is made.

  `chunk` is as in `sweep.vectorise`, where the config leaves it open.
  """
  model, config, given = plan.model, plan.config, memory.shapes(plan)
  image = given.dataset.image.shape[1:]
  most = blocks.longest(model, given.runs, image, config.batch_size)
  length = blocks.length(most, config.log_every, config.eval_every, plan.steps)
  build = partial(programs.build, model, config, len(plan.rows), length)
  fit = memory.fitting(build, given, config.sweep.chunk or chunk)
  return Step(fit.programs.advance.program(length), given, length), fit


def run_steps_a_second(
  step: Step,
  splits: data.Splits,
  rows: list[dict],
  clock: Callable[[], float] = time.perf_counter,
) -> float:
  """How fast the program is on this machine, by a few steps of it; NaN where these fail.

  From made-up weights, all alike: how long a step takes does not depend on them, and to draw first
  ones would take another compilation. Validations, pictures and compilations come on top. NaN also
  where there is not the memory to tell.
  """
  try:
    return _timed(step, splits, rows, clock)
  except jax.errors.JaxRuntimeError:
    return math.nan


def _timed(step: Step, splits: data.Splits, rows: list[dict], clock: Callable[[], float]) -> float:
  R, progress = len(rows), step.given.progress
  runs, dataset = sweep.to_devices(sweep.runs(rows), R), blocks.everywhere(splits.train, R)
  carried = blocks.Carried(progress.state, progress.failed_at, step.given.totals)
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
