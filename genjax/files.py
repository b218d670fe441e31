"""Files that are written whole or not at all, and where caches and config files lie."""

import contextlib
import errno
import os
import pathlib
import re
import secrets
import shutil
import zlib
from collections.abc import Iterator, Mapping

import numpy as np

from genjax.mistakes import UserError, hint


def causes(error: BaseException | None) -> Iterator[BaseException]:
  """An error and those that led to it, whatever wrapped whose words."""
  while error:
    yield error
    error = error.__cause__ or error.__context__


def checksum(*arrays: np.ndarray) -> int:
  """The CRC-32 of the bytes of arrays, one after another."""
  crc = 0
  for array in arrays:
    crc = zlib.crc32(np.ascontiguousarray(array).view(np.uint8).reshape(-1), crc)
  return crc


@contextlib.contextmanager
def replacing(path: pathlib.Path) -> Iterator[pathlib.Path]:
  """Gives a file beside `path` to write to, which takes its place once nothing was raised."""
  partial = path.with_name(_partial(path))
  try:
    yield partial
    os.replace(partial, path)
  finally:
    partial.unlink(missing_ok=True)


def _partial(path: pathlib.Path) -> str:
  """A hidden name next to `path` that no other process uses.

  Process ids repeat across machines, hence the token.
  """
  return f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.partial"


def write(path: pathlib.Path, content: str | bytes) -> None:
  """The file has its old content or the new, whatever happens meanwhile. Its folder must exist."""
  with replacing(path) as partial:
    partial.write_bytes(content.encode() if isinstance(content, str) else content)


@contextlib.contextmanager
def file(path: pathlib.Path) -> Iterator[pathlib.Path]:
  """As `replacing`, for a file that `--out` names.

  Creates missing parent folders. Enter it before slow work, so that an unwritable path is reported
  at once.

  Raises:
    UserError: `path` is a folder, or cannot be written.
  """
  if path.is_dir():
    raise UserError(f"--out={path} is a folder; name a file in it")
  with _beside(path) as partial:
    partial.touch()
    yield partial
    os.replace(partial, path)


@contextlib.contextmanager
def folder(path: pathlib.Path, ours: str) -> Iterator[pathlib.Path]:
  """As `file`, for a folder with many files. One that is there is replaced, with all it holds.

  Args:
    path: absent, or a folder.
    ours: a regular expression for the names of the files that the command writes.

  Raises:
    UserError: `path` is a file, holds other files than such, or cannot be written.
  """
  check_ours(path, ours)
  path = path.resolve() if path.is_symlink() else path
  with _beside(path) as partial:
    partial.mkdir()
    yield partial
    before = partial.with_suffix(".before")
    if path.exists():
      path.rename(before)
    try:
      partial.rename(path)
    except OSError:
      if before.exists():
        before.rename(path)
      raise
    shutil.rmtree(before, ignore_errors=True)


@contextlib.contextmanager
def contents(path: pathlib.Path, ours: str) -> Iterator[pathlib.Path]:
  """As `folder`, but it stays itself: a link, a mount, the folder that the process is in.

  Its files take the places of those that were there once all are made.
  """
  check_ours(path, ours)
  with _beside(path, within=True) as partial:
    before = [*path.iterdir()]
    partial.mkdir()
    yield partial
    made = [file.name for file in partial.iterdir()]
    for name in made:
      os.replace(partial / name, path / name)
    for old in before:  # also what killed processes left
      if old.name not in made:
        shutil.rmtree(old) if old.is_dir() else old.unlink()


def check_folder(path: pathlib.Path, ours: str) -> None:
  """Raises as `folder` does and leaves nothing behind.

  Call it before slow work: an OSError of that work would be taken for one of writing.
  """
  check_ours(path, ours)
  with _beside(path) as partial:
    partial.mkdir()


def write_folder(path: pathlib.Path, ours: str, files: Mapping[str, bytes]) -> None:
  """Makes a folder of these files, and of no others, as `folder` does."""
  with folder(path, ours) as partial:
    for name, content in files.items():
      (partial / name).write_bytes(content)


def check_ours(path: pathlib.Path, ours: str) -> None:
  """Raises `UserError` for a path that is a file, or a folder with files of other names."""
  if path.exists() and not path.is_dir():
    raise UserError(f"--out={path} is a file; name a folder")
  others = [f.name for f in path.glob("*") if not re.fullmatch(ours, f.name)]
  others.sort(key=lambda name: (name.startswith("."), name))  # a hidden one tells a person less
  if others:
    raise UserError(
      f"--out={path} holds {others[0]}, which this command did not write; name another"
    )


@contextlib.contextmanager
def _beside(path: pathlib.Path, within: bool = False) -> Iterator[pathlib.Path]:
  """A free place in the folder of `path`, or within it, which is empty again afterwards."""
  place = path.absolute()
  partial = (place if within else place.parent) / _partial(path)
  created = [parent for parent in partial.parents if not parent.exists()]
  try:
    partial.parent.mkdir(parents=True, exist_ok=True)
    yield partial
  except OSError as error:
    raise UserError(
      f"--out={path} cannot be written ({error.strerror or error}); name a place that can"
    ) from error
  finally:
    if partial.is_dir():
      shutil.rmtree(partial, ignore_errors=True)
    with contextlib.suppress(OSError):
      partial.unlink(missing_ok=True)
    for parent in created:
      with contextlib.suppress(OSError):  # not empty: what was to be written is there
        parent.rmdir()


def unwritable(folder: str) -> str:
  """Why a folder, which is made where there is none, cannot be written; "" where it can."""
  try:
    os.makedirs(folder, exist_ok=True)
  except OSError as error:
    return error.strerror
  return "" if os.access(folder, os.W_OK | os.X_OK) else os.strerror(errno.EACCES)


def caches() -> pathlib.Path:
  """The folder for all that is kept from start to start.

  Raises:
    UserError: nobody says where, as in a container whose user has no home.
  """
  try:
    return pathlib.Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "genjax"
  except RuntimeError:
    raise UserError(
      "this user has no home directory for caches; set XDG_CACHE_HOME to a folder that can be "
      "written, or GENJAX_CACHE and JAX_COMPILATION_CACHE_DIR"
    ) from None


# Those that come with genjax: installed, and in a clone.
_CONFIGS = [pathlib.Path(__file__).parents[i] / "configs" for i in (0, 1)]


def configs() -> list[str]:
  """The names of the files that come with genjax: "vae_mnist"."""
  files = [file for place in _CONFIGS for file in place.glob("*.py")]
  return sorted({file.stem for file in files if file.stem != "__init__"})


def no_config(path: str) -> str:
  """What is said of a path, as --config takes it, where there is no such file; or ""."""
  if os.path.isfile(config(path).partition(":")[0]):
    return ""
  stem, own = pathlib.Path(path.partition(":")[0]).stem, configs()
  return f"there is no such file; {hint(stem, own)}genjax's own are {', '.join(own)}"


def config(path: str) -> str:
  """The path of a config file, with the argument after its colon.

  A file that is there is meant by its path; or else one that comes with genjax by its name, as
  "wgan_mnist:s1".
  """
  file, colon, argument = path.partition(":")
  if not os.path.exists(file) and re.fullmatch(r"\w+(\.py)?", file):
    for place in _CONFIGS:
      known = place / f"{file.removesuffix('.py')}.py"
      if known.is_file():
        return f"{known}{colon}{argument}"
  return path
