"""Command lines in processes that need not import: each is forked of one that has done so."""

import json
import os
import select
import subprocess
import sys
from typing import NamedTuple

# JAX computes nothing before it forks. What it imported is frozen, or each of its children would
# search it for garbage when it ends, and copy all of it by doing so.
_SERVER = """
import gc, json, os, runpy, signal, sys, warnings
import scipy.stats  # which is imported when it is first used, by each child
from ml_collections import config_flags
from PIL import Image
from genjax import cli, config
from genjax.analysis import comparison, sample_files
from genjax.data import sources
from genjax.reporting import build
from genjax.scoring import watch
from genjax.training import description, study

sources.digits(0)
Image.init()
gc.collect()
gc.freeze()
for line in sys.stdin:
  module, arguments, files, folder = json.loads(line)
  with warnings.catch_warnings(action="ignore"):  # of forking beside threads, which do nothing yet
    child = os.fork()
  if not child:
    signal.alarm(300)
    os.chdir(folder)
    for number, file in enumerate(files, 1):
      os.dup2(os.open(file, os.O_CREAT | os.O_WRONLY), number)
    sys.argv = [f"{module}.py", *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
    sys.exit(f"{module} has returned")
  print(child, flush=True)
  print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Result(NamedTuple):
  status: int
  output: str
  errors: str


class Started:
  """A command that runs."""

  def __init__(self, server, files):
    self._server, self._files = server, files
    self._child = int(server.stdout.readline())

  def ended(self) -> bool:
    return bool(select.select([self._server.stdout], [], [], 0)[0])

  def send_signal(self, number) -> None:
    os.kill(self._child, number)

  def wait(self) -> Result:
    status = int(self._server.stdout.readline())
    return Result(status, *(file.read_text() for file in self._files))


class Commands:
  """Starts commands, one at a time, as `python -m genjax.NAME ARGUMENTS` would."""

  def __init__(self, folder):
    self._files = [folder / "output", folder / "errors"]
    pipe, environment = subprocess.PIPE, os.environ | {"JAX_NUM_CPU_DEVICES": "2"}
    self._server = subprocess.Popen(
      [sys.executable, "-c", _SERVER], stdin=pipe, stdout=pipe, text=True, bufsize=1,
      env=environment,
    )  # fmt: skip

  def start(self, name, *arguments, cwd=None) -> Started:
    for file in self._files:
      file.write_text("")
    line = (f"genjax.{name}", *([*map(str, x)] for x in (arguments, self._files)))
    self._server.stdin.write(json.dumps([*line, str(cwd or os.getcwd())]) + "\n")
    return Started(self._server, self._files)

  def __call__(self, name, *arguments, cwd=None) -> Result:
    return self.start(name, *arguments, cwd=cwd).wait()

  def close(self) -> None:
    with self._server:
      self._server.stdin.close()
