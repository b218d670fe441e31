"""What a user can do wrong. Every command imports this first, and nothing slow with it."""

import difflib
import os
import sys
import sysconfig
import textwrap
import traceback
from collections.abc import Iterable

import genjax

# The probabilistic programming library of that name, installed over this one, has its __init__.
if not hasattr(genjax, "DISTRIBUTION"):
  _line = (
    f"{genjax.__file__} is of another library named genjax; pip uninstall genjax, then install "
    "genjax-seeds again"
  )
  _command = getattr(sys.modules["__main__"], "__spec__", None)
  if _command and _command.name.startswith("genjax."):
    sys.stderr.write(f"genjax: {_line}\n")
    sys.exit(2)
  raise ImportError(_line)


class UserError(Exception):
  """The user's mistake. The message is one line: what is wrong, and what is expected."""

  status = 2  # of the process that it ends

  def __init__(self, line: str):
    super().__init__(" ".join(line.split()))


class Occupied(UserError):  # noqa: N818 (an answer: the same command may do later)
  """Another process has what a command wants to write."""

  status = 75  # EX_TEMPFAIL of sysexits.h: trying again later may work


def nearest(name: str, known: Iterable[str]) -> str:
  """The known name that is most like it; "" where none is near."""
  return next(iter(difflib.get_close_matches(name, list(known), 1)), "")


def hint(name: str, known: Iterable[str]) -> str:
  """ "did you mean ...? " where a known name is near, before what is known; or ""."""
  near = nearest(name, known)
  return f"did you mean {near}? " if near else ""


def suggestion(name: str, known: Iterable[str]) -> str:
  """ "; did you mean ...?" where a known name is near."""
  near = nearest(name, known)
  return f"; did you mean {near}?" if near else f"; known are {', '.join(known)}"


def reason(error: BaseException) -> str:
  """An exception in one line, for a message of ours; with its place in a file of the user's."""
  said = textwrap.shorten(f"{type(error).__name__}: {error}", 200, placeholder=" ...")
  places = [frame for frame in traceback.extract_tb(error.__traceback__) if _own(frame.filename)]
  return said + (f", line {places[-1].lineno} of {places[-1].filename}" if places else "")


_OTHERS = (os.path.dirname(genjax.__file__), *map(sysconfig.get_path, ("stdlib", "purelib")))


def _own(file: str) -> bool:
  """Whether a file is neither genjax's, nor Python's, nor installed."""
  return not file.startswith(("<", *_OTHERS)) and "site-packages" not in file
