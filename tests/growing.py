"""Small workdirs that grow: what the tests of growth share."""

import contextlib
import csv
import shutil

import pytest
import trainings
from systems import assert_trees_equal

import genjax
from genjax.plotting import curves, galleries, plots
from genjax.training import config_file, growth

SMALL = {"steps": 4, "eval_every": 2, "log_every": 1, "model.width": 4, "sweep.latents": (2,)}


@contextlib.contextmanager
def no_pictures():
  """Half of a small training's time is drawing."""
  with pytest.MonkeyPatch.context() as patch:
    for module, name in ((galleries, "gallery"), (curves, "curves"), (plots, "save")):
      patch.setattr(module, name, lambda *args, **kwargs: None)
    patch.setattr(curves, "kl_per_dimension", lambda *args: None)
    yield


def plan(**changes):
  return trainings.plan(**SMALL | changes)


def train(path, **changes):
  growth.run(plan(**changes), path)
  return path


def copy(path, to):
  return shutil.copytree(path, to / "w")


def metrics(path):
  """(step, run, name) -> the figure, as the file has it."""
  with open(path / "metrics.csv") as file:
    rows = list(csv.DictReader(file))
  found = {(int(row["step"]), int(row["run"]), row["name"]): row["value"] for row in rows}
  assert len(found) == len(rows)
  assert [int(row["step"]) for row in rows] == sorted(int(row["step"]) for row in rows)
  return found


def assert_same(path, other):
  """Every figure and every weight, to the last bit."""
  assert (path / "metrics.csv").read_text() == (other / "metrics.csv").read_text()
  assert (path / "runs.csv").read_text() == (other / "runs.csv").read_text()
  for weights in ("best", "last"):
    for run, twin in zip(genjax.load(path, weights), genjax.load(other, weights), strict=True):
      assert run.numbers == twin.numbers
      assert_trees_equal(run.state, twin.state)
  records = [config_file.read_config(place)["config"] for place in (path, other)]
  for record in records:
    record["sweep"]["seeds_at_once"] = 0
  assert records[0] == records[1]
  assert names(path) == names(other)


def names(path):
  """What lies in a workdir, but who may write to it."""
  return sorted(file.name for file in path.iterdir() if not file.name.endswith("lock"))


def remove(place):
  if place.is_dir():
    shutil.rmtree(place)
  else:
    place.unlink()
