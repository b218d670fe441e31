"""Compiled programs that the next start finds.

JAX's own cache keeps what XLA makes of a program, and finds it by the program: a start has to trace
and lower all that it calls, which takes longer than anything else before the first step. Here it is
found by its recipe, which is hashed with all else that it may depend on. What the hash does not see
is code that was replaced within the process: names that modules of genjax no longer mean.
"""

import contextlib
import functools
import hashlib
import os
import pathlib
import pickle
import platform
import re
import threading
import time
from collections.abc import Callable, Iterator
from importlib import metadata
from typing import Any, NamedTuple

import jax
from absl import logging
from jax.experimental import serialize_executable
from jax.experimental.compilation_cache import compilation_cache

from genjax import files, process
from genjax.types import Model, PyTree

_PACKAGE = pathlib.Path(__file__).resolve().parents[1]
# The code that programs are made of.
_ROOMS = ("types.py", "rng.py", "models/*.py", "metrics/*.py", "data/*.py", "training/*.py")
_MACHINE = tuple(map(pathlib.Path, ("/proc/cpuinfo", "/proc/driver/nvidia/version")))
_LIBRARIES = ("jax", "jaxlib", "flax", "optax")
_PLUGINS = re.compile("(nvidia|jax-cuda|jax-rocm|libtpu)")
_VARIABLES = ("XLA_FLAGS", "LIBTPU_INIT_ARGS", "PJRT_NPROC", "NPROC")
# JAX's settings that change no program.
_IRRELEVANT = {
  "jax_compilation_cache_dir",
  "jax_compilation_cache_max_size",
  "jax_enable_compilation_cache",
  "jax_explain_cache_misses",
  "jax_log_compiles",
  "jax_logging_level",
  "jax_persistent_cache_min_compile_time_secs",
  "jax_persistent_cache_min_entry_size_bytes",
  "jax_pprint_use_color",
  "jax_raise_persistent_cache_errors",
  "jax_traceback_filtering",
  "jax_traceback_in_locations_limit",
}
_UNUSED = 30 * 24 * 3600  # seconds after which a file goes
_LOCK = threading.RLock()  # of JAX's settings


class Program(NamedTuple):
  """What was compiled."""

  run: jax.stages.Compiled
  temporary: int  # bytes besides its arguments, whose place its results take where they may


class Kept:
  """As `jax.jit(function, **options)`, of positional arrays, and not within another function's jit.

  Its programs lie in a folder within that of JAX's cache, and are trusted as much as those there:
  who may write to it may have code run. Without such a cache none is kept.

  Args:
    function: what is compiled.
    recipe: what its program depends on beside genjax's code, JAX's settings, the machine and the
      arguments; "" if unknown, and then none is kept.
    options: of `jax.jit`.
  """

  def __init__(self, function: Callable, recipe: str, **options: Any):
    self.programs: dict[tuple, Program] = {}  # by what they are given
    self._jitted, self._recipe = jax.jit(function, **options), recipe

  def __call__(self, *given: PyTree) -> PyTree:
    return self.program(*given).run(*given)

  def lower(self, *given: PyTree) -> jax.stages.Lowered:
    """The program for such arguments, or for their shapes, before XLA."""
    return self._jitted.lower(*given)

  def program(self, *given: PyTree) -> Program:
    """The program for such arguments, or for their shapes and shardings."""
    leaves, tree = jax.tree.flatten(given)
    signature = tree, tuple(map(_kind, leaves)), _settings()
    if signature not in self.programs:
      file = _file(self._recipe, str(tree), *signature[1:])
      self.programs[signature] = _read(file, _loaded) or _made(file, self.lower(*given))
    return self.programs[signature]


def of_model(name: str, function: Callable, model: Model, *options: Any, **jit: Any) -> Kept:
  """`Kept` of a function that is made of a model and of these options, and of nothing else.

  `name` says which function it is, and `jit` has options of `jax.jit`.
  """
  return Kept(function, _recipe(name, model, options), **jit)


def remembered(name: str, compute: Callable[[], PyTree], model: Model, *options: Any) -> PyTree:
  """What `compute` gives of a model and of these options, and no arrays: once for all processes."""
  file = _file(_recipe(name, model, options), _settings())
  known = _read(file)
  if known is None:
    known = compute()
    _write(file, lambda: known)
  return known


def _recipe(name: str, model: Model, options: tuple) -> str:
  return model.recipe and repr((name, model.recipe, options))


def _file(recipe: str, *others: Any) -> pathlib.Path | None:
  with _LOCK:
    cache, used = jax.config.jax_compilation_cache_dir, jax.config.jax_enable_compilation_cache
  environment = _environment()
  if not (recipe and environment and used and cache) or "://" in cache:
    return None
  name = hashlib.sha256(repr((recipe, environment, *others)).encode()).hexdigest()
  return pathlib.Path(cache, "programs", name)


def _read(file: pathlib.Path | None, load: Callable | None = None) -> Any:
  try:
    content = pickle.loads(file.read_bytes()) if file else None
    if content is None:
      return None
    with contextlib.suppress(OSError):  # of another user's
      os.utime(file)
    return load(content) if load else content
  except FileNotFoundError:
    return None
  except Exception as error:  # whatever a damaged file may raise; it is written anew
    logging.warning("%s is not used: %s", file, error)
    return None


