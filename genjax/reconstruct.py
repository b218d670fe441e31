"""What VAEs make of test images: `python -m genjax.reconstruct --workdir=vae`.

Pictures and tables go to a folder; what the errors of all runs say is printed.
"""

from absl import flags

from genjax import cli, process

_FLAGS = cli.flags_of(__name__)
_WORKDIR, _RUNS, _WEIGHTS = cli.run_flags(
  _FLAGS,
  runs="Rows of runs.csv, as 0,3, or numbers of runs, as latent=10; if empty all, and pictures "
  "show one of each setting.",
  workdir="Folder that main left, or a study of such.",
  weights=("best", "last"),
)
_IMAGES = flags.DEFINE_list(
  "images",
  [],
  "Test images of the picture, as 0,5,7; ten of different classes if empty.",
  flag_values=_FLAGS,
)
_COUNT = flags.DEFINE_integer(
  "test_images", 10_000, "On how many errors are measured.", 1, flag_values=_FLAGS
)
_SEED = flags.DEFINE_integer(
  "noise_seed", 0, "Of the sampled latents.", 0, 2**32 - 1, flag_values=_FLAGS
)
_OUT = flags.DEFINE_string(
  "out", "", "Folder for pictures; WORKDIR/reconstruction if empty.", flag_values=_FLAGS
)
_DATA = cli.data_flag(_FLAGS)
_ALL = flags.DEFINE_bool(
  "all", False, "Print every table instead of the answer.", flag_values=_FLAGS
)


def main(more: list[str]) -> None:
  folders = cli.workdirs_of(_WORKDIR, more)
  process.prepare_jax()
  from genjax.analysis import reconstruction

  wanted = reconstruction.Wanted(
    tuple(_RUNS.value),
    _WEIGHTS.value,
    tuple(_IMAGES.value),
    _COUNT.value,
    _SEED.value,
    _OUT.value,
    _DATA.value,
  )
  print(reconstruction.reconstruct(folders, wanted, _ALL.value), end="")


if __name__ == "__main__":
  cli.run(main, positional="workdirs")
