"""Images of trained runs: `python -m genjax.sample --workdir=wgan --runs=0,3`.

A picture, an array (--out=FILE.npz) or a folder of pictures. The noise is the same for all runs and
whatever --num is: image 3 of one run can be held against image 3 of another.
"""

import pathlib

from genjax import cli, process
from genjax.mistakes import UserError

_FLAGS = cli.flags_of(__name__)
cli.run_flags(_FLAGS)
cli.define(
  _FLAGS,
  num=(64, "Images of each run; 16 in a picture of several runs, if not named.", 1, 100_000),
  label=([], "Of conditional models: classes, which take turns; all if empty."),
  noise_seed=(0, "Of the noise, which is the same for all runs.", *cli.SEEDS),
  out=(
    None,
    "FILE.png, FILE.npz, or a folder for single pictures; WORKDIR/samples/sample.png if not named.",
  ),
)


def main(more: list[str]) -> None:
  paths = cli.workdirs_of(_FLAGS.workdir, more)
  if _FLAGS.out == "":
    raise UserError("--out is empty; name a .png, a .npz or a folder")
  process.prepare_jax()
  from genjax.analysis import sample_files, sampling, selection
  from genjax.types import counted

  selections = selection.read(paths, _FLAGS.runs, _FLAGS.weights)
  out = pathlib.Path(_FLAGS.out) if _FLAGS.out else sample_files.place(paths, selections)
  runs = [label for one in selections for label in one.labels]
  of_many = runs[1:] and out.suffix.lower() == ".png"
  num = 16 if of_many and not _FLAGS["num"].present else _FLAGS.num
  labels = sampling.labels(selections, _FLAGS.label, num)
  sample_files.write(out, selections, labels, _FLAGS.noise_seed)
  failed = sum(label.failed for label in runs)
  print(
    f"{out}: {num:,} images of {counted(len(runs), 'run')}, {_FLAGS.weights} weights"
    + (f"; {counted(failed, 'run')} failed, with the last good images" if failed else "")
  )


if __name__ == "__main__":
  cli.run(main, positional="workdirs")
