"""Studies: the programs that a config asks for, a folder each."""

import copy
import itertools
from collections.abc import Iterable

import ml_collections

from genjax.types import UserError


def check_overrides(overrides: Iterable[str], config: ml_collections.ConfigDict) -> None:
  """Raises `UserError` where a key of the command line would not reach all programs of a study.

  Args:
    overrides: the dotted keys that the command line sets.
    config: with these set.
  """
  given = config.get("cells", ())
  cells = [x for x in given if isinstance(x, dict)] if isinstance(given, tuple | list) else []
  for key in overrides:
    target = key.replace("grid.", "model.", 1) if key.startswith("grid.") else key
    setting = [cell for cell in cells if target in cell]
    if setting:
      raise UserError(
        f"--config.{key}: {len(setting)} of the study's {len(cells)} cells set it themselves, as "
        f'{setting[0]}; --config.cells="()" drops the cells'
      )


def cells(config: ml_collections.ConfigDict) -> list[tuple[str, ml_collections.ConfigDict]]:
  """`(folder, config)` of each program of a study; one, with folder "", where there is but one.

  Raises:
    UserError: two would have the same folder.
  """
  grid = {f"model.{key}": values for key, values in config.grid.items() if values}
  made = []
  for chosen in config.cells or ({},):
    for values in itertools.product(*grid.values()):
      cell = copy.deepcopy(config)
      changes = dict(chosen) | dict(zip(grid, values, strict=True))
      cell.update_from_flattened_dict(changes | {f"grid.{key}": () for key in config.grid})
      cell.cells = ()
      # Numbers that a cell sweeps are columns of its runs.csv.
      named = {k: v for k, v in changes.items() if not isinstance(v, tuple | list)}
      made.append((",".join(f"{k.split('.')[-1]}={v}" for k, v in named.items()), cell))
  folders = [folder for folder, _ in made]
  for folder in folders:
    if folders.count(folder) > 1:
      raise UserError(f"config.cells: two cells would have the folder {folder!r}; one must differ")
  return made
