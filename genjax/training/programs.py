"""What is compiled: steps, validation and pictures of one run, and of all runs in one program."""

import functools
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
from genjax.types import Model, Progress


def keep(progress: Progress, value: Array) -> Progress:
  """Has the last weights of each run for its best ones where its criterion, `[R]`, is lower."""
  better = (value < progress.best_value) & (progress.failed_at < 0)
  last, best = progress.state._replace(opt_state={}), (progress.best, progress.best_value)
  best, best_value = jax.vmap(choose)(better, (last, value), best)
  return progress._replace(best=best, best_value=best_value)


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
  measure: Callable  # (runs, states), held_out -> metrics
  keep: Callable  # as `keep`, in the memory of what it is given
  gallery: Callable  # (runs, states) -> images [R, M, H, W, C]


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
  chunk: int = 0,
  ways: Ways = (),
) -> Programs:
  """The programs of a sweep, vectorised over its runs, whose blocks have `length` steps.

  `chunk` is as in `sweep.vectorise`: what the config says, or what fits. The same arguments give
  the same programs, so that a process compiles them once: parts of a study train by one program.
  """
  images, columns = config.eval_images, config.sample_columns
  options = num_runs, length, chunk, ways, config.data.binarise
  return _build(model, config.batch_size, images, columns, *options)


@functools.lru_cache(maxsize=4)  # some: each holds what was compiled of it
def _build(
  model: Model,
  batch_size: int,
  images: int,
  columns: int,
  num_runs: int,
  length: int,
  chunk: int,
  ways: Ways,
  binarise: bool,
) -> Programs:
  options = {"binarise": binarise, "length": length, "ways": ways}
  vectorise = partial(sweep.vectorise, num_runs=num_runs, chunk=chunk)
  measure = validation.make(model, images, binarise)
  return Programs(
    *training(model, batch_size, num_runs, chunk, **options),
    measure=jax.jit(vectorise(lambda row, held_out: measure(*row, held_out))),
    keep=jax.jit(keep, donate_argnums=0),
    gallery=jax.jit(vectorise(gallery(model, columns))),
  )
