"""What the commands do, as functions: `genjax.train`, `genjax.evaluate`, ...

They show progress as the commands do, and give data back. A user's mistake raises
`genjax.UserError`, whose text is the line that the command would show. They leave the interpreter,
its signal handlers and JAX's settings as they are; `genjax.prepare_jax()` makes the settings of the
commands: a cache of compiled programs, and on a CPU a device for each core.
"""

import functools
import numbers
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import ml_collections

from genjax import config as genjax_config
from genjax import process
from genjax.analysis import (
  comparison,
  image_measures,
  measures,
  recorded_scores,
  setting_tables,
  workdirs,
)
from genjax.metrics import catalogue
from genjax.mistakes import one_path, several
from genjax.plotting.tables import Table
from genjax.reporting import build
from genjax.scoring import runs
from genjax.scoring.evaluation import LEAST
from genjax.scoring.protocols import Settings
from genjax.scoring.watch import WATCH
from genjax.training import design, growth, loading, planning, study
from genjax.types import WEIGHTS, UserError, now

Paths = str | os.PathLike | Sequence[str | os.PathLike]


def train(
  config: str | os.PathLike | ml_collections.ConfigDict,
  workdir: str | os.PathLike,
  overrides: Mapping[str, Any] | None = None,
  *,
  report: bool = True,
  explore: bool = False,
  cell: str | int = "",
) -> list[loading.LoadedRun]:
  """Trains what a config describes, as `python -m genjax.main` does; resumes where it stopped.

  Args:
    config: a config, such as `genjax.config.default("vae")` changed; or a config file's path or
      name: "wgan_mnist:s1".
    workdir: folder for everything that the runs leave.
    overrides: values at dotted keys: {"steps": 1000, "sweep.seeds": (0, 1)}.
    report: whether report.html is written at the end.
    explore: whether to train a study whose planned comparisons could not name a winner.
    cell: of a study the only cell to train, by its folder or its number from 1; other processes
      may train others meanwhile, and who ends last writes the report. All if empty.

  Returns:
    The trained runs with their best weights, as `load` gives them; of a study those of all cells
    that were asked for.

  Raises:
    UserError: something is wrong with the config, its data or the workdir; nothing was trained.
  """
  process.check_jax()
  wanted = genjax_config.load(config, overrides)
  genjax_config.check_overrides([key.removeprefix("config.") for key in overrides or ()], wanted)
  named = "" if isinstance(config, ml_collections.ConfigDict) else os.fspath(config)
  origin = {"command": "genjax.train", "config_file": named, "date": now()}
  asked = {"report": report, "explore": explore, "cell": str(cell)}
  folders = run(wanted, pathlib.Path(one_path("workdir", workdir)), origin, **asked)
  return [one for folder in folders for one in loading.load(folder)]


def run(
  wanted: ml_collections.ConfigDict,
  path: pathlib.Path,
  origin: dict,
  *,
  report: bool = True,
  explore: bool = False,
  cell: str = "",
) -> list[pathlib.Path]:
  """Trains a config whose keys are set; the workdirs of its programs, or of the part.

  `origin` is as of `study.run`. Raises as `train` does.
  """
  programs = genjax_config.programs(wanted)
  planned, folders, units = design.of(programs), list(programs), genjax_config.units(programs)
  chosen, part = units[genjax_config.folder_of(cell, list(units))] if cell else (None, "")
  plans = planning.plans(wanted, watch=WATCH, cell=chosen)
  if not explore:
    design.check(planned)
  study.check(plans, path, folders)
  print(f"{path}: {study.described(plans)}" + (f", {part} of them here" if part else ""))
  if said := design.described(planned):
    print(f"{path}: {said}")
  before = study.unfinished(path, programs)
  study.run(plans, path, origin, folders, part)
  # Where nothing was left to do, the cells of an array would all write the same page.
  there = cell and not before and (path / build.FILE).exists()
  if left := study.unfinished(path, programs):
    print(f"{path}: {len(units) - len(left)} of {len(units)} cells are done")
  elif report and not there:
    # Training is done, and said so: what goes wrong from here on takes nothing away from it.
    print(f"{path / build.FILE}: being written", flush=True)
    build.write([path], path / build.FILE, next(iter(plans.values())).splits)
    print(f"{path / build.FILE}: everything on one page")
  places = [growth.homes(plan.config, path / folder, part) for folder, plan in plans.items()]
  return [place for some in places for place in some]


