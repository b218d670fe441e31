"""Figures of scores are judged by what is in them: places of points, words, room for text."""

import math

import figures
import numpy as np
import pytest
import scored

from genjax.analysis import score_plots
from genjax.analysis.score_curves import against_loss, best_of, over_training
from genjax.analysis.score_plots import against_latent, by_setting
from genjax.metrics import statistics
from genjax.plotting import plots

NAN = math.nan


def artists(axes, gid):
  return [a for a in axes.get_children() if a.get_gid() == gid]


def points(axes, gid):
  """All points of these artists, in the order of x."""
  found = [np.stack(a.get_data(), 1) for a in artists(axes, gid)]
  return np.array(sorted(map(tuple, np.concatenate(found)))) if found else np.zeros((0, 2))


def words(figure):
  return [" ".join(word.split()) for word in figures.words(figure)]


def fd(folder, values, **options):
  return scored.scores(scored.write(folder, {"fd@aa": values}, **options))


# Against the latent.


def test_every_seed_stands_at_its_latent_with_the_mean_and_its_interval_beside(tmp_path):
  values = np.array([5.0, 6, 4, 8, 1, 2, 3, 4])
  found = fd(tmp_path / "w", values, seeds=4, latents=(2, 20))
  assert score_plots.spans_latents(found)
  (axes,) = against_latent(found).axes
  seeds = points(axes, "seed")
  np.testing.assert_array_equal(seeds[:, 1], values)  # seeds from left to right
  assert len(set(seeds[:, 0])) == 8
  assert np.all(np.abs(seeds[:, 0] - np.repeat(np.log10([2, 20]), 4)) < 0.1)
  middles = points(axes, "middle")
  np.testing.assert_allclose(middles[:, 1], [5.5, 2.5])
  assert np.all(middles[:, 0] > seeds[[3, 7], 0])
  for bar, part in zip(artists(axes, "interval"), (values[:4], values[4:]), strict=True):
    np.testing.assert_allclose(bar.get_ydata(), statistics.summary(part).of_iqm)
  (line,) = artists(axes, "line")
  np.testing.assert_array_equal(np.stack(line.get_data(), 1), middles)
  (floor,) = artists(axes, "floor")
  assert list(floor.get_ydata()) == [0.71] * 2
  assert [t.get_text() for t in axes.get_xticklabels()] == ["2", "20"]
  low, high = axes.get_ylim()
  assert low < 0.71
  assert high > 8


def test_lines_of_one_latent_stand_side_by_side(tmp_path):
  a = scored.write(tmp_path / "a", {"fd@aa": 1}, 3, (2, 10))
  b = scored.write(tmp_path / "b", {"fd@aa": 2}, 3, (10, 50))
  figure = against_latent(scored.scores(a, b))
  seeds = points(figure.axes[0], "seed")
  at_ten = seeds[np.abs(seeds[:, 0] - 1) < 0.3]
  assert list(at_ten[:, 1]) == [1] * 3 + [2] * 3
  assert {"a (n=3 each)", "b (n=3 each)", "real test images"} <= set(words(figure))
  assert len(artists(figure.axes[0], "line")) == 2


def test_a_failed_run_is_a_cross_at_its_figure_or_at_the_worse_edge(tmp_path):
  protocols = {"aa": scored.protocol()}
  values = {"fd@aa": [1, 2, NAN, 4, 5, 6], "coverage@aa": [0.5, 0.6, NAN, 0.7, 0.6, NAN]}
  path = scored.write(tmp_path / "w", values, 3, (2, 9), protocols=protocols, failed=(1, 2))
  figure = against_latent(scored.scores(path))
  fd, coverage = figure.axes
  assert points(fd, "failed")[:, 1].tolist() == [2]
  assert points(fd, "nowhere")[:, 1].tolist() == [0.97]
  assert points(coverage, "nowhere")[:, 1].tolist() == [0.03]
  (cross,) = artists(fd, "nowhere")
  assert cross.get_marker() == "x"
  assert cross.get_transform() == fd.get_xaxis_transform()
  assert len(points(coverage, "seed")) == 3  # the last run is done, and not scored
  said = words(figure)
  assert {"w (n=3 each, 2 failed)", "a run failed"} <= set(said)
  assert "Cross: a run that failed, at the worse edge where it has no figure." in " ".join(said)


def test_a_run_beyond_the_axis_is_a_triangle_at_its_edge(tmp_path):
  found = fd(tmp_path / "w", [5, 6, 5, 6, 5, 6e4], seeds=3, latents=(2, 10))
  found = [found[0]._replace(name="precision")]  # a score with a linear axis
  figure = against_latent(found)
  (axes,) = figure.axes
  assert axes.get_yscale() == "linear"
  (triangle,) = [a for a in artists(axes, "seed") if a.get_marker() == "^"]
  assert triangle.get_ydata() == axes.get_ylim()[1] < 20
  assert any("not shown: 1 above, up to 60,000" in text for text in words(figure))
  assert any("Triangle: beyond the axis." in text for text in words(figure))


