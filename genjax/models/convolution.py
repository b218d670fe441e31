"""Convolutions as matrix products over patches, and as XLA has them: one way for each backend.

`vmap` over a convolution's weights makes XLA emit a grouped convolution, and a convolution inside
`scan` leaves its fast path on a CPU. A matrix product does neither. With

  patches: [B, H, W, C] -> [B, h, w, k*k*C]     every k x k window, `s` pixels apart
  fold:    [B, h, w, k*k*C] -> [B, H, W, C]     its transpose: every window added where it came from

a convolution is `patches(x) @ w` and a transposed one is `fold(x @ w)`. Each is the other's
gradient, which `custom_vjp` says, so that autodiff never builds padded, strided scatters; only
reverse-mode derivatives pass through them. With stride s both look at the image as s*s phases
(space to depth): every slice is contiguous.
"""

import contextlib
import contextvars
import functools
from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, ArrayLike, Float

Padding = Literal["SAME", "VALID"]
Kernel = Float[ArrayLike, "k k I O"]  # NumPy's where it comes from a file


class Windows(NamedTuple):
  """The k x k windows of an image: static, so that it can be an argument of `custom_vjp`."""

  kernel: int
  stride: int
  image: tuple[int, int]  # H, W
  count: tuple[int, int]  # h, w: windows along each axis
  before: tuple[int, int]  # zeros above and to the left

  @classmethod
  def over(cls, image: tuple[int, int], kernel: int, stride: int, padding: Padding) -> "Windows":
    """The windows of a convolution over an image of `[H, W]`, padded as `jax.lax` does."""
    if padding == "VALID":
      count = tuple((size - kernel) // stride + 1 for size in image)
      return cls(kernel, stride, image, count, (0, 0))
    count = tuple(-(-size // stride) for size in image)
    before = tuple(
      max((n - 1) * stride + kernel - size, 0) // 2 for n, size in zip(count, image, strict=True)
    )
    return cls(kernel, stride, image, count, before)

  @property
  def taps(self) -> int:
    """Windows along one axis that may meet in one pixel: positions of the kernel in a phase."""
    return -(-self.kernel // self.stride)

  @property
  def rows(self) -> tuple[int, int]:
    """Height and width of one phase."""
    return tuple(n + self.taps - 1 for n in self.count)

  @property
  def padding(self) -> list[tuple[int, int, int]]:
    """What `lax.pad` must add (or cut) to make whole phases of the image."""
    spatial = [
      (before, n * self.stride - size - before, 0)
      for before, n, size in zip(self.before, self.rows, self.image, strict=True)
    ]
    return [(0, 0, 0), *spatial, (0, 0, 0)]


def _patches(x: Float[Array, "B H W C"], win: Windows) -> Float[Array, "B h w {win.kernel}**2*C"]:
  k, s, (h, w) = win.kernel, win.stride, win.count
  x = lax.pad(x, jnp.zeros((), x.dtype), win.padding)
  x = x.reshape(x.shape[0], win.rows[0], s, win.rows[1], s, x.shape[-1])
  slices = [
    x[:, i // s : i // s + h, i % s, j // s : j // s + w, j % s] for i in range(k) for j in range(k)
  ]
  return jnp.concatenate(slices, -1)


def _fold(p: Float[Array, "B h w N"], win: Windows) -> Float[Array, "B H W N//{win.kernel}**2"]:
  k, s, taps, (rows, cols) = win.kernel, win.stride, win.taps, win.rows
  channels = p.shape[-1] // k**2
  p = p.reshape(*p.shape[:3], k, k, channels)
  none, edge = (0, 0, 0), (taps - 1, taps - 1, 0)
  p = lax.pad(p, jnp.zeros((), p.dtype), [none, edge, edge, none, none, none])

  def phase(u, v):
    terms = [
      p[:, top : top + rows, left : left + cols, i, j]
      for i, top in zip(range(u, k, s), range(taps - 1, -1, -1), strict=False)
      for j, left in zip(range(v, k, s), range(taps - 1, -1, -1), strict=False)
    ]
    # A kernel smaller than its stride leaves whole phases without a window.
    return sum(terms[1:], terms[0]) if terms else jnp.zeros_like(p[:, :rows, :cols, 0, 0])

  x = jnp.stack([jnp.stack([phase(u, v) for v in range(s)], 3) for u in range(s)], 2)
  x = x.reshape(x.shape[0], rows * s, cols * s, channels)
  return lax.pad(x, jnp.zeros((), x.dtype), [(-low, -high, 0) for low, high, _ in win.padding])


@functools.partial(jax.custom_vjp, nondiff_argnums=(1,))
def patches(x: Float[Array, "B H W C"], win: Windows) -> Float[Array, "B h w {win.kernel}**2*C"]:
  """Every window of the image."""
  return _patches(x, win)


@functools.partial(jax.custom_vjp, nondiff_argnums=(1,))
def fold(p: Float[Array, "B h w N"], win: Windows) -> Float[Array, "B H W N//{win.kernel}**2"]:
  """The transpose of `patches`: overlapping windows are added."""
  return _fold(p, win)


patches.defvjp(lambda x, win: (_patches(x, win), None), lambda win, _, g: (fold(g, win),))


fold.defvjp(lambda p, win: (_fold(p, win), None), lambda win, _, g: (patches(g, win),))


@jax.custom_vjp
def exact(x: Float[Array, "M I"], w: Float[ArrayLike, "I O"]) -> Float[Array, "M O"]:
  """`x @ w` in the arrays' own precision; its gradient with respect to w is `inner`."""
  return jnp.matmul(x, w)


@jax.custom_vjp
def inner(x: Float[Array, "M I"], y: Float[Array, "M O"]) -> Float[Array, "I O"]:
  """`x.T @ y`: on a CPU, into few columns, three times as fast where these are rows instead."""
  if jax.default_backend() == "cpu" and y.shape[1] <= FEW and x.shape[1] >= 2 * y.shape[1]:
    return lax.optimization_barrier(jnp.matmul(y.T, x)).T
  return jnp.matmul(x.T, y)


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
  the numbers that `fold` would (kernel 4, stride 2).
  """
  s, t, i, o = win.stride, win.taps, *w.shape[2:]
  around = Windows(t, 1, x.shape[1:3], win.rows, (t - 1, t - 1))
  # Pixel q of phase r gets x[q - tap] * w[tap * s + r]: patches count taps the other way round.
  w = w.reshape(t, s, t, s, i, o)[::-1, :, ::-1].transpose(0, 2, 4, 1, 3, 5)
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
