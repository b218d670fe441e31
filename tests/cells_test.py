"""Cells of a study, each by a process of its own: equal to the study that one process trains."""

import os
import subprocess
import sys

import pytest
import trainings
from trainings import CONFIG
from two_cells import FLAGS, FOLDERS, ROOT, SMALL, assert_same

import genjax
from genjax import config
from genjax.types import UserError


@pytest.fixture(scope="module")
def whole(commands, tmp_path_factory):
  """The study, trained by one process."""
  path = tmp_path_factory.mktemp("whole")
  result = commands("main", *FLAGS, f"--workdir={path}")
  assert result.status == 0, result.errors
  return path


# --cell


def test_cells_one_by_one_are_the_study_and_the_last_writes_its_report(commands, whole, tmp_path):
  result = commands("main", *FLAGS, f"--workdir={tmp_path}", "--cell=2")
  assert result.status == 0, result.errors
  assert "width=12, 2 of 2" in result.errors
  assert result.output.endswith(f"{tmp_path}: 1 of 2 cells are done\n")
  assert [file.name for file in tmp_path.iterdir()] == ["width=12"]
  again = commands("main", *FLAGS, f"--workdir={tmp_path}", "--cell=width=12")
  assert "width=12 is already done" in again.output
  trained = genjax.train(trainings.wanted("vae", **SMALL), tmp_path, cell=1)
  assert [run.numbers["latent"] for run in trained] == [2, 2, 3, 3]
  assert (tmp_path / "report.html").exists()
  assert_same(tmp_path, whole)


def test_the_cells_are_listed_for_whoever_starts_them(commands):
  result = commands("main", *FLAGS, "--cell=list")
  assert (result.status, result.output, result.errors) == (0, "width=8\nwidth=12\n", "")
  flags = ["--config.sweep.seeds_at_once=1", "--config.grid.width=()"]
  assert commands("main", *FLAGS, "--cell=list", *flags).output == "seeds=0\nseeds=1\n"


@pytest.mark.parametrize(
  ("flags", "said"),
  [
    (
      ["--cell=width=16"],
      "--cell=width=16: the study has no such cell; expected a number from 1 to 2, or one of "
      "'width=8', 'width=12'",
    ),
    (
      ["--cell=1", "--config.grid.width=()"],
      "--cell=1: the config asks for one program, not for a study or for sweep.seeds_at_once; drop "
      "--cell",
    ),
  ],
)
def test_a_cell_that_is_not_there_is_a_line(commands, tmp_path, flags, said):
  result = commands("main", *FLAGS, f"--workdir={tmp_path / 'new'}", *flags)
  assert (result.status, result.errors) == (2, f"genjax: {said}\n")
  assert not (tmp_path / "new").exists()


def test_of_many_cells_the_nearest_are_named():
  folders = [f"depth={depth},width={width}" for depth in range(10) for width in range(10)]
  assert config.folder_of("3", folders) == "depth=0,width=2"
  assert config.folder_of("depth=7,width=3", folders) == "depth=7,width=3"
  with pytest.raises(UserError, match=r"from 1 to 100, .*'depth=7,width=3'.* and 95 more"):
    config.folder_of("depth=7,width=33", folders)
  for number in ("0", "101", "-1"):
    with pytest.raises(UserError, match="from 1 to 100, or one of 'depth="):
      config.folder_of(number, folders)


# launch/slurm.sh

# It runs a copy of the job's script, as Slurm does, and all of an array's tasks at once.
SBATCH = """#!/usr/bin/env bash
set -u
printf '%s\\n' "$@" > "$SPOOL/asked"
while [[ $1 = --* ]]; do
  [[ $1 = --array=* ]] && last=${1#--array=1-}
  shift
done
cp "$1" "$SPOOL/script"
for ((task = 1; task <= last; task++)); do
  SLURM_ARRAY_TASK_ID=$task bash "$SPOOL/script" "${@:2}" > "$SPOOL/$task.out" 2>&1 &
  tasks+=($!)
done
for task in "${tasks[@]}"; do wait "$task" || exit 1; done
"""


@pytest.fixture
def slurm(caches, tmp_path):
  """Calls launch/slurm.sh where `sbatch` is a stand-in, which leaves what it did in `spool`."""
  spool = tmp_path / "spool"
  spool.mkdir()
  (spool / "sbatch").write_text(SBATCH)
  (spool / "sbatch").chmod(0o755)
  environment = os.environ | {
    "SPOOL": str(spool),
    "PATH": f"{spool}{os.pathsep}{os.environ['PATH']}",
    "PYTHON": sys.executable,
    "PYTHONPATH": str(ROOT),
    "JAX_NUM_CPU_DEVICES": "2",
  }

  def call(*arguments):
    return subprocess.run(
      [ROOT / "launch" / "slurm.sh", *map(str, arguments)],
      env=environment, cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip

  return call, spool


def test_an_array_of_slurm_trains_all_cells_at_once(slurm, whole, tmp_path):
  """A task for each seed of each of two cells."""
  call, spool = slurm
  path, tasks = tmp_path / "a study", 4
  flags = [*FLAGS, "--config.sweep.seeds_at_once=1", f"--workdir={path}"]
  done = call("--time=1:00:00", "--gpus=1", "--", *flags)
  logs = {file.name: file.read_text() for file in spool.glob("*.out")}
  assert done.returncode == 0, (done.stderr, logs)
  asked = (spool / "asked").read_text().splitlines()
  assert {"--time=1:00:00", "--gpus=1", f"--array=1-{tasks}"} <= set(asked)
  assert set(logs) == {f"{task}.out" for task in range(1, tasks + 1)}
  assert_same(path, whole)
  left = {file.name for folder in FOLDERS for file in path.joinpath(folder).iterdir()}
  assert not any("seeds=" in name for name in left)
  # Whoever came last, or both where they ended at once.
  wrote = [f"{path}/report.html: everything on one page" in log for log in logs.values()]
  assert any(wrote)
  assert sorted(file.name for file in path.iterdir()) == sorted([*FOLDERS, "report.html"])


@pytest.mark.parametrize(
  ("flags", "said"),
  [
    ([f"{CONFIG}:vae", "--workdir=new"], "genjax: --cell=list: the config asks for one program"),
    ([*FLAGS, "--config.steps=x", "--workdir=new"], "genjax: config.steps is 'x'; expected a"),
    (FLAGS, "launch/slurm.sh: --workdir is missing"),
  ],
)
def test_a_mistake_submits_no_job(slurm, flags, said):
  call, spool = slurm
  done = call(*flags)
  assert done.returncode == 2
  assert done.stderr.startswith(said)
  assert not (spool / "asked").exists()
