"""Whether numbers of runs mean the runs that they meant before: those of a workdir may grow."""

import pathlib
from collections.abc import Mapping

from genjax.training import config_file, sweep
from genjax.types import UserError


def runs_of(record: Mapping) -> dict[str, list]:
  """The values of the `sweep` keys that say which runs there are, not how they are computed."""
  values = record["config"].get("sweep", {})
  return {key: some for key, some in values.items() if isinstance(some, list)}


def check_same(path: pathlib.Path, record: Mapping) -> None:
  """Raises `UserError` where a workdir has other runs than its config.json said before."""
  if runs_of(config_file.read_config(path)) != runs_of(record):
    raise UserError(f"{path} has grown while it was read; read it again")


def check_runs(path: pathlib.Path, runs: Mapping[int, dict], again: str) -> None:
  """Raises `UserError` where numbers of runs mean other runs by now, as a workdir has grown.

  Args:
    path: the workdir.
    runs: number of a run -> its seed, latent, learning_rate, ... when that was read.
    again: what is to be done anew.
  """
  now = dict(enumerate(sweep.table(**runs_of(config_file.read_config(path)))))
  if any(now.get(run) != row for run, row in runs.items()):
    raise UserError(f"runs were added to {path}, which renumbered its runs; {again} again")
