"""Runs of one program that several workdirs hold, gathered in one as if it had trained them all."""

import contextlib
import itertools
import pathlib
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import jax
import numpy as np

from genjax import models
from genjax.training import (
  checkpoint,
  config_file,
  loading,
  metrics_file,
  numbering,
  sweep,
  workdir,
)
from genjax.types import Model, Progress, UserError


class _Source(NamedTuple):
  """A workdir, and which of its runs are wanted where."""

  path: pathlib.Path
  rows: list[dict]  # all that it has
  index: np.ndarray  # [r] in the workdir
  target: np.ndarray  # [r] in the whole


def gather(
  path: pathlib.Path,
  record: Mapping,
  sources: Sequence[pathlib.Path],
  gone: Iterable[str] = (),
) -> None:
  """Has a workdir hold runs that others have, with their figures and their last weights.

  Until all is there it is what it was; then all changes at once, as `workdir.replace` does it.

  Args:
    path: the workdir, which this process has claimed; it may be one of the sources.
    record: its config.json, whose `sweep` says which runs.
    sources: workdirs of configs that differ in nothing else that is trained. The first one that has
      a run gives it.
    gone: names of folders in the workdir that are removed.

  Raises:
    UserError: a workdir cannot be read, or they are not at one step.
  """
  with contextlib.ExitStack() as held:
    for place in {path, *sources}:  # or what an evaluation appends meanwhile would be lost
      held.enter_context(metrics_file.scores_locked(place))
    _write(path / workdir.WHOLE, record, sources)
    workdir.replace(path, gone)


def steps(path: pathlib.Path) -> list[int]:
  """Of the checkpoints of a workdir from which runs may be gathered, in order.

  Not of those that were left between two rows of metrics.csv, with what was summed until then; nor
  of one that a process left which was killed before it wrote its first runs.csv.
  """
  if not (path / "runs.csv").exists():
    return []
  folder = path / "checkpoints"
  return [step for step in workdir.steps(path) if not (folder / str(step) / "totals").is_dir()]


def _write(out: pathlib.Path, record: Mapping, sources: Sequence[pathlib.Path]) -> None:
  rows = sweep.table(**record["config"]["sweep"])
  taken = _sources(rows, sources)
  out.mkdir()
  with_all = checkpoint.Checkpoints(out / "checkpoints", keep=2)
  for step in _steps(taken, record["config"]["eval_every"]):
    with_all.save(step, _progress(rows, taken, step))
  with_all.close()
  lines = [*itertools.chain.from_iterable(map(_lines, taken))]
  order = {name: place for place, name in enumerate(dict.fromkeys(name for _, name, _, _ in lines))}
  lines.sort(key=lambda line: (line[0], order[line[1]], line[2]))  # as training writes them
  metrics_file.write(out / "metrics.csv", (f"{step},{run},{rest}" for step, _, run, rest in lines))
  workdir.write_runs(out, rows, _results(rows, taken))
  _copy_events(out, rows, taken)
  if protocols := _protocols(taken):
    workdir.write_protocols(out, protocols)
  config_file.write(out, record)


def _sources(rows: Sequence[dict], paths: Sequence[pathlib.Path]) -> list[_Source]:
  """Those workdirs of which runs are taken."""
  left, found = {sweep.identity(row): i for i, row in enumerate(rows)}, []
  for path in paths:
    own = sweep.table(**numbering.runs_of(config_file.read_config(path)))
    pairs = [(i, left.pop(key)) for i, key in enumerate(map(sweep.identity, own)) if key in left]
    if pairs:
      found.append(_Source(path, own, *np.array(pairs).T))
  if left:
    raise UserError(f"{len(left)} of {len(rows)} runs are in none of {', '.join(map(str, paths))}")
  return found


