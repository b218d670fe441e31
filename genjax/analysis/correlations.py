"""Tables of what ranks runs alike: feature networks, and losses of training and scores."""

import itertools
import math
from collections.abc import Sequence

import numpy as np

from genjax.analysis.measures import summary
from genjax.analysis.recorded_scores import Scores, families
from genjax.metrics import association
from genjax.plotting.tables import Block, Column, Table

# Of training, on validation images: do they rank runs as the scores do?
LOSSES = ("val_loss", "val_critic_loss", "val_swd")
_AGREEMENT = (
  Column("score", "score", "text"),
  Column("features_a", "features", "text"),
  Column("features_b", "and", "text"),
  Column("settings", "settings", "count"),
  Column("tau_settings", "tau of medians", "share"),
  Column("runs", "runs", "count"),
  Column("tau_runs", "tau within settings", "share"),
)


def agreement(all_scores: Sequence[Scores]) -> Table:
  """Whether feature networks rank settings, and runs within them, alike: Kendall's tau-b."""
  rows = [
    (a.name, a.record["features"], b.record["features"], *_agreement(a, b))
    for family in families(all_scores, "features")
    for a, b in itertools.combinations(family, 2)
    if np.isfinite(a.values).sum() > 1
  ]
  text = "Rank agreement of feature networks: Kendall's tau-b, 1 for identical rankings"
  return Table(_AGREEMENT, [Block(text, {}, rows)] if rows else [])


def _agreement(a: Scores, b: Scores) -> tuple[int, float, int, float]:
  settings = [name for name in a.settings if name in b.settings]
  medians = [[_median(s, name) for name in settings] for s in (a, b)]
  of_b = {(run.setting, run.seed): v for run, v in zip(b.runs, b.counted, strict=True)}
  runs = [of_b.get((run.setting, run.seed), math.nan) for run in a.runs]
  within = association.kendall(a.counted, runs, [run.setting for run in a.runs])
  return *association.kendall(*medians, [""] * len(settings)), *within


def _median(scores: Scores, setting: str) -> float:
  return summary(scores.counted[scores.settings[setting]], scores.score.better).median


_CORRELATIONS = (
  Column("loss", "loss", "text"),
  Column("score", "score", "text"),
  Column("features", "features", "text"),
  Column("protocol", "", "text"),
  Column("n", "runs", "count"),
  Column("rho", "rho within settings", "share"),
  Column("p", "p", "p"),
)


def with_losses(all_scores: Sequence[Scores]) -> Table:
  """Whether a loss of training ranks a setting's runs as a score does: Spearman's rho within."""
  rows = []
  for name in LOSSES:
    for scores in all_scores:
      own = [run.setting for run in scores.runs]
      n, rho, p = association.spearman(losses(scores, name), scores.values, own)
      if not math.isnan(rho):
        features = str(scores.record.get("features", ""))
        rows.append((name, scores.name, features, scores.protocol, n, rho, p))
  text = (
    "Losses on validation images against scores, within settings: what moves both is not counted\n"
    "rho is 1 where of a setting's runs the higher loss has the higher score; each p is for itself"
  )
  return Table(_CORRELATIONS, [Block(text, {}, rows)] if rows else [])


def losses(scores: Scores, name: str) -> np.ndarray:
  """[R] that loss at the step of the weights which were scored; NaN where there is none."""
  return np.array(
    [
      run.at(name, step) if step >= 0 else math.nan
      for run, step in zip(scores.runs, scores.steps, strict=True)
    ]
  )
