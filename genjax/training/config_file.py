"""config.json: what was trained, on which data, by which code; and whether a workdir goes on."""

import contextlib
import json
import pathlib
from collections.abc import Iterable, Mapping, Sequence

from genjax import files
from genjax.config import complete_older, flatten, words
from genjax.data import sources
from genjax.training import provenance, sweep, workdir
from genjax.types import UserError, first_few, now

# What else may lie in a folder that has no config.json yet: what a process that was killed left,
# and the logs of whatever started it.
_BEFORE = (
  *(".*lock", ".*owner", ".whole", ".*.partial", "runs.csv", "metrics.csv"),
  *("*.log", "*.out", "*.err"),
)
# Of a workdir's files. To be raised when this code could not read what older code left.
FORMAT = 2
# Keys of a config that say how, where and how often to look, not what is trained: whoever resumes
# may change them. Best weights are those of the best of the validations that were made.
FREE = (
  *("sweep.chunk", "sweep.seeds_at_once", "keep", "log_every", "eval_every"),
  *("data.cache", "data.dir", "data.name", "data.background", "contrasts", "mark"),
)


def settle(path: pathlib.Path, record: dict, origin: dict | None = None) -> None:
  """Writes config.json, or compares with the one that is there as `compare` does.

  Args:
    path: the workdir.
    record: as in `compare`.
    origin: what else a new config.json says, such as the command; nothing compares it.

  Raises:
    UserError: as `compare` does.
  """
  file = path / "config.json"
  compare(path, record)
  if file.exists():
    old = read_config(path)
    full = changed(old, record["config"], workdir.last_step(path)) | _plain(
      {key: value for key, value in record.items() if key != "config"}
    )
    if full == old:
      return
  else:
    full = {"format": FORMAT} | record | (origin or {})
    full |= {"revision": provenance.revision(), "versions": provenance.versions()}
    model = record["config"].get("model", {})  # whose "report" is a framework, and which one
    full |= {"products": sweep.products(), "framework": words.framework(model)}
  write(path, full)


def write(path: pathlib.Path, record: dict) -> None:
  """Writes a config.json as it stands."""
  files.write(path / "config.json", json.dumps(record, indent=2) + "\n")


def changed(record: dict, config: Mapping, step: int) -> dict:
  """What a config.json says once its config is another from a step on, which it notes."""
  config = _plain(config)
  if said := differences(record["config"], config):
    note = f"{now()}, from step {step:,} on: {'; '.join(said)}"
    record = record | {"changes": [*record.get("changes", []), note]}
  return record | {"config": config}


def _plain(record: Mapping) -> dict:
  """As it is read from a file."""
  return json.loads(json.dumps(record))


def compare(
  path: pathlib.Path, record: dict, growing: bool = False, folders: Iterable[str] = ()
) -> None:
  """Compares with the config.json of a workdir, where there is one. It may be trained for longer.

  Args:
    path: the workdir.
    growing: whether there may be other runs besides those of the workdir.
    folders: names of those that are made in it.
    record: "config", the nested config; "dataset", what was loaded; both JSON's types. "parts",
      where those that are not genjax's come from, if there are any.

  Raises:
    UserError: the workdir was made with another config or other data; the keys are named. Or the
      folder is not a workdir, and not empty either.
  """
  file = path / "config.json"
  if not file.exists():
    if cells := _cells(path):
      raise UserError(
        f"{path} holds a study, or other runs, in folders such as {cells[0].name}; name another "
        "--workdir"
      )
    if any((path / "checkpoints").glob("*")):
      raise UserError(
        f"{path} has checkpoints and no config.json to say of what; restore it, or name another "
        "--workdir"
      )
    check_free(path, folders)
    return
  old, record = read_config(path), _plain(record)
  check_arrays(path, old)
  try:
    longer = _longer(path, old["config"], record["config"])
    more = _more(old["config"], record["config"]) if growing else ()
  except TypeError:  # somebody has edited it, and what differs is named below
    longer = more = ()
  kinds = [config.get("model", {}).get("name") for config in (old["config"], record["config"])]
  if len(set(kinds)) > 1:  # of which no key is the other's
    raise UserError(f"{path} has runs of {kinds[0]}, not {kinds[1]}; name another --workdir")
  both = {
    "config": differences(old["config"], record["config"], (*FREE, *longer, *more)),
    "dataset": data_differences(old["dataset"], record["dataset"]),
  }
  if both["dataset"]:  # for which one of these may be the reason
    every = differences(old["config"], record["config"])
    both["dataset"] += [line for line in every if line.startswith("data.")]
  before = old.get("parts", {})
  both["code"] = [
    f"{name} of {now['file'] or 'this program'} is not what it was"
    for name, now in record.get("parts", {}).items()
    if name in before and now["sha256"] != before[name]["sha256"]
    if workdir.begun(path)  # else nothing was trained by it, and a slip in it may be mended
  ]
  for part, lines in both.items():
    if lines:
      grows = any(line.startswith(("sweep.", "steps ", "epochs ")) for line in lines)
      how = " (a sweep may get more values, and a training more steps)" if grows else ""
      raise UserError(
        f"{file} was made with another {part}: {_first(lines)}. "
        f"Restore those values{how}, or name another --workdir"
      )


_TOLD = 8  # of what differs


def _first(lines: Sequence[str]) -> str:
  more = [f"{len(lines) - _TOLD} more"] if len(lines) > _TOLD else []
  return "; ".join([*lines[:_TOLD], *more])


