"""Which real images a command shows."""

import json
import shutil

import numpy as np
import pytest

from genjax.analysis import selection, test_images
from genjax.data import sources
from genjax.reporting import build
from genjax.scoring import runs
from genjax.scoring.protocols import Settings
from genjax.types import UserError

LABELS = np.array([2, 0, 2, 1, 0, 1, 2])


def test_images_of_different_classes_come_first():
  assert test_images.of_each_class(LABELS, 5).tolist() == [1, 3, 0, 4, 5]
  assert test_images.places((), LABELS, 2).tolist() == [1, 3]
  assert test_images.places(("6", "0"), LABELS, 2).tolist() == [6, 0]


@pytest.mark.parametrize("given", ["7", "-1", "x", "²"])
def test_images_that_there_are_not(given):
  with pytest.raises(UserError, match=f"--images=0,{given}: expected places .*, 0 to 6"):
    test_images.places(("0", given), LABELS, 2)


def test_workdirs_of_other_images_do_not_go_together(vae):
  (one,) = selection.read([vae[0]])
  other = one._replace(name="other", saved=one.saved._replace(image_shape=(32, 32, 3)))
  test_images.check_shapes([one, one])
  with pytest.raises(UserError, match=r"images differ in their shape: .*other of \(32, 32, 3\)"):
    test_images.check_shapes([one, other])


def test_data_are_those_that_the_runs_had(vae):
  found = selection.read([vae[0]])
  assert test_images.splits(found).test.image.shape[1:] == found[0].saved.image_shape
  found[0].saved.config.data.size = 16
  with pytest.raises(UserError, match="was trained on other data"):
    test_images.splits(found)


def test_data_that_moved_are_found_where_a_flag_says(vae, tmp_path):
  """By what they hold: the workdir's config names a file that is gone."""
  path, digits = tmp_path / "run", sources.digits(0).train
  shutil.copytree(vae[0], path)
  record = json.loads((path / "config.json").read_text())
  record["config"]["data"]["name"] = "/gone/digits.npz"
  (path / "config.json").write_text(json.dumps(record))
  np.savez(tmp_path / "here.npz", image=digits.image, label=digits.label)
  np.savez(tmp_path / "other.npz", image=255 - digits.image, label=digits.label)
  found = selection.read([path])
  with pytest.raises(UserError, match=r"/gone/digits\.npz: no such file; --data=PATH says where"):
    test_images.splits(found)
  splits = test_images.splits(found, str(tmp_path / "here.npz"))
  np.testing.assert_array_equal(splits.test.image, vae[1].splits.test.image)
  with pytest.raises(
    UserError, match=r"trained on other data: crc32 is .* place with --data=PATH$"
  ):
    test_images.splits(found, str(tmp_path / "other.npz"))
  assert build.context([path])["samples"]["missing"]
  assert not build.context([path], where=str(tmp_path / "here.npz"))["samples"]["missing"]
  wanted = runs.Wanted(("best",), ("sharpness",), Settings("test", 200), 1, "")
  with pytest.raises(UserError, match="no such file"):
    runs.score(path, wanted)
  assert runs.score(path, wanted._replace(data=str(tmp_path / "here.npz")))
