"""Tables of measures, against hand figures and scipy."""

import math

import numpy as np
import pytest
import scored
from scipy import stats
from scored import notes, numbers, rows

from genjax.analysis import conditions, measures, setting_tables
from genjax.metrics import significance, statistics
from genjax.plotting import tables
from genjax.plotting.tables import Estimate

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
  assert numbers(rows(best)[0], *names) == [3, 2, 1, 2]
  assert numbers(rows(last)[0], *names) == [2, 2, 1, 2.5]
  missing = "1 of 5 runs are not scored: they are in no column"
  had = "1 of 2 failed runs count in n too: scored by their best weights from before the failure"
  assert notes(best) == [had, missing, setting_tables.NARROW]
  assert notes(last) == [missing, setting_tables.NARROW]
  assert "floor" not in rows(last)[0]


def test_a_score_that_came_out_as_nan_is_no_figure_and_said_to_be_none(tmp_path):
  path = scored.write(tmp_path / "w", {"fd@aa": [1, NAN, 3, NAN, 6]}, 5)
  scored.append(path, "fd@aa", {1: NAN})
  (scores,) = scored.scores(path)
  assert list(scores.known) == [True, False, True, False, True]
  (row,) = rows(setting_tables.middles(measures.of_scores([scores])))
  assert numbers(row, "n", "failed", "not_scored", "median") == [3, 0, 2, 3]
  assert notes(setting_tables.middles(measures.of_scores([scores])))[:2] == [
    "1 of 5 runs have no figure, as it came out as NaN: they are in no column",
    "1 of 5 runs are not scored: they are in no column",
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
  assert (two["n"], two["failed"], two["median"], two["iqm_low"]) == ("0", "2", "", "")
  (pair,) = rows(setting_tables.pairs(found))
  assert numbers(pair, "probability", "failed_a", "failed_b") == [0, 2, 0]


def test_notes_on_few_runs_stand_once_under_the_whole_table(tmp_path):
  figures = {"fd@aa": [1, 2, 3], "kd@aa": [1, 2, 3]}
  scored.write(tmp_path / "a", figures)
  scored.write(tmp_path / "b", figures)
  found = scored.found(tmp_path)
  for make in (setting_tables.middles, setting_tables.pairs):
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
  assert ten[:3] == ("latent 10", "3", 1)
  assert (two[3].value, ten[3], two[4].value) == (2, Estimate(5, 5, 5), 0.5)
  assert real[:3] == ("real test images", "-", None)
  assert (real[3].value, real[4].value) == (0.71, 0.95)
  assert table.blocks[0].notes[:2] == [
    "1 of 1 failed runs count in n too: scored by their best weights from before the failure",
    "coverage: 1 of 6 runs are not scored: they are in no column",
  ]
  other = {"aa": scored.protocol(floor={"fd": 3})}
  b = scored.write(tmp_path / "b", {"fd@aa": 4}, protocols=other)
  rows = setting_tables.overview(scored.found(path, b), "Title").blocks[0].rows
  assert [(row[0], row[3].value) for row in rows[-2:]] == [
    ("real test images, a", 0.71),
    ("real test images, b", 3),
  ]


# Pairs.


def many(folder, seeds, *shifts, name="fd", **options):
  """A workdir for each shift, whose runs differ by less than the shifts do."""
  return [
    scored.write(
      folder / f"w{i}", {f"{name}@aa": shift * np.linspace(1, 1.01, seeds)}, seeds, **options
    )
    for i, shift in enumerate(shifts)
  ]


def test_pairs_are_compared_by_seed_and_adjusted_together(tmp_path):
  table = setting_tables.pairs(scored.found(*many(tmp_path, 10, 1, 2, 2)))
  found = rows(table)
  assert [(row["a"], row["b"]) for row in found] == [("w0", "w1"), ("w0", "w2"), ("w1", "w2")]
  assert [row["paired"] for row in found] == ["by seed"] * 3
  assert [row["probability"] for row in found] == ["1", "1", "0.5"]
  p = 2 / 2**10  # all ten signs alike
  np.testing.assert_allclose([float(row["p"]) for row in found], [p, p, 1], rtol=1e-5)
  np.testing.assert_allclose([float(row["p_holm"]) for row in found], [3 * p, 3 * p, 1], rtol=1e-5)
  assert [row["verdict"] for row in found] == ["A", "A", "no difference shown"]
  assert notes(table) == []
  wilson = stats.binomtest(10, 10).proportion_ci(method="wilson")
  np.testing.assert_allclose(numbers(found[0], "probability_low"), wilson.low, rtol=1e-6)


def test_higher_may_be_better_and_what_has_no_better_end_is_not_compared(tmp_path):
  (row,) = rows(
    setting_tables.pairs(scored.found(*many(tmp_path / "a", 10, 1, 2, name="coverage")))
  )
  assert (row["probability"], row["verdict"]) == ("0", "B")
  for name in ("sharpness", "mine"):
    found = scored.found(*many(tmp_path / name, 10, 1, 2, name=name))
    assert setting_tables.pairs(found).blocks == []


def test_no_winner_with_nine_seeds(tmp_path):
  table = setting_tables.pairs(scored.found(*many(tmp_path, 9, 1, 2)))
  (row,) = rows(table)
  assert float(row["p_holm"]) < 0.05
  assert row["verdict"] == "not enough seeds"
  assert notes(table) == ["with less than 10 seeds of each, no winner is named"]


def test_a_run_that_was_not_scored_is_in_no_pair_and_a_failed_one_loses(tmp_path):
  a = scored.write(tmp_path / "a", {"fd@aa": [1, 1, NAN, NAN]}, 4, failed=(2,))
  b = scored.write(tmp_path / "b", {"fd@aa": [2, 2, 2, 2]}, 4)
  (row,) = rows(setting_tables.pairs(scored.found(a, b)))
  assert numbers(row, "n_a", "n_b", "failed_a", "failed_b") == [3, 4, 1, 0]
  assert row["paired"] == "no"  # as they have not the same seeds
  np.testing.assert_allclose(float(row["probability"]), 2 / 3, rtol=1e-6)


def test_too_many_pairs_for_so_few_seeds_is_said(tmp_path):
  table = setting_tables.pairs(scored.found(*many(tmp_path, 10, *range(1, 9))))
  assert {row["verdict"] for row in rows(table)} == {"no difference shown"}
  assert notes(table) == [
    "28 pairs are too many for so few seeds: p (Holm) cannot be below 0.055; compare fewer "
    "settings, or train more seeds"
  ]


def test_the_least_p_is_that_of_settings_that_do_not_overlap():
  for n, m, paired in ((5, 5, True), (4, 6, False)):
    a, b = {i: i for i in range(n)}, {i + 9 * (not paired): 50 + i**2 for i in range(m)}
    compared = significance.compare(a, b)
    assert compared.paired == paired
    np.testing.assert_allclose(significance.least_p(compared), compared.p_value)


def test_each_protocol_is_a_family_of_its_own(tmp_path):
  protocols = {key: scored.protocol(f"net-{key}") for key in ("aa", "bb")}
  paths = [
    scored.write(
      tmp_path / name, dict.fromkeys(("fd@aa", "fd@bb"), shift + np.arange(10) / 99), 10,
      protocols=protocols,
    )
    for name, shift in (("a", 0), ("b", 1))
  ]  # fmt: skip
  found = rows(setting_tables.pairs(scored.found(*paths)))
  assert [row["features"] for row in found] == ["net-aa", "net-bb"]
  assert all(row["p"] == row["p_holm"] for row in found)


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


@pytest.mark.parametrize("make", ["middles", "pairs", "runs"])
def test_tables_of_nothing(make):
  assert getattr(setting_tables, make)([]).blocks == []
