"""What is wrong with a run that no single score tells: rules on its scores and its training.

A rule raises a flag or does not; it cannot judge where what it reads was not measured.
"""

import math
import operator
from collections.abc import Callable, Mapping, Sequence

from genjax.analysis.recorded_scores import Scores
from genjax.analysis.workdirs import RunRecord, Workdir
from genjax.plotting.tables import Block, Column, Table
from genjax.training import diagnosis
from genjax.training.diagnosis import COLLAPSED_KL, REMEDIES, Past
from genjax.types import grouped

# Of the floor's recall or coverage: a generator that misses most of the data, and is not merely
# worse than another.
COLLAPSED = 0.25
# The fraction "nearest to training" is small and noisy for real test images, so it takes both five
# times theirs and one image in twenty.
MEMORISED, MEMORISED_AT_LEAST = 5.0, 0.05
# A gap over the slope is a distance in pixels' units, of which different images have several. Of a
# critic with batch norm it is none, as each side has its own statistics, but no nearer to 0.
FLAT_SCALED = 1e-3
# Of the latent's dimensions. That a large latent uses a part of them only is no fault.
ACTIVE = 0.1

ScoreByName = Mapping[str, float]


def judge(
  scores: ScoreByName, floors: ScoreByName, past: Past, latent: int = 0, whole: Past | None = None
) -> dict[str, str | None]:
  """What each rule says: a reason, "" where all is well, None where it has nothing to judge by.

  Args:
    scores: a run's figures by the names in `catalogue.SCORES`.
    floors: what real test images score, by the same names; of `modes`, how many classes there are.
    past: its figures by the names of training, such as `val_kl`, up to the step of the weights.
    latent: the size of its latent; 0 where that is not known.
    whole: as `past`, up to its end. Best weights are of a low of `past`: whether it improved to its
      end, this says.
  """
  of_training = diagnosis.judge(past)
  if whole is not None:
    of_training["underfitted"] = diagnosis.judge(whole)["underfitted"]
  result = {}
  for name in REMEDIES:
    rule = _RULES.get(name)
    said = diagnosis.first(rule(_known(scores), _known(floors), latent)) if rule else None
    result[name] = diagnosis.first([said, of_training.get(name)])
  if result["underfitted"] and result["few modes"]:  # what still improves is not collapsed
    both = f"{result['underfitted']}; {result['few modes']}"
    result |= {"underfitted": both, "few modes": ""}
  return result


def _known(figures: ScoreByName) -> ScoreByName:
  return {name: value for name, value in figures.items() if not math.isnan(value)}


# Rules as in `diagnosis`, of scores and their floors.


def _of_score(
  name: str,
  scores: ScoreByName,
  floors: ScoreByName,
  wrong: Callable[[float, float], bool],
  words: str,
) -> list[str]:
  """What a rule finds that reads one score; `wrong` and `words` take it and its floor."""
  if name not in scores.keys() & floors.keys():
    return []
  value, floor = scores[name], floors[name]
  return [words.format(value, floor) if wrong(value, floor) else ""]


def _few_modes(scores: ScoreByName, floors: ScoreByName, latent: int) -> list[str]:
  said = _of_score("modes", scores, floors, operator.lt, "{:g} of {:g} classes occur")
  for name in ("recall", "coverage"):
    words = f"{name} {{:.2g}} is below {COLLAPSED:g} x {{:.2g}}, that of real images"
    said += _of_score(name, scores, floors, lambda value, floor: value < COLLAPSED * floor, words)
  return said


def _memorisation(scores: ScoreByName, floors: ScoreByName, latent: int) -> list[str]:
  words = (
    f"memorised {{:.2g}} is above {MEMORISED:g} x {{:.2g}}, that of real images, and above "
    f"{MEMORISED_AT_LEAST:g}"
  )

  def many(value: float, floor: float) -> bool:
    return value > max(MEMORISED * floor, MEMORISED_AT_LEAST)

  return _of_score("memorised", scores, floors, many, words)


