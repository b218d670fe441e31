"""How many multiplications and additions a function does, by its jaxpr."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np
from jax.extend import core
from jax.interpreters import partial_eval


def flops(f: Callable, *args: Any) -> int:
  """FLOP of `f` for such arguments, arrays or their shapes: those of its matrix products.

  Counted are `dot_general`, `2 * M * N * K` each, and `conv_general_dilated`, two for each number
  of the kernel that meets a pixel (padding and the zeros of a dilation cost nothing), and nothing
  else: no activations, no optimiser, no random numbers. The body of a scan counts once a turn, and
  of a conditional's branches the dearest. Convolutions that `layers` makes matrix products count as
  these: with the zeros that they multiply at the edges, and nine products for sixteen where
  `winograd` makes them. What nobody reads is not computed: the gradient of a batch of images, say.

  Raises:
    ValueError: a while loop has matrix products: nobody knows how often.
  """
  jaxpr = jax.make_jaxpr(f)(*args).jaxpr
  live, _ = partial_eval.dce_jaxpr(jaxpr, [True] * len(jaxpr.outvars))
  return _of_jaxpr(live)


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
