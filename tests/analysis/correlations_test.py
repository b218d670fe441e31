"""Agreement in rank, against hand figures and scipy."""

import math

import numpy as np
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
  # Of the pairs within settings (1, 2), (3, 9), and of latent 20 one alone, all are in order.
  np.testing.assert_allclose(float(row["tau_runs"]), 1, rtol=1e-6)


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


def test_a_row_for_each_network_and_for_scores_without_one(tmp_path):
  protocols = {key: scored.protocol(f"net-{key}") for key in ("aa", "bb")}
  protocols["cc"] = scored.protocol("", "images")
  figures = {name: [1, 2, 3] for name in ("fd@aa", "fd@bb", "swd@cc", "val_swd")}
  whole = correlations.with_losses(
    scored.scores(scored.write(tmp_path / "w", figures, protocols=protocols))
  )
  assert [row["features"] for row in rows(whole)] == ["net-aa", "net-bb", ""]


def test_settings_apart_are_no_correlation_of_runs(tmp_path):
  """Within each setting the higher loss has the lower score; together they rise."""
  loss, fd = [], []
  for shift in (0, 100, 200):
    loss += [shift + x for x in (1, 2, 3, 4)]
    fd += [shift + x for x in (4, 3, 2, 1)]
  path = scored.write(tmp_path / "w", {"fd@aa": fd, "val_loss": loss}, 4, (2, 10, 20))
  (row,) = rows(correlations.with_losses(scored.scores(path)))
  np.testing.assert_allclose(numbers(row, "n", "rho"), [12, -1], rtol=1e-6)
  assert stats.spearmanr(loss, fd).statistic > 0.7


def test_tables_of_nothing():
  assert correlations.agreement([]).blocks == []
  assert correlations.with_losses([]).blocks == []
