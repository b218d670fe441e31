"""Trains what a config describes: `python -m genjax.main --config=configs/wgan_mnist.py`."""

import pathlib
import sys

import ml_collections
from absl import flags

from genjax import cli, config_flag, process
from genjax.mistakes import UserError

_FLAGS = cli.flags_of(__name__)
_CONFIG = config_flag.define(_FLAGS)
_WORKDIR = flags.DEFINE_string(
  "workdir", None, "Folder for everything that the run leaves.", flag_values=_FLAGS
)
_EXPLORE = cli.explore_flag(_FLAGS)
_CELL = flags.DEFINE_string(
  "cell",
  "",
  "The only cell of a study to train, or part of one (sweep.seeds_at_once), by its folder or its "
  "number from 1: other processes, on any machine, may train others meanwhile. `list` prints the "
  "folders, and trains nothing.",
  flag_values=_FLAGS,
)
_LIST = "list"
_RAY = flags.DEFINE_string(
  "ray",
  "",
  "Address of a Ray cluster that trains the cells of a study, or `local` for this machine's cores.",
  flag_values=_FLAGS,
)
_CPUS = flags.DEFINE_float("ray_cpus", 1, "Cores of each cell.", 0, flag_values=_FLAGS)
_GPUS = flags.DEFINE_float("ray_gpus", 0, "GPUs of each cell.", 0, flag_values=_FLAGS)


def main() -> None:
  given, overrides = cli.config_of(_CONFIG), cli.overrides_of(_CONFIG)
  if not (_WORKDIR.value or _CELL.value == _LIST):
    raise UserError("--workdir is missing; name a folder for everything that the run leaves")
  if _CELL.value and _RAY.value:
    raise UserError("--cell is one cell, and --ray trains all of them; drop one of the two")
  elsewhere = bool(_RAY.value) or _CELL.value == _LIST
  if not elsewhere:  # where cells are trained has devices, which this machine need not
    process.prepare_jax()
  from genjax import config

  wanted = config.settled(given, overrides)
  config.check_overrides(overrides, wanted)
  if elsewhere:
    _elsewhere(wanted)
    return
  from genjax import api

  asked = {"explore": _EXPLORE.value, "cell": _CELL.value}
  api.run(wanted, pathlib.Path(_WORKDIR.value), cli.origin(_CONFIG), **asked)


def _elsewhere(wanted: ml_collections.ConfigDict) -> None:
  """Lists the cells of a study, or has Ray train them."""
  from genjax import config
  from genjax.scoring.watch import WATCH
  from genjax.training import cluster, config_file, description, design

  programs = config.programs(wanted)
  flag = f"--ray={_RAY.value}" if _RAY.value else f"--cell={_LIST}"
  units = config.units(programs)
  config.check_study(flag, list(units))
  description.check(wanted, WATCH)
  if not _RAY.value:
    print(*units, sep="\n")
    return
  planned = design.of(programs)
  if not _EXPLORE.value:
    design.check(planned)
  path, resources = pathlib.Path(_WORKDIR.value), cluster.Resources(_CPUS.value, _GPUS.value)
  if "" not in programs and (path / "config.json").exists():
    raise UserError(f"{path} is a workdir of one program; name another --workdir for a study")
  if not (path / "config.json").exists():  # before anything is written there
    config_file.check_free(path, {unit.partition("/")[0] for unit in units})
  cluster.run(list(units), path, sys.argv[1:], _RAY.value, resources)


if __name__ == "__main__":
  cli.run(main, interrupted="the same command goes on from the last checkpoint, if there is one")
