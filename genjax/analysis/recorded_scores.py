"""Scores that `evaluate` recorded in workdirs, over the runs of all that share a protocol."""

import itertools
import json
import math
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from genjax.analysis.workdirs import RunRecord, Workdir, without_runs
from genjax.metrics import catalogue
from genjax.metrics.catalogue import OWN, SCORES, Score, recorded
from genjax.scoring import score_files
from genjax.types import WEIGHTS, UserError, first_few, grouped


class Scores(NamedTuple):
  """One score by one protocol, of all runs of those workdirs that have it."""

  name: str  # a key of SCORES, or of one's own
  protocol: str  # its id
  record: dict  # the protocol, without `floor` and `versions`
  runs: list[RunRecord]
  values: np.ndarray  # [R] the latest figure; NaN where there is none
  steps: np.ndarray  # [R] of the weights that were measured, -1 where none were
  floors: np.ndarray  # [R] what real test images score in the run's workdir; NaN where not known
  num_classes: int = 0  # of the data; 0 where that is not known

  @property
  def score(self) -> Score:
    if self.record.get("group") == OWN and self.name not in SCORES:
      return recorded(self.record["score"])
    return SCORES.get(
      self.name, Score(self.name.replace("_", " "), "", "", limits=(-math.inf, math.inf))
    )

  @property
  def column(self) -> str:
    """Its name in metrics.csv."""
    return score_files.column(self.name, self.protocol)

  @property
  def failed(self) -> np.ndarray:
    """[R] runs that failed, or whose score came out as NaN where others have one."""
    of_runs = np.array([run.failed for run in self.runs], bool)
    return of_runs | undefined(self.values, self.steps >= 0)

  @property
  def known(self) -> np.ndarray:
    """[R] runs that have a figure or failed; the others were not scored, or all scores are NaN."""
    return ~np.isnan(self.values) | self.failed

  @property
  def counted(self) -> np.ndarray:
    """[R] the figures as statistics count them: NaN where the run failed."""
    return np.where(self.failed, math.nan, self.values)

  def only(self, rows: np.ndarray) -> "Scores":
    """Those of some of its runs."""
    values, steps, floors = (of_all[rows] for of_all in (self.values, self.steps, self.floors))
    runs = [self.runs[r] for r in rows]
    return self._replace(runs=runs, values=values, steps=steps, floors=floors)

  @property
  def settings(self) -> dict[str, np.ndarray]:
    """Setting -> the places of its runs that are known; in the workdirs' order."""
    groups = grouped(np.flatnonzero(self.known), lambda r: self.runs[r].setting)
    return {setting: np.array(rows) for setting, rows in groups.items()}


def undefined(values: np.ndarray, measured: np.ndarray) -> np.ndarray:
  """[R] whether a figure came out as NaN where others have one: it is as bad as a failure."""
  return measured & np.isnan(values) & ~np.isnan(values).all()


def families(all_scores: Sequence[Scores], but: str) -> list[list[Scores]]:
  """Those of one name whose protocols differ in one of their keys alone."""

  def family(scores: Scores) -> tuple[str, str]:
    rest = {key: value for key, value in scores.record.items() if key != but}
    return scores.name, json.dumps(rest, sort_keys=True)

  return list(grouped(all_scores, family).values())


def evaluation(home: Workdir, weights: str = "best") -> str:
  """The command that scores a workdir, or those images of another program anew."""
  path = shlex.quote(str(home.path))
  if "images" in home.record:
    return f"python -m genjax.score IMAGES --data=DATA --out={path}"
  flag = f" --weights={weights}" if weights != "best" else ""
  return f"python -m genjax.evaluate --workdir={path}{flag}"


