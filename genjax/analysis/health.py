"""What is wrong with a run that no single score tells: rules on its scores and its training.

A rule raises a flag or does not; it cannot judge where what it reads was not measured.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from genjax.analysis.recorded_scores import Scores
from genjax.analysis.workdirs import RunRecord, Workdir
from genjax.plotting.tables import Block, Column, Table

# Of the floor's recall or coverage: a generator that misses most of the data, and is not merely
# worse than another.
COLLAPSED = 0.25
# The fraction "nearest to training" is small and noisy for real test images, so it takes both five
# times theirs and one image in twenty.
MEMORISED, MEMORISED_AT_LEAST = 5.0, 0.05
# A gap's size is that of the critic's slope, and a clipped critic is almost flat yet alive: only
# what 32 bits can hardly tell from 0 is dead.
FLAT = 1e-6
# Divided by the slope it is a distance in pixels' units, of which different images have several. Of
# a critic with batch norm it is none, as each side has its own statistics, but no nearer to 0.
FLAT_SCALED = 1e-3
# Of a thousand validation images none is on the wrong side, or none on the right: hardly a gradient
# is left.
SATURATED, FOOLED = 0.999, 0.001
# nats in all dimensions together: one that is used takes about one by itself.
COLLAPSED_KL = 0.1
# Of the latent's dimensions. That a large latent uses a part of them only is no fault.
ACTIVE = 0.1

Figures = Mapping[str, float]


class Flag(NamedTuple):
  name: str  # a key of RULES
  reason: str  # the rule and the figure that raised it


def flags(scores: Figures, floors: Figures, training: Figures, latent: int = 0) -> list[Flag]:
  """The flags of a run, in the order of `RULES`.

  Args:
    scores: its figures by the names in `catalogue.SCORES`.
    floors: what real test images score, by the same names; of `modes`, how many classes there are.
    training: its figures by the names of training, such as `val_kl`, from the step of the weights.
    latent: the size of its latent; 0 where that is not known.
  """
  judged = judge(scores, floors, training, latent)
  return [Flag(name, reason) for name, reason in judged.items() if reason]


def judge(
  scores: Figures, floors: Figures, training: Figures, latent: int = 0
) -> dict[str, str | None]:
  """What each rule says: a reason, "" where all is well, None where it has nothing to judge by."""
  result = {}
  for name, rule in RULES.items():
    said = rule(_known(scores), _known(floors), _known(training), latent)
    result[name] = next(filter(None, said), "") if said else None
  return result


def _known(figures: Figures) -> Figures:
  return {name: value for name, value in figures.items() if not math.isnan(value)}


# A rule gives what it found, "" for each thing that was looked at and is right.


def _collapse(scores: Figures, floors: Figures, _: Figures, latent: int) -> list[str]:
  said = []
  if {"modes"} <= scores.keys() & floors.keys():
    fewer = scores["modes"] < floors["modes"]
    said.append(f"{scores['modes']:g} of {floors['modes']:g} classes occur" if fewer else "")
  for name in ("recall", "coverage"):
    if name in scores.keys() & floors.keys():
      value, floor = scores[name], floors[name]
      low = value < COLLAPSED * floor
      said.append(
        f"{name} {value:.2g} is below {COLLAPSED:g} x {floor:.2g}, that of real test images"
        if low
        else ""
      )
  return said


def _memorisation(scores: Figures, floors: Figures, _: Figures, latent: int) -> list[str]:
  if "memorised" not in scores.keys() & floors.keys():
    return []
  value, floor = scores["memorised"], floors["memorised"]
  if value <= max(MEMORISED * floor, MEMORISED_AT_LEAST):
    return [""]
  bound = f"{MEMORISED:g} x {floor:.2g}, that of real test images, and above {MEMORISED_AT_LEAST:g}"
  return [f"memorised {value:.2g} is above {bound}"]


def _dead_critic(scores: Figures, _: Figures, training: Figures, latent: int) -> list[str]:
  said = []
  for figures, name, flat in (
    (scores, "critic_gap_scaled", FLAT_SCALED),
    (training, "val_critic_gap", FLAT),
    (training, "val_critic_gradient_norm", FLAT),
  ):
    if name in figures:
      dead = abs(figures[name]) < flat
      said.append(f"{name} {figures[name]:.2g} is within {flat:g} of 0" if dead else "")
  accuracies = [_accuracy(training, part) for part in ("real", "generated")]
  if None not in accuracies:
    said.append(_of_accuracies(*accuracies))
  return said


def _accuracy(training: Figures, part: str) -> float | None:
  names = [name for name in (f"val_accuracy_{part}", f"accuracy_{part}") if name in training]
  return training[names[0]] if names else None


def _of_accuracies(real: float, generated: float) -> str:
  if min(real, generated) > SATURATED:
    return f"the discriminator is right on {real:.2%} of real, {generated:.2%} of generated images"
  if generated < FOOLED:
    return f"the discriminator is right on {generated:.2%} of generated images"
  return ""


def _posterior_collapse(scores: Figures, _: Figures, training: Figures, latent: int) -> list[str]:
  said = []
  if "active_units" in scores:
    active = scores["active_units"]
    few = active == 0 or active < ACTIVE * latent
    of = f" of {latent} dimensions" if latent else ""
    said.append(f"active_units {active:g}{of}: none, or below {ACTIVE:g}" if few else "")
  for figures, name in ((scores, "kl"), (training, "val_kl")):
    if name in figures:
      value = figures[name]
      low = value < COLLAPSED_KL
      said.append(f"{name} {value:.2g} nats is below {COLLAPSED_KL:g}" if low else "")
  return said


RULES = {
  "collapse": _collapse,
  "memorisation": _memorisation,
  "dead critic": _dead_critic,
  "posterior collapse": _posterior_collapse,
}

Judged = Sequence[tuple[RunRecord, dict[str, str | None]]]  # of each run what each rule says of it


def of_runs(workdirs: Sequence[Workdir], found: Sequence[Scores], weights: str) -> Judged:
  """Of each run what `health.judge` says, by the worst of the feature networks."""
  measured = _measured(found)
  result = []
  for home in workdirs:
    for run in home.runs:
      step = run.best_step if weights == "best" else run.last_step
      training = {name: run.at(name, step) for name in run.figures if "@" not in name}
      said = [
        judge(scores, {"modes": home.num_classes} | floors, training, run.latent)
        for scores, floors in measured.get((run.setting, run.seed), [({}, {})])
      ]
      result.append((run, {name: _worst([s[name] for s in said]) for name in RULES}))
  return result


def _measured(found: Sequence[Scores]) -> dict[tuple[str, int], list[tuple[dict, dict]]]:
  """(setting, seed) -> scores and floors, for each feature network with those that need none."""
  by_run = {}
  for scores in found:
    for run, value, floor in zip(scores.runs, scores.values, scores.floors, strict=True):
      networks = by_run.setdefault((run.setting, run.seed), {"": ({}, {})})
      pair = networks.setdefault(str(scores.record.get("features", "")), ({}, {}))
      pair[0][scores.name] = float(value)
      if not math.isnan(floor):
        pair[1][scores.name] = float(floor)
  merged = {}
  for key, networks in by_run.items():
    values, floors = networks.pop("") if len(networks) > 1 else ({}, {})
    merged[key] = [(values | v, floors | f) for v, f in networks.values()]
  return merged


def _worst(said: list[str | None]) -> str | None:
  known = [s for s in said if s is not None]
  return next(filter(None, known), "") if known else None


def counts(judged: Judged) -> Table:
  """Each setting: how many of its runs have each flag, None where no run could be judged."""
  columns = [Column("setting", "setting", "text"), Column("runs", "runs", "count")]
  columns.append(Column("failed", "failed", "count"))
  columns += [Column(name.replace(" ", "_"), name, "count") for name in RULES]
  groups = {}
  for run, said in judged:
    groups.setdefault(run.setting, []).append((run, said))
  rows = []
  for setting, members in groups.items():
    cells = [_flagged([said[name] for _, said in members]) for name in RULES]
    rows.append((setting, len(members), sum(run.failed for run, _ in members), *cells))
  notes = ["-: not measured"] if any(None in row for row in rows) else []
  return Table(columns, [Block("Runs with a flag", {}, rows, notes)])


def _flagged(said: list[str | None]) -> int | None:
  known = [s for s in said if s is not None]
  return sum(map(bool, known)) if known else None


_FLAGS = (
  Column("setting", "setting", "text"),
  Column("seed", "seed", "count"),
  Column("flag", "flag", "text"),
  Column("reason", "because", "text"),
)


def reasons(judged: Judged) -> Table:
  """Each flag of each run, and the figure that raised it."""
  rows = [
    (run.setting, run.seed, name, reason)
    for run, said in judged
    for name, reason in said.items()
    if reason
  ]
  return Table(_FLAGS, [Block("What raised the flags", {}, rows)] if rows else [])


def examples(raised: Table, where: str = "flags.csv") -> Table:
  """Of each setting and flag the first run; the others stand in `where`."""
  blocks = []
  for block in raised.blocks:
    firsts = {}
    for row in block.rows:
      firsts.setdefault((row[0], row[2]), row)
    rows = list(firsts.values())
    more = len(block.rows) - len(rows)
    blocks.append(block._replace(rows=rows, notes=[f"{more} more in {where}"] if more else []))
  return raised._replace(blocks=blocks)
