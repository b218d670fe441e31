"""What is compiled: steps, validation and pictures of one run, and of all runs in one program."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import ml_collections
from jax import Array

from genjax.models import generation
from genjax.rng import image_noise
from genjax.training import sweep, validation
from genjax.training.blocks import Blocks, Ways, choose
from genjax.types import Dataset, Metrics, Model, Progress


def validate(model: Model, measure: Callable) -> Callable:
  """`((run, progress), held_out) -> (progress, metrics)`: measures, keeps the best weights."""

  def program(row: tuple, held_out: Dataset) -> tuple[Progress, Metrics]:
    run, progress = row
    metrics = measure(run, progress.state, held_out)
    value = metrics[model.criterion]
    better = (value < progress.best_value) & (progress.failed_at < 0)
    candidate = progress.state._replace(opt_state={})
    best, best_value = choose(better, (candidate, value), (progress.best, progress.best_value))
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
  advance: Blocks  # runs, progress, totals, dataset, start, stop -> (progress, totals)
  validate: Callable  # (runs, progress), held_out -> (progress, metrics)
  gallery: Callable  # (runs, states) of so many, number -> images [R, M, H, W, C]


def training(
  model: Model, batch_size: int, num_runs: int, chunk: int = 0, **options: Any
) -> tuple[Callable, Blocks]:
  """`begin` and `advance` of `Programs`; options are those of `Blocks`."""
  begin = sweep.vectorise(lambda run: Progress.begin(model.init(run)), num_runs, chunk)
  return jax.jit(begin), Blocks(model, batch_size, num_runs, chunk, **options)


def build(
  model: Model,
  config: ml_collections.ConfigDict,
  num_runs: int,
  length: int = 1,
  ways: Ways = (),
) -> Programs:
  """The programs of a sweep, vectorised over its runs, whose blocks have `length` steps."""
  chunk = config.sweep.chunk
  options = {"binarise": config.data.binarise, "length": length, "ways": ways}
  vectorise = partial(sweep.vectorise, num_runs=num_runs, chunk=chunk)
  measure = validation.make(model, config.eval_images, config.data.binarise)
  return Programs(
    *training(model, config.batch_size, num_runs, chunk, **options),
    validate=jax.jit(vectorise(validate(model, measure))),
    gallery=jax.jit(
      lambda rows, shown: vectorise(gallery(model, config.sample_columns), num_runs=shown)(rows),
      static_argnums=1,
    ),
  )
