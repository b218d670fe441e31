"""What `evaluate` left in workdirs, as scores of runs: all that a comparison reads."""

import itertools
import json
import math
import pathlib
import shlex
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from genjax.metrics.catalogue import SCORES, Score
from genjax.scoring import score_files
from genjax.training import config_file, metrics_file, sweep, workdir
from genjax.types import UserError


class RunRecord(NamedTuple):
  workdir: str  # its name in tables
  numbers: dict[str, float]  # seed, latent, learning_rate, ...
  seed: int
  latent: int
  setting: str  # "vae latent 10": what the table calls runs that differ in their seed alone
  line: str  # the setting without its latent: what a line of a figure joins
  status: str  # "running", "done" or "failed"
  best_step: int
  last_step: int
  figures: dict[str, dict[int, float]]  # name in metrics.csv -> step -> value

  @property
  def failed(self) -> bool:
    return self.status == "failed"

  def at(self, name: str, step: float) -> float:
    """The figure of that name at a step, or else the last one before; NaN where there is none."""
    steps = [s for s in self.figures.get(name, {}) if s <= step]
    return self.figures[name][max(steps)] if steps else math.nan


class Workdir(NamedTuple):
  name: str
  path: pathlib.Path
  source: str  # of the data
  image_shape: tuple
  num_classes: int
  runs: list[RunRecord]
  protocols: dict[str, dict]  # id -> what evaluate wrote of it


class Scores(NamedTuple):
  """One score by one protocol, of all runs of those workdirs that have it."""

  name: str  # a key of SCORES
  protocol: str  # its id
  record: dict  # the protocol, without `floor` and `versions`
  runs: list[RunRecord]
  values: np.ndarray  # [R] the latest figure; NaN where there is none
  steps: np.ndarray  # [R] of the weights that were measured, -1 where there is no figure
  floors: np.ndarray  # [R] what real test images score in the run's workdir; NaN where not known

  @property
  def score(self) -> Score:
    return SCORES.get(
      self.name, Score(self.name.replace("_", " "), "", "", "", (-math.inf, math.inf))
    )

  @property
  def column(self) -> str:
    """Its name in metrics.csv."""
    return score_files.column(self.name, self.protocol)

  @property
  def known(self) -> np.ndarray:
    """[R] runs that have a figure or failed; the others were not scored, or their score is NaN."""
    return ~np.isnan(self.values) | np.array([run.failed for run in self.runs])

  @property
  def settings(self) -> dict[str, np.ndarray]:
    """Setting -> the places of its runs that are known; in the workdirs' order."""
    groups = {}
    for r in np.flatnonzero(self.known):
      groups.setdefault(self.runs[r].setting, []).append(r)
    return {setting: np.array(rows) for setting, rows in groups.items()}


def read(paths: Sequence[str | pathlib.Path]) -> list[Workdir]:
  """The workdirs of these paths, and of each study its cells, in the order of their numbers.

  Raises:
    UserError: a path is neither, or a file in it cannot be read; none was trained yet.
  """
  names = workdir.named(paths)
  records = {folder: config_file.read_config(folder) for folder in names}
  tables = {folder: _table(folder) for folder in names}
  if not any(rows for rows, _ in tables.values()):
    first = next(iter(names))
    raise UserError(f"{first} has no runs.csv: {_without_runs(first)}")
  latents = {row["latent"] for rows, _ in tables.values() for row in rows}
  return [
    _workdir(folder, names[folder], len(names) > 1, records[folder], *table, latents)
    for folder, table in tables.items()
  ]


def _workdir(
  folder: pathlib.Path,
  name: str,
  one_of_many: bool,
  record: dict,
  rows: list[dict],
  results: list[dict],
  latents: set,
) -> Workdir:
  data = record["dataset"]
  metrics_file.tell_lost_figures(folder)
  prefix = name if one_of_many else ""
  settings = sweep.settings(rows, prefix, latents)  # names tell latents of all workdirs apart
  lines = sweep.settings([_without_latent(row) for row in rows], prefix)
  figures = _figures(folder / "metrics.csv", len(rows))
  runs = [
    RunRecord(
      name, row, row["seed"], int(row["latent"]), setting or name, line or name, **result,
      figures=of_run,
    )
    for row, result, setting, line, of_run in zip(
      rows, results, settings, lines, figures, strict=True
    )
  ]  # fmt: skip
  shape = tuple(data.get("image_shape", ()))
  about = data.get("source", ""), shape, data.get("num_classes", 0)
  return Workdir(name, folder, *about, runs, score_files.read_protocols(folder))