def read(homes: Sequence[Workdir], weights: str) -> list[Scores]:
  """All scores of those weights ("best", "last", "raw"), in the order of SCORES.

  Workdirs stand in one entry where the protocol's id and the data agree.

  Raises:
    UserError: there is none.
  """
  found = [
    (home, name, key, _record(home, record))
    for home in homes
    for (name, key), record in _scored(home, weights).items()
  ]
  if not found:
    raise UserError(_nothing(homes, weights))
  # The images are no part of a protocol's id, nor is what a model was trained on.
  groups = grouped(found, lambda one: (*one[1:3], *of_data(one[3])))
  return [_of(group, weights) for group in sorted(groups.values(), key=_place)]


def of_data(record: dict) -> list[str]:
  """What a protocol's scores are of, beside what its id says."""
  return [str(record.get(key, "")) for key in ("data", "image_shape", "trained_on")]


def _place(group: Sequence[tuple[Workdir, str, str, dict]]) -> tuple:
  """Where scores stand among others."""
  _, name, _, record = group[0]
  rank = [*SCORES].index(name) if name in SCORES else len(SCORES)
  return rank, name, str(record.get("features", "")), str(record.get("seed", ""))


def weights_scored(homes: Sequence[Workdir]) -> list[str]:
  """Of which weights there are scores."""
  return [w for w in WEIGHTS if any(_scored(home, w) for home in homes)]


def _scored(home: Workdir, weights: str) -> dict[tuple[str, str], dict]:
  """(name, protocol id) -> the protocol's record, of what a workdir was scored by."""
  found = {}
  for name, _, key in (name.partition("@") for name in sorted(home.scores)):
    record = home.protocols.get(key, {})
    if record.get("weights") == weights and "group" in record:
      found[name, key] = record
  return found


def _nothing(homes: Sequence[Workdir], weights: str) -> str:
  which = ", ".join(home.name for home in homes[:3]) + (", ..." if len(homes) > 3 else "")
  other = weights_scored(homes)
  text = f"no scores of {weights} weights in {which}"
  hint = f"; there are some of --weights={other[0]}" if other else ""
  return f"{text}{hint}; run `{evaluation(homes[0], weights)}` first"


def _of(group: Sequence[tuple[Workdir, str, str, dict]], weights: str) -> Scores:
  first, name, key, record = group[0]
  runs, values, steps, floors = [], [], [], []
  for home, *_ in group:
    floor = home.protocols[key].get("floor") or {}
    for run in home.runs:
      history = run.figures.get(score_files.column(name, key), {})
      step = _latest(run, history, weights)
      runs.append(run)
      values.append(history.get(step, math.nan))
      steps.append(step)
      floors.append(floor.get(name, math.nan))
  figures = np.array(values, float), np.array(steps), np.array(floors, float)
  return Scores(name, key, record, runs, *figures, first.num_classes)


def _latest(run: RunRecord, history: Mapping[int, float], weights: str) -> int:
  """The step of the weights of its latest figure; -1 where there is none that counts."""
  step = max(history, default=-1)
  if run.failed:  # its last weights are no better than those with which it failed
    return step if weights == "best" else -1
  # What it had before it was trained for longer is of weights that it has no more.
  now = run.best_step if weights == "best" else run.last_step
  return step if run.status != "done" or step == now else -1


def _record(home: Workdir, record: dict) -> dict:
  """A protocol without what tells nothing, and with the data that a workdir has.

  Of a likelihood, which is of binarised images, also whether the model had seen such, or grey ones:
  one that was trained on grey images is not fitted to what its likelihood is of.
  """
  said = {key: value for key, value in record.items() if key not in ("floor", "versions")}
  said |= {"data": home.source, "image_shape": list(home.image_shape)}
  if record["group"] == "likelihood" and home.binarised is not None:
    said["trained_on"] = "binarised images" if home.binarised else "grey images"
  return said


