"""The runs of a workdir are scored: what is missing is computed, and nothing twice."""

import pathlib
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import jax
import numpy as np

from genjax import process
from genjax.metrics import catalogue
from genjax.metrics.catalogue import SCORES
from genjax.plotting import galleries, plots
from genjax.scoring import feature_networks, protocols, score_files
from genjax.scoring.evaluation import Asked, Evaluation, check_images
from genjax.scoring.protocols import RunBlock, Settings
from genjax.scoring.score_files import Place
from genjax.training import loading, metrics_file, numbering, planning, sweep, workdir

ALL = ("all",)
COLUMNS, SETTINGS = 12, 8  # of the picture of nearest training images


class Wanted(NamedTuple):
  """What the flags ask for."""

  weights: tuple[str, ...]
  names: tuple[str, ...]  # () for those of a model that are quick, ("all",) for all
  settings: Settings
  networks: int
  features: str
  data: str = ""  # where the data lie now


class Scored(NamedTuple):
  """What was asked of a workdir."""

  computed: int  # figures; the others were there
  slow: list[str]  # left out as they are slow, where others were computed, and no run has them
  asked: set[tuple[str, str]]  # each score's name, and the id of the protocol that it is by


def score_all(
  paths: Sequence[str | pathlib.Path], wanted: Wanted, say: Callable[[str], None]
) -> set[tuple[str, str]]:
  """Scores workdirs and the cells of studies, and says a line for each.

  Of several, those without a checkpoint are left out. Raises as `score`.

  Returns:
    `Scored.asked` of all of them.
  """
  homes, slow, asked = workdir.named(paths), {}, set()
  for home in homes:
    if len(homes) > 1 and not workdir.begun(home):
      say(f"{home}: no checkpoint yet; left out")
    else:
      done = score(home, wanted)
      slow |= dict.fromkeys(done.slow)
      asked |= done.asked
      what = (
        f"{done.computed:,} scores computed" if done.computed else "all scores already computed"
      )
      say(f"{home}: {what}")
  if slow:
    reasons = ", ".join(f"{name} ({SCORES[name].slow})" for name in slow)
    say(f"skipped as slow: {reasons}; --metrics=all computes them too")
  return asked


def score(path: pathlib.Path, wanted: Wanted) -> Scored:
  """Scores the runs of one workdir.

  Raises:
    UserError: no workdir, or one that cannot be written; nothing saved yet, other data than the
      runs had, or no such score.
  """
  saved = loading.read(path)
  had = [name for name in SCORES if protocols.fits(name, saved.model)]
  slow = [] if wanted.names else [name for name in had if SCORES[name].slow]
  named = () if wanted.names == ALL else wanted.names
  names = named or tuple(name for name in had if name not in slow)
  protocols.check(names, saved.model, "--metrics")
  splits = planning.reload_data(saved.config, wanted.data)
  planning.check_data(path, splits)
  check_images((), splits, wanted.settings, "--metrics")
  cache = saved.config.data.cache
  networks = feature_networks.load(splits, cache, wanted.features, wanted.networks, names)
  computed, asked, size = 0, set(), _at_once(len(saved.rows))
  evaluation = Evaluation(
    saved.model, splits, wanted.settings, networks, size, names=names, cache=cache
  )
  evaluation.check(named, "--metrics")
  for weights in wanted.weights:
    computed += _Scoring(path, saved, weights).run(evaluation, names)
    asked |= {(n, one.key) for one in evaluation.asked(names, weights) for n in one.names}
  recorded = {place.name for place in score_files.read(path)}
  # Said where something was computed: who calls again for what is known need not hear it again.
  left_out = [name for name in slow if computed and name not in recorded]
  return Scored(computed, left_out, asked)


