"""Runs as the files of workdirs have them, without their weights."""

import math
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from genjax.config import contrasts
from genjax.config.contrasts import Pair
from genjax.training import config_file, metrics_file, numbering, pooling, sweep, workdir
from genjax.types import UserError


class RunRecord(NamedTuple):
  """One run as runs.csv and metrics.csv record it, without its weights."""

  workdir: str  # its name in tables; one for all that differ in nothing but seeds
  numbers: dict[str, float]  # seed, latent, learning_rate, ...
  seed: int
  latent: int
  setting: str  # "vae latent 10": what the table calls runs that differ in their seed alone
  line: str  # the setting without its latent: what a line of a figure joins
  status: str  # "running", "done" or "failed"
  best_step: int
  last_step: int
  figures: dict[str, dict[int, float]]  # name in metrics.csv -> step -> value
  coordinates: Mapping[str, Any]  # its numbers but the seed, and its workdir's structure

  @property
  def failed(self) -> bool:
    return self.status == "failed"

  def at(self, name: str, step: float) -> float:
    """The figure of that name at a step, or else the last one before; NaN where there is none."""
    return next(reversed(self.until(name, step)), math.nan)

  def until(self, name: str, step: float) -> list[float]:
    """The figures of that name up to a step, the last one last."""
    found = self.figures.get(name, {})
    return [found[s] for s in sorted(found) if s <= step]


class Workdir(NamedTuple):
  """A workdir as its files record it, without weights."""

  name: str
  path: pathlib.Path
  record: dict  # config.json
  source: str  # of the data
  image_shape: tuple
  num_classes: int
  runs: list[RunRecord]
  protocols: dict[str, dict]  # id -> what evaluate wrote of it
  contrasts: str = ""  # which settings its config plans to compare
  binarised: bool | None = None  # whether it was trained on such images; None where that is unknown

  @property
  def scores(self) -> set[str]:
    """Those that metrics.csv has, as "fd@1f0c93aa"."""
    return {name for run in self.runs for name in run.figures if "@" in name}


def read(paths: Sequence[str | pathlib.Path]) -> list[Workdir]:
  """The workdirs of these paths, and of each study its cells, in the order of their numbers.

  Runs of workdirs that differ in nothing but seeds are of the same settings.

  Raises:
    UserError: a path is neither, or a file in it cannot be read; none was trained yet.
  """
  names = workdir.named(paths)
  records = {folder: config_file.read_config(folder) for folder in names}
  try:
    return _read(names, records)
  finally:  # or figures of a workdir that has just grown are other runs'
    for folder, record in records.items():
      numbering.check_same(folder, record)


def _read(names: Mapping[pathlib.Path, str], records: dict[pathlib.Path, dict]) -> list[Workdir]:
  tables = {folder: _table(folder) for folder in names}
  if not any(rows for rows, _ in tables.values()):
    first = next(iter(names))
    raise UserError(f"{first} has no runs.csv: {without_runs(first)}")
  called = pooling.of(names, records, {folder: rows for folder, (rows, _) in tables.items()})
  return [
    _workdir(folder, names[folder], called[folder], records[folder], *table)
    for folder, table in tables.items()
  ]


def planned(homes: Sequence[Workdir], plan: str = "") -> tuple[Pair, ...] | None:
  """The pairs of settings that are compared; None for all of them.

  Args:
    homes: the workdirs.
    plan: as in `contrasts.pairs`; where it is "", what they all have in their config.

  Raises:
    UserError: the plan that is given does not fit the settings.
  """
  plans = {home.contrasts for home in homes}
  chosen = plan or (plans.pop() if len(plans) == 1 else "")
  if chosen in ("", "all"):
    return None
  settings = {run.setting: run.coordinates for home in homes for run in home.runs}
  try:
    return tuple(contrasts.pairs(chosen, settings))
  except UserError:
    if plan:
      raise
    return ()  # of a part of a study, in which nothing was planned


def _workdir(
  folder: pathlib.Path,
  name: str,
  called: pooling.Called,
  record: dict,
  rows: list[dict],
  results: list[dict],
) -> Workdir:
  data, config = record["dataset"], record["config"]
  metrics_file.tell_lost_figures(folder)
  shared = called.name
  lines = sweep.settings([_but("latent", row) for row in rows], called.prefix)
  # Without the figures of single dimensions.
  figures = metrics_file.read_figures(folder, lambda n: "/" not in n, len(rows)) if rows else {}
  structure = config_file.structure(config)
  runs = [
    RunRecord(
      shared, row, row["seed"], int(row["latent"]), setting or shared, line or shared, **result,
      figures=figures.get(place, {}), coordinates=structure | _but("seed", row),
    )
    for place, (row, result, setting, line) in enumerate(
      zip(rows, results, called.settings, lines, strict=True)
    )
  ]  # fmt: skip
  shape = tuple(data.get("image_shape", ()))
  about = data.get("source", ""), shape, data.get("num_classes", 0)
  return Workdir(
    name, folder, record, *about, runs, workdir.read_protocols(folder),
    config.get("contrasts", ""), config.get("data", {}).get("binarise"),
  )  # fmt: skip


def without_runs(folder: pathlib.Path) -> str:
  """Why a workdir has no runs.csv, and what helps."""
  why = "it was lost" if workdir.last_step(folder) else "nothing is trained yet"
  return f"{why}; rerun the command that made it to continue"


_RESULTS = {"status": str, "best_step": int, "last_step": int}


def _table(folder: pathlib.Path) -> tuple[list[dict], list[dict]]:
  """The numbers of each run in runs.csv, and its results; none before the first validation."""
  if not (folder / "runs.csv").exists():
    return [], []
  rows = workdir.read_runs(folder)
  results = [{name: kind(row[name]) for name, kind in _RESULTS.items()} for row in rows]
  numbers = [
    {name: float(row[name]) for name in row if name not in ("run", "trouble", *_RESULTS)}
    for row in rows
  ]
  return [row | {"seed": int(row["seed"])} for row in numbers], results


def _but(left_out: str, row: dict) -> dict:
  return {name: value for name, value in row.items() if name != left_out}
