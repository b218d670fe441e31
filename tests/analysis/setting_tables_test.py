"""Tables of measures, against hand figures and scipy."""

import math

import numpy as np
import pytest
import scored
from scipy import stats
from scored import notes, numbers, rows

from genjax.analysis import conditions, measures, pair_tables, score_panels, setting_tables
from genjax.metrics import statistics
from genjax.plotting import tables

NAN = math.nan


# Summaries.


def test_a_row_of_the_summary_by_hand(tmp_path):
  path = scored.write(tmp_path / "w", {"fd@aa": [1, 2, 6, 100, 5, 5, 5, 5]}, 4, (2, 10))
  two, ten = rows(setting_tables.middles(scored.found(path)))
  assert (two["score"], two["protocol"], two["features"]) == ("fd", "aa", "mnist-0-3fa91c77")
  assert (two["setting"], two["workdir"], two["latent"]) == ("latent 2", "w", "2")
  assert numbers(two, "n", "failed", "not_scored", "median", "floor") == [4, 0, 0, 4, 0.71]
  assert numbers(two, "iqm", "mean") == [4, 27.25]  # of 2 and 6
  told = statistics.summary([1, 2, 6, 100])
  found = numbers(two, "iqm_low", "iqm_high", "mean_low", "mean_high")
  assert told.of_mean.low < 0  # and a distance is not
  np.testing.assert_allclose(found, [*told.of_iqm, 0, told.of_mean.high], rtol=1e-6)
  assert numbers(ten, "iqm", "iqm_low", "iqm_high", "mean_low", "mean_high") == [5] * 5


def test_failed_runs_are_counted_whether_they_have_a_figure_or_not(tmp_path):
  protocols = {"aa": scored.protocol(), "bb": scored.protocol(weights="last", floor={})}
  figures = {"fd@aa": [1, 2, NAN, 4, NAN], "fd@bb": [1, 2, 3, 4, NAN]}
  path = scored.write(tmp_path / "w", figures, 5, protocols=protocols, failed=(1, 2))
  best = setting_tables.middles(scored.found(path))
  last = setting_tables.middles(scored.found(path, weights="last"))
  names = ("n", "failed", "not_scored", "median")
  # Of 1, 4 and two failures, and of 1, 4 and two; the survivors' middle is 2.5.
  assert numbers(rows(best)[0], *names) == [2, 2, 1, math.inf]
  assert numbers(rows(last)[0], *names) == [2, 2, 1, math.inf]
  missing = "1 of 5 runs are not scored"
  had = "1 of 2 failed runs have a figure from before the failure (runs.csv): they count as failed"
  common = [setting_tables.SURVIVORS, setting_tables.NARROW]
  assert notes(best) == [had, missing, *common]
  assert notes(last) == [missing, *common]
  np.testing.assert_allclose(
    numbers(rows(best)[0], "failure_rate", "failure_rate_low", "failure_rate_high"),
    [0.5, *stats.binomtest(2, 4).proportion_ci()],
    rtol=1e-6,
  )
  assert "floor" not in rows(last)[0]


def test_a_score_that_came_out_as_nan_counts_as_a_failed_run_s_and_is_told_of(tmp_path):
  path = scored.write(tmp_path / "w", {"fd@aa": [1, NAN, 3, NAN, 6]}, 5)
  scored.append(path, "fd@aa", {1: NAN})
  (scores,) = scored.scores(path)
  assert list(scores.known) == [True, True, True, False, True]
  assert list(scores.failed) == [False, True, False, False, False]
  np.testing.assert_array_equal(scores.counted, [1, NAN, 3, NAN, 6])  # as figures have them, too
  assert [run.failed for run in score_panels.all_runs([scores])] == [False, True, False, False]
  (row,) = rows(setting_tables.middles(measures.of_scores([scores])))
  assert numbers(row, "n", "failed", "not_scored", "median") == [3, 1, 1, 4.5]
  assert notes(setting_tables.middles(measures.of_scores([scores])))[:2] == [
    "1 of 5 runs have no figure, as it came out as NaN: they count as failed",
    "1 of 5 runs are not scored",
  ]


def test_no_interval_where_there_is_none(tmp_path):
  protocols = {"aa": scored.protocol()}
  one = scored.write(tmp_path / "one", {"fd@aa": 3}, 1, protocols=protocols)
  assert "3.000  " in tables.text(setting_tables.middles(scored.found(one)))
  nine = [10] * 9 + [9]
  figures = {"modes@aa": nine, "distinct@aa": [math.inf, 5, 7, 9] + [8] * 6}
  path = scored.write(tmp_path / "w", figures, 10, protocols=protocols)
  modes, distinct = rows(setting_tables.middles(scored.found(path)))
  assert modes["iqm"] == "10"
  assert 9 <= float(modes["iqm_low"]) <= 10
  assert float(modes["mean_low"]) < 9.9 < float(modes["mean_high"])
  assert (distinct["median"], distinct["mean"], distinct["mean_high"]) == ("8", "inf", "")


def test_all_runs_of_a_setting_failed(tmp_path):
  path = scored.write(tmp_path / "w", {"fd@aa": [NAN, NAN, 1, 2]}, 2, (2, 10), failed=(0, 1))
  found = scored.found(path)
  two, _ = rows(setting_tables.middles(found))
  assert (two["n"], two["failed"], two["median"], two["iqm_low"]) == ("0", "2", "inf", "")
  (pair,) = rows(pair_tables.pairs(found))
  assert numbers(pair, "probability", "failed_a", "failed_b") == [0, 2, 0]


