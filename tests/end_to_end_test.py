"""The command line, start to end: what a run leaves, and what becomes of a mistake."""

import functools
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys

import growing
import jax
import numpy as np
import pytest
import trainings
from forked import Result
from PIL import Image
from trainings import CONFIG

import genjax
from genjax.training import workdir

SMALL = ["--config.steps=4", "--config.eval_every=2", "--config.log_every=1"]


@pytest.fixture
def main(commands):
  """Runs the command with these arguments."""
  return functools.partial(commands, "main")


@pytest.fixture(scope="module")
def done(caches, tmp_path_factory):
  """The workdir of a VAE, by a process as a user starts it, and what that said."""
  path = tmp_path_factory.mktemp("done") / "new" / "vae"
  command = [sys.executable, "-m", "genjax.main", f"{CONFIG}:vae", f"--workdir={path}", *SMALL]
  environment = os.environ | {"JAX_NUM_CPU_DEVICES": "2"}
  process = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
  return path, Result(process.returncode, process.stdout, process.stderr)


def files(path):
  """All files but those within checkpoints, of which only the steps are named."""
  found = {str(file.relative_to(path)) for file in path.rglob("*") if file.is_file()}
  outside = {re.sub(r"^(checkpoints/\d+)/.*", r"\1", name) for name in found}
  return {re.sub(r"events\.out\.tfevents\..*", "events", name) for name in outside}


COMMON = {
  ".lock",
  ".scores.lock",
  "config.json",
  "runs.csv",
  "metrics.csv",
  "checkpoints/2",
  "checkpoints/4",
  "plots/training.png",
  "plots/validation.png",
  "samples/step-0000002.png",
  "samples/step-0000004.png",
  "samples/best.png",
  "samples/last.png",
}


def events(*latents):
  return {f"tensorboard/latent {z}, seed {seed}/events" for z in latents for seed in (0, 1)}


def assert_only_a_bar(errors):
  """Nothing on stderr but the progress bar, which ends at its end."""
  lines = [line for line in re.split(r"[\r\n]+", errors) if line.strip()]
  assert all(re.search(r"\d%\|.*step", line) for line in lines), errors
  assert "100%" in lines[-1]


# What a run leaves.


def test_a_vae_leaves_a_whole_workdir_and_says_nothing_but_its_progress(done):
  path, result = done
  assert result.status == 0, result.errors
  said = (
    rf"{path}: 4 runs of VAE dense on digits \(scikit-learn\), 4 steps\n"
    rf"{path}: 2 settings, 1 pair, 2 seeds each: no winner can be named, .*\n"
    rf"{path}: 4 runs, 1 at once, take [\d.]+ GiB of each of 2 devices that has [\d.]+ GiB\n"
    rf"{path}: 4 runs at step \d+; pictures are in samples/ and plots/\n"
    rf"{path}/report.html: being written\n{path}/report.html: everything on one page\n"
  )
  assert re.fullmatch(said, result.output)
  assert_only_a_bar(result.errors)
  assert files(path) == COMMON | {"plots/kl_per_dimension.png", "report.html"} | events(2, 3)
  record = json.loads((path / "config.json").read_text())
  assert f"genjax.main --config={trainings.__file__}:vae --workdir={path}" in record["command"]
  assert record["config_file"] == f"{trainings.__file__}:vae"
  assert (record["config"]["model"]["initialiser"], record["framework"]) == ("report", "keras")
  rows = trainings.runs_csv(path)
  assert [(row["seed"], row["latent"]) for row in rows] == [
    ("0", "2"),
    ("1", "2"),
    ("0", "3"),
    ("1", "3"),
  ]
  assert {row["status"] for row in rows} == {"done"}
  assert {row["last_step"] for row in rows} == {"4"}
  names = {row["name"] for row in trainings.metrics_csv(path)}
  assert names == {
    *("loss", "reconstruction", "kl", "val_loss", "val_reconstruction", "val_kl"),
    *("kl_dim/0", "kl_dim/1", "kl_dim/2"),
  }
  for picture in path.rglob("*.png"):
    with Image.open(picture) as image:
      assert min(image.size) > 100
  assert [run.numbers["latent"] for run in genjax.load(path)] == [2, 2, 3, 3]


