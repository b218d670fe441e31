"""What every command that reads trained runs does with odd workdirs."""

import configparser
import itertools
import json
import os
import pathlib
import runpy
import shutil
import signal
import subprocess
import sys
from typing import NamedTuple

import numpy as np
import pytest
import trainings

from genjax import cli, export, interpolate, process, reconstruct, report, sample, types
from genjax.config import default, settled
from genjax.types import UserError

ROOT = pathlib.Path(__file__).parents[1]


def test_the_flag_names_the_weights_that_there_are():
  assert cli.WEIGHTS == types.WEIGHTS


def test_in_a_log_a_bar_is_a_line_every_so_often(monkeypatch, capsys):
  monkeypatch.setattr(process.time, "monotonic", itertools.count().__next__)  # a second a look
  with process.bar(total=100, desc="w", unit="step") as bar:
    for _ in range(100):
      bar.update()
      bar.refresh()
  said = capsys.readouterr().err
  assert "\r" not in said
  first, *between, last = said.splitlines()
  assert first.startswith("w:   0%|")
  assert 8 <= len(between) <= 12
  assert last.startswith("w: 100%|")
  assert said.endswith("\n")


class Case(NamedTuple):
  module: object
  flags: list[str]
  mark: tuple[str, bytes]  # a file of its folder, and what it holds where run 1 failed
  out: str = ""  # the file that --out names in the folder; "" where it is the folder


FEW = ["--what=random,traversal", "--pairs=1", "--steps=2", "--path=linear"]
COMMANDS = {
  "sample": Case(sample, ["--num=1"], ("run1-failed-0.png", b"")),
  "interpolate": Case(interpolate, FEW, ("smoothness_runs.csv", b",1,failed,")),
  "reconstruct": Case(reconstruct, ["--test_images=5"], ("errors_runs.csv", b",1,failed,")),
  "export": Case(export, ["--runs=1"], ("README.txt", b"failed_at")),
  "report": Case(report, [], ("", b""), out="report.html"),
}


def _workdir(path, failed_at):
  plan = trainings.plan("vae", **{"sweep.seeds": (0, 1), "sweep.latents": (2,)})
  failed_at = np.array(failed_at, np.int32)
  trainings.untrained(path, plan, lambda progress: progress._replace(failed_at=failed_at))
  return path


@pytest.fixture(scope="module")
def interrupted(caches, tmp_path_factory):
  """Stopped before its first validation: there is neither runs.csv nor metrics.csv."""
  return _workdir(tmp_path_factory.mktemp("interrupted"), [-1, -1])


@pytest.fixture(scope="module")
def failed(caches, tmp_path_factory):
  return _workdir(tmp_path_factory.mktemp("failed"), [-1, 1])


def call(case, *arguments):
  """The command within this process."""
  flags = case.module._FLAGS
  flags.unparse_flags()
  for name in list(flags):
    flags[name].unparse()
  flags.set_gnu_getopt(True)
  rest = flags(["command", *map(str, arguments)])[1:]
  case.module.main(rest)


# A report needs what a validation leaves: its interrupted and failed runs are in report_test.py.
UNTRAINED = [name for name in COMMANDS if name != "report"]


@pytest.mark.parametrize("name", UNTRAINED)
def test_a_workdir_that_was_interrupted(interrupted, name, tmp_path, capsys):
  case, out = COMMANDS[name], tmp_path / "out"
  call(case, f"--workdir={interrupted}", f"--out={out / case.out}", *case.flags)
  assert capsys.readouterr().out
  assert list(out.iterdir())
  file, mark = case.mark
  assert not (out / file).exists() or mark not in (out / file).read_bytes()


@pytest.mark.parametrize("name", UNTRAINED)
def test_a_run_that_failed_is_marked(failed, name, tmp_path):
  case, out = COMMANDS[name], tmp_path / "out"
  call(case, f"--workdir={failed}", f"--out={out / case.out}", *case.flags)
  file, mark = case.mark
  assert mark in (out / file).read_bytes()


