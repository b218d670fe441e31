"""Convolutions as matrix products, and layers that begin as those of a framework do.

`vmap` over a convolution's weights makes XLA emit a grouped convolution, and a convolution inside
`scan` leaves its fast path on a CPU. A matrix product does neither. With

  patches: [B, H, W, C] -> [B, h, w, k*k*C]     every k x k window, `s` pixels apart
  fold:    [B, h, w, k*k*C] -> [B, H, W, C]     its transpose: every window added where it came from

a convolution is `patches(x) @ w` and a transposed one is `fold(x @ w)`. Each is the other's
gradient, which `custom_vjp` says, so that autodiff never builds padded, strided scatters; only
reverse-mode derivatives pass through them. With stride s both look at the image as s*s phases
(space to depth): every slice is contiguous.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Literal, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array, lax

from genjax.models import initialisers
from genjax.models.initialisers import INITIALISERS, Initialiser

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

  @property
  def padding(self) -> list[tuple[int, int, int]]:
    """What `lax.pad` must add (or cut) to make whole phases of the image."""
    spatial = [
      (before, n * self.stride - size - before, 0)
      for before, n, size in zip(self.before, self.rows, self.image, strict=True)
    ]
    return [(0, 0, 0), *spatial, (0, 0, 0)]


def _patches(x: Array, win: Windows) -> Array:
  k, s, (h, w) = win.kernel, win.stride, win.count
  x = lax.pad(x, jnp.zeros((), x.dtype), win.padding)
  x = x.reshape(x.shape[0], win.rows[0], s, win.rows[1], s, x.shape[-1])
  slices = [
    x[:, i // s : i // s + h, i % s, j // s : j // s + w, j % s] for i in range(k) for j in range(k)
  ]
  return jnp.concatenate(slices, -1)


def _fold(p: Array, win: Windows) -> Array:
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
def patches(x: Array, win: Windows) -> Array:
  """Every window of the image: `[B, H, W, C] -> [B, h, w, k*k*C]`."""
  return _patches(x, win)


@functools.partial(jax.custom_vjp, nondiff_argnums=(1,))
def fold(p: Array, win: Windows) -> Array:
  """The transpose of `patches`: `[B, h, w, k*k*C] -> [B, H, W, C]`, overlapping windows added."""
  return _fold(p, win)


patches.defvjp(lambda x, win: (_patches(x, win), None), lambda win, _, g: (fold(g, win),))
fold.defvjp(lambda p, win: (_fold(p, win), None), lambda win, _, g: (patches(g, win),))


def _matmul(x: Array, w: Array) -> Array:
  return (x.reshape(-1, x.shape[-1]) @ w).reshape(*x.shape[:-1], w.shape[-1])


def gemm_conv(x: Array, w: Array, stride: int, padding: Padding) -> Array:
  """Convolution of `x` `[B, H, W, I]` with `w` `[k, k, I, O]`; equals `lax.conv`."""
  k, _, i, o = w.shape
  win = Windows.over(x.shape[1:3], k, stride, padding)
  if stride == 1 and o < i:  # multiply first: there are fewer numbers to move afterwards
    flipped = w[::-1, ::-1].transpose(2, 0, 1, 3).reshape(i, k * k * o)
    before = tuple(k - 1 - b for b in win.before)
    return fold(_matmul(x, flipped), Windows(k, 1, win.count, x.shape[1:3], before))
  return _matmul(patches(x, win), w.reshape(k * k * i, o))


def gemm_conv_transpose(x: Array, w: Array, stride: int, padding: Padding) -> Array:
  """The gradient of a convolution: `x` `[B, h, w, I]`, `w` `[k, k, I, O]`."""
  k, _, i, o = w.shape
  win = Windows.over(_transposed_size(x, k, stride, padding), k, stride, padding)
  if k % stride == 0 and stride > 1:
    return _by_phases(x, w, win)
  return fold(_matmul(x, w.transpose(2, 0, 1, 3).reshape(i, k * k * o)), win)


def _by_phases(x: Array, w: Array, win: Windows) -> Array:
  """A transposed convolution as one convolution of stride 1, whose channels are the phases.

  Where the stride divides the kernel every phase meets the same t x t pixels of x. One product of
  `[B * rows * cols, t*t*I]` by `[t*t*I, s*s*O]` then does for all phases, and moves a quarter of
  the numbers that `fold` would (kernel 4, stride 2).
  """
  s, t, i, o = win.stride, win.taps, *w.shape[2:]
  around = Windows(t, 1, x.shape[1:3], win.rows, (t - 1, t - 1))
  # Pixel q of phase r gets x[q - tap] * w[tap * s + r]: patches count taps the other way round.
  w = w.reshape(t, s, t, s, i, o)[::-1, :, ::-1].transpose(0, 2, 4, 1, 3, 5)
  y = _matmul(patches(x, around), w.reshape(t * t * i, s * s * o))
  y = y.reshape(-1, *win.rows, s, s, o).transpose(0, 1, 3, 2, 4, 5)
  y = y.reshape(-1, win.rows[0] * s, win.rows[1] * s, o)
  return lax.pad(y, jnp.zeros((), y.dtype), [(-low, -high, 0) for low, high, _ in win.padding])


def lax_conv(x: Array, w: Array, stride: int, padding: Padding) -> Array:
  """The same as `gemm_conv`, by XLA's own convolution."""
  return lax.conv_general_dilated(x, w, (stride, stride), padding, dimension_numbers=_NHWC)


