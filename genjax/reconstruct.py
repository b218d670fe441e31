"""What VAEs make of test images: `python -m genjax.reconstruct --workdir=vae`.

Pictures and tables go to a folder; what the errors of all runs say is printed.
"""

from genjax import cli, process

_FLAGS = cli.flags_of(__name__)
cli.run_flags(
  _FLAGS,
  runs="Rows of runs.csv, as 0,3, or numbers of runs, as latent=10; if empty all, and pictures "
  "show one of each setting.",
  weights=("best", "last"),
)
cli.define(
  _FLAGS,
  images=([], "Test images of the picture, as 0,5,7; ten of different classes if empty."),
  test_images=(10_000, "On how many errors are measured.", 1),
  noise_seed=(0, "Of the sampled latents.", *cli.SEEDS),
  out=("", "Folder for pictures; WORKDIR/reconstruction if empty."),
  data=cli.DATA,
  all=cli.ALL,
)


def main(more: list[str]) -> None:
  folders = cli.workdirs_of(_FLAGS.workdir, more)
  process.prepare_jax()
  from genjax.analysis import reconstruction

  others = {"count": _FLAGS.test_images, "seed": _FLAGS.noise_seed}
  wanted = cli.asked(_FLAGS, reconstruction.ReconstructionFlags, **others)
  print(reconstruction.reconstruct(folders, wanted, _FLAGS.all), end="")


if __name__ == "__main__":
  cli.run(main, positional="workdirs")
