"""metrics.csv: every figure of every run, written while training and evaluations go on."""

import contextlib
import functools
import pathlib
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np
from absl import logging

from genjax import files
from genjax.plotting import thinning
from genjax.training import claims, workdir
from genjax.training.tensorboard import Events
from genjax.types import Curves, UserError

_COLUMNS = "step,run,name,value"


@contextlib.contextmanager
def scores_locked(path: pathlib.Path) -> Iterator[None]:
  """Keeps a training and an evaluation of one workdir from writing figures at once.

  Raises:
    UserError: the workdir cannot be written.
  """
  with workdir.writable("--workdir", path), claims.in_turn(path / ".scores.lock"):
    yield


def read_figures(
  path: pathlib.Path, wanted: Callable[[str], bool], num_runs: int | None = None
) -> dict[int, dict[str, dict[int, float]]]:
  """run -> name -> step -> figure of a workdir's metrics.csv, of the names that are wanted.

  {} where there is none. Raises as `read_rows`, which takes `num_runs`.
  """
  found = {}
  for row in read_rows(path / "metrics.csv", num_runs):
    if wanted(row.name):
      found.setdefault(row.run, {}).setdefault(row.name, {})[row.step] = row.value
  return found


def read_curves(file: pathlib.Path, num_runs: int) -> Curves:
  """All of a metrics.csv, NaN where a run has none; {} without it."""
  return _over_steps(_by_name(read_rows(file, num_runs), num_runs))


_Figures = dict[str, dict[int, np.ndarray]]  # name -> step -> [R], NaN where a run has none


def _by_name(rows: Iterable["Entry"], num_runs: int) -> _Figures:
  found = {}
  for row in rows:
    at = found.setdefault(row.name, {})
    at.setdefault(row.step, np.full(num_runs, np.nan))[row.run] = row.value
  return found


def _over_steps(figures: _Figures) -> Curves:
  return {
    name: (np.array(sorted(at)), np.stack([at[step] for step in sorted(at)], 1))
    for name, at in figures.items()
  }


@functools.cache  # it is said once
def tell_lost_figures(path: pathlib.Path) -> None:
  """Warns where a workdir has checkpoints and no metrics.csv, which is written before them."""
  if workdir.last_step(path) and not (path / "metrics.csv").exists():
    logging.warning("%s has no metrics.csv: its losses and scores so far are gone.", path)


class Series(NamedTuple):
  """The figures of one run by one metric: `plot(*series)` draws them."""

  steps: np.ndarray  # [S]
  values: np.ndarray  # [S]


def read_series(path: pathlib.Path) -> dict[int, dict[str, Series]]:
  """run -> name -> its figures in metrics.csv; a file that did not change is read once."""
  file = path / "metrics.csv"
  return _series(path, file.stat().st_mtime_ns) if file.exists() else {}


@functools.lru_cache(maxsize=8)
def _series(path: pathlib.Path, changed: int) -> dict[int, dict[str, Series]]:
  found = read_figures(path, lambda name: True)
  return {run: {name: _ordered(f) for name, f in figures.items()} for run, figures in found.items()}


def _ordered(figures: dict[int, float]) -> Series:
  return Series(*map(np.array, zip(*sorted(figures.items()), strict=True)))


class Entry(NamedTuple):
  """Of metrics.csv."""

  step: int
  run: int
  name: str  # of a score with its protocol: "fd@1f0c93aa"
  value: float  # NaN for a score that came out so
  line: str  # as the file has it


def read_rows(file: pathlib.Path, num_runs: int | None = None) -> Iterator[Entry]:
  """The rows of metrics.csv, none without it.

  Raises `UserError` for a line that is none, or of no such run.
  """
  text = file.read_text(errors="replace") if file.exists() else ""
  # A process that was killed may have left its last line cut short.
  for number, line in enumerate(text.split("\n")[1:-1], 2):
    try:
      step, run, name, value = line.split(",")
      row = Entry(int(step), int(run), name, float(value), line)
      if name.count("@") > 1 or (num_runs is not None and row.run not in range(num_runs)):
        raise ValueError
    except ValueError:
      raise UserError(
        f"{file} line {number} is no row of step,run,name,value; restore the file, or delete that "
        "line"
      ) from None
    yield row


