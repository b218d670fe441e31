"""Workdirs written by hand, and what is read of them."""

import json

import numpy as np
import pytest
import scored

from genjax.analysis import recorded_scores, workdirs
from genjax.types import UserError

NAN = np.nan


def settings(*paths):
  return [run.setting for home in workdirs.read(paths) for run in home.runs]


def refused(*paths, weights="best"):
  with pytest.raises(UserError) as caught:
    recorded_scores.read(workdirs.read(paths), weights)
  assert "\n" not in str(caught.value)
  return str(caught.value)


# Settings.


def test_a_setting_is_what_tells_runs_apart_besides_their_seed(tmp_path):
  one = scored.write(tmp_path / "one", {}, seeds=2, latents=(10,), clip=0.01)
  assert settings(one) == ["one"] * 2
  many = scored.write(tmp_path / "many", {}, seeds=2, latents=(2, 10), clip=0.01)
  assert settings(many) == ["latent 2"] * 2 + ["latent 10"] * 2
  (home,) = workdirs.read([many])
  assert [run.line for run in home.runs] == ["many"] * 4
  assert [(run.seed, run.latent) for run in home.runs] == [(0, 2), (1, 2), (0, 10), (1, 10)]
  close = scored.write(tmp_path / "close", {}, 1, latents=(2, 3), clip=0.01)
  text = (close / "runs.csv").read_text().replace("0.01", "0.99999995", 1)
  (close / "runs.csv").write_text(text.replace("0.01", "0.9999999"))
  assert settings(close) == ["latent 2, clip 0.99999995", "latent 3, clip 0.9999999"]
  # Beside others the name of the workdir, and the latent also where it differs between them alone.
  assert settings(one, many)[1:3] == ["one latent 10", "many latent 2"]
  assert {run.line for home in workdirs.read([one, many]) for run in home.runs} == {"one", "many"}
  other = scored.write(tmp_path / "other", {}, seeds=1, latents=(10,))
  assert settings(one, other) == ["one", "one", "other"]


def test_a_study_is_its_cells_in_the_order_of_their_numbers(tmp_path):
  for depth in (10, 2, 4):
    scored.write(tmp_path / "study" / f"depth={depth}", {}, seeds=1)
  assert settings(tmp_path / "study") == ["depth=2", "depth=4", "depth=10"]
  scored.write(tmp_path / "other" / "depth=4", {}, seeds=1)
  both = settings(tmp_path / "study", tmp_path / "other")
  assert both == ["depth=2", "study/depth=4", "depth=10", "other/depth=4"]
  # A workdir that is named twice is one.
  twice = settings(tmp_path / "study", tmp_path / "other" / ".." / "study" / "depth=2")
  assert twice == ["depth=2", "depth=4", "depth=10"]


def test_workdirs_that_differ_in_their_seeds_alone_are_pooled(tmp_path):
  numbers = {"latents": (2, 10), "clip": 0.01}
  figures = {"fd@aa": [1, 2, 3, 4]}
  paths = [
    scored.write(tmp_path / name, figures, seeds=2, first_seed=first, **numbers)
    for name, first in (("a", 0), ("b", 2), ("c", 4))
  ]
  assert settings(*paths[:2]) == (["latent 2"] * 2 + ["latent 10"] * 2) * 2
  both = recorded_scores.read(workdirs.read(paths[:2]), "best")[0].settings
  assert {name: list(rows) for name, rows in both.items()} == {
    "latent 2": [0, 1, 4, 5],
    "latent 10": [2, 3, 6, 7],
  }
  other = scored.write(tmp_path / "d", {}, seeds=1, latents=(10,))
  assert settings(*paths, other)[3:5] == ["a, b and 1 more latent 10", "a, b and 1 more latent 2"]
  # Not what was trained twice, or with other numbers, or longer, or on other data.
  again = scored.write(tmp_path / "e", {}, seeds=2, **numbers)
  assert settings(paths[0], again)[::4] == ["a latent 2", "e latent 2"]
  for key, value in (("config", {"steps": 9}), ("dataset", {"crc32": 7})):
    changed = scored.write(tmp_path / key, {}, seeds=2, first_seed=2, **numbers)
    record = json.loads((changed / "config.json").read_text())
    record[key] |= value
    (changed / "config.json").write_text(json.dumps(record))
    assert settings(paths[0], changed)[::4] == ["a latent 2", f"{key} latent 2"]
  more = scored.write(tmp_path / "f", {}, seeds=2, first_seed=2, latents=(2, 10), clip=0.1)
  assert settings(paths[0], more)[::4] == ["a latent 2", "f latent 2"]


