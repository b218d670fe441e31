"""Scores images of any program: `python -m genjax.score theirs/*.npz --data=mnist`.

Each file (.npz or .npy) or folder of pictures is a run; --out=FOLDER keeps the scores, and
`python -m genjax.compare FOLDER WORKDIR` then holds them against trained runs.
"""

import pathlib

from absl import flags

from genjax import cli, process
from genjax.mistakes import UserError

_FLAGS = cli.flags_of(__name__)
_DATA = flags.DEFINE_string(
  "data",
  None,
  "Real images: a dataset as mnist, a folder, an .npz, or a workdir for those of its runs.",
  flag_values=_FLAGS,
)
_ASKED = cli.score_flags(_FLAGS, "At most so many of each run.", "Random seed of the scores.")
_DIRECTORY = flags.DEFINE_string(
  "directory", "", "Where datasets of TFDS lie; $TFDS_DATA_DIR if empty.", flag_values=_FLAGS
)
_OUT = flags.DEFINE_string("out", "", "Folder that keeps the scores.", flag_values=_FLAGS)


def main(images: list[str]) -> None:
  if not images:
    raise UserError("no images; name files .npz or .npy, or folders of pictures, a run each")
  if not _DATA.value:
    raise UserError("--data is missing; name a dataset as mnist, a folder, an .npz or a workdir")
  for path in images:
    if not pathlib.Path(path).exists():
      raise UserError(f"{path}: no such file or folder")
  process.prepare_jax()
  from genjax import api

  asked = _ASKED.values()
  places = {"directory": _DIRECTORY.value, "out": _OUT.value}
  table = api.score(images, _DATA.value, count=asked.pop("images"), **asked, **places)
  print(table)
  if _OUT.value:
    print(f"\n{_OUT.value}: the scores; python -m genjax.compare {_OUT.value} WORKDIR reads them")


if __name__ == "__main__":
  cli.run(main, positional="images")
