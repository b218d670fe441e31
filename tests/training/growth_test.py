"""A workdir that grows, or is trained in parts, is what was asked for whole."""

import json
import os

import growing
import numpy as np
import pytest
import trainings
from systems import assert_trees_close, assert_trees_equal

import genjax
from genjax import config
from genjax.training import config_file, gathering, growth, parting, sweep, workdir
from genjax.types import UserError

pytestmark = pytest.mark.usefixtures("caches")


@pytest.fixture(autouse=True, scope="module")
def no_pictures():
  with growing.no_pictures():
    yield


@pytest.fixture(scope="module")
def whole(caches, tmp_path_factory):
  """Four seeds."""
  return growing.train(tmp_path_factory.mktemp("whole"), **{"sweep.seeds": (0, 1, 2, 3)})


@pytest.fixture(scope="module")
def two(caches, tmp_path_factory):
  """Two seeds of those."""
  return growing.train(tmp_path_factory.mktemp("two"))


@pytest.fixture(scope="module")
def wide(caches, tmp_path_factory):
  """Two latents, of two seeds each."""
  return growing.train(tmp_path_factory.mktemp("wide"), **{"sweep.latents": (2, 3)})


def test_more_seeds_train_the_new_runs_alone(two, whole, tmp_path, capsys):
  path = growing.copy(two, tmp_path)
  before = genjax.load(path, "last")
  steps = growth.run(growing.plan(**{"sweep.seeds": (0, 1, 2, 3)}), path)
  assert steps == 2 * 4
  assert (
    f"{path}: 4 runs at step 4; pictures are in samples/ and plots/\n" in capsys.readouterr().out
  )
  growing.assert_same(path, whole)
  for old, run in zip(before, genjax.load(path, "last"), strict=False):
    assert_trees_equal(old.state, run.state)
  (note,) = config_file.read_config(path)["changes"]
  assert note.endswith("from step 4 on: sweep.seeds is [0, 1, 2, 3], was [0, 1]")
  assert trainings.scalars(path / "tensorboard" / "seed 3") == trainings.scalars(
    whole / "tensorboard" / "seed 3"
  )


def test_more_latents_are_trained_and_the_old_runs_padded_to_them(two, wide, tmp_path):
  """The program of both computes the smaller latent with zeros beside it: sums in another order."""
  path = growing.copy(two, tmp_path)
  before = genjax.load(path)
  growth.run(growing.plan(**{"sweep.latents": (2, 3)}), path)
  with open(path / "runs.csv") as file, open(wide / "runs.csv") as other:
    assert file.read() == other.read()
  found, expected = growing.metrics(path), growing.metrics(wide)
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


@pytest.fixture(scope="module")
def long(caches, tmp_path_factory):
  """Four seeds, for twice as long."""
  return growing.train(tmp_path_factory.mktemp("long"), **{"sweep.seeds": (0, 1, 2, 3), "steps": 8})


def test_more_steps_go_on_from_the_last_checkpoint(whole, long, tmp_path):
  path = growing.copy(whole, tmp_path)
  assert growth.run(growing.plan(**{"sweep.seeds": (0, 1, 2, 3), "steps": 8}), path) == 4 * 4
  assert (path / "metrics.csv").read_text() == (long / "metrics.csv").read_text()
  growing.assert_same(path, long)


@pytest.mark.parametrize("between", [(), (0, 1)])
def test_an_end_between_two_validations_is_as_if_it_had_not_been(tmp_path, between):
  """Or the study would have one more validation, and might take its best weights there."""
  lengths = {"eval_every": 3, "log_every": 3}
  one, more = {"sweep.seeds": (0,)}, {"sweep.seeds": between or (0,)}
  path, other = tmp_path / "a", growing.train(tmp_path / "b", steps=8, **lengths | more)
  for seeds in (one, more):
    growth.run(growing.plan(**lengths | seeds), path)
    assert workdir.steps(path) == [3, 4]
  assert growth.run(growing.plan(steps=8, **lengths | more), path) == 5 * len(between or (0,))
  growing.assert_same(path, other)