# These have no floors: each score stands for its own.


def _critic_dead(scores: ScoreByName, floors: ScoreByName, latent: int) -> list[str]:
  words = f"critic_gap_scaled {{:.2g}} is within {FLAT_SCALED:g} of 0"
  return _of_score(
    "critic_gap_scaled", scores, scores, lambda gap, _: abs(gap) < FLAT_SCALED, words
  )


def _posterior_collapse(scores: ScoreByName, floors: ScoreByName, latent: int) -> list[str]:
  def few(active: float, _: float) -> bool:
    return active == 0 or active < ACTIVE * latent

  of = f" of {latent} dimensions" if latent else ""
  words = f"active_units {{:g}}{of}: none, or below {ACTIVE:g}"
  low = f"kl {{:.2g}} nats is below {COLLAPSED_KL:g}"
  return [
    *_of_score("active_units", scores, scores, few, words),
    *_of_score("kl", scores, scores, lambda kl, _: kl < COLLAPSED_KL, low),
  ]


_RULES = {
  "few modes": _few_modes,
  "memorisation": _memorisation,
  "critic dead": _critic_dead,
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
      past = _validations(run, step)
      whole = _validations(run, math.inf) if run.status == "done" else {}
      said = [
        judge(scores, {"modes": home.num_classes} | floors, past, run.latent, whole)
        for scores, floors in measured.get((run.setting, run.seed), [({}, {})])
      ]
      result.append((run, {name: diagnosis.first([s[name] for s in said]) for name in REMEDIES}))
  return result


def _validations(run: RunRecord, step: float) -> Past:
  """The figures of its validations up to a step; nothing of a run that failed."""
  names = [] if run.failed else [name for name in run.figures if name.startswith("val_")]
  return {name: run.until(name, step) for name in names}


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


def counts(judged: Judged) -> Table:
  """Each setting: how many of its runs have each flag, None where none of them could be judged."""
  columns = [Column("setting", "setting", "text"), Column("runs", "runs", "count")]
  columns.append(Column("failed", "failed", "count"))
  looked_at = [n for n in REMEDIES if any(said[n] is not None for _, said in judged)]
  columns += [Column(name.replace(" ", "_"), name, "count") for name in looked_at]
  rows = []
  for setting, members in grouped(judged, lambda one: one[0].setting).items():
    cells = [_flagged([said[name] for _, said in members]) for name in looked_at]
    rows.append((setting, len(members), sum(run.failed for run, _ in members), *cells))
  notes = ["-: not measured"] if any(None in row for row in rows) else []
  return Table(columns, [Block("Flagged runs", {}, rows, notes)])


def _flagged(said: list[str | None]) -> int | None:
  known = [s for s in said if s is not None]
  return sum(map(bool, known)) if known else None


_FLAGS = (
  Column("setting", "setting", "text"),
  Column("seed", "seed", "count"),
  Column("flag", "flag", "text"),
  Column("reason", "because", "text"),
  Column("remedy", "what usually helps", "text"),
)


def reasons(judged: Judged) -> Table:
  """Each flag of each run, and the figure that raised it."""
  rows = [
    (run.setting, run.seed, name, reason, diagnosis.remedy(name, run.coordinates))
    for run, said in judged
    for name, reason in said.items()
    if reason
  ]
  return Table(_FLAGS, [Block("Flags, and the figures that raised them", {}, rows)] if rows else [])


def examples(raised: Table, where: str = "flags.csv") -> Table:
  """Of each setting and flag the first run; the others stand in `where`."""
  blocks = []
  for block in raised.blocks:
    rows = [own[0] for own in grouped(block.rows, lambda row: (row[0], row[2])).values()]
    more = len(block.rows) - len(rows)
    blocks.append(block._replace(rows=rows, notes=[f"{more} more in {where}"] if more else []))
  return raised._replace(blocks=blocks)
