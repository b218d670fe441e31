"""The command line parsed: whatever is wrong with it is one line."""

import contextlib
import os
import re
import sys
import textwrap
import traceback
from collections.abc import Iterator

import ml_collections
from absl import flags, logging

from genjax import files, process
from genjax.mistakes import KINDS, UserError, nearest, nearest_keys


def parse(arguments: list[str], positional: str = "") -> list[str]:
  """Sets the flags; returns the name of the command, and the arguments that are no flags.

  Args:
    arguments: those of the process, its name included.
    positional: what arguments that are no flags are, as "workdirs"; "" where there may be none.
  """
  flags.FLAGS.set_gnu_getopt(bool(positional))  # flags may stand after what is no flag
  if {"--help", "-help", "-h"} & set(arguments):
    print(_help(arguments[0]), end="")
    sys.exit()
  logging.set_verbosity(logging.ERROR)  # a config file that returns nothing has its line below
  arguments = _last_of_each([_expanded(argument) for argument in joined(arguments)])
  arguments = [_with_range(argument) for argument in arguments]
  # ml_collections raises what it meets in a config file or an override: a dozen kinds.
  try:
    rest = flags.FLAGS(arguments)
  except Exception as error:
    return process.refuse(_readable(error, arguments))
  if rest[1:] and not positional:
    process.refuse(f"{rest[1]!r} is not a flag; flags look like --workdir=...")
  return rest


def _help(command: str) -> str:
  """What a command is for, and its own flags, on a screen: absl's would be three times as long."""
  own = sorted(flags.FLAGS.get_key_flags_for_module(command), key=lambda flag: flag.name)
  told = [(_usage(flag), flag.help) for flag in own]
  width = 2 + max(len(usage) for usage, _ in told)
  text = [
    textwrap.fill(f"{usage:{width}}{meaning}", 100, subsequent_indent=" " * width)
    for usage, meaning in told
  ]
  end = "--helpfull lists those of every library too."
  return "\n".join([sys.modules["__main__"].__doc__.strip(), "", *text, "", end, ""])


def _usage(flag: flags.Flag) -> str:
  """Its name, and what it is where it is not given."""
  if flag.boolean:
    return f"--{flag.name}" if not flag.default else f"--no{flag.name}"
  standard = ",".join(flag.default) if isinstance(flag.default, list) else flag.default
  return f"--{flag.name}=" + ("" if standard in (None, "") else f"{standard}")


def joined(arguments: list[str]) -> list[str]:
  """With a config key and its value in one argument, where they are two."""
  joined = []
  for argument in arguments:
    is_flag = re.match(r"--|-[A-Za-z]", argument)
    if joined and re.fullmatch(r"--?config\.[^=]+", joined[-1]) and not is_flag:
      joined[-1] += f"={argument}"
    else:
      joined.append(argument)
  return joined


def _last_of_each(arguments: list[str]) -> list[str]:
  """Without a config key's values but the last, as absl would join those of tuples."""
  keys = [re.match(r"--?(config\.[^=]+)", argument) for argument in arguments]
  last = {key[1]: place for place, key in enumerate(keys) if key}
  return [arguments[i] for i, key in enumerate(keys) if not key or last[key[1]] == i]


def _expanded(argument: str) -> str:
  """With a home directory for the ~ of a flag's value, which shells leave as it is."""
  flag, equals, value = argument.partition("=")
  is_path = argument.startswith("-") and re.match(r"~[^/]*(/|$)", value)
  return f"{flag}{equals}{os.path.expanduser(value)}" if is_path else argument


def _with_range(argument: str) -> str:
  """With the numbers of a range that is the value of a `sweep` or `grid` key."""
  found = re.fullmatch(rf"({_TUPLE_KEY})=(.*)", argument, re.DOTALL)
  return f"{found[1]}={_numbers(*found.groups())}" if found else argument


def _numbers(key: str, value: str) -> str:
  """A tuple for a value such as "range(10)"; any other as it is."""
  if not value.strip().startswith("range("):
    return value
  given = re.fullmatch(r"range\(([-\d, ]+)\)", value.strip())
  with contextlib.suppress(TypeError, ValueError, OverflowError):  # no such range, or a huge one
    numbers = range(*map(int, given[1].split(",")))
    if 1 <= len(numbers) <= _LONGEST:
      return str(tuple(numbers))
  return process.refuse(
    f"{key.lstrip('-')} is {value!r}; expected a range of 1 to {_LONGEST:,} whole numbers, such as"
    " range(10)"
  )


