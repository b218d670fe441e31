"""Scores of images that another program generated: measured, and told as those of runs are."""

import os
import pathlib
import shlex
import tempfile
from collections.abc import Sequence
from typing import Any

from genjax import files
from genjax.analysis import findings, measures, recorded_scores, workdirs
from genjax.analysis.measures import Measure
from genjax.data import images as image_files
from genjax.scoring import image_sets
from genjax.scoring.protocols import Settings
from genjax.types import UserError


def of(
  images: Any,
  data: str | os.PathLike,
  metrics: Sequence[str],
  *,
  split: str,
  count: int,
  seed: int,
  networks: int,
  features: str,
  directory: str | os.PathLike,
  out: str | os.PathLike,
) -> list[Measure]:
  """The scores of such images; arguments and errors are those of `genjax.score`."""
  given = images if isinstance(images, list | tuple) else [images]
  sets = [run for source in given for run in image_files.read(source)]
  if not sets:
    raise UserError("there are no images; name arrays, files or folders")
  sums = [files.checksum(run) for run in sets]
  for i, same in enumerate(sums):
    if same in sums[:i]:
      raise UserError(
        f"runs {sums.index(same)} and {i} of {len(sums)} have the same images; expected each once"
      )
  splits = image_sets.reference(os.fspath(data), sets[0].shape[1:], os.fspath(directory))
  settings = Settings(split, count, seed)
  with tempfile.TemporaryDirectory() as folder:
    place = pathlib.Path(out or f"{folder}/images")
    image_sets.write(place, sets, splits, metrics, settings, networks, features)
    found = recorded_scores.read(workdirs.read([place]), image_sets.BEST)
    return measures.of_scores(found)


def told(measured: Sequence[Measure], metrics: Sequence[str], out: str = "") -> str:
  """What the scores say: those that are asked for, or headlines.

  `out` is the folder that keeps them; "" where none does.
  """
  first = findings.headlines(measured, metrics)
  answer = findings.answer(first, findings.title(first, "Interquartile mean over runs [95%]"), "")
  how = f"python -m genjax.compare {shlex.quote(out)}" if out else "--out=FOLDER keeps them"
  return "\n".join(filter(None, [answer, findings.unseen(measured, metrics, how)]))
