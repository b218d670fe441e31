"""What the command draws: the same noise gives the same picture, in three kinds of file."""

import json
import re
import shutil

import numpy as np
import pytest
import toys
import trainings
from PIL import Image

import genjax
from genjax import sample
from genjax.analysis import sample_files, sampling, selection
from genjax.types import UserError


@pytest.fixture(scope="module")
def failed(caches, tmp_path_factory):
  """A workdir with a run that failed, beside one that did not."""
  path = tmp_path_factory.mktemp("failed")

  def fail(progress):
    return progress._replace(failed_at=np.array([-1, 1], np.int32))

  plan = trainings.plan("vae", **{"sweep.seeds": (0, 1), "sweep.latents": (2,)})
  trainings.untrained(path, plan, fail)
  return path


@pytest.fixture(scope="module")
def conditional(caches, tmp_path_factory):
  path = tmp_path_factory.mktemp("conditional")
  changes = {"model.network": "s4_cgan", "sweep.seeds": (0,), "sweep.latents": (2,)}
  trainings.untrained(path, trainings.plan("gan", **changes))
  return path


@pytest.fixture
def call(capsys):
  """The command within this process; returns what it prints."""

  def run(*arguments):
    sample._FLAGS.unparse_flags()
    for name in list(sample._FLAGS):
      sample._FLAGS[name].unparse()
    sample._FLAGS.set_gnu_getopt(True)
    sample.main(sample._FLAGS(["sample", *map(str, arguments)])[1:])
    return capsys.readouterr().out

  return run


def pixels(path):
  with Image.open(path) as image:
    return np.asarray(image)


def test_an_array_has_the_images_of_the_runs_and_what_they_are_drawn_from(vae, tmp_path, call):
  said = call(f"--workdir={vae[0]}", "--runs=1,6", "--num=5", f"--out={tmp_path}/new/a.npz")
  assert said == f"{tmp_path}/new/a.npz: 5 images of 2 runs, best weights\n"
  assert [file.name for file in (tmp_path / "new").iterdir()] == ["a.npz"]
  with np.load(tmp_path / "new" / "a.npz") as saved:
    found = dict(saved)
  assert found["image"].shape == (2, 5, 28, 28, 1)
  assert found["image"].dtype == np.uint8
  assert found["z"].shape == (5, 3)
  np.testing.assert_array_equal(found["label"], np.full((2, 5), -1))
  assert found["workdir"].tolist() == [vae[0].name] * 2
  runs = genjax.load(vae[0])
  for row, i in enumerate((1, 6)):
    numbers = {name: found[name][row] for name in ("run", "seed", "latent", "step", "failed_at")}
    assert numbers == {
      "run": i,
      "seed": runs[i].numbers["seed"],
      "latent": runs[i].numbers["latent"],
      "step": runs[i].step,
      "failed_at": -1,
    }
    images = runs[i].generate(found["z"][:, : numbers["latent"]])
    np.testing.assert_allclose(found["image"][row], np.asarray(images) * 255, atol=0.51)
  assert found["image"].std() > 5


def test_a_picture_of_one_run_has_its_images_in_order(vae, tmp_path, call):
  (chosen,) = selection.read([vae[0]], ["2"])
  (block,) = sampling.draw(chosen, 0, np.full(6, -1, np.int32))
  call(f"--workdir={vae[0]}", "--runs=2", "--num=6", f"--out={tmp_path}/a.png")
  canvas = pixels(tmp_path / "a.png")[..., 0]
  enlarged = block.images[0, ..., 0].repeat(6, 1).repeat(6, 2)  # 3 columns of 28 pixels
  stride = 6 * 28 + 6
  left, top = 36, int(np.flatnonzero((canvas[:, 36:200] != 255).all(1))[0])
  for i, image in enumerate(enlarged):
    y, x = top + i // 3 * stride, left + i % 3 * stride
    np.testing.assert_array_equal(canvas[y : y + 168, x : x + 168], image)