def _killed(monkeypatch, path, **changes):
  """Trains up to the first validation, and no further."""
  with monkeypatch.context() as patch:
    patch.setattr(growth.train.Training, "_show", lambda self: 1 / 0)
    with pytest.raises(ZeroDivisionError):
      growing.train(path, **changes)


@pytest.mark.parametrize("place", ["settle", "_show", "_finish"])
def test_a_longer_training_that_is_killed_is_not_done(whole, long, tmp_path, monkeypatch, place):
  """Before its first step, or before its last picture: runs.csv had said that all is done."""
  path, changes = growing.copy(whole, tmp_path), {"sweep.seeds": (0, 1, 2, 3), "steps": 8}
  owner = growth.train.config_file if place == "settle" else growth.train.Training
  real = getattr(owner, place)

  def killed(*given, **others):
    if place == "settle":
      real(*given, **others)
    raise ZeroDivisionError

  with monkeypatch.context() as patch:
    patch.setattr(owner, place, killed)
    with pytest.raises(ZeroDivisionError):
      growing.train(path, **changes)
  assert not workdir.finished(path)
  growing.train(path, **changes)
  growing.assert_same(path, long)


def test_what_was_killed_and_asked_for_anew_with_more_seeds_is_the_study(
  whole, tmp_path, monkeypatch
):
  path = tmp_path / "w"
  _killed(monkeypatch, path)
  moved = path.rename(tmp_path / "v")
  assert growth.run(growing.plan(), moved) == 2 * 2
  _killed(monkeypatch, moved, **{"sweep.seeds": (0, 1, 2)})
  assert (moved / "seeds=2" / "checkpoints" / "2").is_dir()
  steps = growth.run(growing.plan(**{"sweep.seeds": (0, 1, 2, 3)}), moved)
  assert steps == 2 + 4  # the rest of one run, and all of another
  growing.assert_same(moved, whole)


