"""Runs on several devices, of a number that these do not divide; and several processes."""

import os
import socket
import subprocess
import sys

import numpy as np
import pytest

# On one device; and begun on four, of which five runs take three, and gone on with on two.
_TRAIN = """
import sys, pathlib, jax, numpy as np
import trainings
from genjax.training import pictures, sweep, train
pictures.draw_curves = lambda *_: None  # of metrics.csv, which is compared
every, base = jax.devices(), pathlib.Path(sys.argv[1])

def on(count):
  sweep.jax.devices = lambda: every[:count]
  plan = trainings.plan(**{
    "sweep.seeds": (0, 1, 2, 3, 4), "sweep.latents": (3,), "evals": ("swd",),
    "eval_images": 200, "data.validation": 0.25, "log_every": 2, "eval_every": 2,
  }, steps=4)
  plan.rows[3]["learning_rate"] = 1e30  # explodes, beside others that do not
  return plan

train.train(on(4)._replace(steps=2), base / "several")
train.train(on(2), base / "several")
plan = on(1)
train.train(plan, base / "one")
weights = [trainings.saved(base / name, plan) for name in ("one", "several")]
jax.tree.map(np.testing.assert_array_equal, *weights)
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory, caches):
  path = tmp_path_factory.mktemp("devices")
  environment = os.environ | {
    "JAX_NUM_CPU_DEVICES": "4",
    "PYTHONPATH": os.pathsep.join([os.path.dirname(__file__), *sys.path]),
  }
  subprocess.run([sys.executable, "-c", _TRAIN, path], env=environment, check=True)
  return path


@pytest.mark.parametrize(
  "file", ["metrics.csv", "runs.csv", "samples/last.png", "samples/best.png"]
)
def test_what_several_devices_leave_is_what_one_leaves(trained, file):
  one, other = ((trained / folder / file).read_bytes() for folder in ("one", "several"))
  assert one == other


def test_padding_is_no_run(trained):
  assert (trained / "several" / "runs.csv").read_text().count("\n") == 6
  rows = np.genfromtxt(trained / "several" / "metrics.csv", delimiter=",", skip_header=1, usecols=1)
  assert set(rows) <= set(range(5))


_TOGETHER = """
import sys, jax, genjax
jax.distributed.initialize(f"127.0.0.1:{sys.argv[1]}", 2, int(sys.argv[2]))
try:
  genjax.train(genjax.config.default("vae"), sys.argv[3])
except genjax.UserError as error:
  print(error)
"""


def test_processes_of_one_jax_program_are_told_of_cells(tmp_path):
  with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = str(free.getsockname()[1])
  command = [sys.executable, "-c", _TOGETHER, port]
  both = [
    subprocess.Popen([*command, str(i), tmp_path / "w"], stdout=subprocess.PIPE, text=True)
    for i in range(2)
  ]
  for process in both:
    (line,) = process.communicate(timeout=120)[0].splitlines()
    assert line.startswith("jax.distributed runs 2 processes as one program")
    assert "--ray=" in line
    assert "--cell=" in line
  assert not (tmp_path / "w").exists()