def test_a_folder_names_its_pictures(failed, tmp_path, call):
  said = call(f"--workdir={failed}", "--num=11", f"--out={tmp_path}/d")
  assert said.endswith(
    "11 images of 2 runs, best weights; 1 run failed, with the last good images\n"
  )
  names = sorted(file.name for file in (tmp_path / "d").iterdir())
  assert len(names) == 22
  assert names[:2] == ["run0-00.png", "run0-01.png"]
  assert names[-1] == "run1-failed-10.png"
  (chosen,) = selection.read([failed], ["0"])
  (block,) = sampling.draw(chosen, 0, np.full(11, -1, np.int32))
  np.testing.assert_array_equal(pixels(tmp_path / "d" / "run0-10.png"), block.images[0, 10, ..., 0])
  call(f"--workdir={failed}", "--num=1", "--runs=0", f"--out={tmp_path}/d")  # replaced whole
  assert [file.name for file in (tmp_path / "d").iterdir()] == ["run0-0.png"]
  (tmp_path / "d" / "mine.txt").write_text("")
  with pytest.raises(UserError, match=r"/d holds mine\.txt, which this command did not write"):
    call(f"--workdir={failed}", f"--out={tmp_path}/d")
  assert len(list((tmp_path / "d").iterdir())) == 2


def test_failed_runs_are_marked(failed, tmp_path, call):
  red = [0xB0, 0x00, 0x20]
  for runs, marked in (("0", False), ("1", True), ("0,1", True)):
    call(f"--workdir={failed}", f"--runs={runs}", "--num=4", f"--out={tmp_path}/a.png")
    assert (pixels(tmp_path / "a.png")[..., :3] == red).all(-1).any() == marked


def test_classes(conditional, tmp_path, call):
  out = tmp_path / "a.npz"
  found = {}
  for flag, expected in {
    "": [0, 1, 2, 3],
    "--label=3": [3] * 4,
    "--label=3,5": [3, 5, 3, 5],
  }.items():
    call(f"--workdir={conditional}", "--num=4", f"--out={out}", *filter(None, [flag]))
    with np.load(out) as saved:
      assert saved["label"].tolist() == [expected]
      found[flag] = saved["image"], saved["z"]
  run = genjax.load(conditional)[0]
  images, z = found["--label=3,5"]
  expected = run.generate(z, np.array([3, 5, 3, 5]))
  np.testing.assert_allclose(images[0], np.asarray(expected) * 255, atol=0.51)
  np.testing.assert_array_equal(images[0, ::2], found["--label=3"][0][0, ::2])
  call(f"--workdir={conditional}", "--num=12", "--label=3,5", f"--out={tmp_path}/d")
  assert {file.name[:18] for file in (tmp_path / "d").iterdir()} >= {"run0-00-label3.png"}


def test_classes_by_their_names(conditional, tmp_path, call):
  """A name comes before a number: of folders 7 and 1, class 1 is the folder 7."""
  path, out = tmp_path / "run", tmp_path / "a.npz"
  shutil.copytree(conditional, path)
  record = json.loads((path / "config.json").read_text())
  record["dataset"]["classes"] = ["cat", "7", "1", "a b", *"efghij"]
  (path / "config.json").write_text(json.dumps(record))
  for label, expected in (("cat, a b", [0, 3]), ("7,1", [1, 2]), ("9", [9, 9])):
    call(f"--workdir={path}", f"--label={label}", "--num=2", f"--out={out}")
    with np.load(out) as saved:
      assert saved["label"].tolist() == [expected]
  (chosen,) = selection.read([path])
  labels = sampling.labels([chosen], ["7"], 2)
  names = selection.class_names([chosen])
  assert sample_files._heads(labels, 2, names) == ["7", "7"]  # not 1, its number
  assert sample_files._footnote([chosen], labels, 0).endswith("class 7.")
  with pytest.raises(
    UserError,
    match=r"--label=dog is not a class; expected one of cat, 7, 1, a b, e, .*, or 0 to 9$",
  ):
    call(f"--workdir={path}", "--label=dog")


def test_columns_have_one_class_each():
  turns = np.resize(np.arange(10), 60)
  assert sample_files._columns(60, turns) == 10
  assert sample_files._heads([turns], 10, "0123456789") == [str(i) for i in range(10)]
  assert sample_files._heads([turns], 9, "0123456789") is None
  assert sample_files._columns(64, np.full(64, -1)) == 8
  assert sample_files._columns(12, np.full(12, -1)) == 4
  assert sample_files._columns(30, np.resize([3, 5], 30)) == 6
  assert sample_files._columns(5, np.arange(5)) == 5


