"""A figure of many runs by setting and seed: what tables, plots and verdicts are made from.

The unit is a training run (metrics/statistics.py). A setting's runs differ in their seed alone.
"""

import functools
import itertools
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from genjax.analysis.recorded_scores import Scores, undefined
from genjax.analysis.selection import Selection
from genjax.analysis.workdirs import RunRecord, Workdir
from genjax.config.contrasts import Pair
from genjax.metrics import significance, statistics
from genjax.metrics.catalogue import NEEDED
from genjax.metrics.significance import Compared
from genjax.metrics.statistics import Summary
from genjax.plotting.axes import METRICS, metric_of


class Value(NamedTuple):
  """One run's value under a measure."""

  value: float  # NaN where it has none
  status: str = "sound"  # as in runs.csv; or "failed", or else "sound", of what is no file's
  step: int = -1  # of the weights that were measured; -1 where none were
  measured: bool = True  # whether it was scored: if so, a NaN is what came out
  undefined: bool = False  # as of `recorded_scores.undefined`

  @property
  def failed(self) -> bool:
    return self.status == "failed" or self.undefined

  @property
  def known(self) -> bool:
    """Whether there is a figure, or a failure that stands for the worst one."""
    return self.failed or not math.isnan(self.value)


class Setting(NamedTuple):
  """The runs of one setting under one measure; they differ in their seed alone."""

  runs: dict[int, Value]  # by seed
  workdir: str
  latent: int
  floor: float = math.nan  # what real test images score
  limits: tuple[float, float] = (-math.inf, math.inf)  # an interval's ends stay within them
  coordinates: Mapping[str, Any] = {}  # its structure and numbers, by which settings differ

  @property
  def known(self) -> dict[int, float]:
    """seed -> figure, NaN where the run failed; without the runs that have neither.

    A failed run has none, whatever its weights of before the failure score.
    """
    return {
      seed: math.nan if one.failed else one.value for seed, one in self.runs.items() if one.known
    }


class Measure(NamedTuple):
  """One figure of all runs."""

  name: str
  title: str  # with its unit
  better: str  # "lower", "higher", or "" where neither is
  settings: Mapping[str, Setting]
  about: Mapping[str, str] = {}  # how it was measured: as in `tables.Block`
  by: str = ""  # the same, for a title
  headline: str = ""  # its short name, where it is among those that answer first
  past: str = ""  # what a figure past the floor counts for: as in `catalogue.Score`
  contrasts: tuple[Pair, ...] | None = None  # pairs that are compared; all where None
  decides: bool = True  # whether its tests give verdicts; else they describe

  @property
  def short(self) -> str:
    """The title, as a column or a sentence has it."""
    return self.headline or self.title.partition(" (")[0]

  @property
  def heading(self) -> str:
    """One line: what it is, which end is better, and by what it was measured."""
    better = f", {self.better} is better" if self.better else ""
    return f"{self.title}{better}{self.by and f'; {self.by}'}"

  @property
  def known(self) -> dict[str, dict[int, float]]:
    """setting -> seed -> figure, as `Setting.known` has it; settings without any are left out."""
    known = {name: one.known for name, one in self.settings.items()}
    return {name: values for name, values in known.items() if values}

  @property
  def floor(self) -> float:
    """What real images score; of several the worst, NaN where none is known."""
    floors = [one.floor for one in self.settings.values() if not math.isnan(one.floor)]
    return (max if self.better == "lower" else min)(floors, default=math.nan)

  @property
  def preliminary(self) -> bool:
    """Whether a figure is of a run that is still being trained."""
    values = itertools.chain(*(one.runs.values() for one in self.settings.values()))
    return any(value.known and value.status == "running" for value in values)

  @property
  def capped(self) -> bool:
    """Whether a figure is better than real images', and counts as theirs."""
    return str(self.judged) not in ("{}", str(self.known))

  @property
  def judged(self) -> dict[str, dict[int, float]]:
    """`known` as tests see it: what is better than real images is as good as they are.

    Nothing where no end is better, or where that takes a floor and none is known.
    """
    if not self.better or (self.past == NEEDED and math.isnan(self.floor)):
      return {}
    cap, floor = np.fmax if self.better == "lower" else np.fmin, self.floor
    return {
      name: {s: v if math.isnan(v) else float(cap(v, floor)) for s, v in values.items()}
      for name, values in self.known.items()
    }

  @property
  def too_many(self) -> str:
    """What is said where so many settings are not compared, as nobody chose some pairs; or ""."""
    n = len(self.judged)
    pairs = n * (n - 1) // 2
    if self.contrasts is not None or pairs <= PAIRS:
      return ""
    return f"{n:,} settings make {pairs:,} pairs, and none is compared; --contrasts chooses some"

  @property
  def compared(self) -> list[Compared]:
    """Pairs of settings as one family of tests; [] where no end is better, or `too_many`."""
    by_setting = self.judged
    chosen = () if self.too_many else self.contrasts
    if chosen is not None:
      chosen = tuple(pair for pair in chosen if by_setting.keys() >= set(pair))
    frozen = json.dumps([(name, list(own.items())) for name, own in by_setting.items()])
    compared = _compared(self.better == "lower", frozen, chosen)  # remembered by all that it takes
    if self.decides:
      return list(compared)
    return [one._replace(verdict=DESCRIBES) for one in compared]


