"""Trained runs read from their workdirs: with their weights, as functions."""

import contextlib
import operator
import pathlib
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
from absl import logging
from jax import Array
from jax.typing import ArrayLike

from genjax import config as genjax_config
from genjax import models, parts
from genjax.metrics import paths
from genjax.mistakes import one_path
from genjax.rng import image_noise
from genjax.training import (
  checkpoint,
  config_file,
  metrics_file,
  numbering,
  provenance,
  sweep,
  workdir,
)
from genjax.types import WEIGHTS, Model, Progress, Run, Shape, State, UserError


class LoadedRun(NamedTuple):
  """One trained run as pure functions: jit and vmap them, differentiate them in reverse mode.

  `generate`, `encode` and `score` raise `UserError` for a `z` that is not [B, latent], for images
  that are not floats [B, H, W, C] of the run's shape, and for a label that is missing, outside 0 to
  K - 1, or not taken.
  """

  path: pathlib.Path  # the workdir
  index: int  # its row in runs.csv
  numbers: dict  # seed, latent, learning_rate, ...
  step: int  # of these weights
  failed_at: int  # step at which it gave NaN or Inf; -1 if it did not fail
  generate: Callable[..., Array]  # (z [B, latent], label [B] or None) -> [B, H, W, C] in [0, 1]
  # images in [0, 1] -> mean [B, latent], logvar [B, latent]; None without an encoder
  encode: Callable | None
  # (images in [0, 1], label [B] or None) -> critic's scores [B]; of a critic with batch norm they
  # depend on the other images, as in training; None without a critic
  score: Callable | None
  state: State

  def __repr__(self) -> str:  # without thousands of weights
    numbers = ", ".join(f"{name}={value}" for name, value in self.numbers.items())
    return f"LoadedRun({numbers}, step={self.step}, failed_at={self.failed_at})"

  def noise(self, count: int, seed: int = 0) -> Array:
    """Standard normal `[count, latent]`: what the commands draw their first images from.

    Raises `UserError` for a count below 1, or a seed below 0.
    """
    for name, number, least in (("count", count, 1), ("seed", seed, 0)):
      if not isinstance(number, int | np.integer) or number < least:
        raise UserError(f"{name} is {number!r}; expected a whole number from {least}")
    return image_noise(seed, jnp.arange(count), self.numbers["latent"])

  def interpolate(
    self,
    a: Array,
    b: Array,
    steps: int = 9,
    kind: str = "spherical",
    label: int | None = None,
  ) -> Array:
    """Images on a path between two latents, both ends included.

    Args:
      a, b: [latent].
      steps: at least 2.
      kind: "spherical" (White 2016) or "linear", as in `paths.between`.
      label: the class of all images, 0 to K - 1; required for a conditional model.

    Returns:
      [steps, H, W, C] in [0, 1].

    Raises:
      UserError: an unknown kind, fewer than two steps, latents of another shape, or a missing
        label.
    """
    a, b, latent = jnp.asarray(a), jnp.asarray(b), self.numbers["latent"]
    if not a.shape == b.shape == (latent,):
      raise UserError(f"a and b have shapes {a.shape} and {b.shape}; this run takes [{latent}]")
    try:
      path = paths.between(a, b, steps, kind)
    except ValueError as error:
      raise UserError(str(error)) from None
    return self.generate(path, None if label is None else jnp.full(steps, label))

  @property
  def metrics(self) -> dict[str, metrics_file.Series]:
    """Steps and values by name, as metrics.csv has them now: losses, validation, and scores.

    Raises `UserError` where the workdir has grown since, and has another run by this number.
    """
    series = metrics_file.read_series(self.path).get(self.index, {})
    numbering.check_runs(self.path, {self.index: self.numbers}, "load it")
    return series


def load(path: str | pathlib.Path, weights: str = "best") -> list[LoadedRun]:
  """The runs of a workdir, finished or not, in the order of runs.csv.

  Args:
    path: the workdir; of a study, the folder of one cell.
    weights: "best", of the step with the lowest validation criterion, "last", or "raw", the last
      ones of a GAN without its averaging.

  Returns:
    A `LoadedRun` for each row of runs.csv.

  Raises:
    UserError: not a workdir, no checkpoint yet, a checkpoint that cannot be read, or unknown
      weights.
  """
  return read(one_path("path", path)).loaded(weights)


class Saved(NamedTuple):
  """The last checkpoint of a workdir, and what its runs are."""

  path: pathlib.Path
  config: ml_collections.ConfigDict
  rows: list[dict]  # numbers of each run
  runs: Run  # leaves [R, ...]
  model: Model
  image_shape: Shape
  classes: tuple[str, ...]  # label of the data -> its name
  progress: Progress  # leaves [R, ...]

  def states(self, weights: str) -> State:
    """The states of all runs, leaves `[R, ...]`, without the optimiser's part.

    Args:
      weights: "best" or "last", of a GAN averaged as its ema_decay says; or "raw", a GAN's last
        ones without averaging.

    Raises:
      UserError: another word.
    """
    if weights not in WEIGHTS:
      raise UserError(f"weights is {weights!r}; expected 'best', 'last' or 'raw'")
    states = self.progress.best if weights == "best" else self.progress.state
    states = states._replace(opt_state={})
    if weights == "raw" and (player := self.model.averaged):
      own = {"params": states.params[player], "stats": states.stats[player]}
      return states._replace(ema=own)
    return states

  def loaded(self, weights: str) -> list[LoadedRun]:
    """The runs one by one, with some of their weights as in `states`."""
    everything = (self.runs, self.states(weights), self.progress.failed_at)
    return [
      _loaded(self, i, *jax.tree.map(operator.itemgetter(i), everything))
      for i in range(len(self.rows))
    ]


