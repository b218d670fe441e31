"""Agreement in rank, against hand figures and scipy."""

import math
import warnings

import numpy as np
import pytest
import scored
from scipy import stats
from scored import numbers, rows

from genjax.analysis import correlations

NAN = math.nan


# Agreement of networks.


def test_networks_agree_in_rank(tmp_path):
  protocols = {key: scored.protocol(f"net-{key}") for key in ("aa", "bb")}
  protocols["cc"] = scored.protocol("net-aa", real_images=9)  # another count: nothing to agree with
  a, b = [1, 2, 3, 9, 5, 6], [1, 3, 2, 8, NAN, 7]
  figures = {"fd@aa": a, "fd@bb": b, "fd@cc": a}
  path = scored.write(tmp_path / "w", figures, 2, (2, 10, 20), protocols=protocols)
  (row,) = rows(correlations.agreement(scored.scores(path)))
  assert (row["score"], row["features_a"], row["features_b"]) == ("fd", "net-aa", "net-bb")
  # Medians 1.5, 6, 5.5 against 2, 5, 7: one pair of three in another order.
  assert numbers(row, "settings", "runs") == [3, 5]
  np.testing.assert_allclose(float(row["tau_settings"]), 1 / 3, rtol=1e-6)
  np.testing.assert_allclose(float(row["tau_runs"]), 8 / 10, rtol=1e-6)  # one pair of ten swapped


def test_agreement_counts_ties_as_tau_b_does(tmp_path):
  protocols = {key: scored.protocol(f"net-{key}") for key in ("aa", "bb")}
  figures = {"modes@aa": [9, 9, 10, 10], "modes@bb": [8, 9, 10, 9], "fd@aa": 1, "fd@bb": 1}
  path = scored.write(tmp_path / "w", figures, 4, protocols=protocols)
  fd, modes = rows(correlations.agreement(scored.scores(path)))
  # Of six pairs three in order; two are tied in the one, one in the other.
  np.testing.assert_allclose(float(modes["tau_runs"]), 3 / math.sqrt((6 - 2) * (6 - 1)), rtol=1e-6)
  assert (modes["settings"], modes["tau_settings"], fd["tau_runs"]) == ("1", "", "")


def test_without_two_networks_there_is_nothing_to_agree(tmp_path):
  path = scored.write(tmp_path / "w", {"fd@aa": 1})
  assert correlations.agreement(scored.scores(path)).blocks == []


# Losses.


def test_the_loss_at_the_weights_that_were_scored(tmp_path):
  figures = {"fd@aa": [1, 2, 3, 5, NAN], "val_loss": {8: [4, 3, 2, 1, 0], 12: [0, 9, 0, 9, 0]}}
  path = scored.write(tmp_path / "w", figures | {"val_kl": 1}, 5)
  (scores,) = scored.scores(path)
  np.testing.assert_array_equal(correlations.losses(scores, "val_loss"), [4, 3, 2, 1, NAN])
  (row,) = rows(correlations.with_losses([scores]))
  assert (row["loss"], row["score"], row["n"]) == ("val_loss", "fd", "4")
  # Of the 24 orders of four runs, this and its reverse.
  np.testing.assert_allclose(numbers(row, "rho", "p"), [-1, 2 / 24], rtol=1e-6)


@pytest.mark.parametrize("n", [3, 5, 6, 7, 8, 20])
def test_spearman_s_p_is_exact_with_few_runs(n):
  rng = np.random.default_rng(n)
  x, y = rng.normal(size=n), rng.integers(0, 4, n).astype(float)  # with ties
  found, rho, p = correlations.spearman(x, y)
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


def test_correlation_where_nothing_can_be_told():
  with warnings.catch_warnings():
    warnings.simplefilter("error")
    for x, y, n in (([1, 2], [1, 2], 2), ([1, 1, 1], [1, 2, 3], 3), ([1, 2, 3], [1, NAN, 3], 2)):
      found = correlations.spearman(np.array(x, float), np.array(y, float))
      assert found[0] == n
      assert np.isnan(found[1:]).all()


def test_a_row_for_each_network_and_for_scores_without_one(tmp_path):
  protocols = {key: scored.protocol(f"net-{key}") for key in ("aa", "bb")}
  protocols["cc"] = scored.protocol("", "images")
  figures = {name: [1, 2, 3] for name in ("fd@aa", "fd@bb", "swd@cc", "val_swd")}
  whole = correlations.with_losses(
    scored.scores(scored.write(tmp_path / "w", figures, protocols=protocols))
  )
  assert [row["features"] for row in rows(whole)] == ["net-aa", "net-bb", ""]


def test_tables_of_nothing():
  assert correlations.agreement([]).blocks == []
  assert correlations.with_losses([]).blocks == []
