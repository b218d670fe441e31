"""Scores at each validation of a training, as `config.evals` asks for them.

Training knows no scores: who trains hands it this `WATCH`.
"""

import pathlib

import ml_collections
import numpy as np

from genjax import data
from genjax.scoring import feature_networks, protocols, score_files
from genjax.scoring.evaluation import Evaluation, check_images
from genjax.scoring.protocols import Settings
from genjax.training import metrics_file, validation
from genjax.training.planning import Plan, Watch, Watching
from genjax.types import Model, Progress, Run

# A validation cannot wait for as many of these as `genjax.evaluate` takes.
EVALS = {"nll_images": 100, "nll_samples": 100}


def check(config: ml_collections.ConfigDict, splits: data.Splits, model: Model) -> None:
  """Raises `UserError` where `config.evals` has what this model or these images cannot give."""
  protocols.check(config.evals, model, "config.evals")
  if config.evals:
    check_images(config.evals, splits, _settings(config, splits), "config.evals")


def begin(plan: Plan, path: pathlib.Path) -> Watching | None:
  """What `config.evals` names, of the last weights, on validation images; None if nothing.

  By the code of `genjax.evaluate`; what it is measured on is noted in the workdir.
  """
  config, splits = plan.config, plan.splits
  if not config.evals:
    return None
  cache, size, chunk = config.data.cache, len(plan.rows), config.sweep.chunk
  networks = feature_networks.load(splits, cache, "", 1, config.evals)
  settings = _settings(config, splits)
  evaluation = Evaluation(
    plan.model, splits, settings, networks, size, chunk, config.evals, cache=cache
  )
  asked = evaluation.asked(config.evals, "last")
  for one in asked:
    score_files.note(path, one.key, one.protocol, one.names, one.group.floor)

  def measure(runs: Run, progress: Progress) -> dict[str, np.ndarray]:
    block = evaluation.block(runs, progress.state._replace(opt_state={}))
    found = {}
    for one in asked:
      measured = one.group.measure(block, set(one.names))
      measured = metrics_file.by_dimension({name: measured[name] for name in one.names})
      found |= {score_files.column(name, one.key): value for name, value in measured.items()}
    return found

  return Watching(
    {score_files.column(name, one.key) for one in asked for name in one.names}, measure
  )


def _settings(config: ml_collections.ConfigDict, splits: data.Splits) -> Settings:
  count = validation.usable(config.eval_images, len(splits.validation.label))
  return Settings("validation", count, **EVALS)


WATCH = Watch(check, begin)
