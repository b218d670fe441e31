"""What every command line shares: its flags, and how a command runs."""

import os
import pathlib
import re
import shlex
import sys
from collections.abc import Callable, Sequence
from functools import partial
from logging import Formatter
from typing import Any

import ml_collections
from absl import app, flags, logging

from genjax import files, flag_parsing, process
from genjax.mistakes import UserError

flags.disclaim_key_flags()  # what `define` defines belongs to the command, for --help


def flags_of(module: str) -> flags.FlagValues:
  """Where a command defines its flags: imported, it leaves the names to the command that runs."""
  return flags.FLAGS if module == "__main__" else flags.FlagValues()


def define(values: flags.FlagValues, **wanted: tuple) -> None:
  """Defines flags, each of the kind that its default has; None stands for a text not given.

  Args:
    values: where they are defined, as `flags_of` has it.
    wanted: of each its default, what --help says of it, and what it may be: of a number the least
      and the most, of one of some texts all of them.
  """
  for name, (default, meaning, *limits) in wanted.items():
    kinds = {bool: flags.DEFINE_bool, list: flags.DEFINE_list}
    kinds |= {int: flags.DEFINE_integer, float: flags.DEFINE_float}
    if any(isinstance(limit, str) for limit in limits):
      flags.DEFINE_enum(name, default, limits, meaning, flag_values=values)
    else:
      kind = kinds.get(type(default), flags.DEFINE_string)
      kind(name, default, meaning, *limits, flag_values=values)


def asked(values: flags.FlagValues, kind: type, **others: Any) -> Any:
  """A record of flags: each of its fields is the flag of that name, but for `others`."""
  found = {name: values[name].value for name in kind._fields if name not in others}
  found = {name: tuple(v) if isinstance(v, list) else v for name, v in found.items()}
  return kind(**found, **others)


WEIGHTS = ("best", "last", "raw")  # `types.WEIGHTS`, without the time that JAX takes
# What several commands have.
WORKDIR = (None, "Workdir of a training, or folder of a study; more may follow.")
ALL = (False, "Print every table instead of the answer.")
EXPLORE = (False, "Train even if the planned contrasts could not name a winner.")
SEEDS = (0, 2**32 - 1)  # the least and the most
DATA = (
  "",
  "Where the data of the runs lie now, if not where they were: a folder of images, a file .npz, or "
  "the directory of TFDS datasets.",
)


def run_flags(
  values: flags.FlagValues,
  runs: str = "Rows of runs.csv, as 0,3, or numbers, as latent=10,seed=0; all if empty.",
  workdir: str = WORKDIR[1],
  weights: tuple[str, ...] = WEIGHTS,
) -> None:
  """--workdir, --runs and --weights: which trained runs a command is about.

  Args:
    values: where they are defined, as `flags_of` has it.
    runs: what --help says of --runs.
    workdir: what it says of --workdir.
    weights: what a command can take, the first by default.
  """
  averaged = "Which weights" + ("; raw are not averaged." if "raw" in weights else ".")
  weights = (weights[0], averaged, *weights)
  define(values, workdir=(None, workdir), runs=([], runs), weights=weights)


def workdirs_of(first: str | None, more: Sequence[str]) -> list[str]:
  """The workdirs that a command line names: `--workdir=a`, `a b`, or both.

  Raises:
    UserError: there is none, or one is not a folder.
  """
  paths = [*filter(None, [first]), *more]
  if not paths:
    raise UserError("--workdir is missing; name a folder that genjax.main left, or several")
  for path in paths:
    if not pathlib.Path(path).is_dir():
      raise UserError(f"{path} is not a folder; expected a workdir, or the folder of a study")
  return paths


def score_flags(values: flags.FlagValues, images: str, seed: str) -> None:
  """--metrics, --split, --images, --seed, --networks and --features.

  Args:
    values: where they are defined, as `flags_of` has it.
    images: what --help says of --images.
    seed: what it says of --seed.
  """
  metrics = 'Scores, or MODULE:OBJECT of your own; if empty all fast ones, "all" for every one.'
  split = (
    "Held-out images: floors and likelihoods are measured on them; generated images are compared "
    "with training images."
  )
  define(
    values,
    metrics=([], metrics),
    split=("test", split, "test", "validation"),
    images=(10_000, images, 200),
    seed=(0, seed),
    networks=(1, "How many classifiers see the images.", 1, 3),
    features=("", "Another network: inception:WEIGHTS or MODULE:FUNCTION of images."),
  )


def run(main: Callable[..., None], positional: str = "", interrupted: str = "") -> None:
  """Parses the flags and runs `main`; ends the process with the statuses of `process`.

  Args:
    main: takes nothing; or the list of arguments that are no flags, where there may be some.
    positional: what those are, as "workdirs"; "" where there may be none.
    interrupted: message shown after "interrupted".
  """
  app.run(
    lambda rest: _guarded(partial(main, rest[1:]) if positional else main, interrupted),
    flags_parser=partial(flag_parsing.parse, positional=positional),
  )


def _guarded(main: Callable[[], None], interrupted: str = "") -> None:
  # As what is refused is said: when, and in which line of genjax, is of no use to a user.
  logging.get_absl_handler().setFormatter(Formatter("genjax: %(message)s"))
  if not flags.FLAGS["verbosity"].present:
    logging.set_verbosity(logging.WARNING)  # orbax tells of every file it writes
    # And of what it raises as well, with pages of threads.
    logging.get_absl_handler().addFilter(
      lambda record: f"{os.sep}orbax{os.sep}" not in record.pathname
    )
  try:
    process.claim_signals()
    main()
  except UserError as error:
    process.refuse(f"{_set_in_file(str(error))}{error}", error.status)
  except (PermissionError, IsADirectoryError, NotADirectoryError) as error:
    process.refuse(
      f"{error.filename} cannot be used ({error.strerror}); ask for permission, or restore it"
    )
  except process.Terminated as ended:
    process.leave(str(ended), ended.status)
  except KeyboardInterrupt:
    process.leave("; ".join(filter(None, ["interrupted", interrupted])), 130)


def _set_in_file(line: str) -> str:
  """ "--config=FILE: " where a line is about keys that the config file sets; or ""."""
  keys = re.findall(r"\bconfig\.(?!json)([\w.]*\w)", line)
  if not keys or "config" not in flags.FLAGS or not flags.FLAGS["config"].present:
    return ""
  flag = flags.FLAGS["config"]
  given = {key.split(".")[-1] for key in flag.override_values}  # grid.width for model.width too
  if any(key.split(".")[-1] in given for key in keys):
    return ""
  return f"--config={flag.config_filename}: "


def config_of() -> tuple[ml_collections.ConfigDict, dict]:
  """The config that --config names, and the dotted keys that the command line sets in it.

  Raises:
    UserError: there is none.
  """
  flag = flags.FLAGS["config"]
  if not flag.present:
    raise UserError("--config is missing; name a file such as configs/vae_mnist.py")
  path = flag.config_filename
  if isinstance(flag.value, ml_collections.ConfigDict):
    return flag.value, flag.override_values
  if absent := files.no_config(path):
    raise UserError(f"--config={path}: {absent}")
  raise UserError(f"--config={path}: its get_config() must return an ml_collections.ConfigDict")


def origin() -> dict:
  """What config.json says of where it comes from: the command line, its config, when it began."""
  from genjax.types import now

  return {
    "command": shlex.join(["python", "-m", "genjax.main", *sys.argv[1:]]),
    "config_file": flags.FLAGS["config"].config_filename,
    "date": now(),
  }
