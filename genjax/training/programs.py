"""What is compiled: steps, validation and pictures of one run, and of all runs in one program."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import ml_collections
from jax import Array, lax

from genjax import data
from genjax.models import generation
from genjax.rng import Stream, image_noise, stream
from genjax.training import sweep, validation
from genjax.types import Batch, Dataset, Metrics, Model, Progress, PyTree, Run


class Totals(NamedTuple):
  """Sums of the metrics since the last row of metrics.csv, and over how many steps."""

  metrics: Metrics
  steps: Array


def advance(model: Model, batch_size: int, binarise: bool = False) -> Callable:
  """`((run, progress, totals), dataset, start, stop) -> (progress, totals)`, steps in one loop.

  `start` and `stop` are traced: one program serves every number of steps. A step that gives NaN
  or Inf is not taken, and the run stays where it was from then on.

  NaN and Inf stay in a state or in the sums once they are there, so one test follows the last step.
  Where it fails, the same loop is run again, to fewer steps, until the one that failed is found. It
  costs memory for two more states, and, where runs go in step (see sweep.vectorise), a `select` of
  the state at each step, as runs then differ in how far they must go.
  """
  K = model.batches_per_step

  def program(row: tuple, dataset: Dataset, start: Array, stop: Array):
    run, progress, totals = row
    size, order_key = len(dataset.label), stream(run.key, Stream.DATA)

    def step(i, carry):
      state, totals = carry
      order = data.order(order_key, size, batch_size, i * K, K)
      key = stream(run.key, Stream.BINARISE, i) if binarise else None
      state, metrics = model.step(run, state, data.draw(dataset, order, key))
      return state, jax.tree.map(jnp.add, totals, Totals(metrics, jnp.ones((), jnp.int32)))

    def attempt(search):
      """Takes the steps up to `goal`; the run is well after `good` steps and not after `bad`."""
      good, bad, goal, kept = search
      reached = lax.fori_loop(start, goal, step, (progress.state, totals))
      well = _finite(reached)
      good, bad = jnp.where(well, goal, good), jnp.where(well, bad, goal)
      # Beside others that still search, a run that is done asks for no steps.
      goal = jnp.where(good + 1 < bad, (good + bad) // 2, start)
      return good, bad, goal, _choose(well, reached, kept)

    def searching(search):
      return search[0] + 1 < search[1]

    start, stop = jnp.asarray(start, jnp.int32), jnp.asarray(stop, jnp.int32)
    # A run that failed before takes no step.
    stop = jnp.where(progress.failed_at < 0, stop, start)
    search = (start - 1, stop + 1, stop, (progress.state, totals))
    good, _, _, (state, totals) = lax.while_loop(searching, attempt, search)
    failed_at = jnp.where(good < stop, jnp.maximum(good, start), progress.failed_at)
    return progress._replace(state=state, failed_at=failed_at), totals

  return program


def _finite(tree: PyTree) -> Array:
  floats = [leaf for leaf in jax.tree.leaves(tree) if jnp.issubdtype(leaf.dtype, jnp.floating)]
  flags = jnp.stack([jnp.isfinite(leaf).all() for leaf in floats])
  # Of `flags.all()` XLA would write each `and` anew for every leaf that `_choose` gives: a hundred
  # times a hundred of them, and half of the time that a GAN takes to compile.
  return flags[jnp.argmin(flags)]


def _choose(condition: Array, new: PyTree, old: PyTree) -> PyTree:
  return jax.tree.map(partial(jnp.where, condition), new, old)


def batch_shapes(model: Model, image_shape: tuple, batch_size: int) -> Batch:
  """What one step of a run is given, without the arrays: leaves `[K, B, ...]`."""
  K = model.batches_per_step
  return Batch(
    jax.ShapeDtypeStruct((K, batch_size, *image_shape), jnp.float32),
    jax.ShapeDtypeStruct((K, batch_size), jnp.int32),
  )


def empty_totals(model: Model, runs: Run, image_shape: tuple, batch_size: int) -> Totals:
  """Zeros `[R]` for every metric of a step; nothing is computed to learn their names."""
  R = runs.learning_rate.shape[0]

  def step(runs, batch):
    run = jax.tree.map(lambda leaf: leaf[0], runs)
    return model.step(run, model.init(run), batch)

  _, metrics = jax.eval_shape(step, runs, batch_shapes(model, image_shape, batch_size))
  return Totals(jax.tree.map(lambda _: jnp.zeros(R), metrics), jnp.zeros(R, jnp.int32))


def validate(model: Model, measure: Callable) -> Callable:
  """`((run, progress), held_out) -> (progress, metrics)`: measures, keeps the best weights."""

  def program(row: tuple, held_out: Dataset) -> tuple[Progress, Metrics]:
    run, progress = row
    metrics = measure(run, progress.state, held_out)
    value = metrics[model.criterion]
    better = (value < progress.best_value) & (progress.failed_at < 0)
    candidate = progress.state._replace(opt_state={})
    best, best_value = _choose(better, (candidate, value), (progress.best, progress.best_value))
    return progress._replace(best=best, best_value=best_value), metrics

  return program


def gallery(model: Model, columns: int) -> Callable:
  """`(run, state) -> images [M, H, W, C]`: the noise and the classes are the same for all runs."""

  def program(row: tuple) -> Array:
    z = image_noise(0, jnp.arange(columns), model.latent)
    return generation.images(model, row, z, jnp.arange(columns) % max(model.num_classes, 1))

  return program


class Programs(NamedTuple):
  """What is compiled, once each: rows `[R, ...]` in, rows out."""

  begin: Callable  # runs -> progress
  advance: Callable  # runs, progress, totals, dataset, start, stop -> (progress, totals)
  validate: Callable  # (runs, progress), held_out -> (progress, metrics)
  gallery: Callable  # (runs, states) -> images [R, M, H, W, C]


def training(
  model: Model, batch_size: int, num_runs: int, chunk: int = 0, binarise: bool = False
) -> tuple[Callable, Callable]:
  """`begin` and `advance` of `Programs`; `advance` takes the memory of what it is given."""
  vectorise = partial(sweep.vectorise, num_runs=num_runs, chunk=chunk)
  step = vectorise(advance(model, batch_size, binarise))
  return jax.jit(vectorise(lambda run: Progress.begin(model.init(run)))), jax.jit(
    lambda runs, progress, totals, *shared: step((runs, progress, totals), *shared),
    donate_argnums=(1, 2),
  )


def build(model: Model, config: ml_collections.ConfigDict, num_runs: int) -> Programs:
  """The programs of a sweep, vectorised over its runs."""
  chunk, binarise = config.sweep.chunk, config.data.binarise
  vectorise = partial(sweep.vectorise, num_runs=num_runs, chunk=chunk)
  measure = validation.make(model, config.eval_images, binarise)
  return Programs(
    *training(model, config.batch_size, num_runs, chunk, binarise),
    validate=jax.jit(vectorise(validate(model, measure))),
    gallery=jax.jit(vectorise(gallery(model, config.sample_columns))),
  )
