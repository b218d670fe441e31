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
  "metrics",
  [],
  "Names of scores, as fd,coverage, of which the first decides; all where empty.",
  flag_values=_FLAGS,
)
_CONTRASTS = flags.DEFINE_string(
  "contrasts",
  "",
  "Which settings are compared: all pairs, neighbours, neighbours=AXIS, or reference=SETTING; what "
  "the config plans if empty, or else all.",
  flag_values=_FLAGS,
)
_MARGIN = flags.DEFINE_float(
  "margin",
  0.0,
  "Also tests whether settings are equivalent: they differ by less than this part of their median.",
  lower_bound=0.0,
  flag_values=_FLAGS,
)
_OUT = flags.DEFINE_string(
  "out", "comparison", "Folder for tables and figures.", flag_values=_FLAGS
)
_ALL = flags.DEFINE_bool(
  "all", False, "Print every table instead of the answer.", flag_values=_FLAGS
)


def main(more: list[str]) -> None:
  paths = cli.workdirs_of(_WORKDIR, more)
  if not _OUT.value:
    raise UserError("--out is empty; name a folder for tables and figures")
  process.prepare_jax()
  from genjax.analysis import comparison
  from genjax.config import contrasts

  out = pathlib.Path(_OUT.value)
  if not contrasts.valid(_CONTRASTS.value):
    raise UserError(f"--contrasts is {_CONTRASTS.value!r}; expected {contrasts.PLANS}")
  wanted = _WEIGHTS.value, _METRICS.value, _ALL.value, _CONTRASTS.value, _MARGIN.value
  print(comparison.compare(paths, out, *wanted), end="")


if __name__ == "__main__":
  cli.run(main, positional="workdirs")
