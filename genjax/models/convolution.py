"""Convolutions as matrix products over patches, and as XLA has them: one way for each backend.

`vmap` over a convolution's weights makes XLA emit a grouped convolution, and a convolution inside
`scan` leaves its fast path on a CPU. A matrix product does neither: a convolution is
`patches(x) @ w` and a transposed one `fold(x @ w)`, the functions of `windows.py`.
"""

import contextlib
import contextvars
import functools
from collections.abc import Callable, Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, ArrayLike, Float

from genjax.models import winograd
from genjax.models.windows import Padding, Windows, fold, patches

Kernel = Float[ArrayLike, "k k I O"]  # NumPy's where it comes from a file


@jax.custom_vjp
def exact(x: Float[Array, "M I"], w: Float[ArrayLike, "I O"]) -> Float[Array, "M O"]:
  """`x @ w` in the arrays' own precision; its gradient with respect to w is `inner`."""
  return jnp.matmul(x, w)


@jax.custom_vjp
def inner(x: Float[Array, "M I"], y: Float[Array, "M O"]) -> Float[Array, "I O"]:
  """`x.T @ y`; on a CPU a result with few columns is computed as its transpose, twice as fast."""
  few, many = sorted((x.shape[1], y.shape[1]))
  if jax.default_backend() != "cpu" or few > FEW or many < 2 * few:
    return jnp.matmul(x.T, y)
  # Without the barriers XLA folds a transpose, this or the caller's, back into the product.
  if y.shape[1] == few:
    return lax.optimization_barrier(jnp.matmul(y.T, x)).T
  return lax.optimization_barrier(jnp.matmul(x.T, y))


WINOGRAD = 64  # channels from which `winograd.conv` is faster (BUILD.md, "Speed")
FEW = 128  # columns, by which XLA's product of a transposed matrix is slow (BUILD.md, "Speed")
exact.defvjp(
  lambda x, w: (exact(x, w), (x, w)),
  lambda xw, g: (exact(g, jnp.transpose(xw[1])), inner(xw[0], g)),
)
inner.defvjp(lambda x, y: (inner(x, y), (x, y)), lambda xy, g: (exact(xy[1], g.T), exact(xy[0], g)))


@jax.custom_vjp
def rounded(x: Float[Array, "M I"], w: Float[ArrayLike, "I O"]) -> Float[Array, "M O"]:
  """`x @ w` with both rounded to bfloat16 and summed in float32; gradients likewise."""
  x, w = (jnp.asarray(part, jnp.bfloat16) for part in (x, w))
  return jnp.matmul(x, w, preferred_element_type=jnp.float32)


rounded.defvjp(
  lambda x, w: (rounded(x, w), (x, w)), lambda xw, g: (rounded(g, xw[1].T), rounded(xw[0].T, g))
)
# Of matrices [M, I] and [I, O] -> [M, O], by `model.precision`.
PRODUCTS = {"float32": exact, "bfloat16": rounded}


def matmul(
  x: Float[Array, "*shape I"], w: Float[ArrayLike, "I O"], product: Callable = exact
) -> Float[Array, "*shape O"]:
  """`x @ w` over the last axis of x; `product` is one of `PRODUCTS`."""
  return product(x.reshape(-1, x.shape[-1]), w).reshape(*x.shape[:-1], w.shape[-1])


def gemm_conv(
  x: Float[Array, "B H W I"],
  w: Kernel,
  stride: int,
  padding: Padding,
  product: Callable = exact,
) -> Float[Array, "B h w O"]:
  """Convolution of x with w; equals `lax.conv`.

  `stride` is at least 1, `padding` as of `jax.lax`, and `product` one of `PRODUCTS`.
  """
  k, _, i, o = w.shape
  win = Windows.over(x.shape[1:3], k, stride, padding)
  if stride == 1 and o < i:  # multiply first: there are fewer numbers to move afterwards
    flipped = w[::-1, ::-1].transpose(2, 0, 1, 3).reshape(i, k * k * o)
    before = tuple(k - 1 - b for b in win.before)
    return fold(matmul(x, flipped, product), Windows(k, 1, win.count, x.shape[1:3], before))
  return matmul(patches(x, win), w.reshape(k * k * i, o), product)


def gemm_conv_transpose(
  x: Float[Array, "B h w I"],
  w: Kernel,
  stride: int,
  padding: Padding,
  product: Callable = exact,
) -> Float[Array, "B H W O"]:
  """The gradient of a convolution from O channels to I."""
  k, _, i, o = w.shape
  win = Windows.over(transposed_size(x, k, stride, padding), k, stride, padding)
  # Into few channels it multiplies first, as `gemm_conv` does: there is less to move afterwards.
  if k % stride == 0 and stride > 1 and stride**2 * o >= i:
    return _by_phases(x, w, win, product)
  return fold(matmul(x, w.transpose(2, 0, 1, 3).reshape(i, k * k * o), product), win)


