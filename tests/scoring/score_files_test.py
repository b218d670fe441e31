"""Scores in a workdir: what is written comes back, and a bad file is named."""

import json
import multiprocessing

import numpy as np
import pytest

from genjax.scoring import score_files
from genjax.scoring.score_files import Place
from genjax.training import metrics_file, workdir
from genjax.types import UserError


@pytest.fixture
def path(tmp_path):
  (tmp_path / "metrics.csv").write_text("step,run,name,value\n3,0,loss,1.5\n")
  return tmp_path


def test_scores_come_back_and_others_figures_stay(path):
  scores = {Place("fd", "0a", 0, 12): 3.25, Place("kd", "0a", 1, 12): -1e-7}
  score_files.add(path, scores)
  score_files.add(path, {Place("fd", "0b", 0, 24): 2.0})
  assert score_files.read(path) == scores | {Place("fd", "0b", 0, 24): 2.0}
  assert (path / "metrics.csv").read_text() == (
    "step,run,name,value\n3,0,loss,1.5\n12,0,fd@0a,3.25\n12,1,kd@0a,-1e-07\n24,0,fd@0b,2\n"
  )


def test_a_score_that_is_none_has_its_row_and_is_not_computed_again(path):
  place = Place("fd", "0a", 0, 12)
  score_files.add(path, {place: np.nan})
  found = score_files.read(path)
  assert found.keys() == {place}
  assert np.isnan(found[place])
  assert np.isnan(metrics_file.read_series(path)[0]["fd@0a"].values).all()


def test_a_workdir_that_cannot_be_written_is_named(path):
  (path / ".scores.lock").mkdir()  # root may write whatever the mode says
  for write in (
    lambda: score_files.add(path, {Place("fd", "0a", 0, 12): 1.0}),
    lambda: score_files.describe(path, "0a", {}, {}),
  ):
    with pytest.raises(UserError, match=rf"^--workdir={path} cannot be written \(Is a directory\)"):
      write()


@pytest.mark.parametrize("line", ["12,0,fd@0a,three", "twelve,0,fd@0a,3", "12,0,fd@0a@0b,3"])
def test_a_line_that_is_none_is_named(path, line):
  with open(path / "metrics.csv", "a") as file:
    file.write(f"{line}\n")
  with pytest.raises(UserError, match=r"metrics\.csv line 3 is no row"):
    score_files.read(path)


def test_no_metrics_yet(tmp_path):
  assert score_files.read(tmp_path) == {}


def test_where_metrics_were_lost_no_score_is(tmp_path):
  scores = {Place("fd", "0a", run, 12): 1.0 + run for run in range(3)}
  score_files.add(tmp_path, scores)
  assert score_files.read(tmp_path) == scores


def test_floors_of_a_protocol_join(path):
  score_files.describe(path, "0a", {"split": "test"}, {"fd": 0.5})
  score_files.describe(path, "0b", {"split": "validation"}, {})
  score_files.describe(path, "0a", {"split": "test"}, {"kd": 0.25})
  known = workdir.read_protocols(path)
  assert known["0a"]["floor"] == {"fd": 0.5, "kd": 0.25}
  assert known["0b"]["floor"] == {}
  assert known["0a"]["split"] == "test"
  assert known["0a"]["versions"]["jax"][0].isdigit()


def test_a_floor_is_measured_once_for_all_weights(path):
  asked = []

  def floor(names):
    asked.append(set(names))
    return dict.fromkeys(("fd", "kd", "recall"), 0.5)  # more than was asked for

  facts = {"split": "test", "seed": 0}
  score_files.note(path, "0a", facts | {"weights": "best"}, ("fd", "kd"), floor)
  score_files.note(path, "0b", facts | {"weights": "last"}, ("fd", "recall"), floor)
  score_files.note(path, "0b", facts | {"weights": "last"}, ("fd",), floor)
  score_files.note(path, "0c", facts | {"weights": "last", "seed": 1}, ("fd",), floor)
  assert asked == [{"fd", "kd"}, {"recall"}, {"fd"}]
  known = workdir.read_protocols(path)
  assert known["0a"]["floor"] == {"fd": 0.5, "kd": 0.5}
  assert known["0b"]["floor"] == {"fd": 0.5, "recall": 0.5}


@pytest.mark.parametrize("text", ["{", "[]", '{"0a": 3}'])
def test_damaged_protocols_are_named(path, text):
  (path / "protocols.json").write_text(text)
  with pytest.raises(UserError, match=r"protocols\.json cannot be read; delete it"):
    workdir.read_protocols(path)


def _describe(path, first):
  for i in range(20):
    score_files.describe(path, f"{first}-{i}", {}, {})
    score_files.add(path, {Place("fd", f"{first}-{i}", 0, 1): 1.0})


def test_writers_beside_one_another_lose_nothing(path):
  context = multiprocessing.get_context("spawn")
  processes = [context.Process(target=_describe, args=(path, first)) for first in "ab"]
  for process in processes:
    process.start()
  for process in processes:
    process.join()
  assert len(json.loads((path / "protocols.json").read_text())) == 40
  assert len(score_files.read(path)) == 40
