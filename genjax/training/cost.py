"""What a program costs before it is run: multiplications by its jaxpr, memory by its compiler."""

import math
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
from jax.extend import core

from genjax import data
from genjax.training import programs, sweep, validation
from genjax.types import Model, PyTree

TIMED_SECONDS = 2.0  # about as long steps are timed


def flops(f: Callable, *args: Any) -> int:
  """FLOP of `f` for such arguments, arrays or their shapes: those of its matrix products.

  Counted are `dot_general`, `2 * M * N * K` each, and `conv_general_dilated`, two for each number
  of the kernel that meets a pixel (padding and the zeros of a dilation cost nothing), and nothing
  else: no activations, no optimiser, no random numbers. The body of a scan counts once a turn, and
  of a conditional's branches the dearest. Convolutions that `layers` makes matrix products count as
  these, with the zeros that they multiply at the edges.

  Raises:
    ValueError: a while loop has matrix products: nobody knows how often.
  """
  return _of_jaxpr(jax.make_jaxpr(f)(*args).jaxpr)


def _of_jaxpr(jaxpr: core.Jaxpr) -> int:
  return sum(_of_equation(equation) for equation in jaxpr.eqns)


def _of_equation(equation: core.JaxprEqn) -> int:
  params = equation.params
  inner = [_of_jaxpr(jaxpr) for jaxpr in _inner(params)]
  match equation.primitive.name:
    case "dot_general":
      (contracted, _), _ = params["dimension_numbers"]
      left, out = equation.invars[0].aval.shape, equation.outvars[0].aval.shape
      return 2 * math.prod(out) * math.prod(left[axis] for axis in contracted)
    case "conv_general_dilated":
      return _of_convolution(equation)
    case "scan":
      return params["length"] * sum(inner)
    case "cond":
      return max(inner)
    case "while" if any(inner):
      raise ValueError("a while loop has matrix products, and nothing says how often they are done")
  return sum(inner)


def _inner(params: dict) -> Iterator[core.Jaxpr]:
  for value in params.values():
    for one in value if isinstance(value, tuple | list) else (value,):
      if isinstance(one, core.ClosedJaxpr):
        yield one.jaxpr
      elif isinstance(one, core.Jaxpr):
        yield one


def _of_convolution(equation: core.JaxprEqn) -> int:
  params, numbers = equation.params, equation.params["dimension_numbers"]
  image, kernel = (variable.aval.shape for variable in equation.invars)
  out = equation.outvars[0].aval.shape
  channels = kernel[numbers.rhs_spec[1]]  # of a group
  meetings = [
    _meetings(image[i], kernel[k], out[o], *options)
    for i, k, o, *options in zip(
      numbers.lhs_spec[2:],
      numbers.rhs_spec[2:],
      numbers.out_spec[2:],
      params["window_strides"],
      params["padding"],
      params["lhs_dilation"],
      params["rhs_dilation"],
      strict=True,
    )
  ]
  return 2 * math.prod(out[axis] for axis in numbers.out_spec[:2]) * channels * math.prod(meetings)


def _meetings(image, kernel, out, stride, padding, image_dilation, kernel_dilation) -> int:
  """How often an entry of the kernel meets a pixel, along one axis."""
  starts = stride * np.arange(out) - padding[0]
  at = starts[:, None] + kernel_dilation * np.arange(kernel)
  return int(((at >= 0) & (at % image_dilation == 0) & (at // image_dilation < image)).sum())


def step_flops(model: Model, image_shape: tuple, batch_size: int) -> dict[str, int]:
  """FLOP of one step of one run: each player's part, or that of all, named "step"."""
  run = jax.eval_shape(lambda: _first(sweep.runs([{"seed": 0, "latent": model.latent}])))
  state = jax.eval_shape(model.init, run)
  batch = programs.batch_shapes(model, image_shape, batch_size)
  if not model.turns:
    return {"step": flops(model.step, run, state, batch)}
  return {name: flops(turn, run, state, batch, run.key) for name, turn in model.turns.items()}


def _first(rows: PyTree) -> PyTree:
  return jax.tree.map(lambda leaf: leaf[0], rows)


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
  """The program of a step, and shapes of what it takes, as `step_arguments` gives them."""

  program: Callable
  arguments: tuple


def compiled(
  model: Model, config: ml_collections.ConfigDict, splits: data.Splits, rows: list[dict]
) -> Compiled:
  """The program that trains these runs; no array is made."""
  arguments = step_arguments(model, config, splits, rows)
  advance = programs.build(model, config, len(rows)).advance
  return Compiled(advance.lower(*arguments).compile(), arguments)


def memory(step: Compiled, config: ml_collections.ConfigDict, splits: data.Splits) -> Memory:
  """What training by this program takes."""
  runs, progress, _, dataset = step.arguments[:4]
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
  runs = _placed(jax.eval_shape(lambda: sweep.runs(rows)), place)
  progress = jax.eval_shape(programs.build(model, config, R).begin, runs)
  shape = splits.train.image.shape[1:]
  totals = jax.eval_shape(lambda: programs.empty_totals(model, runs, shape, config.batch_size))
  dataset = _placed(splits.train, everywhere)
  return runs, _placed(progress, place), _placed(totals, place), dataset, 0, 1


def _placed(tree: PyTree, sharding: jax.sharding.Sharding) -> PyTree:
  return jax.tree.map(
    lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding), tree
  )


def run_steps_a_second(step: Compiled, splits: data.Splits, rows: list[dict]) -> float:
  """`_timed`; NaN also where there is not the memory to tell."""
  try:
    return _timed(step, splits, rows)
  except jax.errors.JaxRuntimeError:
    return math.nan


def _timed(step: Compiled, splits: data.Splits, rows: list[dict]) -> float:
  """How fast the program is on this machine, by a few steps of it; NaN where these fail.

  From made-up weights, all alike: how long a step takes does not depend on them, and to draw first
  ones would take another compilation. Validations, pictures and compilations come on top.
  """
  R = len(rows)
  _, progress, totals, _ = step.arguments[:4]
  runs = jax.device_put(sweep.runs(rows), sweep.sharding(R))
  dataset = jax.device_put(data.to_device(splits.train), sweep.replicated(R))
  progress, totals = jax.tree.map(_made_up, progress), jax.tree.map(_made_up, totals)
  progress = progress._replace(failed_at=progress.failed_at - 1)
  taken, steps, seconds = 0, 1, 0.0
  while seconds < TIMED_SECONDS / 2:
    begun = time.perf_counter()
    progress, totals = step.program(runs, progress, totals, dataset, taken, taken + steps)
    jax.block_until_ready(totals)
    seconds = time.perf_counter() - begun
    if np.any(np.asarray(progress.failed_at) >= 0):  # it takes no more steps, and is soon done
      return math.nan
    taken, timed = taken + steps, steps
    steps = 1 + int(steps * min(TIMED_SECONDS / seconds, 20))
  return R * timed / seconds


def _made_up(leaf: jax.ShapeDtypeStruct) -> jax.Array:
  number = 0.01 if jnp.issubdtype(leaf.dtype, jnp.floating) else 0
  return jax.device_put(jnp.full(leaf.shape, number, leaf.dtype), leaf.sharding, may_alias=False)


def _bytes(tree: PyTree) -> int:
  return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))
