"""Scores the runs of a workdir: `python -m genjax.evaluate --workdir=wgan`.

Works on finished and on running trainings, and on studies, cell by cell. Scores go to metrics.csv
and their protocols to protocols.json; calling it again computes only what is missing. The
conclusion is printed.
"""

from genjax import cli, process

_FLAGS = cli.flags_of(__name__)
cli.score_flags(
  _FLAGS, "How many images each run generates.", "Seed of the noise that images are generated from."
)
cli.define(
  _FLAGS,
  workdir=cli.WORKDIR,
  weights=(["best"], "Of best, last and raw (not averaged)."),
  nll_images=(500, "How many images elbo and nll are measured on.", 1),
  nll_samples=(5000, "Latents drawn for each of these images.", 1),
  data=cli.DATA,
)


def main(more: list[str]) -> None:
  paths = cli.workdirs_of(_FLAGS.workdir, more)
  process.prepare_jax()
  from genjax import api
  from genjax.analysis import comparison
  from genjax.metrics import catalogue
  from genjax.scoring import runs
  from genjax.scoring.protocols import Settings

  metrics, settings = tuple(_FLAGS.metrics), cli.asked(_FLAGS, Settings)
  wanted = cli.asked(_FLAGS, runs.Wanted, names=metrics, settings=settings)
  measured = api.compute(paths, wanted)
  names = [] if metrics == runs.ALL else list(map(catalogue.short, metrics))
  for of in wanted.weights:
    print(f"\n{comparison.scored(paths, of, names, measured)}", end="")


if __name__ == "__main__":
  again = "the same command computes what is still missing"
  cli.run(main, positional="workdirs", interrupted=again)