def test_cells_of_studies_that_differ_in_their_seeds_alone_are_pooled(tmp_path):
  for study, first in (("s", 0), ("t", 1)):
    for depth in (2, 4):
      cell = scored.write(tmp_path / study / f"depth={depth}", {}, seeds=1, first_seed=first)
      record = json.loads((cell / "config.json").read_text())
      record["config"]["model"] = {"depth": depth}
      (cell / "config.json").write_text(json.dumps(record))
  assert settings(tmp_path / "s", tmp_path / "t") == ["depth=2", "depth=4"] * 2


def test_cells_of_one_name_that_are_not_pooled_have_two(tmp_path):
  """Or the one study's runs would stand in the place of the other's."""
  for study, first, steps in (("s", 0, 5), ("t", 1, 5), ("u", 0, 9), ("v", 1, 9)):
    cell = scored.write(tmp_path / study / "depth=2", {"fd@aa": steps}, 1, first_seed=first)
    _change(cell, config={"steps": steps})
  studies = [tmp_path / study for study in "stuv"]
  pooled = ["s/depth=2, t/depth=2"] * 2 + ["u/depth=2, v/depth=2"] * 2
  assert settings(*studies) == pooled
  (measure,) = scored.found(*studies)
  assert {name: len(one.runs) for name, one in measure.settings.items()} == {
    pooled[0]: 2,
    pooled[2]: 2,
  }


@pytest.mark.parametrize(
  "changes",
  [
    {"parts": {"network": {"sha256": "b"}}},
    {"config": {"eval_every": 7}},
    {"products": "TF32 where the device has it, NVIDIA H200"},
  ],
)
def test_neither_other_code_nor_validations_nor_products_are_pooled(tmp_path, changes):
  a, b, c = (scored.write(tmp_path / n, {}, 1, first_seed=i) for i, n in enumerate("abc"))
  for path in (a, b, c):
    _change(path, config={"eval_every": 5}, parts={"network": {"sha256": "a"}})
    _change(path, products=f"float32, {path.name}'s device")
  assert settings(a, b) == ["a, b"] * 2
  _change(c, **changes)
  assert settings(a, c) == ["a", "c"]


def _change(path, **changes):
  """Of config.json."""
  record = json.loads((path / "config.json").read_text())
  for name, value in changes.items():
    record[name] = record.get(name, {}) | value if isinstance(value, dict) else value
  (path / "config.json").write_text(json.dumps(record))


# Scores.


def test_the_latest_figure_counts_and_all_make_the_history(tmp_path):
  figures = {"fd@aa": {4: [9, NAN, 7], 8: [5, 6, NAN]}, "val_loss": {4: [1, 2, 3], 9: [4, 4, 4]}}
  (scores,) = scored.scores(scored.write(tmp_path / "w", figures))
  assert (scores.name, scores.protocol, scores.column) == ("fd", "aa", "fd@aa")
  np.testing.assert_array_equal(scores.values, [5, 6, NAN])  # the third is of earlier weights
  assert list(scores.steps) == [8, 8, -1]
  np.testing.assert_array_equal(scores.floors, [0.71] * 3)
  steps, values = recorded_scores.history(scores)
  assert list(steps) == [4, 8]
  np.testing.assert_array_equal(values, [[9, 5], [NAN, 6], [7, NAN]])
  run = scores.runs[0]
  assert [run.at("val_loss", step) for step in (4, 8, 9)] == [1, 1, 4]
  assert np.isnan([run.at("val_loss", 3), run.at("kl", 9)]).all()