def _longer(path: pathlib.Path, old: dict, new: dict) -> list[str]:
  """The keys that say for how long is trained, where that is longer. Raises `UserError` in vain."""
  keys = [key for key in ("steps", "epochs") if 0 < old.get(key, 0) < new.get(key, 0)]
  decays = old.get("sweep", {}).get("decay_steps", [0])
  length = max(old.get("steps", 0), workdir.last_step(path))
  if keys and all(0 < steps <= length for steps in decays):
    raise UserError(
      f"{path / 'config.json'}: learning rates fell to 0 within {max(decays):g} steps "
      "(sweep.decay_steps), so more steps would change nothing, and a longer decay would change "
      "the rates from the first step; name another --workdir"
    )
  return keys


def _more(old: dict, new: dict) -> list[str]:
  """The keys of a sweep that have all the values that they had, and others."""
  old, new = old.get("sweep", {}), new.get("sweep", {})
  lists = [key for key in old.keys() & new.keys() if isinstance(old[key], list)]
  return [f"sweep.{key}" for key in lists if set(old[key]) <= set(new[key])]


def check_free(path: pathlib.Path, cells: Iterable[str] = ()) -> None:
  """Raises `UserError` where a folder without config.json is somebody's: it would be filled.

  Args:
    path: free if it is absent or empty, or has nothing but what genjax leaves, or if a workdir is
      where `cells` has one.
    cells: names of the folders that a study makes in it.
  """
  cells = list(cells)
  if not path.is_dir() or any((path / cell / "config.json").exists() for cell in cells):
    return
  ours = {*workdir.FOLDERS, *cells, *(cell.name for cell in _cells(path))}
  if cells and _cells(path):
    ours.add("report.html")  # of a study that goes on with other cells
  others = sorted(
    found.name
    for found in path.iterdir()
    if found.name not in ours and not any(found.match(pattern) for pattern in _BEFORE)
  )
  if others:
    raise UserError(
      f"--workdir={path} holds {first_few(others, 1)} and is not a genjax workdir; name a new "
      "folder or an empty one"
    )


def _cells(path: pathlib.Path) -> list[pathlib.Path]:
  """The workdirs in a folder, as those of a study."""
  found = []
  for file in sorted(path.glob("[!.]*/config.json")):
    with contextlib.suppress(UserError):
      read_config(file.parent)
      found.append(file.parent)
  return found


def read_config(path: pathlib.Path) -> dict:
  """What `settle` wrote.

  Raises:
    UserError: there is none, it cannot be read, another version's files are in another format, or
      the workdir's files are not all of the same runs.
  """
  if workdir.changing(path):
    raise UserError(
      f"runs are being added to {path}, or the process adding them was killed; rerun the training "
      "command to finish"
    )
  file = path / "config.json"
  try:
    record = json.loads(file.read_text())
    config = record["config"]
    sections = config, record["dataset"], *(config.get(key, {}) for key in ("model", "data"))
    if not all(isinstance(section, dict) for section in sections):
      raise ValueError
  except (FileNotFoundError, NotADirectoryError):
    cells = _cells(path)
    if path.is_dir():
      why = "it has no config.json"
    else:
      why = "it is a file" if path.exists() else "there is no such folder"
    hint = f"; its folders are workdirs, as {cells[0]}" if cells else ""
    raise UserError(f"{path} is not a genjax workdir: {why}{hint}") from None
  except (ValueError, KeyError, TypeError, AttributeError):
    raise UserError(
      f"{file} cannot be read; restore it, or start again in another --workdir"
    ) from None
  if record.setdefault("format", 1) not in (1, FORMAT):
    raise UserError(
      f"{path} was left by genjax {made_by(record)} in format {record['format']}, and this genjax "
      f"{provenance.version('genjax')} reads format {FORMAT}; use that version for it"
    )
  complete_older(record["config"], record["format"])
  return record


def check_arrays(path: pathlib.Path, record: dict) -> None:
  """Raises `UserError` where checkpoints have arrays that this code does not read."""
  if record["format"] == 1 and record["config"].get("model", {}).get("network") == "s3_vae":
    raise UserError(
      f"{path} has weights of an LSTM as genjax {made_by(record)} kept them, which this genjax "
      f"{provenance.version('genjax')} does not read; use that version for it"
    )


def structure(config: dict) -> dict:
  """What tells a program from another of a study: the keys of its model, and how long it trains."""
  length = {key: config[key] for key in ("batch_size", "steps", "epochs") if key in config}
  return length | flatten(config.get("model", {}))


def classes(record: dict) -> tuple[str, ...]:
  """The names of a dataset's classes: their numbers where older code did not record them."""
  dataset = record["dataset"]
  return tuple(dataset.get("classes") or sources.numbered(dataset.get("num_classes", 0)))


def made_by(record: dict) -> str:
  """The version of genjax in what `read_config` gives."""
  versions = record.get("versions")
  return str(versions.get("genjax", "?")) if isinstance(versions, dict) else "?"


def differences(old: dict, new: dict, free: Iterable[str] = ()) -> list[str]:
  """The dotted keys whose values differ, but those in `free`: "model.width is 64, was 128"."""
  old, new = flatten(old), flatten(new)
  return [
    f"{key} is {new.get(key, 'absent')!r}, was {old.get(key, 'absent')!r}"
    for key in sorted((old.keys() | new.keys()) - set(free))
    if old.get(key) != new.get(key)
  ]


def data_differences(old: dict, new: dict) -> list[str]:
  """As `differences`, of two datasets: of two with the same checksums the source says nothing.

  Nor do the names of classes, as checksums know the labels; nor what older code did not record.
  """
  sums = [key for key in ("crc32", "test_crc32") if key in old]
  same = bool(sums) and all(old[key] == new.get(key) for key in sums)
  return differences(old, new, {"classes", *(new.keys() - old), *(("source",) if same else ())})