@pytest.mark.parametrize("name", COMMANDS)
def test_what_cannot_be_read_has_one_line_and_status_2(
  interrupted, name, tmp_path, capsys, monkeypatch
):
  monkeypatch.setattr(process, "prepare_jax", lambda: None)
  monkeypatch.setattr(signal, "signal", lambda *_: None)
  case, out = COMMANDS[name], tmp_path / "out"
  old = shutil.copytree(interrupted, tmp_path / "old")
  record = json.loads((old / "config.json").read_text())
  (old / "config.json").write_text(json.dumps(record | {"format": 7}))
  for path, why in (
    (old, "in format 7"),
    (tmp_path / "none", "is not a folder; expected a workdir"),
  ):
    with pytest.raises(SystemExit) as ended:
      cli._guarded(lambda path=path: call(case, f"--workdir={path}", f"--out={out / case.out}"))
    assert ended.value.code == 2
    line = capsys.readouterr().err
    assert line.startswith("genjax: ")
    assert line.count("\n") == 1
    assert why in line
    assert str(path) in line
  assert not out.exists()


def _started(*arguments, **environment):
  """Status and lines of stderr of a process in the project's folder."""
  done = subprocess.run(
    [sys.executable, *arguments],
    cwd=ROOT,
    env=os.environ | environment,
    capture_output=True,
    text=True,
    check=False,
  )
  return done.returncode, done.stderr.strip().splitlines()


def test_a_file_that_is_run_as_a_script_says_what_to_run():
  for file in ("main.py", "sample.py"):
    # Without site, whose editable installs import Python's own modules first, and then it works.
    status, lines = _started("-S", str(ROOT / "genjax" / file))
    assert (status, lines) == (
      2,
      ["genjax: a command is a module: python -m genjax.main, not genjax/main.py"],
    )


@pytest.mark.parametrize(
  ("environment", "said"),
  [
    ({"JAX_PLATFORMS": "cuda"}, "JAX_PLATFORMS is 'cuda', and this machine has no such device"),
    ({"JAX_ENABLE_X64": "1"}, "JAX_ENABLE_X64 is set, and genjax computes in 32 bits; unset it"),
  ],
)
def test_what_jax_is_asked_for_is_refused_before_there_is_a_workdir(tmp_path, environment, said):
  config = f"--config={ROOT / 'configs' / 'vae_mnist.py'}:smoke"
  wanted = "-m", "genjax.main", config, f"--workdir={tmp_path / 'w'}"
  status, lines = _started(*wanted, **environment)
  assert status == 2
  assert lines[-1].startswith(f"genjax: {said}")
  assert not (tmp_path / "w").exists()


def test_the_package_names_its_commands(capsys, monkeypatch):
  monkeypatch.setattr("sys.argv", ["genjax"])
  runpy.run_module("genjax", run_name="__main__")
  told = capsys.readouterr().out
  for file in (ROOT / "genjax").glob("*.py"):
    assert (f"genjax.{file.stem} " in told) == ("cli.run(" in file.read_text()), file


@pytest.mark.parametrize("name", ["evaluate", "interpolate", "main"])
def test_help_fits_a_screen(name, commands):
  status, told, err = commands(name, "--help")
  assert (status, err) == (0, "")
  lines = told.splitlines()
  assert len(lines) <= 32
  assert max(map(len, lines)) <= 100
  assert lines[0].endswith(".")
  assert "--workdir=" in "".join(line[:10] for line in lines)


def test_what_is_logged_is_said_as_a_mistake_is(commands, tmp_path):
  image = np.arange(60 * 64, dtype=np.uint8).reshape(60, 8, 8, 1)
  np.savez(tmp_path / "odd.npz", image=image, label=np.arange(60) % 2 * 2)
  config = f"--config={ROOT / 'configs' / 'vae_mnist.py'}:smoke"
  status, _, err = commands("describe", config, f"--config.data.name={tmp_path}/odd.npz")
  said = "odd.npz (npz): 1 of 3 classes have no images"
  assert (status, err.splitlines()[-1]) == (0, f"genjax: {said}")


