"""2 x 2 convolutions by nine products for every four results, where patches take sixteen.

Winograd's minimal filtering (Lavin and Gray 2016, section 4.1, there for 3 x 3): two results of a
kernel of two taps, d0 g0 + d1 g1 and d1 g0 + d2 g1, are m0 + m1 and m1 - m2, where

  m0 = (d0 - d1) g0,    m1 = d1 (g0 + g1),    m2 = (d1 - d2) g1

take three multiplications in place of four. Along both axes that is nine for sixteen. d and g have
channels, so each multiplication is a matrix product over all tiles (2 x 2 results each). The sums
cost time as well: it pays where there are many channels.
"""

from collections.abc import Callable, Sequence

import jax.numpy as jnp
from jaxtyping import Array, Float

from genjax.models.windows import Windows, patches

Grid = Sequence[Sequence[Array]]


def of_image(d0: Array, d1: Array, d2: Array) -> tuple[Array, ...]:
  """What the products take of three neighbouring pixels."""
  return d0 - d1, d1, d1 - d2


def of_kernel(g0: Array, g1: Array) -> tuple[Array, ...]:
  """What the products take of two taps."""
  return g0, g0 + g1, g1


def of_products(m0: Array, m1: Array, m2: Array) -> tuple[Array, ...]:
  """Two neighbouring results."""
  return m0 + m1, m1 - m2


def _both(along: Callable[..., tuple[Array, ...]], grid: Grid) -> list[Array]:
  """The map along the rows and then along the columns of a grid; row by row."""
  rows = [along(*row) for row in grid]
  columns = [along(*column) for column in zip(*rows, strict=True)]
  return [part for row in zip(*columns, strict=True) for part in row]


def _grid(parts: Sequence[Array], size: int) -> Grid:
  return [parts[i : i + size] for i in range(0, len(parts), size)]


def conv(
  x: Float[Array, "B h w I"],
  kernel: Float[Array, "2 2 I O"],
  product: Callable[[Array, Array], Array],
) -> Float[Array, "B h+1 w+1 O"]:
  """Convolution of stride 1 of the image padded by one zero on every side.

  `product` multiplies [M, I] by [I, O].
  """
  # The 3 x 3 pixels that each tile reads; the image is padded by one zero in front.
  win = Windows(3, 2, x.shape[1:3], tuple(size // 2 + 1 for size in x.shape[1:3]), (1, 1))
  tiles = x.shape[0], *win.count
  pixels = jnp.split(patches(x, win).reshape(-1, 9 * x.shape[-1]), 9, 1)
  images = _both(of_image, _grid(pixels, 3))
  kernels = _both(of_kernel, [list(row) for row in kernel])
  results = _both(of_products, _grid([*map(product, images, kernels)], 3))
  rows = [jnp.stack([one.reshape(*tiles, -1) for one in row], 3) for row in _grid(results, 2)]
  y = jnp.stack(rows, 2).reshape(tiles[0], 2 * tiles[1], 2 * tiles[2], -1)
  return y[:, : x.shape[1] + 1, : x.shape[2] + 1]