def test_a_distance_far_above_its_floor_has_a_logarithmic_axis_and_a_fraction_never(tmp_path):
  values = {"fd@aa": [50, 60, 70, 80], "coverage@aa": [0.01, 0.02, 0.01, 0.02]}
  figure = against_latent(scored.scores(scored.write(tmp_path / "w", values, 2, (2, 10))))
  assert [axes.get_yscale() for axes in figure.axes] == ["asinh", "linear"]


@pytest.mark.parametrize("latents", [(1, 2, 3, 4, 5, 6, 8, 9, 10), (2, 10, 20, 30, 50, 75, 100)])
def test_latents_without_room_have_no_label(tmp_path, latents):
  values = dict.fromkeys([f"{name}@aa" for name in ("fd", "kd", "recall")], 1)
  figure = against_latent(scored.scores(scored.write(tmp_path / "w", values, 2, latents)))
  figure.draw_without_rendering()
  for axes in figure.axes:
    labels = [t for t in axes.get_xticklabels() if t.get_text()]
    assert {t.get_text() for t in labels} <= set(map(str, latents))
    boxes = [t.get_window_extent() for t in labels]
    assert len(boxes) > 3
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


# Settings side by side.


def test_settings_without_a_common_latent_axis_stand_side_by_side(tmp_path):
  found = fd(tmp_path / "w", [1, 2, 3], seeds=3)
  assert not score_plots.spans_latents(found)
  scored.write(tmp_path / "v", {"fd@aa": [4, 5, 6]})
  found = scored.scores(tmp_path / "w", tmp_path / "v")
  figure = by_setting(found)
  (axes,) = figure.axes
  assert [t.get_text() for t in axes.get_xticklabels()] == ["w", "v"]
  seeds = points(axes, "seed")
  np.testing.assert_array_equal(seeds[:, 1], [1, 2, 3, 4, 5, 6])
  assert np.all(np.abs(seeds[:, 0] - np.repeat([0, 1], 3)) < 0.5)
  assert not artists(axes, "line")
  np.testing.assert_allclose(points(axes, "middle")[:, 1], [2, 5])


@pytest.mark.parametrize("count", [9, 30])
def test_names_without_room_become_numbers(tmp_path, count):
  for depth in range(count):
    path = tmp_path / "study" / f"depth={depth},width=1024,critic_steps=5"
    scored.write(path, {f"{name}@aa": depth + 1 for name in ("fd", "kd", "swd")}, 2)
  figure = by_setting(scored.scores(tmp_path / "study"))
  figure.draw_without_rendering()
  assert "2 depth=1,width=1024,critic_steps=5 (n=2)" in words(figure)
  for axes in figure.axes:
    labels = [t for t in axes.get_xticklabels() if t.get_text()]
    assert labels[0].get_text() == "1"
    boxes = [t.get_window_extent() for t in labels]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


# Over training.


def test_several_evaluations_make_curves_with_a_band(tmp_path):
  values = {2: [9, 8, 7, 6], 4: [5, 4, 3, 2], 8: [1, 2, 3, NAN]}
  figure = over_training(fd(tmp_path / "w", values, seeds=4, failed=(3,)))
  (axes,) = figure.axes
  (line,) = artists(axes, "median")
  assert list(line.get_xdata()) == [2, 4, 8]
  np.testing.assert_allclose(line.get_ydata(), [7.5, 3.5, 2])
  assert len(artists(axes, "seed")) == 4
  assert len(artists(axes, "band")) == 1
  (cross,) = artists(axes, "failed")
  assert (cross.get_xdata(), cross.get_ydata()) == (4, 2)
  assert {"Frechet distance (real images: 0.71)", "w (n=4, 1 failed)"} <= set(words(figure))


def test_runs_measured_at_other_steps_are_joined_by_straight_lines(tmp_path):
  values = {4: [8, NAN], 6: [NAN, 10], 8: [4, 20]}
  (axes,) = over_training(fd(tmp_path / "w", values, seeds=2)).axes
  lines = [line.get_ydata() for line in artists(axes, "seed")]
  np.testing.assert_array_equal(lines, [[8, 6, 4], [NAN, 10, 20]])


def test_one_evaluation_is_no_curve(tmp_path):
  assert over_training(fd(tmp_path / "a", 1)) is None
  # Each run at one step, though not at the same.
  assert over_training(fd(tmp_path / "b", {4: [1, NAN, NAN], 8: [NAN, 2, 3]})) is None


# Best of k.


def test_best_of_k_is_a_line_a_setting(tmp_path):
  values = {"fd@aa": [1, 2, 3, 4, 5, NAN], "sharpness@aa": 1}
  path = scored.write(tmp_path / "w", values, 3, (2, 10), failed=(5,))
  figure = best_of(scored.scores(path))
  (axes,) = figure.axes  # sharpness has no better end
  two, ten = artists(axes, "best")
  assert list(two.get_xdata()) == [1, 2, 3]
  np.testing.assert_allclose(two.get_ydata(), [2, 4 / 3, 1])
  # One of the three failed: the best of one may be that one.
  np.testing.assert_allclose(ten.get_ydata(), [NAN, (4 + 4 + 5) / 3, 4])
  assert {"latent 2 (n=3)", "latent 10 (n=3, 1 failed)"} <= set(words(figure))
  assert best_of(scored.scores(scored.write(tmp_path / "v", {"sharpness@aa": 1}))) is None


