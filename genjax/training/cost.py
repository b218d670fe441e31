"""What a program costs before it is run: multiplications by its jaxpr, memory by its compiler."""

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import ml_collections
import numpy as np
from jax.extend import core

from genjax import data
from genjax.training import programs, sweep, validation
from genjax.types import Model, PyTree


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


def memory(
  model: Model, config: ml_collections.ConfigDict, splits: data.Splits, rows: list[dict]
) -> Memory:
  """What the training of these runs takes; its program is compiled, and no array is made."""
  R, devices = len(rows), sweep.mesh(len(rows)).size
  arguments = step_arguments(model, config, splits, rows)
  _, progress, _, dataset = arguments[:4]
  compiled = programs.build(model, config, R).advance.lower(*arguments).compile()
  stats = compiled.memory_analysis()
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


def _bytes(tree: PyTree) -> int:
  return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))
