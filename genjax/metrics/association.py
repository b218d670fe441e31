"""Whether two figures rank runs alike, within settings.

Settings that lie apart correlate any two figures that they move, whatever these have to do with one
another: runs are ranked among those of their own setting alone. A figure that is not finite leaves
its run out.
"""

import itertools
import math
from collections.abc import Hashable, Iterator, Sequence

import numpy as np
import scipy
from jaxtyping import Float

from genjax.metrics.statistics import Figures

EXACT = 7  # runs of a setting, all of whose orders are looked through; with more Student's serves

Values = Float[np.ndarray, " _"]


def _groups(
  x: Figures, y: Figures, settings: Sequence[Hashable]
) -> Iterator[tuple[Values, Values]]:
  """The figures of each setting that has runs with both."""
  x, y = np.array(x, float), np.array(y, float)
  known = np.isfinite(x) & np.isfinite(y)
  for setting in dict.fromkeys(settings):
    own = known & np.array([other == setting for other in settings], bool)
    if own.any():
      yield x[own], y[own]


def spearman(x: Figures, y: Figures, settings: Sequence[Hashable]) -> tuple[int, float, float]:
  """(n, rho, p) of Spearman within settings: ranks of each are taken from their own mean.

  Of one setting this is Spearman's rho. p is two-sided: over all orders within settings of at
  most seven runs; else Student's, with a degree of freedom less for each setting.

  Args:
    x, y: [R] figures of runs.
    settings: [R] of which setting each run is.

  Returns:
    The runs that count, rho from -1 to 1, and p; both NaN where there is nothing to tell by: less
    than two runs beyond one a setting, or figures that are all alike.
  """
  ranks = [tuple(map(_centred, pair)) for pair in _groups(x, y, settings)]
  n = sum(len(a) for a, _ in ranks)
  spread = math.sqrt(sum(a @ a for a, _ in ranks) * sum(b @ b for _, b in ranks))
  free = n - len(ranks) - 1
  if free < 1 or spread == 0:
    return n, math.nan, math.nan
  rho = sum(a @ b for a, b in ranks) / spread
  if max(len(a) for a, _ in ranks) <= EXACT:
    return n, float(rho), _p_of_orders(ranks)
  if abs(rho) >= 1:
    return n, float(rho), 2 * math.exp(-sum(math.lgamma(len(a) + 1) for a, _ in ranks))
  t = abs(rho) * math.sqrt(free / (1 - rho**2))
  return n, float(rho), float(2 * scipy.stats.t.sf(t, free))


def _p_of_orders(ranks: Sequence[tuple[Values, Values]]) -> float:
  """Of all orders within settings, those with as large a sum of products, either way."""
  chances, observed = np.ones(1), 0
  for a, b in ranks:  # centred ranks are whole quarters when multiplied
    sums = np.rint(4 * np.array(list(itertools.permutations(b))) @ a).astype(int)
    most = int(np.abs(sums).max())
    chances = np.convolve(chances, np.bincount(sums + most, minlength=2 * most + 1) / len(sums))
    observed += int(sums[0])
  centre = len(chances) // 2
  return float(chances[np.abs(np.arange(len(chances)) - centre) >= abs(observed)].sum())


def _centred(values: Values) -> Values:
  ranks = scipy.stats.rankdata(values)
  return ranks - ranks.mean()


def kendall(x: Figures, y: Figures, settings: Sequence[Hashable]) -> tuple[int, float]:
  """(n, tau-b) of Kendall over the pairs of runs within settings; NaN where these are all tied.

  Arguments as of `spearman`; of one setting this is Kendall's tau-b.
  """
  n, total, of_x, of_y = 0, 0.0, 0.0, 0.0
  for a, b in _groups(x, y, settings):
    signs_a, signs_b = (np.sign(v[:, None] - v[None]) for v in (a, b))
    n += len(a)
    total += (signs_a * signs_b).sum()
    of_x, of_y = of_x + np.abs(signs_a).sum(), of_y + np.abs(signs_b).sum()
  return n, float(total / math.sqrt(of_x * of_y)) if of_x and of_y else math.nan