class _Scoring:
  """The scores of all runs of a workdir with some of their weights."""

  def __init__(self, path: pathlib.Path, saved: loading.Saved, weights: str):
    self.path, self.saved, self.weights = path, saved, weights
    self.states = saved.states(weights)
    self.size = _at_once(len(saved.rows))
    self.shown = {}  # run -> a few of its images, uint8; of those whose features were measured

  def run(self, evaluation: Evaluation, names: Sequence[str]) -> int:
    asked = evaluation.asked(names, self.weights)
    missing = self._missing(asked)
    total = sum(map(len, missing.values()))
    if total:
      metrics_file.mend(self.path)
    noted = workdir.read_protocols(self.path)
    for one in asked:
      names = {p.name for places in missing.values() for p in places if p.protocol == one.key}
      if one.key not in noted:  # also where protocols.json was lost, and no score
        names |= set(one.names)
      score_files.note(self.path, one.key, one.protocol, names, one.group.floor)
    title = f"{self.path} {self.weights}"
    with process.bar(total=total, desc=title, unit="score", disable=not total) as bar:
      for runs in _blocks(list(missing), self.size):
        for found in self._measured(evaluation, asked, runs, missing, bar.set_postfix_str):
          score_files.add(self.path, found, self.saved.rows)
          bar.update(len(found))
    self._draw(evaluation)
    return total

  def _draw(self, evaluation: Evaluation) -> None:
    """A few images of a run of each setting, over the training images nearest to them.

    Of every setting, whichever runs lacked scores: the picture is of the workdir.
    """
    if not self.shown:
      return
    rows, first = self.saved.rows, {}
    settings = sweep.settings(rows)
    for run in self._runs():
      first.setdefault(settings[run], run)
    first = dict(list(first.items())[:SETTINGS])
    for runs in _blocks([run for run in first.values() if run not in self.shown], self.size):
      self._show(self._block(evaluation, runs), runs)
    images, labels = [], []
    for setting, run in first.items():
      failed_at = int(self.saved.progress.failed_at[run])
      images += [self.shown[run], evaluation.references[0].nearest(self.shown[run])]
      labels += [
        plots.RunLabel(rows[run]["seed"], setting, failed_at),
        plots.RunLabel(rows[run]["seed"], setting, -1, "nearest"),
      ]
    note = "Under each image of a run the training image that is nearest to it, in features."
    figure = galleries.gallery(np.stack(images), labels, footnote=note)
    with workdir.writable("--workdir", self.path):
      (self.path / "samples").mkdir(exist_ok=True)
      plots.save(figure, self.path / "samples" / f"nearest-{self.weights}.png")

  def _missing(self, asked: Sequence[Asked]) -> dict[int, set[Place]]:
    """Run -> the scores that it lacks; only runs that lack some."""
    done, steps = score_files.read(self.path), np.asarray(self.states.step)
    numbering.check_runs(self.path, dict(enumerate(self.saved.rows)), "evaluate")
    missing = {
      run: {
        Place(part, one.key, run, int(steps[run]))
        for one in asked
        for name in one.names
        for part in catalogue.figures(name, self.saved.rows[run]["latent"])
      }
      for run in self._runs()
    }
    return {run: left for run, places in missing.items() if (left := places - done.keys())}

  def _runs(self) -> list[int]:
    """The runs that have such weights: one that failed has no last ones."""
    failed = np.asarray(self.saved.progress.failed_at) >= 0
    lost = loading.lost(failed, self.states.step, self.weights)
    return [i for i in range(len(self.saved.rows)) if not lost[i]]

  def _measured(
    self,
    evaluation: Evaluation,
    asked: Sequence[Asked],
    runs: list[int],
    missing: dict,
    say: Callable,
  ) -> Iterator[dict[Place, float]]:
    """The scores of some runs, a group at a time; says which, as some take a minute."""
    block = self._block(evaluation, runs)
    places = set().union(*(missing[run] for run in runs))
    for one in asked:
      mine = sorted(place for place in places if place.protocol == one.key)
      if mine:
        say(f"{one.group.protocol['group']} of run {', '.join(map(str, runs))}")
        values = one.group.measure(block, {place.name.partition("/")[0] for place in mine})
        values = metrics_file.by_dimension(values)
        if one.group.protocol["group"] == "features":
          self._show(block, runs)
        yield {place: float(values[place.name][runs.index(place.run)]) for place in mine}

  def _block(self, evaluation: Evaluation, runs: list[int]) -> RunBlock:
    """A block that is not full repeats its last run."""
    index = np.array(runs + [runs[-1]] * (self.size - len(runs)))
    return evaluation.block(*jax.tree.map(lambda leaf: leaf[index], (self.saved.runs, self.states)))

  def _show(self, block: RunBlock, runs: list[int]) -> None:
    self.shown |= {run: np.asarray(block.images[i, :COLUMNS]) for i, run in enumerate(runs)}


def _at_once(num_runs: int) -> int:
  """Runs of a block: on a CPU one a device, elsewhere a few, as their images take memory."""
  return min(num_runs, jax.device_count() if jax.default_backend() == "cpu" else 8)


def _blocks(runs: list[int], size: int) -> Iterator[list[int]]:
  for first in range(0, len(runs), size):
    yield runs[first : first + size]
