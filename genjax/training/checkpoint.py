"""Checkpoints with orbax: all runs of a program in one, and one run as pure functions."""

import contextlib
import errno
import logging
import operator
import os
import pathlib
import signal
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
import orbax.checkpoint as ocp
from jax import Array

from genjax import config as genjax_config
from genjax import files, models
from genjax.metrics import paths
from genjax.training import metrics_file, sweep, workdir
from genjax.types import Model, Progress, PyTree, Run, Shape, State, UserError, image_noise


class Checkpoints:
  """A few checkpoints in `path`; each is written aside and then renamed, so it is whole.

  Without `keep` they are only read. With it, what a killed process left half written is removed.
  """

  def __init__(self, path: pathlib.Path, keep: int | None = None):
    self._path = path
    options = ocp.CheckpointManagerOptions(
      max_to_keep=keep, create=keep is not None, cleanup_tmp_directories=keep is not None
    )
    self._manager = ocp.CheckpointManager(path.absolute(), options=options)

  def save(self, step: int, tree: PyTree, totals: PyTree | None = None) -> None:
    """Writes in the background; the next save, `latest` and `close` wait for it.

    `totals` are sums since the last row of metrics.csv, where a step is saved between two rows.
    """
    tree = jax.tree.map(np.asarray, tree)
    arrays = _arrays(tree)
    crc = files.checksum(*jax.tree.leaves(tree))
    about = {"crc32": crc, "arrays": arrays, "arrays_crc32": _checksum_of_text(arrays)}
    items = {"tree": ocp.args.StandardSave(tree), "checksum": ocp.args.JsonSave(about)}
    if totals is not None:
      items["totals"] = ocp.args.StandardSave(jax.tree.map(np.asarray, totals))
    with _uninterrupted():
      self._manager.save(step, args=ocp.args.Composite(**items), force=True)

  def latest(self) -> int | None:
    return self._manager.latest_step()

  def restore(self, step: int, like: PyTree) -> PyTree:
    """The checkpoint of that step, as numpy arrays of the shapes in `like`.

    Raises:
      UserError: it is damaged, it holds other arrays, or it may not be read.
    """
    like = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), like)
    arguments = ocp.args.Composite(
      tree=ocp.args.StandardRestore(like), checksum=ocp.args.JsonRestore()
    )
    hook = sys.unraisablehook
    sys.unraisablehook = partial(_unless_late, hook)  # and stays where a read fails
    try:
      found = self._manager.restore(step, args=arguments)
      sys.unraisablehook = hook
      tree = jax.tree.map(np.asarray, found["tree"])
      crc = files.checksum(*jax.tree.leaves(tree))
      whole = found["checksum"]["crc32"] == crc and _arrays(tree) == _arrays(like)
      why = "its checksum differs"
    except Exception as error:  # orbax and tensorstore raise a dozen kinds
      logging.getLogger(__name__).debug("%s", error)
      whole, why = False, "files in it are missing or broken"
      if told := _of_the_machine(error):
        raise UserError(f"checkpoint {self._path / str(step)} cannot be read ({told})") from error
    if not whole:
      raise UserError(self._refusal(step, like, why))
    return tree

  def _refusal(self, step: int, like: PyTree | None = None, why: str = "") -> str:
    """Why a checkpoint is not what was asked for: only what is damaged may be deleted."""
    folder = self._path / str(step)
    if unreadable := _unreadable(folder):
      return f"checkpoint {folder} cannot be read ({unreadable}); ask for permission to read it"
    if like is not None and (difference := _difference(self._recorded(step), _arrays(like))):
      return (
        f"checkpoint {folder} is of another model: {difference}; the code or the config has "
        "changed since, and the one that wrote it reads it"
      )
    return (
      f"checkpoint {folder} is damaged or cut short{why and f' ({why})'}; delete that folder, and "
      f"the same command goes on from {self._before(step)}"
    )

  def _recorded(self, step: int) -> dict[str, str]:
    """The arrays that a checkpoint says it holds; {} where that is damaged."""
    try:
      about = self._manager.restore(step, args=ocp.args.Composite(checksum=ocp.args.JsonRestore()))
      about = about["checksum"]
      if "arrays" in about:
        whole = about["arrays_crc32"] == _checksum_of_text(about["arrays"])
        return about["arrays"] if whole else {}
      # Of genjax 0.1.0: orbax's own word, which has no checksum.
      folder = self._path.absolute() / str(step) / "tree"
      return _arrays(ocp.StandardCheckpointHandler().metadata(folder).tree)
    except Exception as error:  # as above
      logging.getLogger(__name__).debug("%s", error)
      return {}

  def restore_totals(self, step: int, like: PyTree) -> PyTree | None:
    """The totals that were saved with a step, as numpy arrays; None where there were none."""
    if not (self._path / str(step) / "totals").is_dir():
      return None
    like = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), like)
    arguments = ocp.args.Composite(totals=ocp.args.StandardRestore(like))
    try:
      return jax.tree.map(np.asarray, self._manager.restore(step, args=arguments)["totals"])
    except Exception as error:  # as above
      logging.getLogger(__name__).debug("%s", error)
      raise UserError(self._refusal(step)) from None

  def close(self) -> None:
    self._manager.wait_until_finished()
    self._manager.close()

  def _before(self, step: int) -> str:
    earlier = [s for s in self._manager.all_steps() if s < step]
    return f"step {max(earlier)}" if earlier else "the start"


