"""What every command line shares: flags, one-line errors, exit statuses, and JAX's settings.

Exit status: 0 done; 1 a fault of ours, with its traceback; 2 the user's mistake, one line on
stderr; 130 interrupted from the keyboard; 128 + n ended by signal n, as 143 by SIGTERM.
"""

import contextlib
import difflib
import os
import pathlib
import re
import shlex
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

import jax
import ml_collections
from absl import app, flags, logging

from genjax import files
from genjax.types import UserError, now

flags.disclaim_key_flags()  # what `run_flags` defines belongs to its caller, for --help


def flags_of(module: str) -> flags.FlagValues:
  """Where a command defines its flags: imported, it leaves the names to the command that runs."""
  return flags.FLAGS if module == "__main__" else flags.FlagValues()


def run_flags(
  values: flags.FlagValues,
  runs: str = "Rows of runs.csv, as 0,3, or numbers, as latent=10,seed=0; all if empty.",
  workdir: str = "Folder that main left, or a study of such; more may follow.",
  weights: tuple[str, ...] = ("best", "last", "raw"),
) -> tuple[flags.FlagHolder, flags.FlagHolder, flags.FlagHolder]:
  """--workdir, --runs and --weights: which trained runs a command is about.

  Args:
    values: where they are defined, as `flags_of` has it.
    runs: what --help says of --runs.
    workdir: what it says of --workdir.
    weights: what a command can take, the first by default.
  """
  averaged = "Which weights" + ("; raw are not averaged." if "raw" in weights else ".")
  return (
    flags.DEFINE_string("workdir", None, workdir, flag_values=values),
    flags.DEFINE_list("runs", [], runs, flag_values=values),
    flags.DEFINE_enum("weights", weights[0], weights, averaged, flag_values=values),
  )


def workdirs_of(flag: flags.FlagHolder, more: Sequence[str]) -> list[str]:
  """The workdirs that a command line names: `--workdir=a`, `a b`, or both.

  Raises:
    UserError: there is none.
  """
  paths = [*filter(None, [flag.value]), *more]
  if not paths:
    raise UserError("--workdir is missing; name a folder that genjax.main left, or several")
  return paths


def data_flag(values: flags.FlagValues) -> flags.FlagHolder:
  """--data: where the data of runs lie, for commands that need them again."""
  return flags.DEFINE_string(
    "data",
    "",
    "Where the data of the runs lie now, if not where they were: a folder of images, a file .npz, "
    "or the directory of TFDS datasets.",
    flag_values=values,
  )


def run(main: Callable[..., None], positional: str = "", interrupted: str = "") -> None:
  """Parses the flags and runs `main`; ends the process with the statuses above.

  Args:
    main: takes nothing; or the list of arguments that are no flags, where there may be some.
    positional: what those are, as "workdirs"; "" where there may be none.
    interrupted: message shown after "interrupted".
  """
  app.run(
    lambda rest: _guarded(partial(main, rest[1:]) if positional else main, interrupted),
    flags_parser=partial(_parse, positional=positional),
  )


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


class Terminated(Exception):  # noqa: N818 (as KeyboardInterrupt, it is no error)
  """A signal asked the process to end, and what was reached is saved. The message is one line."""

  def __init__(self, asked: signal.Signals, message: str):
    super().__init__(f"ended by {asked.name}; {message}")
    self.status = 128 + asked


@contextlib.contextmanager
def held_signals() -> Iterator[list[signal.Signals]]:
  """Holds back what asks a process to end, as Slurm does: the list has what came.

  A second one of a kind ends the process at once. What is ignored, as under nohup, stays ignored.
  """
  came = []

  def hold(signum, frame) -> None:
    came.append(signal.Signals(signum))
    signal.signal(signum, signal.SIG_DFL)

  before = {}
  if threading.current_thread() is threading.main_thread():
    kinds = [getattr(signal, name, None) for name in ("SIGTERM", "SIGHUP", "SIGUSR1")]
    before = {kind: signal.getsignal(kind) for kind in kinds if kind}
  for kind, handler in before.items():
    if handler is not signal.SIG_IGN:
      signal.signal(kind, hold)
  try:
    yield came
  finally:
    for kind, handler in before.items():
      signal.signal(kind, handler)


def _guarded(main: Callable[[], None], interrupted: str = "") -> None:
  if not flags.FLAGS["verbosity"].present:
    logging.set_verbosity(logging.WARNING)  # orbax tells of every file it writes
    # And of what it raises as well, with pages of threads.
    logging.get_absl_handler().addFilter(
      lambda record: f"{os.sep}orbax{os.sep}" not in record.pathname
    )
  try:
    signal.signal(signal.SIGINT, _on_interrupt)
    prepare_jax()
    main()
  except UserError as error:
    _refuse(f"{_set_in_file(str(error))}{error}")
  except Terminated as ended:
    _leave(str(ended), ended.status)
  except KeyboardInterrupt:
    _leave("; ".join(filter(None, ["interrupted", interrupted])), 130)


