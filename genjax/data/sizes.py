"""Sizes of well-known datasets: enough to say what a config would train before the data are here.

LeCun et al. 1998 (MNIST), Xiao et al. 2017 (Fashion-MNIST), Clanuwat et al. 2018 (Kuzushiji-MNIST),
Cohen et al. 2017 (EMNIST), Krizhevsky 2009 (CIFAR), Netzer et al. 2011 (SVHN).
"""

from typing import NamedTuple

import numpy as np

from genjax.data.sources import numbered
from genjax.data.splits import Splits
from genjax.types import Dataset, Shape


class Sizes(NamedTuple):
  """A dataset as tensorflow-datasets has it."""

  shape: Shape
  train: int
  test: int
  num_classes: int


_GREY, _COLOUR = (28, 28, 1), (32, 32, 3)
SIZES = {
  "mnist": Sizes(_GREY, 60_000, 10_000, 10),
  "fashion_mnist": Sizes(_GREY, 60_000, 10_000, 10),
  "kmnist": Sizes(_GREY, 60_000, 10_000, 10),
  "emnist/balanced": Sizes(_GREY, 112_800, 18_800, 47),
  "emnist/letters": Sizes(_GREY, 88_800, 14_800, 37),
  "cifar10": Sizes(_COLOUR, 50_000, 10_000, 10),
  "cifar100": Sizes(_COLOUR, 50_000, 10_000, 100),
  "svhn_cropped": Sizes(_COLOUR, 73_257, 26_032, 10),
}


def splits(name: str, size: int = 0, validation: float = 0.1, channels: int = 0) -> Splits | None:
  """What `data.load` gives for these arguments, with black images that take no memory.

  None where the name is not in `SIZES`; a version (`mnist:3.0.1`) makes no difference.
  """
  name = name.partition(":")[0]
  if name not in SIZES:
    return None
  (height, width, depth), train, test, num_classes = SIZES[name]
  shape = (size or height, size or width, channels or depth)
  held_out = round(validation * train)
  parts = [_black(count, shape) for count in (train - held_out, held_out, test)]
  return Splits(*parts, numbered(num_classes), f"{name} (not on this machine; sizes as published)")


def _black(count: int, shape: Shape) -> Dataset:
  # One byte, seen from everywhere.
  image = np.broadcast_to(np.zeros((), np.uint8), (count, *shape))
  return Dataset(image, np.broadcast_to(np.zeros((), np.int32), (count,)))
