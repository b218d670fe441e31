"""How much of what is seen is the training seed, and how much the noise of the evaluation.

One model of chance in each setting: a run has its own figure, and each evaluation adds noise.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import scipy
from jaxtyping import Float

from genjax.metrics.statistics import Interval


class Split(NamedTuple):
  """Standard deviations, and the part of one evaluation's variance that is the seed's."""

  training: float  # between runs of a setting, the noise of evaluation taken off
  evaluation: float  # between evaluations of a run
  share: float  # training^2 / (training^2 + evaluation^2), 0 to 1
  interval: Interval  # of the share, 95%


def split(settings: Sequence[Float[np.ndarray, "R E"]], confidence: float = 0.95) -> Split | None:
  """Components of variance, one way, pooled over settings (Searle, Casella & McCulloch 1992, 3.6).

  The interval is exact for normal figures. A training variance that comes out below 0 is 0.

  Args:
    settings: of each the figures of R runs by the same E evaluations; runs with NaN are left out.

  Returns:
    None where no setting has two runs, or there is one evaluation alone.
  """
  known = [own[np.isfinite(own).all(1)] for own in settings]
  known = [own for own in known if own.shape[0] > 1]
  if not known or known[0].shape[1] < 2:
    return None
  E = known[0].shape[1]
  between = sum(E * ((own.mean(1) - own.mean()) ** 2).sum() for own in known)
  # What an evaluation adds to all runs of a setting alike moves no comparison: it is taken off.
  within = sum(
    ((own - own.mean(1, keepdims=True) - own.mean(0) + own.mean()) ** 2).sum() for own in known
  )
  runs = sum(len(own) - 1 for own in known)
  noise = runs * (E - 1)
  if between + within == 0:
    return Split(0.0, 0.0, math.nan, Interval(0.0, 1.0))
  mean_between, mean_within = between / runs, within / noise
  training = max(mean_between - mean_within, 0.0) / E
  tails = (1 - confidence) / 2, (1 + confidence) / 2
  ratio = mean_between / mean_within if mean_within else math.inf
  ends = [_share(ratio / scipy.stats.f.ppf(tail, runs, noise), E) for tail in reversed(tails)]
  return Split(
    math.sqrt(training),
    math.sqrt(mean_within),
    training / (training + mean_within),
    Interval(*ends),
  )


def _share(ratio: float, evaluations: int) -> float:
  """Of mean squares' ratio, the part that is the runs'."""
  if math.isinf(ratio):
    return 1.0
  signal = max((ratio - 1) / evaluations, 0.0)
  return signal / (signal + 1)
