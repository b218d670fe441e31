"""Figures are judged by what is in them: the data of their lines, their words, their pixels."""

import os
import time

import matplotlib
import numpy as np
import pytest
from PIL import Image

from genjax import plots
from genjax.plots import RunLabel

STEPS = np.arange(1, 51) * 100


def _labels(settings=("latent 2", "latent 10"), seeds=4):
  return [RunLabel(seed, setting, -1) for setting in settings for seed in range(seeds)]


def _values(runs, steps=50, seed=0):
  return np.random.default_rng(seed).normal(size=(runs, steps))


def _artists(axes, gid):
  return [a for a in axes.get_children() if a.get_gid() == gid]


def _words(figure):
  legends = [t.get_text() for legend in figure.legends for t in legend.get_texts()]
  return legends + [t.get_text() for t in figure.texts]


def _band(axes, group):
  """The lower and upper edge of a band, from its polygon."""
  x, y = _artists(axes, "band")[group].get_paths()[0].vertices.T
  return tuple([f(y[x == step]) for step in np.unique(x)] for f in (np.min, np.max))


def _pixels(path):
  with Image.open(path) as image:
    return np.asarray(image.convert("RGB"))


# Curves.


def test_line_is_the_median_and_band_the_quartiles():
  values = _values(8)
  (axes,) = plots.curves({"loss": (STEPS, values)}, _labels()).axes
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


def test_band_of_three_seeds_is_their_range_and_the_caption_says_so():
  values = _values(3)
  figure = plots.curves({"loss": (STEPS, values)}, _labels(["latent 2"], 3))
  low, high = _band(figure.axes[0], 0)
  np.testing.assert_allclose(low, values.min(0))
  np.testing.assert_allclose(high, values.max(0))
  assert any("Band: minimum to maximum." in text for text in _words(figure))
  figure = plots.curves({"loss": (STEPS, _values(4))}, _labels(["latent 2"], 4))
  assert any("Band: 25 to 75% of the seeds." in text for text in _words(figure))


def test_spread_ignores_nan_as_numpy_does():
  values = _values(5)
  values[np.random.default_rng(1).random(values.shape) < 0.4] = np.nan
  values[:, 7] = np.nan
  some = ~np.isnan(values).all(0)
  expected = np.nanpercentile(values[:, some], [25, 50, 75], axis=0)
  np.testing.assert_allclose(plots.spread(values)[:, some], expected)
  assert np.isnan(plots.spread(values)[:, 7]).all()


def test_failed_run_ends_in_a_cross_and_is_counted():
  labels = _labels()
  labels[5] = RunLabel(1, "latent 10", 2_050)
  values = _values(8)
  figure = plots.curves({"loss": (STEPS, values)}, labels)  # what it logged later is not its own
  (axes,) = figure.axes
  (cross,) = _artists(axes, "failed")
  assert cross.get_marker() == "x"
  assert cross.get_xdata() == 2_000
  np.testing.assert_allclose(cross.get_ydata(), values[5, 19])
  alive = np.where((np.arange(4) == 1)[:, None] & (STEPS > 2_050), np.nan, values[4:])
  np.testing.assert_allclose(_artists(axes, "median")[1].get_ydata(), np.nanmedian(alive, axis=0))
  words = _words(figure)
  assert {"latent 2 (n=4)", "latent 10 (n=4, 1 failed)", "a run failed"} <= set(words)


def test_no_failure_no_cross():
  figure = plots.curves({"loss": (STEPS, _values(8))}, _labels())
  assert not _artists(figure.axes[0], "failed")
  assert "a run failed" not in _words(figure)


def test_cross_of_an_explosion_is_inside_the_panel(tmp_path):
  labels = [*_labels(["latent 2"], 3), RunLabel(3, "latent 2", 2_000)]
  values = _values(4)
  values[3, 19:] = [1e9] + [np.inf] * 30
  figure = plots.curves({"loss": (STEPS, values)}, labels)
  (axes,) = figure.axes
  (cross,) = _artists(axes, "failed")
  assert cross.get_xdata() == 2_000
  assert cross.get_ydata() == axes.get_ylim()[1] < 20
  assert any("not shown: 1 above, up to 1e+09" in text for text in _words(figure))
  plots.save(figure, tmp_path / "curves.png")