def lost(failed: np.ndarray, steps: np.ndarray, weights: str) -> np.ndarray:
  """[R] runs that failed and left no such weights: only best ones are from before the failure.

  Args:
    failed: [R].
    steps: [R] of the weights; best ones of step 0 are those of a run that was never validated.
    weights: "best", "last" or "raw".
  """
  return failed & (np.asarray(steps) == 0) if weights == "best" else failed


def read(path: str | pathlib.Path, step: int | None = None) -> Saved:
  """All runs of a workdir at a step, or the last one. Raises `UserError` as `load` does."""
  path = pathlib.Path(path)
  record = config_file.read_config(path)
  if "images" in record:
    raise UserError(
      f"{path} has scores of images that another program generated, and no runs; "
      "python -m genjax.compare reads it"
    )
  config_file.check_arrays(path, record)
  metrics_file.tell_lost_figures(path)
  if step is None:
    workdir.check_last(path)
  config = ml_collections.ConfigDict(record["config"])
  parts.again(path, record.get("parts", {}), record["config"]["model"].values(), logging.warning)
  try:
    # Whoever reads weights need not have the metrics that watched the training.
    genjax_config.check(ml_collections.ConfigDict(record["config"] | {"evals": []}))
  except UserError as error:
    by = config_file.made_by(record)
    helps = (
      "restore it" if by == provenance.version("genjax") else f"genjax {by} wrote and reads it"
    )
    raise UserError(f"{path / 'config.json'} is not one of this genjax: {error}; {helps}") from None
  rows = sweep.table(**record["config"]["sweep"])
  runs = sweep.runs(rows)
  shape = tuple(record["dataset"]["image_shape"])
  model = models.shared(
    record["config"]["model"],
    shape,
    record["dataset"]["num_classes"],
    runs.latent_mask.shape[-1],
  )
  try:
    progress = _read(path / "checkpoints", model, runs, step)
  finally:  # or a checkpoint of more runs is one of another model
    numbering.check_same(path, record)
  classes = config_file.classes(record)
  return Saved(path, config, rows, runs, model, shape, classes, progress)


def _read(path: pathlib.Path, model: Model, runs: Run, wanted: int | None) -> Progress:
  tried = None
  while path.is_dir():
    with contextlib.closing(checkpoint.Checkpoints(path)) as checkpoints:
      step = checkpoints.latest() if wanted is None else wanted
      if step is None:
        break
      try:
        return checkpoints.restore(step, checkpoint.shapes(model, runs))
      except UserError:
        if step == tried:
          raise
      tried = step  # which a training may just have removed, as it has a later one
  raise UserError(f"{path.parent} has no checkpoint yet; train it first")


def _loaded(saved: Saved, index: int, run: Run, state: State, failed_at: Array) -> LoadedRun:
  model, image_shape, row = saved.model, saved.image_shape, saved.rows[index]
  latent = row["latent"]

  def pad(z: ArrayLike) -> Array:
    z = jnp.asarray(z)
    if z.ndim != 2 or z.shape[-1] != latent or not len(z):
      raise UserError(f"z has shape {z.shape}; this run takes [B, {latent}]")
    return jnp.pad(z, ((0, 0), (0, model.latent - latent)))

  def check_image(image: Array) -> Array:
    if np.shape(image)[1:] != image_shape:
      wanted = ", ".join(map(str, ("B", *image_shape)))
      raise UserError(f"images have shape {np.shape(image)}; this run takes [{wanted}]")
    if not jnp.issubdtype(jnp.result_type(image), jnp.floating):
      raise UserError(f"images are {jnp.result_type(image)}; this run takes floats in [0, 1]")
    return image

  def check_label(label: Array | None) -> Array | None:
    if model.num_classes and label is None:
      raise UserError(f"this model is conditional: give label [B], 0 to {model.num_classes - 1}")
    if label is not None and not model.num_classes:
      raise UserError("this model takes no label")
    concrete = model.num_classes and not isinstance(label, jax.core.Tracer)
    if concrete and not 0 <= np.min(label) <= np.max(label) < model.num_classes:
      raise UserError(f"label {label} is outside 0 to {model.num_classes - 1}")
    return label

  # Compiled once for all runs of a model, as their weights are arguments.
  def generate(z: Array, label: Array | None = None) -> Array:
    return jax.jit(model.generate)(run, state, pad(z), check_label(label))

  def encode(image: Array) -> tuple[Array, Array]:
    found = jax.jit(model.encode)(run, state, check_image(image))
    return tuple(part[:, :latent] for part in found)

  def score(image: Array, label: Array | None = None) -> Array:
    return jax.jit(model.score)(run, state, check_image(image), check_label(label))

  return LoadedRun(
    path=saved.path,
    index=index,
    numbers=row,
    step=int(state.step),
    failed_at=int(failed_at),
    generate=generate,
    encode=encode if model.encode else None,
    score=score if model.score else None,
    state=state,
  )