def test_a_process_that_ends_while_runs_are_gathered_loses_nothing(
  two, whole, tmp_path, monkeypatch
):
  path, more = growing.copy(two, tmp_path), growing.plan(**{"sweep.seeds": (0, 1, 2, 3)})
  with monkeypatch.context() as patch:
    patch.setattr(gathering.config_file, "write", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
      growth.run(more, path)
  for name in ("metrics.csv", "runs.csv", "config.json"):
    assert (path / name).read_text() == (two / name).read_text()
  assert len(genjax.load(path)) == 2
  growth.run(more, path)
  growing.assert_same(path, whole)


def test_runs_take_their_scores_with_them(wide, tmp_path):
  path = growing.copy(wide, tmp_path)
  with open(path / "metrics.csv", "a") as file:
    file.write("4,1,fd@abc,1.5\n2,3,fd@abc,nan\n4,0,fd@abc,9\n")
  (path / "protocols.json").write_text('{"abc": {"group": "features", "floor": {"fd": 0.1}}}')
  record = config_file.read_config(path)
  record["config"]["sweep"]["seeds"] = [1]
  with workdir.claim(tmp_path / "some"):
    gathering.gather(tmp_path / "some", record, [path])
  scores = {k: v for k, v in growing.metrics(tmp_path / "some").items() if k[2] == "fd@abc"}
  assert scores == {(4, 0, "fd@abc"): "1.5", (2, 1, "fd@abc"): "nan"}
  protocols = [json.loads((p / "protocols.json").read_text()) for p in (path, tmp_path / "some")]
  assert protocols[0] == protocols[1]
  runs = genjax.load(tmp_path / "some")
  assert [run.numbers["latent"] for run in runs] == [2, 3]
  for run, twin in zip(runs, genjax.load(wide)[1::2], strict=True):
    assert_trees_equal(run.state, twin.state)


def test_runs_are_parted_into_few_sweeps():
  wanted = trainings.wanted(**{"sweep.seeds": tuple(range(5)), "sweep.latents": (2, 10)})
  old = trainings.wanted(**{"sweep.latents": (2,)})
  had = sweep.table(**old.sweep)
  lacking = [row for row in sweep.table(**wanted.sweep) if row not in had]
  parts = [*parting._products(lacking)]
  names = [parting._name(part, wanted.sweep) for part in parts]
  assert names == ["seeds=2-4", "seeds=0-1,latents=10"]
  rows = [row for part in parts for row in sweep.table(**part)]
  assert parting.keys(wanted.sweep) - parting.keys(old.sweep) == set(map(sweep.identity, rows))
  assert len(rows) == len(lacking) == 8


@pytest.mark.parametrize(
  ("old", "new", "said"),
  [
    ({}, {"sweep.seeds": (0,)}, "sweep.seeds is [0], was [0, 1]. "),
    ({}, {"sweep.seeds": (1, 2)}, "sweep.seeds is [1, 2], was [0, 1]. "),
    ({}, {"steps": 2, "sweep.seeds": (0, 1, 2)}, "steps is 2, was 4. "),
    ({}, {"batch_size": 8, "sweep.latents": (2, 3)}, "batch_size is 8, was 16. "),
    ({"sweep.decay_steps": (4.0,)}, {"sweep.decay_steps": (8.0,), "steps": 8}, "learning rates "),
    ({"sweep.decay_steps": (4.0,)}, {"sweep.decay_steps": (4.0,), "steps": 8}, "learning rates "),
  ],
)
def test_what_would_not_be_the_study_is_refused(tmp_path, old, new, said):
  config_file.settle(tmp_path, growth.planning.record(growing.plan(**old)))
  before = (tmp_path / "config.json").read_bytes()
  with pytest.raises(UserError) as caught:
    growth.check(growing.plan(**new), tmp_path)
  assert said in str(caught.value)
  assert "name another --workdir" in str(caught.value)
  assert (tmp_path / "config.json").read_bytes() == before


# Parts of a program that is too large.


def test_seeds_some_at_a_time_are_the_study_and_go_on_as_such(whole, long, tmp_path):
  some = {"sweep.seeds": (0, 1, 2, 3), "sweep.seeds_at_once": 2}
  path = tmp_path / "w"
  assert growth.run(growing.plan(**some), path, only="seeds=2-3") == 2 * 4
  assert workdir.homes(path) == [path / "seeds=2-3"]
  assert parting.unfinished(growing.plan(**some).config, path) == ["seeds=0-1"]
  assert growth.run(growing.plan(**some), path) == 2 * 4
  growing.assert_same(path, whole)
  assert growth.run(growing.plan(**some), path) == 0
  assert growth.run(growing.plan(steps=8, **some), path) == 4 * 4
  growing.assert_same(path, long)


def test_a_part_begins_with_the_runs_that_are_there(two, whole, tmp_path):
  path = growing.copy(two, tmp_path)
  assert (
    growth.run(growing.plan(**{"sweep.seeds": (0, 1, 2, 3), "sweep.seeds_at_once": 3}), path)
    == 2 * 4
  )
  growing.assert_same(path, whole)


def test_parts_have_names_for_whoever_trains_them():
  wanted = trainings.wanted(
    **{"sweep.seeds": (5, 1, 2, 9, 7), "sweep.seeds_at_once": 2, "grid.width": (8, 12)}
  )
  units = config.units(config.programs(wanted))
  assert [*units][:4] == [
    "width=8/seeds=5-1",
    "width=8/seeds=2-9",
    "width=8/seeds=7",
    "width=12/seeds=5-1",
  ]
  assert units["width=8/seeds=7"] == ("width=8", "seeds=7")
  wanted.sweep.seeds_at_once = 5
  assert [*config.units(config.programs(wanted))] == ["width=8", "width=12"]
