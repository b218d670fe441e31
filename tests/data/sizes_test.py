"""Published sizes, against TFDS's own description and against the data where they are."""

import numpy as np
import pytest
import tensorflow_datasets as tfds

from genjax import data
from genjax.data import sizes
from genjax.types import Dataset


def _sizes(splits):
  parts = (splits.train, splits.validation, splits.test)
  arrays = [array for part in parts for array in part]
  return [(array.shape, array.dtype) for array in arrays], splits.num_classes


@pytest.mark.parametrize("name", sizes.SIZES)
def test_shapes_and_classes_are_those_of_tfds(name, tmp_path):
  features = tfds.builder(name, data_dir=tmp_path).info.features
  described = sizes.SIZES[name]
  assert features["image"].shape == described.shape
  assert features["label"].num_classes == described.num_classes


@pytest.mark.parametrize(
  ("size", "validation", "channels"), [(0, 0.1, 0), (12, 0.25, 3), (5, 0.07, 1)]
)
@pytest.mark.parametrize("depth", [1, 3])
def test_splits_are_those_of_the_data(
  size, validation, channels, depth, tmp_path, monkeypatch, caches
):
  train, test = (
    Dataset(np.zeros((count, 8, 6, depth), np.uint8), np.arange(count) % 4) for count in (50, 9)
  )
  arrays = {"x_train": train.image, "y_train": train.label}
  np.savez(tmp_path / "data.npz", **arrays, x_test=test.image, y_test=test.label)
  real = data.load(str(tmp_path / "data.npz"), size=size, validation=validation, channels=channels)
  described = sizes.Sizes((8, 6, depth), 50, 9, 4)
  monkeypatch.setitem(sizes.SIZES, "some", described)
  found = sizes.splits("some:1.0.0", size, validation, channels)
  assert _sizes(found) == _sizes(real)
  assert found.source == "some (not on this machine; sizes as published)"


def test_images_take_no_memory():
  image = sizes.splits("cifar10", size=256).train.image
  assert image.shape == (45_000, 256, 256, 3)
  assert image.base.nbytes == 1


def test_other_names_are_unknown():
  assert sizes.splits("digits") is None
  assert sizes.splits("./mnist") is None
  assert sizes.splits("emnist") is None
