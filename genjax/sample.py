"""Images of trained runs: `python -m genjax.sample --workdir=wgan --runs=0,3`.

A picture, an array (--out=FILE.npz) or a folder of pictures. The noise is the same for all runs and
whatever --num is: image 3 of one run can be held against image 3 of another.
"""

import pathlib

from absl import flags

from genjax import cli, process
from genjax.mistakes import UserError

_FLAGS = cli.flags_of(__name__)
_WORKDIR, _RUNS, _WEIGHTS = cli.run_flags(_FLAGS)
_NUM = flags.DEFINE_integer("num", 64, "Images of each run.", 1, 100_000, flag_values=_FLAGS)
_LABEL = flags.DEFINE_list(
  "label", [], "Of conditional models: classes, which take turns; all if empty.", flag_values=_FLAGS
)
_NOISE_SEED = flags.DEFINE_integer(
  "noise_seed", 0, "Of the noise, which is the same for all runs.", 0, 2**32 - 1, flag_values=_FLAGS
)
_OUT = flags.DEFINE_string(
  "out",
  None,
  "FILE.png, FILE.npz, or a folder for single pictures; WORKDIR/samples/sample.png if not named.",
  flag_values=_FLAGS,
)


def main(more: list[str]) -> None:
  paths = cli.workdirs_of(_WORKDIR, more)
  if _OUT.value == "":
    raise UserError("--out is empty; name a .png, a .npz or a folder")
  process.prepare_jax()
  from genjax.analysis import sample_files, sampling, selection

  selections = selection.read(paths, _RUNS.value, _WEIGHTS.value)
  labels = sampling.labels(selections, _LABEL.value, _NUM.value)
  out = pathlib.Path(_OUT.value) if _OUT.value else sample_files.place(paths, selections)
  sample_files.write(out, selections, labels, _NOISE_SEED.value)
  runs = [label for one in selections for label in one.labels]
  failed = sum(label.failed_at >= 0 for label in runs)
  print(
    f"{out}: {_NUM.value:,} images of {sample_files.counted(len(runs))}, {_WEIGHTS.value} weights"
    + (f"; {sample_files.counted(failed)} failed, with the last good images" if failed else "")
  )


if __name__ == "__main__":
  cli.run(main, positional="workdirs")
