"""Tables of comparisons, against hand figures and scipy."""

import csv
import math
import warnings

import numpy as np
import pytest
import scored
from scipy import stats

from genjax import comparisons, readings, statistics, tables

NAN = math.nan


def rows(table):
  """The CSV as dictionaries."""
  return list(csv.DictReader(tables.csv_text(table).splitlines()))


def notes(table):
  return [note for block in table.blocks for note in block.notes]


def numbers(row, *names):
  return [float(row[name]) for name in names]


# Summaries.


def test_a_row_of_the_summary_by_hand(tmp_path):
  path = scored.write(tmp_path / "w", {"fd@aa": [1, 2, 6, 100, 5, 5, 5, 5]}, 4, (2, 10))
  two, ten = rows(comparisons.summaries(scored.scores(path)))
  assert (two["score"], two["protocol"], two["features"]) == ("fd", "aa", "mnist-0-3fa91c77")
  assert (two["setting"], two["workdir"], two["latent"]) == ("latent 2", "w", "2")
  assert numbers(two, "n", "failed", "not_scored", "median", "floor") == [4, 0, 0, 4, 0.71]
  assert numbers(two, "iqm", "mean") == [4, 27.25]  # of 2 and 6
  told = statistics.summary([1, 2, 6, 100])
  found = numbers(two, "iqm_low", "iqm_high", "mean_low", "mean_high")
  np.testing.assert_allclose(found, [*told.of_iqm, *told.of_mean], rtol=1e-6)
  assert numbers(ten, "iqm", "iqm_low", "iqm_high", "mean_low", "mean_high") == [5] * 5


def test_failed_runs_are_counted_whether_they_have_a_figure_or_not(tmp_path):
  protocols = {"aa": scored.protocol(), "bb": scored.protocol(weights="last", floor={})}
  figures = {"fd@aa": [1, 2, NAN, 4, NAN], "fd@bb": [1, 2, 3, 4, NAN]}
  path = scored.write(tmp_path / "w", figures, 5, protocols=protocols, failed=(1, 2))
  best = comparisons.summaries(scored.scores(path))
  last = comparisons.summaries(scored.scores(path, weights="last"))
  names = ("n", "failed", "not_scored", "median")
  assert numbers(rows(best)[0], *names) == [3, 2, 1, 2]
  assert numbers(rows(last)[0], *names) == [2, 2, 1, 2.5]
  missing = "1 of 5 runs are not scored: they are in no column"
  had = "1 of 2 failed runs count in n too: scored by their best weights from before the failure"
  assert notes(best) == [had, missing, comparisons.NARROW]
  assert notes(last) == [missing, comparisons.NARROW]
  assert rows(last)[0]["floor"] == ""


def test_no_interval_where_there_is_none(tmp_path):
  protocols = {"aa": scored.protocol()}
  one = scored.write(tmp_path / "one", {"fd@aa": 3}, 1, protocols=protocols)
  assert "3.000  " in tables.text(comparisons.summaries(scored.scores(one)))
  # Without any one of these the interquartile mean is the same, and BCa divides by zero.
  nine = [10] * 9 + [9]
  figures = {"modes@aa": nine, "distinct@aa": [math.inf, 5, 7, 9] + [8] * 6}
  path = scored.write(tmp_path / "w", figures, 10, protocols=protocols)
  modes, distinct = rows(comparisons.summaries(scored.scores(path)))
  assert (modes["iqm"], modes["iqm_low"]) == ("10", "")
  assert float(modes["mean_low"]) < 9.9 < float(modes["mean_high"])
  assert (distinct["median"], distinct["mean"], distinct["mean_high"]) == ("8", "inf", "")


def test_all_runs_of_a_setting_failed(tmp_path):
  path = scored.write(tmp_path / "w", {"fd@aa": [NAN, NAN, 1, 2]}, 2, (2, 10), failed=(0, 1))
  found = scored.scores(path)
  two, _ = rows(comparisons.summaries(found))
  assert (two["n"], two["failed"], two["median"], two["iqm_low"]) == ("0", "2", "", "")
  (pair,) = rows(comparisons.pairs(found))
  assert numbers(pair, "probability", "failed_a", "failed_b") == [0, 2, 0]


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
  table = comparisons.pairs(scored.scores(*many(tmp_path, 10, 1, 2, 2)))
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
  (row,) = rows(comparisons.pairs(scored.scores(*many(tmp_path / "a", 10, 1, 2, name="coverage"))))
  assert (row["probability"], row["verdict"]) == ("0", "B")
  for name in ("sharpness", "mine"):
    found = scored.scores(*many(tmp_path / name, 10, 1, 2, name=name))
    assert comparisons.pairs(found).blocks == []


