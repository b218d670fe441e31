"""A study over Ray: its cells' processes, the table, and a cluster of this machine's cores."""

import contextlib
import importlib.util
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time
import types

import pytest
from two_cells import FLAGS, FOLDERS, ROOT, assert_same

from genjax.training import cell_process, claims, cluster
from genjax.types import UserError

LONG = ["--config.steps=600", "--config.eval_every=200", "--config.log_every=100"]
RUN = "import sys; from genjax.training import cell_process as c; print(c.run(sys.argv[4:], *sys.argv[1:3], {}, sys.argv[3], 1, 0))"  # noqa: E501


def _environment():
  return os.environ | {"PYTHONPATH": str(ROOT), "JAX_NUM_CPU_DEVICES": "2"}


def _started(*arguments, **options):
  pipe = subprocess.PIPE
  return subprocess.Popen(
    [sys.executable, *map(str, arguments)], stdout=pipe, stderr=pipe, text=True,
    env=_environment(), **options,
  )  # fmt: skip


def _until(condition, process=None, seconds=400):
  """Waits for something, which it returns."""
  begun = time.monotonic()
  while not (found := condition()):
    ended = process and process.poll() is not None
    assert not ended, process.communicate()
    assert time.monotonic() - begun < seconds
    time.sleep(0.1)
  return found


def _owner(workdir):
  """The process that trains a cell, once it has begun."""
  with contextlib.suppress(OSError, ValueError):
    return json.loads((workdir / ".owner").read_text())["pid"]
  return None


def _gone(pid):
  """Whether a process has ended, though nobody may have asked how."""
  try:
    return "State:\tZ" in pathlib.Path(f"/proc/{pid}/status").read_text()
  except OSError:
    return True


# The process of a cell.


# A worker of Ray's has no JAX to be forked; this process has, where tests ran before.
@pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning")
def test_a_cell_s_process_has_a_log_and_a_status(tmp_path):
  said = cell_process.run(
    [*FLAGS, "--cell=list"], "s/width=8", str(tmp_path), _environment(), "t", 1, 0
  )
  assert said == (0, "width=12")
  lines = (tmp_path / "s" / "width=8" / "ray.log").read_text().splitlines()
  assert re.fullmatch(rf"t on \S+, process {os.getpid()}", lines[0])
  assert lines[1:] == FOLDERS
  status, line = cell_process.run(
    ["--cell=9"], "s/width=8", str(tmp_path), _environment(), "t", 0, 0
  )
  assert (status, line[:29]) == (2, "genjax: --config is missing; ")


def test_a_cell_s_process_saves_and_ends_with_ray_s_worker(caches, tmp_path):
  """Or it would hold the workdir's lock, and no other could go on."""
  folder = tmp_path / "width=8"
  arguments = [*FLAGS, *LONG, "--config.steps=100000", f"--workdir={tmp_path}", "--cell=1"]
  with _started("-c", RUN, folder, tmp_path, "token", *arguments) as worker:
    _until(lambda: (folder / "checkpoints" / "200").exists(), worker)
    pid = _owner(folder)
    worker.kill()
    try:
      _until(lambda: _gone(pid), seconds=60)
    finally:
      with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
  assert not (folder / ".owner").exists()
  assert cell_process.last_lines(folder / "ray.log")[-1].startswith("ended by SIGUSR1; ")


@pytest.fixture
def python(tmp_path, monkeypatch):
  """Takes a shell's lines for what a cell's process does."""

  def write(*lines):
    script = tmp_path / "python"
    script.write_text("\n".join(["#!/bin/sh", "echo begun", *lines]))
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))

  return write


def _run(path):
  said = cell_process.run([], "cell", str(path), {}, "t", 0, 0)
  return *said, (path / "cell" / "ray.log").read_text().count("begun")


@pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning")
def test_a_cell_that_another_process_has_is_tried_again(tmp_path, python, monkeypatch):
  assert cell_process.AGAIN >= claims.STALE
  monkeypatch.setattr(cell_process, "AGAIN", 0.2)
  monkeypatch.setattr(cell_process, "TRIES", 4)
  python("[ $(grep -c begun cell/ray.log) -ge 3 ] || exit 75", "echo trained")
  assert _run(tmp_path) == (0, "trained", 3)
  python("echo another has it", "exit 75")
  assert _run(tmp_path) == (75, "another has it", 4)
  python("exit 2")
  assert _run(tmp_path) == (2, "begun", 1)


@pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning")
def test_a_cell_waits_for_the_process_that_a_killed_worker_left(tmp_path, python):
  python("cat saved")
  (tmp_path / "cell").mkdir()
  with open(tmp_path / "cell" / "ray.log", "a") as log:
    cell_process._wait_for_former(log)
    saving = ["sh", "-c", "sleep 1; echo done > saved"]
    former = subprocess.Popen(saving, cwd=tmp_path, stdout=log)
  with former:
    assert _run(tmp_path) == (0, "done", 1)