def test_notes_on_few_runs_stand_once_under_the_whole_table(tmp_path):
  figures = {"fd@aa": [1, 2, 3], "kd@aa": [1, 2, 3]}
  scored.write(tmp_path / "a", figures)
  scored.write(tmp_path / "b", figures)
  found = scored.found(tmp_path)
  for make in (setting_tables.middles, pair_tables.pairs):
    first, second = make(found).blocks
    assert not first.notes
    assert len(second.notes) == 1
  enough = scored.found(scored.write(tmp_path / "c", {"fd@aa": np.arange(10)}, 10))
  assert notes(setting_tables.middles(enough)) == []


def test_intervals_stay_within_a_scores_range(tmp_path):
  figures = {"precision@aa": [1, 1, 1, 0.9], "recall@aa": [0, 0, 0, 0.1], "kd@aa": [0, 0, 0, 0.1]}
  kd, precision, recall = rows(setting_tables.middles(scored.found(scored.write(
    tmp_path / "w", figures, 4
  ))))  # fmt: skip
  assert (precision["mean_high"], recall["mean_low"]) == ("1", "0")
  half = stats.t.ppf(0.975, 3) * np.std([0, 0, 0, 0.1], ddof=1) / 2
  np.testing.assert_allclose(numbers(recall, "mean_high"), 0.025 + half, rtol=1e-6)
  assert float(kd["mean_low"]) < 0  # it is unbiased
  (one,) = rows(setting_tables.middles(scored.found(scored.write(
    tmp_path / "one", {"precision@aa": 0.5}, 1
  ))))  # fmt: skip
  assert one["mean_low"] == one["mean_high"] == ""  # of one run there is none, not one of 0 to 1


def test_what_is_counted_has_an_end(tmp_path):
  figures = {"modes@aa": [10] * 9 + [9], "active_units@aa": [10] * 9 + [9]}
  modes, active = rows(setting_tables.middles(scored.found(
    scored.write(tmp_path / "w", figures, 10)
  )))  # fmt: skip
  assert float(modes["mean_low"]) < 9.9 < float(modes["mean_high"]) == 10  # classes
  assert float(active["mean_high"]) == 10  # the latent


def test_an_interval_beyond_a_limit_is_not_turned_round():
  low, high = setting_tables.within(statistics.Interval(0.98, 0.99), (1, math.inf))
  assert low == high == 1


def test_the_median_has_an_interval_from_six_runs(tmp_path):
  six, five = rows(setting_tables.middles(scored.found(
    scored.write(tmp_path / "six", {"fd@aa": [1, 2, 3, 4, 5, 9]}, 6),
    scored.write(tmp_path / "five", {"fd@aa": [1, 2, 3, 4, 5]}, 5),
  )))  # fmt: skip
  assert numbers(six, "median", "median_low", "median_high") == [3.5, 1, 9]
  assert (five["median"], five["median_low"]) == ("3", "")


def test_an_overview_has_a_row_a_setting_and_what_real_images_score(tmp_path):
  figures = {"fd@aa": [1, 2, 3, 5, 5, 5], "coverage@aa": [0.5, 0.5, NAN, 0.5, 0.5, 0.5]}
  path = scored.write(tmp_path / "a", figures, latents=(2, 10), failed=(3,))
  table = setting_tables.overview(scored.found(path), "Title")
  heads = [column.head for column in table.columns]
  assert heads == ["setting", "n", "failed", "FD ↓", "coverage ↑"]
  two, ten, real = table.blocks[0].rows
  assert two[:3] == ("latent 2", "2 to 3", 0)
  assert ten[:3] == ("latent 10", "2", 1)
  assert (two[3].value, ten[3].value, two[4].value) == (2, math.inf, 0.5)
  assert real[:3] == ("real test images", "-", None)
  assert (real[3].value, real[4].value) == (0.71, 0.95)
  assert table.blocks[0].notes[:3] == [
    "1 of 1 failed runs have a figure from before the failure (runs.csv): they count as failed",
    "coverage: 1 of 6 runs are not scored",
    "a failed run is the worst one of these means, infinite where it is in the middle half",
  ]
  other = {"aa": scored.protocol(floor={"fd": 3})}
  b = scored.write(tmp_path / "b", {"fd@aa": 4}, protocols=other)
  rows = setting_tables.overview(scored.found(path, b), "Title").blocks[0].rows
  assert [(row[0], row[3].value) for row in rows[-2:]] == [
    ("real test images, a", 0.71),
    ("real test images, b", 3),
  ]


# Runs and protocols.


def test_every_run_is_in_the_table_of_runs(tmp_path):
  path = scored.write(tmp_path / "w", {"fd@aa": [1, NAN, 3]}, 3, failed=(1,))
  found = rows(setting_tables.runs(scored.found(path)))
  assert [(row["seed"], row["status"], row["step"], row["value"]) for row in found] == [
    ("0", "done", "8", "1"),
    ("1", "failed", "", ""),
    ("2", "done", "8", "3"),
  ]


def test_conditions_in_words(tmp_path):
  protocols = {"aa": scored.protocol(subsets=[100, 2], note="", bits=None)}
  table = conditions.protocols(
    scored.scores(scored.write(tmp_path / "w", {"fd@aa": 1, "kd@aa": 1}, protocols=protocols))
  )
  assert table.blocks[0].rows == [
    (
      "aa",
      "features",
      "mnist 3.0.1, test split, best weights, 10,000 generated images, 54,000 real images, "
      "features mnist-0-3fa91c77, seed 0, subsets [100, 2]",
    )
  ]


@pytest.mark.parametrize("make", ["middles", "runs"])
def test_tables_of_nothing(make):
  assert getattr(setting_tables, make)([]).blocks == []
