"""How much runs of a setting differ by their seed, and how much by the noise of the evaluation.

Runs that were scored again with other noise (`evaluate --seed=1`) have a protocol that differs in
its seed alone; what they differ by is the evaluation's.
"""

import math
from collections.abc import Sequence

import numpy as np

from genjax.analysis.recorded_scores import Scores, families
from genjax.metrics import variance
from genjax.plotting.tables import Block, Column, Estimate, Table

_SPLITS = (
  Column("score", "score", "text"),
  Column("features", "features", "text"),
  Column("runs", "runs", "count"),
  Column("evaluations", "evaluations", "count"),
  Column("sd_training", "sd of training"),
  Column("sd_evaluation", "sd of evaluation"),
  Column("share", "share of training [95%]", "share", interval=True),
)


def splits(all_scores: Sequence[Scores]) -> Table:
  """Of each score that was measured with several seeds of noise: both sd, within settings."""
  rows = [row for family in families(all_scores, "seed") if len(family) > 1 for row in _of(family)]
  text = "Variance between runs of a setting: training seed and evaluation noise"
  note = (
    "share: of one evaluation's variance the training seed's part; what an evaluation adds to all "
    "runs alike is in neither"
  )
  return Table(_SPLITS, [Block(text, {}, rows, [note])] if rows else [])


def variance_sentence(all_scores: Sequence[Scores], name: str, command: str) -> str:
  """A line on one score's split, or on how to measure it.

  Args:
    all_scores: all scores.
    name: of the score that decides.
    command: scores the runs again, but for the seed.
  """
  for block in splits(all_scores).blocks:
    for score, _, runs, evaluations, *_, share in block.rows:
      if score == name:
        said = (
          f"the training seed accounts for {share.value:.0%} [{share.low:.0%}, {share.high:.0%}] "
          "of the variance between runs of a setting, evaluation noise for the rest"
        )
        said = "all runs of a setting score the same" if math.isnan(share.value) else said
        return f"{name}: {said} ({runs} runs, {evaluations} evaluations)"
  return f"{name}: evaluation's own noise is not measured; `{command} --seed=1` does"


def _of(family: Sequence[Scores]) -> list[tuple]:
  """A row, or none where no setting has two runs that all evaluations scored."""
  by_run = [
    {(run.setting, run.seed): value for run, value in zip(one.runs, one.counted, strict=True)}
    for one in family
  ]
  settings = {}
  for run in by_run[0]:
    values = [own.get(run, math.nan) for own in by_run]
    if np.isfinite(values).all():
      settings.setdefault(run[0], []).append(values)
  split = variance.split([np.array(own, float) for own in settings.values()])
  if split is None:
    return []
  runs = sum(len(own) for own in settings.values() if len(own) > 1)
  first = family[0]
  features = str(first.record.get("features", ""))
  share = Estimate(split.share, *split.interval)
  return [
    (first.name, features, runs, len(family), split.training, split.evaluation, share),
  ]