def _write(file: pathlib.Path | None, content: Callable) -> None:
  if not file or _code() != _CODE:  # edited since: the code that was traced is an older one
    return
  try:
    file.parent.mkdir(parents=True, exist_ok=True)
    files.write(file, pickle.dumps(content()))
    for other in file.parent.iterdir():
      with contextlib.suppress(FileNotFoundError):  # another process cleared it away
        if time.time() - other.stat().st_mtime > _UNUSED:
          other.unlink()
  except Exception as error:  # the disk's, or of what cannot be serialised; the next start is slow
    _tell(file.parent, error.strerror if isinstance(error, OSError) else str(error))


@functools.cache  # once for all programs
def _tell(folder: pathlib.Path, why: str) -> None:
  logging.warning("%s: programs are not kept: %s", folder, why)


def _made(file: pathlib.Path | None, lowered: jax.stages.Lowered) -> Program:
  with _LOCK:
    with _no_cache() if file and jax.default_backend() == "cpu" else contextlib.nullcontext():
      compiled = lowered.compile()
    stats = compiled.memory_analysis()
    returned = stats.output_size_in_bytes - stats.alias_size_in_bytes
    program = Program(compiled, stats.temp_size_in_bytes + returned)
    _write(file, lambda: _stored(program))
  return program


@contextlib.contextmanager
def _no_cache() -> Iterator[None]:
  """JAX's cache is not asked: on a CPU what comes from there cannot be serialised once more."""
  jax.config.update("jax_enable_compilation_cache", False)
  compilation_cache.reset_cache()  # what was compiled so far had decided whether there is one
  try:
    yield
  finally:
    jax.config.update("jax_enable_compilation_cache", True)
    compilation_cache.reset_cache()


def _stored(program: Program) -> tuple:
  shardings = jax.tree.leaves((program.run.input_shardings, program.run.output_shardings))
  devices = max(map(_devices, shardings), key=len)
  return devices, program.temporary, serialize_executable.serialize(program.run)


def _loaded(content: tuple) -> Program:
  devices, temporary, serialised = content
  known = {device.id: device for device in jax.devices()}
  execution = [known[device] for device in devices]
  run = serialize_executable.deserialize_and_load(*serialised, execution_devices=execution)
  return Program(run, temporary)


def _kind(leaf: Any) -> tuple:
  """What a program asks of an argument: its shape, type and devices."""
  if isinstance(leaf, int | float):
    return (type(leaf),)
  place = _place(getattr(leaf, "sharding", None))
  return leaf.shape, leaf.dtype, getattr(leaf, "weak_type", False), place


@functools.lru_cache(maxsize=64)
def _place(sharding: jax.sharding.Sharding | None) -> tuple:
  """Devices and memory, and how an array is spread over them; on one all shardings are alike."""
  if sharding is None:
    return ()
  devices = tuple(_devices(sharding))
  return devices, sharding.memory_kind, sharding if len(devices) > 1 else None


def _devices(sharding: jax.sharding.Sharding) -> list[int]:
  """Those of `sweep.mesh`, in its order."""
  return sorted(device.id for device in sharding.device_set)


def _settings() -> tuple:
  """JAX's settings, as the context has them."""
  every = jax.config.values
  return tuple(getattr(jax.config, name, every[name]) for name in _relevant())


@functools.cache
def _relevant() -> list[str]:
  return sorted(set(jax.config.values) - _IRRELEVANT)


def _code() -> str:
  """A hash of genjax's code as it lies on the disk; "" where there is none to be read."""
  hashed, found = hashlib.sha256(), [x for room in _ROOMS for x in sorted(_PACKAGE.glob(room))]
  try:
    for file in found:
      if not file.name.startswith("."):
        content = file.read_bytes()
        hashed.update(f"{file.relative_to(_PACKAGE)} {len(content)} ".encode() + content)
  except OSError:
    return ""
  return hashed.hexdigest() if found else ""


def _variables() -> list[str | None]:
  return [os.environ.get(name) for name in _VARIABLES]


_CODE, _GIVEN = _code(), _variables()  # as they are imported


@functools.cache
def _environment() -> tuple:
  """The code, libraries and machine of this process; empty where they cannot be told."""
  devices = [(device.id, device.device_kind) for device in jax.devices()]
  # XLA reads them once, some time between the import and here; and may read a file that they name.
  told = _variables() == _GIVEN and all((flags or "-").startswith("-") for flags in _GIVEN[:2])
  versions = _versions()
  if not (_CODE and told and versions):
    return ()
  lines = [line for file in _MACHINE if file.exists() for line in file.read_text().splitlines()]
  known = sorted({line for line in lines if re.match("flags|Features|model name|NVRM", line)})
  machine = platform.machine(), known or platform.processor(), process.cores(), _GIVEN
  return _CODE, *versions, *machine, devices, jax.devices()[0].client.platform_version


def _versions() -> list[tuple]:
  """Of the libraries, and of a device's plugins; none where one is being edited."""
  names = list(_LIBRARIES)
  if jax.default_backend() != "cpu":
    names += sorted(x.name for x in metadata.distributions() if _PLUGINS.match(x.name or ""))
  try:
    found = [metadata.distribution(name) for name in names]
  except metadata.PackageNotFoundError:
    return []
  edited = any("editable" in (one.read_text("direct_url.json") or "") for one in found)
  return [] if edited else [(one.name, one.version) for one in found]
