"""Figures are judged by what is in them: the data of their lines, their words, their pixels."""

import os
import pathlib
import time

import figures
import numpy as np
import pytest

from genjax.plotting import curves, plots
from genjax.plotting.axes import spread
from genjax.plotting.plots import RunLabel

STEPS = np.arange(1, 51) * 100


def _values(runs, steps=50, seed=0):
  return np.random.default_rng(seed).normal(size=(runs, steps))


def _artists(axes, gid):
  return [a for a in axes.get_children() if a.get_gid() == gid]


def _band(axes, group):
  """The lower and upper edge of a band, from its polygon."""
  x, y = _artists(axes, "band")[group].get_paths()[0].vertices.T
  return tuple([f(y[x == step]) for step in np.unique(x)] for f in (np.min, np.max))


def _sentences(figure):
  return " ".join(" ".join(figures.words(figure)).split())


# Curves.


def test_line_is_the_median_and_band_the_quartiles():
  values = _values(8)
  (axes,) = curves.curves({"loss": (STEPS, values)}, figures.labels()).axes
  lines = _artists(axes, "median")
  assert len(lines) == 2
  for group, rows in enumerate((slice(0, 4), slice(4, 8))):
    np.testing.assert_array_equal(lines[group].get_xdata(), STEPS)
    np.testing.assert_allclose(lines[group].get_ydata(), np.median(values[rows], axis=0))
    low, high = _band(axes, group)
    np.testing.assert_allclose(low, np.percentile(values[rows], 25, axis=0))
    np.testing.assert_allclose(high, np.percentile(values[rows], 75, axis=0))
  for line, row in zip(_artists(axes, "seed"), values, strict=True):
    np.testing.assert_array_equal(line.get_ydata(), row)


def test_a_single_validation_shows_every_seed_and_their_quartiles():
  values = _values(8, steps=1)
  figure = curves.curves({"loss": (STEPS[:1], values)}, figures.labels())
  (axes,) = figure.axes
  for group, rows in enumerate((slice(0, 4), slice(4, 8))):
    (bar,) = _artists(axes, "band")[group].get_segments()
    np.testing.assert_allclose(bar[:, 1], np.percentile(values[rows], (25, 75)))
  seeds = _artists(axes, "seed")
  np.testing.assert_array_equal([line.get_ydata() for line in seeds], values)
  assert {line.get_marker() for line in seeds} == {"."}  # a line through one point is none
  caption = "Point: median over the seeds. Bar: 25 to 75% of the seeds. Small: each seed."
  assert caption in _sentences(figure)


def test_band_of_three_seeds_is_their_range_and_the_caption_says_so():
  values = _values(3)
  figure = curves.curves({"loss": (STEPS, values)}, figures.labels(["latent 2"], 3))
  low, high = _band(figure.axes[0], 0)
  np.testing.assert_allclose(low, values.min(0))
  np.testing.assert_allclose(high, values.max(0))
  assert any("Band: minimum to maximum." in text for text in figures.words(figure))
  figure = curves.curves({"loss": (STEPS, _values(4))}, figures.labels(["latent 2"], 4))
  assert any("Band: 25 to 75% of the seeds." in text for text in figures.words(figure))


def test_spread_ignores_nan_as_numpy_does():
  values = _values(5)
  values[np.random.default_rng(1).random(values.shape) < 0.4] = np.nan
  values[:, 7] = np.nan
  some = ~np.isnan(values).all(0)
  expected = np.nanpercentile(values[:, some], [25, 50, 75], axis=0)
  np.testing.assert_allclose(spread(values)[:, some], expected)
  assert np.isnan(spread(values)[:, 7]).all()


