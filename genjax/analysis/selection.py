"""Which runs a command is about: of a workdir, of a study's cells, or of several workdirs."""

import itertools
import pathlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from genjax.data.sources import numbered
from genjax.plotting import plots
from genjax.training import config_file, loading, numbering, pictures, pooling, sweep, workdir
from genjax.types import Model, Run, State, UserError


class Selection(NamedTuple):
  """Some runs of one program: R of them here, of all that its workdir has."""

  name: str  # of the workdir, as short as tells it from the others
  path: pathlib.Path
  saved: loading.Saved
  weights: str  # "best", "last" or "raw"
  index: tuple[int, ...]  # [R] rows of runs.csv
  labels: list[plots.RunLabel]  # [R] as figures name them

  @property
  def model(self) -> Model:
    return self.saved.model

  @property
  def numbers(self) -> list[dict]:
    """[R] seed, latent, learning_rate, ... of each run."""
    return [self.saved.rows[i] for i in self.index]

  def only(self, places: Iterable[int]) -> "Selection":
    """Those at some places of the R."""
    places = list(places)
    index, labels = tuple(self.index[r] for r in places), [self.labels[r] for r in places]
    return self._replace(index=index, labels=labels)

  def coordinates(self, numbers: dict) -> dict:
    """Of a setting with these numbers: as in `workdirs.RunRecord`."""
    structure = config_file.structure(self.saved.config.to_dict())
    return structure | {name: value for name, value in numbers.items() if name != "seed"}

  def check_runs(self) -> None:
    """Raises `UserError` where metrics.csv has other runs by these numbers, as it has grown."""
    numbering.check_runs(self.path, dict(zip(self.index, self.numbers, strict=True)), "read it")

  @property
  def rows(self) -> tuple[Run, State]:
    """What functions of one run take, leaves `[R, ...]`."""
    states = self.saved.states(self.weights)
    return jax.tree.map(lambda leaf: leaf[np.array(self.index)], (self.saved.runs, states))

  @property
  def steps(self) -> np.ndarray:
    """[R] of the weights."""
    return np.asarray(self.saved.states(self.weights).step)[list(self.index)]

  @property
  def lost(self) -> np.ndarray:
    """[R] as `loading.lost` has it."""
    failed = np.array([label.failed for label in self.labels])
    return loading.lost(failed, self.steps, self.weights)

  def vectorised(self, f: Callable) -> Callable:
    """A function `((run, state), *shared) -> tree` of one run, compiled for the runs of `rows`.

    In full float32, as scores are: a figure is no device's.
    """
    return sweep.compiled(sweep.vectorise(f, len(self.index)))

  def computed(self, f: Callable, *shared: Any) -> Any:
    """What such a function gives for the runs, as arrays of NumPy `[R, ...]`."""
    return jax.tree.map(np.asarray, self.vectorised(f)(self.rows, *shared))


def read(
  paths: Sequence[str | pathlib.Path], wanted: Sequence[str] = (), weights: str = "best"
) -> list[Selection]:
  """The runs that a command line names; workdirs without any of them are left out.

  Args:
    paths: workdirs, and studies, of which every cell that has a checkpoint is taken.
    wanted: rows of runs.csv ("0", "3"); or numbers that runs have ("latent=10", "seed=0"): of each
      name one of its values. All runs where empty.
    weights: "best", "last" or "raw", as in `loading.load`.

  Raises:
    UserError: a path is not a workdir, no run is meant, or nothing was saved yet.
  """
  names = workdir.named(paths, with_checkpoint=True)
  saved = {folder: loading.read(folder) for folder in names}
  places, values = _asked(wanted)
  indices = {folder: _matching(one.rows, places, values) for folder, one in saved.items()}
  if not any(indices.values()):
    raise UserError(f"--runs={','.join(wanted)}: no run matches; {_there_are(saved)}")
  for absent in _absent(places, values, [one.rows for one in saved.values()]):
    raise UserError(f"--runs={','.join(wanted)}: there is no {absent}; {_there_are(saved)}")
  records = {folder: config_file.read_config(folder) for folder in names}
  called = pooling.of(names, records, {folder: one.rows for folder, one in saved.items()})
  found = []
  for folder, one in saved.items():
    alone = called[folder].name if len(names) > 1 else ""
    settings = [setting or alone for setting in called[folder].settings]
    labels = pictures.labels(one.rows, settings, one.progress.failed_at)
    every = Selection(names[folder], folder, one, weights, tuple(range(len(labels))), labels)
    found.append(every.only(indices[folder]))
  return [one for one in found if one.index]