def test_a_failed_run_keeps_its_best_figure_and_has_no_last_one(tmp_path):
  protocols = {"aa": scored.protocol(), "bb": scored.protocol(weights="last")}
  figures = {"fd@aa": [1, NAN, 3, NAN], "fd@bb": [1, 2, 3, NAN]}
  path = scored.write(tmp_path / "w", figures, 4, protocols=protocols, failed=(1, 2))
  (best,), (last,) = scored.scores(path), scored.scores(path, weights="last")
  np.testing.assert_array_equal(best.values, [1, NAN, 3, NAN])
  np.testing.assert_array_equal(last.values, [1, NAN, NAN, NAN])
  for scores in (best, last):  # the last run is done, and not scored
    assert list(scores.known) == [True, True, True, False]


def test_scores_stand_in_the_order_of_their_names_and_then_of_networks(tmp_path):
  protocols = {key: scored.protocol(name) for key, name in (("aa", "net-1"), ("bb", "net-0"))}
  protocols["cc"] = scored.protocol("", "images")
  figures = dict.fromkeys(["swd@cc", "mine@aa", "fd@aa", "coverage@aa", "fd@bb"], 1)
  found = scored.scores(scored.write(tmp_path / "w", figures, protocols=protocols))
  assert [s.column for s in found] == ["fd@bb", "fd@aa", "coverage@aa", "swd@cc", "mine@aa"]
  assert (found[-1].score.title, found[-1].score.better) == ("mine", "")


def test_workdirs_meet_where_the_protocol_and_the_data_agree(tmp_path):
  other = scored.protocol(real_images=5000)
  a = scored.write(tmp_path / "a", {"fd@aa": 1}, 2)
  b = scored.write(tmp_path / "b", {"fd@aa": 2, "fd@bb": 3}, 2, protocols={
    "aa": scored.protocol(floor={}, versions={}), "bb": other,
  })  # fmt: skip
  c = scored.write(tmp_path / "c", {"fd@aa": 4}, 2, source="cifar10 3.0.2")
  found = scored.scores(a, b, c)
  assert [[run.workdir for run in s.runs] for s in found] == [
    ["a", "a", "b", "b"],
    ["b"] * 2,
    ["c"] * 2,
  ]
  np.testing.assert_array_equal(found[0].floors, [0.71, 0.71, NAN, NAN])
  (line,) = recorded_scores.remarks(workdirs.read([a, b, c]), "best")
  assert line == (
    "not all features scores can be compared with each other: data is mnist 3.0.1 in a, b, "
    "cifar10 3.0.2 in c"
  )
  assert not list(recorded_scores.remarks(workdirs.read([a]), "best"))


# What is missing.


def test_what_is_missing_is_told_with_the_command(tmp_path):
  a = scored.write(tmp_path / "a", {"fd@aa": [1, NAN, NAN], "kd@aa": 1, "fd@zz": 1}, failed=(1,))
  b = scored.write(tmp_path / "b", {"val_loss": 1}, status="running", protocols={})
  c = scored.write(tmp_path / "it's", {"fd@aa": 1})
  d = scored.write(tmp_path / "d", {"loss": {2: 1}})
  (d / "runs.csv").unlink()
  lines = list(recorded_scores.remarks(workdirs.read([a, b, c, d]), "best"))
  command = "python -m genjax.evaluate --workdir="
  assert lines == [
    "a: left out: fd@zz, because protocols.json does not say how they were measured; run "
    f"`{command}{a}`",
    f"a: 1 of 3 runs are not scored; run `{command}{a}`",
    f"b: no scores of best weights; run `{command}{b}` first",
    "b: 3 of 3 runs are not trained to the end",
    "it's: no kd, which others have; run "
    f"""`{command}'{tmp_path}/it'"'"'s' --metrics=kd`""",
    "d: nothing is trained yet; rerun the command that made it to continue",
  ]
  (home,) = workdirs.read([c])
  path = f"""'{tmp_path}/it'"'"'s'"""
  assert recorded_scores.evaluation(home, "last") == f"{command}{path} --weights=last"
  home = home._replace(record=home.record | {"images": 3})  # which `evaluate` cannot score
  again = f"python -m genjax.score IMAGES --data=DATA --out={path}"
  assert recorded_scores.evaluation(home) == again


