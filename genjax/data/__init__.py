"""Datasets: where they come from, their splits, and batches drawn inside a compiled program."""

from genjax.data.batches import batches_per_epoch, draw, order, permute, to_device
from genjax.data.splits import Splits, absolute, first, load, moved