def lax_conv_transpose(x: Array, w: Array, stride: int, padding: Padding) -> Array:
  """The same as `gemm_conv_transpose`, by XLA's own convolution."""
  size = _transposed_size(x, w.shape[0], stride, padding)
  image = jax.ShapeDtypeStruct((x.shape[0], *size, w.shape[-1]), x.dtype)
  conv = functools.partial(lax_conv, w=w.transpose(0, 1, 3, 2), stride=stride, padding=padding)
  return jax.linear_transpose(conv, image)(x)[0]


_NHWC = ("NHWC", "HWIO", "NHWC")


def _transposed_size(x: Array, k: int, stride: int, padding: Padding) -> tuple[int, int]:
  """H and W of the image whose convolution has the size of `x`."""
  extra = max(k - stride, 0) if padding == "VALID" else 0
  return tuple(n * stride + extra for n in x.shape[1:3])


class Convolution(NamedTuple):
  conv: Callable[[Array, Array, int, Padding], Array]
  transpose: Callable[[Array, Array, int, Padding], Array]


GEMM = Convolution(gemm_conv, gemm_conv_transpose)
LAX = Convolution(lax_conv, lax_conv_transpose)
BY_BACKEND = {"cpu": GEMM, "gpu": GEMM, "tpu": GEMM}  # measured on a CPU alone: launch/bench.py


LECUN_NORMAL = INITIALISERS["lecun_normal"]


class Dense(nn.Module):
  """`[B, I] -> [B, features]`."""

  features: int
  use_bias: bool = True
  initialiser: Initialiser = LECUN_NORMAL
  latent: int | None = None  # the axis of the kernel that holds the latent, as in `initialisers`

  @nn.compact
  def __call__(self, x: Array) -> Array:
    shape = (x.shape[-1], self.features)
    y = x @ self.param("kernel", initialisers.kernel, shape, self.initialiser, False, self.latent)
    if self.use_bias:
      y += self.param("bias", initialisers.bias, shape, self.initialiser)[None]
    return y


class Conv(nn.Module):
  """Convolution with a square kernel: `[B, H, W, I] -> [B, h, w, features]`."""

  features: int
  kernel: int
  stride: int = 1
  padding: Padding = "SAME"
  use_bias: bool = True
  initialiser: Initialiser = LECUN_NORMAL
  latent: int | None = None
  transposed = False

  @nn.compact
  def __call__(self, x: Array) -> Array:
    shape = (self.kernel, self.kernel, x.shape[-1], self.features)
    drawn = shape, self.initialiser, self.transposed
    w = self.param("kernel", initialisers.kernel, *drawn, self.latent)
    by_backend = BY_BACKEND.get(jax.default_backend(), GEMM)
    convolve = by_backend.transpose if self.transposed else by_backend.conv
    y = convolve(x, w, self.stride, self.padding)
    if self.use_bias:
      y += self.param("bias", initialisers.bias, *drawn)[None, None, None]
    return y


class ConvTranspose(Conv):
  """Transposed convolution: `[B, h, w, I] -> [B, h * stride, w * stride, features]` if SAME.

  The gradient of `Conv`, as in Keras and PyTorch; the kernel is `[k, k, I, features]`.
  """

  transposed = True


