"""Steps of training in blocks: a scan of fixed length, the same for all runs of a program.

A GPU can take such a loop in one go, where it stops at each step of one whose length it is told.
"""

import functools
import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from genjax import data
from genjax.models import convolution
from genjax.models.ways import by
from genjax.rng import Stream, stream
from genjax.training import flops, kept, sweep
from genjax.types import Batch, Dataset, Metrics, Model, Progress, PyTree, Run, State

LONGEST = 50  # steps of a block: what a call costs is then nothing beside them
SHORTEST = 8  # of a block that is chosen because it needs no single steps besides
SECONDS = 2.0  # a block lasts no longer where a device makes so many FLOP a second
RATES = {"cpu": 1e11}
OTHERS = 1e13


class Totals(NamedTuple):
  """Sums of the metrics since the last row of metrics.csv, and over how many steps."""

  metrics: Metrics
  steps: Array


Ways = tuple[tuple[str, str], ...]  # the items of a `ways.Choice`


class Carried(NamedTuple):
  """What a block of steps changes of a run."""

  state: State
  failed_at: Array  # as in `Progress`
  totals: Totals


def advance(
  model: Model, batch_size: int, length: int, binarise: bool = False, ways: Ways = ()
) -> Callable:
  """`(run, carried, dataset, start) -> carried`: that many steps.

  NaN and Inf stay in a state or in the sums once they are there, so one test follows the last step.
  A run that does not pass it is left where it was before the block, `failed_at` its first step; nor
  does it take a step from then on.
  """
  K = model.batches_per_step

  def program(run: Run, carried: Carried, dataset: Dataset, start: Array) -> Carried:
    start = jnp.asarray(start, jnp.int32)
    order_key, size = stream(run.key, Stream.DATA), len(dataset.label)
    order = data.order(order_key, size, batch_size, start * K, length * K)

    def step(carry: tuple, inputs: tuple):
      (state, totals), (i, order) = carry, inputs
      key = stream(run.key, Stream.BINARISE, i) if binarise else None
      state, metrics = _step(model, ways)(run, state, data.draw(dataset, order, key))
      return (state, jax.tree.map(jnp.add, totals, Totals(metrics, jnp.ones((), jnp.int32)))), None

    before = carried.state, carried.totals
    inputs = start + jnp.arange(length), order.reshape(length, K, batch_size)
    after, _ = lax.scan(step, before, inputs)
    well, failed = finite(after), carried.failed_at >= 0
    state, totals = choose(well & ~failed, after, before)
    return Carried(state, jnp.where(well | failed, carried.failed_at, start), totals)

  return program


def _step(model: Model, ways: Ways = ()) -> Callable:
  """A step of a model, which Python goes through but once for all that ask."""
  return jax.jit(_by(model.step, ways) if ways else model.step, inline=True)


@functools.lru_cache(maxsize=8)
def _by(step: Callable, ways: Ways) -> Callable:
  def chosen(*given):
    with convolution.chosen(by(dict(ways))):
      return step(*given)

  return chosen


def finite(tree: PyTree) -> Array:
  """Whether all numbers are."""
  floats = [leaf for leaf in jax.tree.leaves(tree) if jnp.issubdtype(leaf.dtype, jnp.floating)]
  flags = jnp.stack([jnp.isfinite(leaf).all() for leaf in floats])
  # Of `flags.all()` XLA would write each `and` anew for every leaf that `choose` gives: a hundred
  # times a hundred of them, and half of the time that a GAN takes to compile.
  return flags[jnp.argmin(flags)]


def choose(condition: Array, new: PyTree, old: PyTree) -> PyTree:
  """`new` where a condition [] holds."""
  return jax.tree.map(partial(lax.select, condition), new, old)


@sweep.made_once
def _program(
  model: Model, batch_size: int, num_runs: int, chunk: int, binarise: bool, ways: Ways, length: int
) -> kept.Kept:
  f = advance(model, batch_size, length, binarise, ways)
  block = sweep.in_place(f, num_runs, chunk, lambda carried: carried.failed_at >= 0)
  options = batch_size, num_runs, chunk, binarise, ways, length
  return kept.of_model("block", block, model, *options, donate_argnums=1)


