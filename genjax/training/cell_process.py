"""A cell of a study in a process of its own: what a Ray task runs, on whatever machine that is.

Ray's workers import this, so that it imports nothing slow.
"""

import contextlib
import ctypes
import fcntl
import functools
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import IO

from genjax.mistakes import Occupied

LOG = "ray.log"  # in the folder of a cell: what its process said
SAVING = 60.0  # seconds that a process has for its last checkpoint when it is told to end
AGAIN = 30.0  # before another try where another process has the cell: `claims.STALE`
TRIES = 10
LOOK = 0.2  # at a process: Ray's interrupt ends no longer wait
_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG


def run(
  arguments: Sequence[str],
  folder: str,
  directory: str,
  environment: Mapping[str, str],
  token: str,
  cpus: float,
  gpus: float,
) -> tuple[int, str]:
  """Trains a cell as `python -m genjax.main` does, and waits for its end.

  Where another process has the cell, as of a machine that the network lost, it tries again.

  Args:
    arguments: of the command.
    folder: the cell's workdir.
    directory: where the command is called.
    environment: variables that are set for it.
    token: the first word of the log, by which the driver knows it for this call's.
    cpus: how many cores it may use; all of the machine where that is none.
    gpus: how much of a GPU it has.

  Returns:
    Its exit status, below 0 for a signal that ended it; and the last line that it said.
  """
  log = pathlib.Path(directory, folder, LOG)
  log.parent.mkdir(parents=True, exist_ok=True)
  with open(log, "a") as file, _cores(int(cpus)) as cores:
    _wait_for_former(file)
    file.truncate(0)
    file.write(f"{token} on {socket.gethostname()}, process {os.getpid()}\n")
    file.flush()
    # Loaded before the fork, after which little is safe.
    before_exec = functools.partial(_before_exec, ctypes.CDLL(None), os.getpid(), cores)

    def start():
      return subprocess.Popen(
        [sys.executable, "-m", "genjax.main", *arguments],
        cwd=directory,
        env=os.environ | _shares(len(cores), gpus) | dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=file,
        stderr=subprocess.STDOUT,
        preexec_fn=before_exec,
        start_new_session=True,  # Ctrl-C at a terminal is the driver's, which tells all to save
      )

    left = TRIES
    while (status := _ended(start())) == Occupied.status and (left := left - 1):
      for _ in range(round(AGAIN / LOOK)):
        time.sleep(LOOK)
    return status, "".join(last_lines(log)[-1:])


def _before_exec(libc: ctypes.CDLL, parent: int, cores: Sequence[int]) -> None:
  """Runs in the child: it ends with its parent, and uses these cores alone.

  Ray kills a worker and leaves what it started, which would hold the workdir's lock. The child
  saves what it reached; but a second SIGTERM, after that of `_ended`, would end it at once.
  """
  if sys.platform == "linux":
    libc.prctl(_DEATH_SIGNAL, signal.SIGUSR1)
    if os.getppid() != parent:
      os._exit(1)
    if cores:
      os.sched_setaffinity(0, cores)


def _wait_for_former(log: IO) -> None:
  """Waits while a killed worker's child saves; it writes to the log, whose lock it has thereby."""
  end = time.monotonic() + SAVING
  with contextlib.suppress(OSError):  # no locks here: the owner of the workdir has to do
    while time.monotonic() < end:
      try:
        return fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
      except BlockingIOError:
        time.sleep(LOOK)


def _ended(child: subprocess.Popen) -> int:
  """Waits for a process; one that Ray cancels saves what it reached."""
  try:
    while child.poll() is None:
      time.sleep(LOOK)
  except BaseException:
    child.terminate()
    try:
      child.wait(SAVING)
    except subprocess.TimeoutExpired:
      child.kill()
    raise
  return child.returncode


def last_lines(log: pathlib.Path) -> list[str]:
  """The last lines of a log, and states of its progress bar; none without a log."""
  with contextlib.suppress(OSError), open(log, "rb") as file:
    file.seek(max(0, os.fstat(file.fileno()).st_size - 4000))
    lines = file.read().decode(errors="replace").replace("\r", "\n").split("\n")
    return [line.strip() for line in lines if line.strip()]
  return []


@contextlib.contextmanager
def _cores(count: int) -> Iterator[list[int]]:
  """Cores of this machine that no other cell of this user has; none where not enough are free.

  To Ray they are a number that it counts down: which ones a task has, it does not say.
  """
  known = sorted(getattr(os, "sched_getaffinity", lambda _: ())(0))
  folder = pathlib.Path(tempfile.gettempdir()) / f"genjax-cores-{os.getuid()}"
  with contextlib.ExitStack() as held:
    free = []
    with contextlib.suppress(OSError):
      folder.mkdir(exist_ok=True)
      for core in known:
        if len(free) < count:
          lock = held.enter_context(open(folder / str(core), "a"))
          with contextlib.suppress(OSError):  # another cell has it
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            free.append(core)
    if len(free) < count:
      free = []
      held.close()  # for cells that take fewer
    yield free


def _shares(cores: int, gpus: float) -> dict[str, str]:
  """The environment of a cell that has a share of a machine.

  Threads are as many as its cores. Who shares a GPU must not take three quarters of its memory, as
  JAX does.
  """
  threads = {"OMP_NUM_THREADS": str(cores)} if cores else {}
  return threads | ({"XLA_PYTHON_CLIENT_PREALLOCATE": "false"} if 0 < gpus < 1 else {})
