"""One run as plain files: `python -m genjax.export --workdir=wgan --runs=3 --out=wgan-3`.

Its weights for any language, and its functions compiled for any machine: what they take to be used
is in the README.txt beside them, and none of it is genjax. The latent has its own size, not that of
the sweep's largest.
"""

import pathlib

from genjax import cli, process
from genjax.mistakes import UserError

_FLAGS = cli.flags_of(__name__)
cli.run_flags(
  _FLAGS,
  runs="One row of runs.csv, as 3, or numbers that one run has, as latent=10,seed=0.",
  workdir="Workdir of a training.",
)
cli.define(_FLAGS, out=(None, "Folder for the files."))


def main(more: list[str]) -> None:
  paths = cli.workdirs_of(_FLAGS.workdir, more)
  if not _FLAGS.out:
    raise UserError("--out is missing; name a folder for the files")
  process.prepare_jax()
  from genjax.analysis import exporting, selection

  found = selection.read(paths, _FLAGS.runs, _FLAGS.weights)
  if len(found) > 1:
    raise UserError(
      f"{', '.join(paths)} has runs of {len(found)} programs; name one folder, as {found[0].path}"
    )
  names = exporting.write(pathlib.Path(_FLAGS.out), found[0])
  print(f"{_FLAGS.out}: run {found[0].index[0]} of {found[0].path}: {', '.join(names)}")


if __name__ == "__main__":
  cli.run(main, positional="workdirs")
