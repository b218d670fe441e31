"""The command on whole workdirs: what it leaves, and what it refuses."""

import csv
import json
import os
import shutil

import numpy as np
import pytest
from PIL import Image

from genjax import files
from genjax.analysis import interpolation
from genjax.analysis.picture_rows import InterpolationFlags
from genjax.types import UserError

QUICK = InterpolationFlags(runs=("seed=0", "latent=2"), pairs=1, steps=3)


def _copy(source, target):
  return shutil.copytree(source, target / "copy")


def test_pictures_animations_and_tables_of_a_workdir(vae, tmp_path):
  path = _copy(vae[0], tmp_path)
  text = interpolation.interpolate([path], QUICK)
  files = sorted(file.name for file in (path / "interpolation").iterdir())
  runs = [f"latent-2-learning-rate-{rate}-seed-0" for rate in (0.001, 0.3)]
  expected = ["images-1.png", "images.gif", "random-1.png", "random.gif", "traversal.gif"]
  expected += ["smoothness.csv", "smoothness_pairs.csv", "smoothness_runs.csv"]
  expected += [f"{what}-{run}.png" for what in ("manifold", "traversal") for run in runs]
  assert files == sorted(expected)
  for name in files:
    assert name in text
    if not name.endswith(".csv"):
      with Image.open(path / "interpolation" / name) as image:
        assert getattr(image, "n_frames", 1) == (4 if name.endswith(".gif") else 1)
  assert text.startswith("Paths of 64 steps between 32 pairs of random latents")
  assert "best weights, in pixels\nInterquartile mean over seeds [95%]; " in text
  assert "with 1 seed decides nothing; P(" in " ".join(text.split())
  with open(path / "interpolation" / "smoothness_runs.csv") as file:
    protocol = {"space": "pixels", "weights": "best", "noise_seed": "0", "pairs": "32"}
    assert all(protocol.items() <= row.items() for row in csv.DictReader(file))


def test_every_table_is_printed_when_asked_for(vae, tmp_path):
  wanted = QUICK._replace(what=("random",), out=str(tmp_path / "out"))
  text = interpolation.interpolate([vae[0]], wanted, everything=True)
  assert "not enough seeds" in text
  assert "median [95%]" in text


def test_a_second_call_replaces_the_first_one_s_folder(vae, tmp_path, monkeypatch):
  path = _copy(vae[0], tmp_path)
  out = path / "interpolation"
  interpolation.interpolate([path], QUICK._replace(what=("manifold",)))
  before = {file.name: file.read_bytes() for file in out.iterdir()}
  assert before

  def fail(*_):
    raise error

  monkeypatch.setattr(interpolation, "pictures", fail)
  for error in (KeyboardInterrupt(), OSError("the data's disk")):  # neither is --out's
    with pytest.raises(type(error)):
      interpolation.interpolate([path], QUICK._replace(what=("traversal",)))
    assert {file.name: file.read_bytes() for file in out.iterdir()} == before
  monkeypatch.undo()
  interpolation.interpolate([path], QUICK._replace(what=("traversal",)))
  assert {file.name.split("-")[0] for file in out.iterdir()} == {"traversal", "traversal.gif"}
  (out / "mine.txt").write_text("")
  with pytest.raises(UserError, match=r"holds mine\.txt, which this command did not write"):
    interpolation.interpolate([path], QUICK._replace(what=("traversal",)))


def test_several_workdirs_in_one_figure(vae, tmp_path):
  other = shutil.copytree(vae[0], tmp_path / "other")
  wanted = QUICK._replace(what=("random",), kinds=("spherical",), out=str(tmp_path / "both"))
  interpolation.interpolate([vae[0], other], wanted)
  with open(tmp_path / "both" / "smoothness_runs.csv") as file:
    rows = list(csv.DictReader(file))
  # The same weights under two names.
  ratios = [row for row in rows if row["measure"] == "ratio"]
  theirs = [row["value"] for row in ratios if row["setting"].startswith("other ")]
  ours = [row["value"] for row in ratios if not row["setting"].startswith("other ")]
  assert len(ours) == 2
  assert ours == theirs


@pytest.mark.parametrize(
  ("change", "line"),
  [
    ({"what": ("paths",)}, "--what has 'paths'; expected some of random, images"),
    ({"what": ("classes",)}, "--what has 'classes', but no model is conditional"),
    ({"what": ("manifold",), "runs": ("latent=3",)}, "'manifold', but no run has a latent of 2"),
    ({"images": ("1", "2", "3")}, "expected an even number"),
    ({"images": ("0", "1"), "what": ("random",)}, "--images=0,1, but --what=random has no images"),
    ({"images": ("0", "9999")}, "expected places of test images"),
    ({"runs": ("latent=7",)}, "no run matches"),
  ],
)
def test_what_cannot_be_had(vae, tmp_path, change, line):
  wanted = QUICK._replace(out=str(tmp_path / "out"), **change)
  with pytest.raises(UserError, match=line):
    interpolation.interpolate([vae[0]], wanted)
  assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written(vae, tmp_path):
  (tmp_path / "file").write_text("")
  wanted = QUICK._replace(what=("random",), out=str(tmp_path / "file" / "out"))
  with pytest.raises(UserError, match=r"--out=.*file/out cannot be written"):
    interpolation.interpolate([vae[0]], wanted)


def test_without_its_data_a_workdir_has_all_but_images(vae, tmp_path):
  path = _copy(vae[0], tmp_path)
  record = json.loads((path / "config.json").read_text())
  record["config"]["data"]["name"] = str(tmp_path / "gone.npz")
  files.write(path / "config.json", json.dumps(record))
  wanted = QUICK._replace(what=("images",))
  with pytest.raises(UserError, match=r"gone\.npz"):
    interpolation.interpolate([path], wanted)
  with pytest.raises(UserError, match=r"gone\.npz"):
    interpolation.interpolate([path], QUICK._replace(space="features", what=("random",)))
  text = interpolation.interpolate([path], QUICK._replace(kinds=("linear",)))
  assert "note: images are left out: " in text
  assert not [name for name in os.listdir(path / "interpolation") if "images" in name]


def test_given_images_stand_at_the_ends(vae):
  labels = np.arange(10)
  given, pairs = InterpolationFlags(images=("4", "2")), InterpolationFlags(pairs=3)
  assert interpolation.chosen_images(labels, given).tolist() == [4, 2]
  assert interpolation.chosen_images(labels, pairs).tolist() == [0, 1, 2, 3, 4, 5]
