"""Another library is called genjax: who has that one instead is told so."""

import os
import pathlib
import subprocess
import sys

import pytest

import genjax

PACKAGE = pathlib.Path(genjax.__file__).parent


def test_the_distribution_is_the_one_that_setup_cfg_names():
  assert f"\nname = {genjax.DISTRIBUTION}\n" in (PACKAGE.parent / "setup.cfg").read_text()


@pytest.mark.parametrize(
  ("arguments", "status"),
  [(["-m", "genjax.describe"], 2), (["-c", "import genjax.types"], 1)],
)
def test_the_other_library_over_this_one_is_named(tmp_path, arguments, status):
  (tmp_path / "genjax").mkdir()
  for path in PACKAGE.iterdir():
    if path.name != "__init__.py":
      (tmp_path / "genjax" / path.name).symlink_to(path)
  (tmp_path / "genjax" / "__init__.py").write_text("class Trace: ...\n")
  done = subprocess.run(
    [sys.executable, *arguments],
    env=os.environ | {"PYTHONPATH": str(tmp_path)},
    cwd=tmp_path,
    capture_output=True,
    text=True,
    check=False,
  )
  assert done.returncode == status
  last = done.stderr.splitlines()[-1]
  assert "is of another library named genjax; pip uninstall genjax" in last
  if status == 2:
    assert done.stderr == f"{last}\n"
