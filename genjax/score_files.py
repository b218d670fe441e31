"""Scores in a workdir: rows of metrics.csv named `fd@1f0c93aa`, and protocols.json beside it."""

import contextlib
import csv
import fcntl
import json
import pathlib
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from genjax import workdir
from genjax.types import UserError

FILE = "protocols.json"


class Place(NamedTuple):
  """What a score in metrics.csv is of."""

  name: str
  protocol: str  # the hash
  run: int
  step: int


@contextlib.contextmanager
def _locked(path: pathlib.Path) -> Iterator[None]:
  """Keeps a training and an evaluation of one workdir from writing at once."""
  with open(path / ".scores.lock", "w") as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)
    yield


def read_protocols(path: pathlib.Path) -> dict[str, dict]:
  """Hash -> protocol, with its floor; {} where nothing was evaluated. Raises `UserError`."""
  file = path / FILE
  try:
    found = json.loads(file.read_text())
    if isinstance(found, dict) and all(isinstance(one, dict) for one in found.values()):
      return found
  except FileNotFoundError:
    return {}
  except (OSError, ValueError):
    pass
  raise UserError(f"{file} cannot be read; delete it, and evaluate again")


def describe(path: pathlib.Path, key: str, protocol: dict, floor: Mapping[str, float]) -> None:
  """Notes a protocol; floors join those that were noted before."""
  with _locked(path):
    known = read_protocols(path)
    before = known.get(key, {}).get("floor", {})
    known[key] = protocol | {"versions": workdir.versions(), "floor": before | dict(floor)}
    workdir.write_atomically(path / FILE, json.dumps(known, indent=2) + "\n")


def read(path: pathlib.Path) -> dict[Place, float]:
  """Every score of a workdir. Raises `UserError` for a line that is none."""
  file, found = path / "metrics.csv", {}
  if not file.exists():
    return found
  with open(file, newline="") as lines:
    for number, row in enumerate(csv.reader(lines), 1):
      if len(row) == 4 and "@" in row[2]:
        try:
          place = Place(*row[2].split("@"), run=int(row[1]), step=int(row[0]))
          found[place] = float(row[3])
        except (TypeError, ValueError):
          raise UserError(
            f"{file} line {number} is no row of step,run,name,value; delete that line"
          ) from None
  return found


def add(path: pathlib.Path, scores: Mapping[Place, float]) -> None:
  """Appends scores in one write, so that a process that is killed leaves no half of a line."""
  lines = "".join(
    f"{place.step},{place.run},{place.name}@{place.protocol},{value:.7g}\n"
    for place, value in scores.items()
    if not np.isnan(value)
  )
  with _locked(path), open(path / "metrics.csv", "ab", buffering=0) as file:
    file.write(lines.encode())
