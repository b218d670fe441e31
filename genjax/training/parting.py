"""Which runs of a program are trained together, and which folder of its workdir has them.

A part is a workdir within the program's. Runs that a workdir lacks are parts, and seeds where there
are more than a device holds; and whatever a process that was killed had begun.
"""

import contextlib
import copy
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import ml_collections

from genjax import config as genjax_config
from genjax.training import config_file, numbering, sweep, workdir
from genjax.types import UserError, grouped

Values = dict[str, Any]  # of some `sweep` keys: which runs


class Part(NamedTuple):
  """Some of a program's runs, which are trained together."""

  values: Values
  unit: str  # of `config.parts_of`: that of its first run, whose process trains it
  source: str | None = None  # a folder with others as well, from whose checkpoint these go on


def holds(path: pathlib.Path, config: ml_collections.ConfigDict) -> bool:
  """Whether a workdir has all runs of a program, trained for as long as the config says."""
  # A part may go away at any moment, as a process that has gathered all runs removes it.
  with contextlib.suppress(UserError, FileNotFoundError):
    had = config_file.read_config(path)["config"]
    as_long = all(had.get(key) == config[key] for key in ("steps", "epochs"))
    return as_long and keys(config.sweep) <= keys(had["sweep"]) and workdir.finished(path)
  return False


def trained(config: ml_collections.ConfigDict, path: pathlib.Path, name: str, part: Part) -> bool:
  """Whether a part is trained for as long as a config says, and gathered or in its folder."""
  config = narrowed(config, part.values)
  return holds(path, config) or holds(path / name, config)


def ready(config: ml_collections.ConfigDict, path: pathlib.Path) -> dict[str, Part]:
  """As `parts`, if all of them are trained; {} if not."""
  with contextlib.suppress(UserError, FileNotFoundError):  # as in `holds`
    every = parts(config, path)
    if all(trained(config, path, *one) for one in every.items()):
      return every
  return {}


def unfinished(config: ml_collections.ConfigDict, path: pathlib.Path) -> list[str]:
  """The parts of `config.parts_of` that still have a run to be trained; "" where there are none.

  The last one as long as runs are not gathered: its process may do so.
  """
  if holds(path, config):
    return []
  units, left = [*genjax_config.parts_of(config)] or [""], set()
  with contextlib.suppress(UserError, FileNotFoundError):  # as in `holds`
    every = parts(config, path).items()
    left = {part.unit for name, part in every if not trained(config, path, name, part)}
  return [unit for unit in units if unit in left] or units[-1:]


def keys(values: Values) -> set[tuple]:
  """The runs of a `sweep`, without their order."""
  return set(map(sweep.identity, sweep.table(**values)))


def narrowed(config: ml_collections.ConfigDict, values: Values) -> ml_collections.ConfigDict:
  """A config with other values of some `sweep` keys."""
  config = copy.deepcopy(config)
  config.sweep.update(values)
  return config


def found(config: ml_collections.ConfigDict, path: pathlib.Path) -> dict[str, Values]:
  """The runs of a workdir, if it is one, and those of each part in it, by the folders' names."""
  places = [file.parent for file in sorted(path.glob("[!.]*=*/config.json"))]
  named = {place.name: place for place in places if place.name.split("=")[0] in config.sweep}
  named = ({"": path} if (path / "config.json").exists() else {}) | named
  swept = {name: numbering.runs_of(config_file.read_config(one)) for name, one in named.items()}
  return {
    name: {key: tuple(some) for key, some in values.items()} for name, values in swept.items()
  }


def parts(config: ml_collections.ConfigDict, path: pathlib.Path) -> dict[str, Part]:
  """What a program's runs are trained in, by its folder in the workdir: "" is the workdir itself.

  Folders that are there are used, whatever config had once asked for them.
  """
  units = genjax_config.parts_of(config)
  unit_of = {seed: unit for unit, seeds in units.items() for seed in seeds}
  lacking = {sweep.identity(row): row for row in sweep.table(**config.sweep)}
  there = found(config, path)
  had, made = {name: keys(values) for name, values in there.items()}, {}
  for name, values in there.items():
    # As whole the workdir may not fit the device.
    fits = not units or (name and len(values["seeds"]) <= config.sweep.seeds_at_once)
    if had[name] <= lacking.keys() and (fits or holds(path / name, narrowed(config, values))):
      made[name] = Part(values, unit_of.get(values["seeds"][0], ""))
      lacking = {key: row for key, row in lacking.items() if key not in had[name]}
  groups = {}
  for key, row in lacking.items():
    source = next((name for name in there if key in had[name]), None)
    groups.setdefault((unit_of.get(row["seed"], ""), source), []).append(row)
  for (unit, source), rows in groups.items():
    for values in _products(rows):
      name = _name(values, config.sweep)
      while name in there:  # with other runs between the same first and last ones
        name += "+"
      made[name] = Part(values, unit, source)
  return made


def _products(rows: Sequence[dict]) -> Iterator[Values]:
  """The fewest sweeps, or nearly, whose runs together are these."""
  if not rows:
    return
  name, *others = rows[0]
  rests = {}
  for row in rows:
    rests.setdefault(row[name], []).append({key: row[key] for key in others})
  alike = grouped(rests, lambda value: tuple(map(sweep.identity, rests[value])))
  key = {"seed": "seeds", "latent": "latents"}.get(name, name)
  for values in alike.values():
    for product in _products(rests[values[0]]) if others else [{}]:
      yield {key: tuple(values)} | product


def _name(values: Values, whole: Values) -> str:
  """A folder for a part: "seeds=4-9,latents=10", of what are not all values of the program."""
  return ",".join(
    genjax_config.span(key, some) for key, some in values.items() if len(some) < len(whole[key])
  )
