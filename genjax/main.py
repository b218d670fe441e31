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


def main() -> None:
  given, overrides = cli.config_of(_CONFIG), cli.overrides_of(_CONFIG)
  if not _WORKDIR.value:
    raise UserError("--workdir is missing; name a folder for everything that the run leaves")
  process.prepare_jax()
  from genjax import api, config

  wanted = config.settled(given, overrides)
  config.check_overrides(overrides, wanted)
  path, explore = pathlib.Path(_WORKDIR.value), _EXPLORE.value
  api.run(wanted, path, cli.origin(_CONFIG), explore=explore)


if __name__ == "__main__":
  cli.run(main, interrupted="the same command goes on from the last checkpoint, if there is one")