def _readable(error: Exception, arguments: list[str]) -> str:
  known = _known_keys(arguments)
  if line := _unknown_key(arguments, known):
    return line
  if isinstance(error, flags.UnrecognizedFlagError):
    return _unknown_flag(error.flagname, arguments[0], known)
  if isinstance(error, flags.IllegalFlagValueError) and (line := _wrong_value(error)):
    return line
  if isinstance(error, flags.Error) and "Traceback" not in str(error):
    return str(error)
  path = _config_path(arguments)
  if not path:
    return str(error)
  return f"--config={path}: {files.no_config(path) or _in_config_file(error, path)}"


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
  if type(standard) not in _EXAMPLES:
    return ""
  kind = KINDS[type(standard)] + _range(flags.FLAGS[name].parser)
  example = standard or _EXAMPLES[type(standard)]
  example = f'"{tuple(example)}"' if isinstance(example, list) else example
  return f"{name} is {value!r}; expected {kind}, such as --{name}={example}"


def _range(parser: flags.ArgumentParser) -> str:
  """Where a flag's number must lie: " from 1 to 100,000"; "" where it may be any."""
  low, high = (getattr(parser, f"{end}_bound", None) for end in ("lower", "upper"))
  from_low = "" if low is None else f" from {low:,}"
  return from_low + ("" if high is None else f" to {high:,}")


_TUPLE_KEY = r"--?config\.(?:sweep|grid)\.[^=]+"
_LONGEST = 100_000  # numbers of a range: more are a slip, and would fill the memory

# Of what a flag takes, where its own default is none.
_EXAMPLES = {int: 1, float: 1.0, bool: False, list: [1, 2]}


def _config_path(arguments: list[str]) -> str:
  """What --config names, last; "" where nothing does."""
  path = ""
  for argument, after in zip(arguments, [*arguments[1:], ""], strict=True):
    if found := re.fullmatch(r"--?config(?:=(.*))?", argument, re.DOTALL):
      path = after if found[1] is None else found[1]
  return path


def _unknown_flag(name: str, command: str, known: list[str]) -> str:
  """A line with the flag of the command that is most like it, or the key of its config."""
  if name.startswith("config."):
    lacks = "--config=configs/gan_mnist.py, say, names one"
    takes_none = "main and describe take one; a workdir's runs have theirs"
    return f"--{name} is a key of a config; {lacks if 'config' in flags.FLAGS else takes_none}"
  own = [flag.name for flag in flags.FLAGS.get_key_flags_for_module(command)]
  near = nearest(name, own) or _nearest(name, known)
  meant = f"; did you mean --{near.replace(' or ', ' or --')}?" if near else ""
  return f"unknown flag --{name}{meant or '; --help lists those that are known'}"


def _known_keys(arguments: list[str]) -> list[str]:
  """Of the config that --config names; none where it cannot be read, which has its own line."""
  try:
    return list(_keys(flags.FLAGS["config"].parser.parse(_config_path(arguments))))
  except Exception:
    return []


def _unknown_key(arguments: list[str], known: list[str]) -> str:
  """A line with the first key that the config does not have, and the nearest that it has; or ""."""
  overrides = [argument.lstrip("-").split("=")[0] for argument in arguments]
  overrides = [key.partition(".")[2] for key in overrides if key.startswith("config.")]
  for key in overrides:
    if known and key not in known:
      if near := _nearest(key, known):
        return f"unknown key config.{key}; did you mean {near}?"
      sections = key.rpartition(".")[0], ""  # where there is no such one, the first keys of all
      beside = [[one for one in known if one.rpartition(".")[0] == part] for part in sections]
      return f"unknown key config.{key}; known are {', '.join(beside[0] or beside[1])}"
  return ""


def _keys(config: ml_collections.ConfigDict, prefix: str = "") -> Iterator[str]:
  """Dotted keys, those of sections too."""
  for key, value in config.items():
    yield prefix + key
    if isinstance(value, ml_collections.ConfigDict):
      yield from _keys(value, f"{prefix}{key}.")


def _nearest(key: str, known: list[str]) -> str:
  """What was meant by a key, in words; "" where nothing is like it."""
  return " or ".join(f"config.{near}" for near in nearest_keys(key, known))
