"""Who may write to a folder, with the locks of a file system and without."""

import errno
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent import futures

import pytest

from genjax.training import claims, config_file, metrics_file, workdir
from genjax.types import UserError


@pytest.fixture(autouse=True)
def fast(monkeypatch):
  for name, seconds in QUICK.items():
    monkeypatch.setattr(claims, name, seconds)


QUICK = {"BEAT": 0.1, "STALE": 1.5, "SETTLED": 0.1}


@pytest.fixture(params=[errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP], ids=errno.errorcode.get)
def no_locks(request, monkeypatch):
  """A file system that has none."""

  def flock(file, how):
    raise OSError(request.param, os.strerror(request.param))

  monkeypatch.setattr(fcntl, "flock", flock)


# Claims a workdir on a file system without locks, and trains: a line whenever it looks.
CLAIM = f"""
import errno, fcntl, pathlib, sys, time
from genjax.training import claims, workdir
def flock(file, how):
  raise OSError(errno.ENOSYS, "Function not implemented")
fcntl.flock = flock
for name, seconds in {QUICK}.items():
  setattr(claims, name, seconds)
path = pathlib.Path(sys.argv[1])
try:
  with workdir.claim(path):
    for _ in range(600):
      claims.check(path)
      print("claimed", flush=True)
      time.sleep(0.1)
except Exception as error:
  print(error, flush=True)
"""


@pytest.fixture
def other(tmp_path):
  """Another process that has the folder."""
  process = subprocess.Popen(
    [sys.executable, "-c", CLAIM, tmp_path], stdout=subprocess.PIPE, text=True
  )
  with process:
    assert process.stdout.readline() == "claimed\n"
    yield process
    process.kill()


def _claimed(path):
  with workdir.claim(path):
    return json.loads((path / ".owner").read_text())


def _busy(path):
  with pytest.raises(UserError) as caught, workdir.claim(path):
    pass
  return str(caught.value)


def test_without_locks_one_process_has_a_folder_and_it_is_said_whose_it_is(
  no_locks, other, tmp_path
):
  line = _busy(tmp_path)
  whose = f"--workdir={tmp_path}: process {other.pid} on {socket.gethostname()}, since 20"
  assert line.startswith(whose)
  assert line.endswith(" is writing to it; wait for it, or name another folder")


def test_without_locks_a_folder_is_free_again_when_its_process_ended(no_locks, tmp_path):
  for _ in range(2):
    begun = time.monotonic()
    assert _claimed(tmp_path)["pid"] == os.getpid()
    assert time.monotonic() - begun < QUICK["STALE"]
    assert not (tmp_path / ".owner").exists()
  with pytest.raises(ValueError, match="inside"), workdir.claim(tmp_path):
    raise ValueError("inside")
  assert not (tmp_path / ".owner").exists()


def test_without_locks_what_a_killed_process_had_is_taken_over(no_locks, other, tmp_path, caplog):
  other.kill()
  other.wait()
  config_file.check_free(tmp_path)  # its file is no stranger's
  begun = time.monotonic()
  assert _claimed(tmp_path)["pid"] == os.getpid()
  assert time.monotonic() - begun > QUICK["STALE"]
  (record,) = caplog.records
  assert f"process {other.pid} on {socket.gethostname()}" in record.getMessage()


def test_who_stood_still_for_too_long_writes_no_more(other, tmp_path, monkeypatch):
  monkeypatch.setattr(claims, "_lock", lambda file, how: False)
  other.send_signal(signal.SIGSTOP)
  with workdir.claim(tmp_path):
    other.send_signal(signal.SIGCONT)
    *_, line = other.stdout
    assert line.startswith(f"{tmp_path} was taken over by process {os.getpid()} on ")
    time.sleep(3 * QUICK["BEAT"])
    claims.check(tmp_path)  # and took nothing back
    assert json.loads((tmp_path / ".owner").read_text())["pid"] == os.getpid()


def _foreign(path, beat=0):
  about = {"host": "node7", "pid": 7, "since": "2026-01-01 00:00", "machine": "m", "token": "t"}
  (path / ".owner").write_text(json.dumps(about | {"beat": beat}))