def test_failed_run_ends_in_a_cross_and_is_counted():
  labels = figures.labels()
  labels[5] = RunLabel(1, "latent 10", 2_050)
  values = _values(8)
  figure = curves.curves({"loss": (STEPS, values)}, labels)  # what it logged later is not its own
  (axes,) = figure.axes
  (cross,) = _artists(axes, "failed")
  assert cross.get_marker() == "x"
  assert cross.get_xdata() == 2_000
  np.testing.assert_allclose(cross.get_ydata(), values[5, 19])
  alive = np.where((np.arange(4) == 1)[:, None] & (STEPS > 2_050), np.nan, values[4:])
  np.testing.assert_allclose(_artists(axes, "median")[1].get_ydata(), np.nanmedian(alive, axis=0))
  words = figures.words(figure)
  assert {"latent 2 (n=4)", "latent 10 (n=4, 1 failed)", "a run failed"} <= set(words)


def test_a_run_that_failed_before_its_first_value_has_a_cross_on_the_axis_at_its_step():
  labels = figures.labels()
  labels[5] = RunLabel(1, "latent 10", 30)
  figure = curves.curves({name: (STEPS, _values(8)) for name in ("loss", "critic_gap")}, labels)
  for axes in figure.axes:
    (cross,) = _artists(axes, "failed")
    assert (cross.get_xdata(), cross.get_ydata()) == (30, axes.get_ylim()[0])
    assert cross.get_color() == _artists(axes, "median")[1].get_color()
  said = "Cross on the x axis: a run that failed at that step, before it had a value."
  assert said in _sentences(figure)
  labels[5] = RunLabel(1, "latent 10", 100)  # with the first value
  figure = curves.curves({"loss": (STEPS, _values(8))}, labels)
  assert said not in _sentences(figure)
  labels[5] = RunLabel(1, "latent 10", 9_000)  # beyond the last value of all, of which it had none
  values = _values(8)
  values[5] = np.nan
  (axes,) = curves.curves({"loss": (STEPS, values)}, labels).axes
  (cross,) = _artists(axes, "failed")
  assert cross.get_xdata() == 9_000 < axes.get_xlim()[1]


def test_no_failure_no_cross():
  figure = curves.curves({"loss": (STEPS, _values(8))}, figures.labels())
  assert not _artists(figure.axes[0], "failed")
  assert "a run failed" not in figures.words(figure)


def test_cross_of_an_explosion_is_inside_the_panel(tmp_path):
  labels = [*figures.labels(["latent 2"], 3), RunLabel(3, "latent 2", 2_000)]
  values = _values(4)
  values[3, 19:] = [1e9] + [np.inf] * 30
  figure = curves.curves({"loss": (STEPS, values)}, labels)
  (axes,) = figure.axes
  (cross,) = _artists(axes, "failed")
  assert cross.get_xdata() == 2_000
  assert cross.get_ydata() == axes.get_ylim()[1] < 20
  assert any("not shown: 1 above, up to 1e+09" in text for text in figures.words(figure))
  plots.save(figure, tmp_path / "curves.png")


@pytest.mark.parametrize("where", [(2, 30), (slice(None), 0)], ids=["one seed", "first step"])
def test_spike_does_not_flatten_the_rest(where):
  values = _values(8)
  ordinary = curves.curves({"loss": (STEPS, values)}, figures.labels()).axes[0].get_ylim()
  values[where] = 1e6
  figure = curves.curves({"loss": (STEPS, values)}, figures.labels())
  np.testing.assert_allclose(figure.axes[0].get_ylim(), ordinary, atol=1)
  count = np.sum(values == 1e6)
  assert any(f"not shown: {count} above, up to 1e+06" in text for text in figures.words(figure))


def test_seed_at_a_level_of_its_own_is_shown():
  values = 100 + 0.1 * _values(8)
  values[6] += 40
  low, high = curves.curves({"loss": (STEPS, values)}, figures.labels()).axes[0].get_ylim()
  assert low < values.min()
  assert high > values.max()


FALL = np.array([500.0, 150, 120, 112, 111])  # validations of a run that learns


