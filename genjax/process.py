"""The process of a command: how it ends, what signals do, and JAX's settings.

Exit status: 0 done; 1 a fault of ours, with its traceback; 2 the user's mistake, one line on
stderr, and 75 where another process writes to the workdir; 130 interrupted from the keyboard;
128 + n ended by signal n, as 143 by SIGTERM.
"""

import contextlib
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, TextIO

from absl import logging

from genjax import files
from genjax.mistakes import UserError

_commanded = threading.Event()  # set where the process is a command's: its signals are ours


def claim_signals() -> None:
  """Makes this process a command's: Ctrl-C ends it with a line, and training ends by a checkpoint.

  Whoever calls genjax from Python keeps the handlers that there are. Until JAX is imported that of
  genjax/__init__.py stays: an exception within a library that sets itself up ends in a crash.
  """
  _commanded.set()
  sys.unraisablehook = _on_unraisable
  if "jax" in sys.modules:
    _raise_interrupts()


def _raise_interrupts() -> None:
  signal.signal(signal.SIGINT, signal.default_int_handler)


def is_command() -> bool:
  """Whether this process is a command's, and no caller's from Python."""
  return _commanded.is_set()


def _on_unraisable(dropped: "sys.UnraisableHookArgs") -> None:
  """Sends a Ctrl-C again that Python dropped.

  It drops what is raised within a callback of its garbage collector, of which compiling has many.
  """
  if not issubclass(dropped.exc_type, KeyboardInterrupt):
    sys.__unraisablehook__(dropped)
    return
  again = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT))  # when the callback is over
  again.daemon = True
  again.start()


class Terminated(Exception):  # noqa: N818 (as KeyboardInterrupt, it is no error)
  """A signal asked the process to end, and what was reached is saved. The message is one line."""

  def __init__(self, asked: signal.Signals, message: str):
    how = "interrupted" if asked == signal.SIGINT else f"ended by {asked.name}"
    super().__init__(f"{how}; {message}")
    self.status = 128 + asked


@contextlib.contextmanager
def held_signals(
  interrupts: Callable[[], bool] = lambda: True,
) -> Iterator[list[signal.Signals]]:
  """Holds back what asks a process to end, as Ctrl-C and Slurm do: the list has what came.

  A second one of a kind ends the process at once. What is ignored, as under nohup, stays ignored.
  Nothing is held in a process that is no command's.

  Args:
    interrupts: whether Ctrl-C is held back as well by now; where not, it ends the process.
  """
  came, before = [], {}

  def hold(signum, frame) -> None:
    if signum == signal.SIGINT:
      if not interrupts():
        raise KeyboardInterrupt
      sys.stderr.write("\nsaving what was reached; Ctrl-C again ends at once\n")
    came.append(signal.Signals(signum))
    signal.signal(signum, before[signum])

  if is_command() and threading.current_thread() is threading.main_thread():
    kinds = [getattr(signal, name, None) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1")]
    before |= {kind: signal.getsignal(kind) for kind in kinds if kind}
  for kind, handler in before.items():
    if handler is not signal.SIG_IGN:
      signal.signal(kind, hold)
  try:
    yield came
  finally:
    for kind, handler in before.items():
      signal.signal(kind, handler)


def refuse(error: object, status: int = UserError.status) -> None:
  """Ends the process for a mistake of the user's: one line on stderr."""
  line = " ".join(str(error).split())
  sys.stderr.write(f"genjax: {line}\n")
  sys.exit(status)


def leave(line: str, status: int) -> None:
  """Ends the process at once, with a line on stderr."""
  sys.stderr.write(f"\n{line}\n")
  sys.stdout.flush()
  sys.stderr.flush()
  os._exit(status)  # Python's own end would take down what still compiles in a thread, and crash


def bar(**options: Any) -> Any:
  """A tqdm bar on stderr: it moves on a terminal and in a notebook, and adds lines to a log."""
  from tqdm.auto import tqdm

  file = sys.stderr if sys.stderr.isatty() else _Log(sys.stderr)
  return tqdm(**options, file=file, dynamic_ncols=True, mininterval=0.5)


class _Log:
  """What tqdm writes to, where that is read later: of a bar's states one in so many seconds."""

  def __init__(self, stream: TextIO):
    self._stream, self._state, self._told = stream, "", -math.inf
    self.encoding = getattr(stream, "encoding", None)  # by which tqdm chooses what it draws with

  def write(self, text: str) -> None:
    self._state = text.strip() or self._state
    now, last = time.monotonic(), text == "\n"  # with which tqdm leaves a bar
    if self._state and (last or now - self._told >= LOG_SECONDS):
      self._stream.write(f"{self._state}\n")
      self._state, self._told = "", now

  def flush(self) -> None:
    self._stream.flush()


LOG_SECONDS = 10


def cores() -> int:
  """Of this machine's those that the process may use."""
  return len(getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count() or 1))(0))


def check_jax() -> None:
  """Raises `UserError` where JAX is asked for 64 bits, or is one program of several processes.

  Runs share nothing, so there is nothing for such processes to exchange; cells in separate
  processes do the same work, and none waits for another that has died.
  """
  import jax  # takes half a second, which whoever mistypes a path need not wait

  if jax.config.jax_enable_x64:
    raise UserError("JAX_ENABLE_X64 is set, and genjax computes in 32 bits; unset it")
  # Asked first, as to count processes makes devices, of which there is more to be said.
  if jax.distributed.is_initialized() and (count := jax.process_count()) > 1:
    raise UserError(
      f"jax.distributed runs {count} processes as one program, but genjax runs one process per "
      "cell: use --ray=ADDRESS to spread the cells of a study over machines, or --cell=FOLDER for "
      "one of them, or drop jax.distributed.initialize()"
    )


def prepare_jax() -> None:
  """A persistent compilation cache, and on a CPU a device a core, so that runs go side by side.

  Where the cache cannot be written, a line says so; it is read if it is there.

  Raises:
    UserError: JAX is asked for 64 bits, or for a kind of device that is not here; or there is no
      place for a cache.
  """
  import jax

  if is_command():
    _raise_interrupts()
  check_jax()
  cache = os.environ.get("JAX_COMPILATION_CACHE_DIR") or str(files.caches() / "jax")
  least = 0.0  # seconds that an entry of the cache took
  asked = jax.config.jax_enable_compilation_cache and "://" not in cache
  if asked and (why := files.unwritable(cache)):
    logging.warning(
      "%s cannot be written (%s): what is compiled is not kept; JAX_COMPILATION_CACHE_DIR names "
      "another folder",
      cache,
      why,
    )
    cache, least = cache if os.path.isdir(cache) else None, math.inf
  jax.config.update("jax_compilation_cache_dir", cache)
  jax.config.update("jax_persistent_cache_min_compile_time_secs", least)
  jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
  if not os.environ.get("JAX_NUM_CPU_DEVICES"):
    # Where something was computed before, there are as many devices as there were then.
    with contextlib.suppress(RuntimeError):
      jax.config.update("jax_num_cpu_devices", cores())
  if platforms := os.environ.get("JAX_PLATFORMS"):
    try:
      jax.devices()
    except (RuntimeError, AssertionError) as error:
      why = f" ({' '.join(str(error).split())})" if str(error) else ""
      raise UserError(
        f"JAX_PLATFORMS is {platforms!r}, and this machine has no such device{why}; expected "
        "cpu, or nothing"
      ) from error
