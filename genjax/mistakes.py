"""What a user can do wrong. Every command imports this first, and nothing slow with it."""

import difflib
import os
import reprlib
import sys
import sysconfig
import textwrap
import traceback
from collections.abc import Iterable, Sequence

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


# What is expected, by the type of what stands there; absl has a list for a tuple.
KINDS = {
  bool: "True or False",
  int: "a whole number",
  float: "a number",
  str: "text",
  tuple: "a tuple",
  list: "a tuple",
}


class UserError(Exception):
  """The user's mistake. The message is one line: what is wrong, and what is expected."""

  status = 2  # of the process that it ends

  def __init__(self, line: str):
    super().__init__(" ".join(line.split()))


class Occupied(UserError):  # noqa: N818 (an answer: the same command may do later)
  """Another process has what a command wants to write."""

  status = 75  # EX_TEMPFAIL of sysexits.h: trying again later may work


def one_path(name: str, given: object) -> str:
  """A path that a caller names. Raises `UserError` for anything else."""
  if not isinstance(given, str | os.PathLike):
    raise UserError(f"{name} is {reprlib.repr(given)}; expected one path")
  return os.fspath(given)


def several(name: str, given: object, commas: bool = False) -> tuple[str, ...]:
  """The paths or texts that a caller names, one or several; `commas` may part them in one text.

  Raises `UserError` for anything else.
  """
  if isinstance(given, str) and commas:
    given = given.split(",") if given else ()
  one = isinstance(given, str | os.PathLike) or not isinstance(given, Iterable)
  found = (given,) if one else tuple(given)
  if not all(isinstance(part, str | os.PathLike) for part in found):
    raise UserError(f"{name} is {reprlib.repr(given)}; expected a text or a path, or several")
  return tuple(map(os.fspath, found))


def nearest(name: str, known: Iterable[str]) -> str:
  """The known name that is most like it; "" where none is near."""
  lowered = {other.lower(): other for other in known}
  return lowered.get(next(iter(difflib.get_close_matches(name.lower(), list(lowered), 1)), ""), "")


def nearest_keys(key: str, known: Sequence[str]) -> list[str]:
  """The dotted keys with the same last part, or the one that is most like it; none if none is."""
  last = key.split(".")[-1]
  same = [other for other in known if other.split(".")[-1] == last]

  def likeness(other: str) -> tuple[float, float]:
    pairs = ((key, other), (last, other.split(".")[-1]))
    return tuple(difflib.SequenceMatcher(None, *pair).ratio() for pair in pairs)

  best = max(known, key=lambda other: sum(likeness(other)), default="")
  whole, end = likeness(best)
  return same or [best] * (end > 0.7 or whole > 0.8)


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