def _arrays(tree: PyTree) -> dict[str, str]:
  """Name -> shape and type of each array: "state.step" -> "[4] int32"."""
  return {
    jax.tree_util.keystr(path, simple=True, separator="."): f"{list(leaf.shape)} {leaf.dtype}"
    for path, leaf in jax.tree.leaves_with_path(tree)
  }


def _difference(recorded: dict[str, str], wanted: dict[str, str]) -> str:
  """The first array in which a checkpoint differs from a model, in words; "" if there is none."""
  for name in dict.fromkeys((*wanted, *recorded)) if recorded else ():
    there, here = recorded.get(name, "absent"), wanted.get(name, "absent")
    if there != here:
      return f"{name} is {there} there and {here} here"
  return ""


_OF_THE_MACHINE = (
  *(errno.EIO, errno.ENOMEM, errno.EMFILE, errno.ENFILE),
  *(errno.ESTALE, errno.ETIMEDOUT),
)


def _of_the_machine(error: BaseException | None) -> str:
  """The words of what a machine lacked while reading: memory, or a disk that answers; or ""."""
  while error:
    if isinstance(error, MemoryError):
      return "out of memory"
    if isinstance(error, OSError) and error.errno in _OF_THE_MACHINE:
      return error.strerror
    error = error.__cause__ or error.__context__
  return ""


def _unreadable(folder: pathlib.Path) -> str:
  """What this user may not read first, and the system's word for it; "" where all can be read."""
  errors = []
  for root, _, names in os.walk(folder, onerror=errors.append):
    for file in names:
      try:
        open(os.path.join(root, file), "rb").close()
      except OSError as error:
        errors.append(error)
  return f"{errors[0].filename}: {errors[0].strerror}" if errors else ""


def _checksum_of_text(arrays: dict[str, str]) -> int:
  return zlib.crc32("\n".join(map(" ".join, sorted(arrays.items()))).encode())


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
  """Holds Ctrl-C back: orbax, stopped within a save, would wait for itself for minutes."""
  if threading.current_thread() is not threading.main_thread():
    yield  # which Ctrl-C does not reach
    return
  pressed = []
  handler = signal.signal(signal.SIGINT, lambda *_: pressed.append(True))
  try:
    yield
  finally:
    signal.signal(signal.SIGINT, handler)
  if pressed:
    raise KeyboardInterrupt


def _unless_late(hook: Callable, event) -> None:
  """Where one array cannot be read, orbax leaves the others' reads nowhere to report to."""
  if str(event.exc_value) != "Event loop is closed":
    hook(event)


class LoadedRun(NamedTuple):
  """One trained run as pure functions: jit and vmap them, differentiate them in reverse mode."""

  path: pathlib.Path  # the workdir
  index: int  # its row in runs.csv
  numbers: dict  # seed, latent, learning_rate, ...
  step: int  # of these weights
  failed_at: int  # -1 where the run did not fail
  generate: Callable[..., Array]  # (z [B, latent], label [B] or None) -> [B, H, W, C] in [0, 1]
  encode: Callable | None  # images in [0, 1] -> mean [B, latent], logvar [B, latent]
  # (images in [0, 1], label [B] or None) -> critic's scores [B]; of a critic with batch norm they
  # depend on the other images, as in training
  score: Callable | None
  state: State

  def __repr__(self) -> str:  # without thousands of weights
    numbers = ", ".join(f"{name}={value}" for name, value in self.numbers.items())
    return f"LoadedRun({numbers}, step={self.step}, failed_at={self.failed_at})"

  def noise(self, count: int, seed: int = 0) -> Array:
    """Standard normal `[count, latent]`: what the commands draw their first images from."""
    return image_noise(seed, jnp.arange(count), self.numbers["latent"])

  def interpolate(
    self,
    a: Array,
    b: Array,
    steps: int = 9,
    kind: str = "spherical",
    label: int | None = None,
  ) -> Array:
    """Images `[steps, H, W, C]` of the path from a latent `[latent]` to another, both included.

    Args:
      kind: "spherical" or "linear", as in `paths.between`.
      label: the class of all images, of a conditional model.
    """
    path = paths.between(jnp.asarray(a), jnp.asarray(b), steps, kind)
    return self.generate(path, None if label is None else jnp.full(steps, label))

  @property
  def metrics(self) -> dict[str, metrics_file.Series]:
    """Steps and values by name, as metrics.csv has them now: losses, validation, and scores."""
    return metrics_file.read_series(self.path).get(self.index, {})


