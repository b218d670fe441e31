"""Convolutions of 2 x 2 taps with nine products for four results, where windows take sixteen.

Winograd's minimal filtering (Lavin and Gray 2016, section 4.1, there for 3 x 3): two results of a
kernel of two taps, d0 g0 + d1 g1 and d1 g0 + d2 g1, are m0 + m1 and m1 - m2, where

  m0 = (d0 - d1) g0,    m1 = d1 (g0 + g1),    m2 = (d1 - d2) g1

take three multiplications in place of four. Along both axes of an image that is nine for sixteen,
and as d and g have channels each is a matrix product over all tiles, squares of 2 x 2 results. The
sums cost time as well: it pays where there are many channels.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from genjax.models.windows import Windows, fold, patches

Grid = Sequence[Sequence[Array]]


class Linear(NamedTuple):
  """A map of the numbers along one axis, and its transpose."""

  along: Callable[..., tuple[Array, ...]]
  back: Callable[..., tuple[Array, ...]]


OF_IMAGE = Linear(lambda a, b, c: (a - b, b, b - c), lambda a, b, c: (a, b - a + c, -c))
OF_KERNEL = Linear(lambda a, b: (a, a + b, b), lambda a, b, c: (a + b, b + c))
OF_RESULT = Linear(lambda a, b, c: (a + b, b - c), lambda a, b: (a, a + b, -b))


def _both(along: Callable, grid: Grid) -> list[Array]:
  """The map along the rows and then along the columns of a grid; row by row."""
  rows = [along(*row) for row in grid]
  columns = [along(*column) for column in zip(*rows, strict=True)]
  return [part for row in zip(*columns, strict=True) for part in row]


def _grid(parts: Sequence[Array], size: int) -> Grid:
  return [parts[i : i + size] for i in range(0, len(parts), size)]


def _tiles(image: tuple[int, int]) -> Windows:
  """The 3 x 3 pixels that each tile sees, of an image with a row and a column of zeros before."""
  return Windows(3, 2, image, tuple(size // 2 + 1 for size in image), (1, 1))


def conv(
  x: Float[Array, "B h w I"],
  kernel: Float[Array, "2 2 I O"],
  product: Callable[[Array, Array], Array],
  inner: Callable[[Array, Array], Array],
) -> Float[Array, "B h+1 w+1 O"]:
  """All windows of 2 x 2 that meet the image, of which one row and column of zeros are around it.

  `product` and `inner` multiply [M, I] by [I, O], and the transpose of [M, I] by [M, O].
  """
  win = _tiles(x.shape[1:3])
  shape = x.shape[0], *win.count

  def of_image(x):
    seen = jnp.split(patches(x, win).reshape(-1, 9 * x.shape[-1]), 9, 1)
    return _both(OF_IMAGE.along, _grid(seen, 3))

  @jax.custom_vjp
  def convolve(x, kernel):
    return forward(x, kernel)[0]

  def forward(x, kernel):
    tiles, kernels = of_image(x), _both(OF_KERNEL.along, [list(row) for row in kernel])
    results = _both(OF_RESULT.along, _grid([*map(product, tiles, kernels)], 3))
    rows = [jnp.stack([one.reshape(*shape, -1) for one in row], 3) for row in _grid(results, 2)]
    return jnp.stack(rows, 2), (tiles, kernels)

  def backward(kept, g):
    tiles, kernels = kept
    of_results = [[g[:, :, i, :, j].reshape(-1, g.shape[-1]) for j in range(2)] for i in range(2)]
    g = _both(OF_RESULT.back, of_results)
    of_tiles = [product(one, kernel.T) for one, kernel in zip(g, kernels, strict=True)]
    of_kernel = _both(OF_KERNEL.back, _grid([*map(inner, tiles, g)], 3))
    seen = jnp.concatenate(_both(OF_IMAGE.back, _grid(of_tiles, 3)), -1)
    return fold(seen.reshape(*shape, -1), win), jnp.stack(of_kernel).reshape(kernel.shape)

  convolve.defvjp(forward, backward)
  y = convolve(x, kernel)  # [B, tiles, 2, tiles, 2, O]
  y = y.reshape(shape[0], 2 * shape[1], 2 * shape[2], -1)
  return y[:, : x.shape[1] + 1, : x.shape[2] + 1]