def evaluate(
  paths: Paths,
  metrics: Sequence[str] = (),
  *,
  weights: str | Sequence[str] = "best",
  split: str = "test",
  images: int = 10_000,
  seed: int = 0,
  networks: int = 1,
  features: str = "",
  nll_images: int = 500,
  nll_samples: int = 5000,
  data: str | os.PathLike = "",
) -> Table:
  """Scores the runs of workdirs, as `python -m genjax.evaluate` does; computes what is missing.

  Args:
    paths: a workdir or a study, or several.
    metrics: names of scores, or `MODULE:OBJECT` of a `Metric`; if empty those of the model that
      take seconds, and ("all",) for all.
    weights: of "best", "last" and "raw" (not averaged), one or several.
    split: real images to hold against, "test" or "validation".
    images: how many each run generates, from 200.
    seed: of the noise that they are generated from.
    networks: how many classifiers see the images, 1 to 3.
    features: another network: "inception:PATH" or `MODULE:FUNCTION` of images.
    nll_images: how many images elbo and nll are measured on, from 1.
    nll_samples: latents drawn for each of these, from 1.
    data: where the data of the runs lie now, if not where they were.

  Returns:
    A block for each score: of each setting its number of runs and the median, the interquartile
    mean and the mean over seeds, with 95% intervals, and what real images score. `records()` gives
    them as dictionaries, `to_pandas()` as a DataFrame.

  Raises:
    UserError: a path is not a workdir, nothing is saved yet, or a score cannot be had of it.
  """
  every, paths = several("weights", weights, commas=True), several("paths", paths)
  metrics = several("metrics", metrics, commas=True)
  settings = Settings(split, images, seed, nll_images, nll_samples)
  how = settings, networks, features, one_path("data", data)
  asked = compute(paths, runs.Wanted(every, metrics, *how))
  homes = workdirs.read(paths)
  found = [
    measure
    for of in every
    if of in recorded_scores.weights_scored(homes)
    for measure in measures.of_scores(recorded_scores.read(homes, of))
    if (measure.name, measure.about["protocol"]) in asked
  ]
  return setting_tables.middles(found)


def compute(paths: Sequence[str | os.PathLike], wanted: runs.Wanted) -> set[tuple[str, str]]:
  """Computes the scores that runs of workdirs lack, and prints a line for each workdir.

  Returns `runs.Scored.asked`. Raises as `evaluate` does.
  """
  process.check_jax()
  _check("weights", wanted.weights, WEIGHTS)
  _check("split", (wanted.settings.split,), ("test", "validation"))
  _check("networks", (wanted.networks,), range(1, 4))
  for name, least in {"images": LEAST, "seed": 0, "nll_images": 1, "nll_samples": 1}.items():
    _check_whole(name, getattr(wanted.settings, name), least)
  return runs.score_all(paths, wanted, functools.partial(print, flush=True))


