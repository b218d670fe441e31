"""Trains what a config describes: `python -m genjax.main --config=configs/wgan_mnist.py`."""

import pathlib

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
  "The only cell of a study to train, by its folder or its number from 1: other processes, on any "
  "machine, may train others meanwhile. `list` prints the folders, and trains nothing.",
  flag_values=_FLAGS,
)
_LIST = "list"


def main() -> None:
  given, overrides = cli.config_of(_CONFIG), cli.overrides_of(_CONFIG)
  listing = _CELL.value == _LIST
  if not (_WORKDIR.value or listing):
    raise UserError("--workdir is missing; name a folder for everything that the run leaves")
  if not listing:  # which is for a machine that submits jobs, and need not have their devices
    process.prepare_jax()
  from genjax import config

  wanted = config.settled(given, overrides)
  config.check_overrides(overrides, wanted)
  if listing:
    folders = list(config.programs(wanted))
    config.check_study(_LIST, folders)
    print(*folders, sep="\n")
    return
  from genjax import api

  asked = {"explore": _EXPLORE.value, "cell": _CELL.value}
  api.run(wanted, pathlib.Path(_WORKDIR.value), cli.origin(_CONFIG), **asked)


if __name__ == "__main__":
  cli.run(main, interrupted="the same command goes on from the last checkpoint, if there is one")
