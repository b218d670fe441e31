"""Paths through the latent spaces of trained runs: `python -m genjax.interpolate --workdir=vae`.

More workdirs may follow; figures then show their runs one under another, between the same random
latents. Figures and animations go to a folder; how smooth the paths are is printed as well.
"""

from absl import flags

from genjax import cli, process

_FLAGS = cli.flags_of(__name__)
_WORKDIR, _RUNS, _WEIGHTS = cli.run_flags(
  _FLAGS,
  runs="Rows of runs.csv, as 0,3, or numbers of runs, as latent=10; one of each setting if empty.",
)
_WHAT = flags.DEFINE_list(
  "what",
  [],
  "Of random, images, classes, manifold, traversal; all that the models allow, if empty.",
  flag_values=_FLAGS,
)
_PATH = flags.DEFINE_enum(
  "path",
  None,
  ["spherical", "linear"],
  "Shape of paths; both for random ends and the measures if not given, else spherical.",
  flag_values=_FLAGS,
)
_PAIRS = flags.DEFINE_integer("pairs", 2, "Number of endpoint pairs.", 1, 20, flag_values=_FLAGS)
_STEPS = flags.DEFINE_integer("steps", 11, "How many images a path has.", 2, 60, flag_values=_FLAGS)
_SEED = flags.DEFINE_integer(
  "noise_seed", 0, "Of the random latents.", 0, 2**32 - 1, flag_values=_FLAGS
)
_IMAGES = flags.DEFINE_list(
  "images", [], "Test images, as 0,5,7,9; of different classes if empty.", flag_values=_FLAGS
)
_SPACE = flags.DEFINE_enum(
  "space",
  "pixels",
  ["pixels", "features"],
  "In which paths are measured; features are the dataset's classifier's.",
  flag_values=_FLAGS,
)
_OUT = flags.DEFINE_string(
  "out", "", "Folder for pictures; WORKDIR/interpolation if empty.", flag_values=_FLAGS
)
_DATA = cli.data_flag(_FLAGS)
_ALL = flags.DEFINE_bool(
  "all", False, "Print every table instead of the answer.", flag_values=_FLAGS
)


def main(more: list[str]) -> None:
  folders = cli.workdirs_of(_WORKDIR, more)
  process.prepare_jax()
  from genjax.analysis import interpolation
  from genjax.metrics import paths

  wanted = interpolation.Wanted(
    tuple(_RUNS.value),
    _WEIGHTS.value,
    tuple(_WHAT.value),
    (_PATH.value,) if _PATH.value else paths.KINDS,
    _PAIRS.value,
    _STEPS.value,
    _SEED.value,
    tuple(_IMAGES.value),
    _SPACE.value,
    _OUT.value,
    _DATA.value,
  )
  print(interpolation.interpolate(folders, wanted, _ALL.value), end="")


if __name__ == "__main__":
  cli.run(main, positional="workdirs")
