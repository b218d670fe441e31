"""Scores the runs of a workdir: `python -m genjax.evaluate --workdir=wgan`.

Finished or still training; also a study, cell by cell. The scores go to metrics.csv, what they were
measured on to protocols.json; a second call computes what is missing. What they say is printed.
"""

from absl import flags

from genjax import cli
from genjax.analysis import comparison
from genjax.scoring import runs
from genjax.scoring.protocols import Settings
from genjax.types import UserError

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
  'Scores to compute; those of the model that take seconds if empty, and "all" for all.',
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
  if not _WEIGHTS.value:
    raise UserError("--weights is empty; expected some of best, last and raw")
  for weights in _WEIGHTS.value:
    if weights not in ("best", "last", "raw"):
      raise UserError(f"--weights has {weights!r}; expected best, last or raw")
  settings = Settings(
    _SPLIT.value, _IMAGES.value, _SEED.value, _NLL_IMAGES.value, _NLL_SAMPLES.value
  )
  wanted = runs.Wanted(
    tuple(_WEIGHTS.value), tuple(_METRICS.value), settings, _NETWORKS.value, _FEATURES.value,
    _DATA.value,
  )  # fmt: skip
  for line in runs.score_all(paths, wanted):
    print(line, flush=True)
  names = () if wanted.names == runs.ALL else wanted.names
  for weights in _WEIGHTS.value:
    print(f"\n{comparison.scored(paths, weights, names, _SPLIT.value)}", end="")


if __name__ == "__main__":
  again = "the same command computes what is still missing"
  cli.run(main, positional="workdirs", interrupted=again)
