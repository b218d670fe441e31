"""Workdirs that differ in nothing but seeds: their runs are those of one program."""

import json
import pathlib
from collections.abc import Mapping, Sequence

from genjax.config import flatten
from genjax.training import config_file, sweep

_NAMED = 2  # workdirs that the name of several has


def names_of(
  names: Mapping[pathlib.Path, str],
  records: Mapping[pathlib.Path, dict],
  rows: Mapping[pathlib.Path, Sequence[dict]],
) -> dict[pathlib.Path, str]:
  """What the runs of each workdir are called by: one name for all that are pooled.

  Those are not that have a run in common, which was repeated on purpose.

  Args:
    names: short names of workdirs.
    records: their config.json.
    rows: the numbers of their runs.
  """
  groups = {}
  for path in names:
    groups.setdefault(_program(path, records[path], rows[path]), []).append(path)
  pooled = {}
  for paths in groups.values():
    runs = [sweep.identity(row) for path in paths for row in rows[path]]
    together = len(set(runs)) == len(runs)
    for path in paths:
      pooled[path] = _name([names[p] for p in paths]) if together else names[path]
  return pooled


def _program(path: pathlib.Path, record: dict, rows: Sequence[dict]) -> str:
  """What workdirs that are pooled have in common."""
  if "images" in record:  # of other programs
    return str(path)
  data = record["dataset"]
  sums = {key: data[key] for key in ("crc32", "test_crc32") if key in data}
  config = {
    key: value
    for key, value in flatten(record["config"]).items()
    if key not in config_file.FREE and not key.startswith("sweep.")
  }
  settings = {sweep.identity({k: v for k, v in row.items() if k != "seed"}) for row in rows}
  return json.dumps([config, sums or data, sorted(settings)], sort_keys=True)


def _name(names: list[str]) -> str:
  ends = {pathlib.PurePath(name).name for name in names}
  if len(names) > 1 and len(ends) == 1:  # a cell of several studies
    return ends.pop()
  more = len(names) - _NAMED
  return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
