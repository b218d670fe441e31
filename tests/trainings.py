"""Small trainings on the digits: what the tests of files and of resuming share."""

import contextlib
import csv
import pathlib
import struct

import jax
import numpy as np
from tensorboardX.proto import event_pb2

from genjax import config
from genjax.scoring.watch import WATCH
from genjax.training import checkpoint, config_file, planning, sweep
from genjax.types import Progress

VAE = {"data.name": "digits", "batch_size": 16, "model.width": 8, "sweep.seeds": (0, 1)}
VAE |= {"steps": 12, "log_every": 3, "eval_every": 6, "eval_images": 50, "sample_columns": 3}
GAN = VAE | {"model.network": "s1_gan", "sweep.latents": (2, 3)}


def wanted(model="vae", **changes):
  """A small config of "vae" or "gan", with other values at dotted keys."""
  result = config.default(model)
  small = (VAE if model == "vae" else GAN) | {"sweep.latents": (2, 3)}
  result.update_from_flattened_dict(small | changes)
  config.check(result)
  return result


get_config = wanted  # this file is a config file too
CONFIG = f"--config={pathlib.Path(__file__).resolve()}"  # :vae or :gan


def plan(model="vae", **changes):
  chosen = wanted(model, **changes)
  return planning.plan(chosen, planning.load_data(chosen), watch=WATCH)


def untrained(path, of, change=lambda progress: progress):
  """A workdir that was saved before its first step; `change` may give its runs other weights."""
  config_file.settle(path, {"config": of.config.to_dict(), "dataset": of.facts()})
  init = jax.jit(jax.vmap(lambda run: Progress.begin(of.model.init(run))))
  checkpoints = checkpoint.Checkpoints(path / "checkpoints", keep=1)
  checkpoints.save(0, change(init(sweep.runs(of.rows))))
  checkpoints.close()


def saved(path, of, step=None):
  """The progress of all runs in a workdir's checkpoint, the last one or that of a step."""
  checkpoints = checkpoint.Checkpoints(path / "checkpoints")
  with contextlib.closing(checkpoints):
    step = checkpoints.latest() if step is None else step
    return checkpoints.restore(step, checkpoint.shapes(of.model, sweep.runs(of.rows)))


def lowered(advance, *given):
  """The text of a whole block's program, for such arguments or their shapes."""
  program, needed = advance.whole(*given)
  return program.lower(*needed).as_text()


def runs_csv(path):
  with open(path / "runs.csv") as file:
    return list(csv.DictReader(file))


def metrics_csv(path):
  with open(path / "metrics.csv") as file:
    return list(csv.DictReader(file))


def metric(path, name):
  """run -> {step: value} of a name in metrics.csv."""
  found = {}
  for row in metrics_csv(path):
    if row["name"] == name:
      found.setdefault(int(row["run"]), {})[int(row["step"])] = np.float32(row["value"])
  return found


def _events(folder):
  """The events of a run's TensorBoard files, in the order of their writing."""
  for file in sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns):
    rest = file.read_bytes()
    while rest:  # length, its checksum, the event, its checksum
      (length,) = struct.unpack("<Q", rest[:8])
      yield event_pb2.Event.FromString(rest[12 : 12 + length])
      rest = rest[16 + length :]


def scalars(folder: pathlib.Path):
  """(name, step) -> value, as TensorBoard shows them: a restart drops what is not before it."""
  shown = {}
  for event in _events(folder):
    if event.session_log.status == 1:  # START
      shown = {key: value for key, value in shown.items() if key[1] < event.step}
    for value in event.summary.value:
      shown[value.tag, event.step] = value.simple_value
  return shown