@pytest.mark.parametrize("where", [(2, 30), (slice(None), 0)], ids=["one seed", "first step"])
def test_spike_does_not_flatten_the_rest(where):
  values = _values(8)
  ordinary = plots.curves({"loss": (STEPS, values)}, _labels()).axes[0].get_ylim()
  values[where] = 1e6
  figure = plots.curves({"loss": (STEPS, values)}, _labels())
  np.testing.assert_allclose(figure.axes[0].get_ylim(), ordinary, atol=1)
  count = np.sum(values == 1e6)
  assert any(f"not shown: {count} above, up to 1e+06" in text for text in _words(figure))


def test_seed_at_a_level_of_its_own_is_shown():
  values = 100 + 0.1 * _values(8)
  values[6] += 40
  low, high = plots.curves({"loss": (STEPS, values)}, _labels()).axes[0].get_ylim()
  assert low < values.min()
  assert high > values.max()


def test_settings_of_very_different_sizes_share_a_logarithmic_axis():
  values = np.abs(_values(8)) * np.repeat([0.01, 100], 4)[:, None]
  figure = plots.curves({"critic_gap": (STEPS, values), "other": (STEPS, values)}, _labels())
  assert [axes.get_yscale() for axes in figure.axes] == ["asinh", "linear"]
  assert any("log scale" in text for text in _words(figure))
  ticks = figure.axes[0].get_yticks()
  assert 1 in ticks
  assert 0 in ticks


def test_titles_say_metric_and_unit_and_unknown_names_stay():
  history = {
    name: (STEPS, _values(8)) for name in ("kl", "val_kl", "critic_gap", "my_metric", "val_mine")
  }
  words = _words(plots.curves(history, _labels(), title="Two $ latents"))
  assert {"Two $ latents", "KL (nats)", "KL (nats), validation"} <= set(words)
  assert {"critic gap: real - generated", "my_metric", "val_mine"} <= set(words)


def test_accuracies_keep_their_whole_range():
  values = 0.75 + 0.01 * _values(8)
  low, high = plots.curves({"accuracy_real": (STEPS, values)}, _labels()).axes[0].get_ylim()
  assert -0.1 < low < 0
  assert 1 < high < 1.1


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 8, 14])
def test_any_number_of_panels(count, tmp_path):
  history = {f"metric {i}": (STEPS, _values(8)) for i in range(count)}
  figure = plots.curves(history, _labels())
  assert len(figure.axes) == count
  boxes = [axes.get_position() for axes in figure.axes]
  assert all(0 < b.x0 < b.x1 < 1 and 0 < b.y0 < b.y1 < 1 for b in boxes)
  assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_steps_have_thousands_separators_and_no_text_leaves_the_figure():
  figure = plots.curves({"loss": (STEPS * 1000, _values(8))}, _labels(), title="A title " * 30)
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
  labels = _labels()
  labels[0] = RunLabel(0, "latent 2", 0)
  steps = np.arange(values.shape[1])
  figure = plots.curves({name: (steps, values)}, labels)
  plots.save(figure, tmp_path / "odd.png")
  assert any("no finite value" in w for w in _words(figure)) == (not np.isfinite(values).any())


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
    plots.curves(history, _labels())


# Colours.


def test_colours_are_distinct_and_stay_when_some_runs_are_shown():
  for settings in (["a", "b"], [f"latent {z}" for z in range(12)], [*"abcdefghijklm"]):
    assert len(set(plots.looks(settings).values())) == len(settings)
  settings = ["latent 2", "latent 10", "latent 50"]
  whole = plots.curves({"kl": (STEPS, _values(6))}, _labels(settings, 2)).axes[0]
  part = plots.curves({"kl": (STEPS, _values(2))}, _labels(settings[2:], 2), settings=settings)
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
  labels = [*_labels(["latent 3"], 2), RunLabel(0, "latent 1", -1), RunLabel(1, "latent 1", 900)]
  figure = plots.kl_per_dimension(values, labels)
  three, one = figure.axes
  assert [list(line.get_ydata()) for line in _artists(three, "seed")] == [[3, 2, 1], [5, 1, 0]]
  assert [bar.get_height() for bar in three.patches] == [4, 1.5, 0.5]
  assert [bar.get_height() for bar in one.patches] == [8]
  assert [line.get_marker() for line in _artists(one, "seed")] == ["o", "x"]
  words = _words(figure)
  assert {"latent 3 (n=2)", "latent 1 (n=2, 1 failed)", "median total 6 nats"} <= set(words)