def _steps(taken: Sequence[_Source], every: int) -> list[int]:
  """Of the checkpoints that are gathered: the last one of all workdirs.

  And where that was no regular validation the one before, from which a longer training goes on.
  """
  of_each = [steps(source.path) for source in taken]
  ends = {max(some, default=0): source.path for some, source in zip(of_each, taken, strict=True)}
  if len(ends) > 1:
    said = " and ".join(f"{path} is at step {step:,}" for step, path in sorted(ends.items())[:2])
    raise UserError(f"{said}; restore the checkpoints of one step, or train them anew")
  (end,) = ends
  before = [step for step in set.intersection(*map(set, of_each)) if step % every == 0]
  return sorted({max(before, default=end), end}) if end % every else [end]


def _progress(rows: list[dict], taken: Sequence[_Source], step: int) -> Progress:
  """Leaves `[R, ...]`, in the padding of the largest latent."""
  runs, whole = sweep.runs(rows), None
  latent = runs.latent_mask.shape[-1]
  for source in taken:
    saved = loading.read(source.path, step)
    if whole is None:
      config = saved.config.model.to_dict()
      model = models.shared(config, saved.image_shape, len(saved.classes), latent)
      like = checkpoint.shapes(model, runs)
      whole = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), like)
    own = jax.tree.map(lambda leaf, i=source.index: np.asarray(leaf)[i], saved.progress)
    if saved.model.latent != latent:
      own = _padded(own, model, [rows[i] for i in source.target], latent)
    jax.tree.map(lambda into, leaf, at=source.target: into.__setitem__(at, leaf), whole, own)
  return whole


def _padded(narrow: Progress, model: Model, rows: list[dict], latent: int) -> Progress:
  """Runs in a wider padding: beyond their own, what nothing trains, as it was drawn first."""
  runs = sweep.runs(rows)
  mask = np.arange(latent)[None] < np.array([row["latent"] for row in rows])[:, None]
  runs = runs._replace(latent_mask=mask.astype(np.float32))
  wide = jax.jit(jax.vmap(lambda run: Progress.begin(model.init(run))))(runs)

  def inside(leaf: np.ndarray, wide: jax.Array) -> np.ndarray:
    wide = np.array(wide)
    wide[tuple(map(slice, leaf.shape))] = leaf
    return wide

  return jax.tree.map(inside, narrow, wide)


def _lines(source: _Source) -> Iterator[tuple[int, str, int, str]]:
  """Of each of its lines of metrics.csv the step, the name, the run's number in the whole, and how
  it ends.
  """
  targets = dict(zip(source.index, source.target, strict=True))
  for row in metrics_file.read_rows(source.path / "metrics.csv", len(source.rows)):
    if row.run in targets:
      yield row.step, row.name, targets[row.run], row.line.split(",", 2)[2]


def _results(rows: Sequence[dict], taken: Sequence[_Source]) -> list[dict]:
  """What runs.csv says of each run beside its numbers; blank what older code did not say."""
  results = [{}] * len(rows)
  for source in taken:
    table = workdir.read_runs(source.path)
    for i, target in zip(source.index, source.target, strict=True):
      results[target] = {k: v for k, v in table[i].items() if k != "run" and k not in rows[0]}
  columns = dict.fromkeys(column for result in results for column in result)
  return [dict.fromkeys(columns, "") | result for result in results]


def _copy_events(out: pathlib.Path, rows: list[dict], taken: Sequence[_Source]) -> None:
  names = sweep.names(rows)
  for source in taken:
    before = sweep.names(source.rows)
    for i, target in zip(source.index, source.target, strict=True):
      events = source.path / "tensorboard" / before[i]
      if events.is_dir():
        shutil.copytree(events, out / "tensorboard" / names[target])


def _protocols(taken: Sequence[_Source]) -> dict[str, dict]:
  """By what the runs were scored: protocols.json of all, floors joined."""
  known = {}
  for source in taken:
    for key, protocol in workdir.read_protocols(source.path).items():
      floor = known.get(key, {}).get("floor", {}) | protocol.get("floor", {})
      known[key] = protocol | {"floor": floor}
  return known