def test_of_images_no_score_is_missed_that_takes_a_model(tmp_path):
  figures = {"fd@aa": 1, "kd@aa": 2, "path_length@aa": 3}
  a = scored.write(tmp_path / "a", figures)
  b = scored.write(tmp_path / "b", {"fd@aa": 1})
  _change(b, images={"images": 3})
  (line,) = recorded_scores.remarks(workdirs.read([a, b]), "best")
  assert line.startswith("b: no kd, which others have; run `python -m genjax.score IMAGES ")
  assert "path_length" not in line


def test_without_scores_the_command_is_named(tmp_path):
  a = scored.write(tmp_path / "a", {"val_loss": 1}, protocols={})
  expected = f"no scores of best weights in a; run `python -m genjax.evaluate --workdir={a}` first"
  assert refused(a) == expected
  b = scored.write(tmp_path / "b", {"fd@aa": 1})
  assert refused(b, weights="raw") == (
    "no scores of raw weights in b; there are some of --weights=best; run `python -m "
    f"genjax.evaluate --workdir={b} --weights=raw` first"
  )


def test_paths_that_are_no_workdir_are_refused(tmp_path):
  empty = tmp_path / "empty"
  empty.mkdir()
  assert refused(empty) == f"{empty} is not a genjax workdir: it has no config.json"
  missing = tmp_path / "missing"
  right = "expected a workdir, or the folder of a study"
  assert refused(missing) == f"{missing} is not a folder; {right}"
  path = scored.write(tmp_path / "w", {"fd@aa": 1})
  assert refused(path / "runs.csv") == f"{path}/runs.csv is not a folder; {right}"
  (path / "runs.csv").unlink()
  assert refused(path).startswith(f"{path} has no runs.csv: nothing is trained yet")
  (path / "checkpoints" / "6").mkdir(parents=True)
  assert refused(path).startswith(f"{path} has no runs.csv: it was lost")


@pytest.mark.parametrize(
  "text", ["", "run,seed\n0,0\n", "run,seed,latent,status\n1,0,2,done\n", "x"]
)
def test_a_damaged_table_of_runs_is_named(tmp_path, text):
  path = scored.write(tmp_path / "w", {"fd@aa": 1})
  (path / "runs.csv").write_text(text)
  assert refused(path).startswith(f"{path}/runs.csv cannot be read; ")


@pytest.mark.parametrize("text", ["", "[]", "{", '{"aa": 1}'])
def test_damaged_protocols_are_named(tmp_path, text):
  path = scored.write(tmp_path / "w", {"fd@aa": 1})
  (path / "protocols.json").write_text(text)
  assert refused(path) == f"{path}/protocols.json cannot be read; delete it, and evaluate again"


def test_a_damaged_row_is_named_and_one_that_is_being_written_is_left(tmp_path):
  path = scored.write(tmp_path / "w", {"fd@aa": 1, "kl_dim/0": 2})
  file = path / "metrics.csv"
  text = file.read_text()
  file.write_text(text + "8,0,fd@a")
  (scores,) = scored.scores(path)
  assert scores.runs[0].figures == {"fd@aa": {8: 1}}  # and nothing of single dimensions
  file.write_text(text + "8,3,fd@aa,1\n")
  assert f"{file} line 8 is no row of step,run,name,value" in refused(path)


def test_the_record_tells_conditions_and_not_floors(tmp_path):
  (scores,) = scored.scores(scored.write(tmp_path / "w", {"fd@aa": 1}))
  assert scores.record == {
    key: value for key, value in scored.protocol().items() if key not in ("floor", "versions")
  } | {"data": "mnist 3.0.1", "image_shape": [28, 28, 1]}
  assert json.dumps(scores.record)
