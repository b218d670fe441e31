"""Tables of a report, from workdirs written by hand."""

import math

import numpy as np
import scored

from genjax.analysis import comparisons, workdirs
from genjax.plotting import tables
from genjax.plotting.tables import Estimate
from genjax.reporting import results


def test_validation_figures_by_setting_with_intervals_over_seeds(tmp_path):
  figures = {"val_loss": {6: 9, 12: [1, 2, 3, 4, 6, 8]}, "val_kl": {12: 0.5}, "loss": {12: 7}}
  path = scored.write(tmp_path / "a", figures, latents=(2, 10), failed=(5,))
  table = results.validation(workdirs.read([path]))
  assert [block.title for block in table.blocks] == [
    "loss (nats), validation",
    "KL (nats), validation",
  ]
  two, ten = table.blocks[0].rows
  assert two[:4] == ("latent 2", 3, 0, 2)
  assert two[5].value == 2
  np.testing.assert_allclose(two[5].high - 2, 4.302653 / math.sqrt(3), rtol=1e-6)  # Student's t, 2
  assert ten[:4] == ("latent 10", 2, 1, 5)  # the failed run's 8 is no figure of a trained one


def test_few_seeds_name_no_winner(tmp_path):
  few = scored.write(tmp_path / "few", {}, seeds=9)
  enough = scored.write(tmp_path / "enough", {}, seeds=10)
  assert results.few(workdirs.read([few])).startswith("With 9 runs of a setting no winner")
  assert results.few(workdirs.read([enough])) == ""
  assert results.few(workdirs.read([few, enough])) != ""


def test_an_overview_has_the_settings_side_by_side(tmp_path):
  figures = {"fd@aa": [1, 2, 3, 5, 5, 5], "coverage@aa": 0.5}
  path = scored.write(tmp_path / "a", figures, latents=(2, 10), failed=(3,))
  table = results.overview(comparisons.summaries(scored.scores(path)))
  heads = [column.head for column in table.columns]
  assert heads == ["figure", "better", "latent 2 (n=3)", "latent 10 (n=3, 1 failed)", "floor"]
  fd, coverage = table.blocks[0].rows
  assert fd[:2] == ("Frechet distance", "lower")
  assert coverage[:2] == ("coverage", "higher")
  assert fd[2].value == 2
  assert fd[3] == Estimate(5, 5, 5)
  assert (fd[-1], coverage[-1]) == (0.71, 0.95)
  assert "latent 10" in tables.text(table)


def test_a_title_that_names_no_better_end_stays_whole():
  assert results._end("critic gap, training - held-out; x@aa") == (
    "critic gap, training - held-out",
    "-",
  )
  assert results._end("exact EMD, pixels, lower is better") == ("exact EMD, pixels", "lower")


def test_results_are_scores_where_there_are_some(tmp_path):
  bare = scored.write(tmp_path / "bare", {"val_loss": {12: [1, 2, 3]}}, protocols={})
  made = results.made(workdirs.read([bare]), "compare x")
  assert not made["scored"]
  assert [part.title for part in made["parts"]] == ["On validation images, at the last step"]
  path = scored.write(tmp_path / "a", {"fd@aa": [1, 2, 3, 5, 5, 5]}, latents=(2, 10))
  made = results.made(workdirs.read([path]), "compare x")
  assert [part.title for part in made["parts"]] == ["Scores of the best weights"]
  (pairs,) = made["pairs"]
  assert "not enough seeds" in pairs.hidden[0].rows[0]


def test_failures_have_their_step_and_numbers(tmp_path):
  path = scored.write(tmp_path / "a", {}, latents=(2, 10), failed=(4, 5))
  numbers = {("a", 4): {"seed": 1, "latent": 10, "clip": 0.01}}
  table = results.failures(workdirs.read([path]), {("a", 4): 11}, numbers)
  first, second = table.blocks[0].rows
  assert first == ("4", "1", "11", 8, "10", "0.01")
  assert second == ("5", "2", "after 12", 8, "-", "-")
  sound = scored.write(tmp_path / "b", {})
  assert results.failures(workdirs.read([sound]), {}, {}).blocks == []
