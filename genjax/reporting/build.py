"""One self-contained HTML page about runs: the same workdirs give the same bytes."""

import itertools
import os
import pathlib
import shlex
from collections.abc import Callable, Sequence
from typing import NamedTuple

import ml_collections
import numpy as np

from genjax import data, files
from genjax.analysis import renderings, selection, workdirs
from genjax.analysis.selection import Selection
from genjax.data.sources import shortened
from genjax.plotting import thinning
from genjax.reporting import charts, explorer, facts, page, results, samples
from genjax.reporting.samples import Samples
from genjax.training import planning, workdir
from genjax.types import UserError, counted, grouped

FILE = "report.html"


class Subject(NamedTuple):
  """What the page is about."""

  paths: list[pathlib.Path]  # as they were named
  homes: list[workdirs.Workdir]  # all programs
  selections: list[Selection]  # those with a checkpoint


def write(
  paths: Sequence[pathlib.Path],
  out: pathlib.Path,
  splits: data.Splits | None = None,
  where: str = "",
) -> None:
  """Writes the page, whole or not at all.

  Args:
    paths: workdirs and studies.
    out: the file.
    splits: the data of all of them, where they are loaded already.
    where: where the data lie now, as in `planning.reload_data`; "" if they have not moved.

  Raises:
    UserError: a path is not a workdir, nothing was saved yet, or the file cannot be written.
  """
  if out.suffix != ".html":
    raise UserError(f"--out={out}: expected a file .html")
  text = page.render(context(paths, splits, where))
  with workdir.writable("--out", out, "file"):
    out.parent.mkdir(parents=True, exist_ok=True)
    files.write(out, text)


def context(
  paths: Sequence[pathlib.Path], splits: data.Splits | None = None, where: str = ""
) -> dict:
  """What the templates show."""
  paths = distinct(paths)
  homes, selections = workdirs.read(paths), selection.read(paths)
  subject = Subject(paths, homes, selections)
  failed = sum(run.failed for home in homes for run in home.runs)
  running = sum(run.status == "running" for home in homes for run in home.runs)
  runs = sum(len(home.runs) for home in homes)
  settings = len({run.setting for home in homes for run in home.runs})
  found = results.context(homes, compare := _command("compare", paths, positional=True))
  again = [_command("evaluate", [path]) + found["flags"] for path in paths]
  return {
    "title": ", ".join(pathlib.Path(os.path.abspath(path)).name for path in paths),
    "counts": [
      counted(len(homes), "program").split(),
      counted(settings, "setting").split(),
      counted(runs, "run").split(),
      (f"{failed:,}", "failed"),
      *([(f"{running:,}", "not trained to the end")] if running else []),
    ],
    "lead": facts.lead([home.record for home in homes]),
    "what": _what(subject),
    "results": found | {"evaluate": again, "compare": compare},
    "curves": charts.context(subject.selections),
    "samples": _samples(subject, _loader(splits, where)),
    "failures": _failures(subject),
    "again": _command("report", paths),
  }


def distinct(paths: Sequence[pathlib.Path]) -> list[pathlib.Path]:
  """Each folder once, though it be named twice, or be a cell of a study that is named too."""
  named = {}
  for path in map(pathlib.Path, paths):
    named.setdefault(os.path.abspath(path), path)
  cells = {
    os.path.abspath(home) for path in named.values() for home in workdir.homes(path) if home != path
  }
  return [path for place, path in named.items() if place not in cells]


def _command(name: str, paths: Sequence[pathlib.Path], positional: bool = False) -> str:
  """The command of ours that makes something again."""
  named = shlex.join(map(str, paths))
  return f"python -m genjax.{name} {'' if positional else '--workdir='}{named}"


def _what(subject: Subject) -> dict:
  with_weights = {one.path: one for one in subject.selections}
  each = {
    home.name: facts.of_workdir(home.record, with_weights.get(home.path)) for home in subject.homes
  }
  shared, table = facts.common(each)
  commands = {home.name: home.record.get("command", "") for home in subject.homes}
  return {
    "facts": shared,
    "table": page.grids(table) if table else [],
    "commands": list(dict.fromkeys(filter(None, commands.values()))),
    "unrecorded": [name for name, command in commands.items() if not command],
  }


