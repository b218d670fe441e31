"""What the commands do, from Python: data come back, and the process stays as it is."""

import ast
import inspect
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import threading

import jax
import numpy as np
import pytest
import trainings

import genjax
from genjax import config, data, mistakes
from genjax.training import checkpoint

ROOT = pathlib.Path(genjax.__file__).parents[1]


@pytest.fixture(scope="module")
def scored(caches, tmp_path_factory):
  """A workdir of two latents that `train` made and `evaluate` scored, and what each gave."""
  path = tmp_path_factory.mktemp("api") / "vae"
  before = _process()
  runs = genjax.train(trainings.wanted(), path, {"steps": 4, "eval_every": 4}, report=False)
  scores = genjax.evaluate(path, "swd", images=200)
  assert _process() == before
  return path, runs, scores


def _process():
  """What a library must leave alone."""
  kinds = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)
  names = ("jax_compilation_cache_dir", "jax_num_cpu_devices", "jax_enable_x64")
  return [*map(signal.getsignal, kinds), *(getattr(jax.config, name) for name in names)]


def test_training_gives_the_runs(scored):
  path, runs, _ = scored
  assert [run.numbers["latent"] for run in runs] == [2, 2, 3, 3]
  assert runs[0].path == path
  assert runs[0].generate(runs[0].noise(2)).shape == (2, 28, 28, 1)
  assert genjax.table(path).records()[3]["last_step"] == 4


def test_signals_are_not_held_while_it_trains(tmp_path, caches, no_pictures, monkeypatch):
  during = []
  # Another test's command may have run in this process.
  monkeypatch.setattr("genjax.process._commanded", threading.Event())
  monkeypatch.setattr("genjax.training.claims.check", lambda _: during.append(_process()))
  before = _process()
  genjax.train(trainings.wanted(), tmp_path, {"steps": 1, "sweep.seeds": (0,)}, report=False)
  assert during
  assert all(one == before for one in during)


def test_ctrl_c_in_a_save_reaches_the_caller_s_own_handler(tmp_path):
  came = []
  before = signal.signal(signal.SIGINT, lambda *_: came.append("caller's"))
  try:
    with checkpoint.uninterrupted():
      signal.raise_signal(signal.SIGINT)
      assert not came
    assert came == ["caller's"]
  finally:
    signal.signal(signal.SIGINT, before)


