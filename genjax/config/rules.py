"""What a value of a config may be: a predicate, and its words for a message."""

import itertools
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from genjax import parts
from genjax.config import contrasts


class Rule(NamedTuple):
  """A kind of value, of which not every one will do."""

  kind: type
  holds: Callable[[Any], bool]  # of a value of this kind
  words: str

  def allows(self, value: Any) -> bool:
    return _is_a(value, self.kind) and self.holds(value)


class OneOf:
  """One of the names in some registries, which are looked up whenever a config is checked.

  Or `MODULE:OBJECT`, where such a part may be one's own.
  """

  def __init__(self, *registries: Iterable, own: bool = False):
    self._registries, self._own = registries, own

  def _names(self) -> list:
    return list(dict.fromkeys(itertools.chain(*self._registries)))

  def allows(self, value: Any) -> bool:
    if self._own and parts.is_name(value):
      return True
    return any(_is_a(value, type(name)) and value == name for name in self._names())

  @property
  def words(self) -> str:
    return f"one of {', '.join(map(repr, self._names()))}{', or MODULE:OBJECT' * self._own}"


def _is_a(value: Any, kind: type) -> bool:
  """As `isinstance`, but True is no number, and a whole number will do for a float."""
  if isinstance(value, bool):
    return kind is bool
  return isinstance(value, (int, float) if kind is float else kind)


TEXT = Rule(str, lambda value: True, "text")
DATASET = Rule(str, bool, "the name of a dataset, a directory or an .npz, or MODULE:OBJECT")
WHOLE = Rule(int, lambda value: True, "a whole number")
FINITE = Rule(float, lambda x: abs(x) < 3e38, "a finite number")
TRUTH = Rule(bool, lambda value: True, "True or False")
# Finite numbers of 32 bits.
FROM_ZERO = Rule(float, lambda x: 0 <= x < 3e38, "a finite number from 0")
ABOVE_ZERO = Rule(float, lambda x: 0 < x < 3e38, "a finite number above 0")
BELOW_ONE = Rule(float, lambda x: 0 <= x < 1, "a number from 0 to below 1")
FRACTION = Rule(float, lambda x: 0 < x < 1, "a fraction between 0 and 1")
SEED = Rule(int, lambda n: 0 <= n < 2**32, f"a whole number from 0 to {2**32 - 1}")
CONTRASTS = Rule(str, contrasts.valid, f'"", {contrasts.PLANS}')
CELL = Rule(dict, lambda value: True, "a dictionary of model.* and sweep.* keys")


def whole(low: int) -> Rule:
  return Rule(int, lambda n: n >= low, f"a whole number from {low}")


def whole_or_report(low: int) -> Rule:
  words = f"0 for the report's, or a whole number from {low}"
  return Rule(int, lambda n: n == 0 or n >= low, words)