def test_one_active_dimension_of_a_hundred_is_not_cut_off():
  values = 1e-3 * np.abs(_values(4, 100))
  values[:, 37] = 3
  (axes,) = plots.kl_per_dimension(values, _labels(["latent 100"], 4)).axes
  assert axes.get_ylim()[1] > 3


def test_kl_of_a_run_without_values(tmp_path):
  values = np.full((8, 5), np.nan)
  values[:4] = 1
  plots.save(plots.kl_per_dimension(values, _labels()), tmp_path / "kl.png")
  figure = plots.kl_per_dimension(values * np.nan, _labels())
  assert _words(figure).count("no finite value") == 2


# Galleries.


def _find(canvas, block):
  """The rows and columns at which a block of pixels stands in a picture."""
  h, w, _ = block.shape
  windows = np.lib.stride_tricks.sliding_window_view(canvas[..., 0], (w,), axis=1)
  rows, columns = np.nonzero((windows == block[0, :, 0]).all(-1))
  places = zip(rows.tolist(), columns.tolist(), strict=True)
  return [(y, x) for y, x in places if np.array_equal(canvas[y : y + h, x : x + w], block)]


@pytest.mark.parametrize(
  ("shape", "scale"),
  [
    ((1, 8, 28, 28, 1), 6),
    ((4, 10, 28, 28, 1), 5),
    ((3, 20, 32, 32, 3), 2),
    ((30, 8, 32, 32, 3), 2),
    ((64, 8, 28, 28, 1), 2),
  ],
)
def test_each_pixel_is_an_exact_square_of_the_file(shape, scale, tmp_path):
  R, M, size = shape[:3]
  images = np.random.default_rng(R).random(shape)
  labels = [RunLabel(r % 4, f"latent {r // 4}", 1_200 if r == 2 else -1) for r in range(R)]
  figure = plots.gallery(images, labels, title="Samples")
  plots.save(figure, tmp_path / "g.png")
  canvas = _pixels(tmp_path / "g.png")
  assert canvas.shape[:2] == figure.images[0].get_size()[:2]
  expected = np.rint(images * 255).astype(np.uint8).repeat(scale, 2).repeat(scale, 3)
  expected = np.broadcast_to(expected, (*expected.shape[:-1], 3))
  corners = [(0, 0), (R - 1, M - 1), (R // 2, M // 2)]
  places = {corner: _find(canvas, expected[corner]) for corner in corners}
  assert all(len(found) == 1 for found in places.values()), places
  (top, left), (bottom, right) = places[0, 0][0], places[R - 1, M - 1][0]
  assert right - left == (M - 1) * (size * scale + plots.COLUMN_GAP)
  assert (bottom - top) >= (R - 1) * (size * scale + plots.ROW_GAP)


def test_rows_of_a_setting_stand_together_with_a_gap_between_groups(tmp_path):
  images = np.broadcast_to(
    np.array([0.2, 0.4, 0.6, 0.8])[:, None, None, None, None], (4, 8, 28, 28, 1)
  )
  labels = [RunLabel(seed, setting, -1) for seed in (0, 1) for setting in ("latent 2", "latent 10")]
  plots.save(plots.gallery(images, labels), tmp_path / "g.png")
  column = _pixels(tmp_path / "g.png")[:, -100]
  starts = {value: np.flatnonzero((column == value).all(-1))[0] for value in (51, 102, 153, 204)}
  assert sorted(starts, key=starts.get) == [51, 153, 102, 204]
  height = 28 * 6
  assert starts[153] - starts[51] - height == plots.ROW_GAP
  assert starts[102] - starts[153] - height == plots.GROUP_GAP


def test_failed_row_has_a_red_frame_a_red_label_and_its_images(tmp_path):
  labels = [RunLabel(0, "latent 2", -1), RunLabel(1, "latent 2", 1_200)]
  figure = plots.gallery(np.full((2, 8, 28, 28, 1), 0.4), labels, footnote="Step 5,000.")
  red = [t.get_text() for t in figure.texts if t.get_color() == plots.RED]
  assert red == ["seed 1", "failed at", "step 1,200"]
  assert "Step 5,000. In red: 1 of 2 runs failed; the images are the last good ones." in _words(
    figure
  )
  plots.save(figure, tmp_path / "g.png")
  canvas = _pixels(tmp_path / "g.png")
  # Left of a row's images: white for the sound run, red and then white for the failed one.
  inside = np.flatnonzero((canvas[:, -100] == 102).all(-1))
  for y, frame in ((inside[0] + 84, []), (inside[-1] - 84, [plots._rgb(plots.RED).tolist()] * 4)):
    left = np.flatnonzero((canvas[y] == 102).all(-1))[0]
    assert canvas[y, left - 6 : left - 2].tolist() == (frame or [[255] * 3] * 4)
    assert canvas[y, left - 2 : left].tolist() == [[255] * 3] * 2


def test_gallery_labels_rows_and_columns():
  names = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse"]
  labels = _labels(["latent 2, clip 0.01", "latent 10, clip 0.01"], 12)
  figure = plots.gallery(np.zeros((24, 8, 32, 32, 3)), labels, names, "CIFAR-10")
  words = _words(figure)
  assert words.count("seed 11") == 2
  assert {"latent 10,", "clip 0.01", "CIFAR-10", *names} <= set(words)
  assert "In red" not in " ".join(words)


def test_values_outside_the_range_are_clipped_and_nan_is_grey():
  values = np.array([-1, 0.5, 2, np.nan]).reshape(4, 1, 1)
  assert plots._bytes(values)[:, 0].tolist() == [[0] * 3, [128] * 3, [255] * 3, [128] * 3]


@pytest.mark.parametrize(
  ("shape", "columns", "message"),
  [
    ((3, 8, 28, 28, 1), None, "images has the shape"),
    ((2, 8, 28, 28), None, "images has the shape"),
    ((2, 8, 28, 28, 4), None, "4 channels"),
    ((2, 8, 28, 28, 1), ["0"], "1 column labels for 8 columns"),
  ],
)
def test_images_that_do_not_fit_are_refused(shape, columns, message):
  with pytest.raises(ValueError, match=message):
    plots.gallery(np.zeros(shape), _labels(["a"], 2), columns)


# Saving.


def test_same_figure_same_bytes_whatever_the_users_settings(tmp_path):
  labels = _labels()
  draw = (
    lambda: plots.curves({"loss": (STEPS, _values(8)), "kl": (STEPS, _values(8))}, labels, "A"),
    lambda: plots.kl_per_dimension(_values(8, 5), labels),
    lambda: plots.gallery(np.abs(_values(8, 8 * 9)).reshape(8, 8, 3, 3, 1) % 1, labels),
  )
  for i, make in enumerate(draw):
    plots.save(make(), tmp_path / "first.png")
    mine = {"savefig.dpi": 50, "savefig.bbox": "tight", "font.size": 20, "axes.facecolor": "red"}
    with matplotlib.rc_context(mine):
      plots.save(make(), tmp_path / "second.png")
      assert matplotlib.rcParams["font.size"] == 20
    first = (tmp_path / "first.png").read_bytes()
    assert first == (tmp_path / "second.png").read_bytes(), i
    assert first.startswith(b"\x89PNG")
    with Image.open(tmp_path / "first.png") as image:
      assert set(image.info) == {"dpi"}  # no date, no version


def test_failed_save_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
  path = tmp_path / "curves.png"
  path.write_bytes(b"old")
  figure = plots.curves({"loss": (STEPS, _values(8))}, _labels())

  def half_a_file(partial, **_):
    assert os.path.dirname(partial) == str(tmp_path)
    with open(partial, "wb") as file:
      file.write(b"half")
    raise OSError("no space left")

  monkeypatch.setattr(figure, "savefig", half_a_file)
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

  plots.curves({"loss": (STEPS, _values(8))}, _labels())
  assert pyplot.get_fignums() == []


def test_a_usual_figure_takes_about_a_second(tmp_path):
  history = {f"metric {i}": (np.arange(200), _values(12, 200)) for i in range(8)}
  labels = _labels(["latent 2", "latent 10", "latent 50"])
  start = time.process_time()
  plots.save(plots.curves(history, labels), tmp_path / "curves.png")
  assert time.process_time() - start < 5  # five times what it takes