class LSTM(nn.Module):
  """Reads `[B, T, I]` and gives its last output `[B, features]` (Gers et al. 2000).

  Gates are columns of the kernels, in the order input, forget, cell, output. PyTorch's has a bias
  for each of its two products, and draws everything from U(-b, b), b^2 = 1 / features. In the
  others, as in Keras and flax, the recurrent kernel is orthogonal.
  """

  features: int
  initialiser: Initialiser = LECUN_NORMAL

  @nn.compact
  def __call__(self, x: Array) -> Array:
    inputs, recurrent = (x.shape[-1], 4 * self.features), (self.features, 4 * self.features)
    initial = self.initialiser
    if initial.lstm == "torch":
      scale = initialisers.deviation(initial, recurrent) / initial.spread
      parts = {"input": inputs, "recurrent": recurrent}
      w, r = (
        self.param(f"{name}_kernel", _scaled, initial, part, scale) for name, part in parts.items()
      )
      b = sum(self.param(f"{name}_bias", _scaled, initial, inputs[1:], scale) for name in parts)
    else:
      w = self.param("input_kernel", initialisers.kernel, inputs, initial)
      r = self.param("recurrent_kernel", nn.initializers.orthogonal(), recurrent)
      gates = jnp.array([0.0, initial.forget_bias, 0.0, 0.0])
      b = self.param("input_bias", lambda key: jnp.repeat(gates, self.features))

    def step(carry: tuple[Array, Array], row: Array) -> tuple[tuple[Array, Array], None]:
      h, c = carry
      i, f, g, o = jnp.split(row + h @ r, 4, axis=-1)
      c = nn.sigmoid(f) * c + nn.sigmoid(i) * jnp.tanh(g)
      return (nn.sigmoid(o) * jnp.tanh(c), c), None

    rows = jnp.moveaxis(_matmul(x, w) + b[None, None], 1, 0)  # [T, B, 4 * features]
    nothing = jnp.zeros((x.shape[0], self.features), x.dtype)
    (h, _), _ = lax.scan(step, (nothing, nothing), rows)
    return h


def _scaled(key: Array, initialiser: Initialiser, shape: tuple, scale: float) -> Array:
  return scale * initialiser.draw(key, shape, jnp.float32)


class BatchNorm(NamedTuple):
  """The numbers of batch norm (Ioffe & Szegedy 2015)."""

  momentum: float  # what the running statistics keep of their old values at each step
  epsilon: float


# PyTorch counts momentum the other way round. Its running statistics have the unbiased variance of
# a batch, as do those of TensorFlow 2 for images; here, as in Keras 3, it is the biased one, which
# is less by 1 / n for n numbers a channel.
BATCH_NORMS = {"keras": BatchNorm(0.99, 1e-3), "torch": BatchNorm(0.9, 1e-5)}


@dataclasses.dataclass(frozen=True)
class Layers:
  """Makes layers as a framework does: a network asks it for all that have weights."""

  initialiser: Initialiser
  norm: BatchNorm = BATCH_NORMS["torch"]
  slope: float = 0.0  # of leaky ReLUs below zero

  def dense(self, features: int, **options) -> Dense:
    return Dense(features, initialiser=self.initialiser, **options)

  def conv(self, features: int, kernel: int, stride: int = 1, **options) -> Conv:
    return Conv(features, kernel, stride, initialiser=self.initialiser, **options)

  def conv_transpose(self, features: int, kernel: int, stride: int = 1, **options) -> ConvTranspose:
    return ConvTranspose(features, kernel, stride, initialiser=self.initialiser, **options)

  def lstm(self, features: int) -> LSTM:
    return LSTM(features, initialiser=self.initialiser)

  def batch_norm(self, train: bool) -> nn.BatchNorm:
    momentum, epsilon = self.norm
    return nn.BatchNorm(use_running_average=not train, momentum=momentum, epsilon=epsilon)

  def leaky_relu(self) -> "Map":
    return Map(functools.partial(nn.leaky_relu, negative_slope=self.slope))

  def from_latent(self, features: int, **options) -> Dense:
    """The dense layer that reads the latent: `initialisers.fit` finds it by its name."""
    return self.dense(features, name="latent", latent=-2, **options)


class Map(nn.Module):
  """A layer without parameters: a function, made a module so that `describe` lists it."""

  f: Callable[[Array], Array]

  @nn.compact
  def __call__(self, x: Array) -> Array:
    return self.f(x)


def flatten(x: Array) -> Array:
  """`[B, ...] -> [B, N]`."""
  return x.reshape(x.shape[0], -1)


def reshape(height: int, width: int) -> Map:
  """`[B, N] -> [B, height, width, C]`."""
  return Map(functools.partial(_reshape, height=height, width=width))


def _reshape(x: Array, height: int, width: int) -> Array:
  return x.reshape(x.shape[0], height, width, -1)


def max_pool(size: int) -> Map:
  """The largest of each size x size pixels: `[B, H, W, C] -> [B, H / size, W / size, C]`."""
  return Map(functools.partial(_max_pool, size=size))


def _max_pool(x: Array, size: int) -> Array:
  # Windows side by side need no `reduce_window`, whose gradient is a slow scatter.
  B, H, W, C = x.shape
  return x.reshape(B, H // size, size, W // size, size, C).max((2, 4))


def global_max_pool(x: Array) -> Array:
  """`[B, H, W, C] -> [B, C]`."""
  return x.max((1, 2))
