"""Scores the runs of a workdir: `python -m genjax.evaluate --workdir=wgan`.

Finished or still training; also a study, cell by cell. The scores go to metrics.csv, what they were
measured on to protocols.json; a second call computes what is missing. What they say is printed.
"""

from absl import flags

from genjax import cli, process

_FLAGS = cli.flags_of(__name__)
_WORKDIR = flags.DEFINE_string(
  "workdir", None, "Folder that main left, or a study of such; more may follow.", flag_values=_FLAGS
)
_WEIGHTS = flags.DEFINE_list(
  "weights", ["best"], "Of best, last and raw (not averaged).", flag_values=_FLAGS
)
_ASKED = cli.score_flags(
  _FLAGS, "How many images each run generates.", "Seed of the noise that images are generated from."
)
_NLL_IMAGES = flags.DEFINE_integer(
  "nll_images",
  500,
  "How many images elbo and nll are measured on.",
  lower_bound=1,
  flag_values=_FLAGS,
)
_NLL_SAMPLES = flags.DEFINE_integer(
  "nll_samples", 5000, "Latents drawn for each of these images.", lower_bound=1, flag_values=_FLAGS
)
_DATA = cli.data_flag(_FLAGS)


def main(more: list[str]) -> None:
  paths = cli.workdirs_of(_WORKDIR, more)
  process.prepare_jax()
  from genjax import api
  from genjax.analysis import comparison
  from genjax.metrics import catalogue
  from genjax.scoring import runs
  from genjax.scoring.protocols import Settings

  asked = _ASKED.values()
  settings = Settings(
    asked["split"], asked["images"], asked["seed"], _NLL_IMAGES.value, _NLL_SAMPLES.value
  )
  metrics, weights = tuple(asked["metrics"]), tuple(_WEIGHTS.value)
  how = settings, asked["networks"], asked["features"], _DATA.value
  measured = api.compute(paths, runs.Wanted(weights, metrics, *how))
  names = [] if metrics == runs.ALL else list(map(catalogue.short, metrics))
  for of in weights:
    print(f"\n{comparison.scored(paths, of, names, measured)}", end="")


if __name__ == "__main__":
  again = "the same command computes what is still missing"
  cli.run(main, positional="workdirs", interrupted=again)
