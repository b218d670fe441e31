"""A workdir that grows, and a program that is trained in parts: some of its runs at a time.

A part is a workdir within the program's. Once all runs are trained, they are gathered in the
program's own workdir as if one process had trained them together: nothing else knows of parts. So
are runs that a config asks for besides those that a workdir has; and where there are more than a
device holds, seeds are trained some at a time.
"""

import contextlib
import pathlib
import shutil
from collections.abc import Iterator

import jax
import ml_collections
import numpy as np

from genjax import config as genjax_config
from genjax.plotting import plots, thinning
from genjax.training import (
  claims,
  config_file,
  gathering,
  loading,
  metrics_file,
  parting,
  pictures,
  planning,
  programs,
  sweep,
  train,
  workdir,
)
from genjax.types import UserError, counted

_GATHERING = ".gathering.lock"  # of the process that gathers the runs: others wait


def run(
  plan: planning.Plan,
  path: pathlib.Path,
  title: str = "",
  origin: dict | None = None,
  only: str = "",
) -> int:
  """Trains what a workdir lacks of a program, as `train.train` does: runs, or further steps.

  Args:
    plan, path, title, origin: as of `train.train`.
    only: of `config.parts_of`, where other processes train the others; all if empty. Who ends last
      gathers the runs.

  Returns:
    How many steps of runs were taken.

  Raises:
    UserError: as `train.train`.
  """
  parts, taken = _begun(plan, path), 0
  for name, part in parts.items():
    # What is done is told of, and drawn where it was not, where it is all there is and was trained
    # as whole.
    whole = [*parts] == [""] and not genjax_config.parts_of(plan.config)
    if only in ("", part.unit) and (whole or not parting.trained(plan.config, path, name, part)):
      config = parting.narrowed(plan.config, part.values)
      own = plan
      if config != plan.config:
        own = planning.plan(config, plan.splits, plan.facts, plan.watch)
      _step_back(path / name, config)
      told = ", ".join(filter(None, [title, name])) if title else ""
      taken += len(own.rows) * train.train(own, path / name, told, origin)
  if any(parts):
    _join(plan, path)
  return taken


def check(plan: planning.Plan, path: pathlib.Path) -> None:
  """Raises `UserError` where a program cannot be trained in a folder: as `config_file.compare`."""
  try:
    _check(plan, path)
  except (UserError, FileNotFoundError):  # or another process just gathers runs: then once more
    _complete(path)
    _check(plan, path)


def _check(plan: planning.Plan, path: pathlib.Path) -> None:
  record, there = planning.record(plan), parting.found(plan.config, path)
  wanted = parting.keys(plan.config.sweep)
  begun = [name for name, values in there.items() if name and parting.keys(values) & wanted]
  if "" in there or not begun:
    config_file.compare(path, record, growing=True, folders=parting.parts(plan.config, path))
  for name in begun:
    values = {"sweep": record["config"]["sweep"] | there[name]}
    config_file.compare(path / name, record | {"config": record["config"] | values}, growing=True)


def homes(
  config: ml_collections.ConfigDict, path: pathlib.Path, only: str = ""
) -> list[pathlib.Path]:
  """The workdirs that have the runs of a part, as of `run`: the program's once it has all."""
  if parting.holds(path, config):
    return [path]
  _complete(path)
  parts = parting.parts(config, path)
  return [path / name for name, part in parts.items() if only in ("", part.unit)]


@contextlib.contextmanager
def _in_turn(path: pathlib.Path) -> Iterator[None]:
  """Has a workdir for this process, after those that train other parts. Raises `UserError`."""
  with contextlib.ExitStack() as held:
    with workdir.writable("--workdir", path):
      path.mkdir(parents=True, exist_ok=True)
      held.enter_context(claims.in_turn(path / _GATHERING))
    with workdir.claim(path), workdir.room(path):
      yield


def _complete(path: pathlib.Path) -> None:
  """Brings to an end what a process did that was killed while it gathered runs."""
  if workdir.changing(path):
    with _in_turn(path):
      pass