def _set_in_file(line: str) -> str:
  """ "--config=FILE: " where a line is about keys that the config file sets; or ""."""
  keys = re.findall(r"\bconfig\.(?!json)([\w.]*\w)", line)
  if not keys or "config" not in flags.FLAGS or not flags.FLAGS["config"].present:
    return ""
  flag = flags.FLAGS["config"]
  given = {key.split(".")[-1] for key in flag.override_values}  # grid.width for model.width too
  if any(key.split(".")[-1] in given for key in keys):
    return ""
  return f"--config={flag.config_filename}: "


def _leave(line: str, status: int) -> None:
  sys.stderr.write(f"\n{line}\n")
  sys.stdout.flush()
  sys.stderr.flush()
  os._exit(status)  # Python's own end would take down what still compiles in a thread, and crash


def _refuse(error: object) -> None:
  line = " ".join(str(error).split())
  sys.stderr.write(f"genjax: {line}\n")
  sys.exit(2)


def _parse(arguments: list[str], positional: str = "") -> list[str]:
  flags.FLAGS.set_gnu_getopt(bool(positional))  # flags may stand after what is no flag
  logging.set_verbosity(logging.ERROR)  # a config file that returns nothing has its line below
  arguments = _last_of_each([_expanded(argument) for argument in arguments])
  # ml_collections raises what it meets in a config file or an override: a dozen kinds.
  try:
    rest = flags.FLAGS(arguments)
  except Exception as error:
    return _refuse(_readable(error, arguments))
  if rest[1:] and not positional:
    _refuse(f"{rest[1]!r} is no flag; flags look like --workdir=...")
  return rest


def _last_of_each(arguments: list[str]) -> list[str]:
  """Without a config key's values but the last, as absl would join those of tuples."""
  pieces = []  # each an argument, or a key and its value in the next one
  for argument in arguments:
    if pieces and re.fullmatch(r"--?config\.[^=]+", pieces[-1][0]) and argument[:2] != "--":
      pieces[-1].append(argument)
    else:
      pieces.append([argument])
  keys = [re.match(r"--?(config\.[^=]+)", piece[0]) for piece in pieces]
  last = {key[1]: place for place, key in enumerate(keys) if key}
  kept = [i for i, key in enumerate(keys) if not key or last[key[1]] == i]
  return [argument for i in kept for argument in pieces[i]]


def _expanded(argument: str) -> str:
  """With a home directory for the ~ of a flag's value, which shells leave as it is."""
  flag, equals, value = argument.partition("=")
  is_path = argument.startswith("-") and re.match(r"~[^/]*(/|$)", value)
  return f"{flag}{equals}{os.path.expanduser(value)}" if is_path else argument


def _readable(error: Exception, arguments: list[str]) -> str:
  if line := _unknown_key(arguments):
    return line
  if isinstance(error, flags.IllegalFlagValueError) and (line := _wrong_value(error)):
    return line
  if isinstance(error, flags.Error) and "Traceback" not in str(error):
    return str(error)
  path = _config_path(arguments)
  return f"--config={path}: {_in_config_file(error, path)}" if path else str(error)


def _in_config_file(error: Exception, path: str) -> str:
  """What is wrong in a config file, and in which of its lines.

  An exception of its get_config() arrives as itself, or as a text that holds its traceback.
  """
  if isinstance(error, UserError):
    return str(error)
  text = str(error)
  if "Traceback" not in text:
    text = "".join(traceback.format_exception(error))
  what = text.strip().splitlines()[-1]
  if what.endswith("has no attribute 'get_config'"):
    return "it has no function get_config()"
  lines = re.findall(rf'File "{re.escape(path.partition(":")[0])}", line (\d+)', text)
  return f"line {lines[-1]}: {what}" if lines else what


def _wrong_value(error: flags.IllegalFlagValueError) -> str:
  """What a number, a tuple or a truth value should look like; "" for flags of other kinds."""
  # absl's text ends in that of the error it met, which is Python's: "invalid literal for int()".
  given = str(error).removeprefix("flag --").removesuffix(f": {error.__context__}")
  name, _, value = given.partition("=")
  standard = flags.FLAGS[name].default if name in flags.FLAGS else None
  if type(standard) not in _KINDS:
    return ""
  kind, example = _KINDS[type(standard)]
  kind += _range(flags.FLAGS[name].parser)
  example = standard or example
  example = f'"{tuple(example)}"' if isinstance(example, list) else example
  return f"{name} is {value!r}; right would be {kind}, such as --{name}={example}"


def _range(parser: flags.ArgumentParser) -> str:
  """Where a flag's number must lie: " from 1 to 100,000"; "" where it may be any."""
  low, high = (getattr(parser, f"{end}_bound", None) for end in ("lower", "upper"))
  from_low = "" if low is None else f" from {low:,}"
  return from_low + ("" if high is None else f" to {high:,}")


