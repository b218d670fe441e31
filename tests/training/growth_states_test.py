"""A workdir that grows is read as what it was or what it is, whatever happens meanwhile."""

import contextlib
import itertools
import json
import os
import shutil
import threading

import growing
import pytest
import trainings

import genjax
from genjax.analysis import workdirs
from genjax.scoring import score_files
from genjax.scoring.score_files import Place
from genjax.training import config_file, gathering, growth, loading, metrics_file, parting, workdir
from genjax.types import UserError

pytestmark = pytest.mark.usefixtures("caches")
WIDE = {"sweep.latents": (2, 3), "sweep.seeds": (0,)}
MORE = WIDE | {"sweep.seeds": (0, 1)}  # which gives the run of latent 3 another number


@pytest.fixture(autouse=True, scope="module")
def no_pictures():
  with growing.no_pictures():
    yield


@pytest.fixture(scope="module")
def two(caches, tmp_path_factory):
  return growing.train(tmp_path_factory.mktemp("two"))


@pytest.fixture(scope="module")
def gathered(caches, tmp_path_factory):
  """A workdir of two runs that becomes one of four, just before its files take their places."""
  path, asked = growing.train(tmp_path_factory.mktemp("gathered"), **WIDE), []

  def replace(place, gone):
    asked.extend((place, list(gone)))
    raise KeyboardInterrupt

  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(workdir, "replace", replace)
    with pytest.raises(KeyboardInterrupt):
      growing.train(path, **MORE)
  assert asked == [path, ["seeds=1"]]
  return path


def _losses(path):
  """By a run's numbers: what `genjax.load` and the tables of `compare` have of it."""
  loaded = [(run.numbers, run.metrics["val_loss"].values[-1]) for run in genjax.load(path)]
  tables = [
    (run.numbers, run.at("val_loss", 4)) for one in workdirs.read([path]) for run in one.runs
  ]
  found = [{(n["seed"], n["latent"]): value for n, value in some} for some in (loaded, tables)]
  assert found[0] == found[1]
  return found[0]


class _Killed(BaseException):
  pass


def _killed(path, operations):
  """Replaces files until the operation of that number; how many were done."""
  done = itertools.count()

  def counted(real):
    def operation(*args, **kwargs):
      if next(done) == operations:
        raise _Killed
      return real(*args, **kwargs)

    return operation

  with pytest.MonkeyPatch.context() as patch, contextlib.suppress(_Killed):
    for name in ("rename", "replace", "unlink", "remove", "rmdir"):
      patch.setattr(os, name, counted(getattr(os, name)))
    workdir.replace(path, ["seeds=1"])
  return next(done)


@pytest.mark.parametrize("with_own", [True, False])
def test_between_any_two_operations_it_reads_as_one_or_says_so(gathered, tmp_path, with_own):
  """Without own runs, as where parts have all of them, readers go to the parts before."""

  def copied(name):
    path = shutil.copytree(gathered, tmp_path / str(name))
    if not with_own:
      for name in ("config.json", "checkpoints", "metrics.csv", "runs.csv", "tensorboard"):
        growing.remove(path / name)
    return path

  last, seen = copied("last"), []
  count = _killed(last, -1)
  truth = _losses(last)
  for operations in [*range(16), *range(16, count, 30), count - 1]:  # most remove one of many files
    path = copied(operations)
    _killed(path, operations)
    seen.append(_read(path, truth))
    with workdir.claim(path):  # as the command does that goes on
      pass
    if seen[-1] == _TOLD:
      assert growing.metrics(path) == growing.metrics(last)
      assert growing.names(path) == growing.names(last)
    shutil.rmtree(path)
  assert [kind for kind, _ in itertools.groupby(seen)] == [2, _TOLD, 4]
  assert seen.count(_TOLD) > 8


_TOLD = (
  "runs are being added to w, or the process adding them was killed; rerun the training command "
  "to finish"
)


def _read(path, truth):
  """How many runs are read, rightly; or what is said."""
  found = {}
  try:
    for home in workdir.homes(path):
      found |= _losses(home)
  except UserError as error:
    return str(error).replace(str(path), "w")
  assert found.items() <= truth.items()
  return len(found)


def test_the_same_command_completes_what_was_killed(gathered, tmp_path):
  path = growing.copy(gathered, tmp_path)
  _killed(path, 3)
  with pytest.raises(UserError, match="runs are being added to"):
    config_file.read_config(path)
  growth.check(growing.plan(**MORE), path)
  assert growth.run(growing.plan(**MORE), path) == 0
  assert len(_losses(path)) == 4
  assert not (path / workdir.WHOLE).exists()


