"""Trains what a config describes: `python -m genjax.main --config=configs/wgan_mnist.py`."""

import pathlib

from absl import flags
from ml_collections import config_flags

from genjax import command, config, train
from genjax.types import UserError

_CONFIG = config_flags.DEFINE_config_file("config", None, "File with get_config().")
_WORKDIR = flags.DEFINE_string("workdir", None, "Folder for everything that the run leaves.")
flags.mark_flags_as_required(["config", "workdir"])


def main() -> None:
  if not _WORKDIR.value:
    raise UserError("--workdir is empty; name a folder")
  config.check(_CONFIG.value)
  cells = list(config.cells(_CONFIG.value))
  for _, cell in cells:
    config.check(cell)
  for i, (folder, cell) in enumerate(cells, 1):
    title = f"{folder} ({i} of {len(cells)})" if folder else ""
    train.train(cell, pathlib.Path(_WORKDIR.value) / folder, title)


if __name__ == "__main__":
  command.run(main)
