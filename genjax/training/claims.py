"""Who may write to a folder: one process, on whatever machine.

A lock of the file system says so at once, also after its holder was killed. But some file systems
have no locks, and on some of a cluster they exclude nobody on other machines. So who has a folder
also keeps a file there that says whose it is, and changes while its process lives: it is taken over
once it stood still for a while. Clocks are not compared, as machines do not agree on the time.
"""

import contextlib
import errno
import fcntl
import functools
import json
import os
import pathlib
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from typing import IO, NamedTuple

from absl import logging

from genjax import files
from genjax.types import UserError, now

BEAT = 5.0  # seconds between two changes of an owner's file
STALE = 30.0  # a file that did not change for so long is of a process that ended
SETTLED = 1.0  # of two processes that take over at once, the second has done so within this time

_BUSY = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)
_NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP)

_held: dict[str, "Owner"] = {}  # of this process, by their folders


class Busy(Exception):  # noqa: N818 (an answer, which callers turn into a line)
  """Another process has it. The message says which, as far as that is known."""


@contextlib.contextmanager
def alone(path: pathlib.Path) -> Iterator[None]:
  """Has a folder for this process, or does not enter.

  Raises:
    Busy: another process has it.
    OSError: the folder cannot be written.
  """
  owner = Owner(path / ".owner")
  with open(path / ".lock", "a") as lock:
    try:
      locked = _lock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
      if error.errno in _BUSY:
        raise Busy(owner.described()) from error
      raise
    owner.take(alone_here=locked)
    _held[os.path.abspath(path)] = owner
    try:
      yield
    finally:
      del _held[os.path.abspath(path)]
      owner.release()


def check(path: pathlib.Path) -> None:
  """Raises `UserError` where another process took a folder over that this one had for itself.

  As it does where this one stood still for long, suspended or by a file system that hung.
  """
  if (owner := _held.get(os.path.abspath(path))) and not owner.kept():
    raise UserError(
      f"{path} was taken over by {owner.described()}, because this process stalled for more than "
      f"{STALE:g} s; training continues there"
    )


@contextlib.contextmanager
def in_turn(file: pathlib.Path) -> Iterator[None]:
  """Waits until no other process is within, as short as that may be.

  Raises:
    OSError: the file cannot be written.
  """
  with open(file, "a") as lock:
    locked = _lock(lock, fcntl.LOCK_EX)
    owner = Owner(file.with_name(f"{file.name}.owner"))
    while True:
      with contextlib.suppress(Busy):
        owner.take(alone_here=locked)
        break
    try:
      yield
    finally:
      owner.release()


def _lock(file: IO, how: int) -> bool:
  """Whether a file is locked; False where its file system has no locks. Raises `OSError`."""
  try:
    fcntl.flock(file, how)
  except OSError as error:
    if error.errno not in _NO_LOCKS:
      raise
    return False
  return True


class _Record(NamedTuple):
  """What an owner's file says, as far as it could be read."""

  text: str = ""
  token: str = ""
  machine: str = ""
  described: str = "another process"

  @classmethod
  def read(cls, file: pathlib.Path) -> "_Record | None":
    """None where there is no such file."""
    try:
      text = file.read_text(errors="replace")
    except FileNotFoundError:
      return None
    try:
      said = json.loads(text)
      whose = f"process {said['pid']} on {said['host']}, since {said['since']}"
      return cls(text, said["token"], said["machine"], whose)
    except (ValueError, KeyError, TypeError):  # its owner is just writing it
      return cls(text)


class Owner:
  """A file that says who has something, and is kept changing by a thread meanwhile."""

  def __init__(self, file: pathlib.Path):
    self._file, self._token = file, secrets.token_hex(8)
    self._about = {"host": socket.gethostname(), "pid": os.getpid(), "since": now()}
    self._about |= {"machine": _machine(), "token": self._token}
    self._beats, self._last, self._lost = 0, 0.0, False
    self._ended = threading.Event()
    self._thread = threading.Thread(target=self._live, daemon=True)

  def described(self) -> str:
    """Whose the file is."""
    return (_Record.read(self._file) or _Record()).described

  def take(self, alone_here: bool) -> None:
    """Makes the file this process's.

    Args:
      alone_here: whether no other process of this machine can have it, by a lock.

    Raises:
      Busy: another process keeps it changing.
      OSError: it cannot be written.
    """
    while not self._created():
      seen = _Record.read(self._file)
      if seen and alone_here and seen.machine == _machine():
        self._file.write_text(self._text())
        break
      if seen and self._stands_still(seen):
        files.write(self._file, self._text())
        time.sleep(SETTLED)
        if not self._is_mine():
          raise Busy(self.described())
        break
    self._last = time.monotonic()
    self._thread.start()

  def _created(self) -> bool:
    try:
      with open(self._file, "x") as file:
        file.write(self._text())
    except FileExistsError:
      return False
    return True

  def _stands_still(self, seen: _Record) -> bool:
    """Waits to see whether a file changes; False where it goes away. Raises `Busy` if it does."""
    begun, told = time.monotonic(), False
    while time.monotonic() - begun < STALE:
      time.sleep(BEAT / 10)
      record = _Record.read(self._file)
      if record is None:
        return False
      if record.text != seen.text:
        raise Busy(record.described)
      if not told and time.monotonic() - begun > 2 * BEAT:
        told = True
        logging.warning(
          "%s: %s had it last, and seems to have ended; waiting %g s to be sure",
          *(self._file.parent, seen.described, STALE),
        )
    return True

  def _text(self) -> str:
    return json.dumps(self._about | {"beat": self._beats})

  def _is_mine(self) -> bool:
    record = _Record.read(self._file)
    return bool(record) and record.token == self._token

  def _live(self) -> None:
    while not self._ended.wait(BEAT):
      self._beat()

  def _beat(self) -> None:
    with contextlib.suppress(OSError):  # a file system that hangs or is full: another time
      if not self._is_mine():
        self._lost = True
        self._ended.set()
        return
      self._beats += 1
      with open(self._file, "r+") as file:  # in its place, which takes no room on a full disk
        file.write(self._text())
      self._last = time.monotonic()

  def kept(self) -> bool:
    """Whether the file is still this process's."""
    if time.monotonic() - self._last > STALE / 2:  # the thread stood still as well
      self._beat()
    return not self._lost

  def release(self) -> None:
    """Takes the file away, if it is still this process's."""
    self._ended.set()
    self._thread.join()
    with contextlib.suppress(OSError):
      if self._is_mine():
        self._file.unlink()


@functools.cache
def _machine() -> str:
  """The kernel that runs, where it says so: two machines may have one name."""
  with contextlib.suppress(OSError):
    return pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip()
  return socket.gethostname()