def test_where_pictures_go_if_nothing_is_said(vae, tmp_path, monkeypatch, call):
  copy = shutil.copytree(vae[0], tmp_path / "one")
  shutil.copytree(vae[0], tmp_path / "study" / "width=8")
  shutil.copytree(vae[0], tmp_path / "study" / "width=16")
  monkeypatch.chdir(tmp_path)
  few = ["--num=2", "--runs=0"]
  assert call("--workdir=one", *few).startswith("one/samples/sample.png: 2 images of 1 run")
  assert call("study", *few).startswith("samples-study.png: 2 images of 2 runs")
  assert call("--workdir=one", *few, "study").startswith("samples-one-study.png: 2 images of 3")
  assert (copy / "samples" / "sample.png").exists()
  assert {file.name for file in tmp_path.glob("*.png")} == {
    "samples-study.png",
    "samples-one-study.png",
  }


def test_a_picture_of_several_runs_is_no_wider_than_a_page(vae, tmp_path, call):
  workdir, number = f"--workdir={vae[0]}", re.compile(r": (\d+) images")
  for flags, expected in (
    (["--runs=0,1", "--out=a.png"], 16),
    (["--runs=0,1", "--out=a.png", "--num=64"], 64),
    (["--runs=0", "--out=a.png"], 64),
    (["--runs=0,1", "--out=a.npz"], 64),
  ):
    said = call(workdir, *(flag.replace("--out=", f"--out={tmp_path}/") for flag in flags))
    assert int(number.search(said)[1]) == expected


@pytest.mark.parametrize(
  ("flags", "line"),
  [
    (["--label=3"], "--label=3: the model of .* takes no label"),
    (["--out=a.jpg"], "--out=a.jpg: expected .png, .npz, or a folder"),
    (["--out="], "--out is empty"),
    (["--num=100000", "--out=a.png"], "100,000 images of 8 runs are too many for one picture"),
    (["--out=/dev/null/a.png"], "--out=/dev/null/a.png cannot be written"),
    (["--out=/dev/null/a"], "--out=/dev/null/a cannot be written"),
    (["--runs=99"], "--runs=99: no run matches"),
  ],
)
def test_mistakes(vae, flags, line, call, tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  with pytest.raises(UserError, match=line):
    call(f"--workdir={vae[0]}", *flags)
  assert not list(tmp_path.iterdir())


def test_of_classes_called_by_numbers_none_is_meant_by_its_place(vae):
  """Folders 1 to 3: 1 is the first."""
  (chosen,) = selection.read([vae[0]], ["0"])
  toy = toys.classes(chosen, ("1", "2", "3"))
  assert sampling.labels([toy], ["1", "3"], 4)[0].tolist() == [0, 2, 0, 2]
  with pytest.raises(UserError, match=r"--label=0 is not a class; expected one of 1, 2, 3$"):
    sampling.labels([toy], ["0"], 4)


@pytest.mark.parametrize("label", ["10", "-1", "x", "3,10", "3.0"])
def test_classes_that_there_are_not(conditional, label, call):
  wrong = label.split(",")[-1]
  with pytest.raises(
    UserError,
    match=f"--label={wrong} is not a class; expected one of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9$",
  ):
    call(f"--workdir={conditional}", f"--label={label}")


def test_what_fails_on_the_way_leaves_what_was_there(vae, tmp_path, call, monkeypatch):
  def fail(*_):
    yield sampling.ImageBlock(0, np.zeros((8, 1, 28, 28, 1), np.uint8))
    raise KeyboardInterrupt

  for name in ("a.png", "a.npz"):
    (tmp_path / name).write_text("old")
  monkeypatch.setattr(sampling, "draw", fail)
  for name in ("a.png", "a.npz", "folder", "new/a.png"):
    with pytest.raises(KeyboardInterrupt):
      call(f"--workdir={vae[0]}", "--num=2", f"--out={tmp_path / name}")
  assert {file.name: file.read_text() for file in tmp_path.iterdir()} == {
    "a.png": "old",
    "a.npz": "old",
  }


def test_a_mistake_has_one_line_and_status_2(commands, tmp_path):
  status, _, errors = commands("sample", "--num=0", cwd=tmp_path)
  assert status == 2
  assert errors.startswith("genjax: ")
  assert errors.count("\n") == 1
  assert "num is '0'; expected a whole number from 1 to 100,000" in errors
