"""Checkpoints with orbax: all runs of a program in one, and one run as pure functions."""

import contextlib
import errno
import logging
import os
import pathlib
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial

import jax
import numpy as np
import orbax.checkpoint as ocp

from genjax import files, process
from genjax.training import kept
from genjax.types import Model, Progress, PyTree, Run, UserError

LARGE = 2**28  # bytes of a checkpoint for whose end training waits, instead of taking more memory
FILE_SIZE = 2**26  # of its files: as many bytes are held until they are written

_failed: set[str] = set()  # folders of the checkpoints that could not be read, which was told


class Checkpoints:
  """A few checkpoints in `path`. Each is written aside and renamed, so it is always complete.

  Without `keep` they are read only; with it, what a killed process left incomplete is removed.
  """

  def __init__(self, path: pathlib.Path, keep: int | None = None):
    self._path = path
    options = ocp.CheckpointManagerOptions(
      max_to_keep=keep, create=keep is not None, cleanup_tmp_directories=keep is not None
    )
    handlers = {
      "tree": _handler(), "totals": _handler(), "checksum": ocp.JsonCheckpointHandler()
    }  # fmt: skip
    self._manager = ocp.CheckpointManager(path.absolute(), options=options, item_handlers=handlers)

  def save(self, step: int, tree: PyTree, totals: PyTree | None = None) -> None:
    """Writes in the background, unless larger than `LARGE`.

    The next save, `latest` and `close` wait for it.

    `totals` are sums since the last row of metrics.csv, where a step is saved between two rows.
    """
    tree = jax.tree.map(np.asarray, tree)
    arrays = _arrays(tree)
    crc = files.checksum(*jax.tree.leaves(tree))
    about = {"crc32": crc, "arrays": arrays, "arrays_crc32": _checksum_of_text(arrays)}
    items = {"tree": _save(tree), "checksum": ocp.args.JsonSave(about)}
    if totals is not None:
      items["totals"] = _save(jax.tree.map(np.asarray, totals))
    with uninterrupted():
      self._manager.save(step, args=ocp.args.Composite(**items), force=True)
      if sum(leaf.nbytes for leaf in jax.tree.leaves(tree)) > LARGE:
        self._manager.wait_until_finished()

  def latest(self) -> int | None:
    return self._manager.latest_step()

  def restore(self, step: int, like: PyTree) -> PyTree:
    """The checkpoint of that step, as numpy arrays of the shapes in `like`.

    Raises:
      UserError: it is damaged, it holds other arrays, or it may not be read.
    """
    like = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), like)
    try:
      found = self._read(step, tree=_restore(like), checksum=ocp.args.JsonRestore())
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

  def _read(self, step: int, **items: ocp.args.CheckpointArgs) -> ocp.args.Composite:
    """Items of a checkpoint. Where that fails, what is raised is all that is told of it.

    Where one array cannot be read, orbax leaves the others' reads nowhere to report to, and Python
    would print what became of them: at once, or when it next collects garbage.
    """
    hook = sys.unraisablehook
    sys.unraisablehook = partial(_unless_late, hook)  # and stays where a read fails in a command
    try:
      found = self._manager.restore(step, args=ocp.args.Composite(**items))
    except Exception:
      _failed.add(str(self._path.absolute() / str(step)))
      logging.getLogger("asyncio").addFilter(_unless_told)
      if not process.is_command():
        time.sleep(1)  # by then the others' reads have ended
        sys.unraisablehook = hook
      raise
    sys.unraisablehook = hook
    return found

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
      f"the command that made the workdir goes on from {self._before(step)}"
    )

  def _recorded(self, step: int) -> dict[str, str]:
    """The arrays that a checkpoint says it holds; {} where that is damaged."""
    try:
      about = self._read(step, checksum=ocp.args.JsonRestore())["checksum"]
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
    try:
      return jax.tree.map(np.asarray, self._read(step, totals=_restore(like))["totals"])
    except Exception as error:  # as above
      logging.getLogger(__name__).debug("%s", error)
      raise UserError(self._refusal(step)) from None

  def close(self) -> None:
    self._manager.wait_until_finished()
    self._manager.close()

  def _before(self, step: int) -> str:
    earlier = [s for s in self._manager.all_steps() if s < step]
    return f"step {max(earlier)}" if earlier else "the start"


def _handler() -> ocp.PyTreeCheckpointHandler:
  """Reads and writes numpy arrays, without the copy of them all that orbax would make first.

  Those of a CPU's devices are views, whose memory JAX leaves alone as long as they are there.
  """
  numpy = ocp.type_handlers.NumpyHandler(deepcopy_host_arrays=False)
  handlers = (np.ndarray, numpy), (jax.Array, ocp.type_handlers.ArrayHandler())
  registry = ocp.type_handlers.create_type_handler_registry(*handlers)
  return ocp.PyTreeCheckpointHandler(type_handler_registry=registry)


def _save(tree: PyTree) -> ocp.args.PyTreeSave:
  return ocp.args.PyTreeSave(tree, ocdbt_target_data_file_size=FILE_SIZE)


def _restore(like: PyTree) -> ocp.args.PyTreeRestore:
  arguments = jax.tree.map(lambda leaf: ocp.RestoreArgs(restore_type=np.ndarray), like)
  return ocp.args.PyTreeRestore(like, restore_args=arguments)


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
  for cause in files.causes(error):
    if isinstance(cause, MemoryError):
      return "out of memory"
    if isinstance(cause, OSError) and cause.errno in _OF_THE_MACHINE:
      return cause.strerror
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
  text = "\n".join(map(" ".join, sorted(arrays.items())))
  return files.checksum(np.frombuffer(text.encode(), np.uint8))


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
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
    signal.raise_signal(signal.SIGINT)  # to whoever's handler it is


def _unless_late(hook: Callable, event) -> None:
  """Hands on what Python cannot raise, but for reads that end after the one that failed."""
  if str(event.exc_value) != "Event loop is closed":
    hook(event)


def _unless_told(record: logging.LogRecord) -> bool:
  """Whether a message of asyncio is of something else than a read that ended unasked for."""
  late = record.exc_info and "never retrieved" in record.getMessage()
  return not late or not any(folder in str(record.exc_info[1]) for folder in _failed)


def shapes(model: Model, runs: Run) -> Progress:
  """What the progress of these runs looks like, without computing it."""
  R = len(runs.learning_rate)

  def of_one() -> Progress:
    run = jax.eval_shape(lambda runs: jax.tree.map(lambda leaf: leaf[0], runs), runs)
    return jax.eval_shape(lambda run: Progress.begin(model.init(run)), run)

  one = kept.remembered("progress", of_one, model)
  return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct((R, *leaf.shape), leaf.dtype), one)
