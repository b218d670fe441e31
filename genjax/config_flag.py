"""The flag --config: config files, where they lie, and how the command line changes them."""

import pathlib
import re
import sys
from collections.abc import Iterable
from typing import Any

import ml_collections
from absl import flags
from ml_collections.config_flags import config_flags

from genjax import files, flag_parsing, parts

flags.disclaim_key_flags()  # --config belongs to the command that defines it, for --help


class Parser(config_flags.ConfigFileFlagParser):
  """Reads config files for a flag, with the keys of networks that the command line names."""

  def parse(self, path: str) -> Any:
    path = files.config(path)
    parts.look_in(pathlib.Path(path.partition(":")[0]).parent)
    config = super().parse(path)
    if isinstance(config, ml_collections.ConfigDict) and "model" in config:
      from genjax.config import keys  # takes a second, which the config file has taken already

      keys.complete(config, _networks(flag_parsing.joined(sys.argv), self.name))
    return config


def _networks(arguments: Iterable[str], flag: str) -> list[str]:
  """Whatever looks like `MODULE:OBJECT` in arguments that set networks or cells."""
  chosen = [
    a for a in arguments if re.match(rf"--?{flag}\.(model\.network|grid\.network|cells)=", a)
  ]
  return re.findall(r"[\w.]+:\w+", " ".join(chosen))


def define(values: flags.FlagValues) -> None:
  """The flag --config, with --config.KEY for every key of the file."""
  config_flags.DEFINE_config_file(
    "config",
    None,
    "File with get_config(), as my_config.py, or the name of one that comes with genjax, as "
    "gan_mnist:s1; --config.KEY=VALUE changes a key.",
    flag_values=values,
  )
  values["config"].parser = Parser("config")
