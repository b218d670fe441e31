"""Tests shaped like questions: a trend along an axis, equivalence, interaction, equal spread.

Figures are such that lower is better, and a failed run's is infinite (`statistics.ranked`). Each
test gives a p for itself, and its direction comes from the statistic of that p.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import scipy
from jaxtyping import Float

from genjax.metrics import rank_tests

Groups = Sequence[Float[np.ndarray, " _"]]  # the runs of each setting, in the order of an axis


class Trend(NamedTuple):
  """Along an axis, over one line or several."""

  tau: float  # -1 to 1: above 0 where figures rise along the axis; of the pairs that it orders
  p_value: float  # two-sided


def jonckheere(lines: Sequence[Groups]) -> Trend:
  """Whether figures rise or fall along an axis (Jonckheere 1954; Terpstra 1952).

  The statistic counts the pairs of runs of two settings that are in the axis's order, ties by half,
  summed over lines that differ in something else. p by its normal approximation with the variance
  for ties (Hollander & Wolfe 1999, section 6.2); NaN where no line has two settings with runs.
  """
  score = variance = pairs = 0.0
  for groups in lines:
    groups = [group for group in groups if len(group)]
    after = np.concatenate([[], *groups])
    for a in groups:
      after = after[a.size :]
      score += np.sign(_differences(after, a)).sum()
      pairs += a.size * after.size
    variance += _variance(groups)
  if variance <= 0:
    return Trend(math.nan if not pairs else 0.0, math.nan if not pairs else 1.0)
  # The score is twice the count less its mean; it moves in steps of two: half a step is taken off.
  z = max(abs(score) - 1, 0) / (2 * math.sqrt(variance))
  return Trend(float(score / pairs), float(2 * scipy.stats.norm.sf(z)))


def _differences(b: Float[np.ndarray, " m"], a: Float[np.ndarray, " n"]) -> np.ndarray:
  """b - a of all pairs, 0 of two that failed."""
  with np.errstate(invalid="ignore"):
    return np.nan_to_num(b[:, None] - a[None], nan=0.0)


def _variance(groups: Groups) -> float:
  """Of the count under the hypothesis that all orders are alike, with ties."""
  if len(groups) < 2:
    return 0.0
  n = np.array([len(group) for group in groups], float)
  t = np.unique(np.concatenate(groups), return_counts=True)[1].astype(float)
  N = n.sum()

  def cubes(x):
    return (x * (x - 1) * (2 * x + 5)).sum()

  variance = (N * (N - 1) * (2 * N + 5) - cubes(n) - cubes(t)) / 72
  if N > 2:
    triples = [(x * (x - 1) * (x - 2)).sum() for x in (n, t)]
    variance += triples[0] * triples[1] / (36 * N * (N - 1) * (N - 2))
  pairs = [(x * (x - 1)).sum() for x in (n, t)]
  return float(variance + pairs[0] * pairs[1] / (8 * N * (N - 1)))


def equivalence_p(a: Float[np.ndarray, " n"], b: Float[np.ndarray, " m"], margin: float) -> float:
  """The p of the settings differing by a margin or more: two one-sided tests (Schuirmann 1987).

  By exact rank sums of A shifted by the margin either way (Wellek 2010, section 6.2, of its
  alternative to Student's); the larger of the two. Low where they are equivalent: figures of equal
  shape whose shift is less than the margin. 1 where a run of either failed.

  Raises:
    ValueError: the margin is not above 0.
  """
  if not margin > 0:
    raise ValueError(f"a margin of {margin} is none; expected a number above 0")
  if not (np.isfinite(a).all() and np.isfinite(b).all()):
    return 1.0
  above = rank_tests.rank_sum_p(a - margin, b, "less")
  below = rank_tests.rank_sum_p(a + margin, b, "greater")
  return max(above, below)


def interaction_p(cells: Sequence[Groups]) -> float:
  """Whether the effect of one axis depends on the other, of a grid of settings.

  By ranks of what the two main effects leave (aligned ranks: Wobbrock et al. 2011), in the F test
  of the model of cells against that of sums; with unequal numbers of runs by least squares.

  Args:
    cells: [P][Q] the runs of each setting; less than two values of an axis have none.

  Returns:
    p, NaN where runs failed, which cannot be aligned, or where no cell has two runs.
  """
  rows = [(i, j, v) for i, row in enumerate(cells) for j, cell in enumerate(row) for v in cell]
  P, Q = len(cells), len(cells[0]) if cells else 0
  if min(P, Q) < 2 or any(len(cell) == 0 for row in cells for cell in row):
    return math.nan
  i, j, values = (np.array(column) for column in zip(*rows, strict=True))
  free = len(values) - P * Q
  if not np.isfinite(values).all() or free < 1:
    return math.nan
  sums = np.column_stack([i[:, None] == np.arange(P), j[:, None] == np.arange(1, Q)]).astype(float)
  whole = (i * Q + j)[:, None] == np.arange(P * Q)
  aligned = values - _fitted(sums, values)
  # Equal figures of one cell are ties again, in whatever unit.
  ranks = scipy.stats.rankdata(np.round(aligned / max(np.abs(values).max(), 1e-300), 12))
  left, of_cells = (
    ((ranks - _fitted(design, ranks)) ** 2).sum() for design in (sums, whole.astype(float))
  )
  degrees = (P - 1) * (Q - 1)
  if of_cells <= 1e-12:
    return 0.0 if left > 1e-9 else math.nan
  return float(scipy.stats.f.sf((left - of_cells) / degrees / (of_cells / free), degrees, free))


def _fitted(design: Float[np.ndarray, "N K"], values: Float[np.ndarray, " N"]) -> np.ndarray:
  return design @ np.linalg.lstsq(design, values, rcond=None)[0]


def spread_p(groups: Groups) -> float:
  """Whether settings differ in how far their runs lie apart (Brown & Forsythe 1974).

  The analysis of variance of distances from medians, which runs that failed do not have: they are
  left out. Few runs hardly ever show it: p of two settings of three is 0.116 at least, and of four
  equal settings of five it is below 0.05 in one case of 600. NaN where less than two settings have
  three runs.
  """
  groups = [own for group in groups if (own := group[np.isfinite(group)]).size >= 3]
  if len(groups) < 2:
    return math.nan
  far = [np.abs(group - np.median(group)) for group in groups]
  if all(np.ptp(one) == 0 for one in far):
    return math.nan
  return float(scipy.stats.levene(*groups, center="median").pvalue)
