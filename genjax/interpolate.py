"""Paths through the latent spaces of trained runs: `python -m genjax.interpolate --workdir=vae`.

More workdirs may follow; figures then show their runs one under another, between the same random
latents. Figures and animations go to a folder; how smooth the paths are is printed as well.
"""

from genjax import cli, process

_FLAGS = cli.flags_of(__name__)
cli.run_flags(
  _FLAGS,
  runs="Rows of runs.csv, as 0,3, or numbers of runs, as latent=10; one of each setting if empty.",
)
cli.define(
  _FLAGS,
  what=(
    [],
    "Of random, images, classes, manifold, traversal; all that the models allow, if empty.",
  ),
  path=(
    None,
    "Shape of paths; both for random ends and the measures if not given, else spherical.",
    *("spherical", "linear"),
  ),
  pairs=(2, "Number of endpoint pairs.", 1, 20),
  steps=(11, "How many images a path has.", 2, 60),
  noise_seed=(0, "Of the random latents.", *cli.SEEDS),
  images=([], "Test images, as 0,5,7,9; of different classes if empty."),
  space=(
    "pixels",
    "In which paths are measured; features are the dataset's classifier's.",
    *("pixels", "features"),
  ),
  out=("", "Folder for pictures; WORKDIR/interpolation if empty."),
  data=cli.DATA,
  all=cli.ALL,
)


def main(more: list[str]) -> None:
  folders = cli.workdirs_of(_FLAGS.workdir, more)
  process.prepare_jax()
  from genjax.analysis import interpolation
  from genjax.analysis.picture_rows import InterpolationFlags
  from genjax.metrics import paths

  kinds = (_FLAGS.path,) if _FLAGS.path else paths.KINDS
  wanted = cli.asked(_FLAGS, InterpolationFlags, kinds=kinds, seed=_FLAGS.noise_seed)
  print(interpolation.interpolate(folders, wanted, _FLAGS.all), end="")


if __name__ == "__main__":
  cli.run(main, positional="workdirs")