def test_what_a_process_left_of_old_files_goes_with_the_next_that_writes(two, tmp_path):
  path = growing.copy(two, tmp_path)
  (path / ".whole" / ".checkpoints" / "4").mkdir(parents=True)
  assert growth.run(growing.plan(), path) == 0
  assert growing.names(path) == growing.names(two)


def _reordered(path):
  """As a workdir that has grown by a seed before the others."""
  record = config_file.read_config(path)
  record["config"]["sweep"]["seeds"] = [2, 0, 1]
  config_file.write(path, record)


def test_scores_of_a_workdir_that_grows_meanwhile_are_not_written(two, tmp_path, monkeypatch):
  path = growing.copy(two, tmp_path)
  before = (path / "metrics.csv").read_text()
  monkeypatch.setattr(metrics_file, "mend", _reordered)  # once it is known what is missing
  with pytest.raises(UserError) as caught:
    genjax.evaluate(path, ("elbo",), images=200, nll_images=20, nll_samples=20)
  assert str(caught.value) == (
    f"runs were added to {path}, which renumbered its runs; evaluate again"
  )
  assert (path / "metrics.csv").read_text() == before


def test_what_is_missing_is_not_asked_of_a_workdir_that_grew(two, tmp_path, monkeypatch):
  path = growing.copy(two, tmp_path)
  monkeypatch.setattr(score_files, "read", lambda path: _reordered(path) or {})
  with pytest.raises(UserError, match="renumbered its runs"):
    genjax.evaluate(path, ("elbo",), images=200)


def test_runs_that_keep_their_numbers_may_be_scored_on(two, tmp_path):
  path, scores = growing.copy(two, tmp_path), {Place("fd", "0a", 1, 4): 0.5}
  rows = loading.read(path).rows
  for seeds in ([0, 1], [0, 1, 2]):
    record = config_file.read_config(path)
    record["config"]["sweep"]["seeds"] = seeds
    config_file.write(path, record)
    score_files.add(path, scores, rows)
    assert score_files.read(path) == scores


def test_a_score_that_comes_while_runs_are_gathered_is_kept(two, tmp_path, monkeypatch):
  path, place = growing.copy(two, tmp_path), Place("fd", "0a", 1, 4)
  copy = gathering._copy_events  # once figures were read

  def meanwhile(*args):
    adding.start()
    adding.join(0.5)
    assert adding.is_alive()  # it waits
    copy(*args)

  adding = threading.Thread(
    target=score_files.add, args=(path, {place: 0.5}, loading.read(path).rows)
  )
  monkeypatch.setattr(gathering, "_copy_events", meanwhile)
  with workdir.claim(path):
    gathering.gather(path, config_file.read_config(path), [path])
  adding.join()
  assert score_files.read(path) == {place: 0.5}


@pytest.mark.parametrize("read", [genjax.load, lambda path: workdirs.read([path])])
def test_a_workdir_that_grows_while_it_is_read_is_told_of(two, tmp_path, monkeypatch, read):
  path, again = growing.copy(two, tmp_path), config_file.read_config
  first = [True]

  def changing(place):
    record = again(place)
    if first and first.pop():
      _reordered(place)
    return record

  monkeypatch.setattr(config_file, "read_config", changing)
  with pytest.raises(UserError, match="has grown while it was read; read it again"):
    read(path)


def test_figures_of_a_run_that_was_loaded_before_are_not_anothers(two, tmp_path):
  path = growing.copy(two, tmp_path)
  run = genjax.load(path)[1]
  assert run.metrics["loss"].values.size == 4
  _reordered(path)
  with pytest.raises(UserError, match="which renumbered its runs; load it again"):
    run.metrics  # noqa: B018


# What was there before, in whatever folders.


def test_a_workdir_of_older_code_grows(two, tmp_path):
  path = growing.copy(two, tmp_path)
  rows = trainings.runs_csv(path)
  columns = ["run", "seed", "latent", "status", "best_step", "last_step"]
  lines = [",".join(columns), *(",".join(row[key] for key in columns) for row in rows)]
  (path / "runs.csv").write_text("".join(f"{line}\n" for line in lines))
  record = json.loads((path / "config.json").read_text())
  for part, keys in (
    ("model", ("precision",)), ("sweep", ("b2", "decay_steps", "seeds_at_once")),
    ("data", ("background",)), (None, ("mark", "contrasts")),
  ):  # fmt: skip
    for key in keys:
      del (record["config"][part] if part else record["config"])[key]
  config_file.write(path, record)
  growth.check(growing.plan(**{"sweep.seeds": (0, 1, 2)}), path)
  assert growth.run(growing.plan(**{"sweep.seeds": (0, 1, 2)}), path) == 4
  grown = trainings.runs_csv(path)
  assert [row["trouble"] for row in grown[:2]] == ["", ""]
  assert [{k: row[k] for k in columns} for row in grown[:2]] == [
    {k: row[k] for k in columns} for row in rows
  ]
  assert [row["b2"] for row in grown] == ["0.999"] * 3


