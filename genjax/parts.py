"""Parts that genjax does not have: `MODULE:OBJECT` names a network, a loss, a metric, ...

Modules are found where Python finds them, in the current folder, and in the folders that `look_in`
was told of: beside a config file, and where a workdir says that they were.
"""

import hashlib
import importlib
import inspect
import os
import pathlib
import re
import sys
from collections.abc import Callable, Collection, Iterable
from types import ModuleType
from typing import Any

from genjax.mistakes import UserError, reason

_NAME = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")


def is_name(value: Any) -> bool:
  """Whether this is `MODULE:OBJECT`."""
  return isinstance(value, str) and bool(_NAME.fullmatch(value))


def look_in(folder: str | os.PathLike) -> None:
  """Has modules found in this folder too, after all others: it goes to the end of `sys.path`."""
  if (place := os.path.abspath(folder)) not in sys.path:
    sys.path.append(place)


def find(name: str, where: str) -> Any:
  """The object of `MODULE:OBJECT`.

  Args:
    name: its name.
    where: what says so, as "config.model.network".

  Raises:
    UserError: there is no such module, it cannot be imported, or it has no such object.
  """
  module, _, attribute = name.partition(":")
  look_in("")
  importlib.invalidate_caches()  # the module may have been written since Python last looked
  try:
    loaded = importlib.import_module(module)
    _as_loaded(loaded)
    return getattr(loaded, attribute)
  except (Exception, SystemExit) as error:  # of a file that is not ours, so of any kind
    raise UserError(f"{where} is {name!r}, which cannot be imported ({reason(error)})") from error


_digests: dict[str, tuple[Any, str]] = {}  # module -> its spec, of which a reload makes another


def _as_loaded(module: ModuleType) -> str:
  """The SHA-256 of a module's file when its code was first asked for; "" where it has none.

  The file may be written anew while this process goes on with the old code.
  """
  spec, digest = _digests.get(module.__name__, (None, ""))
  if not digest or spec is not module.__spec__:
    file = getattr(module, "__file__", None)
    digest = hashlib.sha256(pathlib.Path(file).read_bytes()).hexdigest() if file else ""
    _digests[module.__name__] = module.__spec__, digest
  return digest


def source(name: str) -> dict[str, str]:
  """Where a part that `find` found comes from: "file", and "sha256" of it; "" where there is none.

  Of what was typed at a prompt or into a notebook the text of the object is hashed.
  """
  module, _, attribute = name.partition(":")
  loaded = sys.modules[module]
  if digest := _as_loaded(loaded):
    return {"file": os.path.abspath(loaded.__file__), "sha256": digest}
  found = getattr(loaded, attribute)
  try:  # of a metric, which has no text of its own, that of what it computes
    content = inspect.getsource(getattr(found, "compute", found)).encode()
  except (OSError, TypeError):
    return {"file": "", "sha256": ""}
  return {"file": "", "sha256": hashlib.sha256(content).hexdigest()}


def sources(names: Iterable[str]) -> dict[str, dict[str, str]]:
  """`source` of each name that is `MODULE:OBJECT`."""
  return {name: source(name) for name in dict.fromkeys(names) if is_name(name)}


def again(
  path: pathlib.Path, recorded: dict[str, dict[str, str]], needed: Collection[str], say: Callable
) -> None:
  """Finds the parts that a workdir was made with.

  Args:
    path: the workdir.
    recorded: what `sources` said when it was made.
    needed: the names of those that must be there; of others, as data, only the place is told on.
    say: is told in a line of each file that has changed.

  Raises:
    UserError: one is not there any more, or another module of its name is.
  """
  for name, before in recorded.items():
    if before["file"]:
      file = pathlib.Path(before["file"])
      look_in(file.parents[name.partition(":")[0].count(".") + (file.stem == "__init__")])
    if name not in needed:
      continue
    try:
      find(name, f"{path}: a part")
    except UserError as error:
      raise UserError(
        f"{error}; it was in {before['file'] or 'a notebook or a prompt'}: put that back, or its "
        "folder on PYTHONPATH"
      ) from None
    now = source(name)
    if now["sha256"] == before["sha256"]:
      continue
    if now["file"] != before["file"] and os.path.isfile(before["file"]):
      raise UserError(
        f"{path} was made with {name} of {before['file']}, and {now['file'] or 'another'} has the "
        "same module name and was imported first; use them in separate processes, or rename one"
      )
    say(f"{path}: {name} has changed since its runs were trained ({now['file'] or before['file']})")
