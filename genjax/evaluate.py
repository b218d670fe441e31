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
_METRICS = flags.DEFINE_list(
  "metrics",
  [],
  "Scores, or MODULE:OBJECT of one's own; those of the model that take seconds if empty, "
  'and "all" for all.',
  flag_values=_FLAGS,
)
_SPLIT = flags.DEFINE_enum(
  "split", "test", ["test", "validation"], "Real images to hold against.", flag_values=_FLAGS
)
_IMAGES = flags.DEFINE_integer(
  "images", 10_000, "How many images each run generates.", lower_bound=200, flag_values=_FLAGS
)
_SEED = flags.DEFINE_integer(
  "seed", 0, "Seed of the noise that images are generated from.", flag_values=_FLAGS
)
_NETWORKS = flags.DEFINE_integer(
  "networks", 1, "How many classifiers see the images.", 1, 3, flag_values=_FLAGS
)
_FEATURES = flags.DEFINE_string(
  "features",
  "",
  "Another network: inception:WEIGHTS or MODULE:FUNCTION of images.",
  flag_values=_FLAGS,
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

  api.evaluate(
    paths,
    _METRICS.value,
    weights=_WEIGHTS.value,
    split=_SPLIT.value,
    images=_IMAGES.value,
    seed=_SEED.value,
    networks=_NETWORKS.value,
    features=_FEATURES.value,
    nll_images=_NLL_IMAGES.value,
    nll_samples=_NLL_SAMPLES.value,
    data=_DATA.value,
  )
  names = [] if _METRICS.value == ["all"] else list(map(catalogue.short, _METRICS.value))
  for weights in _WEIGHTS.value:
    print(f"\n{comparison.scored(paths, weights, names, _SPLIT.value)}", end="")


if __name__ == "__main__":
  again = "the same command computes what is still missing"
  cli.run(main, positional="workdirs", interrupted=again)
