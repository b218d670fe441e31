"""The layers of Inception-v3, by the names that its weights have in PyTorch."""

from typing import NamedTuple


class ConvBlock(NamedTuple):
  """A convolution without bias, batch norm, and a ReLU."""

  name: str
  channels: int
  kernel: tuple[int, int] = (1, 1)
  stride: int = 1
  padding: str = "SAME"


class Pool(NamedTuple):
  """Over 3 x 3 pixels."""

  kind: str  # average or max
  stride: int = 1
  padding: str = "SAME"


# Layers of a tuple follow one another; those of a list, its branches, have the same input, and
# their outputs' channels follow one another.
Architecture = ConvBlock | Pool | tuple | list
SHRINK = Pool("max", 2, "VALID")
AVERAGE = Pool("average")
ROW, COLUMN = (1, 7), (7, 1)


def _chain(name: str, *convs: tuple) -> tuple[ConvBlock, ...]:
  """Convolutions of these channels, kernels, ... that follow one another, numbered from 1."""
  return tuple(ConvBlock(f"{name}_{i}", *conv) for i, conv in enumerate(convs, 1))


def _a(name: str, pooled: int) -> Architecture:
  return [
    ConvBlock(f"{name}.branch1x1", 64),
    _chain(f"{name}.branch5x5", (48,), (64, (5, 5))),
    _chain(f"{name}.branch3x3dbl", (64,), (96, (3, 3)), (96, (3, 3))),
    (AVERAGE, ConvBlock(f"{name}.branch_pool", pooled)),
  ]


def _b(name: str) -> Architecture:
  return [
    ConvBlock(f"{name}.branch3x3", 384, (3, 3), 2, "VALID"),
    _chain(f"{name}.branch3x3dbl", (64,), (96, (3, 3)), (96, (3, 3), 2, "VALID")),
    SHRINK,
  ]


def _c(name: str, inner: int) -> Architecture:
  row, column = (inner, ROW), (inner, COLUMN)
  return [
    ConvBlock(f"{name}.branch1x1", 192),
    _chain(f"{name}.branch7x7", (inner,), row, (192, COLUMN)),
    _chain(f"{name}.branch7x7dbl", (inner,), column, row, column, (192, ROW)),
    (AVERAGE, ConvBlock(f"{name}.branch_pool", 192)),
  ]


def _d(name: str) -> Architecture:
  return [
    _chain(f"{name}.branch3x3", (192,), (320, (3, 3), 2, "VALID")),
    _chain(f"{name}.branch7x7x3", (192,), (192, ROW), (192, COLUMN), (192, (3, 3), 2, "VALID")),
    SHRINK,
  ]


def _e(name: str, pool: Pool) -> Architecture:
  return [
    ConvBlock(f"{name}.branch1x1", 320),
    (ConvBlock(f"{name}.branch3x3_1", 384), _cross(f"{name}.branch3x3_2")),
    (*_chain(f"{name}.branch3x3dbl", (448,), (384, (3, 3))), _cross(f"{name}.branch3x3dbl_3")),
    (pool, ConvBlock(f"{name}.branch_pool", 192)),
  ]


def _cross(name: str) -> Architecture:
  return [ConvBlock(f"{name}a", 384, (1, 3)), ConvBlock(f"{name}b", 384, (3, 1))]


LAYERS: Architecture = (
  ConvBlock("Conv2d_1a_3x3", 32, (3, 3), 2, "VALID"),
  ConvBlock("Conv2d_2a_3x3", 32, (3, 3), 1, "VALID"),
  ConvBlock("Conv2d_2b_3x3", 64, (3, 3)),
  SHRINK,
  ConvBlock("Conv2d_3b_1x1", 80),
  ConvBlock("Conv2d_4a_3x3", 192, (3, 3), 1, "VALID"),
  SHRINK,
  _a("Mixed_5b", 32),
  _a("Mixed_5c", 64),
  _a("Mixed_5d", 64),
  _b("Mixed_6a"),
  _c("Mixed_6b", 128),
  _c("Mixed_6c", 160),
  _c("Mixed_6d", 160),
  _c("Mixed_6e", 192),
  _d("Mixed_7a"),
  _e("Mixed_7b", AVERAGE),
  _e("Mixed_7c", Pool("max")),
)
