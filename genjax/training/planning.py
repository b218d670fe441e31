"""What is to be trained: programs that were checked, and their data."""

import functools
import json
import pathlib
from collections.abc import Callable
from typing import NamedTuple

import ml_collections
import numpy as np

from genjax import config as genjax_config
from genjax import data, files, models, parts
from genjax.data import sources
from genjax.training import config_file, padding, sweep
from genjax.types import Model, Progress, Run, UserError


class Watching(NamedTuple):
  """Scores that are measured at each validation."""

  columns: set[str]  # their names in metrics.csv
  measure: Callable[[Run, Progress], dict[str, np.ndarray]]  # name -> [R], of all runs


class Watch(NamedTuple):
  """Who measures the scores that `config.evals` names."""

  # Raises `UserError` for what this model or these data cannot give.
  check: Callable[[ml_collections.ConfigDict, data.Splits, Model], None]
  begin: Callable[["Plan", pathlib.Path], Watching | None]  # with the workdir; None for no scores


class Plan(NamedTuple):
  """One program to be trained: everything that can be wrong with it was checked."""

  config: ml_collections.ConfigDict
  splits: data.Splits
  model: Model
  rows: list[dict]  # the runs
  steps: int
  facts: Callable[[], dict]  # of the data, as config.json has them; read through but once
  watch: Watch | None


def load_data(config: ml_collections.ConfigDict, download: bool = True) -> data.Splits:
  """The data that a config names. Raises `UserError` where they cannot be had."""
  try:
    return _load(config, config.data.name, config.data.dir, download)
  except sources.MissingData as error:
    raise UserError(f"{error} (--config.data.name)") from error


def reload_data(config: ml_collections.ConfigDict, where: str = "") -> data.Splits:
  """The data that runs were trained on.

  Args:
    config: the runs'.
    where: where they lie now, in place of what the config says: a folder of images, a file .npz,
      or the directory of TFDS datasets.

  Raises:
    UserError: they cannot be had.
  """
  # A directory that is gone since leaves what was cached from it, whose checksum will say.
  before = config.data.dir if pathlib.Path(config.data.dir).is_dir() else ""
  name, directory = data.moved(config.data.name, before, where)
  try:
    return _load(config, name, directory, download=not where)
  except sources.MissingData as error:
    raise UserError(f"{error}; --data=PATH says where the data lie now") from error


def _load(
  config: ml_collections.ConfigDict, name: str, directory: str, download: bool
) -> data.Splits:
  keys = ("size", "validation", "cache", "channels", "background")
  return data.load(name, directory, download=download, **{k: config.data[k] for k in keys})


def plans(
  wanted: ml_collections.ConfigDict,
  load: Callable[[ml_collections.ConfigDict], data.Splits] = load_data,
  watch: Watch | None = None,
  cell: str | None = None,
) -> dict[str, Plan]:
  """Every program that a config asks for, by its folder; "" where there is but one.

  Args:
    wanted: the config.
    load: gives the data that it names.
    watch: measures the scores in `config.evals`; without it, none may be named.
    cell: the only folder that is asked for; None for all.

  Raises:
    UserError: something is wrong in the config or with its data; all programs are looked at before
      the first is trained, so that the last one's mistake shows at once.
  """
  programs = genjax_config.programs(wanted)
  if cell is not None:
    programs = {cell: programs[cell]}
  splits = load(wanted)
  facts = _once(splits)
  return {folder: plan(program, splits, facts, watch) for folder, program in programs.items()}


def plan(
  config: ml_collections.ConfigDict,
  splits: data.Splits,
  facts: Callable[[], dict] | None = None,
  watch: Watch | None = None,
) -> Plan:
  """What a config without a grid asks for. Raises `UserError` for what does not go together.

  `facts` are those of the splits, where several plans share them; `watch` is as in `plans`.
  """
  rows = sweep.table(**config.sweep)
  shape = splits.train.image.shape[1:]
  keys, latents = config.model.to_dict(), config.sweep.latents
  model = models.shared(keys, shape, splits.num_classes, max(latents))
  if config.data.binarise and not model.binary:
    name = genjax_config.title({"name": config.model.name})
    raise UserError(
      f"config.data.binarise is True, but a {name} does not take binarised images; expected False"
    )
  if watch:
    watch.check(config, splits, model)
  elif config.evals:
    raise UserError(f"config.evals is {config.evals!r}, but no `watch` was passed to measure it")
  padding.check(keys, model, shape, splits.num_classes, latents)
  steps = length(config, len(splits.train.label), model.batches_per_step)
  return Plan(config, splits, model, rows, steps, facts or _once(splits), watch)


def length(config: ml_collections.ConfigDict, images: int, batches_per_step: int = 1) -> int:
  """How many steps a config means with so many training images."""
  per_epoch = data.batches_per_epoch(images, config.batch_size)
  # An epoch draws every image once, for the critic where there is one, which may see half of each.
  epochs = round(config.epochs * per_epoch / batches_per_step)
  return config.steps or max(epochs, 1)


def record(plan: Plan) -> dict:
  """What config.json says, and a resumed run must find again."""
  config = plan.config.to_dict()
  config["data"]["name"] = data.absolute(config["data"]["name"])
  own = parts.sources([*config["model"].values(), config["data"]["name"]])
  return {"config": config, "dataset": plan.facts()} | ({"parts": own} if own else {})


def check_data(path: pathlib.Path, splits: data.Splits) -> None:
  """Raises `UserError` where the runs of a workdir were trained on other data."""
  facts = json.loads(json.dumps(facts_of(splits)))
  changed = config_file.data_differences(config_file.read_config(path)["dataset"], facts)
  if changed:
    raise UserError(
      f"{path} was trained on other data: {'; '.join(changed)}. Restore them, or pass their "
      "place with --data=PATH"
    )


def _once(splits: data.Splits) -> Callable[[], dict]:
  """The facts of the splits, when they are first asked for: their checksum reads every byte."""
  return functools.cache(functools.partial(facts_of, splits))


def facts_of(splits: data.Splits) -> dict:
  """What config.json says of the data."""
  return {
    "source": splits.source,
    "image_shape": splits.train.image.shape[1:],
    "num_classes": splits.num_classes,
    "classes": list(splits.classes),
    "train": len(splits.train.label),
    "validation": len(splits.validation.label),
    "crc32": files.checksum(*splits.train, *splits.validation),
    "test": len(splits.test.label),
    "test_crc32": files.checksum(*splits.test),
  }
