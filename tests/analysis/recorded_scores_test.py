"""Which recorded scores stand beside one another."""

import json
import math

import numpy as np
import scored

from genjax.analysis import recorded_scores, setting_tables, workdirs

NAN = math.nan


def _vae(path, binarise):
  likelihood = scored.protocol("", "likelihood", images=500, samples=5000)
  scored.write(path, {"nll@bb": [100, 101, 102], "fd@aa": 1}, protocols={
    "aa": scored.protocol(), "bb": likelihood
  })  # fmt: skip
  record = json.loads((path / "config.json").read_text())
  record["config"] = {"data": {"binarise": binarise}, "model": {"name": "vae"}}
  (path / "config.json").write_text(json.dumps(record))
  return path


def test_likelihoods_of_runs_trained_on_other_images_are_not_ranked(tmp_path):
  """A run that saw grey images is not fitted to the binarised ones that its NLL is of."""
  grey, binary = _vae(tmp_path / "grey", False), _vae(tmp_path / "binary", True)
  found = scored.found(grey, binary)
  assert [(one.name, list(one.settings)) for one in found] == [
    ("fd", ["grey", "binary"]), ("nll", ["grey"]), ("nll", ["binary"])
  ]  # fmt: skip
  assert [len(one.compared) for one in found] == [1, 0, 0]
  told = [scores.record.get("trained_on") for scores in scored.scores(grey, binary)]
  assert told == [None, "grey images", "binarised images"]
  (line,) = recorded_scores.remarks(workdirs.read([grey, binary]), "best")
  assert "not all likelihood scores can be compared with each other: trained_on is" in line
  both = scored.found(_vae(tmp_path / "a", True), binary)
  assert [len(one.compared) for one in both] == [1, 1]


def test_scores_of_weights_that_a_run_has_no_more_are_none(tmp_path):
  """Best at 8, and scored at 4, before it was trained for longer: all but one seed."""
  path = scored.write(tmp_path / "w", {"fd@aa": {4: [7, 8, 9], 8: [NAN, 5, NAN]}})
  (scores,) = scored.scores(path)
  np.testing.assert_array_equal(scores.values, [NAN, 5, NAN])
  np.testing.assert_array_equal(scores.steps, [-1, 8, -1])
  (line,) = recorded_scores.remarks(workdirs.read([path]), "best")
  said = "w: 2 of 3 runs are not scored since they were trained for longer; run `python -m "
  assert line.startswith(said)
  (measure,) = scored.found(path)
  assert setting_tables.uncounted(measure) == ["2 of 3 runs are not scored"]
  running = scored.write(tmp_path / "running", {"fd@aa": {4: [7, 8, 9]}}, status="running")
  np.testing.assert_array_equal(scored.scores(running)[0].values, [7, 8, 9])
