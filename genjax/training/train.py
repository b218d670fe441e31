"""Training: the only file that knows about time."""

import pathlib
import time
from contextlib import closing
from functools import partial

import jax
import numpy as np
from tqdm import tqdm

from genjax import data, process
from genjax.plotting import plots, thinning
from genjax.training import (
  blocks,
  checkpoint,
  claims,
  config_file,
  diagnosis,
  loading,
  metrics_file,
  pictures,
  planning,
  sweep,
  tuning,
  validation,
  workdir,
)
from genjax.types import PyTree, counted, rounded

CALL_SECONDS = 2.0  # a call of the program lasts about this long: so often does the bar move
REDRAW_SECONDS = 10.0  # curves are not drawn more often while training goes on


def train(
  plan: planning.Plan, path: pathlib.Path, title: str = "", origin: dict | None = None
) -> int:
  """Trains all runs of a program; goes on from the last checkpoint where there is one.

  Args:
    plan: what to train.
    path: the workdir.
    title: what stands before the progress bar.
    origin: as in `study.run`.

  Returns:
    How many steps were left to be taken.

  Raises:
    UserError: the workdir or a checkpoint in it is not as it should be.
  """
  with workdir.claim(path), workdir.room(path):
    record, left = planning.record(plan), plan.steps - workdir.last_step(path)
    if left > 0 and workdir.finished(path):
      config_file.compare(path, record)  # which may refuse it, before anything is written
      workdir.reopen(path)
    config_file.settle(path, record, origin)
    if workdir.ended(path, plan.steps, len(plan.rows)):
      metrics_file.mend(path)
      loading.read(path)  # which refuses a damaged checkpoint, as going on from it does
      print(f"{path}: all runs are already done")
    else:
      Training(plan, path).until(plan.steps, title)
  return left