def test_cells_of_a_machine_have_cores_of_their_own(tmp_path, monkeypatch):
  monkeypatch.setattr(cell_process.tempfile, "gettempdir", lambda: str(tmp_path))
  monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 4, 7})
  with cell_process._cores(2) as first:
    assert first == [3, 4]
    with cell_process._cores(1) as second:
      assert second == [7]
      with cell_process._cores(1) as third:
        assert third == []  # as good as it goes: wherever the system puts it
  with cell_process._cores(2) as again:
    assert again == [3, 4]
  with cell_process._cores(0) as any_core:
    assert any_core == []


def test_who_shares_a_gpu_leaves_memory_to_others():
  assert cell_process._shares(0, 0.5) == {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
  assert cell_process._shares(0, 1) == cell_process._shares(0, 0) == {}


def test_who_has_cores_takes_as_many_threads():
  assert cell_process._shares(3, 0) == {"OMP_NUM_THREADS": "3"}


# The table.

BAR = (
  "width=8, 1 of 9:  50%|█████     | 2000/4000 [00:10<01:20, 53.26step/s, 4 runs, loss 5.2 [5, 6]]"
)


def _cell(folder, state, line="", lost=0):
  cell = cluster.Cell(folder)
  cell.state, cell.line, cell.lost = state, line, lost
  return cell


def test_the_table_has_state_step_time_left_and_loss():
  cells = [_cell("a", "done", BAR), _cell("b", "waiting"), _cell("c", "failed", "no data")]
  cells += [_cell("width=8", "running", BAR, lost=1)]
  assert cluster.lines_of(cells, 9) == [
    "cell     state               step            left",
    "width=8  running, attempt 2  2,000 of 4,000  01:20  4 runs, loss 5.2 [5, 6]",
    "c        failed                                     no data",
    "b        waiting",
    "a        done                2,000 of 4,000         4 runs, loss 5.2 [5, 6]",
    "4 cells: 1 running, 1 failed, 1 waiting, 1 done",
  ]


def test_a_table_of_many_cells_fits_its_terminal():
  cells = [_cell(str(i), "waiting") for i in range(500)] + [_cell("x", "running", BAR)]
  lines = cluster.lines_of(cells, 20)
  assert len(lines) == 20
  assert lines[1].startswith("x ")
  assert lines[-1] == "501 cells: 1 running, 500 waiting"


def test_a_log_of_before_says_nothing_of_now(tmp_path):
  cell = cluster.Cell("a")
  (tmp_path / "a").mkdir()
  (tmp_path / "a" / "ray.log").write_text(f"other on m, process 1\n{BAR}")
  cell.look(tmp_path)
  assert cell.row() == ("a", "waiting", "", "", "")
  said = "a/w: pictures in samples\na/report.html: being written\n"
  (tmp_path / "a" / "ray.log").write_text(f"{cell.token} on m, process 1\n\r{BAR}\n{said}")
  cell.look(tmp_path)
  assert cell.row()[1:4] == ("running", "2,000 of 4,000", "01:20")


# Ray itself.

RAY = bool(importlib.util.find_spec("ray"))
with_ray = pytest.mark.skipif(not RAY, reason="Ray is an extra: pip install 'genjax-seeds[ray]'")


@pytest.mark.skipif(RAY, reason="Ray is installed")
def test_without_ray_it_is_said_how_to_install_it(commands, tmp_path):
  result = commands("main", *FLAGS, f"--workdir={tmp_path / 'w'}", "--ray=local")
  assert (result.status, result.errors) == (
    2,
    "genjax: --ray needs Ray: pip install 'genjax-seeds[ray]'\n",
  )


@pytest.mark.parametrize(
  ("flags", "said"),
  [
    (["--config.grid.width=()"], "--ray=local: the config asks for one program, not for a study"),
    (["--cell=1"], "--cell is one cell, and --ray trains all of them; drop one of the two"),
    (["--ray_cpus=-1"], "ray_cpus is '-1'; expected a number"),
  ],
)
def test_what_does_not_go_with_ray_is_a_line(commands, tmp_path, flags, said):
  result = commands("main", *FLAGS, f"--workdir={tmp_path / 'w'}", "--ray=local", *flags)
  assert result.status == 2
  assert result.errors.removeprefix("genjax: ").startswith(said)
  assert not (tmp_path / "w").exists()


@pytest.fixture(scope="module")
def whole(commands, tmp_path_factory):
  path = tmp_path_factory.mktemp("whole")
  result = commands("main", *FLAGS, *LONG, f"--workdir={path}")
  assert result.status == 0, result.errors
  return path


def _driver(path, *flags, **options):
  # Half a core each, so that two go side by side on a machine of one.
  arguments = [*FLAGS, *LONG, f"--workdir={path}", "--ray=local", "--ray_cpus=0.5", *flags]
  return _started("-m", "genjax.main", *arguments, **options)


@with_ray
def test_a_worker_that_is_killed_is_retried_to_the_same_bits(whole, tmp_path):
  with _driver(tmp_path) as driver:
    _until(lambda: (tmp_path / "width=8" / "checkpoints" / "200").exists(), driver)
    first = (tmp_path / "width=8" / "ray.log").read_text().split("\n")[0]
    os.kill(int(first.split()[-1]), signal.SIGKILL)
    output, errors = driver.communicate()
  assert driver.returncode == 0, (output, errors)
  assert f"{tmp_path}: width=8, waiting, attempt 2" in output
  assert f"{tmp_path}: width=8, done, attempt 2" in output
  assert f"{tmp_path}: width=12, done" in output
  assert_same(tmp_path, whole)
  assert (tmp_path / "report.html").exists()


@with_ray
def test_a_driver_that_is_interrupted_leaves_cells_that_go_on(whole, tmp_path):
  with _driver(tmp_path) as driver:
    _until(lambda: (tmp_path / "width=8" / "checkpoints" / "200").exists(), driver)
    pids = [pid for folder in FOLDERS if (pid := _owner(tmp_path / folder))]
    driver.send_signal(signal.SIGINT)
    output, errors = driver.communicate()
  assert driver.returncode == 130, (output, errors)
  assert "interrupted; the same command goes on from the last checkpoint" in errors
  assert pids
  for pid in pids:
    _until(lambda pid=pid: _gone(pid), seconds=20)
  assert not any((tmp_path / folder / ".owner").exists() for folder in FOLDERS)  # ended orderly
  with _driver(tmp_path) as again:
    output, errors = again.communicate()
  assert again.returncode == 0, (output, errors)
  assert_same(tmp_path, whole)


@with_ray
def test_a_signal_to_the_driver_and_all_of_ray_has_cells_save(tmp_path):
  """As of Slurm, or of `timeout`: the process group has the workers and Ray's own processes too."""
  with _driver(tmp_path, "--config.steps=100000", start_new_session=True) as driver:
    _until(lambda: (tmp_path / "width=8" / "checkpoints" / "200").exists(), driver)
    _until(lambda: (tmp_path / "width=12" / "checkpoints" / "200").exists(), driver)
    os.killpg(driver.pid, signal.SIGTERM)
    _, errors = driver.communicate()
  assert driver.returncode == 128 + signal.SIGTERM, errors
  assert "Traceback" not in errors
  assert "***" not in errors
  last = errors.rstrip().splitlines()[-1]
  assert last == "ended by SIGTERM; the same command goes on from the last checkpoint"
  for folder in FOLDERS:
    _until(lambda log=tmp_path / folder / "ray.log": "ended by SIG" in log.read_text(), seconds=60)
    assert not (tmp_path / folder / ".owner").exists()


def test_a_signal_while_ray_begins_is_a_line(monkeypatch, capsys):
  monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
  begins = types.SimpleNamespace(
    init=lambda *_, **__: sys.exit(signal.SIGTERM)
  )  # as Ray's own does
  monkeypatch.setitem(sys.modules, "ray", begins)
  with pytest.raises(SystemExit) as caught:
    cluster._connected("local")
  assert caught.value.code == 128 + signal.SIGTERM
  assert capsys.readouterr().err == "ended by SIGTERM; nothing was begun\n"


@with_ray
def test_parts_of_cells_are_tasks_of_their_own(whole, tmp_path):
  with _driver(tmp_path, "--config.sweep.seeds_at_once=1") as driver:
    output, errors = driver.communicate()
  assert driver.returncode == 0, (output, errors)
  for folder in FOLDERS:
    for part in ("seeds=0", "seeds=1"):
      assert f"{tmp_path}: {folder}/{part}, done" in output
  assert_same(tmp_path, whole)
  assert (tmp_path / "report.html").exists()


@pytest.mark.parametrize(
  ("address", "said"),
  [
    ("node7", "expected HOST:PORT of a Ray cluster, auto, or local"),
    ("127.0.0.1:1", "no Ray cluster answers there ([Errno 111] Connection refused)"),
    ("127.0.0.1:99999999999999", "no Ray cluster answers there ("),
  ],
)
def test_an_address_where_nobody_listens_is_said_at_once(address, said):
  with pytest.raises(UserError) as caught:
    cluster._check_address(address)
  assert str(caught.value).startswith(f"--ray={address}: {said}")


@with_ray
def test_a_mistake_in_all_cells_is_not_retried_and_a_machine_too_small_is_said(tmp_path):
  for cell in ("width=8", "width=12"):  # what only they look at: files that no run left
    (tmp_path / "w" / cell).mkdir(parents=True)
    (tmp_path / "w" / cell / "thesis.tex").touch()
  with _driver(tmp_path / "w") as driver:
    output, errors = driver.communicate()
  assert driver.returncode == 2, (output, errors)
  assert "2 of 2 cells failed, width=8 first: genjax: " in errors
  assert "attempt" not in output
  with _driver(tmp_path / "x", "--ray_gpus=9") as driver:
    errors = driver.communicate()[1]
  assert driver.returncode == 2
  assert "--ray_cpus=0.5 --ray_gpus=9: no machine of the cluster has as much" in errors