def write(file: pathlib.Path, lines: Iterable[str] = ()) -> None:
  """A metrics.csv of these rows."""
  files.write(file, "".join(f"{line}\n" for line in [_COLUMNS, *lines]))


def append(file: pathlib.Path, rows: Iterable[tuple[int, int, str, float]]) -> None:
  """Appends rows of step, run, name and value.

  In one write, so that a process that is killed leaves no half of a line. A file that is new, or
  was lost, begins with the names of the columns. Others may append to it as well: `scores_locked`.
  """
  lines = "".join(f"{step},{run},{name},{value:.7g}\n" for step, run, name, value in rows)
  with open(file, "ab", buffering=0) as stream:
    head = "" if stream.tell() else f"{_COLUMNS}\n"
    stream.write((head + lines).encode())


def mend(path: pathlib.Path) -> None:
  """Drops what is left of a last line that was cut short, as on a full disk, and says so.

  Raises `UserError` where the workdir, or the file, cannot be written.
  """
  file = path / "metrics.csv"
  with scores_locked(path):
    if not file.exists():
      return
    with open(file, "rb+") as stream:
      text = stream.read()
      if (whole := text.rfind(b"\n") + 1) < len(text):
        stream.truncate(whole)
        logging.warning("%s was cut short; what followed its last whole line is gone.", file)


class History:
  """metrics.csv and TensorBoard events: every figure of every run, in memory as well.

  Of many runs TensorBoard has some, a file each, which stay open: a process may have about 1,000.

  A run without a figure (it failed, or it has no such latent dimension) has NaN in memory and no
  row in the file.
  """

  def __init__(self, path: pathlib.Path, names: list[str], settings: list[str], step: int):
    """Keeps what was written up to `step`, where training goes on; names and settings of runs."""
    self._file = path / "metrics.csv"
    self._num_runs = len(names)
    tell_lost_figures(path)
    with scores_locked(path):  # or what an evaluation appends meanwhile would be lost
      # A line that was cut short is of a later step.
      kept = [row for row in read_rows(self._file, self._num_runs) if row.step <= step]
      write(self._file, [row.line for row in kept])
    self._rows = _by_name(kept, self._num_runs)
    folder = path / "tensorboard"
    some = thinning.some(settings, thinning.LINES)
    self._events = {run: Events(folder / names[run], step) for run in some}

  def add(self, step: int, metrics: dict[str, np.ndarray]) -> None:
    """Figures of one step: name -> `[R]`, or `[R, Z]` for those that have one a dimension."""
    figures = {name: _rounded(v) for name, v in sorted(by_dimension(metrics).items())}
    for name, values in figures.items():
      self._rows.setdefault(name, {})[step] = values
    rows = [
      (step, run, name, value)
      for name, values in figures.items()
      for run, value in enumerate(values)
      if not np.isnan(value)
    ]
    with scores_locked(self._file.parent):
      append(self._file, rows)
    for run, events in self._events.items():
      events.add(step, {name: v[run] for name, v in figures.items() if np.isfinite(v[run])})

  def series(self, prefix: str = "") -> Curves:
    """Those whose names begin so."""
    return _over_steps({name: at for name, at in self._rows.items() if name.startswith(prefix)})

  def close(self) -> None:
    for events in self._events.values():
      events.close()


def _rounded(values: np.ndarray) -> np.ndarray:
  """As the file has them, so that a resumed run draws the same curves."""
  return np.array([float(f"{value:.7g}") for value in values])


def by_dimension(metrics: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
  """name -> `[R]` or `[R, Z]` to name -> `[R]`: kl_dim has kl_dim/0, kl_dim/1, ..."""
  flat = {}
  for name, values in metrics.items():
    if values.ndim == 1:
      flat[name] = values
    else:
      flat |= {f"{name}/{i}": column for i, column in enumerate(values.T)}
  return flat