def _five(values, labels):
  """The limits of a panel of five points, and its note."""
  figure = curves.curves({"loss": (STEPS[:5], values)}, labels)
  note = [text for text in figures.words(figure) if "not shown" in text]
  return *figure.axes[0].get_ylim(), note


@pytest.mark.parametrize("points", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("largest", [1, 14], ids=["alike", "one seed 14 times as large"])
def test_of_few_points_all_are_shown(points, largest):
  values = np.outer([1, 0.9, 1.1, largest], FALL[:points])
  figure = curves.curves({"loss": (STEPS[:points], values)}, figures.labels(["latent 2"], 4))
  low, high = figure.axes[0].get_ylim()
  assert low < values.min()
  assert high > values.max()
  assert not any("not shown" in text for text in figures.words(figure))


@pytest.mark.parametrize("at", [0, 2, 4])
def test_of_few_points_an_explosion_is_not_shown(at):
  values = np.outer([1, 0.9, 1.1, 1.2], FALL)
  ordinary = np.delete(values[0], at)
  values[0, at] = 1e6
  low, high, note = _five(values, figures.labels(["latent 2"], 4))
  assert note == ["not shown: 1 above, up to 1e+06"]
  assert high > ordinary.max()
  assert high < 1000
  # Alone, too: nothing but its own values tells what is usual.
  low, high, note = _five(values[:1], figures.labels(["latent 2"], 1))
  assert low < ordinary.min() < ordinary.max() < high < 1000
  assert note == ["not shown: 1 above, up to 1e+06"]


def test_of_few_points_growth_is_no_explosion():
  values = np.array([[1e-4, 2e-4, 3e-4, 0.5, 0.6]])
  assert _five(values, figures.labels(["latent 2"], 1))[2] == []


def test_of_few_points_a_failed_run_that_explodes_does_not_set_the_limits():
  values = np.outer([1, 0.9, 1.1, 1], FALL)
  values[3, 3:] = [30_000, np.nan]
  labels = [*figures.labels(["latent 2"], 3), RunLabel(3, "latent 2", 450)]
  _, high, note = _five(values, labels)
  assert values[:3].max() < high < 1000
  assert note == ["not shown: 1 above, up to 30,000"]


def test_settings_of_very_different_sizes_share_a_logarithmic_axis():
  values = np.abs(_values(8)) * np.repeat([0.01, 100], 4)[:, None]
  figure = curves.curves(
    {"critic_gap": (STEPS, values), "other": (STEPS, values)}, figures.labels()
  )
  assert [axes.get_yscale() for axes in figure.axes] == ["asinh", "linear"]
  assert any("log scale" in text for text in figures.words(figure))
  ticks = figure.axes[0].get_yticks()
  assert 1 in ticks
  assert 0 in ticks


def test_titles_say_metric_and_unit_and_unknown_names_stay():
  history = {
    name: (STEPS, _values(8)) for name in ("kl", "val_kl", "critic_gap", "my_metric", "val_mine")
  }
  words = figures.words(curves.curves(history, figures.labels(), title="Two $ latents"))
  assert {"Two $ latents", "KL (nats)", "KL (nats), validation"} <= set(words)
  assert {"critic gap: real - generated", "my_metric", "val_mine"} <= set(words)


def test_accuracies_keep_their_whole_range():
  values = 0.75 + 0.01 * _values(8)
  low, high = curves.curves({"accuracy_real": (STEPS, values)}, figures.labels()).axes[0].get_ylim()
  assert -0.1 < low < 0
  assert 1 < high < 1.1


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 8, 14])
def test_any_number_of_panels(count, tmp_path):
  history = {f"metric {i}": (STEPS, _values(8)) for i in range(count)}
  figure = curves.curves(history, figures.labels())
  assert len(figure.axes) == count
  boxes = [axes.get_position() for axes in figure.axes]
  assert all(0 < b.x0 < b.x1 < 1 and 0 < b.y0 < b.y1 < 1 for b in boxes)
  assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_steps_have_thousands_separators_and_no_text_leaves_the_figure():
  figure = curves.curves(
    {"loss": (STEPS * 1000, _values(8))}, figures.labels(), title="A title " * 30
  )
  figure.draw_without_rendering()
  (axes,) = figure.axes
  ticks = [t for t in axes.get_xticklabels() if t.get_position()[0] <= axes.get_xlim()[1]]
  assert "4,000,000" in [t.get_text() for t in ticks]
  texts = [*figure.texts, *figure.legends[0].get_texts(), *ticks]
  for text in (t for t in texts if t.get_text()):
    box = text.get_window_extent()
    assert box.x0 >= 0
    assert box.y0 >= 0
    assert box.x1 <= figure.bbox.x1
    assert box.y1 <= figure.bbox.y1