class Training:
  """All runs of a program on the device, and their workdir, from one checkpoint to the next."""

  def __init__(self, plan: planning.Plan, path: pathlib.Path):
    self.config, self.model, self.rows, self.path = plan.config, plan.model, plan.rows, path
    self.classes = plots.drawable(plan.splits.classes)
    R, splits, config = len(plan.rows), plan.splits, plan.config
    self.dataset = blocks.everywhere(splits.train, R)
    used = validation.usable(config.eval_images, len(splits.validation.label))
    self.held_out = blocks.everywhere(data.first(splits.validation, used), R)
    self.to_host = partial(sweep.to_host, num_runs=R)  # what leaves the devices has no padding
    self.runs = sweep.to_devices(sweep.runs(self.rows), R)
    self.zeros = blocks.empty_totals(
      self.model, self.runs, splits.train.image.shape[1:], config.batch_size
    )
    self.checkpoints = checkpoint.Checkpoints(path / "checkpoints", config.keep)
    begun = self.checkpoints.latest() is not None
    self.programs = tuning.programs_of(plan, path, self.runs, self.dataset, begun)
    self.step, self.progress = self._begin()
    self.watching = plan.watch.begin(plan, path) if plan.watch else None
    self.settings = sweep.settings(self.rows)
    self.names = sweep.names(self.rows)
    self.shown = thinning.some(self.settings, thinning.ROWS)
    self.history = metrics_file.History(path, self.names, self.settings, self.step)
    self.troubles = self._judge()
    self.drawn = -np.inf
    self.counted = counted(R, "run")

  def _begin(self) -> tuple[int, PyTree]:
    step, R = self.checkpoints.latest(), len(self.rows)
    if step is None:
      progress = self.programs.begin(self.runs)
    else:
      saved = self.checkpoints.restore(step, checkpoint.shapes(self.model, sweep.runs(self.rows)))
      leaves, tree = jax.tree.flatten(saved)
      del saved
      for i, leaf in enumerate(leaves):  # one by one, so that no second copy of all is there
        leaves[i] = sweep.to_devices(leaf, R)
      progress = jax.tree.unflatten(tree, leaves)
    # Padding is as runs that failed, which take no steps.
    idle = np.arange(len(progress.failed_at)) >= R
    failed_at = np.where(idle, 0, np.asarray(progress.failed_at))
    return step or 0, progress._replace(failed_at=sweep.to_devices(failed_at, R))

  def until(self, steps: int, title: str) -> None:
    """Trains up to this step and leaves the workdir complete."""
    bar = process.bar(
      total=steps, initial=self.step, desc=title or str(self.path), unit="step",
      postfix="compiling" if self.step < steps else None,
    )  # fmt: skip
    compiled = False
    # Closed however this ends: who interrupts the training loses no checkpoint that is on its way.
    with (
      closing(self.checkpoints),
      closing(self.history),
      process.held_signals(lambda: compiled) as asked,  # before, Ctrl-C has nothing to save
      bar as self.bar,
    ):
      block = pace = self.programs.advance.length
      totals = self._totals()
      while self.step < steps or asked:
        claims.check(self.path)
        if asked:
          self._leave(totals)
          raise process.Terminated(
            asked[0], f"the same command goes on from step {self.step:,} of {self.path}"
          )
        begun = time.perf_counter()
        stop = min(self.step + pace, self._next(self.config.log_every), steps)
        stop = min(stop, self._next(self.config.eval_every))
        self.progress, totals = self.programs.advance(
          self.runs, self.progress, totals, self.dataset, self.step, stop
        )
        jax.block_until_ready(totals)
        if not compiled:  # which, with these first steps, says nothing about the time that is left
          self.bar.initial = self.bar.n = self.bar.last_print_n = stop
          self.bar.unpause()
          self.bar.set_postfix_str(self.counted)
        compiled = True
        taken, self.step = stop - self.step, stop
        self.bar.update(stop - self.bar.n)
        pace = _pace(taken, time.perf_counter() - begun, block)
        if self._at(self.config.log_every) or self._at(self.config.eval_every) or stop == steps:
          self._log(totals)
          totals = self._zeros()
        if self._at(self.config.eval_every) or stop == steps:
          self._validate()
          if stop < steps:  # what there is at the end is drawn by `_finish`
            self._show()
    self._finish()
    failed = f", of which {lost} failed (see runs.csv)" if (lost := self._failed().sum()) else ""
    print(
      f"{self.path}: {self.counted} at step {steps:,}{failed}; pictures are in samples/ and plots/"
    )
    for line in diagnosis.summary(self.troubles, self.names, self.config.model):
      print(f"{self.path}: {line}")

  def _at(self, every: int) -> bool:
    return self.step % every == 0

  def _next(self, every: int) -> int:
    return (self.step // every + 1) * every

  def _zeros(self) -> PyTree:
    return sweep.to_devices(self.zeros, len(self.rows))  # copies: the program takes their memory

  def _totals(self) -> PyTree:
    """What was summed since the last row of metrics.csv: something where a signal ended it."""
    like = self.to_host(self.zeros)
    saved = self.checkpoints.restore_totals(self.step, like) if self.step else None
    return self._zeros() if saved is None else sweep.to_devices(saved, len(self.rows))

  def _leave(self, totals: PyTree) -> None:
    """Saves what was reached, wherever that is."""
    if self.step and self.checkpoints.latest() != self.step:
      self.checkpoints.save(self.step, self.to_host(self.progress), self.to_host(totals))
    workdir.write_runs(self.path, self.rows, self._results("running"))

  def _log(self, totals: blocks.Totals) -> None:
    totals = self.to_host(totals)
    taken = totals.steps.astype(np.float32)
    with np.errstate(invalid="ignore"):  # 0 / 0: a run that failed has no figure
      means = {name: total / taken for name, total in totals.metrics.items()}
    for values in means.values():
      values[self._failed()] = np.nan  # also what it had of the interval in which it failed
    self.history.add(self.step, means)
    # "loss", or else the first of several.
    leading = min(means, key=lambda name: (name != "loss", not name.endswith("loss"), name))
    ill = sum(map(bool, self.troubles))
    counted = f"{self.counted}, {ill} in trouble (see runs.csv)" if ill else self.counted
    self.bar.set_postfix_str(f"{counted}{self._speed()}, {_spread(leading, means[leading])}")

  def _speed(self) -> str:
    """How fast all runs are together, and how long a recipe's mark is away."""
    rate, said = self.bar.format_dict["rate"], ""
    if rate and len(self.rows) > 1:
      said += f", {rounded(rate * len(self.rows))} run-steps/s"
    if rate and self.config.mark and self.step < self.config.mark[1]:
      fd, step = self.config.mark
      said += f", FD {fd:g} in {tqdm.format_interval((step - self.step) / rate)}"
    return said

  def _failed(self) -> np.ndarray:
    return self.to_host(self.progress.failed_at) >= 0

  def _validate(self) -> None:
    metrics = self.programs.measure((self.runs, self.progress.state), self.held_out)
    self.progress = self.programs.update_best(self.progress, metrics[self.model.criterion])
    latents = np.array([row["latent"] for row in self.rows])
    measured = {}
    for name, values in self.to_host(metrics).items():
      values = values.copy()
      values[self._failed()] = np.nan
      if values.ndim == 2:
        values[np.arange(values.shape[1]) >= latents[:, None]] = np.nan
      measured[name] = values
    self.history.add(self.step, measured | self._scores())
    self.troubles = self._judge()
    self.checkpoints.save(self.step, self.to_host(self.progress))

  def _scores(self) -> dict[str, np.ndarray]:
    """What `config.evals` asks for, of the last weights."""
    if not self.watching:
      return {}
    measured = self.to_host(self.watching.measure(self.runs, self.progress))
    return {name: np.where(self._failed(), np.nan, values) for name, values in measured.items()}

  def _show(self) -> None:
    workdir.write_runs(self.path, self.rows, self._results("running"))
    self._draw_galleries()
    if time.perf_counter() - self.drawn > REDRAW_SECONDS:
      self._draw_curves()

  def _finish(self) -> None:
    """Also what a killed process left undone after its last checkpoint."""
    self._draw_galleries()
    self._draw_curves()
    self.troubles = self._judge(done=True)
    # Last, as it says that nothing is left to be done.
    workdir.write_runs(self.path, self.rows, self._results("done"))

  def _judge(self, done: bool = False) -> list[list[diagnosis.Trouble]]:
    return diagnosis.of_runs(self.history.series("val_"), self._failed(), done)

  def _results(self, healthy: str) -> list[dict]:
    best, last = self.to_host((self.progress.best.step, self.progress.state.step))
    failed = self._failed()
    return [
      {
        "status": "failed" if failed[i] else healthy,
        "best_step": best[i],
        "last_step": last[i],
        "trouble": "; ".join(trouble.name for trouble in self.troubles[i]),
      }
      for i in range(len(self.rows))
    ]

  def _labels(self) -> list[plots.RunLabel]:
    return pictures.labels(self.rows, self.settings, self.to_host(self.progress.failed_at))

  def _draw_galleries(self) -> None:
    self._draw_gallery(self.progress.state, f"step-{self.step:07d}.png", "last.png")
    self._draw_gallery(self.progress.best, "best.png")

  def _draw_gallery(self, states: PyTree, *names: str) -> None:
    # Without the optimiser's state, last and best weights take one compiled program.
    rows, labels = (self.runs, states._replace(opt_state={})), self._labels()
    drawn = self.to_host((self.programs.gallery(rows), states.step))
    images, steps = (array[self.shown] for array in drawn)
    classes = self.classes if self.model.num_classes else ()
    shown = [labels[run] for run in self.shown]
    figure = pictures.gallery(images, steps, shown, classes, len(labels))
    for name in names:
      pictures.save(figure, self.path / "samples" / name)

  def _draw_curves(self) -> None:
    scored = self.watching.columns if self.watching else ()
    series = self.history.series()
    pictures.draw_curves(series, self._labels(), self.path / "plots", scored)
    self.drawn = time.perf_counter()


def _pace(taken: int, seconds: float, block: int) -> int:
  """Steps for the next call, in whole blocks: what fits its time, at most twice as many as now."""
  steps = min(2 * taken, int(taken * CALL_SECONDS / max(seconds, 1e-3)))
  return max(1, steps // block) * block


def _spread(name: str, values: np.ndarray) -> str:
  known = values[np.isfinite(values)]
  if not known.size:
    return "all runs failed"
  low, median, high = np.quantile(known, (0, 0.5, 1))
  return f"{name} {median:.4g} [{low:.4g}, {high:.4g}]"