def _by_phases(
  x: Float[Array, "B h w I"], w: Kernel, win: Windows, product: Callable
) -> Float[Array, "B H W O"]:
  """A transposed convolution as one convolution of stride 1, whose channels are the phases.

  Where the stride divides the kernel every phase meets the same t x t pixels of x. One product of
  `[B * rows * cols, t*t*I]` by `[t*t*I, s*s*O]` then does for all phases, and moves a quarter of
  the numbers that `fold` would (kernel 4, stride 2); on a CPU nine smaller ones do for wide layers.
  """
  s, t, i, o = win.stride, win.taps, *w.shape[2:]
  # Pixel q of phase r gets x[q - tap] * w[tap * s + r]: patches count taps the other way round.
  w = w.reshape(t, s, t, s, i, o)[::-1, :, ::-1].transpose(0, 2, 4, 1, 3, 5)
  if t == 2 and min(i, o) >= WINOGRAD and product is exact and jax.default_backend() == "cpu":
    y = winograd.conv(x, w.reshape(t, t, i, s * s * o), product)
  else:
    around = Windows(t, 1, x.shape[1:3], win.rows, (t - 1, t - 1))
    y = matmul(patches(x, around), w.reshape(t * t * i, s * s * o), product)
  y = y.reshape(-1, *win.rows, s, s, o).transpose(0, 1, 3, 2, 4, 5)
  y = y.reshape(-1, win.rows[0] * s, win.rows[1] * s, o)
  return lax.pad(y, jnp.zeros((), y.dtype), [(-low, -high, 0) for low, high, _ in win.padding])


def lax_conv(
  x: Float[Array, "B H W I"], w: Kernel, stride: int, padding: Padding
) -> Float[Array, "B h w O"]:
  """The same as `gemm_conv`, by XLA's own convolution."""
  return lax.conv_general_dilated(x, w, (stride, stride), padding, dimension_numbers=_NHWC)


def transpose_of(conv: Callable) -> Callable:
  """The gradient of a way to convolve, by the image."""

  def transpose(
    x: Float[Array, "B h w I"], w: Kernel, stride: int, padding: Padding
  ) -> Float[Array, "B H W O"]:
    size = transposed_size(x, w.shape[0], stride, padding)
    image = jax.ShapeDtypeStruct((x.shape[0], *size, w.shape[-1]), x.dtype)
    w = jnp.asarray(w).transpose(0, 1, 3, 2)
    return jax.linear_transpose(lambda y: conv(y, w, stride, padding), image)(x)[0]

  return transpose


# The same as `gemm_conv_transpose`, by XLA's own convolution.
lax_conv_transpose = transpose_of(lax_conv)
_NHWC = ("NHWC", "HWIO", "NHWC")


def transposed_size(
  x: Float[Array, "B h w I"], k: int, stride: int, padding: Padding
) -> tuple[int, int]:
  """H and W of the image whose convolution has the size of `x`."""
  extra = max(k - stride, 0) if padding == "VALID" else 0
  return tuple(n * stride + extra for n in x.shape[1:3])


class Convolution(NamedTuple):
  """A way to convolve."""

  conv: Callable[[Array, Array, int, Padding], Array]
  transpose: Callable[[Array, Array, int, Padding], Array]


class ConvShape(NamedTuple):
  """A convolution as a model has it."""

  kind: str  # "conv" or "transpose", as in `Convolution`
  image: tuple[int, ...]
  kernel: tuple[int, ...]
  stride: int
  padding: Padding

  def __str__(self) -> str:
    image, kernel = ("x".join(map(str, shape)) for shape in (self.image, self.kernel))
    return f"{self.kind} {image} by {kernel}, stride {self.stride}, {self.padding}"


GEMM = Convolution(gemm_conv, gemm_conv_transpose)
BFLOAT16 = Convolution(*(functools.partial(f, product=rounded) for f in GEMM))
LAX = Convolution(lax_conv, lax_conv_transpose)
# Measured on a CPU and on a GPU: BUILD.md, "Speed".
BY_BACKEND = {"cpu": GEMM, "gpu": GEMM, "tpu": GEMM}
# Of a network that only looks at images: on a CPU four times as fast as products over patches
# (features of 10,000 digits: 0.70 s for 2.7 s on one core).
FORWARD = {"cpu": LAX}
_CHOICE = contextvars.ContextVar("choice", default=lambda layer: None)


@contextlib.contextmanager
def chosen(choose: Callable[[ConvShape], Convolution | None]) -> Iterator[None]:
  """What is traced here convolves as `choose` says of each layer; None for its backend's way."""
  token = _CHOICE.set(choose)
  try:
    yield
  finally:
    _CHOICE.reset(token)


def way_of(layer: ConvShape) -> Convolution:
  """How a layer convolves that is traced here."""
  return _CHOICE.get()(layer) or BY_BACKEND.get(jax.default_backend(), GEMM)