DESCRIBES = "descriptive"  # in place of a verdict
PAIRS = 20_000  # of one family: of 200 settings; more take minutes, and their p can decide nothing


@functools.lru_cache(256)
def _compared(lower: bool, frozen: str, contrasts: tuple[Pair, ...] | None) -> list[Compared]:
  by_setting = {name: dict(values) for name, values in json.loads(frozen)}
  return significance.compare_all(by_setting, lower, contrasts)


def of_scores(
  all_scores: Sequence[Scores], contrasts: tuple[Pair, ...] | None = None
) -> list[Measure]:
  """What `evaluate` measured, and which pairs of settings are compared."""
  return [_of_scores(scores)._replace(contrasts=contrasts) for scores in all_scores]


def _grouped(runs: Iterable[tuple[str, int, Setting, Value]]) -> dict[str, Setting]:
  """Settings by name, each with the values of its runs, from (name, seed, setting, value)."""
  runs = list(runs)
  values = [value for *_, value in runs]
  every = undefined(
    np.array([value.value for value in values], float),
    np.array([value.measured and not value.failed for value in values], bool),
  )
  found = {}
  for (name, seed, setting, value), worst in zip(runs, every, strict=True):
    own = found.setdefault(name, setting).runs
    if seed in own:
      raise ValueError(f"two runs are called {name}, seed {seed}")
    own[seed] = value._replace(undefined=bool(worst))
  return found


def _setting(run: RunRecord, limits: tuple[float, float], floor: float = math.nan) -> Setting:
  return Setting({}, run.workdir, run.latent, floor, limits, run.coordinates)


def _of_scores(scores: Scores) -> Measure:
  settings = _grouped(
    (
      run.setting,
      run.seed,
      _setting(run, _limits(scores, run.latent), float(floor)),
      Value(float(value), run.status, int(step), int(step) >= 0),
    )
    for run, value, step, floor in zip(
      scores.runs, scores.values, scores.steps, scores.floors, strict=True
    )
  )
  record, features = scores.record, str(scores.record.get("features", ""))
  return Measure(
    scores.name,
    scores.score.title,
    scores.score.better,
    settings,
    {
      "score": scores.name,
      "protocol": scores.protocol,
      "features": features,
      "data": str(record.get("data", "")),
      "split": str(record.get("split", "")),
      "images": str(record.get("generated_images", record.get("images", ""))),
      "noise_seed": str(record.get("seed", "")),
      "weights": str(record.get("weights", "")),
    },
    f"{scores.column}{features and f', features {features}'}",
    scores.score.headline,
    scores.score.past,
  )


def _limits(scores: Scores, latent: int) -> tuple[float, float]:
  """Of a score: its own, and how many classes or latent dimensions there are to be counted."""
  low, high = scores.score.limits
  most = {"classes": scores.num_classes or math.inf, "latent": latent, "": math.inf}
  return low, min(high, most[scores.score.counts])


def of_selections(
  name: str,
  title: str,
  better: str,
  found: Sequence[tuple[Selection, np.ndarray]],
  limits: tuple[float, float],
  **more,
) -> Measure:
  """The figures [R] of the runs of each selection; `limits` are of all, `more` as in `Measure`."""
  settings = _grouped(
    (
      label.setting or one.name,
      label.seed,
      Setting(
        {},
        one.name,
        int(numbers["latent"]),
        limits=limits,
        coordinates=one.coordinates(numbers),
      ),
      Value(float(value), "failed" if label.failed else "sound", int(step)),
    )
    for one, values in found
    for label, numbers, step, value in zip(one.labels, one.numbers, one.steps, values, strict=True)
  )
  return Measure(name, title, better, settings, **more)


def of_validation(homes: Sequence[Workdir]) -> list[Measure]:
  """The last figure of each run on validation images, that by which its best step is chosen first.

  A run that failed has none.
  """
  runs = [run for home in homes for run in home.runs]
  names = dict.fromkeys(name for run in runs for name in run.figures if name.startswith("val_"))
  order = ["loss", "swd", *METRICS]
  return [
    Measure(name, metric_of(name).title, "", _of_runs(runs, name))
    for name in sorted(names, key=lambda n: [*order, n[4:]].index(n[4:]))
  ]


def _of_runs(runs: Sequence[RunRecord], name: str) -> dict[str, Setting]:
  limits = metric_of(name).bounds
  found = _grouped(
    (
      run.setting,
      run.seed,
      _setting(run, limits),
      Value(
        math.nan if run.failed else run.at(name, run.last_step),
        run.status,
        run.last_step,
        name in run.figures,
      ),
    )
    for run in runs
  )
  return {setting: one for setting, one in found.items() if one.known}


def summary(values: Iterable[float], better: str = "") -> Summary:
  """`statistics.summary`, remembered."""
  # One object for all NaN, which otherwise are no two of them equal.
  values = tuple(math.nan if math.isnan(value) else float(value) for value in values)
  return _summary(values, better)


_summary = functools.cache(statistics.summary)
