"""What a sweep costs as it grows: `python launch/scaling.py` prints one table.

Measured on this machine: seconds of a core for a run-step and the memory plan, against the number
of runs, their latent, the batch and the devices; and what a workdir holds and a report takes at two
numbers of runs. From these the last part is extrapolated, and says so: 10,000 runs on 64 such
devices.
"""

import os
import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from typing import NamedTuple

import jax
import ml_collections
from absl import flags

from genjax import api, cli, config, process
from genjax.plotting import thinning
from genjax.reporting import build
from genjax.training import cost, metrics_file, planning

_SYSTEM = flags.DEFINE_string("system", "vae_mnist:s2", "A config, on scikit-learn's digits.")
_RUNS = flags.DEFINE_list("runs", ["1", "4", "16", "64"], "Numbers of runs.")
_LATENTS = flags.DEFINE_list("latents", ["10", "100", "1000"], "Latents, of 4 runs.")
_BATCHES = flags.DEFINE_list("batches", ["32", "128", "512"], "Batch sizes, of 4 runs.")
_DEVICES = flags.DEFINE_list("devices", ["1", "2", "4"], "Forced host devices, of 8 runs.")
_WORKDIRS = flags.DEFINE_list("workdirs", ["20", "120"], "Runs of the two workdirs.")
_ONE = flags.DEFINE_string("one", "", "Only this row, RUNS,LATENT,BATCH: a process of its own.")

STEPS, LOGS, VALIDATIONS = 20_000, 100, 20  # of the study that is extrapolated
RUNS, DEVICES, CELLS = 10_000, 64, 64


class Cost(NamedTuple):
  """Of training, of one program."""

  seconds: float  # of a run-step, of one core: what else the machine does is not in it
  memory: int  # bytes a device, planned


def _plan(runs: int, latent: int = 0, batch: int = 0, **keys: int) -> planning.Plan:
  wanted: ml_collections.ConfigDict = config.load(_SYSTEM.value, {"data.name": "digits"} | keys)
  wanted.sweep.seeds = tuple(range(runs))
  wanted.sweep.latents = (latent or max(wanted.sweep.latents),)
  wanted.batch_size = batch or wanted.batch_size
  return planning.plan(wanted, planning.load_data(wanted))


def measured(runs: int, latent: int = 0, batch: int = 0) -> Cost:
  """A program of so many runs; 0 for what the config has."""
  plan = _plan(runs, latent, batch)
  step, fit = cost.planned(plan)
  clock = time.process_time if jax.default_backend() == "cpu" else time.perf_counter
  rate = cost.run_steps_a_second(step, plan.splits, plan.rows, clock)
  return Cost(1 / rate, fit.memory.total - fit.memory.process)


def on_devices(devices: int, runs: int) -> Cost:
  """The same, in a process with so many devices of the CPU."""
  flag = f"--one={runs},0,0"
  found = subprocess.run(
    [sys.executable, __file__, f"--system={_SYSTEM.value}", flag],
    env=os.environ | {"JAX_NUM_CPU_DEVICES": str(devices)},
    check=True, capture_output=True, text=True,
  )  # fmt: skip
  seconds, memory = found.stdout.split()[-2:]
  return Cost(float(seconds), int(memory))


class Left(NamedTuple):
  """What training leaves, and what reading it takes."""

  runs: int
  files: int
  checkpoint: int  # bytes of one
  logged: int  # rows of metrics.csv at each log_every
  validated: int  # and at each validation
  row: float  # bytes
  report: float  # seconds
  read: float  # seconds that a row takes to be read


def left(runs: int, folder: pathlib.Path) -> Left:
  """Trains so many runs for two steps, each with a validation."""
  plan = _plan(runs, steps=2, log_every=1, eval_every=1)
  api.train(plan.config, folder, report=False, explore=True)
  every = [file for file in folder.rglob("*") if file.is_file()]
  file = folder / "metrics.csv"
  begun = time.process_time()
  rows = list(metrics_file.read_rows(file))
  read = (time.process_time() - begun) / len(rows)
  begun = time.process_time()
  build.write([folder], folder / build.FILE, plan.splits)
  seconds = time.process_time() - begun
  checkpoint = sum(
    f.stat().st_size for f in every if f.is_relative_to(folder / "checkpoints" / "2")
  )
  validated = sum(row.name.startswith(("val_", "kl_dim")) for row in rows) // 2
  logged = len(rows) // 2 - validated
  row_bytes = file.stat().st_size / len(rows)
  return Left(runs, len(every), checkpoint, logged, validated, row_bytes, seconds, read)


