"""Decoded arrays on disk, so that a second start takes a fraction of a second.

A file is an uncompressed .npz: its zip format has a CRC-32 of each array, which reading checks.
"""

import hashlib
import os
import pathlib
import re
import urllib.parse
from collections.abc import Iterator

import numpy as np
from absl import logging

from genjax import files
from genjax.data import sources
from genjax.data.sources import Arrays
from genjax.types import Dataset

_LAYOUT = 3  # to be raised when the arrays of a source come out otherwise than before


def path(cache: str, name: str, version: str, size: int, source: pathlib.Path) -> pathlib.Path:
  """The file for the arrays of a folder `source`: another one as soon as a file in it changes."""
  digest = hashlib.sha256(f"{_LAYOUT} ".encode() + os.fsencode(source.resolve()))
  for parent, _, names in sources.walk(source):
    for file in names:
      full = os.path.join(parent, file)
      try:
        status = os.stat(full)
        facts = f"{status.st_size} {status.st_mtime_ns}"
      except OSError:  # a broken link, say, which reading will name
        facts = "gone"
      digest.update(b"\n" + os.fsencode(os.path.relpath(full, source)) + f" {facts}".encode())
  return (
    folder(cache, "data") / f"{_stem(name)}-{version}-{_size(size)}-{digest.hexdigest()[:12]}.npz"
  )


def newest(cache: str, name: str, size: int) -> Iterator[pathlib.Path]:
  """Files with arrays of that name and size from whatever source, the newest first."""
  pattern = re.compile(rf"{re.escape(_stem(name))}-[^-]+-{_size(size)}-[0-9a-f]{{12}}\.npz")
  found = [x for x in folder(cache, "data").glob("*.npz") if pattern.fullmatch(x.name)]
  yield from sorted(found, key=lambda x: x.stat().st_mtime_ns, reverse=True)


def load(file: pathlib.Path) -> Arrays | None:
  """The arrays of a dataset; None if the file is absent, or damaged (logged)."""
  found = read(file)
  if found is None:
    return None
  try:
    train = Dataset(found["train_image"], found["train_label"])
    test = Dataset(found["test_image"], found["test_label"])
    source = str(found["source"])
    # Files of layout 1 have no names.
    names = found.get("classes", sources.numbered(int(found["num_classes"])))
    notes = tuple(map(str, found.get("notes", ())))
  except (KeyError, ValueError, TypeError) as error:
    return _damaged(file, error)
  return Arrays(train, test if len(test.image) else None, tuple(map(str, names)), source, notes)


def save(file: pathlib.Path, arrays: Arrays) -> None:
  """Writes a dataset as `write` does."""
  train, test = arrays.train, arrays.test or Dataset(*(x[:0] for x in arrays.train))
  write(
    file,
    {
      "train_image": train.image,
      "train_label": train.label,
      "test_image": test.image,
      "test_label": test.label,
      "num_classes": len(arrays.classes),
      "classes": np.array(arrays.classes),
      "notes": np.array(arrays.notes, str),
      "source": arrays.source,
    },
  )


def read(file: pathlib.Path) -> dict[str, np.ndarray] | None:
  """The arrays of a file, every byte of them checked; None if it is absent, or damaged (logged)."""
  try:
    # A stream of ours, as np.load leaves its own open where the archive is damaged.
    with file.open("rb") as stream, np.load(stream) as members:
      return {name: members[name] for name in members.files}
  except FileNotFoundError:
    return None
  except Exception as error:  # a damaged file fails in as many ways as it has bytes
    return _damaged(file, error)


def _damaged(file: pathlib.Path, error: Exception) -> None:
  logging.warning("The cached arrays in %s are damaged and not used (%s).", file, error)


def write(file: pathlib.Path, arrays: dict) -> None:
  """Writes the file as a whole or not at all. Where it cannot, it logs that and goes on."""
  try:
    file.parent.mkdir(parents=True, exist_ok=True)
    with files.replacing(file) as partial, partial.open("wb") as stream:
      np.savez(stream, **arrays)
  except OSError as error:
    logging.warning("Arrays are not cached, and the next start is slow again: %s.", error)


def folder(cache: str, kind: str) -> pathlib.Path:
  """Where files of one kind are kept; `cache` as in `data.load`. Raises as `files.caches`."""
  chosen = cache or os.environ.get("GENJAX_CACHE")
  return (pathlib.Path(os.path.expanduser(chosen)) if chosen else files.caches()) / kind


def _stem(name: str) -> str:
  return urllib.parse.quote(os.fsencode(name), safe="")[:100]  # the digest tells longer ones apart


def _size(size: int) -> str:
  return str(size) if size else "native"
