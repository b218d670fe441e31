"""Images of any program, as they are scored."""

import numpy as np
import pytest
from PIL import Image

from genjax.data import images
from genjax.types import UserError


@pytest.mark.parametrize(
  "layout",
  [
    {"": 4, "extra": 2},
    {"train/a": 2, "test/a": 3},
    {"train": 2, "test": 3},
    {"val": 2, "a/b/c": 1, "a": 1},
  ],
)
def test_every_picture_of_a_folder_is_taken_however_it_is_laid_out(tmp_path, layout):
  """As a training set is not: it has parts and classes, and what lies beside them is left out."""
  grey = iter(range(100))
  for folder, count in layout.items():
    place = tmp_path / folder
    place.mkdir(parents=True, exist_ok=True)
    for number in range(count):
      Image.fromarray(np.full((3, 3), next(grey), np.uint8)).save(place / f"{number}.png")
  (tmp_path / "notes.txt").write_text("none")
  (run,) = images.read(tmp_path)
  assert run.shape == (sum(layout.values()), 3, 3, 1)
  assert sorted(run[:, 0, 0, 0]) == [*range(len(run))]


def test_a_folder_without_pictures_is_refused(tmp_path):
  (tmp_path / "notes.txt").write_text("none")
  with pytest.raises(UserError, match=r": no images; expected \*\.png \(or jpg"):
    images.read(tmp_path)


@pytest.mark.parametrize("kind", [bool, np.uint8, np.int64, np.float32])
@pytest.mark.parametrize("runs", [(), (2,)])
def test_nought_and_one_are_black_and_white(kind, runs):
  """Of all runs: one that has nothing but black says of the others nothing."""
  array = np.zeros((*runs, 5, 3, 3), kind)[..., None]
  array[-1, ..., 1, 0] = 1
  found = images.read(array)
  assert len(found) == (runs or (1,))[0]
  np.testing.assert_array_equal(np.unique(found[-1]), [0, 255])
  np.testing.assert_array_equal(found[-1] / 255, array[-1] if runs else array)


def test_a_one_among_other_whole_numbers_is_nearly_black():
  array = np.array([[0, 1], [1, 0]], np.uint8).reshape(2, 1, 2, 1, 1).repeat(3, 1)
  array[1, 0, 0] = 2
  first, _ = images.read(array)
  assert first.max() == 1
