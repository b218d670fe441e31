"""Which figures a report has, and what is said of them."""

import shutil

import numpy as np

from genjax.analysis import selection
from genjax.plotting import histories, plots
from genjax.reporting import charts


def test_a_workdir_has_its_figures_with_numbers_in_words(vae):
  made = charts.context(selection.read([vae[0]]))
  ((name, figures),) = made["groups"]
  assert name == ""
  titles = [title for title, _ in figures]
  assert titles == ["Training", "On validation images", "KL of each latent dimension"]
  assert "latent 2, learning rate 0.001 median from" in figures[0][1].alt
  assert "nats" in figures[2][1].alt
  assert figures[0][1].width == 900


def test_more_settings_than_a_figure_can_bear_have_one_a_workdir(vae, tmp_path, monkeypatch):
  monkeypatch.setattr(charts, "SETTINGS", 7)
  monkeypatch.setattr(charts, "FIGURES", 1)
  for name in ("a", "b"):
    shutil.copytree(vae[0], tmp_path / name)
  made = charts.context(selection.read([tmp_path / "a", tmp_path / "b"]))
  assert [name for name, _ in made["groups"]] == ["a"]
  assert made["left_out"] == ["b"]


def test_figures_are_drawn_and_not_taken_from_a_folder(vae, tmp_path):
  path = shutil.copytree(vae[0], tmp_path / "vae")
  for drawn in (path / "plots").iterdir():
    drawn.write_bytes(b"of another day")
  groups = [charts.context(selection.read([one]))["groups"] for one in (vae[0], path)]
  assert groups[0] == groups[1]


def test_dimensions_in_words():
  labels = [plots.RunLabel(seed, "latent 2", -1) for seed in range(3)]
  values = np.array([[2, 0.05, np.nan], [3, 0.01, np.nan], [4, 1, np.nan]])
  assert histories._described_dimensions(values, labels) == (
    "KL of each latent dimension in nats: latent 2 median total 3.01 nats, 1 dimensions above 0.1."
  )
