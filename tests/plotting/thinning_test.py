import figures
import numpy as np
import pytest

from genjax.plotting import curves, plots, thinning


@pytest.mark.parametrize(
  ("runs", "most", "expected"),
  [
    ("aabb", 4, [0, 1, 2, 3]),
    ("aaabbb", 4, [0, 1, 3, 4]),  # of each equally many, the first ones
    ("ababab", 4, [0, 1, 2, 3]),
    ("abcdefg", 3, [0, 3, 6]),  # more settings than rows: the first, the last and the middle one
    ("aaaaa", 2, [0, 1]),
    ("aaabbbccc", 4, [0, 3, 6]),
  ],
)
def test_some_runs_of_every_setting(runs, most, expected):
  assert thinning.some(list(runs), most) == expected


def test_what_is_left_out_is_said():
  assert thinning.shown_note(60, 1000) == "Shown are 60 of 1,000 runs."
  assert thinning.shown_note(4, 4) == ""


def _artists(figure, gid):
  return [a for panel in figure.axes for a in panel.get_children() if a.get_gid() == gid]


def _drawn(settings, seeds, failing=()):
  labels = [
    plots.RunLabel(seed, f"latent {z}", 5 if seed in failing else -1)
    for z in range(1, settings + 1)
    for seed in range(seeds)
  ]
  values = np.arange(len(labels) * 2.0).reshape(-1, 2)
  return curves.curves({"loss": (np.array([1, 9]), values)}, labels), values


def test_curves_of_a_thousand_runs_draw_some_of_them_and_medians_of_all():
  figure, values = _drawn(10, 100, failing=(3, 50))
  assert len(_artists(figure, "seed")) == thinning.LINES
  medians = [line.get_ydata()[0] for line in _artists(figure, "median")]
  np.testing.assert_array_equal(medians, np.median(values[:, 0].reshape(10, 100), 1))
  assert [len(cross.get_xdata()) for cross in _artists(figure, "failed")] == [2] * 10
  assert "Thin: 100 runs at most." in " ".join(figures.words(figure))


def test_of_a_thousand_settings_as_many_are_drawn_as_can_be_told_apart():
  figure, _ = _drawn(1000, 1)
  assert len(_artists(figure, "median")) == thinning.SETTINGS
  said = " ".join(figures.words(figure))
  assert "latent 2 (n=1)" not in said
  assert "Of 1,000 settings 32 are drawn, evenly spread." in said


def test_the_kl_of_a_thousand_runs_has_bars_of_all_and_points_of_some():
  labels = figures.labels(("latent 2", "latent 10"), 500)
  figure = curves.kl_per_dimension(np.arange(2000.0).reshape(1000, 2), labels)
  assert len(_artists(figure, "seed")) == thinning.LINES
  assert "Point: a seed, 100 at most in all" in " ".join(figures.words(figure))