def test_higher_may_be_better(tmp_path):
  path = scored.write(tmp_path / "w", {"recall@aa": [0.1, 0.2, 0.6]})
  (axes,) = best_of(scored.scores(path)).axes
  (line,) = artists(axes, "best")
  np.testing.assert_allclose(line.get_ydata(), [0.3, (0.2 + 0.6 + 0.6) / 3, 0.6])


# Against a loss.


def test_a_point_is_a_run_s_loss_and_score(tmp_path):
  values = {"fd@aa": [1, 2, 3, NAN], "val_loss": {4: 0, 8: [10, 30, 20, 5]}}
  found = scored.scores(scored.write(tmp_path / "w", values, 4, failed=(1,)))
  figure = against_loss(found, "val_loss")
  (axes,) = figure.axes
  assert points(axes, "run").tolist() == [[10, 1], [20, 3], [30, 2]]
  crosses = [a.get_xdata().tolist() for a in artists(axes, "run") if a.get_marker() == "x"]
  assert crosses == [[30]]
  assert axes.get_xlabel() == "loss (nats), validation"
  assert axes.get_ylim()[0] > 0.8  # no floor is drawn, and none needs room
  assert {"Spearman 0.50, n = 3, p = 1", "w (n=3, 1 failed)"} <= set(words(figure))
  assert against_loss(found, "val_swd") is None


def test_the_legend_has_only_what_is_drawn(tmp_path):
  a = scored.write(tmp_path / "a", {"fd@aa": [1, 2, 3], "val_loss": [1, 2, 3]})
  b = scored.write(tmp_path / "b", {"fd@aa": [1, 2, 3]})
  figure = against_loss(scored.scores(b, a), "val_loss")
  assert "a (n=3)" in words(figure)
  assert "b (n=3)" not in words(figure)
  # And the colour that it has beside the other.
  assert artists(figure.axes[0], "run")[0].get_color() == plots.PALETTE[1]


# All of them.


def everything(folder):
  """Scores of many sizes, with failures, outliers and runs that are not scored."""
  rng = np.random.default_rng(0)
  paths = []
  for name, scale in (("vae", 1), ("wgan", 300)):
    steps = {step: scale * rng.lognormal(size=12) for step in (2, 4, 8)}
    steps[4][[1, 5]] = NAN
    steps[8][1] = NAN
    values = {f"{score}@aa": steps for score in ("fd", "coverage", "modes", "path_length")}
    values |= {"val_loss": steps, "sharpness@aa": {8: np.full(12, NAN)}, "distinct@aa": np.inf}
    paths.append(scored.write(folder / name, values, 4, (2, 10, 50), failed=(1, 7)))
  return scored.scores(*paths)


MAKERS = {
  "latent": against_latent,
  "setting": by_setting,
  "steps": over_training,
  "best": best_of,
  "loss": lambda found, title: against_loss(found, "val_loss", title),
}


@pytest.mark.parametrize("name", MAKERS)
def test_no_text_leaves_the_figure_and_no_panel_another(tmp_path, name):
  figure = MAKERS[name](everything(tmp_path), "A title of many words, which is long. " * 5)
  figure.draw_without_rendering()
  texts = [*figure.texts, *figure.legends[0].get_texts()]
  for axes in figure.axes:
    for limits, labels, i in (
      (axes.get_xlim(), axes.get_xticklabels(), 0),
      (axes.get_ylim(), axes.get_yticklabels(), 1),
    ):
      texts += [t for t in labels if limits[0] <= t.get_position()[i] <= limits[1]]
  for text in (t for t in texts if t.get_text()):
    box = text.get_window_extent()
    assert box.x0 >= 0, text
    assert box.y0 >= 0, text
    assert box.x1 <= figure.bbox.x1, text
    assert box.y1 <= figure.bbox.y1, text
  boxes = [axes.get_position() for axes in figure.axes]
  assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


@pytest.mark.parametrize("name", MAKERS)
def test_same_figure_same_bytes_whatever_the_users_settings(tmp_path, name):
  found = everything(tmp_path)[:2]
  figures.assert_same_bytes(lambda: MAKERS[name](found, "A"), tmp_path)


def test_a_part_keeps_the_colours_of_the_whole(tmp_path):
  found = everything(tmp_path)
  part = [found[0]._replace(**{
    field: getattr(found[0], field)[12:] for field in ("runs", "values", "steps", "floors")
  })]  # fmt: skip
  for make, color in ((against_latent, 1), (by_setting, 3), (best_of, 3), (over_training, 3)):
    (axes,) = make(part, "", found).axes
    line = next(a for gid in ("middle", "best", "median") for a in artists(axes, gid))
    assert line.get_color() == plots.PALETTE[color], make