@pytest.mark.parametrize(
  "values",
  [
    np.full((8, 3), np.nan),
    np.full((8, 3), np.inf),
    np.zeros((8, 3)),
    np.full((8, 3), -7.0),
    np.repeat([0.0, 1.0], 4)[:, None] + np.zeros((8, 3)),
    np.zeros((8, 0)),
    np.ones((8, 1)),
    np.array([[np.nan, 1, 2]] * 4 + [[np.nan] * 3] * 4),
  ],
  ids=["nan", "inf", "zero", "constant", "two levels", "no steps", "one step", "setting without"],
)
@pytest.mark.parametrize("name", ["loss", "critic_gap", "accuracy_real"])
def test_odd_values_can_be_drawn(name, values, tmp_path):
  labels = figures.labels()
  labels[0] = RunLabel(0, "latent 2", 0)
  steps = np.arange(values.shape[1])
  figure = curves.curves({name: (steps, values)}, labels)
  plots.save(figure, tmp_path / "odd.png")
  assert any("no finite value" in w for w in figures.words(figure)) == (
    not np.isfinite(values).any()
  )


@pytest.mark.parametrize(
  ("history", "message"),
  [
    ({}, "empty"),
    ({"kl": (STEPS, _values(7))}, r"kl has the shape \(7, 50\)"),
    ({"kl": (STEPS[:9], _values(8))}, r"kl has steps \(9,\)"),
  ],
)
def test_shapes_that_do_not_fit_are_refused(history, message):
  with pytest.raises(ValueError, match=message):
    curves.curves(history, figures.labels())


# Colours.


def test_colours_are_distinct_and_stay_when_some_runs_are_shown():
  for settings in (["a", "b"], [f"latent {z}" for z in range(12)], [*"abcdefghijklm"]):
    assert len(set(plots.looks(settings).values())) == len(settings)
  settings = ["latent 2", "latent 10", "latent 50"]
  whole = curves.curves({"kl": (STEPS, _values(6))}, figures.labels(settings, 2)).axes[0]
  part = curves.curves(
    {"kl": (STEPS, _values(2))}, figures.labels(settings[2:], 2), settings=settings
  )
  assert _artists(part.axes[0], "median")[0].get_color() == plots.PALETTE[2]
  assert _artists(whole, "median")[2].get_color() == plots.PALETTE[2]


def test_many_ordered_settings_take_a_map_in_the_order_of_their_number():
  shuffled = [f"latent {z}, clip 0.01" for z in (100, 1, 20, 2, 50, 3, 10, 5, 80)]
  looks = plots.looks(shuffled)
  ranked = sorted(shuffled, key=lambda s: int(s.split()[1].rstrip(",")))
  lightness = [sum(looks[s].color[:3]) for s in ranked]
  assert lightness == sorted(lightness)
  assert all(look.dashes == "solid" for look in looks.values())


# KL of each dimension.


