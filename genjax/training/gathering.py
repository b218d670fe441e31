"""Runs of one program that several workdirs hold, gathered in one as if it had trained them all."""

import contextlib
import itertools
import json
import os
import pathlib
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import jax
import numpy as np

from genjax import files, models
from genjax.training import (
  checkpoint,
  config_file,
  loading,
  metrics_file,
  sweep,
  workdir,
)
from genjax.types import Model, Progress, UserError

_WHOLE = ".whole"  # in a workdir: what is about to take its files' places
_TAKEN = "taken"  # in that, once it is complete: the folders whose runs it has
_FILES = ("config.json", "checkpoints", "metrics.csv", "runs.csv", "protocols.json", "tensorboard")


class _Source(NamedTuple):
  """A workdir, and which of its runs are wanted where."""

  saved: loading.Saved
  index: np.ndarray  # [r] in the workdir
  target: np.ndarray  # [r] in the whole

  @property
  def path(self) -> pathlib.Path:
    return self.saved.path


def gather(out: pathlib.Path, record: Mapping, sources: Sequence[pathlib.Path]) -> None:
  """Makes a workdir of runs that others have, with their figures and their last weights.

  Args:
    out: a folder, which is made.
    record: its config.json, whose `sweep` says which runs.
    sources: workdirs of configs that differ in nothing else that is trained. The first one that has
      a run gives it.

  Raises:
    UserError: a workdir cannot be read, or they are not at one step.
  """
  rows = sweep.table(**record["config"]["sweep"])
  taken = _sources(rows, sources)
  steps = {workdir.last_step(one.path): one.path for one in taken}
  if len(steps) > 1:
    said = " and ".join(f"{path} is at step {step:,}" for step, path in sorted(steps.items())[:2])
    raise UserError(f"{said}; restore the checkpoints of one step, or train them anew")
  for name in _FILES:
    _remove(out / name)  # of an attempt that was cut short
  out.mkdir(parents=True, exist_ok=True)
  (step,) = steps
  with_all = checkpoint.Checkpoints(out / "checkpoints", keep=1)
  with_all.save(step, _progress(rows, taken))
  with_all.close()
  lines = itertools.chain.from_iterable(map(_lines, taken))
  lines = (line for _, line in sorted(lines, key=lambda line: line[0]))
  files.write(out / "metrics.csv", "".join(f"{x}\n" for x in ["step,run,name,value", *lines]))
  workdir.write_runs(out, rows, _results(rows, taken))
  _copy_events(out, rows, taken)
  if protocols := _protocols(taken):
    files.write(out / "protocols.json", json.dumps(protocols, indent=2) + "\n")
  config_file.write(out, record)  # last: without it, this is no workdir


def join(path: pathlib.Path, config: Mapping, parts: Iterable[str]) -> None:
  """Gathers the runs of a workdir, if there are some already, and of its parts in the workdir.

  Whatever ends the process meanwhile, `finish` goes on; until then all is as it was.

  Args:
    path: the workdir, which this process has claimed.
    config: nested, of all the runs.
    parts: names of workdirs in it, which are removed.

  Raises:
    UserError: as `gather`.
  """
  parts, whole = list(parts), path / _WHOLE
  shutil.rmtree(whole, ignore_errors=True)
  sources = [path / part for part in parts]  # whose runs may be those of the workdir, and further
  if (path / "config.json").exists():
    record = config_file.changed(config_file.read_config(path), config, workdir.last_step(path))
    sources.append(path)
  else:
    record = config_file.read_config(sources[0]) | {"config": config}
  gather(whole, record, sources)
  files.write(whole / _TAKEN, "\n".join(parts))
  finish(path)


def begun(path: pathlib.Path) -> bool:
  """Whether a `join` was cut short once all its files were there."""
  return (path / _WHOLE / _TAKEN).exists()