def test_locks_that_exclude_nobody_elsewhere_are_not_trusted(tmp_path, monkeypatch):
  """As flock gives the lock, and a process of another machine is alive in the folder."""
  beats = iter(range(1, 1000))
  sleep = time.sleep
  _foreign(tmp_path)
  monkeypatch.setattr(claims.time, "sleep", lambda s: (_foreign(tmp_path, next(beats)), sleep(s)))
  assert _busy(tmp_path).startswith(f"--workdir={tmp_path}: process 7 on node7, since 2026-01-01")
  monkeypatch.setattr(claims.time, "sleep", sleep)
  assert _claimed(tmp_path)["host"] == socket.gethostname()  # which has died since


def test_with_locks_what_died_on_this_machine_is_taken_over_at_once(tmp_path):
  with workdir.claim(tmp_path):
    left = (tmp_path / ".owner").read_text()
  (tmp_path / ".owner").write_text(left)
  begun = time.monotonic()
  assert _claimed(tmp_path)["pid"] == os.getpid()
  assert time.monotonic() - begun < QUICK["STALE"]


def test_of_two_that_take_over_at_once_one_has_the_folder(tmp_path, monkeypatch):
  """Both have seen that the one before stands still, and neither what the other writes."""
  monkeypatch.setattr(claims, "SETTLED", 1.0)  # a machine that is busy may keep one of them waiting
  _foreign(tmp_path)
  stands_still, together = claims.Owner._stands_still, threading.Barrier(2)

  def seen(*arguments):
    still = stands_still(*arguments)
    together.wait(60)
    return still

  monkeypatch.setattr(claims.Owner, "_stands_still", seen)

  def take(owner):
    try:
      owner.take(alone_here=False)
    except claims.Busy:
      return False
    return True

  owners = [claims.Owner(tmp_path / ".owner") for _ in range(2)]
  with futures.ThreadPoolExecutor() as threads:
    took = [*threads.map(take, owners)]
  assert sorted(took) == [False, True]
  winner = owners[took.index(True)]
  assert json.loads((tmp_path / ".owner").read_text())["token"] == winner._token
  assert winner.kept()
  winner.release()


def test_an_owner_s_file_that_nobody_can_read_is_taken_over(no_locks, tmp_path):
  (tmp_path / ".owner").write_text("")  # as a full disk leaves it
  assert _claimed(tmp_path)["pid"] == os.getpid()


@pytest.mark.parametrize("number", [errno.EIO, errno.EPERM])
def test_another_fault_of_a_lock_is_not_taken_for_a_process(tmp_path, monkeypatch, number):
  def flock(file, how):
    raise OSError(number, os.strerror(number))

  monkeypatch.setattr(fcntl, "flock", flock)
  said = f"--workdir={tmp_path} cannot be written ({os.strerror(number)}); name a folder that can"
  assert _busy(tmp_path) == said


def test_without_locks_figures_are_written_in_turn(no_locks, tmp_path):
  with metrics_file.scores_locked(tmp_path):
    turn = claims.Owner(tmp_path / ".scores.lock.owner")
    with pytest.raises(claims.Busy):
      turn.take(alone_here=False)
  with metrics_file.scores_locked(tmp_path):
    pass
  assert [file.name for file in tmp_path.iterdir()] == [".scores.lock"]


def test_in_turn_waits_for_another_machine_though_a_lock_is_given(tmp_path, monkeypatch):
  """As on file systems whose locks exclude nobody elsewhere: its file says that it is within."""
  file, looks, sleep = tmp_path / ".scores.lock.owner", iter(range(8)), time.sleep
  about = {"host": "node7", "pid": 7, "since": "2026-01-01 00:00", "machine": "m", "token": "t"}
  file.write_text(json.dumps(about))

  def meanwhile(seconds):
    if (look := next(looks)) == 7:
      file.unlink()  # it has left
    else:
      file.write_text(json.dumps(about | {"beat": look}))
    sleep(seconds)

  monkeypatch.setattr(claims.time, "sleep", meanwhile)
  with metrics_file.scores_locked(tmp_path):
    assert next(looks, "none") == "none"
    assert json.loads(file.read_text())["pid"] == os.getpid()
  assert not file.exists()