def test_no_winner_with_nine_seeds(tmp_path):
  table = comparisons.pairs(scored.scores(*many(tmp_path, 9, 1, 2)))
  (row,) = rows(table)
  assert float(row["p_holm"]) < 0.05
  assert row["verdict"] == "not enough seeds"
  assert notes(table) == ["with less than 10 seeds of each, no winner is named"]


def test_a_run_that_was_not_scored_is_in_no_pair_and_a_failed_one_loses(tmp_path):
  a = scored.write(tmp_path / "a", {"fd@aa": [1, 1, NAN, NAN]}, 4, failed=(2,))
  b = scored.write(tmp_path / "b", {"fd@aa": [2, 2, 2, 2]}, 4)
  (row,) = rows(comparisons.pairs(scored.scores(a, b)))
  assert numbers(row, "n_a", "n_b", "failed_a", "failed_b") == [3, 4, 1, 0]
  assert row["paired"] == "no"  # as they have not the same seeds
  np.testing.assert_allclose(float(row["probability"]), 2 / 3, rtol=1e-6)


def test_too_many_pairs_for_so_few_seeds_is_said(tmp_path):
  table = comparisons.pairs(scored.scores(*many(tmp_path, 10, *range(1, 9))))
  assert {row["verdict"] for row in rows(table)} == {"no difference shown"}
  assert notes(table) == [
    "28 pairs are too many for so few seeds: p (Holm) cannot be below 0.055; compare fewer "
    "settings, or train more seeds"
  ]
  counts = comparisons.verdicts(table).blocks[0]
  assert counts.rows == [("fd", "mnist-0-3fa91c77", 28, 0, 28, 0)]
  assert notes(table)[0] in counts.notes


def test_the_least_p_is_that_of_settings_that_do_not_overlap():
  for n, m, paired in ((5, 5, True), (4, 6, False)):
    a, b = {i: i for i in range(n)}, {i + 9 * (not paired): 50 + i**2 for i in range(m)}
    compared = statistics.compare(a, b)
    assert compared.paired == paired
    np.testing.assert_allclose(comparisons._least_p(compared), compared.p_value)


def test_each_protocol_is_a_family_of_its_own(tmp_path):
  protocols = {key: scored.protocol(f"net-{key}") for key in ("aa", "bb")}
  paths = [
    scored.write(
      tmp_path / name, dict.fromkeys(("fd@aa", "fd@bb"), shift + np.arange(10) / 99), 10,
      protocols=protocols,
    )
    for name, shift in (("a", 0), ("b", 1))
  ]  # fmt: skip
  found = rows(comparisons.pairs(scored.scores(*paths)))
  assert [row["features"] for row in found] == ["net-aa", "net-bb"]
  assert all(row["p"] == row["p_holm"] for row in found)


# Agreement of networks.


def test_networks_agree_in_rank(tmp_path):
  protocols = {key: scored.protocol(f"net-{key}") for key in ("aa", "bb")}
  protocols["cc"] = scored.protocol("net-aa", real_images=9)  # another count: nothing to agree with
  a, b = [1, 2, 3, 9, 5, 6], [1, 3, 2, 8, NAN, 7]
  figures = {"fd@aa": a, "fd@bb": b, "fd@cc": a}
  path = scored.write(tmp_path / "w", figures, 2, (2, 10, 20), protocols=protocols)
  (row,) = rows(comparisons.agreement(scored.scores(path)))
  assert (row["score"], row["features_a"], row["features_b"]) == ("fd", "net-aa", "net-bb")
  # Medians 1.5, 6, 5.5 against 2, 5, 7: one pair of three in another order.
  assert numbers(row, "settings", "runs") == [3, 5]
  np.testing.assert_allclose(float(row["tau_settings"]), 1 / 3, rtol=1e-6)
  np.testing.assert_allclose(float(row["tau_runs"]), 8 / 10, rtol=1e-6)  # one pair of ten swapped


