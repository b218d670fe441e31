"""A workdir that grows, and a program that is trained in parts: some of its runs at a time.

A part is a workdir within the program's. Once all runs are trained, they are gathered in the
program's own workdir as if one process had trained them together: nothing else knows of parts. So
are runs that a config asks for besides those that a workdir has; and where there are more than a
device holds, seeds are trained some at a time.
"""

import contextlib
import copy
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any

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
  pictures,
  planning,
  programs,
  sweep,
  train,
  workdir,
)
from genjax.types import UserError

Values = dict[str, Any]  # of some `sweep` keys: which runs
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
    only: the part to be trained, where other processes train the others; all if empty. Who ends
      last gathers the runs.

  Returns:
    How many steps of runs were taken.

  Raises:
    UserError: as `train.train`.
  """
  _finish_join(path)
  if genjax_config.parts_of(plan.config) and holds(path, plan.config):
    return 0  # as whole it may not fit the device
  parts, taken = _parts(plan.config, path), 0
  for part, values in parts.items():
    if only in ("", part):
      name = ", ".join(filter(None, [title, part])) if title else ""
      taken += _train(plan, path, part, values, name, origin)
  if any(parts):
    _join(plan, path, parts)
  return taken


def check(plan: planning.Plan, path: pathlib.Path) -> None:
  """Raises `UserError` where a program cannot be trained in a folder: as `config_file.compare`."""
  record, parts = planning.record(plan), _parts(plan.config, path)
  begun = [part for part in parts if part and (path / part / "config.json").exists()]
  if (path / "config.json").exists() or not begun:
    config_file.compare(path, record, growing=True, parts=parts)
  for part in begun:
    values = {"sweep": record["config"]["sweep"] | parts[part]}
    config_file.compare(path / part, record | {"config": record["config"] | values}, growing=True)


def holds(path: pathlib.Path, config: ml_collections.ConfigDict) -> bool:
  """Whether a workdir has all runs of a program, trained for as long as the config says."""
  # A part may go away at any moment, as a process that has gathered all runs removes it.
  with contextlib.suppress(UserError, FileNotFoundError):
    had = config_file.read_config(path)["config"]
    as_long = all(had.get(key) == config[key] for key in ("steps", "epochs"))
    return as_long and _keys(config.sweep) <= _keys(had["sweep"]) and workdir.finished(path)
  return False


def unfinished(config: ml_collections.ConfigDict, path: pathlib.Path) -> list[str]:
  """The parts of a program that still have a run to be trained; "" where it has no parts.

  The last one as long as runs are not gathered: its process may do so.
  """
  if holds(path, config):
    return []
  seeds = genjax_config.parts_of(config)
  configs = {part: _with(config, {"seeds": some}) for part, some in seeds.items()} or {"": config}
  done = {part for part, own in configs.items() if holds(path, own) or holds(path / part, own)}
  return [part for part in configs if part not in done] or [*configs][-1:]


def _keys(values: Values) -> set[tuple]:
  """The runs of a `sweep`, without their order."""
  return set(map(sweep.identity, sweep.table(**values)))


def _parts(config: ml_collections.ConfigDict, path: pathlib.Path) -> dict[str, Values]:
  """What is to be trained, by its folder in the workdir: "" is the workdir itself."""
  if seeds := genjax_config.parts_of(config):
    return {part: {"seeds": some} for part, some in seeds.items()}
  own, parts = _swept(path), {}
  lacking = {sweep.identity(row): row for row in sweep.table(**config.sweep)}
  if own:
    parts[""] = own
    lacking = {key: row for key, row in lacking.items() if key not in _keys(own)}
    if not lacking:
      return {"": {}}
  for file in sorted(path.glob("[!.]*=*/config.json")):
    values = _swept(file.parent)  # where a process that was killed had asked for them
    if file.parent.name.split("=")[0] in config.sweep and _keys(values) <= lacking.keys():
      parts[file.parent.name] = values
      lacking = {key: row for key, row in lacking.items() if key not in _keys(values)}
  if not parts:
    return {"": {}}
  return parts | {_name(values, config.sweep): values for values in _products([*lacking.values()])}


def _swept(path: pathlib.Path) -> Values:
  """The `sweep` of a workdir; {} where there is none."""
  if not (path / "config.json").exists():
    return {}
  values = config_file.read_config(path)["config"]["sweep"]
  return {key: tuple(some) for key, some in values.items() if isinstance(some, list)}


def _products(rows: Sequence[dict]) -> Iterator[Values]:
  """The fewest sweeps, or nearly, whose runs together are these."""
  if not rows:
    return
  name, *others = rows[0]
  rests = {}
  for row in rows:
    rests.setdefault(row[name], []).append({key: row[key] for key in others})
  alike = {}
  for value, rest in rests.items():
    alike.setdefault(tuple(map(sweep.identity, rest)), []).append(value)
  key = {"seed": "seeds", "latent": "latents"}.get(name, name)
  for values in alike.values():
    for product in _products(rests[values[0]]) if others else [{}]:
      yield {key: tuple(values)} | product


def _name(values: Values, whole: Values) -> str:
  """A folder for a part: "seeds=4-9,latents=10", of what are not all values of the program."""
  return ",".join(
    genjax_config.span(key, some) for key, some in values.items() if len(some) < len(whole[key])
  )


def _with(config: ml_collections.ConfigDict, values: Values) -> ml_collections.ConfigDict:
  config = copy.deepcopy(config)
  config.sweep.update(values)
  return config


def _train(
  plan: planning.Plan,
  path: pathlib.Path,
  part: str,
  values: Values,
  title: str,
  origin: dict | None,
) -> int:
  """Trains a part as far as that is left to be done."""
  config = _with(plan.config, values)
  if values and (holds(path, config) or holds(path / part, config)):
    return 0
  own = planning.plan(config, plan.splits, plan.facts, plan.watch) if values else plan
  if part:
    _begin_with_those_of(path, path / part, config)
    return run(own, path / part, title, origin)
  _step_back(path, config)
  return len(own.rows) * train.train(own, path, title, origin)


def _begin_with_those_of(
  whole: pathlib.Path, part: pathlib.Path, config: ml_collections.ConfigDict
) -> None:
  """Gives a part that is new its runs of the whole, where that has some."""
  had = _swept(whole)
  some = {key: tuple(v for v in all_ if v in config.sweep[key]) for key, all_ in had.items()}
  if some and all(some.values()) and (whole / "runs.csv").exists():
    with workdir.claim(part), workdir.room(part):
      if not (part / "config.json").exists():
        record = config_file.read_config(whole)
        record["config"]["sweep"] |= some
        gathering.gather(part, record, [whole])


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


def _finish_join(path: pathlib.Path) -> None:
  if gathering.begun(path):
    with claims.in_turn(path / _GATHERING), workdir.claim(path):
      gathering.finish(path)


def _join(plan: planning.Plan, path: pathlib.Path, parts: dict[str, Values]) -> None:
  """Gathers all runs in the workdir, once they are trained."""
  configs = {part: _with(plan.config, values) for part, values in parts.items()}
  if not all(holds(path, config) or holds(path / part, config) for part, config in configs.items()):
    return
  with claims.in_turn(path / _GATHERING):
    if holds(path, plan.config):  # by the process of another part
      return
    there = [part for part in parts if part and (path / part / "config.json").exists()]
    with workdir.claim(path), workdir.room(path):
      gathering.join(path, plan.config.to_dict(), there)
      _draw(path, max(len(sweep.table(**config.sweep)) for config in configs.values()))
  print(f"{path}: {len(plan.rows)} runs at step {plan.steps:,}; pictures in samples, plots")


def _draw(path: pathlib.Path, at_once: int) -> None:
  """Pictures as `train.Training` leaves them; a device need not hold more runs than `at_once`."""
  saved = loading.read(path)
  config, rows, settings = saved.config, saved.rows, sweep.settings(saved.rows)
  labels = pictures.labels(rows, settings, saved.progress.failed_at)
  shown = thinning.some(settings, thinning.ROWS)
  gallery = programs.gallery(saved.model, config.sample_columns)
  gallery = jax.jit(sweep.vectorise(gallery, at_once, config.sweep.chunk))
  classes = plots.drawable(saved.classes) if saved.model.num_classes else ()
  # A block that is not full repeats runs.
  blocks = np.resize(shown, (-(-len(shown) // at_once), at_once))
  for name, states in (("last", saved.progress.state), ("best", saved.progress.best)):
    trees = saved.runs, states._replace(opt_state={})
    images = [gallery(jax.tree.map(lambda leaf, b=b: leaf[b], trees)) for b in blocks]
    drawn, steps = np.concatenate(images)[: len(shown)], np.asarray(states.step)[shown]
    figure = pictures.gallery(drawn, steps, [labels[run] for run in shown], classes, len(rows))
    pictures.save(figure, path / "samples" / f"{name}.png")
  series = metrics_file.read_histories(path / "metrics.csv", len(rows))
  scored = [name for name in series if name.partition("@")[0] in config.evals]
  pictures.draw_curves(series, labels, path / "plots", scored)