def history(scores: Scores) -> tuple[np.ndarray, np.ndarray]:
  """All its figures over training: steps [S] and values [R, S], NaN where a run has none."""
  rows = [run.figures.get(scores.column, {}) for run in scores.runs]
  steps = sorted(set(itertools.chain(*rows)))
  values = [[row.get(step, math.nan) for step in steps] for row in rows]
  return np.array(steps, int), np.array(values, float).reshape(len(rows), len(steps))


def remarks(homes: Sequence[Workdir], weights: str) -> Iterator[str]:
  """Lines on what is missing or cannot be compared."""
  scored = {home.name: _scored(home, weights) for home in homes}
  for home in homes:
    again = evaluation(home, weights)
    if unknown := {name for name in home.scores if name.partition("@")[2] not in home.protocols}:
      yield (
        f"{home.name}: left out: {first_few(sorted(unknown))}, because protocols.json does not say "
        f"how they were measured; run `{again}`"
      )
    if not home.runs:
      yield f"{home.name}: {without_runs(home.path)}"
    elif not scored[home.name]:
      yield f"{home.name}: no scores of {weights} weights; run `{again}` first"
    elif lacking := _lacking(home, scored[home.name], weights):
      since = " since they were trained for longer" if any(lacking.values()) else ""
      yield (
        f"{home.name}: {len(lacking)} of {len(home.runs)} runs are not scored{since}; run `{again}`"
      )
    if scored[home.name] and (others := _others(home, scored)):
      # Images of another program are scored anew, in place of what there is.
      had = [name for name, _ in scored[home.name]] if "images" in home.record else []
      yield (
        f"{home.name}: no {', '.join(others)}, which others have; run `{again} "
        f"--metrics={','.join(dict.fromkeys([*had, *others]))}`"
      )
    if running := sum(run.status == "running" for run in home.runs):
      yield f"{home.name}: {running} of {len(home.runs)} runs are not trained to the end"
  groups = dict.fromkeys(r["group"] for found in scored.values() for r in found.values())
  for group in groups:
    changed = _differences(homes, scored, group)
    if changed:
      yield f"not all {group} scores can be compared with each other: {'; '.join(changed)}"


def _lacking(home: Workdir, scored: dict, weights: str) -> dict[int, bool]:
  """The runs that are done and lack a score that others have, and whether they had one before."""
  found = {}
  for place, run in enumerate(home.runs):
    figures = [run.figures.get(score_files.column(name, key), {}) for name, key in scored]
    lacking = [had for had in figures if _latest(run, had, weights) < 0]
    if run.status == "done" and lacking:
      found[place] = any(lacking)
  return found


def _others(home: Workdir, scored: dict) -> list[str]:
  """Scores that every model has, and that other workdirs have and this one has not."""
  names = {name: {n for n, _ in found} for name, found in scored.items()}
  missing = set().union(*names.values()) - names[home.name]
  missing = [name for name in SCORES if name in missing and not SCORES[name].needs]
  images = "images" in home.record  # of another program
  return [name for name in missing if not images or catalogue.of_images(name)]


def _differences(homes: Sequence[Workdir], scored: dict, group: str) -> list[str]:
  """In what the protocols of a group differ between workdirs: "real_images is 9 in a, 8 in b".

  Where all have some value, scores by that one are compared.
  """
  records = {}
  for home in homes:
    if own := [_record(home, r) for r in scored[home.name].values() if r["group"] == group]:
      records[home.name] = own
  lines = []
  for key in dict.fromkeys(key for own in records.values() for record in own for key in record):
    sets = {
      name: {json.dumps(record.get(key)).strip('"') for record in own}
      for name, own in records.items()
    }
    if set.intersection(*sets.values()):
      continue
    values = grouped(sets, lambda name, sets=sets: _listed(sorted(sets[name])))
    if len(values) > 1:
      lines.append(
        f"{key} is " + ", ".join(f"{v} in {first_few(names)}" for v, names in values.items())
      )
  return lines


def _listed(values: list[str]) -> str:
  *first, last = values
  return f"{', '.join(first)} and {last}" if first else last