def test_seeds_in_another_order_are_the_same_runs(two, tmp_path, capsys):
  path, plan = growing.copy(two, tmp_path), growing.plan(**{"sweep.seeds": (1, 0)})
  growth.check(plan, path)
  assert growth.run(plan, path) == 0
  assert f"{path}: 2 runs at step 4" in capsys.readouterr().out
  growing.assert_same(path, two)
  longer = growing.plan(steps=8, **{"sweep.seeds": (1, 0)})
  growth.check(longer, path)
  assert growth.run(longer, path) == 2 * 4
  assert [row["seed"] for row in trainings.runs_csv(path)] == ["0", "1"]


def test_a_workdir_that_another_process_has_does_not_begin_to_grow(two, tmp_path):
  path = growing.copy(two, tmp_path)
  with workdir.claim(path), pytest.raises(UserError, match="is writing to it; wait for it"):
    growth.run(growing.plan(**{"sweep.seeds": (0, 1, 2)}), path)
  assert growing.names(path) == growing.names(two)


def test_a_part_that_goes_away_while_it_is_looked_at_is_no_mistake(two, monkeypatch):
  """Its runs were gathered by another process."""
  real, gone = parting.found, [FileNotFoundError(), UserError("no workdir")]

  def found(*args):
    if gone:
      raise gone.pop()
    return real(*args)

  monkeypatch.setattr(parting, "found", found)
  with pytest.raises(FileNotFoundError):
    growth.check(growing.plan(), two)
  growth.check(growing.plan(), two)


def _parts(path):
  return sorted(place.name for place in path.glob("*=*"))


def test_what_was_begun_is_used_by_whatever_is_asked_for_next(two, tmp_path):
  path = growing.copy(two, tmp_path)

  def grow(*seeds):
    plan = growing.plan(**{"sweep.seeds": seeds})
    growth.check(plan, path)
    return growth.run(plan, path)

  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(growth, "_join", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
      grow(0, 1, 2, 3, 4)
  before = genjax.load(path / "seeds=2-4", "last")
  assert grow(0, 1, 2, 4) == 0  # the same first and last of what is new
  assert _parts(path) == ["seeds=2-4"]  # which has a run that is in no other place
  assert grow(4, 3, 0, 1, 2) == 0
  assert _parts(path) == []
  runs = {run.numbers["seed"]: run for run in genjax.load(path, "last")}
  assert [*runs] == [4, 3, 0, 1, 2]
  for old in before:
    growing.assert_trees_equal(old.state, runs[old.numbers["seed"]].state)


def test_parts_of_another_size_are_used(two, tmp_path):
  """Those that are not larger as they are; of a larger one each takes its runs from there."""
  path, programs = tmp_path / "w", [growing.plan(**{"sweep.seeds": (0, 1, 2)}) for _ in range(2)]
  for at_once, program in enumerate(programs, 1):
    program.config.sweep.seeds_at_once = at_once

  def run(at_once, only):
    growth.check(programs[at_once - 1], path)
    return growth.run(programs[at_once - 1], path, only=only)

  assert run(1, "seeds=2") == 4
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(growth.train.Training, "_draw_gallery", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
      run(2, "seeds=0-1")
  assert (path / "seeds=0-1" / "checkpoints" / "2").is_dir()
  assert parting.unfinished(programs[0].config, path) == ["seeds=0", "seeds=1"]
  assert run(1, "seeds=1") == 2
  assert _parts(path) == ["seeds=0", "seeds=1", "seeds=2"]
  assert growth.homes(programs[1].config, path, "seeds=0-1") == [path / "seeds=0", path / "seeds=1"]
  assert run(1, "seeds=0") == 2
  assert _parts(path) == []
  for run_, twin in zip(genjax.load(path, "last"), genjax.load(two, "last"), strict=False):
    growing.assert_trees_equal(run_.state, twin.state)
  assert [row["seed"] for row in trainings.runs_csv(path)] == ["0", "1", "2"]