def _line(kind: str, what: str, figure: str) -> None:
  print(f"  {figure:>14}  {what} ({kind})", flush=True)


def _of_training() -> list[tuple[int, Cost]]:
  """Prints what is measured of programs; of each number of runs its cost."""
  by_runs = []
  for what, values, keys in (
    ("runs in one program", _RUNS.value, lambda n: (n,)),
    ("the latent, 4 runs", _LATENTS.value, lambda n: (4, n)),
    ("the batch, 4 runs", _BATCHES.value, lambda n: (4, 0, n)),
    ("devices of this CPU, 8 runs", _DEVICES.value, None),
  ):
    print(f"\nmilliseconds of a run-step, and MiB a device, against {what}")
    for n in map(int, values):
      found = measured(*keys(n)) if keys else on_devices(n, 8)
      by_runs += [(n, found)] if what.startswith("runs") else []
      _line("measured", f"{n:,}: {found.memory / 2**20:,.0f} MiB", f"{1e3 * found.seconds:.3g} ms")
  return by_runs


def _grows(small: float, large: float, few: Left, many: Left) -> tuple[float, float]:
  """What there is anyway, and what a run adds."""
  slope = (large - small) / (many.runs - few.runs)
  return small - slope * few.runs, slope


def _files(one: Left, runs: int) -> int:
  """Of a workdir of so many runs: TensorBoard has a file for each of the first ones."""
  most = thinning.LINES
  return one.files + min(runs, most) - min(one.runs, most)


def _extrapolated(by_runs: Sequence[tuple[int, Cost]], few: Left, many: Left) -> None:
  (n, small), (m, large) = by_runs[0], by_runs[-1]
  each, local = (large.memory - small.memory) / (m - n), -(-RUNS // DEVICES)
  memory = small.memory + each * (local - n)
  rows = RUNS / many.runs * (LOGS * many.logged + VALIDATIONS * many.validated)
  fixed, a_run = _grows(few.checkpoint, many.checkpoint, few, many)
  report, slower = _grows(few.report, many.report, few, many)
  print(
    f"\n{RUNS:,} runs of {STEPS:,} steps on {DEVICES} devices like this one, {LOGS} rows and "
    f"{VALIDATIONS} validations each: {local} runs a device"
  )
  hours = local * STEPS * large.seconds / 3600
  for figure, what in (
    (f"{hours:,.2g} h", "training"),
    (f"{memory / 2**20:,.0f} MiB", "a device"),
    (f"{(fixed + a_run * RUNS) / 2**30:.3g} GiB", "a checkpoint, of which two are kept"),
    (f"{rows / 1e6:.3g} M", f"rows of metrics.csv in all, {rows * many.row / 2**30:.3g} GiB"),
    (f"{rows * many.read / 60:.3g} min", "to read them once, on one core"),
    (f"{(report + slower * RUNS) / 60:.3g} min", "a report, besides reading"),
    (f"{_files(few, RUNS):,}", "files, as one program"),
    (f"{CELLS * _files(few, local):,}", f"files, as {CELLS} cells"),
  ):
    _line("extrapolated", what, figure)


def main() -> None:
  process.prepare_jax()
  if _ONE.value:
    found = measured(*map(int, _ONE.value.split(",")))
    print(found.seconds, found.memory)
    return
  device = jax.devices()[0]
  print(f"{jax.device_count()} x {device.device_kind}, jax {jax.__version__}: {_SYSTEM.value}")
  by_runs = _of_training()
  with tempfile.TemporaryDirectory() as folder:
    few, many = (left(int(n), pathlib.Path(folder, n)) for n in _WORKDIRS.value)
  print("\nwhat training leaves, with a row and a validation at each of two steps")
  for one in (few, many):
    _line("measured", f"files of {one.runs} runs", f"{one.files:,}")
    _line("measured", "a checkpoint of them", f"{one.checkpoint / 2**20:,.1f} MiB")
    _line("measured", f"the report; {1e6 * one.read:.2g} us to read a row", f"{one.report:.1f} s")
  _line("measured", "rows a run at each row, and at each validation",
        f"{many.logged / many.runs:g}, {many.validated / many.runs:g}")  # fmt: skip
  _extrapolated(by_runs, few, many)


if __name__ == "__main__":
  cli.run(main)
