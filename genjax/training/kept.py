"""Compiled programs that the next start finds.

JAX's own cache keeps what XLA makes of a program, and finds it by the program: a start has to trace
and lower all that it calls, which takes longer than anything else before the first step. Here it is
found by what the program is made of.
"""

import contextlib
import functools
import hashlib
import os
import pathlib
import pickle
import platform
import re
from collections.abc import Callable, Iterator
from importlib import metadata
from typing import Any

import jax
from absl import logging
from jax.experimental import serialize_executable
from jax.experimental.compilation_cache import compilation_cache

from genjax import files
from genjax.types import Model, PyTree

_PACKAGE = pathlib.Path(__file__).resolve().parents[1]
_PROCESSOR = pathlib.Path("/proc/cpuinfo")
_LIBRARIES = ("jax", "jaxlib", "flax", "optax")
_VARIABLES = ("XLA_FLAGS", "LIBTPU_INIT_ARGS")
_ELSEWHERE = re.compile("cache|_dir|log|dump|pprint|traceback")  # settings that change no program


class Kept:
  """As `jax.jit(function, **options)`, of positional arguments.

  Its programs are kept in a folder within that of JAX's cache, in place of there, and are trusted
  as much: who may write to it may have code run. Where JAX has no such cache nothing is kept.

  Args:
    function: what is compiled.
    made_of: all that its program depends on beside genjax's code, the machine and the arguments; ""
      where nobody knows, and then nothing is kept.
    static: how many of its arguments, the last ones, are no arrays.
    options: others of `jax.jit`.
  """

  def __init__(self, function: Callable, made_of: str, static: int = 0, **options: Any):
    self.made = {}  # what was compiled or found so far
    self._made_of, self._static, self._function, self._options = made_of, static, function, options

  def __call__(self, *given: PyTree) -> PyTree:
    return self.compiled(*given)(*self._arrays(given))

  def lower(self, *given: PyTree) -> jax.stages.Lowered:
    """The program for such arguments, or for their shapes, before XLA."""
    static = tuple(range(len(self._arrays(given)), len(given)))
    return jax.jit(self._function, static_argnums=static, **self._options).lower(*given)

  def compiled(self, *given: PyTree) -> jax.stages.Compiled:
    """The program for such arguments, or for shapes that say where they lie."""
    arrays = self._arrays(given)
    leaves, tree = jax.tree.flatten(arrays)
    asked = tree, tuple(map(_kind, leaves)), given[len(arrays) :]
    if asked not in self.made:
      tree, kinds, static = asked
      where = [sharding and _devices(sharding) for *_, sharding in kinds]
      file = _file(self._made_of, str(tree), kinds, where, static)
      self.made[asked] = _read(file, _loaded) or _compiled(file, self.lower(*given))
    return self.made[asked]

  def _arrays(self, given: tuple) -> tuple:
    return given[: len(given) - self._static]


def of_model(name: str, function: Callable, model: Model, *options: Any, **others: Any) -> Kept:
  """`Kept` of a function that is made of a model and of these options, and of nothing else.

  `name` says which function it is; others are those of `Kept`.
  """
  return Kept(function, _made_of(name, model, options), **others)


def remembered(name: str, compute: Callable[[], PyTree], model: Model, *options: Any) -> PyTree:
  """What `compute` gives of a model and of these options, once for all starts: no arrays."""
  file = _file(_made_of(name, model, options))
  known = _read(file, lambda content: content)
  if known is None:
    known = compute()
    _write(file, lambda: known)
  return known


def _made_of(name: str, model: Model, options: tuple) -> str:
  return model.recipe and repr((name, model.recipe, options))


def _file(made_of: str, *others: Any) -> pathlib.Path | None:
  cache = jax.config.jax_compilation_cache_dir
  if not (cache and made_of):
    return None
  words = repr((made_of, *_surroundings(), *others))
  return pathlib.Path(cache, "programs", hashlib.sha256(words.encode()).hexdigest())


def _read(file: pathlib.Path | None, load: Callable) -> Any:
  if not (file and file.exists()):
    return None
  try:
    return load(pickle.loads(file.read_bytes()))
  except Exception as error:  # a damaged file may raise anything, and is written anew
    logging.info("%s is not used: %s", file, error)
    return None


def _write(file: pathlib.Path | None, content: Callable) -> None:
  if not file:
    return
  try:
    file.parent.mkdir(parents=True, exist_ok=True)
    files.write(file, pickle.dumps(content()))
  except (OSError, ValueError, NotImplementedError) as error:  # which JAX says of some programs
    logging.info("%s is not kept: %s", file, error)


def _compiled(file: pathlib.Path | None, lowered: jax.stages.Lowered) -> jax.stages.Compiled:
  if not file:
    return lowered.compile()
  with _no_cache():
    program = lowered.compile()
  _write(file, lambda: _stored(program))
  return program


def _stored(program: jax.stages.Compiled) -> tuple:
  shardings = jax.tree.leaves((program.input_shardings, program.output_shardings))
  return max(map(_devices, shardings), key=len), serialize_executable.serialize(program)


def _loaded(content: tuple) -> jax.stages.Compiled:
  devices, program = content
  known = {device.id: device for device in jax.devices()}
  execution = [known[device] for device in devices]
  return serialize_executable.deserialize_and_load(*program, execution_devices=execution)


@contextlib.contextmanager
def _no_cache() -> Iterator[None]:
  """JAX's cache is not asked: what comes from there, on a CPU, cannot be written once more."""
  before = jax.config.jax_enable_compilation_cache
  jax.config.update("jax_enable_compilation_cache", False)
  compilation_cache.reset_cache()  # what was compiled so far had decided whether there is one
  try:
    yield
  finally:
    jax.config.update("jax_enable_compilation_cache", before)
    compilation_cache.reset_cache()


def _kind(leaf: Any) -> tuple:
  """What a program asks of an argument: its shape, type and devices."""
  if isinstance(leaf, int | float):
    return type(leaf), None
  weak, sharding = getattr(leaf, "weak_type", False), getattr(leaf, "sharding", None)
  return leaf.shape, leaf.dtype, weak, sharding


def _devices(sharding: jax.sharding.Sharding) -> list[int]:
  mesh = getattr(sharding, "mesh", None)
  return [device.id for device in (sharding.device_set if mesh is None else mesh.devices.flat)]


def _surroundings() -> tuple:
  """What else may change a program: genjax's code, libraries, JAX's settings, and the machine."""
  settings = [x for x in sorted(jax.config.values.items()) if not _ELSEWHERE.search(x[0])]
  devices = [(device.id, device.device_kind) for device in jax.devices()]
  version = jax.devices()[0].client.platform_version
  return _fixed(), settings, devices, version, [os.environ.get(name) for name in _VARIABLES]


@functools.cache
def _fixed() -> tuple:
  code = hashlib.sha256()
  for file in sorted(_PACKAGE.rglob("*.py")):
    code.update(file.read_bytes())
  try:
    lines = _PROCESSOR.read_text().splitlines()
  except OSError:
    lines = []
  known = [line for line in lines if line.startswith(("flags", "Features", "model name"))]
  processor = sorted(set(known)) or [platform.processor()]
  versions = [metadata.version(name) for name in _LIBRARIES]
  return code.hexdigest(), platform.machine(), processor, versions
