"""The files of a workdir that are neither checkpoints nor pictures."""

import contextlib
import csv
import errno
import io
import json
import os
import pathlib
import shutil
from collections.abc import Iterable, Iterator

from genjax import files
from genjax.data.sources import natural
from genjax.mistakes import Occupied, UserError
from genjax.training import claims

_PROTOCOLS = "protocols.json"
FOLDERS = ("checkpoints", "plots", "samples", "tensorboard")
WHOLE = ".whole"  # in a workdir: files that are to take the places of its own, all at once
_TAKEN = ".taken"  # in that, once they are complete: the folders that go away then


@contextlib.contextmanager
def claim(path: pathlib.Path) -> Iterator[None]:
  """Makes the folder and keeps other processes from writing to it.

  What a process that was killed left half done is brought to an end, or cleared away.

  Raises:
    UserError: it cannot be written.
    Occupied: another process is writing to it.
  """
  with contextlib.ExitStack() as held:
    with writable("--workdir", path):
      path.mkdir(parents=True, exist_ok=True)
      try:
        held.enter_context(claims.alone(path))
      except claims.Busy as owner:
        raise Occupied(
          f"--workdir={path}: {owner} is writing to it; wait for it, or name another folder"
        ) from owner
      _switch(path)
      for folder in FOLDERS:
        (path / folder).mkdir(exist_ok=True)
        for left in (path / folder).glob(".*.partial"):  # by a process that was killed
          left.unlink()
    yield


def replace(path: pathlib.Path, gone: Iterable[str]) -> None:
  """Has complete files, in the folder `WHOLE`, take the places of those of a workdir.

  Whoever reads it sees the old ones or the new ones, or is told of this. If the process is killed
  meanwhile, the next one that claims the workdir goes on.

  Args:
    path: the workdir, which this process has claimed.
    gone: names of folders in it that are removed.
  """
  files.write(path / WHOLE / _TAKEN, "\n".join(gone))
  _switch(path)


def changing(path: pathlib.Path) -> bool:
  """Whether some files of a workdir may be older than others, as `replace` is at work."""
  return (path / WHOLE / _TAKEN).exists()


def _switch(path: pathlib.Path) -> None:
  whole = path / WHOLE
  if changing(path):
    # First the file that makes it a workdir, without which its parts are read.
    for new in sorted(whole.glob("[!.]*"), key=lambda file: file.name != "config.json"):
      if (path / new.name).is_dir():  # which can be replaced while it is empty only
        os.rename(path / new.name, whole / f".{new.name}")
      os.replace(new, path / new.name)
    for part in (whole / _TAKEN).read_text().splitlines():
      shutil.rmtree(path / part, ignore_errors=True)
    (whole / _TAKEN).unlink()
  shutil.rmtree(whole, ignore_errors=True)


@contextlib.contextmanager
def writable(flag: str, path: pathlib.Path, kind: str = "folder") -> Iterator[None]:
  """Raises `UserError` where a folder, or a file, that a flag names cannot be written."""
  try:
    yield
  except OSError as error:
    taken = isinstance(error, FileExistsError)
    why = "a file or a broken link has that name" if taken else error.strerror
    raise UserError(f"{flag}={path} cannot be written ({why}); name a {kind} that can") from error


_FULL = (errno.ENOSPC, errno.EDQUOT)


@contextlib.contextmanager
def room(path: pathlib.Path) -> Iterator[None]:
  """Raises `UserError` where the disk of a workdir is full, or a quota used up.

  Whatever met it first: a file of ours, or orbax, which tells of it as text.
  """
  try:
    yield
  except Exception as error:
    if reason := _of_full_disk(error):
      raise UserError(
        f"--workdir={path} cannot be written ({reason}); make room, and the same command goes on "
        "from the last checkpoint"
      ) from error
    raise


def _of_full_disk(error: BaseException | None) -> str:
  """The system's words where an error comes from a full disk, or those that led to it do; or ""."""
  for cause in files.causes(error):
    if isinstance(cause, OSError) and cause.errno in _FULL:
      return cause.strerror
    for number in _FULL:
      if os.strerror(number) in str(cause):
        return os.strerror(number)
    if "Error writing" in str(cause) and "RESOURCE_EXHAUSTED" in str(cause):  # tensorstore's
      return os.strerror(errno.ENOSPC)
  return ""


def last_step(path: pathlib.Path) -> int:
  """Of the checkpoints; 0 where there is none."""
  return max(steps(path), default=0)


def begun(path: pathlib.Path) -> bool:
  """Whether a workdir has a checkpoint."""
  return bool(steps(path))


def steps(path: pathlib.Path) -> list[int]:
  """Of the checkpoints, in order."""
  names = [place.name for place in (path / "checkpoints").glob("*")]
  return sorted(int(name) for name in names if name.isdecimal())


def drop(path: pathlib.Path, step: int) -> None:
  """Removes a checkpoint: it is there, or it is not."""
  gone = path / ".dropped.partial"
  shutil.rmtree(gone, ignore_errors=True)
  os.rename(path / "checkpoints" / str(step), gone)
  shutil.rmtree(gone)


def homes(path: pathlib.Path) -> list[pathlib.Path]:
  """The workdirs that a path names: itself, or the cells of a study, in the order of their numbers.

  Or their parts, until their runs are gathered. What they hold is not looked at.
  """
  if (path / "config.json").exists():
    return [path]
  patterns = ("[!.]*/config.json", "[!.]*/[!.]*=*/config.json")
  found = {file.parent for pattern in patterns for file in path.glob(pattern)}
  cells = [cell for cell in found if cell.parent not in found]
  return sorted(cells, key=lambda cell: natural(str(cell))) or [path]


