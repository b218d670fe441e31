"""Which code made a workdir: its commit, and the versions of what figures depend on."""

import functools
import pathlib
import subprocess
from importlib import metadata

from genjax import DISTRIBUTION

_LIBRARIES = ("genjax", "jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy")


def versions() -> dict[str, str]:
  """Of genjax and of the libraries that figures depend on."""
  return {name: version(name) for name in _LIBRARIES}


def version(library: str) -> str:
  """Of an installed library, by what it is imported as."""
  try:
    return metadata.version(DISTRIBUTION if library == "genjax" else library)
  except metadata.PackageNotFoundError:
    return "not installed"


@functools.cache  # the code is what it was when the process began, whatever happens to its files
def revision() -> str:
  """The commit of the code, with "+changes" where files differ from it; "" outside a checkout.

  A checkout has this package at its top, and its setup.cfg: the repository around a virtual
  environment has not, nor has one that took a copy of the package.
  """
  folder = pathlib.Path(__file__).parents[1]

  def git(*arguments: str) -> str:
    done = subprocess.run(
      ["git", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    return done.stdout.strip()

  try:
    about = folder.parent / "setup.cfg"
    if git("ls-files", "--full-name", "__init__.py") != f"{folder.name}/__init__.py" or not (
      about.is_file() and f"\nname = {DISTRIBUTION}\n" in about.read_text()
    ):
      return ""
    return git("describe", "--always", "--abbrev=40", "--dirty=+changes", "--exclude=*")
  except OSError:  # no git on this machine
    return ""
