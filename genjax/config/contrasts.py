"""Which settings of a study are compared: a plan, made before there are figures.

A setting has coordinates, its structure and its numbers by name. Those that differ in one of them
alone lie on a line along that axis.
"""

import itertools
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from genjax.types import UserError

Coordinates = Mapping[str, Any]
Pair = tuple[str, str]

PLANS = (
  '"all" pairs, "neighbours" along every axis, "neighbours=AXIS" along one, or '
  '"reference=SETTING" against one (a name, or coordinates as "depth=4,latent=10")'
)


# Axes whose 0 is a report's size, the generator's rate, or never.
ZERO_IS_ANOTHER = ("width", "depth", "critic_learning_rate", "decay_steps")


class Line(NamedTuple):
  """Settings that differ along one axis alone."""

  axis: str
  values: list  # in order: numbers ascending, others as they came
  settings: list[list[str]]  # of each value

  @property
  def numeric(self) -> bool:
    """Whether its values have an order: numbers, of which no 0 stands for another one."""
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in self.values)
    return numbers and not (self.axis in ZERO_IS_ANOTHER and 0 in self.values)


def valid(plan: str) -> bool:
  """Whether it is one of PLANS, or "" for none."""
  return bool(re.fullmatch(r"(all)?|neighbours(=.+)?|reference=.+", plan, re.DOTALL))


def lines(settings: Mapping[str, Coordinates]) -> list[Line]:
  """Every line along every axis that has two values or more."""
  found = []
  for axis in dict.fromkeys(itertools.chain(*settings.values())):
    groups = {}
    for name, own in settings.items():
      rest = tuple(sorted((key, str(value)) for key, value in own.items() if key != axis))
      groups.setdefault(rest, {}).setdefault(own.get(axis), []).append(name)
    for by_value in groups.values():
      if len(by_value) > 1:
        line = Line(axis, list(by_value), list(by_value.values()))
        if line.numeric:
          order = sorted(by_value)
          line = Line(axis, order, [by_value[value] for value in order])
        found.append(line)
  return found


def pairs(plan: str, settings: Mapping[str, Coordinates]) -> list[Pair]:
  """The pairs of settings that a plan compares.

  Args:
    plan: one of PLANS; "" is "all".
    settings: name -> coordinates.

  Raises:
    UserError: the plan's axis or setting is not there, or it compares nothing.
  """
  kind, _, rest = plan.partition("=")
  if kind in ("", "all"):
    return list(itertools.combinations(settings, 2))
  if kind == "reference":
    reference = _reference(rest, settings)
    return [(reference, other) for other in settings if other != reference]
  every = lines(settings)
  chosen = [line for line in every if rest in ("", line.axis)]
  if not chosen:
    axes = ", ".join(dict.fromkeys(line.axis for line in every))
    raise UserError(
      f"contrasts={plan}: no two settings differ along one {rest or 'axis'} alone; "
      + (f"there are axes {axes}" if rest and axes else "expected all or reference=SETTING")
    )
  return list(dict.fromkeys(itertools.chain(*map(_neighbours, chosen))))


def _neighbours(line: Line) -> list[Pair]:
  """Along numbers each value and the next; of names, which have no order, each two."""
  groups = line.settings
  beside = itertools.pairwise(groups) if line.numeric else itertools.combinations(groups, 2)
  return [pair for a, b in beside for pair in itertools.product(a, b)]


def _reference(text: str, settings: Mapping[str, Coordinates]) -> str:
  """The setting of that name, or of those coordinates."""
  if text in settings:
    return text
  asked = dict(part.strip().partition("=")[::2] for part in text.split(","))
  matching = [
    name
    for name, own in settings.items()
    if all(key in own and _same(own[key], value) for key, value in asked.items())
  ]
  if len(matching) != 1:
    said = f"{len(matching)} settings match" if matching else "no setting matches"
    raise UserError(f"contrasts=reference={text}: {said}; there are {', '.join(settings)}")
  return matching[0]


def _same(value: Any, text: str) -> bool:
  try:
    return float(value) == float(text)
  except (TypeError, ValueError):
    return str(value) == text
