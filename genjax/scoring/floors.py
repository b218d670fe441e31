"""What real images score, kept in the cache: the same for all workdirs of a dataset."""

import pathlib
from collections.abc import Callable

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
    known = {name: float(value) for name, value in (caching.read(path) or {}).items()}
    if left := set(names) - known.keys():
      known |= {name: float(value) for name, value in measure(left).items()}
      caching.write(path, known)
    return known

  return floor


def _file(context: Context, protocol: dict, cache: str) -> pathlib.Path:
  arrays = *context.splits.train, *context.held
  real = {"sum": files.checksum(*arrays), "shapes": [array.shape for array in arrays]}
  code = {"versions": provenance.versions(), "revision": provenance.revision()}
  digest = identity(protocol | {"real": real} | code)
  return caching.folder(cache, "floors") / f"{protocol['group']}-{digest}.npz"
