"""What memory a sweep takes on each of its devices, and how many of its runs fit there at once."""

import os
import pathlib
import resource
import sys
from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax

from genjax import data
from genjax.training import blocks, checkpoint, planning, sweep, validation
from genjax.training.programs import Programs
from genjax.types import PyTree, rounded


class Memory(NamedTuple):
  """Bytes on each device that has runs."""

  weights: int
  statistics: int
  averaged: int  # weights and statistics of the averaged generator
  optimiser: int
  best: int  # the weights that are kept of each run's best step, averaged ones included
  images: int  # training and validation, with their labels
  temporary: int  # of a block of steps or a validation, whichever takes more
  process: int  # where the device is a CPU: Python, its libraries and the data that they hold

  @property
  def total(self) -> int:
    return sum(self)


class Shapes(NamedTuple):
  """What training gives to its programs, and the devices where it lies; no array is made."""

  runs: PyTree
  progress: PyTree
  totals: PyTree
  dataset: PyTree
  held_out: PyTree


def shapes(plan: planning.Plan) -> Shapes:
  """Shapes of what the training of a plan gives to its programs."""
  model, config, splits, rows = plan.model, plan.config, plan.splits, plan.rows
  R = len(rows)
  place, everywhere = sweep.sharding(R), sweep.replicated(R)
  runs = jax.eval_shape(lambda: sweep.resized(sweep.runs(rows), R, sweep.slots(R)))
  shape = splits.train.image.shape[1:]
  totals = jax.eval_shape(lambda: blocks.empty_totals(model, runs, shape, config.batch_size))
  used = validation.usable(config.eval_images, len(splits.validation.label))
  return Shapes(
    _placed(runs, place),
    _placed(checkpoint.shapes(model, runs), place),
    _placed(totals, place),
    _placed(splits.train, everywhere),
    _placed(data.first(splits.validation, used), everywhere),
  )


def _placed(tree: PyTree, sharding: jax.sharding.Sharding) -> PyTree:
  return jax.tree.map(
    lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding), tree
  )


def of(programs: Programs, given: Shapes) -> Memory:
  """What training by these programs takes. They are compiled, and need not be for their calls."""
  runs, progress, totals, dataset, held_out = given
  devices = sweep.mesh(len(runs.learning_rate)).size
  state = progress.state
  block, needed = programs.advance.whole(runs, progress, totals, dataset)
  step, check = block.program(*needed), programs.measure.program((runs, state), held_out)
  return Memory(
    weights=_bytes(state.params) // devices,
    statistics=_bytes(state.stats) // devices,
    averaged=_bytes(state.ema) // devices,
    optimiser=_bytes(state.opt_state) // devices,
    best=_bytes(progress.best) // devices,
    images=_bytes(dataset) + _bytes(held_out),
    temporary=max(step.temporary, check.temporary),
    process=_resident() // devices if jax.default_backend() == "cpu" else 0,
  )


def _bytes(tree: PyTree) -> int:
  return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))


def _resident() -> int:
  """The most that this process has taken so far."""
  taken = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
  return taken if sys.platform == "darwin" else 1024 * taken


class Fitting(NamedTuple):
  """Programs that compute as many runs at once as a device has memory for."""

  programs: Programs
  chunk: int  # as in `sweep.vectorise`
  memory: Memory


def fitting(build: Callable[[int], Programs], given: Shapes, chunk: int = 0) -> Fitting:
  """The programs of a sweep whose activations fit.

  Args:
    build: chunk -> programs.
    given: what they are given.
    chunk: what the config says; 0 for as many runs at once as the backend would have, or as fit.
  """

  def fit(chunk: int) -> Fitting:
    programs = build(chunk)
    return Fitting(programs, chunk, of(programs, given))

  found, most, fixed = fit(chunk), limit(), bool(chunk)
  at_once = sweep.at_once(len(given.runs.learning_rate), chunk)
  while not fixed and at_once > 1 and found.memory.total > most:
    temporary = found.memory.temporary
    spare = max(most - (found.memory.total - temporary), 0)
    at_once = max(1, min(at_once - 1, at_once * spare // temporary))
    found = fit(at_once)
  return found


def refusal(fit: Fitting, wanted: Mapping) -> str:
  """Why a sweep cannot be trained here, and how it can; "" where it can.

  `wanted` has the config's `sweep` keys.
  """
  taken, most = fit.memory, limit()
  if taken.total <= most:
    return ""
  shared = taken.images + taken.temporary + taken.process
  seeds = len(wanted["seeds"])
  some = max(most - shared, 0) * seeds // (taken.total - shared)
  if wanted["chunk"] > 1:
    how = "config.sweep.chunk=0 computes as many runs at once as fit"
  elif 0 < some < seeds:
    how = f"config.sweep.seeds_at_once={some} trains them in parts that fit"
  else:
    how = "a smaller config.batch_size or network takes less"
  return f"training takes {gib(taken.total)} of a device that has {gib(most)}; {how}"


def summary(fit: Fitting, num_runs: int) -> str:
  """What a sweep takes, in a line."""
  devices = sweep.mesh(num_runs).size
  where = f"each of {devices} devices" if devices > 1 else "a device"
  many = f"{num_runs} runs, {sweep.at_once(num_runs, fit.chunk)} at once, take"
  runs = many if num_runs > 1 else "1 run takes"
  return f"{runs} {gib(fit.memory.total)} of {where} that has {gib(limit())}"


def gib(size: int) -> str:
  return f"{rounded(size / 2**30)} GiB"


def limit() -> int:
  """Bytes that a device has: its own, or its share of the machine's."""
  device, *_ = jax.devices()
  if jax.default_backend() != "cpu":
    stats = device.memory_stats() or {}
    return stats.get("bytes_limit", sys.maxsize)
  return min(_machine(), _allowed()) // len(jax.devices())


def _machine() -> int:
  return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


_CGROUP, _CGROUPS = pathlib.Path("/proc/self/cgroup"), pathlib.Path("/sys/fs/cgroup")


def _allowed(own: pathlib.Path = _CGROUP, groups: pathlib.Path = _CGROUPS) -> int:
  """What the process's control group lets it take, as containers and Slurm set it (version 2)."""
  try:
    path = own.read_text().rpartition("0::/")[2].strip()
    files = [folder / "memory.max" for folder in (groups / path, groups)]
    texts = [file.read_text().strip() for file in files if file.exists()]
  except OSError:
    texts = []
  return min((int(text) for text in texts if text.isdigit()), default=sys.maxsize)
