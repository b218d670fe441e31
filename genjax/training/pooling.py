"""Workdirs that differ in nothing but seeds: their runs are those of one program."""

import json
import pathlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from genjax.config import flatten
from genjax.training import config_file, sweep
from genjax.types import first_few, grouped

_NAMED = 2  # workdirs that the name of several has
# Best weights depend on how often a run was validated.
_FREE = {*config_file.FREE} - {"eval_every"}


class Called(NamedTuple):
  """What the runs of a workdir are called by."""

  name: str  # one for all workdirs that are pooled
  prefix: str  # of settings: the same, or "" where all have one name
  settings: list[str]  # of each run, as `sweep.settings` has them


def of(
  names: Mapping[pathlib.Path, str],
  records: Mapping[pathlib.Path, dict],
  rows: Mapping[pathlib.Path, list[dict]],
) -> dict[pathlib.Path, Called]:
  """What the runs of each workdir are called by; names of settings tell latents of all apart.

  Args:
    names: short names of workdirs.
    records: their config.json.
    rows: the numbers of their runs.
  """
  shared = _names(names, records, rows)
  latents = {row["latent"] for own in rows.values() for row in own}
  prefixed = len(set(shared.values())) > 1
  called = {}
  for path, name in shared.items():
    prefix = name if prefixed else ""
    others = () if "images" in records[path] else latents  # of programs that say nothing of one
    called[path] = Called(name, prefix, sweep.settings(rows[path], prefix, others))
  return called


def _names(names: Mapping, records: Mapping, rows: Mapping) -> dict[pathlib.Path, str]:
  """One name for all that are pooled.

  Those are not that have a run in common, which was repeated on purpose.
  """
  groups = []
  for paths in grouped(names, lambda path: _program(path, records[path], rows[path])).values():
    runs = [sweep.identity(row) for path in paths for row in rows[path]]
    groups += [paths] if len(set(runs)) == len(runs) else [[path] for path in paths]
  called = [[names[path] for path in paths] for paths in groups]
  short = [_end(own) for own in called]
  return {
    path: end if short.count(end) == 1 else first_few(own, _NAMED)
    for paths, own, end in zip(groups, called, short, strict=True)
    for path in paths
  }


def _program(path: pathlib.Path, record: dict, rows: Sequence[dict]) -> str:
  """What workdirs that are pooled have in common."""
  if "images" in record:  # of other programs
    return str(path)
  data = record["dataset"]
  sums = {key: data[key] for key in ("crc32", "test_crc32") if key in data}
  config = {
    key: value
    for key, value in flatten(record["config"]).items()
    if key not in _FREE and not key.startswith("sweep.")
  }
  settings = {sweep.identity({k: v for k, v in row.items() if k != "seed"}) for row in rows}
  own = {name: part["sha256"] for name, part in record.get("parts", {}).items()}
  precision = record.get("products", "").partition(",")[0]  # an accelerator's may be TF32
  return json.dumps([config, own, precision, sums or data, sorted(settings)], sort_keys=True)


def _end(names: list[str]) -> str:
  """What to call workdirs by, where no others are called so."""
  ends = {pathlib.PurePath(name).name for name in names}
  if len(names) > 1 and len(ends) == 1:  # a cell of several studies
    return ends.pop()
  return first_few(names, _NAMED)
