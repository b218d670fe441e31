"""A study over a Ray cluster: a task for each cell, and a table of them all."""

import os
import pathlib
import re
import secrets
import shutil
import signal
import socket
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

from genjax import process
from genjax.plotting import tables
from genjax.training import cell_process
from genjax.types import UserError

LOCAL = "local"
RETRIES = 3  # of a cell whose process or machine was lost
REFRESH = 2.0  # seconds between two looks at the cells
_PASSED_ON = re.compile(r"(GENJAX|JAX|XLA|TFDS|XDG)_\w+|PYTHONPATH|PYTHONWARNINGS")
# Of a progress bar: step, steps, time left, and what follows the rate.
_BAR = re.compile(r"\| *(\d+)/(\d+) \[[^<\]]*<([^,\]]*),[^,\]]*,? ?(.*)\]$")


class Resources(NamedTuple):
  """What each cell has."""

  cpus: float
  gpus: float


class Cell:
  """Of the study: where it stands."""

  def __init__(self, folder: str):
    self.folder, self.token = folder, secrets.token_hex(8)
    self.state, self.line, self.lost = "waiting", "", 0

  def look(self, path: pathlib.Path) -> None:
    """Takes in what its process says, if it has begun."""
    log = path / self.folder / cell_process.LOG
    if self.state in ("waiting", "running") and _begins_with(log, self.token):
      lines = cell_process.last_lines(log)
      bars = [line for line in lines if _BAR.search(line)]
      self.state, self.line = "running", (bars or lines)[-1]

  def row(self) -> tuple[str, str, str, str, str]:
    """Folder, state, step, time left, and the loss; of one that failed why."""
    state = f"{self.state}, attempt {self.lost + 1}" if self.lost else self.state
    if self.state == "failed":
      return self.folder, state, "", "", self.line
    step, steps, left, said = found.groups() if (found := _BAR.search(self.line)) else [""] * 4
    progress = f"{int(step):,} of {int(steps):,}" if step else ""
    return self.folder, state, progress, left if self.state == "running" else "", said


def run(
  folders: Sequence[str],
  path: pathlib.Path,
  arguments: Sequence[str],
  address: str,
  resources: Resources,
) -> None:
  """Trains the cells of a study as Ray tasks, each by a process with `--cell`.

  Args:
    folders: of the cells.
    path: the study's workdir, which all machines see.
    arguments: of this command, which each cell's has as well.
    address: of the cluster; `local` for one of this machine's cores.
    resources: what each cell has.

  Raises:
    UserError: Ray is not installed or not there, has nothing of that size, or cells failed.
    Terminated: a signal asked this process to end.
  """
  ray = _connected(address)
  # After Ray, which has its own say about SIGTERM.
  with process.held_signals(lambda: False) as asked:
    try:
      _check(ray, resources)
      cells = [Cell(folder) for folder in folders]
      work = _Work(ray, path, arguments, resources)
      try:
        work.train(cells, asked)
      except BaseException:
        print(f"\n{path}: cells save what they have reached", flush=True)
        work.stop()
        raise
    finally:
      ray.shutdown()
  failed = [cell for cell in cells if cell.state == "failed"]
  if failed:
    raise UserError(
      f"{len(failed)} of {len(cells)} cells failed, {failed[0].folder} first: "
      f"{failed[0].line} ({path / failed[0].folder / cell_process.LOG}); the others are done"
    )


def _connected(address: str) -> Any:
  """The module `ray`, with a cluster at hand."""
  try:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray  # an extra
  except ImportError:
    raise UserError("--ray needs Ray: pip install 'genjax-seeds[ray]'") from None
  _check_address(address)
  options = {}  # of a cluster that is begun, which is to be small
  if address == LOCAL:
    cpus = process.cores()
    options = {"num_cpus": cpus, "include_dashboard": False, "object_store_memory": 80 * 2**20}
  try:
    ray.init(address, log_to_driver=False, configure_logging=False, **options)
  except SystemExit:  # Ray's own answer to SIGTERM while it begins, with a status of its own
    sys.stderr.write("ended by SIGTERM; nothing was begun\n")
    sys.exit(128 + signal.SIGTERM)
  except (ConnectionError, RuntimeError, ValueError, AssertionError) as error:
    said = " ".join(str(error).split())
    raise UserError(f"--ray={address}: no Ray cluster answers there ({said:.300})") from error
  return ray


def _check_address(address: str) -> None:
  """Raises `UserError` where nobody listens, of which Ray is sure after some minutes only."""
  if address in (LOCAL, "auto"):
    return
  found = re.fullmatch(r"(?:ray://)?\[?(.+?)\]?:(\d+)", address)
  if not found:
    raise UserError(f"--ray={address}: expected HOST:PORT of a Ray cluster, auto, or local")
  try:
    socket.create_connection((found[1], int(found[2])), timeout=10).close()
  except (OSError, OverflowError) as error:
    raise UserError(f"--ray={address}: no Ray cluster answers there ({error})") from error


