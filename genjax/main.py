"""Trains what a config describes: `python -m genjax.main --config=configs/wgan_mnist.py`."""

import pathlib
import sys

import ml_collections

from genjax import cli, config_flag, process
from genjax.mistakes import UserError

_FLAGS = cli.flags_of(__name__)
_LIST = "list"
config_flag.define(_FLAGS)
cli.define(
  _FLAGS,
  workdir=(None, "Folder for everything that training writes."),
  explore=cli.EXPLORE,
  cell=(
    "",
    "The only cell of a study to train, or part of one (sweep.seeds_at_once), by its folder or its "
    "number from 1: other processes, on any machine, may train others meanwhile. `list` prints the "
    "folders, and trains nothing.",
  ),
  ray=(
    "",
    "Address of a Ray cluster that trains the cells of a study, or `local` for this machine's "
    "cores.",
  ),
  ray_cpus=(1.0, "Cores of each cell.", 0),
  ray_gpus=(0.0, "GPUs of each cell.", 0),
)


def main() -> None:
  given, overrides = cli.config_of()
  if not (_FLAGS.workdir or _FLAGS.cell == _LIST):
    raise UserError("--workdir is missing; name a folder for everything that training writes")
  if _FLAGS.cell and _FLAGS.ray:
    raise UserError("--cell is one cell, and --ray trains all of them; drop one of the two")
  elsewhere = bool(_FLAGS.ray) or _FLAGS.cell == _LIST
  if not elsewhere:  # where cells are trained has devices, which this machine need not
    process.prepare_jax()
  from genjax import config

  wanted = config.settled(given, overrides)
  config.check_overrides(overrides, wanted)
  if elsewhere:
    _elsewhere(wanted)
    return
  from genjax import api

  asked = {"explore": _FLAGS.explore, "cell": _FLAGS.cell}
  api.run(wanted, pathlib.Path(_FLAGS.workdir), cli.origin(), **asked)


def _elsewhere(wanted: ml_collections.ConfigDict) -> None:
  """Lists the cells of a study, or has Ray train them."""
  from genjax import config
  from genjax.scoring.watch import WATCH
  from genjax.training import cluster, config_file, description, design

  programs = config.programs(wanted)
  flag = f"--ray={_FLAGS.ray}" if _FLAGS.ray else f"--cell={_LIST}"
  units = config.units(programs)
  config.check_study(flag, list(units))
  description.check(wanted, WATCH)
  if not _FLAGS.ray:
    print(*units, sep="\n")
    return
  planned = design.of(programs)
  if not _FLAGS.explore:
    design.check(planned)
  path = pathlib.Path(_FLAGS.workdir)
  resources = cluster.Resources(_FLAGS.ray_cpus, _FLAGS.ray_gpus)
  if "" not in programs and (path / "config.json").exists():
    raise UserError(f"{path} is a workdir of one program; name another --workdir for a study")
  if not (path / "config.json").exists():  # before anything is written there
    config_file.check_free(path, {unit.partition("/")[0] for unit in units})
  cluster.run(list(units), path, sys.argv[1:], _FLAGS.ray, resources)


if __name__ == "__main__":
  cli.run(main, interrupted="the same command goes on from the last checkpoint, if there is one")
