"""Config files: where they lie, and how they are read."""

import os
import pathlib
import re
import runpy
import sys
from collections.abc import Iterable, Mapping
from typing import Any

import ml_collections
from absl import flags
from ml_collections.config_flags import config_flags

from genjax import parts
from genjax.config import keys
from genjax.types import UserError

# Those that come with genjax: installed, and in a clone.
_PLACES = [pathlib.Path(__file__).parents[i] / "configs" for i in (1, 2)]


def named() -> list[str]:
  """The names of the files that come with genjax: "vae_mnist"."""
  files = [file for place in _PLACES for file in place.glob("*.py")]
  return sorted({file.stem for file in files if file.stem != "__init__"})


def locate(path: str) -> str:
  """The path of a config file, with the argument after its colon.

  A file that is there is meant by its path; or else one that comes with genjax by its name, as
  "wgan_mnist:s1".
  """
  file, colon, argument = path.partition(":")
  if not os.path.exists(file) and re.fullmatch(r"\w+(\.py)?", file):
    for place in _PLACES:
      known = place / f"{file.removesuffix('.py')}.py"
      if known.is_file():
        return f"{known}{colon}{argument}"
  return path


# Overrides with which a recipe is what it was when its `mark` was measured.
_OF_RECORD = {
  *("sweep.seeds", "sweep.chunk", "steps", "epochs", "log_every", "eval_every", "eval_images"),
  *("evals", "keep", "mark", "sample_columns", "data.dir", "data.cache", "contrasts"),
}


class Parser(config_flags.ConfigFileFlagParser):
  """Reads config files for a flag, with the keys of networks that the command line names."""

  def parse(self, path: str) -> Any:
    found = locate(path)
    parts.look_in(pathlib.Path(found.partition(":")[0]).parent)
    config = super().parse(found)
    if isinstance(config, ml_collections.ConfigDict) and "model" in config:
      keys.complete(config, _networks(sys.argv, self.name))
    return config


def _networks(arguments: Iterable[str], flag: str) -> list[str]:
  """Whatever looks like `MODULE:OBJECT` in arguments that set networks or cells."""
  chosen = [
    a for a in arguments if re.match(rf"--?{flag}\.(model\.network|grid\.network|cells)=", a)
  ]
  return re.findall(r"[\w.]+:\w+", " ".join(chosen))


def define(values: flags.FlagValues) -> flags.FlagHolder:
  """The flag --config, with --config.KEY for every key of the file."""
  holder = config_flags.DEFINE_config_file(
    "config",
    None,
    "File with get_config(), as my_config.py, or the name of one that comes with genjax, as "
    "gan_mnist:s1; --config.KEY=VALUE changes a key.",
    flag_values=values,
  )
  values["config"].parser = Parser("config")
  return holder


def load(
  source: str | os.PathLike | ml_collections.ConfigDict, overrides: Mapping[str, Any] | None = None
) -> ml_collections.ConfigDict:
  """A config with other values at some keys; what was given is left as it is.

  Args:
    source: a config; or a file's path or name, as --config takes it: "wgan_mnist:s1".
    overrides: dotted keys, as {"model.width": 64}. Steps take the place of epochs, and the reverse.

  Raises:
    UserError: there is no such file or key, or a value has another type.
  """
  overrides = dict(overrides or {})
  if isinstance(source, ml_collections.ConfigDict):
    config = ml_collections.ConfigDict(source.to_dict())
  else:
    config = _read(os.fspath(source))
  keys.complete(config, keys.networks_of(overrides))
  known = keys.flatten(config.to_dict())
  for key, value in overrides.items():
    if key not in known:
      raise UserError(f"unknown key config.{key}{keys.suggestion(key, sorted(known))}")
    several = isinstance(known[key], tuple) and isinstance(value, list | range)
    try:
      config.update_from_flattened_dict({key: tuple(value) if several else value})
    except (TypeError, ValueError) as error:
      raise UserError(f"config.{key} is {value!r}: {error}") from error
  return settled(config, overrides)


def _read(path: str) -> ml_collections.ConfigDict:
  file, colon, argument = locate(path).partition(":")
  if not os.path.isfile(file):
    raise UserError(f"{path}: there is no such file; genjax's own are {', '.join(named())}")
  parts.look_in(pathlib.Path(file).parent)
  try:
    config = runpy.run_path(file)["get_config"](*[argument] * bool(colon))
  except UserError:
    raise
  except Exception as error:  # of a file that is not ours
    raise UserError(f"{path}: {type(error).__name__}: {error}") from error
  if not isinstance(config, ml_collections.ConfigDict):
    raise UserError(f"{path}: its get_config() must return an ml_collections.ConfigDict")
  return config


def settled(
  config: ml_collections.ConfigDict, overrides: Mapping[str, Any]
) -> ml_collections.ConfigDict:
  """What holds of a file with these overrides.

  Steps that are set anew take the place of its epochs, and the reverse; the record of a recipe is
  that of its own settings, with any seeds.
  """
  if overrides.keys() - _OF_RECORD:
    config.mark = ()
  for length, other, nothing in (("steps", "epochs", 0.0), ("epochs", "steps", 0)):
    if overrides.get(length) and other not in overrides and other in config:
      config[other] = nothing
  return config