def test_agreement_counts_ties_as_tau_b_does(tmp_path):
  protocols = {key: scored.protocol(f"net-{key}") for key in ("aa", "bb")}
  figures = {"modes@aa": [9, 9, 10, 10], "modes@bb": [8, 9, 10, 9], "fd@aa": 1, "fd@bb": 1}
  path = scored.write(tmp_path / "w", figures, 4, protocols=protocols)
  fd, modes = rows(comparisons.agreement(scored.scores(path)))
  # Of six pairs three in order; two are tied in the one, one in the other.
  np.testing.assert_allclose(float(modes["tau_runs"]), 3 / math.sqrt((6 - 2) * (6 - 1)), rtol=1e-6)
  assert (modes["settings"], modes["tau_settings"], fd["tau_runs"]) == ("1", "", "")


def test_without_two_networks_there_is_nothing_to_agree(tmp_path):
  path = scored.write(tmp_path / "w", {"fd@aa": 1})
  assert comparisons.agreement(scored.scores(path)).blocks == []


# Losses.


def test_the_loss_at_the_weights_that_were_scored(tmp_path):
  figures = {"fd@aa": [1, 2, 3, 5, NAN], "val_loss": {8: [4, 3, 2, 1, 0], 12: [0, 9, 0, 9, 0]}}
  path = scored.write(tmp_path / "w", figures | {"val_kl": 1}, 5)
  (scores,) = scored.scores(path)
  np.testing.assert_array_equal(comparisons.losses(scores, "val_loss"), [4, 3, 2, 1, NAN])
  (row,) = rows(comparisons.correlations([scores]))
  assert (row["loss"], row["score"], row["n"]) == ("val_loss", "fd", "4")
  # Of the 24 orders of four runs, this and its reverse.
  np.testing.assert_allclose(numbers(row, "rho", "p"), [-1, 2 / 24], rtol=1e-6)


@pytest.mark.parametrize("n", [3, 5, 6, 7, 8, 20])
def test_spearman_s_p_is_exact_with_few_runs(n):
  rng = np.random.default_rng(n)
  x, y = rng.normal(size=n), rng.integers(0, 4, n).astype(float)  # with ties
  found, rho, p = comparisons.correlation(x, y)
  expected = stats.spearmanr(x, y)
  assert found == n
  np.testing.assert_allclose(rho, expected.statistic)
  if n <= 6:
    exact = stats.permutation_test(
      (x,), lambda x: stats.spearmanr(x, y).statistic, permutation_type="pairings"
    )
    np.testing.assert_allclose(p, exact.pvalue, rtol=1e-9)
  elif n > 7:
    np.testing.assert_allclose(p, expected.pvalue)


def test_notes_on_few_runs_stand_once_under_the_whole_table(tmp_path):
  figures = {"fd@aa": [1, 2, 3], "kd@aa": [1, 2, 3]}
  scored.write(tmp_path / "a", figures)
  scored.write(tmp_path / "b", figures)
  found = scored.scores(tmp_path)
  for make in (comparisons.summaries, comparisons.pairs):
    first, second = make(found).blocks
    assert not first.notes
    assert len(second.notes) == 1
  enough = scored.scores(scored.write(tmp_path / "c", {"fd@aa": np.arange(10)}, 10))
  assert notes(comparisons.summaries(enough)) == []


def test_correlation_where_nothing_can_be_told():
  with warnings.catch_warnings():
    warnings.simplefilter("error")
    for x, y, n in (([1, 2], [1, 2], 2), ([1, 1, 1], [1, 2, 3], 3), ([1, 2, 3], [1, NAN, 3], 2)):
      found = comparisons.correlation(np.array(x, float), np.array(y, float))
      assert found[0] == n
      assert np.isnan(found[1:]).all()