def test_without_a_place_for_compiled_programs_none_are_kept(tmp_path):
  (tmp_path / "file").touch()
  environment = os.environ | {"JAX_COMPILATION_CACHE_DIR": str(tmp_path / "file" / "cache")}
  code = "import genjax, jax; genjax.prepare_jax(); print(jax.config.jax_compilation_cache_dir)"
  done = subprocess.run(
    [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
  )
  assert done.stdout == "None\n"
  (line,) = done.stderr.splitlines()
  assert f"{tmp_path}/file/cache cannot be written (Not a directory): what is compiled" in line
  assert line.endswith("JAX_COMPILATION_CACHE_DIR names another folder")


def test_a_failed_read_leaves_no_hook(scored, tmp_path, monkeypatch):
  monkeypatch.setattr("genjax.process._commanded", threading.Event())
  path = pathlib.Path(shutil.copytree(scored[0], tmp_path / "w"))
  shutil.rmtree(path / "checkpoints" / "4" / "tree" / "d")
  before = sys.unraisablehook
  with pytest.raises(genjax.UserError, match="checkpoint"):
    genjax.load(path)
  assert sys.unraisablehook is before


def test_a_command_of_another_package_keeps_its_handlers(tmp_path):
  (tmp_path / "tool").mkdir()
  (tmp_path / "tool" / "__init__.py").write_text("import genjax\n")
  (tmp_path / "tool" / "go.py").write_text("import signal; print(signal.getsignal(signal.SIGINT))")
  command = [sys.executable, "-m", "tool.go"]
  said = subprocess.check_output(command, text=True, cwd=tmp_path)
  assert "_end_quietly" not in said


def test_scores_come_back_with_intervals(scored):
  _, _, scores = scored
  rows = scores.records()
  assert [(row["setting"], row["n"], row["score"]) for row in rows] == [
    ("latent 2", 2, "swd"),
    ("latent 3", 2, "swd"),
  ]
  for row in rows:
    assert row["mean_low"] < row["mean"] < row["mean_high"]
    assert 0 < row["floor"] < row["mean"]


def test_a_comparison_has_its_tables(scored, tmp_path):
  path, _, scores = scored
  found = genjax.compare(path, out=tmp_path / "out")
  assert found.settings.records()[0]["iqm"] == scores.records()[0]["iqm"]
  assert len(found.pairs.records()) == 1
  leans = found.pairs.records()[0]["probability"] < 0.5  # who looks better comes first
  assert ("latent 3 and latent 2" if leans else "latent 2 and latent 3") in repr(found)
  assert (tmp_path / "out" / "pairs.csv").exists()


def test_tables_become_frames(scored):
  pandas = pytest.importorskip("pandas")
  frame = scored[2].to_pandas()
  assert isinstance(frame, pandas.DataFrame)
  assert list(frame["setting"]) == ["latent 2", "latent 3"]


@pytest.mark.parametrize(
  ("call", "message"),
  [
    (lambda out: genjax.train("nowhere.py", out), "nowhere.py: there is no such file; genjax's"),
    (
      lambda out: genjax.train("gan_mist:s1", out),
      "no such file; did you mean gan_mnist? genjax's",
    ),
    (lambda out: genjax.train("vae_mnist:s9", out), "no variant 's9'; expected one of "),
    (lambda out: genjax.train("vae_mnist", out, {"model.widht": 8}), "did you mean model.width?"),
    (lambda out: genjax.train("vae_mnist", out, {"steps": "many"}), "config.steps is 'many'"),
    (lambda out: genjax.evaluate(out), "is not a folder"),
    (lambda out: genjax.evaluate(out, weights="old"), "weights is 'old'; expected one of 'best'"),
    (lambda out: genjax.evaluate(out, networks=4), "networks is 4; expected one of 1, 2, 3"),
    (lambda out: genjax.compare(out), "is not a folder"),
    (lambda out: genjax.score([], "digits"), "there are no images"),
    (lambda out: genjax.load(out), "is not a genjax workdir"),
    (lambda out: genjax.load([out]), "; expected one path"),
    (lambda out: genjax.table([out]), "; expected one path"),
    (lambda out: genjax.train("vae_mnist", None), "workdir is None; expected one path"),
    (lambda out: genjax.train(None, out), "the config is None; expected a ConfigDict, or a file's"),
    (lambda out: genjax.train("vae_mnist", out, "steps=2"), "overrides are 'steps=2'; expected"),
    (lambda out: genjax.train("vae_mnist", out, {"sweep": {}}), "config.sweep is a group of keys;"),
    (lambda out: genjax.train("vae_mnist", out, {"sweep.seeds": 3}), "is 3; expected a tuple"),
    (lambda out: genjax.train("vae_mnist", out, {"steps": "4"}), "'4'; expected a whole number"),
    (lambda out: genjax.train("vae_mnist", out, {"sweep.lr": 1}), "known are batch_size"),
    (lambda out: genjax.evaluate(None), "paths is None; expected a text or a path, or several"),
    (lambda out: genjax.evaluate([]), "no workdir is named"),
    (lambda out: genjax.evaluate(out, 3), "metrics is 3; expected a text"),
    (lambda out: genjax.evaluate(out, weights=None), "weights is None; expected a text"),
    (lambda out: genjax.compare(out, margin="0.1"), "margin is '0.1'; expected a number from 0"),
    (lambda out: genjax.score(np.zeros((9, 9, 9)), None), "data is None; expected one path"),
    (lambda out: genjax.score(np.zeros((9, 9, 9)), "digits", out=3), "out is 3; expected one path"),
    (lambda out: genjax.compare(out, out=None), "out is None; expected one path"),
    (lambda out: genjax.evaluate(out, data=None), "data is None; expected one path"),
  ],
)
def test_a_mistake_is_one_line_and_ends_nothing(tmp_path, call, message):
  with pytest.raises(genjax.UserError) as caught:
    call(tmp_path / "nothing")
  assert message in str(caught.value)
  assert "\n" not in str(caught.value)


def test_names_are_guessed_whatever_their_case():
  assert mistakes.nearest("FD_Infinty", ["fd", "kd", "fd_infinity"]) == "fd_infinity"
  assert mistakes.nearest_keys("lr", ["sweep.b2", "steps"]) == []
  assert mistakes.nearest_keys("widht", ["model.width", "grid.width"])[0].endswith("width")
  assert mistakes.several("metrics", "fd,kd", commas=True) == ("fd", "kd")


def test_64_bits_are_refused(tmp_path):
  with jax.enable_x64(True), pytest.raises(genjax.UserError, match="computes in 32 bits"):
    genjax.train("vae_mnist", tmp_path)


def test_a_config_is_a_file_s_path_or_name_with_overrides(tmp_path):
  named = config.load("vae_mnist:s1", {"steps": 7})
  (file,) = (ROOT / "configs").glob("vae_mnist.py")
  assert config.load(f"{file}:s1", {"steps": 7}).to_dict() == named.to_dict()
  assert (named.steps, named.epochs) == (7, 0.0)
  own = tmp_path / "own.py"
  own.write_text("from genjax import config\ndef get_config():\n  return config.default('gan')\n")
  given = config.load(own, {"sweep.seeds": range(3, 5)})
  assert given.sweep.seeds == (3, 4)
  for several in (np.arange(3, 5), [np.int64(3), 4], (i for i in (3, 4)), {3: "", 4: ""}.keys()):
    again = config.load(own, {"config.sweep.seeds": several, "steps": np.int64(2)})
    assert (again.sweep.seeds, again.steps) == ((3, 4), 2)
  assert config.load(given, {"steps": 3}).steps == 3
  assert given.steps == 0  # what was given is as it was


def test_a_command_of_that_name_does_not_hide_a_function():
  import genjax.compare
  import genjax.evaluate

  assert inspect.isfunction(genjax.evaluate)
  assert inspect.isfunction(genjax.compare)
  assert sys.modules["genjax.evaluate"].main


def test_public_names_are_documented_in_one_place():
  assert set(genjax.__all__) <= set(dir(genjax))
  for name in genjax.__all__:
    thing = getattr(genjax, name)
    assert len(inspect.getdoc(thing) or "") > 40, name
  for name in ("train", "evaluate", "compare", "score", "table", "load"):
    assert "Raises:" in inspect.getdoc(getattr(genjax, name)), name


def test_the_readme_uses_public_names_alone():
  lines = (ROOT / "README.md").read_text()
  blocks = [part.partition("```")[0] for part in lines.split("```python")[1:]]
  assert blocks
  for block in blocks:
    for node in ast.walk(ast.parse(block)):
      if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "genjax":
        assert node.attr in genjax.__all__, node.attr


def test_images_of_another_program_stand_in_the_same_table(scored, tmp_path):
  path, runs, scores = scored
  real = data.load("digits")
  images = [np.asarray(run.generate(run.noise(250))) for run in runs[:2]]
  table = genjax.score(images, "digits", ("swd",), count=200, out=tmp_path / "theirs")
  (row,) = table.records()
  (ours, _) = scores.records()
  assert (row["setting"], row["n"]) == ("theirs", 2)
  assert (row["protocol"], row["floor"]) == (ours["protocol"], ours["floor"])
  both = genjax.compare([tmp_path / "theirs", path], ("swd",), out=tmp_path / "out")
  assert [one["setting"] for one in both.settings.records()] == [
    "theirs",
    "vae latent 2",
    "vae latent 3",
  ]
  with pytest.raises(genjax.UserError, match="has scores of images that another program generated"):
    genjax.load(tmp_path / "theirs")
  with pytest.raises(genjax.UserError, match="has scores of images, and no data to hold others"):
    genjax.score(images, tmp_path / "theirs", "swd")
  # Real images score what real images score, but for the patches that are drawn of each.
  np.save(tmp_path / "real.npy", real.test.image)
  (floor,) = genjax.score(tmp_path / "real.npy", "digits", "swd", count=300).records()
  assert floor["mean"] == pytest.approx(floor["floor"], rel=0.1)


def test_images_in_the_order_of_classes_are_scored_as_any_others(caches):
  """More than are compared: the first of them are of few classes."""
  real = data.load("digits")
  order = np.argsort(real.train.label, kind="stable")
  (whole,) = genjax.score(real.train.image[order], "digits", ("swd",)).records()
  (first,) = genjax.score(real.train.image[order[:300]], "digits", ("swd",)).records()
  assert whole["mean"] < 1.3 * whole["floor"] < 1.6 * whole["floor"] < first["mean"]


def test_images_that_cannot_be_scored(tmp_path):
  few, tall = np.zeros((5, 28, 28), np.uint8), np.zeros((250, 28, 20), np.uint8)
  signed = np.full((250, 28, 28), -1.0)
  for images, message in (
    (few, "there are 5"),
    (tall, "28 x 20"),
    (signed, "floats in [0, 1]"),
    (signed * np.nan, "the array is float64 with NaN; expected"),
    (None, "the images are None; expected an array, a file or a folder"),
    ({"a": tall}, "expected an array, a file or a folder, or a list of such"),
    ((image for image in tall), "the images are <generator ob"),
    (list(tall), "[28, 20], as one image is; expected [N, H, W, C] of each run, as np.stack"),
    ([tall, tall + 1, tall], "runs 0 and 2 of 3 have the same images"),
    (tmp_path, "no images"),
    (tmp_path / "x.png", "neither a folder nor"),
    (tmp_path / "x.npz", "no such file"),
  ):
    with pytest.raises(genjax.UserError) as caught:
      genjax.score(images, "digits")
    assert message in str(caught.value)
  for count in ("300", 3, None):
    with pytest.raises(genjax.UserError, match=f"count is {count!r}; expected a whole number from"):
      genjax.score(np.zeros((250, 28, 28), np.uint8), "digits", count=count)
  with pytest.raises(genjax.UserError, match="images alone do not support"):
    genjax.score(np.zeros((250, 28, 28), np.uint8), "digits", ("nll",))


def test_images_are_held_against_a_workdir_s_own_data(scored, tmp_path):
  """By the same protocol as its runs, whatever its config holds out."""
  images = np.random.default_rng(0).integers(0, 255, (200, 28, 28), dtype=np.uint8)
  known = json.loads((scored[0] / "protocols.json").read_text()).keys()
  record = json.loads((scored[0] / "config.json").read_text())
  record["config"]["data"]["validation"] = 0.25
  (tmp_path / "other").mkdir()
  (tmp_path / "other" / "config.json").write_text(json.dumps(record))
  for name, equal in ((scored[0], True), (tmp_path / "other", False)):
    out = tmp_path / str(equal)
    genjax.score(images, name, "swd", count=200, out=out)
    assert (json.loads((out / "protocols.json").read_text()).keys() <= known) == equal
  with pytest.raises(genjax.UserError, match="the images are 8 x 8"):
    genjax.score(images[:, :8, :8], scored[0], "swd")


def test_the_command_scores_files(commands, tmp_path):
  rng = np.random.default_rng(0)
  for i in range(2):
    np.savez(tmp_path / f"{i}.npz", rng.integers(0, 255, (200, 1, 28, 28), dtype=np.uint8))
  files = "0.npz", "1.npz", "--data=digits"
  done = commands("score", *files, "--metrics=swd,sharpness", cwd=tmp_path)
  assert done.status == 0, done.errors
  title, columns, _, images, _ = done.output.lstrip("\n").splitlines()[:5]
  assert title == "Interquartile mean over runs [95%], 200 images"
  assert re.split(r"\s{2,}", columns) == [
    "setting", "n", "failed", "sliced Wasserstein distance ↓", "sharpness"
  ]  # fmt: skip
  assert images.split()[:3] == ["images", "2", "0"]
  assert [path.name for path in sorted(tmp_path.iterdir())] == ["0.npz", "1.npz"]
  np.savez(tmp_path / "rgb.npz", rng.integers(0, 255, (200, 28, 28, 3), dtype=np.uint8))
  coloured = commands("score", "rgb.npz", "--data=digits", "--metrics=swd", cwd=tmp_path)
  assert coloured.status == 0
  assert "genjax: digits (scikit-learn) is grey, and the images are not: it is" in coloured.errors
  for replaces in (False, True):
    again = commands("score", *files, "--metrics=swd", "--out=kept", cwd=tmp_path)
    assert "kept: the scores; python -m genjax.compare kept WORKDIR" in again.output
    assert ("genjax: kept: these scores take the place of" in again.errors) == replaces
  unknown = commands("score", "0.npz", "--data=digit", cwd=tmp_path).errors
  assert "did you mean digits? --data takes a name" in unknown
  assert commands("score", "--data=digits").errors.startswith("genjax: no images; name files")
  none = commands("evaluate", "w", "--config.steps=3").errors
  assert none.startswith("genjax: --config.steps is a key of a config; main and describe take one")
  assert commands("score", "x").errors.startswith("genjax: --data is missing")
