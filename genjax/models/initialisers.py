"""How weights begin: the rules that frameworks follow where a program does not say.

A kernel is `[..., I, O]`. Its fans count its receptive field: k*k*I and k*k*O of a k x k one. A
layer that reads or writes the latent keeps its first numbers, whatever the latent's size: see
`kernel` and `rescale_latent`.
"""

import functools
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Float32, Key

# The length of an axis, traced where it is a run's own latent size.
Length = Float[Array, ""] | int


class Initialiser(NamedTuple):
  """Where kernels and biases are drawn from."""

  draw: Callable  # (key, shape, dtype) -> numbers around 0
  spread: float  # their standard deviation
  # (fan in, fan out, whether the convolution is transposed) -> the deviation that entries must have
  deviation: Callable[[Length, Length, bool], Float[Array, ""] | float]
  biases: bool = False  # are drawn as the entries of their kernel are; or else zeros
  lstm: str = "keras"  # whose LSTM it begins, "keras" or "torch"
  forget_bias: float = 0.0  # of Keras' LSTM


_UNIFORM = functools.partial(jax.random.uniform, minval=-1.0)  # to 1
INITIALISERS = {
  # Glorot & Bengio 2010, equation 16: U(-a, a), a^2 = 6 / (fan in + fan out); Keras' `Dense`,
  # `Conv2D` and `Conv2DTranspose`. Its LSTM has a forget bias of 1 (Jozefowicz et al. 2015).
  "keras": Initialiser(
    _UNIFORM, 3**-0.5, lambda i, o, transposed: (2 / (i + o)) ** 0.5, forget_bias=1.0
  ),
  # `reset_parameters` of PyTorch's `Linear`, `Conv2d` and `ConvTranspose2d`: U(-b, b) for kernel
  # and bias, b^2 = 1 / fan in. Of a transposed convolution, whose kernel it keeps as [I, O, k, k],
  # it takes O k k for the fan in.
  "torch": Initialiser(
    _UNIFORM,
    3**-0.5,
    lambda i, o, transposed: (3 * (o if transposed else i)) ** -0.5,
    True,
    "torch",
  ),
  # LeCun et al. 1998, section 4.6; flax's default, a normal cut off at two deviations.
  "lecun_normal": Initialiser(
    lambda key, *of: jax.random.truncated_normal(key, -2.0, 2.0, *of),
    0.87962566103423978,
    lambda i, o, transposed: i**-0.5,
  ),
  # Radford et al. 2016, section 4.
  "normal_0.02": Initialiser(jax.random.normal, 1.0, lambda i, o, transposed: 0.02),
}


def deviation(
  initialiser: Initialiser, shape: Sequence[Length], transposed: bool = False
) -> Float[Array, ""] | float:
  """The standard deviation of a kernel's entries; its shape `[..., I, O]` may be traced."""
  field = math.prod(shape[:-2])
  return initialiser.deviation(field * shape[-2], field * shape[-1], transposed)


def kernel(
  key: Key[Array, ""],
  shape: tuple[int, ...],
  initialiser: Initialiser,
  transposed: bool = False,
  latent: int | None = None,
) -> Float32[Array, "... I O"]:
  """Draws a kernel.

  Args:
    key: of its numbers.
    shape: of the kernel.
    initialiser: one of `INITIALISERS`.
    transposed: whether it is a transposed convolution's.
    latent: the axis of the latent dimensions, -2 or -1, if any. The entries of dimension i are then
      the same numbers, up to a common factor, however many dimensions follow: a run with a small
      latent starts equally in a narrow network and in one padded for larger latents.
  """
  others = list(shape)
  first = math.prod(shape[:-1]) if latent is None else others.pop(latent)
  # As a matrix: XLA takes seconds to compile each random array of four axes.
  drawn = initialiser.draw(key, (first, math.prod(shape) // first), jnp.float32)
  scale = deviation(initialiser, shape, transposed) / initialiser.spread
  if latent is None:
    return (drawn * scale).reshape(shape)
  return jnp.moveaxis((drawn * scale).reshape(first, *others), 0, latent)


def bias(
  key: Key[Array, ""], shape: tuple[int, ...], initialiser: Initialiser, transposed: bool = False
) -> Float32[Array, " {shape[-1]}"]:
  """Draws the bias of a layer whose kernel has this shape."""
  if not initialiser.biases:
    return jnp.zeros(shape[-1])
  scale = deviation(initialiser, shape, transposed) / initialiser.spread
  return initialiser.draw(key, shape[-1:], jnp.float32) * scale


def rescale_latent(
  params: dict, layer: str, axis: int, mask: Float[Array, " Z"], initialiser: Initialiser
) -> dict:
  """Gives a layer that reads or writes the latent the initial scale of the run's own latent size.

  Kernels were drawn for the largest latent Z of the program, and what they are scaled by may depend
  on it: without this a run with a small latent would not start as it does alone.

  Args:
    params: of the player.
    layer: name of the layer.
    axis: of its kernel that holds the latent, -2 or -1. Classes may stand before the latent.
    mask: a one for each dimension that the run uses.
    initialiser: that drew them.
  """
  drawn = params[layer]
  shape = list(drawn["kernel"].shape)
  transposed = len(shape) == 4  # what reads a latent as an image of one pixel
  padded = deviation(initialiser, shape, transposed)
  shape[axis] += mask.sum() - mask.size
  scale = deviation(initialiser, shape, transposed) / padded
  return params | {layer: jax.tree.map(lambda leaf: leaf * scale, drawn)}
