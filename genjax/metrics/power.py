"""What a design can show, before it is trained: its least p, and the least difference it detects.

Differences are in standard deviations of a setting's runs, of figures that are normal.
"""

import functools
import itertools
import math
import sys

import numpy as np
import scipy

from genjax.metrics import rank_tests
from genjax.metrics.statistics import ENOUGH

POWER, LEVEL = 0.8, 0.05
_DRAWS = 2000
_MOST = 64.0  # sd: no design is so poor


def least_p(n: int, m: int, paired: bool = False) -> float:
  """What the test gives where every run of one setting is better than every run of the other."""
  return 2 / (2**n if paired else math.comb(n + m, n))


def concludes(n: int, m: int, tests: int) -> bool:
  """Whether a family of so many tests can name a winner, with n and m runs of the two settings."""
  return min(n, m) >= ENOUGH and least_p(n, m) * tests < LEVEL


@functools.cache
def detectable_shift(n: int, m: int, tests: int, power: float = POWER) -> float:
  """The least shift that the exact rank-sum test detects with this power, in sd of the runs.

  At 0.05 over the number of tests, as the hardest step of Holm's method has it. By 2,000 draws,
  always the same; infinite where no shift is enough.
  """
  if n + m > rank_tests.EXACT:  # Noether 1987, as in `seeds_to_decide`
    z = -scipy.special.ndtri(LEVEL / tests / 2) + scipy.special.ndtri(power)
    gain = z * math.sqrt((n + m) / (12 * n * m))
    return math.sqrt(2) * float(scipy.special.ndtri(0.5 + gain)) if gain < 0.5 else math.inf
  critical = rank_tests.critical_wins(n, m, LEVEL / tests)
  if critical > n * m:
    return math.inf
  rng = np.random.default_rng(0)
  a, b = rng.normal(size=(_DRAWS, n, 1)), rng.normal(size=(_DRAWS, 1, m))
  gaps = b - a

  def reached(shift: float) -> bool:
    wins = (gaps + shift > 0).sum((1, 2))
    return bool((wins >= critical).mean() >= power)

  low, high = 0.0, 1.0
  while not reached(high):
    low, high = high, 2 * high
    if high > _MOST:
      return math.inf
  while high - low > 0.005:
    middle = (low + high) / 2
    low, high = (low, middle) if reached(middle) else (middle, high)
  return high


def seeds_to_decide(probability: float, n: int, tests: int, power: float = POWER) -> int:
  """How many seeds of each setting would show a difference as it looks now, with this power.

  Noether 1987 (equation 2), of the Mann-Whitney test at 0.05 divided by the tests of the family.
  Where nothing differs it is infinite: `sys.maxsize`.

  Args:
    probability: that a run of one setting is better than one of the other.
    n: runs there are of the larger setting, which did not decide: the answer is more.
    tests: of the family.
  """
  shift = abs(probability - 0.5)
  if shift == 0:
    return sys.maxsize
  z = -scipy.special.ndtri(LEVEL / tests / 2) + scipy.special.ndtri(power)
  enough = next(k for k in itertools.count(ENOUGH) if concludes(k, k, tests))
  return max(math.ceil(z**2 / 6 / shift**2), enough, n + 1)
