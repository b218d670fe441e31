"""What a study can say, before it is trained: who is compared, and what differences that shows."""

import math
from collections.abc import Mapping
from typing import NamedTuple

import ml_collections

from genjax.config import contrasts
from genjax.config.contrasts import Coordinates, Pair
from genjax.metrics import power
from genjax.metrics.statistics import ENOUGH
from genjax.training import config_file, sweep
from genjax.types import UserError, counted


class Design(NamedTuple):
  """Which settings a study compares, and with how many seeds each."""

  plan: str  # `config.contrasts`; "" where nothing is planned, so that all pairs are compared
  seeds: Mapping[str, int]  # runs of each setting
  pairs: list[Pair]  # that are compared

  @property
  def counts(self) -> tuple[int, int]:
    """Runs of the two settings that can show least."""
    return min(((self.seeds[a], self.seeds[b]) for a, b in self.pairs), key=sorted)

  @property
  def least(self) -> float:
    """The lowest that p can be after Holm's correction, of those two."""
    return min(power.least_p(*self.counts) * len(self.pairs), 1.0)

  @property
  def concludes(self) -> bool:
    """Whether every comparison can name a winner."""
    return power.concludes(*self.counts, len(self.pairs))


def of(programs: Mapping[str, ml_collections.ConfigDict]) -> Design:
  """The design of what is to be trained.

  Args:
    programs: the config of each by its folder, as `genjax.config.programs` has them.

  Raises:
    UserError: the plan in `config.contrasts` does not fit the settings.
  """
  settings, seeds = {}, {}
  tables = {folder: sweep.table(**config.sweep) for folder, config in programs.items()}
  latents = {row["latent"] for rows in tables.values() for row in rows}
  for folder, rows in tables.items():
    structure = config_file.structure(programs[folder].to_dict())
    for row, name in zip(rows, sweep.settings(rows, folder, latents), strict=True):
      settings[name] = structure | {key: value for key, value in row.items() if key != "seed"}
      seeds[name] = seeds.get(name, 0) + 1
  plan = next(iter(programs.values())).contrasts
  return Design(plan, seeds, _pairs(plan, settings))


def _pairs(plan: str, settings: Mapping[str, Coordinates]) -> list[Pair]:
  try:
    return contrasts.pairs(plan, settings)
  except UserError as error:
    raise UserError(f"config.{error}") from None


def described(design: Design) -> str:
  """One line: what the design can show; "" where there is but one setting."""
  if not design.pairs:
    return ""
  n = " and ".join(map(str, dict.fromkeys(design.counts)))
  every = f"{len(design.seeds):,} settings, {counted(len(design.pairs), 'pair')}"
  family = _planned(design) if design.plan else every
  runs = f"{family}, {n} {'seed' if n == '1' else 'seeds'} each"
  if not design.concludes:
    return f"{runs}: no winner can be named, {_why(design)}"
  shift = power.detectable_shift(*design.counts, len(design.pairs))
  return (
    f"{runs}: p corrected for all of them (Holm) can fall to {_short(design.least)}; the least "
    f"effect that is shown with power {power.POWER:g} is {shift:.1f} sd of a setting's runs"
  )


def _planned(design: Design) -> str:
  return f"{counted(len(design.pairs), 'planned comparison')} ({design.plan})"


def _why(design: Design) -> str:
  if min(design.counts) < ENOUGH:
    return f"as that takes {ENOUGH} seeds of each"
  return f"as p corrected for all of them (Holm) cannot be below {_short(design.least)}"


def _short(p: float) -> str:
  return f"{p:.1g}" if p < 0.01 else f"{math.floor(p * 1000) / 1000:g}"


def check(design: Design) -> None:
  """Raises `UserError` where comparisons are planned that cannot name a winner.

  A config that plans none asks for no verdict, and is trained with whatever seeds it has.
  """
  if design.plan and design.pairs and not design.concludes:
    raise UserError(
      f"config.contrasts: {_planned(design)} cannot name a winner, {_why(design)}; set more "
      "config.sweep.seeds, plan fewer contrasts, or go on all the same with --explore"
    )