def finish(path: pathlib.Path) -> None:
  """Brings to an end what a `join` that was cut short had begun to do with complete files."""
  if not begun(path):
    return
  whole = path / _WHOLE
  for name in _FILES:
    if (whole / name).exists():
      before = whole / f"{name}.before"
      if (path / name).exists() and not before.exists():
        os.rename(path / name, before)
      _remove(path / name)  # empty: whoever claims a workdir makes its folders
      os.rename(whole / name, path / name)
  for part in (whole / _TAKEN).read_text().split("\n"):
    if part:
      shutil.rmtree(path / part, ignore_errors=True)
  (whole / _TAKEN).unlink()
  shutil.rmtree(whole)


def _remove(path: pathlib.Path) -> None:
  if path.is_dir():
    shutil.rmtree(path)
  else:
    path.unlink(missing_ok=True)


def _sources(rows: Sequence[dict], paths: Sequence[pathlib.Path]) -> list[_Source]:
  """Those workdirs of which runs are taken."""
  left, found = {sweep.identity(row): i for i, row in enumerate(rows)}, []
  for path in paths:
    if not left:
      break
    saved = loading.read(path)
    pairs = [
      (i, left.pop(key)) for i, key in enumerate(map(sweep.identity, saved.rows)) if key in left
    ]
    if pairs:
      found.append(_Source(saved, *np.array(pairs).T))
  if left:
    raise UserError(f"{len(left)} of {len(rows)} runs are in none of {', '.join(map(str, paths))}")
  return found


def _progress(rows: list[dict], taken: Sequence[_Source]) -> Progress:
  """Leaves `[R, ...]`, in the padding of the largest latent."""
  runs, first = sweep.runs(rows), taken[0].saved
  config, latent = first.config.model.to_dict(), runs.latent_mask.shape[-1]
  model = models.build(config, first.image_shape, len(first.classes), latent)
  like = checkpoint.shapes(model, runs)
  whole = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), like)
  for one in taken:
    own = jax.tree.map(lambda leaf, i=one.index: np.asarray(leaf)[i], one.saved.progress)
    if one.saved.model.latent != latent:
      own = _padded(own, model, [rows[i] for i in one.target], latent)
    jax.tree.map(lambda into, leaf, at=one.target: into.__setitem__(at, leaf), whole, own)
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


def _lines(one: _Source) -> Iterator[tuple[int, str]]:
  """Its lines of metrics.csv by their steps, with the whole's numbers of runs."""
  file, targets = one.path / "metrics.csv", dict(zip(one.index, one.target, strict=True))
  for row in metrics_file.read_rows(file, len(one.saved.rows)) if file.exists() else ():
    if row.run in targets:
      step, _, rest = row.line.split(",", 2)
      yield row.step, f"{step},{targets[row.run]},{rest}"


def _results(rows: Sequence[dict], taken: Sequence[_Source]) -> list[dict]:
  """What runs.csv says of each run beside its numbers."""
  results = [{}] * len(rows)
  for one in taken:
    table = workdir.read_runs(one.path)
    for i, target in zip(one.index, one.target, strict=True):
      results[target] = {k: v for k, v in table[i].items() if k != "run" and k not in rows[0]}
  return results


def _copy_events(out: pathlib.Path, rows: list[dict], taken: Sequence[_Source]) -> None:
  names = sweep.names(rows)
  for one in taken:
    before = sweep.names(one.saved.rows)
    for i, target in zip(one.index, one.target, strict=True):
      events = one.path / "tensorboard" / before[i]
      if events.is_dir():
        shutil.copytree(events, out / "tensorboard" / names[target])


def _protocols(taken: Sequence[_Source]) -> dict[str, dict]:
  """By what the runs were scored: protocols.json of all, floors joined."""
  known = {}
  for one in taken:
    with contextlib.suppress(FileNotFoundError):
      for key, protocol in json.loads((one.path / "protocols.json").read_text()).items():
        floor = known.get(key, {}).get("floor", {}) | protocol.get("floor", {})
        known[key] = protocol | {"floor": floor}
  return known
