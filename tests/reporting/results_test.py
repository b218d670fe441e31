"""Tables of a report, from workdirs written by hand."""

from types import SimpleNamespace

import scored

from genjax.analysis import workdirs
from genjax.plotting.plots import RunLabel
from genjax.reporting import results


def test_few_seeds_name_no_winner(tmp_path):
  few = scored.write(tmp_path / "few", {}, seeds=9)
  enough = scored.write(tmp_path / "enough", {}, seeds=10)
  assert results.few(workdirs.read([few])).startswith("With 9 runs of a setting no winner")
  assert results.few(workdirs.read([enough])) == ""
  assert results.few(workdirs.read([few, enough])) != ""


def test_results_are_scores_where_there_are_some(tmp_path):
  bare = scored.write(tmp_path / "bare", {"val_loss": {12: [1, 2, 3]}}, protocols={})
  made = results.context(workdirs.read([bare]), "compare x")
  assert not made["scored"]
  assert made["lost"] == ""
  failed = scored.write(tmp_path / "failed", {}, 2, failed=(0, 1))
  assert results.context(workdirs.read([failed]), "compare x")["lost"] == "All 2 runs failed"
  assert [part.title for part in made["parts"]] == ["On validation images, at the last step"]
  path = scored.write(tmp_path / "a", {"fd@aa": [1, 2, 3, 5, 5, 5]}, latents=(2, 10))
  made = results.context(workdirs.read([path]), "compare x")
  assert [part.title for part in made["parts"]] == ["Scores of the best weights"]
  (part,) = made["parts"]
  assert [row[:2] for row in part.shown[0].rows] == [
    ["latent 2", "3"],
    ["latent 10", "3"],
    ["real test images", "-"],
  ]
  assert "latent 2 and latent 10: FD with 3 seeds decides nothing" in part.verdicts[0]
  assert "not enough seeds" in part.pairs[0].rows[0]


def test_failures_have_their_step_and_numbers(tmp_path):
  path = scored.write(tmp_path / "a", {}, latents=(2, 10), failed=(4, 5))
  steps = (-1, -1, -1, -1, 11, -1)
  labels = [RunLabel(0, "", failed_at) for failed_at in steps]
  numbers = [{"seed": r % 3, "latent": 2 + 8 * (r // 3), "clip": r / 100} for r in range(6)]
  known = SimpleNamespace(path=path, labels=labels, numbers=numbers)
  table = results.failures(workdirs.read([path]), [known])
  first, second = table.blocks[0].rows
  assert first == ("4", "1", "11", 8, "10", "0.04")
  assert second == ("5", "2", "after 12", 8, "10", "0.05")
  first, second = results.failures(workdirs.read([path]), []).blocks[0].rows
  assert (first, second) == (("4", "1", "after 12", 8), ("5", "2", "after 12", 8))
  sound = scored.write(tmp_path / "b", {})
  assert results.failures(workdirs.read([sound]), []).blocks == []