def _without_runs(folder: pathlib.Path) -> str:
  """Why a workdir has no runs.csv, and what helps."""
  why = "it was lost" if workdir.last_step(folder) else "nothing is trained yet"
  return f"{why}; rerun the command that made it to continue"


_RESULTS = {"status": str, "best_step": int, "last_step": int}


def _table(folder: pathlib.Path) -> tuple[list[dict], list[dict]]:
  """The numbers of each run in runs.csv, and its results; none before the first validation."""
  if not (folder / "runs.csv").exists():
    return [], []
  try:
    rows = workdir.read_runs(folder)
    results = [{name: kind(row[name]) for name, kind in _RESULTS.items()} for row in rows]
    numbers = [
      {name: float(row[name]) for name in row if name not in ("run", *_RESULTS)} for row in rows
    ]
    if [int(row["run"]) for row in rows] != list(range(len(rows))) or not rows:
      raise ValueError
    return [row | {"seed": int(row["seed"])} for row in numbers], results
  except (ValueError, KeyError, TypeError, OSError):
    raise UserError(
      f"{folder / 'runs.csv'} cannot be read; the command that made the workdir writes it anew"
    ) from None


def _without_latent(row: dict) -> dict:
  return {name: value for name, value in row.items() if name != "latent"}


def _figures(file: pathlib.Path, num_runs: int) -> list[dict[str, dict[int, float]]]:
  """metrics.csv by run, without the figures of single dimensions."""
  found = [{} for _ in range(num_runs)]
  if not (num_runs and file.exists()):
    return found
  for row in metrics_file.read_rows(file, num_runs):
    if "/" not in row.name:
      found[row.run].setdefault(row.name, {})[row.step] = row.value
  return found


def evaluation(path: pathlib.Path, weights: str = "best") -> str:
  """The command that scores a workdir."""
  flag = f" --weights={weights}" if weights != "best" else ""
  return f"python -m genjax.evaluate --workdir={shlex.quote(str(path))}{flag}"


def scores(workdirs: Sequence[Workdir], weights: str) -> list[Scores]:
  """All scores of those weights ("best", "last", "raw"), in the order of SCORES.

  Workdirs stand in one entry where the protocol's id and the data agree.

  Raises:
    UserError: there is none.
  """
  homes, records = {}, {}
  for home in workdirs:
    for (name, key), record in _scored(home, weights).items():
      # The images are no part of a protocol.
      place = (name, key, home.source, home.image_shape)
      homes.setdefault(place, []).append(home)
      records[place] = record
  if not homes:
    raise UserError(_nothing(workdirs, weights))
  order = [*SCORES]
  places = sorted(
    homes,
    key=lambda place: (
      order.index(place[0]) if place[0] in order else len(order),
      place[0],
      str(records[place].get("features", "")),
    ),
  )
  return [_of(place, records[place], homes[place], weights) for place in places]


def weights_scored(workdirs: Sequence[Workdir]) -> list[str]:
  """Of which weights there are scores."""
  return [w for w in ("best", "last", "raw") if any(_scored(home, w) for home in workdirs)]


def _scored(home: Workdir, weights: str) -> dict[tuple[str, str], dict]:
  """(name, protocol id) -> the protocol's record, of what a workdir was scored by."""
  names = {name for run in home.runs for name in run.figures if "@" in name}
  found = {}
  for name, _, key in (name.partition("@") for name in sorted(names)):
    record = home.protocols.get(key, {})
    if record.get("weights") == weights and "group" in record:
      found[name, key] = record
  return found


def _nothing(workdirs: Sequence[Workdir], weights: str) -> str:
  which = ", ".join(home.name for home in workdirs[:3]) + (", ..." if len(workdirs) > 3 else "")
  other = weights_scored(workdirs)
  text = f"no scores of {weights} weights in {which}"
  hint = f"; there are some of --weights={other[0]}" if other else ""
  return f"{text}{hint}; run `{evaluation(workdirs[0].path, weights)}` first"


