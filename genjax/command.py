"""What every command line shares: flags, one-line errors, exit statuses, and JAX's settings.

Exit status: 0 done; 1 a fault of ours, with its traceback; 2 the user's mistake, one line on
stderr; 130 interrupted from the keyboard.
"""

import os
import pathlib
import re
import signal
import sys
import threading
from collections.abc import Callable

import jax
import ml_collections
from absl import app, flags, logging

from genjax.types import UserError


def run(main: Callable[[], None]) -> None:
  """Parses the flags and runs `main`; ends the process with the statuses above."""
  app.run(lambda _: _guarded(main), flags_parser=_parse)


_interrupted = threading.Event()


def _on_interrupt(signum, frame) -> None:
  _interrupted.set()
  raise KeyboardInterrupt


def stop_if_interrupted() -> None:
  """Raises the `KeyboardInterrupt` of a Ctrl-C that Python dropped.

  It drops what is raised within a callback of its garbage collector, of which compiling has many.
  """
  if _interrupted.is_set():
    raise KeyboardInterrupt


def _guarded(main: Callable[[], None]) -> None:
  if not flags.FLAGS["verbosity"].present:
    logging.set_verbosity(logging.WARNING)  # orbax tells of every file it writes
  try:
    signal.signal(signal.SIGINT, _on_interrupt)
    prepare_jax()
    main()
  except UserError as error:
    _refuse(error)
  except KeyboardInterrupt:
    sys.stderr.write(
      "\ninterrupted; the same command goes on from the last checkpoint, if there is one\n"
    )
    sys.exit(130)


def _refuse(error: object) -> None:
  line = " ".join(str(error).split())
  sys.stderr.write(f"genjax: {line}\n")
  sys.exit(2)


def _parse(arguments: list[str]) -> list[str]:
  logging.set_verbosity(logging.ERROR)  # a config file that returns nothing has its line below
  # ml_collections raises what it meets in a config file or an override: a dozen kinds.
  try:
    rest = flags.FLAGS(arguments)
  except Exception as error:
    return _refuse(_readable(error, arguments))
  if rest[1:]:
    _refuse(f"{rest[1]!r} is no flag; flags look like --workdir=...")
  return rest


def _readable(error: Exception, arguments: list[str]) -> str:
  if isinstance(error, KeyError | AttributeError) and error.args:
    return _unknown_key(str(error.args[0]), arguments)
  if isinstance(error, flags.IllegalFlagValueError) and (line := _wrong_value(error)):
    return line
  # A mistake in a config file arrives as text, its traceback included: the last line says it.
  text = str(error).strip().splitlines()[-1] if "Traceback" in str(error) else str(error)
  return text if isinstance(error, flags.Error) else f"{_config_flag(arguments)}{text}"


def _wrong_value(error: flags.IllegalFlagValueError) -> str:
  """What a number, a tuple or a truth value should look like; "" for flags of other kinds."""
  # absl's text ends in that of the error it met, which is Python's: "invalid literal for int()".
  given = str(error).removeprefix("flag --").removesuffix(f": {error.__context__}")
  name, _, value = given.partition("=")
  standard = flags.FLAGS[name].default if name in flags.FLAGS else None
  if type(standard) not in _KINDS:
    return ""
  kind, example = _KINDS[type(standard)]
  example = standard or example
  example = f'"{tuple(example)}"' if isinstance(example, list) else example
  return f"{name} is {value!r}; right would be {kind}, such as --{name}={example}"


# What a flag takes, by its value in the config (of a tuple, absl has a list), and an example where
# that is none.
_KINDS = {
  int: ("a whole number", 1),
  float: ("a number", 1.0),
  bool: ("True or False", False),
  list: ("a tuple", [1, 2]),
}


def _config_flag(arguments: list[str]) -> str:
  named = re.search(r"--?config[= ](\S+)", " ".join(arguments))
  return f"--config={named[1]}: " if named else ""


def _unknown_key(text: str, arguments: list[str]) -> str:
  """A line that has the whole key, of which ml_collections names but the last part."""
  overrides = [argument.lstrip("-").split("=")[0] for argument in arguments]
  named = re.search(r"\w+", text)
  wrong = [key for key in overrides if named and key.split(".")[-1] == named[0]]
  near = re.search(r'Did you mean "(\w+)"', text)
  line = f"unknown key {wrong[0]}" if wrong else _config_flag(arguments) + text.splitlines()[0]
  return line + (f"; did you mean {near[1]}?" if near else "")


def config_of(flag: flags.FlagHolder) -> ml_collections.ConfigDict:
  """The config that a flag names. Raises `UserError` where there is none."""
  config = flag.value
  if not flags.FLAGS[flag.name].present:
    raise UserError("--config is missing; name a file such as configs/vae_mnist.py")
  path = flags.FLAGS[flag.name].config_filename
  if isinstance(config, ml_collections.ConfigDict):
    return config
  if not pathlib.Path(path.split(":")[0]).is_file():
    raise UserError(f"--config={path}: there is no such file")
  raise UserError(f"--config={path}: its get_config() must return an ml_collections.ConfigDict")


def overrides_of(flag: flags.FlagHolder) -> dict:
  """The keys that the command line sets in the config of a flag, dotted, and their values."""
  return flags.FLAGS[flag.name].override_values


def prepare_jax() -> None:
  """A persistent compilation cache, and on a CPU a device a core, so that runs go side by side."""
  cache = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
  if not os.environ.get("JAX_COMPILATION_CACHE_DIR"):
    jax.config.update("jax_compilation_cache_dir", str(pathlib.Path(cache) / "genjax" / "jax"))
  jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
  jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
  if not os.environ.get("JAX_NUM_CPU_DEVICES"):
    allowed = getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count() or 1))
    jax.config.update("jax_num_cpu_devices", len(allowed(0)))