def test_the_first_network_stands_for_the_others(tmp_path):
  protocols = {key: scored.protocol(f"net-{key}") for key in ("aa", "bb")}
  protocols["cc"] = scored.protocol("", "images")
  figures = {name: [1, 2, 3] for name in ("fd@aa", "fd@bb", "swd@cc", "val_swd")}
  whole = comparisons.correlations(
    scored.scores(scored.write(tmp_path / "w", figures, protocols=protocols))
  )
  assert [row["features"] for row in rows(whole)] == ["net-aa", "net-bb", ""]
  short = comparisons.first_features(whole)
  assert [row["features"] for row in rows(short)] == ["net-aa", ""]
  assert notes(short) == ["the other feature networks are in losses.csv"]


# Runs and protocols.


def test_every_run_is_in_the_table_of_runs(tmp_path):
  path = scored.write(tmp_path / "w", {"fd@aa": [1, NAN, 3]}, 3, failed=(1,))
  found = rows(comparisons.runs(scored.scores(path)))
  assert [(row["seed"], row["status"], row["step"], row["value"]) for row in found] == [
    ("0", "done", "8", "1"),
    ("1", "failed", "", ""),
    ("2", "done", "8", "3"),
  ]


def test_conditions_in_words(tmp_path):
  protocols = {"aa": scored.protocol(subsets=[100, 2], note="", bits=None)}
  table = comparisons.protocols(
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


# Health.


def judged(*paths):
  homes = readings.read(paths)
  return comparisons.judgements(homes, readings.scores(homes, "best"), "best")


def test_flags_are_counted_by_setting(tmp_path):
  figures = {"recall@aa": [0.8, 0.1, 0.8, 0.8], "val_accuracy_generated": {8: 1.0, 12: 0.0}}
  figures["val_accuracy_real"] = {8: [0.9, 0.9, 0.9, 1.0], 12: 1.0}
  path = scored.write(tmp_path / "w", figures, 2, (2, 10), failed=(2,))
  found = judged(path)
  columns = ("runs", "failed", "collapse", "dead_critic", "posterior_collapse")
  two, ten = rows(comparisons.health_table(found))
  assert [two[name] for name in columns] == ["2", "0", "1", "0", ""]
  assert [ten[name] for name in columns] == ["2", "1", "0", "1", ""]  # at step 8, the best
  raised = rows(comparisons.flags(found))
  assert [(row["setting"], row["seed"], row["flag"]) for row in raised] == [
    ("latent 2", "1", "collapse"),
    ("latent 10", "1", "dead critic"),
  ]
  assert raised[0]["reason"] == "recall 0.1 is below 0.25 x 0.9, that of real test images"


def test_the_worst_of_the_networks_raises_a_flag(tmp_path):
  protocols = {key: scored.protocol(f"net-{key}") for key in ("aa", "bb")}
  protocols["cc"] = scored.protocol("", "likelihood", floor={})
  figures = {"recall@aa": 0.8, "recall@bb": [0.8, 0.1], "active_units@cc": [0, 5]}
  path = scored.write(tmp_path / "w", figures, 2, protocols=protocols)
  raised = rows(comparisons.flags(judged(path)))
  assert [(row["seed"], row["flag"]) for row in raised] == [
    ("0", "posterior collapse"),
    ("1", "collapse"),
  ]


def test_classes_are_those_of_the_data_where_the_floor_does_not_say(tmp_path):
  protocols = {"aa": scored.protocol(floor={})}
  path = scored.write(tmp_path / "w", {"modes@aa": [10, 9]}, 2, protocols=protocols)
  (row,) = rows(comparisons.flags(judged(path)))
  assert (row["seed"], row["reason"]) == ("1", "9 of 10 classes occur")


def test_examples_are_the_first_run_of_each_setting_and_flag(tmp_path):
  path = scored.write(tmp_path / "w", {"recall@aa": [0.1, 0.1, 0.8, 0.1]}, 2, (2, 10))
  raised = comparisons.flags(judged(path))
  short = comparisons.examples(raised)
  assert [(row["setting"], row["seed"]) for row in rows(short)] == [
    ("latent 2", "0"),
    ("latent 10", "1"),
  ]
  assert notes(short) == ["1 more in flags.csv"]


@pytest.mark.parametrize("make", ["summaries", "pairs", "agreement", "correlations", "runs"])
def test_tables_of_nothing(make):
  assert getattr(comparisons, make)([]).blocks == []
