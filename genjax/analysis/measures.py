"""A figure of many runs by setting and seed: what tables, plots and verdicts are made from.

The unit is a training run (metrics/statistics.py). A setting's runs differ in their seed alone.
"""

import functools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from genjax.analysis.recorded_scores import Scores
from genjax.analysis.selection import Selection
from genjax.analysis.workdirs import RunRecord, Workdir
from genjax.metrics import statistics
from genjax.metrics.statistics import Summary
from genjax.plotting.axes import METRICS, metric_of


class Value(NamedTuple):
  """Of one run."""

  value: float  # NaN where it has none
  status: str = "sound"  # as in runs.csv; or "failed", or else "sound", of what is no file's
  step: int = -1  # of the weights; -1 where there is no figure
  measured: bool = True  # if so, a sound run without a figure came out as NaN

  @property
  def failed(self) -> bool:
    return self.status == "failed"

  @property
  def known(self) -> bool:
    """Whether there is a figure, or a failure that stands for the worst one."""
    return self.failed or not math.isnan(self.value)


class Setting(NamedTuple):
  runs: dict[int, Value]  # by seed
  workdir: str
  latent: int
  floor: float = math.nan  # what real test images score
  limits: tuple[float, float] = (-math.inf, math.inf)  # an interval's ends stay within them

  @property
  def known(self) -> dict[int, float]:
    """seed -> figure, NaN where the run failed; without the runs that have neither."""
    return {seed: one.value for seed, one in self.runs.items() if one.known}


class Measure(NamedTuple):
  """One figure of all runs."""

  name: str
  title: str  # with its unit
  better: str  # "lower", "higher", or "" where neither is
  settings: Mapping[str, Setting]
  about: Mapping[str, str] = {}  # how it was measured: as in `tables.Block`
  by: str = ""  # the same, for a title
  headline: str = ""  # its short name, where it is among those that answer first

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


def of_scores(found: Sequence[Scores]) -> list[Measure]:
  """What `evaluate` measured."""
  return [_of_scores(scores) for scores in found]


def _of_scores(scores: Scores) -> Measure:
  settings = {}
  for run, value, step, floor in zip(
    scores.runs, scores.values, scores.steps, scores.floors, strict=True
  ):
    limits = _limits(scores, run.latent)
    home = settings.setdefault(
      run.setting, Setting({}, run.workdir, run.latent, float(floor), limits)
    )
    measured = scores.column in run.figures
    home.runs[run.seed] = Value(float(value), run.status, int(step), measured)
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
      "weights": str(record.get("weights", "")),
    },
    f"{scores.column}{features and f', features {features}'}",
    scores.score.headline,
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
  settings = {}
  for selection, values in found:
    rows = zip(selection.labels, selection.numbers, selection.steps, values, strict=True)
    for label, numbers, step, value in rows:
      setting = settings.setdefault(
        label.setting or selection.name,
        Setting({}, selection.name, int(numbers["latent"]), limits=limits),
      )
      status = "failed" if label.failed_at >= 0 else "sound"
      setting.runs[label.seed] = Value(float(value), status, int(step))
  return Measure(name, title, better, settings, **more)


def of_validation(homes: Sequence[Workdir]) -> list[Measure]:
  """The last figure of each run on validation images, that by which its best step is chosen first.

  A run that failed has none.
  """
  runs = [run for home in homes for run in home.runs]
  names = dict.fromkeys(name for run in runs for name in run.figures if name.startswith("val_"))
  order = ["loss", "swd", *METRICS]
  return [
    Measure(name, metric_of(name).title, "", dict(_of_runs(runs, name)))
    for name in sorted(names, key=lambda n: [*order, n[4:]].index(n[4:]))
  ]


def _of_runs(runs: Sequence[RunRecord], name: str) -> Iterator[tuple[str, Setting]]:
  groups = {}
  for run in runs:
    groups.setdefault(run.setting, []).append(run)
  for setting, members in groups.items():
    values = {
      run.seed: Value(
        math.nan if run.failed else run.at(name, run.last_step),
        run.status,
        run.last_step,
        name in run.figures,
      )
      for run in members
    }
    if any(value.known for value in values.values()):
      first = members[0]
      yield setting, Setting(values, first.workdir, first.latent, limits=metric_of(name).bounds)


def summary(values: Iterable[float]) -> Summary:
  """`statistics.summary`, remembered."""
  # One object for all NaN, which otherwise are no two of them equal.
  return _summary(tuple(math.nan if math.isnan(value) else float(value) for value in values))


_summary = functools.cache(statistics.summary)