def test_the_same_command_again_has_nothing_to_do(done, main, tmp_path):
  path = pathlib.Path(shutil.copytree(done[0], tmp_path / "again"))
  same = [*path.glob("*.csv"), path / "config.json", *path.rglob("*.png")]
  same += [file for file in (path / "checkpoints").rglob("*") if file.is_file()]
  before = {file: file.read_bytes() for file in same}
  result = main(f"{CONFIG}:vae", f"--workdir={path}", *SMALL)
  assert result.status == 0, result.errors
  assert f"{path}: all runs are already done\n" in result.output
  assert "GiB" not in result.output  # nothing was compiled
  assert not result.errors
  assert {file: file.read_bytes() for file in same} == before
  assert files(path) == files(done[0])


def test_a_wgan_leaves_its_workdir(main, tmp_path):
  flags = [f"--config.model.{key}={value}" for key, value in WGAN.items()]
  result = main(f"{CONFIG}:gan", f"--workdir={tmp_path / 'wgan'}", *SMALL, *flags)
  assert result.status == 0, result.errors
  assert " 4 runs at step " in result.output
  assert_only_a_bar(result.errors)
  assert files(tmp_path / "wgan") == COMMON | {"report.html"} | events(2, 3)
  names = {row["name"] for row in trainings.metrics_csv(tmp_path / "wgan")}
  assert {"critic_loss", "critic_gap", "generator_loss", "val_swd", "val_clip_fraction"} <= names
  assert "val_critic_gradient_norm" in names


WGAN = {
  "network": "dense",
  "loss": "wasserstein",
  "regulariser": "clip",
  "optimiser": "rmsprop",
  "critic_steps": 2,
}


def test_a_grid_makes_a_folder_for_each_program(main, tmp_path):
  flags = ["--config.grid.width=(8, 12)", "--config.sweep.latents=(2,)"]
  result = main(f"{CONFIG}:vae", f"--workdir={tmp_path / 'grid'}", *SMALL, *flags)
  assert result.status == 0, result.errors
  for number, width in enumerate((8, 12), 1):
    folder = tmp_path / "grid" / f"width={width}"
    seeds = {f"tensorboard/seed {seed}/events" for seed in (0, 1)}
    assert files(folder) == COMMON | {"plots/kl_per_dimension.png"} | seeds
    record = json.loads((folder / "config.json").read_text())
    assert record["config"]["model"]["width"] == width
    assert f"width={width}, {number} of 2" in result.errors
  assert re.search(r"width=12, 2 of 2, 00:\d+ left for all cells", result.errors)
  names = {path.name for path in (tmp_path / "grid").iterdir()}
  assert names == {"width=8", "width=12", "report.html"}  # one over all cells


FILES = sorted((pathlib.Path(__file__).parents[1] / "configs").glob("*.py"))


# By the command, with pictures and a page: a VAE and a conditional GAN, both in colour.
COMMANDED = "cgan_cifar10", "vae_cifar10"


def _smoke(main, file, path):
  if file.stem in COMMANDED:
    result = main(f"--config={file}:smoke", f"--workdir={path}")
    assert result.status == 0, result.errors
  else:  # what is drawn of others is drawn of small trainings above
    with growing.no_pictures():
      genjax.train(f"{file}:smoke", path, report=False)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_smoke_variant_of_every_config(main, tmp_path, file):
  """Two chunks, two validations, and every run can be loaded."""
  _smoke(main, file, tmp_path / "smoke")
  assert {row["status"] for row in trainings.runs_csv(tmp_path / "smoke")} == {"done"}
  steps = {int(row["step"]) for row in trainings.metrics_csv(tmp_path / "smoke")}
  assert steps == {2, 4}
  shape = (32, 32, 3) if "cifar10" in file.stem else (28, 28, 1)
  for run in genjax.load(tmp_path / "smoke"):
    z = jax.numpy.ones((2, run.numbers["latent"]))
    labels = [np.array([1, 2])] if "cgan" in file.stem else []
    assert run.generate(z, *labels).shape == (2, *shape)


def test_a_study_and_a_run_do_not_share_a_workdir(main, done, tmp_path):
  path = tmp_path / "mixed"
  shutil.copytree(done[0], path)
  grid = "--config.grid.width=(8, 12)"
  assert "no part of a study" in refused(main(f"{CONFIG}:vae", f"--workdir={path}", *SMALL, grid))
  assert not list(path.glob("width=*"))
  study = tmp_path / "study"
  shutil.copytree(done[0], study / "width=8")
  line = refused(main(f"{CONFIG}:vae", f"--workdir={study}", *SMALL))
  assert f"{study} holds a study, or other runs, in folders such as width=8" in line
  assert [x.name for x in study.iterdir()] == ["width=8"]


