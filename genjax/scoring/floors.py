"""What real images score, kept in the cache: the same for all workdirs of a dataset."""

import json
import pathlib
from collections.abc import Callable

from absl import logging

from genjax import files
from genjax.data import cache as caching
from genjax.scoring.protocols import Context, identity
from genjax.training import provenance

Floor = Callable[[set[str]], dict[str, float]]  # names -> their figures, and maybe others


def kept(measure: Floor, context: Context, protocol: dict, cache: str | None) -> Floor:
  """`measure`, of which every figure is measured once, and again by other code.

  Args:
    measure: the floor of a group.
    context: what the group is made from.
    protocol: of the group.
    cache: as in `config.data.cache`; None keeps nothing.
  """
  if cache is None:
    return measure

  def floor(names: set[str]) -> dict[str, float]:
    path = _file(context, protocol, cache)
    known = _read(path)
    if left := set(names) - known.keys():
      found = {name: float(value) for name, value in measure(left).items()}
      known |= found
      _write(path, known)
    return known

  return floor


def _file(context: Context, protocol: dict, cache: str) -> pathlib.Path:
  arrays = *context.splits.train, *context.held
  real = {"sum": files.checksum(*arrays), "shapes": [array.shape for array in arrays]}
  code = {"versions": provenance.versions(), "revision": provenance.revision()}
  digest = identity(protocol | {"real": real} | code)
  return caching.folder(cache, "floors") / f"{protocol['group']}-{digest}.json"


def _read(path: pathlib.Path) -> dict[str, float]:
  """What was kept; {} where the file is absent, or damaged (logged)."""
  try:
    return {str(name): float(value) for name, value in json.loads(path.read_text()).items()}
  except FileNotFoundError:
    return {}
  except (OSError, ValueError, TypeError, AttributeError) as error:
    logging.warning("The floors in %s are damaged and not used (%s).", path, error)
    return {}


def _write(path: pathlib.Path, known: dict[str, float]) -> None:
  try:
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write(path, json.dumps(known, indent=2) + "\n")
  except OSError as error:
    logging.warning("Floors are not kept, and are measured again: %s.", error)
