"""The windows that a kernel sees of an image: what makes a convolution a matrix product.

  patches: [B, H, W, C] -> [B, h, w, k*k*C]     every k x k window, `s` pixels apart
  fold:    [B, h, w, k*k*C] -> [B, H, W, C]     its transpose: every window added where it came from

Each is the other's gradient, which `custom_vjp` says, so that autodiff never builds padded, strided
scatters; only reverse-mode derivatives pass through them. With stride s both see the image as s
phases of rows, in which s adjacent pixels are one vector: a slice moves up to s columns of the
kernel at once.
"""

import functools
import itertools
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

Padding = Literal["SAME", "VALID"]


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

  def channels(self, p: Float[Array, "B h w N"]) -> int:
    """Of the image whose windows p are."""
    return p.shape[-1] // self.kernel**2

  @property
  def padding(self) -> list[tuple[int, int, int]]:
    """What `lax.pad` must add (or cut) to make whole phases of the image."""
    spatial = [
      (before, n * self.stride - size - before, 0)
      for before, n, size in zip(self.before, self.rows, self.image, strict=True)
    ]
    return [(0, 0, 0), *spatial, (0, 0, 0)]


@functools.partial(jax.custom_vjp, nondiff_argnums=(1,))
def patches(x: Float[Array, "B H W C"], win: Windows) -> Float[Array, "B h w {win.kernel}**2*C"]:
  """Every window of the image."""
  k, s, (h, w), channels = win.kernel, win.stride, win.count, x.shape[-1]
  x = lax.pad(x, jnp.zeros((), x.dtype), win.padding)
  x = x.reshape(x.shape[0], win.rows[0], s, win.rows[1], s * channels)
  slices = [
    x[:, i // s : i // s + h, i % s, j : j + w, : (k - j * s) * channels]
    for i in range(k)
    for j in range(win.taps)
  ]
  return jnp.concatenate(slices, -1)


@functools.partial(jax.custom_vjp, nondiff_argnums=(1,))
def fold(p: Float[Array, "B h w N"], win: Windows) -> Float[Array, "B H W N//{win.kernel}**2"]:
  """The transpose of `patches`: overlapping windows are added."""
  k, s, (rows, cols), channels = win.kernel, win.stride, win.rows, win.channels(p)
  if s == 1 and channels >= IN_PLACE and jax.default_backend() == "cpu":
    x = _added_one_by_one(p, win)
  else:
    terms = _terms(p, win)
    # A kernel smaller than its stride leaves whole phases without a window.
    empty = jnp.zeros((p.shape[0], rows, cols, s * channels), p.dtype)
    phases = [sum(terms[u][1:], terms[u][0]) if u < k else empty for u in range(s)]
    x = jnp.stack(phases, 2).reshape(-1, rows * s, cols * s, channels)
  return lax.pad(x, jnp.zeros((), x.dtype), [(-low, -high, 0) for low, high, _ in win.padding])


def _terms(p: Float[Array, "B h w N"], win: Windows) -> list[list[Float[Array, "B rows cols _"]]]:
  """For each phase of rows, the padded arrays whose sum it is."""
  k, s, taps, channels = win.kernel, win.stride, win.taps, win.channels(p)
  zero, none = jnp.zeros((), p.dtype), (0, 0, 0)

  def term(i, j):
    begin, end = j * s, min((j + 1) * s, k)
    columns = p[..., (i * k + begin) * channels : (i * k + end) * channels]
    spatial = [(tap, taps - 1 - tap, 0) for tap in (i // s, j)]
    return lax.pad(columns, zero, [none, *spatial, (0, (s - end + begin) * channels, 0)])

  return [[term(i, j) for i in range(u, k, s) for j in range(taps)] for u in range(s)]


def _added_one_by_one(p: Float[Array, "B h w N"], win: Windows) -> Float[Array, "B rows cols C"]:
  """At stride 1, without a padded copy of p: XLA updates x in place."""
  k, (h, w), channels = win.kernel, win.count, win.channels(p)
  x = jnp.zeros((p.shape[0], *win.rows, channels), p.dtype)
  for i, j in itertools.product(range(k), range(k)):
    term = p[..., (i * k + j) * channels : (i * k + j + 1) * channels]
    x = lax.dynamic_update_slice(x, x[:, i : i + h, j : j + w] + term, (0, i, j, 0))
  return x


IN_PLACE = 8  # channels from which `_added_one_by_one` is faster than `_terms` (BUILD.md, "Speed")
patches.defvjp(lambda x, win: (patches(x, win), None), lambda win, _, g: (fold(g, win),))
fold.defvjp(lambda p, win: (fold(p, win), None), lambda win, _, g: (patches(g, win),))
