"""Scores in a workdir: rows of metrics.csv named `fd@1f0c93aa`, and protocols.json beside it."""

import pathlib
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

from genjax.training import metrics_file, numbering, provenance, workdir


class Place(NamedTuple):
  """What a score in metrics.csv is of."""

  name: str
  protocol: str  # the hash
  run: int
  step: int


def describe(path: pathlib.Path, key: str, protocol: dict, floor: Mapping[str, float]) -> None:
  """Notes a protocol; floors join those that were noted before."""
  with metrics_file.scores_locked(path):
    known = workdir.read_protocols(path)
    before = known.get(key, {}).get("floor", {})
    known[key] = protocol | {"versions": provenance.versions(), "floor": before | dict(floor)}
    workdir.write_protocols(path, known)


def note(
  path: pathlib.Path, key: str, protocol: dict, names: Collection[str], floor: Callable
) -> None:
  """Notes a protocol, and those floors that it lacks.

  Args:
    path: the workdir.
    key: the protocol's hash.
    protocol: see `protocols.Context`; with the weights.
    names: scores that are going to be computed by it.
    floor: measures floors: `(names) -> {name: figure}`, some more or less.
  """
  known = workdir.read_protocols(path)
  noted = known.get(key, {}).get("floor", {})
  if set(names) <= noted.keys():
    return
  # Real images do not depend on a run's weights: what was measured beside others holds.
  twins = [one["floor"] for one in known.values() if _of_real(one) == _of_real(protocol)]
  found = {name: value for other in twins for name, value in other.items() if name in names}
  if left := set(names) - found.keys():
    found |= {name: value for name, value in floor(left).items() if name in left}
  describe(path, key, protocol, found)


def _of_real(protocol: dict) -> dict:
  return {k: v for k, v in protocol.items() if k not in ("weights", "versions", "floor")}


def column(name: str, protocol: str) -> str:
  """What a score by a protocol is called in metrics.csv."""
  return f"{name}@{protocol}"


def read(path: pathlib.Path) -> dict[Place, float]:
  """Every score of a workdir, NaN where it has no figure. Raises `UserError` for a bad line."""
  return {
    Place(*column.split("@"), run, step): figure
    for run, own in metrics_file.read_figures(path, lambda name: name.partition("@")[2]).items()
    for column, figures in own.items()
    for step, figure in figures.items()
  }


def add(
  path: pathlib.Path, scores: Mapping[Place, float], rows: Sequence[dict] | None = None
) -> None:
  """Appends scores; one that came out as NaN has its row too, so that it is not computed again.

  Args:
    path: the workdir.
    scores: the figures.
    rows: the numbers of its runs when their weights were read; None where it cannot grow.

  Raises:
    UserError: it cannot be written, or has grown since and has other runs by these numbers.
  """
  figures = [(p.step, p.run, column(p.name, p.protocol), value) for p, value in scores.items()]
  with metrics_file.scores_locked(path):
    if rows:
      numbering.check_runs(path, {place.run: rows[place.run] for place in scores}, "evaluate")
    metrics_file.append(path / "metrics.csv", figures)
