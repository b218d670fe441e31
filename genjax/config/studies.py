"""Studies: the programs that a config asks for, a folder each."""

import copy
import difflib
import itertools
from collections.abc import Iterable, Mapping, Sequence

import ml_collections

from genjax.config import checks, keys
from genjax.types import UserError

_SHOWN = 5  # of the cells of a study, where one was named that it has not


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


def programs(config: ml_collections.ConfigDict) -> dict[str, ml_collections.ConfigDict]:
  """As `cells`, by folder, each checked. Keys of networks that the config names are completed.

  Raises:
    UserError: something is wrong in the config; all programs are looked at.
  """
  keys.complete(config)
  checks.check(config)
  programs_by_folder = dict(cells(config))
  for program in programs_by_folder.values():
    checks.check(program)
  return programs_by_folder


def parts_of(config: ml_collections.ConfigDict) -> dict[str, tuple[int, ...]]:
  """The seeds of each part of a program by its folder; {} where all are trained together."""
  seeds, most = config.sweep.seeds, config.sweep.seeds_at_once
  if not 0 < most < len(seeds):
    return {}
  some = [seeds[first : first + most] for first in range(0, len(seeds), most)]
  return {span("seeds", part): part for part in some}


def span(key: str, values: Sequence) -> str:
  """A folder's name for some values of a `sweep` key: "seeds=4-9", by the first and the last."""
  return f"{key}={'-'.join(map(str, dict.fromkeys((values[0], values[-1]))))}"


def units(programs: Mapping[str, ml_collections.ConfigDict]) -> dict[str, tuple[str, str]]:
  """What processes of their own may train -> the folder of its program, and which part of it.

  "" is a program's own folder where there is but one, and the part where all is trained together.
  """
  return {
    "/".join(filter(None, (folder, part))): (folder, part)
    for folder, config in programs.items()
    for part in parts_of(config) or [""]
  }


def folder_of(cell: str, folders: Sequence[str]) -> str:
  """The folder of the cell that `--cell` names.

  Args:
    cell: a folder, or the number of a cell, from 1.
    folders: those of the study, in the order of their numbers.

  Raises:
    UserError: the study has no such cell, or there is no study.
  """
  check_study(f"--cell={cell}", folders)
  if cell in folders:
    return cell
  if cell.isdecimal() and 1 <= int(cell) <= len(folders):
    return folders[int(cell) - 1]
  near = difflib.get_close_matches(cell, folders, _SHOWN, cutoff=0)
  if cell.isdecimal() or len(folders) <= _SHOWN:
    near = folders[:_SHOWN]
  more = f" and {len(folders) - len(near)} more (--cell=list)" if len(folders) > len(near) else ""
  raise UserError(
    f"--cell={cell}: the study has no such cell; expected a number from 1 to {len(folders)}, or "
    f"one of {', '.join(map(repr, near))}{more}"
  )


def check_study(flag: str, folders: Sequence[str]) -> None:
  """Raises `UserError` where there is no study, for a flag that is about one."""
  if list(folders) == [""]:
    name = flag.partition("=")[0]
    raise UserError(
      f"{flag}: the config asks for one program, not for a study or for sweep.seeds_at_once; drop "
      f"{name}"
    )


def cells(config: ml_collections.ConfigDict) -> list[tuple[str, ml_collections.ConfigDict]]:
  """`(folder, config)` of each program of a study; one, with folder "", where there is but one.

  Raises:
    UserError: two would have the same folder.
  """
  axes = config.get("grid", {})  # a model of one's own may have none
  grid = {f"model.{key}": values for key, values in axes.items() if values}
  named_cells = []
  for chosen in config.cells or ({},):
    for values in itertools.product(*grid.values()):
      cell = copy.deepcopy(config)
      changes = dict(chosen) | dict(zip(grid, values, strict=True))
      cell.update_from_flattened_dict(changes | {f"grid.{key}": () for key in axes})
      cell.cells = ()
      # Numbers that a cell sweeps are columns of its runs.csv.
      named = {k: v for k, v in changes.items() if not isinstance(v, tuple | list)}
      named_cells.append((",".join(f"{k.split('.')[-1]}={v}" for k, v in named.items()), cell))
  folders = [folder for folder, _ in named_cells]
  for folder in folders:
    if folders.count(folder) > 1:
      raise UserError(f"config.cells: two cells would have the folder {folder!r}; one must differ")
  return named_cells
