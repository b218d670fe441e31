"""Series over training: read, joined, and told in words."""

import numpy as np
import pytest

from genjax.plotting import histories, plots
from genjax.training import metrics_file


@pytest.mark.parametrize(
  ("gap", "other", "shown"),
  [
    ([1, np.nan, -3], [-1, np.nan, 3], False),
    ([1, np.nan, -3], [-1, np.nan, 2], True),
    ([1, np.nan, -3], [-1, 0, 3], True),
    ([1, 2], [-1], True),
    ([np.nan, np.nan], [np.nan, np.nan], True),
    ([0, 0], [0, 0], True),
  ],
)
def test_only_a_whole_mirror_image_is_left_out(gap, other, shown):
  series = {
    name: (np.arange(len(v)), np.array([v])) for name, v in {"critic_gap": gap, "a": other}.items()
  }
  assert set(histories.figures(series)["training"]) == (
    {"critic_gap", "a"} if shown else {"critic_gap"}
  )


def test_rows_of_a_file_become_series(tmp_path):
  file = tmp_path / "metrics.csv"
  file.write_text("step,run,name,value\n5,0,loss,2\n5,1,loss,4\n10,1,loss,1\n10,0,fd@aa,7\n")
  series = metrics_file.read_curves(file, 2)
  steps, values = series["loss"]
  assert steps.tolist() == [5, 10]
  np.testing.assert_array_equal(values, [[2, np.nan], [4, 1]])
  assert set(histories.over_training(series)) == {"loss"}  # one step alone is no curve
  assert metrics_file.read_curves(tmp_path / "none.csv", 2) == {}


def test_a_score_is_a_curve_where_a_run_has_two_of_it():
  nan, steps = np.nan, np.array([5, 10])
  series = {
    "fd@aa": (steps, np.array([[3, nan], [nan, 4.0]])),  # each run at its own best step
    "fd@bb": (steps, np.array([[3, 2.0], [nan, 4]])),
    "kl_dim/0@bb": (steps, np.ones((2, 2))),
    "loss": (steps[:1], np.ones((2, 1))),
  }
  assert set(histories.over_training(series)) == {"fd@bb", "loss"}


def test_dimensions_are_those_of_validation():
  series = {
    name: (np.array([5, 10]), np.array([[0.0, value], [value, np.nan]]))
    for name, value in {"kl_dim/0": 1, "kl_dim/1": 2, "kl_dim/0@aa": 3, "kl_dim/1@aa": 4}.items()
  }
  np.testing.assert_array_equal(histories.dimensions(series), [[1, 2], [1, 2]])
  assert histories.dimensions({"kl_dim/0@aa": series["kl_dim/0@aa"]}) is None


def test_series_of_workdirs_are_joined_over_the_steps_of_all():
  a = {"loss": (np.array([1, 3]), np.array([[10.0, 30.0]]))}
  b = {
    "loss": (np.array([2, 3]), np.array([[2.0, 3.0], [4.0, 5.0]])),
    "kl": (np.array([3]), np.ones((2, 1))),
  }
  joined = histories.joined([a, b], [1, 2])
  assert joined["loss"][0].tolist() == [1, 2, 3]
  nan = np.nan
  np.testing.assert_array_equal(joined["loss"][1], [[10, nan, 30], [nan, 2, 3], [nan, 4, 5]])
  np.testing.assert_array_equal(joined["kl"][1], [[nan], [1], [1]])


def test_figures_are_told_in_numbers():
  labels = [plots.RunLabel(seed, f"latent {z}", -1) for z in (2, 3) for seed in (0, 1)]
  values = np.array([[9.0, 4.0], [7.0, 2.0], [8.0, 1.0], [8.0, np.nan]])
  said = histories.described({"loss": (np.array([5, 1000]), values)}, labels)
  assert said == (
    "loss (nats): latent 2 median from 8.000 at step 5 to 3.000 at step 1,000; "
    "latent 3 median from 8.000 at step 5 to 1.000 at step 1,000."
  )
  many = [plots.RunLabel(0, f"latent {z}", -1) for z in range(6)]
  said = histories.described({"kl": (np.array([5]), np.arange(6.0)[:, None])}, many)
  assert (
    said == "KL (nats): the medians of 6 settings end between 0 (latent 0) and 5.000 (latent 5)."
  )