def class_names(selections: Sequence[Selection]) -> tuple[str, ...]:
  """What a figure of conditional models calls their classes: numbers where they differ in names.

  Other models have no say; () where there are no others.
  """
  named = {plots.drawable(one.saved.classes) for one in selections if one.model.num_classes}
  return named.pop() if len(named) == 1 else numbered(max(map(len, named), default=0))


def one_of_each_setting(selection: Selection) -> Selection:
  """The first run of each setting that is there, sound ones before failed ones."""
  groups = plots.by_setting(selection.labels).values()
  return selection.only(
    sorted(min(rows, key=lambda r: selection.labels[r].failed) for rows in groups)
  )


def for_figures(
  selections: Sequence[Selection], named: bool, most: int
) -> tuple[list[Selection], list[str]]:
  """The runs that figures have room for, and a line where these are not all that are meant.

  Args:
    selections: the runs.
    named: whether the user named them; else one of each setting stands for all.
    most: of all workdirs together.
  """
  selections = list(selections) if named else [one_of_each_setting(one) for one in selections]
  left, kept = most, []
  for one in selections:
    kept.append(one.only(range(min(left, len(one.index)))))
    left -= len(kept[-1].index)
  total = sum(len(one.index) for one in selections)
  line = f"figures show {most} of {total} runs; --runs chooses others"
  return [one for one in kept if one.index], [line] if total > most else []


def _asked(wanted: Sequence[str]) -> tuple[set[int], dict[str, set[float]]]:
  """What --runs names: places in runs.csv, and values of numbers."""
  places, values = set(), {}
  for item in wanted:
    name, equals, value = item.partition("=")
    try:
      if equals:
        values.setdefault(name.strip(), set()).add(float(value))
      else:
        places.add(int(name))
    except ValueError:
      raise UserError(
        f"--runs has {item!r}; expected rows of runs.csv, as 0,3, or numbers of runs, as "
        "latent=10,seed=0"
      ) from None
  return places, values


def _matching(rows: list[dict], places: set[int], values: dict[str, set[float]]) -> list[int]:
  for name in values:
    if name not in rows[0]:
      raise UserError(
        f"--runs has {name!r}, which runs do not have; they have {', '.join(rows[0])}"
      )
  return [
    i
    for i, row in enumerate(rows)
    if (not places or i in places) and all(row[name] in chosen for name, chosen in values.items())
  ]


def _absent(
  places: set[int], values: dict[str, set[float]], tables: list[list[dict]]
) -> Iterator[str]:
  """What --runs names that none of the workdirs has, as it has it."""
  yield from (str(place) for place in sorted(places) if place >= max(map(len, tables)))
  for name, chosen in values.items():
    known = {row[name] for rows in tables for row in rows}
    yield from (f"{name}={value:g}" for value in sorted(chosen - known))


def _there_are(saved: dict[pathlib.Path, loading.Saved]) -> str:
  """What could be chosen from."""
  rows = [row for one in saved.values() for row in one.rows]
  last = max(len(one.rows) for one in saved.values()) - 1
  varying = {name: sorted({row[name] for row in rows}) for name in rows[0]}
  parts = [f"{name} {_either(values)}" for name, values in varying.items() if len(values) > 1]
  return f"there are runs 0 to {last}" + (f", with {' and '.join(parts)}" if parts else "")


def _either(values: list[float]) -> str:
  """Two values or more, in order: "2, 10 or 50"; of whole numbers without a gap the ends."""
  *others, last = (f"{value:g}" for value in values)
  if len(others) > 1 and all(b - a == 1 for a, b in itertools.pairwise(values)):
    return f"{others[0]} to {last}"
  return f"{', '.join(others)} or {last}"