@pytest.mark.parametrize(("name", "meant"), [("main", "main"), ("evalute", "evaluate")])
def test_a_command_without_its_dot_is_told_how_it_is_run(name, meant, monkeypatch, capsys):
  monkeypatch.setattr("sys.argv", ["genjax", name, "--workdir=w"])
  with pytest.raises(SystemExit) as ended:
    runpy.run_module("genjax", run_name="__main__")
  assert ended.value.code == 2
  assert capsys.readouterr().err == f"genjax: commands are modules: python -m genjax.{meant} ...\n"


def test_workdirs_are_named_by_the_flag_or_after_the_command_or_both(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  for name in "abc":
    (tmp_path / name).mkdir()
  assert cli.workdirs_of("a", ["b", "c"]) == ["a", "b", "c"]
  assert cli.workdirs_of(None, ["b"]) == ["b"]
  with pytest.raises(UserError, match="--workdir is missing"):
    cli.workdirs_of(None, [])


@pytest.mark.parametrize(
  ("file", "overrides", "expected"),
  [
    ((0, 3.0), {"steps": 9}, (9, 0.0)),
    ((7, 0.0), {"epochs": 2.0}, (0, 2.0)),
    ((7, 0.0), {"steps": 9}, (9, 0.0)),
    ((7, 0.0), {"steps": 9, "epochs": 2.0}, (9, 2.0)),  # which `config.check` refuses
    ((7, 0.0), {"steps": 0}, (0, 0.0)),
    ((7, 0.0), {"batch_size": 3}, (7, 0.0)),
  ],
)
def test_a_length_of_the_command_line_takes_the_place_of_the_file_s(file, overrides, expected):
  config = default("vae")
  config.steps, config.epochs = file
  config.update(overrides)
  found = settled(config, overrides)
  assert (found.steps, found.epochs) == expected


@pytest.mark.parametrize(
  ("overrides", "kept"),
  [({}, True), ({"sweep.seeds": (7,), "steps": 9}, True), ({"model.width": 8}, False)],
)
def test_a_recipe_s_record_is_that_of_its_own_settings(overrides, kept):
  config = default("gan")
  config.mark = (100.0, 3000)
  config.update_from_flattened_dict(overrides)
  assert settled(config, overrides).mark == ((100.0, 3000) if kept else ())


LATE = ("jax", "numpy.random", "matplotlib", "orbax", "flax")


@pytest.mark.parametrize(
  "arguments",
  [
    *(
      ["compare", "nowhere"],
      ["evaluate", "nowhere"],
      ["report", "nowhere"],
      ["sample", "nowhere"],
    ),
    *(["interpolate", "nowhere"], ["reconstruct", "nowhere"], ["export", "nowhere", "--out=x"]),
    *(["score", "nowhere", "--data=digits"], ["main", "--config=nowhere"]),
    *(["describe", "--config=nowhere"], ["compare", "--wrokdir=x"]),
  ],
)
def test_a_mistake_is_answered_before_anything_slow_is_imported(arguments, tmp_path):
  name, *flags = arguments
  code = (
    f"import atexit, runpy, sys; sys.argv = ['-m', *{flags!r}]\n"
    f"atexit.register(lambda: print([m for m in {LATE!r} if m in sys.modules]))\n"
    f"runpy.run_module('genjax.{name}', run_name='__main__', alter_sys=True)"
  )
  done = subprocess.run(
    [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
  )
  assert done.returncode == 2, done.stderr
  assert done.stderr.startswith("genjax: "), done.stderr
  assert done.stdout == "[]\n"


def test_training_waits_for_nothing_that_it_does_not_use():
  """scipy.stats is for what comes after it, and torch, which others import, for nothing."""
  code = "import sys; from genjax import api; print({'torch', 'scipy.stats'} & sys.modules.keys())"
  assert subprocess.check_output([sys.executable, "-c", code], text=True) == "set()\n"


def test_the_package_has_every_room_and_the_configs():
  root = pathlib.Path(cli.__file__).parents[1]
  told = configparser.ConfigParser()
  told.read(root / "setup.cfg")
  rooms = {f"genjax.{file.parent.name}" for file in root.glob("genjax/*/__init__.py")}
  packages = set(told["options"]["packages"].split())
  assert packages == {"genjax", "genjax.configs"} | rooms
  assert told["options"]["package_dir"].split() == ["genjax.configs", "=", "configs"]