def _of(place: tuple, record: dict, homes: list[Workdir], weights: str) -> Scores:
  name, key, source, shape = place
  runs, values, steps, floors = [], [], [], []
  for home in homes:
    floor = home.protocols[key].get("floor") or {}
    for run in home.runs:
      history = run.figures.get(score_files.column(name, key), {})
      # Its last weights are no better than those with which it failed.
      step = -1 if run.failed and weights != "best" else max(history, default=-1)
      runs.append(run)
      values.append(history.get(step, math.nan))
      steps.append(-1 if math.isnan(values[-1]) else step)
      floors.append(floor.get(name, math.nan))
  return Scores(
    name,
    key,
    _telling(record) | {"data": source, "image_shape": list(shape)},
    runs,
    np.array(values, float),
    np.array(steps),
    np.array(floors, float),
  )


def _telling(record: dict) -> dict:
  return {key: value for key, value in record.items() if key not in ("floor", "versions")}


def history(scores: Scores) -> tuple[np.ndarray, np.ndarray]:
  """All its figures over training: steps [S] and values [R, S], NaN where a run has none."""
  rows = [run.figures.get(scores.column, {}) for run in scores.runs]
  steps = sorted(set(itertools.chain(*rows)))
  values = [[row.get(step, math.nan) for step in steps] for row in rows]
  return np.array(steps, int), np.array(values, float).reshape(len(rows), len(steps))


def remarks(workdirs: Sequence[Workdir], weights: str) -> Iterator[str]:
  """Lines on what is missing or cannot be compared."""
  scored = {home.name: _scored(home, weights) for home in workdirs}
  for home in workdirs:
    unknown = {
      name
      for run in home.runs
      for name in run.figures
      if "@" in name and name.partition("@")[2] not in home.protocols
    }
    if unknown:
      yield (
        f"{home.name}: left out are {_few(sorted(unknown))}, of which its protocols.json does not "
        f"say how they were measured; run `{evaluation(home.path, weights)}` again"
      )
    if not home.runs:
      yield f"{home.name}: {_without_runs(home.path)}"
    elif not scored[home.name]:
      yield (
        f"{home.name}: no scores of {weights} weights; run `{evaluation(home.path, weights)}` first"
      )
    elif lacking := _lacking(home, scored[home.name]):
      yield (
        f"{home.name}: {lacking} of {len(home.runs)} runs are not scored; run "
        f"`{evaluation(home.path, weights)}`"
      )
    if running := sum(run.status == "running" for run in home.runs):
      yield f"{home.name}: {running} of {len(home.runs)} runs are still to be trained"
  groups = dict.fromkeys(r["group"] for found in scored.values() for r in found.values())
  for group in groups:
    changed = _differences(workdirs, scored, group)
    if changed:
      yield f"not all {group} scores can be compared with each other: {'; '.join(changed)}"


def _lacking(home: Workdir, scored: dict) -> int:
  """How many runs that are done lack a score that others of the workdir have."""
  columns = [score_files.column(name, key) for name, key in scored]
  return sum(
    run.status == "done" and not all(column in run.figures for column in columns)
    for run in home.runs
  )


def _differences(workdirs: Sequence[Workdir], scored: dict, group: str) -> list[str]:
  """In what the protocols of a group differ between workdirs: "real_images is 9 in a, 8 in b"."""
  records = {}
  for home in workdirs:
    data = {"data": home.source, "image_shape": list(home.image_shape)}
    own = [_telling(r) | data for r in scored[home.name].values() if r["group"] == group]
    if own:
      records[home.name] = own
  lines = []
  for key in dict.fromkeys(key for own in records.values() for record in own for key in record):
    values = {}
    for name, own in records.items():
      found = sorted({json.dumps(record.get(key)).strip('"') for record in own})
      several = f"{', '.join(found[:-1])} and {found[-1]}" if found[1:] else found[0]
      values.setdefault(several, []).append(name)
    if len(values) > 1:
      lines.append(f"{key} is " + ", ".join(f"{v} in {_few(names)}" for v, names in values.items()))
  return lines


def _few(names: list[str]) -> str:
  more = f" and {len(names) - 3} more" if len(names) > 3 else ""
  return ", ".join(names[:3]) + more
