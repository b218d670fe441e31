"""Compares settings by the scores of their runs: `python -m genjax.compare vae gan`.

Each path is a workdir that `python -m genjax.evaluate` has scored, or the folder of a study, of
which each cell is one. The answer is printed; all tables and figures go into a folder.
"""

import pathlib

from genjax import cli, process
from genjax.mistakes import UserError

_FLAGS = cli.flags_of(__name__)
cli.define(
  _FLAGS,
  workdir=cli.WORKDIR,
  weights=("best", "Which weights' scores are compared.", *cli.WEIGHTS),
  metrics=([], "Names of scores, as fd,coverage, of which the first decides; all where empty."),
  contrasts=(
    "",
    "Which settings are compared: all pairs, neighbours, neighbours=AXIS, or reference=SETTING; "
    "what the config plans if empty, or else all.",
  ),
  margin=(
    0.0,
    "Also tests whether settings are equivalent: they differ by less than this part of their "
    "median.",
    0.0,
  ),
  out=("comparison", "Folder for tables and figures."),
  all=cli.ALL,
)


def main(more: list[str]) -> None:
  paths = cli.workdirs_of(_FLAGS.workdir, more)
  if not _FLAGS.out:
    raise UserError("--out is empty; name a folder for tables and figures")
  process.prepare_jax()
  from genjax.analysis import comparison
  from genjax.config import contrasts

  if not contrasts.valid(_FLAGS.contrasts):
    raise UserError(f"--contrasts is {_FLAGS.contrasts!r}; expected {contrasts.PLANS}")
  wanted = _FLAGS.weights, _FLAGS.metrics, _FLAGS.all, _FLAGS.contrasts, _FLAGS.margin
  print(comparison.compare(paths, pathlib.Path(_FLAGS.out), *wanted).text, end="")


if __name__ == "__main__":
  cli.run(main, positional="workdirs")