def _begun(plan: planning.Plan, path: pathlib.Path) -> dict[str, parting.Part]:
  """As `parting.parts`; those whose runs were others' have taken them.

  Raises `UserError` where another process has the workdir, in which all are gathered at the end.
  """
  _complete(path)
  if not genjax_config.parts_of(plan.config):
    parts = parting.parts(plan.config, path)
    if [*parts] == [""] and parts[""].source is None:
      return parts
  with _in_turn(path):
    parts, there = parting.parts(plan.config, path), parting.found(plan.config, path)
    for name, part in parts.items():
      if part.source is not None and gathering.steps(path / part.source):
        record = config_file.read_config(path / part.source)
        record["config"]["sweep"] |= part.values
        with workdir.claim(path / name) if name else contextlib.nullcontext():
          gathering.gather(path / name, record, [path / part.source])
    for name in there.keys() - parts.keys() - {""}:
      if parting.keys(there[name]) <= parting.keys(plan.config.sweep):  # which others have by now
        with workdir.claim(path / name):
          shutil.rmtree(path / name)
  return parts


def _step_back(path: pathlib.Path, config: ml_collections.ConfigDict) -> None:
  """Has a training that ended, and goes on for longer, do so as if it had not ended there.

  At its end it was validated, whatever its step: the checkpoint before knows nothing of that.
  """
  if not ((path / "config.json").exists() and workdir.finished(path)):
    return
  had, steps = config_file.read_config(path)["config"], workdir.steps(path)
  longer = any(had[key] != config[key] for key in ("steps", "epochs"))
  if longer and len(steps) > 1 and steps[-1] % had["eval_every"]:
    with workdir.claim(path):
      workdir.drop(path, steps[-1])


def _join(plan: planning.Plan, path: pathlib.Path) -> None:
  """Gathers all runs in the workdir, once they are trained."""
  if not parting.ready(plan.config, path):
    return
  with _in_turn(path):
    parts = parting.ready(plan.config, path)
    if not any(parts):  # by the process of another part
      return
    folders, config = [path / name for name in parts if name], plan.config.to_dict()
    if (path / "config.json").exists():
      record = config_file.read_config(path)
      record = config_file.changed(record, config, workdir.last_step(path))
      folders.append(path)
    else:
      record = config_file.read_config(folders[0]) | {"config": config}
    # Those of other processes may hold no more than what they said.
    units = genjax_config.parts_of(plan.config)
    logs = [name for name in units if not (path / name / "config.json").exists()]
    # Drawn last, it says that the pictures are of all runs: see `workdir.ended`.
    (path / workdir.DRAWN).unlink(missing_ok=True)
    gathering.gather(path, record, folders, [*filter(None, parts), *logs])
    _draw(path, max(len(sweep.table(**part.values)) for name, part in parts.items() if name))
  reached = f"{counted(len(plan.rows), 'run')} at step {plan.steps:,}"
  print(f"{path}: {reached}; pictures are in samples/ and plots/")


def _draw(path: pathlib.Path, at_once: int) -> None:
  """Pictures as `train.Training` leaves them; a device need not hold more runs than `at_once`."""
  saved = loading.read(path)
  config, rows, settings = saved.config, saved.rows, sweep.settings(saved.rows)
  labels = pictures.labels(rows, settings, saved.progress.failed_at)
  shown = thinning.some(settings, thinning.ROWS)
  gallery = programs.gallery(saved.model, config.sample_columns, at_once, config.sweep.chunk)
  classes = plots.drawable(saved.classes) if saved.model.num_classes else ()
  # A block that is not full repeats runs.
  blocks = np.resize(shown, (-(-len(shown) // at_once), at_once))
  series = metrics_file.read_curves(path / "metrics.csv", len(rows))
  scored = [name for name in series if name.partition("@")[0] in config.evals]
  pictures.draw_curves(series, labels, path / "plots", scored)
  for name, states in (("best", saved.progress.best), ("last", saved.progress.state)):
    trees = saved.runs, states._replace(opt_state={})
    images = [gallery(jax.tree.map(lambda leaf, b=b: leaf[b], trees)) for b in blocks]
    drawn, steps = np.concatenate(images)[: len(shown)], np.asarray(states.step)[shown]
    figure = pictures.gallery(drawn, steps, [labels[run] for run in shown], classes, len(rows))
    pictures.save(figure, path / "samples" / f"{name}.png")