@pytest.mark.parametrize("key", ["sweep.latents=(3,)", "model.depth=4", "grid.depth=(2, 4)"])
def test_a_key_that_the_cells_of_a_study_set_themselves(main, tmp_path, key):
  file = FILES[0].with_name("vae_mnist.py")
  arguments = [f"--config={file}:s0_study,smoke", f"--workdir={tmp_path / 'new'}"]
  line = refused(main(*arguments, f"--config.{key}"))
  assert line.startswith(f"--config.{key.split('=')[0]}: ")
  assert "of the study's 5 cells set it themselves" in line
  assert not (tmp_path / "new").exists()


# Mistakes.


def refused(result, status=2):
  """The one line that a mistake gives; what is asked for and could be shown may stand before it."""
  assert result.status == status, result
  said = r"([^\n]+: \d+ runs? of [^\n]+ steps?( in \d+ cells)?\n)?([^\n]+ seeds each: [^\n]+\n)?"
  said += r"([^\n]+ at once, take [^\n]+\n)?"
  assert re.fullmatch(said, result.output), result.output
  assert re.fullmatch(r"genjax: [^\n]+\n", result.errors), result.errors
  return result.errors.removeprefix("genjax: ").removesuffix("\n")


# Arguments, and what the line must have of what is wrong and of what would be right.
MISTAKES = {
  "unknown key": (
    ["--config.batchsize=8"],
    ["unknown key config.batchsize", "did you mean config.batch_size?"],
  ),
  "unknown key of the model": (
    ["--config.model.widht=8"],
    ["unknown key config.model.widht", "did you mean config.model.width?"],
  ),
  "unknown number of the sweep": (
    ["--config.sweep.sed=(1,)"],
    ["unknown key config.sweep.sed; did you mean config.sweep.seeds?"],
  ),
  "unknown section": (
    ["--config.swep.seeds=(1,)"],
    ["unknown key config.swep.seeds; did you mean config.sweep.seeds?"],
  ),
  "key without its section": (
    ["--config.width=8"],
    ["unknown key config.width; did you mean config.grid.width or config.model.width?"],
  ),
  "key within a key": (["--config.sweep.seeds.first=1"], ["unknown key config.sweep.seeds.first"]),
  "unknown key like no other": (
    ["--config.zzzqq=1"],
    ["unknown key config.zzzqq; known are batch_"],
  ),
  "no whole number": (
    ["--config.batch_size=many"],
    ["config.batch_size is 'many'; expected a whole number, such as --config.batch_size=16"],
  ),
  "half a batch": (["--config.batch_size=1.5"], ["is '1.5'; expected a whole number"]),
  "no number": (
    ["--config.epochs", "a: b=c"],
    ["config.epochs is 'a: b=c'; expected a number, such as --config.epochs=1.0"],
  ),
  "neither true nor false": (
    ["--config.data.binarise=maybe"],
    ["config.data.binarise is 'maybe'; expected True or False"],
  ),
  "half a tuple": (
    ["--config.sweep.latents=(2,"],
    [
      "config.sweep.latents is '(2,'; expected a tuple",
      'such as --config.sweep.latents="(2, 3)"',
    ],
  ),
  "numbers without commas": (
    ["--config.grid.width=8 16"],
    ["config.grid.width is '8 16'; expected a tuple", 'such as --config.grid.width="(1, 2)"'],
  ),
  "a word for a tuple": (
    ["--config.sweep.latents=abc"],
    ["config.sweep.latents is ('abc',)", "a whole number from 1"],
  ),
  "a number for a tuple": (["--config.sweep.clip=3"], ["config.sweep.clip"]),
  "latent 0": (
    ["--config.sweep.latents=(0,)"],
    ["config.sweep.latents is (0,)", "a whole number from 1"],
  ),
  "no seeds": (["--config.sweep.seeds=()"], ["config.sweep.seeds is ()", "one value or more"]),
  "batch larger than the data": (
    ["--config.batch_size=5000"],
    ["config.batch_size=5000", "1 to 1347"],
  ),
  "unknown dataset": (["--config.data.name=mnits"], ["mnits", "data.name"]),
  "unknown network": (
    ["--config.model.network=s9"],
    ["config.model.network is 's9'", "one of 'dense', 's1_vae'"],
  ),
  "images that a network cannot take": (
    ["--config.model.network=s1_vae_cifar10"],
    ["takes images of (32, 32, 3), and the data's are (28, 28, 1)", "configs/vae_mnist.py:s4"],
  ),
  "the network of a GAN": (
    ["--config.model.network=s1_gan"],
    ["config.model.network 's1_gan' is no VAE", "one of dense"],
  ),
  "steps and epochs": (
    ["--config.epochs=1.0", "--config.steps=4"],
    ["one of config.steps and config.epochs must be set"],
  ),
  "the last program of a grid": (
    ["--config.grid.network=('dense', 's1_wgan')"],
    ["config.model.network 's1_wgan' is no VAE"],
  ),
  "a stray argument": (["stray"], ["'stray' is not a flag", "--workdir="]),
  "an unknown flag": (["--wrokdir=x"], ["unknown flag --wrokdir; did you mean --workdir?"]),
  "a key for a flag": (["--step=4"], ["unknown flag --step; did you mean --config.steps?"]),
  "nothing like it": (["--zzz"], ["unknown flag --zzz; --help lists those that are known"]),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line_and_leaves_nothing(main, tmp_path, mistake):
  arguments, parts = MISTAKES[mistake]
  line = refused(main(f"{CONFIG}:vae", f"--workdir={tmp_path / 'new'}", *arguments))
  for part in parts:
    assert part in line
  assert not list(tmp_path.iterdir())


def test_a_key_without_a_config_is_told_what_it_lacks(main, tmp_path):
  line = refused(main(f"--workdir={tmp_path / 'new'}", "--config.steps=3"))
  assert "--config.steps is a key of a config; --config=configs/" in line
  assert not list(tmp_path.iterdir())


BASE = "from genjax.config import default\ndef get_config():\n  c = default('vae')\n"


@pytest.mark.parametrize(
  ("text", "said"),
  [
    (None, "there is no such file"),
    ("def get_config(:\n  pass\n", "line 1: SyntaxError: invalid syntax"),
    ("import nothing_of_that_name\n", "line 1: .*nothing_of_that_name"),
    ("x = 1\n", r"it has no function get_config\(\)"),
    ("def get_config():\n  return 1 / 0\n", "line 2: ZeroDivisionError: division by zero"),
    ("def get_config():\n  raise KeyError('abc')\n", "line 2: KeyError: 'abc'"),
    (
      "def get_config(x):\n  pass\n",
      r"TypeError: get_config\(\) missing 1 required positional argument: 'x'",
    ),
    (f"{BASE}  c.model.widht = 8\n  return c\n", "unknown key config.model.widht; did you mean"),
    (f"{BASE}  c.batch_size = 'many'\n  return c\n", "line 4: .*batch_size"),
    (f"{BASE}  c.batch_size = -3\n  c.steps = 1\n  return c\n", "config.batch_size is -3"),
    (
      "from genjax import config\n"
      "def get_config(x=''):\n  return config.variant('vae', {'a': {}}, 'b')\n",
      "no variant 'b'; expected one of a, smoke",
    ),
    ("def get_config():\n  pass\n", r"its get_config\(\) must return an ml_collections.ConfigDict"),
    (
      "def get_config():\n  return {'steps': 1}\n",
      r"its get_config\(\) must return an ml_collections.ConfigDict",
    ),
  ],
)
def test_a_config_file_that_cannot_be_used(main, tmp_path, text, said):
  file = tmp_path / "my configs" / "mine.py"
  file.parent.mkdir()
  if text is not None:
    file.write_text(text)
  line = refused(main(f"--config={file}", f"--workdir={tmp_path / 'new'}"))
  assert re.match(rf"--config={file}: {said}", line), line
  assert not (tmp_path / "new").exists()


def test_a_config_that_is_not_there_is_said_to_be_so_with_keys_as_well(main, tmp_path):
  file = tmp_path / "vae_mnist.py"
  line = refused(main(f"--config={file}", "--config.steps=3", f"--workdir={tmp_path / 'new'}"))
  assert line.startswith(
    f"--config={file}: there is no such file; did you mean vae_mnist? genjax's"
  )


@pytest.mark.parametrize(
  ("arguments", "said"),
  [
    (["--workdir=somewhere"], "--config is missing"),
    ([f"{CONFIG}:vae"], "--workdir is missing"),
    ([f"{CONFIG}:vae", "--workdir="], "--workdir is missing"),
    ([], "--config is missing"),
  ],
)
def test_a_missing_flag(main, arguments, said):
  assert said in refused(main(*arguments))
  assert not pathlib.Path("somewhere").exists()


def test_a_workdir_that_is_a_file(main, tmp_path):
  (tmp_path / "file").write_text("mine")
  for place in ("file", "file/inside"):
    line = refused(main(f"{CONFIG}:vae", f"--workdir={tmp_path / place}", *SMALL))
    assert line.startswith(f"--workdir={tmp_path / place} cannot be written")
  assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("grid", [[], ["--config.grid.width=(8, 12)"]], ids=["a run", "a study"])
def test_a_folder_with_other_files_is_left_alone(main, tmp_path, grid):
  (tmp_path / "thesis.tex").write_text("mine")
  line = refused(main(f"{CONFIG}:vae", f"--workdir={tmp_path}", *SMALL, *grid))
  assert line.startswith(f"--workdir={tmp_path} holds thesis.tex and is not a genjax workdir; ")
  assert [file.name for file in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_workdir_that_another_process_writes_to(main, tmp_path):
  with workdir.claim(tmp_path / "mine"):
    before = list((tmp_path / "mine").rglob("*"))
    result = main(f"{CONFIG}:vae", f"--workdir={tmp_path / 'mine'}", *SMALL)
    line = refused(result, status=75)  # worth another try, as no other mistake is
    assert f": process {os.getpid()} on " in line
    assert line.endswith(" is writing to it; wait for it, or name another folder")
    assert list((tmp_path / "mine").rglob("*")) == before


def test_a_changed_config_is_refused_with_its_keys(done, main):
  before = {file: file.stat().st_mtime_ns for file in done[0].rglob("*") if file.name != ".lock"}
  changes = ["--config.model.width=9", "--config.sweep.seeds=(0, 5)"]
  line = refused(main(f"{CONFIG}:vae", f"--workdir={done[0]}", *SMALL, *changes))
  assert "model.width is 9, was 8; sweep.seeds is [0, 5], was [0, 1]" in line
  assert "name another --workdir" in line
  after = {file: file.stat().st_mtime_ns for file in done[0].rglob("*") if file.name != ".lock"}
  assert after == before


def test_a_checkpoint_cut_short(done, main, tmp_path):
  path = pathlib.Path(shutil.copytree(done[0], tmp_path / "cut"))
  newest = [file for file in (path / "checkpoints" / "4").rglob("*") if file.is_file()]
  largest = max(newest, key=lambda file: file.stat().st_size)
  largest.write_bytes(largest.read_bytes()[:1000])
  line = refused(main(f"{CONFIG}:vae", f"--workdir={path}", *SMALL))
  assert line == (
    f"checkpoint {path}/checkpoints/4 is damaged or cut short (files in it are missing or broken); "
    "delete that folder, and the command that made the workdir goes on from step 2"
  )


def test_a_file_that_may_not_be_read_is_named(done, commands, tmp_path):
  path = pathlib.Path(shutil.copytree(done[0], tmp_path / "w"))
  (path / "metrics.csv").unlink()
  (path / "metrics.csv").mkdir()
  line = refused(commands("compare", str(path)))
  assert (
    line == f"{path}/metrics.csv cannot be used (Is a directory); ask for permission, or restore it"
  )


# Ctrl-C while Python imports.


def _slow_to_import(folder, module):
  """The environment of a process that imports a module for a minute.

  An exception within it is the end, as where a library in C++ sets itself up.
  """
  lines = ["import os, time", "print('importing', flush=True)"]
  lines += ["try:", "  time.sleep(60)", "finally:", "  os.abort()"]
  (folder / f"{module}.py").write_text("\n".join(lines))
  root = pathlib.Path(genjax.__file__).parents[1]
  return os.environ | {"PYTHONPATH": f"{folder}{os.pathsep}{root}"}


@pytest.mark.parametrize("module", ["absl", "jax"])  # before there are flags, and after
def test_an_interrupted_import_ends_with_a_line(module, tmp_path):
  pipe, command = subprocess.PIPE, [sys.executable, "-m", "genjax.sample", tmp_path]
  process = subprocess.Popen(
    command, stdout=pipe, stderr=pipe, text=True, env=_slow_to_import(tmp_path, module)
  )
  with process:
    assert process.stdout.readline() == "importing\n"
    process.send_signal(signal.SIGINT)
    assert process.communicate() == ("", "\ninterrupted\n")
  assert process.returncode == 130


def test_who_imports_the_library_keeps_the_handler_of_ctrl_c():
  code = "import signal; a = signal.getsignal(2); import genjax; print(signal.getsignal(2) is a)"
  done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
  assert done.stdout == "True\n"
