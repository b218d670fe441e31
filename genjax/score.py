"""Scores images of any program: `python -m genjax.score theirs/*.npz --data=mnist`.

Each file (.npz or .npy) or folder of pictures is a run; --out=FOLDER keeps the scores, and
`python -m genjax.compare FOLDER WORKDIR` then holds them against trained runs.
"""

import pathlib

from genjax import cli, process
from genjax.mistakes import UserError

_FLAGS = cli.flags_of(__name__)
cli.score_flags(_FLAGS, "At most so many of each run.", "Random seed of the scores.")
cli.define(
  _FLAGS,
  data=(
    None,
    "Real images: a dataset such as mnist, a folder, an .npz, or a workdir, whose data are then "
    "used.",
  ),
  directory=("", "Where datasets of TFDS lie; $TFDS_DATA_DIR if empty."),
  out=("", "Folder that keeps the scores."),
)


# What reads data speaks of the keys of a config.
_FLAG_OF = {"--config.data.name": "--data", "--config.data.dir": "--directory"}
_RESIZES = "--config.data.size=64 (say) resizes all"


def _in_own_flags(line: str) -> str:
  for key, flag in _FLAG_OF.items():
    line = line.replace(key, flag)
  return line.replace(_RESIZES, "expected one size")


def main(images: list[str]) -> None:
  if not images:
    raise UserError("no images; name files .npz or .npy, or folders of pictures, a run each")
  if not _FLAGS.data:
    raise UserError("--data is missing; name a dataset as mnist, a folder, an .npz or a workdir")
  for path in images:
    if not pathlib.Path(path).exists():
      raise UserError(f"{path}: no such file or folder")
  process.prepare_jax()
  from genjax.analysis import image_measures, setting_tables
  from genjax.metrics import catalogue
  from genjax.scoring import runs

  fields = ("data", "split", "seed", "networks", "features", "directory", "out")
  asked, wanted = {name: _FLAGS[name].value for name in fields}, tuple(_FLAGS.metrics)
  try:
    measured = image_measures.of(images, metrics=wanted, count=_FLAGS.images, **asked)
  except UserError as error:
    raise UserError(_in_own_flags(str(error))) from error
  names = [] if wanted == runs.ALL else list(map(catalogue.short, wanted))
  out = _FLAGS.out
  if not out and (wanted == runs.ALL or _FLAGS.networks > 1):  # which nothing else would show
    print(f"\n{setting_tables.middles(measured)}")
  else:
    print(f"\n{image_measures.told(measured, names, out)}", end="")
  if out:
    print(f"\n{out}: the scores; python -m genjax.compare {out} WORKDIR reads them")


if __name__ == "__main__":
  cli.run(main, positional="images")