def test_dimensions_are_sorted_for_each_seed_and_nan_beyond_the_latent_is_left_out():
  values = np.array([[1.0, 3, 2], [5, 0, 1], [7, np.nan, np.nan], [9, np.nan, np.nan]])
  labels = [
    *figures.labels(["latent 3"], 2),
    RunLabel(0, "latent 1", -1),
    RunLabel(1, "latent 1", 900),
  ]
  figure = curves.kl_per_dimension(values, labels)
  three, one = figure.axes
  assert [list(line.get_ydata()) for line in _artists(three, "seed")] == [[3, 2, 1], [5, 1, 0]]
  assert [bar.get_height() for bar in three.patches] == [4, 1.5, 0.5]
  assert [bar.get_height() for bar in one.patches] == [8]
  assert [line.get_marker() for line in _artists(one, "seed")] == ["o", "x"]
  words = figures.words(figure)
  assert {"latent 3 (n=2)", "latent 1 (n=2, 1 failed)", "median total 6 nats"} <= set(words)


@pytest.mark.parametrize("has_value", [True, False])
def test_the_caption_speaks_of_crosses_where_there_are_some(has_value):
  values = np.ones((4, 3))
  values[1] = 2 if has_value else np.nan
  labels = figures.labels(["latent 3"])
  labels[1] = RunLabel(1, "latent 3", 20)
  figure = curves.kl_per_dimension(values, labels)
  said = _sentences(figure)
  assert ("Cross: a seed that failed." in said) == has_value
  assert ("Without a mark: a seed that failed before it had a value." in said) != has_value


def test_one_active_dimension_of_a_hundred_is_not_cut_off():
  values = 1e-3 * np.abs(_values(4, 100))
  values[:, 37] = 3
  (axes,) = curves.kl_per_dimension(values, figures.labels(["latent 100"], 4)).axes
  assert axes.get_ylim()[1] > 3


def test_kl_of_a_run_without_values(tmp_path):
  values = np.full((8, 5), np.nan)
  values[:4] = 1
  plots.save(curves.kl_per_dimension(values, figures.labels()), tmp_path / "kl.png")
  figure = curves.kl_per_dimension(values * np.nan, figures.labels())
  assert figures.words(figure).count("no finite value") == 2


# Saving.


def test_same_figure_same_bytes_whatever_the_users_settings(tmp_path):
  labels = figures.labels()
  history = {"loss": (STEPS, _values(8)), "kl": (STEPS, _values(8))}
  figures.assert_same_bytes(lambda: curves.curves(history, labels, "A"), tmp_path)
  figures.assert_same_bytes(lambda: curves.kl_per_dimension(_values(8, 5), labels), tmp_path)


def test_failed_save_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
  path = tmp_path / "curves.png"
  path.write_bytes(b"old")
  figure = curves.curves({"loss": (STEPS, _values(8))}, figures.labels())

  def half_a_file(partial, data):
    assert os.path.dirname(partial) == str(tmp_path)
    with open(partial, "wb") as file:
      file.write(data[: len(data) // 2])
    raise OSError("no space left")

  monkeypatch.setattr(pathlib.Path, "write_bytes", half_a_file)
  with pytest.raises(OSError, match="no space"):
    plots.save(figure, path)
  assert path.read_bytes() == b"old"
  assert os.listdir(tmp_path) == ["curves.png"]
  monkeypatch.undo()
  plots.save(figure, path)
  assert path.read_bytes() != b"old"
  assert os.listdir(tmp_path) == ["curves.png"]


def test_pyplot_is_left_alone():
  from matplotlib import pyplot

  curves.curves({"loss": (STEPS, _values(8))}, figures.labels())
  assert pyplot.get_fignums() == []


def test_a_usual_figure_takes_about_a_second(tmp_path):
  history = {f"metric {i}": (np.arange(200), _values(12, 200)) for i in range(8)}
  labels = figures.labels(["latent 2", "latent 10", "latent 50"])
  start = time.process_time()
  plots.save(curves.curves(history, labels), tmp_path / "curves.png")
  assert time.process_time() - start < 5  # five times what it takes
