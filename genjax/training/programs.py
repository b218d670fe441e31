"""What is compiled: steps, validation and pictures of one run, and of all runs in one program."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import ml_collections
from jax import Array

from genjax.models import generation
from genjax.rng import image_noise
from genjax.training import kept, sweep, validation
from genjax.training.blocks import Blocks, Ways, choose
from genjax.types import Model, Progress


def update_best(progress: Progress, value: Array) -> Progress:
  """Has the last weights of each run for its best ones where its criterion, `[R]`, is lower."""
  better = (value < progress.best_value) & (progress.failed_at < 0)
  last, best = progress.state._replace(opt_state={}), (progress.best, progress.best_value)
  best, best_value = jax.vmap(choose)(better, (last, value), best)
  return progress._replace(best=best, best_value=best_value)


class Programs(NamedTuple):
  """What is compiled, once each: rows `[R, ...]` in, rows out."""

  begin: Callable  # runs -> progress
  advance: Blocks  # runs, progress, totals, dataset, start, stop -> (progress, totals)
  measure: Callable  # (runs, states), held_out -> metrics
  update_best: Callable  # as `update_best`, in the memory of what it is given
  gallery: Callable  # (runs, states) -> images [R, M, H, W, C]


_update_best = jax.jit(update_best, donate_argnums=0)


@sweep.made_once
def _begin(model: Model, num_runs: int, chunk: int) -> Callable:
  every = sweep.vectorise(lambda run: Progress.begin(model.init(run)), num_runs, chunk)
  return kept.of_model("begin", every, model, num_runs, chunk)


@sweep.made_once
def _measure(model: Model, images: int, binarise: bool, num_runs: int, chunk: int) -> Callable:
  measure = validation.make(model, images, binarise)
  every = sweep.vectorise(lambda row, held_out: measure(*row, held_out), num_runs, chunk)
  return kept.of_model("measure", every, model, images, binarise, num_runs, chunk)


@sweep.made_once
def gallery(model: Model, columns: int, num_runs: int, chunk: int) -> Callable:
  """`(runs, states) -> images [R, M, H, W, C]`: noise and classes are the same for all runs."""

  def of_run(run_state: tuple) -> Array:
    z = image_noise(0, jnp.arange(columns), model.latent)
    return generation.images(model, run_state, z, jnp.arange(columns) % max(model.num_classes, 1))

  every = sweep.vectorise(of_run, num_runs, chunk)
  return kept.of_model("gallery", every, model, columns, num_runs, chunk)


def training(
  model: Model, batch_size: int, num_runs: int, chunk: int = 0, **options: Any
) -> tuple[Callable, Blocks]:
  """`begin` and `advance` of `Programs`; options are those of `Blocks`."""
  return _begin(model, num_runs, chunk), Blocks(model, batch_size, num_runs, chunk, **options)


def build(
  model: Model,
  config: ml_collections.ConfigDict,
  num_runs: int,
  length: int = 1,
  chunk: int = 0,
  ways: Ways = (),
) -> Programs:
  """The programs of a sweep, vectorised over its runs, whose blocks have `length` steps.

  `chunk` is as in `sweep.vectorise`: what the config says, or what fits.
  """
  binarise = config.data.binarise
  options = {"binarise": binarise, "length": length, "ways": ways}
  return Programs(
    *training(model, config.batch_size, num_runs, chunk, **options),
    measure=_measure(model, config.eval_images, binarise, num_runs, chunk),
    update_best=_update_best,
    gallery=gallery(model, config.sample_columns, num_runs, chunk),
  )