def _check(ray: Any, resources: Resources) -> None:
  """Raises `UserError` where no machine could ever train a cell."""
  nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
  if not any(
    node.get("CPU", 0) >= resources.cpus and node.get("GPU", 0) >= resources.gpus for node in nodes
  ):
    most = ", ".join(f"{n.get('CPU', 0):g} and {n.get('GPU', 0):g}" for n in nodes[:5])
    raise UserError(
      f"--ray_cpus={resources.cpus:g} --ray_gpus={resources.gpus:g}: no machine of the cluster "
      f"has as much; CPUs and GPUs are {most}"
    )


class _Work:
  """Cells that are with Ray."""

  def __init__(self, ray: Any, path: pathlib.Path, arguments: Sequence[str], resources: Resources):
    self._ray, self._path, self._arguments = ray, path, arguments
    self._resources, self._pending = resources, {}
    # Retries are ours: Ray's do not tell a kill from a mistake, and are endless for lack of memory.
    self._task = ray.remote(cell_process.run).options(
      num_cpus=resources.cpus, num_gpus=resources.gpus, max_retries=0, scheduling_strategy="SPREAD"
    )
    self._environment = {k: v for k, v in os.environ.items() if _PASSED_ON.fullmatch(k)}

  def train(self, cells: Sequence[Cell], asked: Sequence[signal.Signals]) -> None:
    """Trains them all, whatever becomes of one. Raises `Terminated` once a signal asked to end."""
    table = _Table(self._path)
    for cell in cells:
      self._submit(cell)
    while self._pending:
      ended, _ = self._ray.wait([*self._pending], timeout=REFRESH)
      if asked:
        raise process.Terminated(asked[0], "the same command goes on from the last checkpoint")
      for reference in ended:
        self._end(self._pending.pop(reference), reference)
      for cell in cells:
        cell.look(self._path)
      table.show(cells)

  def _submit(self, cell: Cell) -> None:
    # The last of two flags counts: a cell's process is none of Ray's.
    arguments = [*self._arguments, "--ray=", f"--cell={cell.folder}"]
    reference = self._task.remote(
      arguments, str(self._path / cell.folder), os.getcwd(), self._environment, cell.token,
      *self._resources,
    )  # fmt: skip
    self._pending[reference] = cell

  def _end(self, cell: Cell, reference: Any) -> None:
    try:
      status, line = self._ray.get(reference)
    except self._ray.exceptions.RayTaskError as error:  # of the task itself, as no such folder
      status, line = 1, str(error.cause)
    except self._ray.exceptions.RayError as error:
      status, line = -9, " ".join(str(error).split())[:300]
    cell.look(self._path)
    if status == 0:
      cell.state = "done"
    elif (status < 0 or status > 128) and cell.lost < RETRIES:
      cell.lost += 1
      cell.state, cell.token = "waiting", secrets.token_hex(8)
      self._submit(cell)
    else:
      cell.state, cell.line = "failed", line

  def stop(self) -> None:
    """Has cells save what they reached, and drops those that wait."""
    for reference in self._pending:
      self._ray.cancel(reference)
    if self._pending:
      self._ray.wait(
        [*self._pending], num_returns=len(self._pending), timeout=cell_process.SAVING + 10
      )


class _Table:
  """The cells as a terminal shows them; elsewhere a line for each that changes its state."""

  def __init__(self, path: pathlib.Path):
    self._path, self._lines, self._told = path, 0, {}

  def show(self, cells: Sequence[Cell]) -> None:
    if sys.stdout.isatty():
      size = shutil.get_terminal_size()
      lines = [line[: size.columns - 1] for line in lines_of(cells, size.lines - 2)]
      up = f"\x1b[{self._lines}A\x1b[J" if self._lines else ""
      print(up + "\n".join([str(self._path), *lines]), flush=True)
      self._lines = len(lines) + 1
      return
    for cell in cells:
      if self._told.get(cell.folder, ("waiting", 0)) != (cell.state, cell.lost):
        self._told[cell.folder] = cell.state, cell.lost
        print(f"{self._path}: {', '.join(filter(None, cell.row()))}", flush=True)


def lines_of(cells: Sequence[Cell], room: int) -> list[str]:
  """A table in at most so many lines: those that run and those that failed first."""
  states = [cell.state for cell in cells]
  kinds = ("running", "failed", "waiting", "done")
  counts = ", ".join(f"{states.count(k)} {k}" for k in kinds if k in states)
  first = sorted(cells, key=lambda cell: kinds.index(cell.state))[: max(room - 2, 1)]
  rows = [("cell", "state", "step", "left", ""), *(cell.row() for cell in first)]
  return [*tables.aligned(rows, [True] * 5), f"{len(cells)} cells: {counts}"]


def _begins_with(log: pathlib.Path, token: str) -> bool:
  try:
    with open(log) as file:
      return file.read(len(token)) == token
  except OSError:
    return False