def _samples(subject: Subject, load: Callable) -> dict:
  selections = subject.selections
  shown = {
    "gallery": _quota(selections, samples.ROWS, every=True),
    "interpolations": _quota(selections, explorer.RUNS, every=False),
    "explorer": _quota(selections, explorer.RUNS, every=True),
  }
  tiles = _tiles(selections, shown["explorer"])
  parts, missing = [], []
  for i, one in enumerate(selections):
    quota = {name: places[i] for name, places in shown.items()}
    train_images, why = _training_images(one, load) if quota["gallery"] else (None, "")
    missing += [why] if why else []
    parts.append(samples.decoded(one, quota, tiles, train_images))
  every = Samples(*(list(itertools.chain(*lists)) for lists in zip(*parts, strict=True)))
  runs = sum(len(one.index) for one in selections)
  conditional = {one.saved.classes for one in selections if one.model.num_classes}
  classes = "one after another" if conditional else ""  # of conditional models' columns
  if len(conditional) == 1:
    classes = shortened(*conditional)
  walk = _command("interpolate", subject.paths)
  return {
    "gallery": grouped(every.gallery, lambda row: row.setting),
    "gallery_left_out": runs - len(every.gallery),
    "missing": list(dict.fromkeys(missing)),
    "interpolations": every.interpolations,
    "spaces": every.spaces,
    "explorer_left_out": _left_out(selections, shown["explorer"]),
    "classes": classes,
    "sample": _command("sample", subject.paths),
    "interpolate": f"{walk} --what=random --pairs={renderings.PAIRS}",
  }


def _quota(selections: Sequence[Selection], limit: int, every: bool) -> list[list[int]]:
  """Of each selection the places of runs that are shown: one of each setting first.

  Args:
    selections: all programs.
    limit: of all runs together.
    every: whether further runs of a setting are shown where there is room.
  """
  queue, seen = [], {}
  for i, one in enumerate(selections):
    first = set(selection.one_of_each_setting(one).index)
    for place in range(len(one.index)):
      setting = one.labels[place].setting
      if place not in first:
        seen[setting] = seen.get(setting, 0) + 1
      queue.append((0 if place in first else seen[setting], i, place))
  firsts = [item for item in sorted(queue) if item[0] == 0]
  chosen = (
    sorted(queue)[:limit] if every and len(firsts) < limit else thinning.spread(firsts, limit)
  )
  return [sorted(p for _, j, p in chosen if j == i) for i in range(len(selections))]


def _tiles(selections: Sequence[Selection], shown: list[list[int]]) -> int:
  """How many tiles each run's explorer may have, of each class."""
  pairs = [(one, places) for one, places in zip(selections, shown, strict=True) if places]
  if not pairs:
    return 0
  spaces = [len(places) * max(one.model.num_classes, 1) for one, places in pairs]
  pixels = max(int(np.prod(one.saved.image_shape)) for one, _ in pairs)
  budget = explorer.BUDGET // (4 if all(map(samples.short, selections)) else 1)
  images = min(budget // pixels, *(samples.affordable(one) for one, _ in pairs))
  return images // sum(spaces)


def _loader(
  splits: data.Splits | None, where: str
) -> Callable[[ml_collections.ConfigDict], data.Splits]:
  """Gives the data of a config: `splits` where there are any, else each once, however many ask."""
  loaded = {}

  def load(config: ml_collections.ConfigDict) -> data.Splits:
    key = config.data.to_json()
    if key not in loaded:
      loaded[key] = splits or planning.reload_data(config, where)
    return loaded[key]

  return load


def _training_images(one: Selection, load: Callable) -> tuple[np.ndarray | None, str]:
  """The images that its runs were trained on; or None, and why."""
  try:
    splits = load(one.saved.config)
    planning.check_data(one.path, splits)
  except UserError as error:
    return None, str(error)
  return splits.train.image, ""


def _left_out(selections: Sequence[Selection], shown: list[list[int]]) -> list[str]:
  return [
    label.name
    for one, places in zip(selections, shown, strict=True)
    for place, label in enumerate(one.labels)
    if place not in places
  ]


def _failures(subject: Subject) -> dict:
  table = results.failures(subject.homes, subject.selections)
  return {
    "tables": page.grids(table),
    "count": sum(len(block.rows) for block in table.blocks),
    "runs": sum(len(home.runs) for home in subject.homes),
  }
