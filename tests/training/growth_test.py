"""A workdir that grows, or is trained in parts, is what was asked for whole."""

import csv
import json
import os
import shutil

import numpy as np
import pytest
import trainings
from systems import assert_trees_close, assert_trees_equal

import genjax
from genjax import config
from genjax.training import config_file, gathering, growth, workdir
from genjax.types import UserError

SMALL = {"steps": 4, "eval_every": 2, "log_every": 1, "model.width": 4, "sweep.latents": (2,)}

pytestmark = pytest.mark.usefixtures("caches")


def _plan(**changes):
  return trainings.plan(**SMALL | changes)


def _train(path, **changes):
  growth.run(_plan(**changes), path)
  return path


@pytest.fixture(scope="module")
def whole(caches, tmp_path_factory):
  """Four seeds."""
  return _train(tmp_path_factory.mktemp("whole"), **{"sweep.seeds": (0, 1, 2, 3)})


@pytest.fixture(scope="module")
def two(caches, tmp_path_factory):
  """Two seeds of those."""
  return _train(tmp_path_factory.mktemp("two"))


@pytest.fixture(scope="module")
def wide(caches, tmp_path_factory):
  """Two latents, of two seeds each."""
  return _train(tmp_path_factory.mktemp("wide"), **{"sweep.latents": (2, 3)})


def _copy(path, to):
  return shutil.copytree(path, to / "w")


def _metrics(path):
  """(step, run, name) -> the figure, as the file has it."""
  with open(path / "metrics.csv") as file:
    rows = list(csv.DictReader(file))
  found = {(int(row["step"]), int(row["run"]), row["name"]): row["value"] for row in rows}
  assert len(found) == len(rows)
  assert [int(row["step"]) for row in rows] == sorted(int(row["step"]) for row in rows)
  return found


def _assert_same(path, other):
  """Every figure and every weight, to the last bit."""
  assert _metrics(path) == _metrics(other)
  assert (path / "runs.csv").read_text() == (other / "runs.csv").read_text()
  for weights in ("best", "last"):
    for run, twin in zip(genjax.load(path, weights), genjax.load(other, weights), strict=True):
      assert run.numbers == twin.numbers
      assert_trees_equal(run.state, twin.state)
  records = [config_file.read_config(place)["config"] for place in (path, other)]
  for record in records:
    record["sweep"]["seeds_at_once"] = 0
  assert records[0] == records[1]
  assert _names(path) == _names(other)


def _names(path):
  """What lies in a workdir, but who may write to it."""
  return sorted(file.name for file in path.iterdir() if not file.name.endswith("lock"))


def test_more_seeds_train_the_new_runs_alone(two, whole, tmp_path, capsys):
  path = _copy(two, tmp_path)
  before = genjax.load(path, "last")
  steps = growth.run(_plan(**{"sweep.seeds": (0, 1, 2, 3)}), path)
  assert steps == 2 * 4
  assert f"{path}: 4 runs at step 4; pictures in samples, plots\n" in capsys.readouterr().out
  _assert_same(path, whole)
  for old, run in zip(before, genjax.load(path, "last"), strict=False):
    assert_trees_equal(old.state, run.state)
  (note,) = config_file.read_config(path)["changes"]
  assert note.endswith("from step 4 on: sweep.seeds is [0, 1, 2, 3], was [0, 1]")
  assert trainings.scalars(path / "tensorboard" / "seed 3") == trainings.scalars(
    whole / "tensorboard" / "seed 3"
  )


def test_more_latents_are_trained_and_the_old_runs_padded_to_them(two, wide, tmp_path):
  """The program of both computes the smaller latent with zeros beside it: sums in another order."""
  path = _copy(two, tmp_path)
  before = genjax.load(path)
  growth.run(_plan(**{"sweep.latents": (2, 3)}), path)
  with open(path / "runs.csv") as file, open(wide / "runs.csv") as other:
    assert file.read() == other.read()
  found, expected = _metrics(path), _metrics(wide)
  assert found.keys() == expected.keys()
  for place, value in expected.items():
    np.testing.assert_allclose(float(found[place]), float(value), rtol=1e-4, err_msg=place)
  runs, twins = genjax.load(path), genjax.load(wide)
  for run, twin in zip(runs, twins, strict=True):
    assert run.numbers == twin.numbers
    assert_trees_close(run.state, twin.state, rtol=1e-4, atol=1e-5)
  for run, twin in zip(runs[2:], twins[2:], strict=True):
    assert_trees_equal(run.state, twin.state)  # the new ones
  for old, run in zip(before, runs, strict=False):
    z = old.noise(5)
    np.testing.assert_allclose(old.generate(z), run.generate(z), atol=1e-6)
  assert sorted(os.listdir(path / "tensorboard")) == sorted(os.listdir(wide / "tensorboard"))
