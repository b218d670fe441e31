"""Galleries are judged by their pixels and their words."""

import figures
import numpy as np
import pytest
from PIL import Image

from genjax.plotting import galleries, plots
from genjax.plotting.plots import RunLabel


def _pixels(path):
  with Image.open(path) as image:
    return np.asarray(image.convert("RGB"))


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
  figure = galleries.gallery(images, labels, title="Samples")
  plots.save(figure, tmp_path / "g.png")
  canvas = _pixels(tmp_path / "g.png")
  assert canvas.shape[1::-1] == tuple(np.rint(figure.get_size_inches() * figure.dpi))
  expected = np.rint(images * 255).astype(np.uint8).repeat(scale, 2).repeat(scale, 3)
  expected = np.broadcast_to(expected, (*expected.shape[:-1], 3))
  corners = [(0, 0), (R - 1, M - 1), (R // 2, M // 2)]
  places = {corner: _find(canvas, expected[corner]) for corner in corners}
  assert all(len(found) == 1 for found in places.values()), places
  (top, left), (bottom, right) = places[0, 0][0], places[R - 1, M - 1][0]
  assert right - left == (M - 1) * (size * scale + galleries.COLUMN_GAP)
  assert (bottom - top) >= (R - 1) * (size * scale + galleries.ROW_GAP)


def test_rows_of_a_setting_stand_together_with_a_gap_between_groups(tmp_path):
  images = np.broadcast_to(
    np.array([0.2, 0.4, 0.6, 0.8])[:, None, None, None, None], (4, 8, 28, 28, 1)
  )
  labels = [RunLabel(seed, setting, -1) for seed in (0, 1) for setting in ("latent 2", "latent 10")]
  plots.save(galleries.gallery(images, labels), tmp_path / "g.png")
  column = _pixels(tmp_path / "g.png")[:, -100]
  starts = {value: np.flatnonzero((column == value).all(-1))[0] for value in (51, 102, 153, 204)}
  assert sorted(starts, key=starts.get) == [51, 153, 102, 204]
  height = 28 * 6
  assert starts[153] - starts[51] - height == galleries.ROW_GAP
  assert starts[102] - starts[153] - height == galleries.GROUP_GAP


def test_failed_row_has_a_red_frame_a_red_label_and_its_images(tmp_path):
  labels = [RunLabel(0, "latent 2", -1), RunLabel(1, "latent 2", 1_200)]
  figure = galleries.gallery(np.full((2, 8, 28, 28, 1), 0.4), labels, footnote="Step 5,000.")
  red = [t.get_text() for t in figure.texts if t.get_color() == galleries.RED]
  assert red == ["seed 1", "failed at", "step 1,200"]
  said = "Step 5,000. In red: 1 of 2 runs failed; the images are the last good ones."
  assert said in figures.words(figure)
  plots.save(figure, tmp_path / "g.png")
  canvas = _pixels(tmp_path / "g.png")
  # Left of a row's images: white for the sound run, red and then white for the failed one.
  inside = np.flatnonzero((canvas[:, -100] == 102).all(-1))
  red = galleries._rgb(galleries.RED).tolist()
  for y, frame in ((inside[0] + 84, []), (inside[-1] - 84, [red] * 4)):
    left = np.flatnonzero((canvas[y] == 102).all(-1))[0]
    assert canvas[y, left - 6 : left - 2].tolist() == (frame or [[255] * 3] * 4)
    assert canvas[y, left - 2 : left].tolist() == [[255] * 3] * 2


def test_rows_of_one_run_are_one_failed_run():
  rows = [RunLabel(0, "latent 2", 1_200, about) for about in ("linear", "spherical")]
  sound = RunLabel(1, "latent 2", -1, "linear")
  for labels, said in (([*rows, sound], "1 of 2 runs failed"), (rows, "failed at step 1,200")):
    figure = galleries.gallery(np.zeros((len(labels), 8, 9, 9, 1)), labels)
    assert said in " ".join(figures.words(figure))


def test_gallery_labels_rows_and_columns():
  names = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse"]
  labels = figures.labels(["latent 2, clip 0.01", "latent 10, clip 0.01"], 12)
  figure = galleries.gallery(np.zeros((24, 8, 32, 32, 3)), labels, names, "CIFAR-10")
  words = figures.words(figure)
  assert words.count("seed 11") == 2
  assert {"latent 10,", "clip 0.01", "CIFAR-10", *names} <= set(words)
  assert "In red" not in " ".join(words)


@pytest.mark.parametrize("failed_at", [-1, 1_200])
def test_a_grid_has_its_images_in_rows(failed_at, tmp_path):
  images = np.random.default_rng(0).random((7, 8, 8, 3))
  label = RunLabel(0, "", failed_at)
  figure = galleries.grid(images, label, 3, ["a", "b", "c"], "Samples", "Step 5.")
  plots.save(figure, tmp_path / "g.png")
  canvas = _pixels(tmp_path / "g.png")
  enlarged = np.rint(images * 255).astype(np.uint8).repeat(6, 1).repeat(6, 2)
  places = [_find(canvas, image)[0] for image in enlarged]
  top, left = places[0]
  assert places == [(top + i // 3 * 54, left + i % 3 * 54) for i in range(7)]
  words = figures.words(figure)
  assert {"a", "b", "c", "Samples"} <= set(words)
  said = "In red: the run failed at step 1,200; the images are the last good ones."
  assert (said in " ".join(words)) == (failed_at >= 0)
  red = (canvas == galleries._rgb(galleries.RED)).all(-1)
  assert red[top, left - 6 : left].tolist() == [failed_at >= 0] * 4 + [False] * 2
  with pytest.raises(ValueError, match="3 column labels for 2 columns"):
    galleries.grid(images, label, 2, ["a", "b", "c"])


def test_values_outside_the_range_are_clipped_and_nan_is_grey():
  values = np.array([-1, 0.5, 2, np.nan]).reshape(4, 1, 1)
  assert galleries._bytes(values)[:, 0].tolist() == [[0] * 3, [128] * 3, [255] * 3, [128] * 3]


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
    galleries.gallery(np.zeros(shape), figures.labels(["a"], 2), columns)


def test_each_frame_of_an_animation_is_the_gallery_of_its_images(tmp_path):
  images = np.random.default_rng(0).random((3, 2, 8, 5, 4, 3))
  labels = [RunLabel(0, "latent 2", -1), RunLabel(1, "latent 10", 1_200)]
  frames = galleries.animation(images, labels, title="Paths")
  for frame, of_frame in zip(frames, images, strict=True):
    plots.save(galleries.gallery(of_frame, labels, title="Paths"), tmp_path / "g.png")
    np.testing.assert_array_equal(frame, _pixels(tmp_path / "g.png"))


def test_same_figure_same_bytes_whatever_the_users_settings(tmp_path):
  images = np.random.default_rng(0).random((8, 8, 3, 3, 1))
  figures.assert_same_bytes(lambda: galleries.gallery(images, figures.labels()), tmp_path)
