"""Trains what a config describes: `python -m genjax.main --config=configs/wgan_mnist.py`."""

import pathlib

from absl import flags
from ml_collections import config_flags

from genjax import cli, config
from genjax.reporting import build
from genjax.scoring.watch import WATCH
from genjax.training import design, planning, study
from genjax.types import UserError

_FLAGS = cli.flags_of(__name__)
_CONFIG = config_flags.DEFINE_config_file(
  "config", None, "File with get_config().", flag_values=_FLAGS
)
_WORKDIR = flags.DEFINE_string(
  "workdir", None, "Folder for everything that the run leaves.", flag_values=_FLAGS
)
_EXPLORE = cli.explore_flag(_FLAGS)


def main() -> None:
  wanted = cli.config_of(_CONFIG)
  config.check_overrides(cli.overrides_of(_CONFIG), wanted)
  if not _WORKDIR.value:
    raise UserError("--workdir is missing; name a folder for everything that the run leaves")
  plans, path = planning.plans(wanted, watch=WATCH), pathlib.Path(_WORKDIR.value)
  planned = design.of(plans)
  if not _EXPLORE.value:
    design.check(planned)
  if said := design.described(planned):
    print(f"{path}: {said}")
  study.run(plans, path, cli.origin(_CONFIG))
  # Training is done, and said so: what goes wrong from here on takes nothing away from it.
  print(f"{path / build.FILE}: being written", flush=True)
  build.write([path], path / build.FILE, next(iter(plans.values())).splits)
  print(f"{path / build.FILE}: everything on one page")


if __name__ == "__main__":
  cli.run(main, interrupted="the same command goes on from the last checkpoint, if there is one")
