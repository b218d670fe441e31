"""Configs for programs: of a file, with other values at some keys."""

import os
import pathlib
import runpy
from collections.abc import Iterable, Mapping
from typing import Any

import ml_collections

from genjax import files, parts
from genjax.config import keys
from genjax.mistakes import KINDS, UserError, reason

# Overrides with which a recipe is what it was when its `mark` was measured.
_OF_RECORD = {
  *("sweep.seeds", "sweep.chunk", "sweep.seeds_at_once", "steps", "epochs"),
  *("log_every", "eval_every", "eval_images"),
  *("evals", "keep", "mark", "sample_columns", "data.dir", "data.cache", "contrasts"),
}


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
  if not isinstance(overrides, Mapping | None):
    raise UserError(
      f"overrides are {overrides!r}; expected values at dotted keys: {{'steps': 100}}"
    )
  overrides = {str(key).removeprefix("config."): one for key, one in (overrides or {}).items()}
  if isinstance(source, ml_collections.ConfigDict):
    config = ml_collections.ConfigDict(source.to_dict())
  elif isinstance(source, str | os.PathLike):
    config = _read(os.fspath(source))
  else:
    raise UserError(f"the config is {source!r}; expected a ConfigDict, or a file's path or name")
  keys.complete(config, keys.networks_of(overrides))
  known = keys.flatten(config.to_dict())
  for key, value in overrides.items():
    if key not in known:
      raise UserError(keys.unknown(key, known))
    try:
      config.update_from_flattened_dict({key: _plain(value, known[key])})
    except (TypeError, ValueError):
      kind = KINDS.get(type(known[key]), "another kind")
      raise UserError(f"config.{key} is {value!r}; expected {kind}, as {known[key]!r}") from None
  return settled(config, overrides)


def _plain(value: Any, standard: Any) -> Any:
  """A value as a config has it, where it is NumPy's, or a list or the like for a tuple."""
  if isinstance(standard, tuple) and isinstance(value, Iterable) and not isinstance(value, str):
    return tuple(_plain(one, None) for one in value)
  return value.item() if hasattr(value, "item") else value


def _read(path: str) -> ml_collections.ConfigDict:
  if absent := files.no_config(path):
    raise UserError(f"{path}: {absent}")
  file, colon, argument = files.config(path).partition(":")
  parts.look_in(pathlib.Path(file).parent)
  try:
    config = runpy.run_path(file)["get_config"](*[argument] * bool(colon))
  except UserError:
    raise
  except (Exception, SystemExit) as error:  # of a file that is not ours
    raise UserError(f"{path}: {reason(error)}") from error
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