def score(
  images: Any,
  data: str | os.PathLike,
  metrics: Sequence[str] = (),
  *,
  split: str = "test",
  count: int = 10_000,
  seed: int = 0,
  networks: int = 1,
  features: str = "",
  directory: str | os.PathLike = "",
  out: str | os.PathLike = "",
) -> Table:
  """Scores images of any program, as `python -m genjax.score` does.

  Args:
    images: an array [N, H, W, C], uint8 or in [0, 1]; a .npy or .npz file of one, or a folder of
      pictures (see `genjax.data.images.read`); or a list of such, a run each.
    data: what they should be like: a dataset, a folder or an .npz, as `data.name` of a config; or a
      workdir, whose runs' own data they are then held against, split as these had them.
    metrics: names of scores, or `MODULE:OBJECT` of a `Metric`; if empty all that images alone have
      and that take seconds, and ("all",) for all.
    split: real images to hold against, "test" or "validation".
    count: of each run at most so many images are compared, from 200, and of all equally many.
    seed: of what is random in scores.
    networks: how many classifiers see the images, 1 to 3.
    features: another network: "inception:PATH" or `MODULE:FUNCTION` of images.
    directory: where datasets of TFDS lie; TFDS_DATA_DIR if empty.
    out: a folder for the scores, which `compare` takes beside workdirs; none is written if empty.

  Returns:
    As `evaluate`.

  Raises:
    UserError: images or data cannot be read or do not go together, or a score cannot be had.
  """
  process.check_jax()
  _check("split", (split,), ("test", "validation"))
  _check("networks", (networks,), range(1, 4))
  _check_whole("count", count, LEAST)
  _check_whole("seed", seed, 0)
  asked = {"split": split, "count": count, "seed": seed, "networks": networks, "features": features}
  asked |= {"directory": one_path("directory", directory), "out": one_path("out", out)}
  names = several("metrics", metrics, commas=True)
  return setting_tables.middles(image_measures.of(images, one_path("data", data), names, **asked))


def compare(
  paths: Paths,
  metrics: Sequence[str] = (),
  *,
  weights: str = "best",
  out: str | os.PathLike = "comparison",
  contrasts: str = "",
  margin: float = 0.0,
) -> comparison.Comparison:
  """Compares settings by the scores of their runs, as `python -m genjax.compare` does.

  Args:
    paths: workdirs that `evaluate` has scored, and studies.
    metrics: names of scores, of which the first decides; all where empty.
    weights: whose scores are compared: "best", "last" or "raw".
    out: folder for tables and figures.
    contrasts: which settings are compared, as `config.contrasts`; what the config plans if empty.
    margin: of equivalence, at least 0, as a fraction of the median of both settings' runs; 0 skips
      that test.

  Returns:
    Two tables, and the text that the command prints. `settings`: for each score and setting the
    number of runs and their median, interquartile mean and mean, with 95% intervals. `pairs`: for
    each score with a better end and each pair P(A better), in [0, 1], p, p by Holm's method, and
    the verdict.

  Raises:
    UserError: a path is not a workdir, nothing was scored, no workdir has one of the metrics, the
      plan does not fit the settings, the margin is negative, or the folder cannot be written.
  """
  paths = several("paths", paths)
  metrics = [catalogue.short(name) for name in several("metrics", metrics, commas=True)]
  _check("weights", (weights,), WEIGHTS)
  if not (isinstance(margin, numbers.Real) and margin >= 0):
    raise UserError(f"margin is {margin!r}; expected a number from 0")
  if not genjax_config.contrasts.valid(contrasts):
    raise UserError(f"contrasts is {contrasts!r}; expected {genjax_config.contrasts.PLANS}")
  place = pathlib.Path(one_path("out", out))
  return comparison.compare(paths, place, weights, metrics, False, contrasts, margin)


def _check_whole(name: str, value: Any, least: int) -> None:
  if not isinstance(value, numbers.Integral) or value < least:
    raise UserError(f"{name} is {value!r}; expected a whole number from {least}")


def _check(name: str, values: Sequence, allowed: Sequence) -> None:
  for value in values:
    if value not in allowed:
      raise UserError(f"{name} is {value!r}; expected one of {', '.join(map(repr, allowed))}")
  if not values:
    raise UserError(f"{name} is empty; expected some of {', '.join(map(repr, allowed))}")
