"""Ways to convolve, of which a device other than a CPU takes the fastest for each layer.

Each is bilinear, and equals the others but for rounding. Under `vmap` over runs

  products    are one batched product over patches;
  phases      convolve at stride 1 what a stride cuts an image into, so that no gradient is dilated;
  XLA's       are grouped convolutions, whose gradients are dilated ones where they have a stride;
  one by one  is a loop over runs in place of the batch.
"""

import functools
from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from genjax.models import convolution
from genjax.models.convolution import GEMM, LAX, Convolution, ConvShape, Kernel
from genjax.models.windows import Padding, Windows


def phases_conv(
  x: Float[Array, "B H W I"], w: Kernel, stride: int, padding: Padding
) -> Float[Array, "B h w O"]:
  """A convolution as one of stride 1, whose input channels are the phases of the image."""
  k, _, i, o = w.shape
  win = Windows.over(x.shape[1:3], k, stride, padding)
  t, missing = win.taps, win.taps * stride - k
  x = lax.pad(x, jnp.zeros((), x.dtype), win.padding)
  x = x.reshape(x.shape[0], win.rows[0], stride, win.rows[1], stride, i).transpose(0, 1, 3, 2, 4, 5)
  w = jnp.pad(w, ((0, missing), (0, missing), (0, 0), (0, 0)))
  w = w.reshape(t, stride, t, stride, i, o).transpose(0, 2, 1, 3, 4, 5)
  x, w = x.reshape(*x.shape[:3], -1), w.reshape(t, t, -1, o)
  return convolution.lax_conv(x, w, 1, "VALID")


def one_by_one(way: Convolution) -> Convolution:
  """The same, that `vmap` makes a loop; gradients too, to any order."""
  return Convolution(*(functools.partial(_alone, f) for f in way))


def _alone(convolve: Callable, x: Array, w: Array, stride: int, padding: Padding) -> Array:
  w = jnp.asarray(w)

  def forward(x, w):
    return convolve(x, w, stride, padding)

  def by_x(g, w):
    return jax.vjp(lambda x: forward(x, w), jnp.zeros(x_shape, g.dtype))[1](g)[0]

  def by_w(x, g):
    return jax.vjp(lambda w: forward(x, w), jnp.zeros(w_shape, g.dtype))[1](g)[0]

  # Each is linear in both arguments, and its gradients are the other two.
  y, of_x, of_w = (
    jax.custom_vjp(jax.custom_batching.sequential_vmap(f)) for f in (forward, by_x, by_w)
  )
  y.defvjp(lambda x, w: (y(x, w), (x, w)), lambda xw, g: (of_x(g, xw[1]), of_w(xw[0], g)))
  of_x.defvjp(lambda g, w: (of_x(g, w), (g, w)), lambda gw, u: (y(u, gw[1]), of_w(u, gw[0])))
  of_w.defvjp(lambda x, g: (of_w(x, g), (x, g)), lambda xg, v: (of_x(xg[1], v), y(xg[0], v)))
  x_shape, w_shape = x.shape, w.shape
  return y(x, w)


PHASES = Convolution(phases_conv, convolution.transpose_of(phases_conv))
AT_ONCE = {"products": GEMM, "phases": PHASES, "XLA's": LAX}
WAYS = AT_ONCE | {f"{name}, one by one": one_by_one(way) for name, way in AT_ONCE.items()}
DEFAULT = "products"
Choice = Mapping[str, str]  # a layer as text -> a key of `WAYS`; others go the default way


def by(choice: Choice) -> Callable[[ConvShape], Convolution | None]:
  """For `convolution.chosen`."""
  return lambda layer: WAYS.get(choice.get(str(layer), ""))