def named(
  paths: Iterable[str | pathlib.Path], with_checkpoint: bool = False
) -> dict[pathlib.Path, str]:
  """The workdirs that paths name, each once -> its short name.

  Args:
    paths: workdirs and studies.
    with_checkpoint: whether of a study only those cells are meant that have one.

  Raises:
    UserError: a path is not a folder, or no cell of a study has a checkpoint.
  """
  found = {}
  for path in map(pathlib.Path, paths):
    if not path.is_dir():
      raise UserError(f"{path} is not a folder; expected a workdir, or the folder of a study")
    of_path = homes(path)
    if with_checkpoint and of_path != [path]:
      of_path = [home for home in of_path if begun(home)]
      if not of_path:
        raise UserError(f"{path} is a study of which no cell has a checkpoint yet; train it first")
    found |= {os.path.abspath(home): home for home in of_path if os.path.abspath(home) not in found}
  if not found:
    raise UserError("no workdir is named; expected one or more")
  return short_names(list(found.values()))


def short_names(folders: list[pathlib.Path]) -> dict[pathlib.Path, str]:
  """The last parts of each path, as many as tell it from the others."""
  parts = {folder: pathlib.Path(os.path.abspath(folder)).parts for folder in folders}
  names = {}
  for folder, own in parts.items():
    for length in range(1, len(own) + 1):
      if [other[-length:] for other in parts.values()].count(own[-length:]) == 1:
        break
    names[folder] = str(pathlib.Path(*own[-length:]))
  return names


def write_runs(path: pathlib.Path, rows: list[dict], results: list[dict]) -> None:
  """runs.csv: the numbers of each run, then its status and its best step."""
  both = enumerate(zip(rows, results, strict=True))
  _write_table(path, [{"run": i} | row | result for i, (row, result) in both])


def reopen(path: pathlib.Path) -> None:
  """Has runs.csv say of done runs that they are running, before a config asks for more of them."""
  table = read_runs(path)
  for row in table:
    row["status"] = "running" if row["status"] == "done" else row["status"]
  _write_table(path, table)


def _write_table(path: pathlib.Path, table: list[dict]) -> None:
  writer = csv.DictWriter(text := io.StringIO(), list(table[0]), lineterminator="\n")
  writer.writeheader()
  writer.writerows(table)
  files.write(path / "runs.csv", text.getvalue())


def finished(path: pathlib.Path) -> bool:
  """Whether no run in runs.csv is still to be trained, and their last weights are there."""
  at = _ended_at(path)
  return at is not None and begun(path) and at <= last_step(path)


def _ended_at(path: pathlib.Path) -> int | None:
  """The step at which runs.csv says that all runs ended: 0 where all failed at once."""
  try:
    rows = read_runs(path)
  except (UserError, FileNotFoundError):  # it is written anew from the last checkpoint
    return None
  ended = all(row["status"] in ("done", "failed") for row in rows)
  return max(int(row["last_step"]) for row in rows) if ended else None


def check_last(path: pathlib.Path) -> None:
  """Raises `UserError` where all runs ended, and the checkpoint of that step is gone."""
  at, last = _ended_at(path), last_step(path)
  if at is not None and begun(path) and last < at:
    raise UserError(
      f"{path} was trained to step {at:,}, and its last checkpoint is of step {last:,}; "
      "rerun the command that made it, which goes on from there"
    )


DRAWN = "samples/last.png"


def ended(path: pathlib.Path, steps: int, num_runs: int) -> bool:
  """Whether a training of so many steps has left all that it leaves, its last picture included."""
  if not (finished(path) and (path / DRAWN).exists()):
    return False
  rows = read_runs(path)
  done = {int(row["last_step"]) for row in rows if row["status"] == "done"}
  return len(rows) == num_runs and done == {steps}


_TEXTS = ("status", "trouble")  # of runs.csv; all else is numbers


def read_runs(path: pathlib.Path) -> list[dict[str, str]]:
  """The rows of runs.csv. Raises `UserError` where it is cut short, or otherwise none of ours."""
  with contextlib.suppress(ValueError, KeyError, TypeError, csv.Error):
    with open(path / "runs.csv") as file:
      rows = list(csv.DictReader(file))
    for row in rows:
      for name in row.keys() - {*_TEXTS}:
        float(row[name])
      int(row["seed"]), int(row["last_step"]), int(row["best_step"])
    statuses = {row["status"] for row in rows}
    numbers = [int(row["run"]) for row in rows]
    if rows and statuses <= {"running", "done", "failed"} and numbers == list(range(len(rows))):
      return rows
  raise UserError(
    f"{path / 'runs.csv'} cannot be read; the command that made the workdir writes it anew"
  )


def read_protocols(path: pathlib.Path) -> dict[str, dict]:
  """Hash -> protocol, with its floor; {} where nothing was evaluated. Raises `UserError`."""
  file = path / _PROTOCOLS
  try:
    found = json.loads(file.read_text())
    if isinstance(found, dict) and all(isinstance(one, dict) for one in found.values()):
      return found
  except FileNotFoundError:
    return {}
  except ValueError:
    pass
  raise UserError(f"{file} cannot be read; delete it, and evaluate again")


def write_protocols(path: pathlib.Path, protocols: dict[str, dict]) -> None:
  """protocols.json, as `read_protocols` gives it."""
  files.write(path / _PROTOCOLS, json.dumps(protocols, indent=2) + "\n")
