"""Compares settings by the scores of their runs: `python -m genjax.compare vae gan`.

Each path is a workdir that `python -m genjax.evaluate` has scored, or the folder of a study, of
which each cell is one. The answer is printed; all tables and figures go into a folder.
"""

import pathlib

from absl import flags

from genjax import cli, process
from genjax.mistakes import UserError

_FLAGS = cli.flags_of(__name__)
_WORKDIR = flags.DEFINE_string(
  "workdir", None, "Folder that main left, or a study of such; more may follow.", flag_values=_FLAGS
)
_WEIGHTS = flags.DEFINE_enum(
  "weights",
  "best",
  ["best", "last", "raw"],
  "Which weights' scores are compared.",
  flag_values=_FLAGS,
)
_METRICS = flags.DEFINE_list(
  "metrics", [], "Names of scores, as fd,coverage; all where empty.", flag_values=_FLAGS
)
_OUT = flags.DEFINE_string(
  "out", "comparison", "Folder for tables and figures.", flag_values=_FLAGS
)
_ALL = flags.DEFINE_bool(
  "all", False, "Whether to print every table in place of the answer.", flag_values=_FLAGS
)


def main(more: list[str]) -> None:
  paths = cli.workdirs_of(_WORKDIR, more)
  if not _OUT.value:
    raise UserError("--out is empty; name a folder for tables and figures")
  process.prepare_jax()
  from genjax.analysis import comparison

  out = pathlib.Path(_OUT.value)
  print(comparison.compare(paths, out, _WEIGHTS.value, _METRICS.value, _ALL.value), end="")


if __name__ == "__main__":
  cli.run(main, positional="workdirs")