# What a flag takes, by its value in the config (of a tuple, absl has a list), and an example where
# that is none.
_KINDS = {
  int: ("a whole number", 1),
  float: ("a number", 1.0),
  bool: ("True or False", False),
  list: ("a tuple", [1, 2]),
}


def _config_path(arguments: list[str]) -> str:
  """What --config names, last; "" where nothing does."""
  path = ""
  for argument, after in zip(arguments, [*arguments[1:], ""], strict=True):
    if found := re.fullmatch(r"--?config(?:=(.*))?", argument, re.DOTALL):
      path = after if found[1] is None else found[1]
  return path


def _unknown_key(arguments: list[str]) -> str:
  """A line with the first key that the config has not, and the nearest that it has; or ""."""
  overrides = [argument.lstrip("-").split("=")[0] for argument in arguments]
  overrides = [key.partition(".")[2] for key in overrides if key.startswith("config.")]
  try:
    known = list(_keys(flags.FLAGS["config"].parser.parse(_config_path(arguments))))
  except Exception:  # no config at all, or a mistake in its file, which has its own line
    return ""
  for key in overrides:
    if key not in known:
      near = _nearest(key, known)
      return f"unknown key config.{key}" + (f"; did you mean {near}?" if near else "")
  return ""


def _keys(config: ml_collections.ConfigDict, prefix: str = "") -> Iterator[str]:
  """Dotted keys, those of sections too."""
  for key, value in config.items():
    yield prefix + key
    if isinstance(value, ml_collections.ConfigDict):
      yield from _keys(value, f"{prefix}{key}.")


def _nearest(key: str, known: list[str]) -> str:
  """The keys with the same last part, or the one that is most like it; "" where none is."""
  last = key.split(".")[-1]
  same = [other for other in known if other.split(".")[-1] == last]

  def likeness(other: str) -> tuple[float, float]:
    pairs = ((key, other), (last, other.split(".")[-1]))
    return tuple(difflib.SequenceMatcher(None, *pair).ratio() for pair in pairs)

  best = max(known, key=lambda other: sum(likeness(other)))
  return " or ".join(f"config.{x}" for x in same or [best] if max(likeness(x)) > 0.7)


def config_of(flag: flags.FlagHolder) -> ml_collections.ConfigDict:
  """The config that a flag names. Raises `UserError` where there is none."""
  config = flag.value
  if not flags.FLAGS[flag.name].present:
    raise UserError("--config is missing; name a file such as configs/vae_mnist.py")
  path = flags.FLAGS[flag.name].config_filename
  if isinstance(config, ml_collections.ConfigDict):
    return _with_one_length(config, overrides_of(flag))
  if not pathlib.Path(path.split(":")[0]).is_file():
    raise UserError(f"--config={path}: there is no such file")
  raise UserError(f"--config={path}: its get_config() must return an ml_collections.ConfigDict")


def _with_one_length(
  config: ml_collections.ConfigDict, overrides: Mapping
) -> ml_collections.ConfigDict:
  """With steps that the command line sets in place of the file's epochs, and the reverse."""
  for length, other, nothing in (("steps", "epochs", 0.0), ("epochs", "steps", 0)):
    if overrides.get(length) and other not in overrides and other in config:
      config[other] = nothing
  return config


def overrides_of(flag: flags.FlagHolder) -> dict:
  """The keys that the command line sets in the config of a flag, dotted, and their values."""
  return flags.FLAGS[flag.name].override_values


def origin(flag: flags.FlagHolder) -> dict:
  """What config.json says of where it comes from: the command line, its config, when it began."""
  return {
    "command": shlex.join(["python", "-m", "genjax.main", *sys.argv[1:]]),
    "config_file": flags.FLAGS[flag.name].config_filename,
    "date": now(),
  }


def prepare_jax() -> None:
  """A persistent compilation cache, and on a CPU a device a core, so that runs go side by side.

  Raises:
    UserError: JAX is asked for 64 bits, or for a kind of device that is not here; or there is no
      place for a cache.
  """
  if jax.config.jax_enable_x64:
    raise UserError("JAX_ENABLE_X64 is set, and genjax computes in 32 bits; unset it")
  if not os.environ.get("JAX_COMPILATION_CACHE_DIR"):
    jax.config.update("jax_compilation_cache_dir", str(files.caches() / "jax"))
  jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
  jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
  if not os.environ.get("JAX_NUM_CPU_DEVICES"):
    allowed = getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count() or 1))
    jax.config.update("jax_num_cpu_devices", len(allowed(0)))
  if platforms := os.environ.get("JAX_PLATFORMS"):
    try:
      jax.devices()
    except (RuntimeError, AssertionError) as error:
      why = f" ({' '.join(str(error).split())})" if str(error) else ""
      raise UserError(
        f"JAX_PLATFORMS is {platforms!r}, and this machine has no such device{why}; expected "
        "cpu, or nothing"
      ) from error