class Blocks:
  """`(runs, progress, totals, dataset, start, stop) -> (progress, totals)`, of all runs.

  Takes the memory of the totals and of the states that it is given. `program(length)` is what is
  compiled, of so many steps: `(runs, carried, dataset, start) -> carried`.
  """

  def __init__(
    self,
    model: Model,
    batch_size: int,
    num_runs: int,
    chunk: int = 0,
    binarise: bool = False,
    length: int = 1,
    ways: Ways = (),
  ):
    self.length = length
    self.program = partial(_program, model, batch_size, num_runs, chunk, binarise, ways)
    self._alone = partial(_program, model, batch_size, 1, 0, binarise, ways)

  def whole(
    self, runs: Run, progress: Progress, totals: Totals, dataset: Dataset
  ) -> tuple[kept.Kept, tuple]:
    """The program of a whole block, and what it is given: arrays, or their shapes."""
    carried = Carried(progress.state, progress.failed_at, totals)
    return self.program(self.length), (runs, carried, dataset, 0)

  def __call__(
    self, runs: Run, progress: Progress, totals: Totals, dataset: Dataset, start: int, stop: int
  ) -> tuple[Progress, Totals]:
    before = np.asarray(progress.failed_at)
    carried, at = Carried(progress.state, progress.failed_at, totals), start
    while at < stop:
      length = self.length if stop - at >= self.length else 1
      carried = self.program(length)(runs, carried, dataset, at)
      at += length
    failed_at = np.asarray(carried.failed_at)
    for row in np.flatnonzero(failed_at > before) if self.length > 1 else ():
      found = self._locate(_of_row((runs, carried), row), dataset, failed_at[row], stop)
      carried = _put(carried, found, row)
    return progress._replace(state=carried.state, failed_at=carried.failed_at), carried.totals

  def _locate(self, one: tuple, dataset: Dataset, at: int, stop: int) -> Carried:
    """What a run `[1, ...]` carries that goes on alone, a step at a time, until one fails.

    Should none do so, as rounding differs from that beside others, the run is well.
    """
    run, carried = one
    carried = carried._replace(failed_at=jnp.full_like(carried.failed_at, -1))
    dataset, step = jax.device_put(dataset, jax.devices()[0]), self._alone(1)
    while at < stop and carried.failed_at < 0:
      carried, at = step(run, carried, dataset, at), at + 1
    return jax.device_get(carried)


def _of_row(tree: PyTree, row: int) -> PyTree:
  """A copy `[1, ...]` on one device; each leaf is brought there whole, and then cut."""

  def cut(leaf: Array) -> Array:
    return jnp.copy(jax.device_put(leaf, jax.devices()[0])[row : row + 1])

  return jax.tree.map(cut, tree)


@partial(jax.jit, donate_argnums=0)
def _put(rows: PyTree, one: PyTree, row: Array) -> PyTree:
  """`[R, ...]` with a row from `[1, ...]`, wherever each of them lies."""

  def put(leaf: Array, new: Array) -> Array:
    here = jnp.arange(len(leaf)) == row
    return jnp.where(here.reshape(-1, *[1] * (leaf.ndim - 1)), new, leaf)

  return jax.tree.map(put, rows, one)


def arguments(model: Model, runs: Run, image_shape: tuple, batch_size: int) -> tuple:
  """What a step of the first run is given, without the arrays; of the batch `[K, B, ...]`."""
  run = jax.eval_shape(lambda runs: jax.tree.map(lambda leaf: leaf[0], runs), runs)
  state = jax.eval_shape(model.init, run)
  size = model.batches_per_step, batch_size
  image = jax.ShapeDtypeStruct((*size, *image_shape), jnp.float32)
  return run, state, Batch(image, jax.ShapeDtypeStruct(size, jnp.int32))


def everywhere(split: Dataset, num_runs: int) -> Dataset:
  """A split on every device that has runs."""
  return jax.device_put(data.to_device(split), sweep.replicated(num_runs))


def empty_totals(model: Model, runs: Run, image_shape: tuple, batch_size: int) -> Totals:
  """Zeros `[R]` for every metric of a step; nothing is computed to learn their names."""
  R = runs.learning_rate.shape[0]

  def names() -> tuple[str, ...]:
    given = arguments(model, runs, image_shape, batch_size)
    _, metrics = jax.eval_shape(sweep.traced(_step(model), R), *given)
    return tuple(metrics)

  found = kept.remembered("metrics", names, model, image_shape, batch_size)
  return Totals({name: jnp.zeros(R) for name in found}, jnp.zeros(R, jnp.int32))


def longest(model: Model, runs: Run, image_shape: tuple, batch_size: int) -> int:
  """Steps of the longest block: what a device does in `SECONDS`, and at most `LONGEST`.

  By the FLOP of a step rather than by a clock: the same at each start, and known before the first.
  """
  R = runs.learning_rate.shape[0]

  def count() -> int:
    step = sweep.traced(_step(model), R)
    return flops.flops(step, *arguments(model, runs, image_shape, batch_size))

  try:
    one = kept.remembered("flop", count, model, image_shape, batch_size)
  except ValueError:  # nobody knows how many
    return 1
  seconds = -(-R // sweep.mesh(R).size) * one / RATES.get(jax.default_backend(), OTHERS)
  return max(1, min(LONGEST, int(SECONDS / max(seconds, 1e-9))))


def length(longest: int, log_every: int, eval_every: int, steps: int) -> int:
  """Steps of a block, such that rows of metrics.csv and validations need few single ones, or none.

  Single steps are another program to compile.
  """
  every = math.gcd(log_every, eval_every)
  whole = max(n for n in range(1, longest + 1) if math.gcd(every, steps) % n == 0)
  return whole if whole >= min(SHORTEST, longest) else every // -(-every // longest)