def load(path: str | pathlib.Path, weights: str = "best") -> list[LoadedRun]:
  """The runs of a workdir, finished or not, in the order of runs.csv.

  Args:
    path: the workdir; of a grid, one of its folders.
    weights: "best", of the step with the lowest validation criterion, "last", or "raw", the last
      ones of a GAN without its averaging.

  Raises:
    UserError: no workdir, nothing saved yet, or a checkpoint that cannot be read.
  """
  return read(path).loaded(weights)


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
    if weights not in ("best", "last", "raw"):
      raise UserError(f"weights is {weights!r}; right would be 'best', 'last' or 'raw'")
    states = self.progress.best if weights == "best" else self.progress.state
    states = states._replace(opt_state={})
    if weights == "raw" and states.ema:
      parts = {"params": states.params["generator"], "stats": states.stats["generator"]}
      return states._replace(ema=parts)
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


def read(path: str | pathlib.Path) -> Saved:
  """All runs of a workdir, finished or not. Raises `UserError` as `load` does."""
  path = pathlib.Path(path)
  record = workdir.read_config(path)
  workdir.check_arrays(path, record)
  metrics_file.tell_lost_figures(path)
  config = ml_collections.ConfigDict(record["config"])
  try:
    genjax_config.check(config)
  except UserError as error:
    raise UserError(
      f"{path / 'config.json'} is not one of this genjax: {error}; genjax "
      f"{workdir.made_by(record)} wrote it, and reads it"
    ) from None
  rows = sweep.table(**record["config"]["sweep"])
  runs = sweep.runs(rows)
  shape = tuple(record["dataset"]["image_shape"])
  model = models.build(
    record["config"]["model"],
    shape,
    record["dataset"]["num_classes"],
    runs.latent_mask.shape[-1],
  )
  progress = _read_latest(path / "checkpoints", model, runs)
  classes = workdir.classes(record)
  return Saved(path, config, rows, runs, model, shape, classes, progress)


def shapes(model: Model, runs: Run) -> Progress:
  """What the progress of these runs looks like, without computing it."""
  return jax.eval_shape(jax.vmap(lambda run: Progress.begin(model.init(run))), runs)


def _read_latest(path: pathlib.Path, model: Model, runs: Run) -> Progress:
  tried = None
  while path.is_dir():
    with contextlib.closing(Checkpoints(path)) as checkpoints:
      step = checkpoints.latest()
      if step is None:
        break
      try:
        return checkpoints.restore(step, shapes(model, runs))
      except UserError:
        if step == tried:
          raise
      tried = step  # which a training may just have removed, as it has a later one
  raise UserError(f"{path.parent} has no checkpoint yet; train it further first")


def _loaded(saved: Saved, index: int, run: Run, state: State, failed_at: Array) -> LoadedRun:
  model, image_shape, row = saved.model, saved.image_shape, saved.rows[index]
  latent = row["latent"]

  def pad(z: Array) -> Array:
    if z.ndim != 2 or z.shape[-1] != latent:
      raise ValueError(f"z has shape {z.shape}; this run takes [B, {latent}]")
    return jnp.pad(z, ((0, 0), (0, model.latent - latent)))

  def check_image(image: Array) -> Array:
    if np.shape(image)[1:] != image_shape:
      wanted = ", ".join(map(str, ("B", *image_shape)))
      raise ValueError(f"images have shape {np.shape(image)}; this run takes [{wanted}]")
    return image

  def check_label(label: Array | None) -> Array | None:
    if model.num_classes and label is None:
      raise ValueError(f"this model is conditional: give label [B], 0 to {model.num_classes - 1}")
    concrete = model.num_classes and not isinstance(label, jax.core.Tracer)
    if concrete and not 0 <= np.min(label) <= np.max(label) < model.num_classes:
      raise ValueError(f"label {label} is outside 0 to {model.num_classes - 1}")
    return label

  def encode(image: Array) -> tuple[Array, Array]:
    return tuple(part[:, :latent] for part in model.encode(run, state, check_image(image)))

  def score(image: Array, label: Array | None = None) -> Array:
    return model.score(run, state, check_image(image), check_label(label))

  return LoadedRun(
    path=saved.path,
    index=index,
    numbers=row,
    step=int(state.step),
    failed_at=int(failed_at),
    generate=lambda z, label=None: model.generate(run, state, pad(z), check_label(label)),
    encode=encode if model.encode else None,
    score=score if model.score else None,
    state=state,
  )
