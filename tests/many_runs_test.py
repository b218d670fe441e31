"""A thousand runs: nothing that is drawn, printed or written outgrows what a person can read."""

import numpy as np
import scored
import trainings

from genjax.analysis import comparison, findings, measures, setting_tables
from genjax.metrics import statistics
from genjax.plotting import thinning
from genjax.plotting.tables import Block, Column, Table
from genjax.reporting import page
from genjax.training import metrics_file, train

LATENTS = tuple(range(1, 501))


def thousand(path, **protocols):
  """500 settings of two runs, of which later settings are better."""
  figures = {"fd@aa": np.repeat(np.arange(600.0, 100, -1), 2)}
  return scored.write(path, figures, 2, LATENTS, **protocols)


def test_of_many_settings_the_answer_shows_the_best_and_compares_none(tmp_path):
  found = findings.decide(scored.found(thousand(tmp_path / "w")))
  (block,) = setting_tables.overview(found, "Title").blocks
  names = [row[0] for row in block.rows]
  assert names == [*(f"latent {z}" for z in LATENTS[-setting_tables.MOST :]), "real test images"]
  assert "100 of 500 settings: the best by FD; compare writes all" in block.notes
  said = "500 settings make 124,750 pairs, and none is compared; --contrasts chooses some"
  assert findings.of(found, "pairs.csv") == [said]
  chosen = found[0]._replace(contrasts=(("latent 1", "latent 2"),))
  assert len(chosen.compared) == 1
  assert not chosen.too_many


def test_all_pairs_are_compared_while_they_are_few():
  settings = {str(i): measures.Setting({0: measures.Value(float(i))}, "w", i) for i in range(3)}
  few = measures.Measure("fd", "FD", "lower", settings)
  assert not few.too_many
  assert len(few.compared) == 3


def test_figures_of_a_comparison_have_as_many_settings_as_can_be_told_apart(tmp_path, monkeypatch):
  # What is drawn is asked here, and intervals take their time.
  monkeypatch.setattr(statistics, "RESAMPLES", 99)
  measures._summary.cache_clear()
  scores = scored.scores(thousand(tmp_path / "w"))
  drawn = {name: figure for name, figure in comparison._figures(scores) if figure}
  measures._summary.cache_clear()
  legends = {name: f.legends[0].get_texts() for name, f in drawn.items() if f.legends}
  assert len(legends["best-features-aa"]) == thinning.SETTINGS + 1  # real images
  said = {name: " ".join(t.get_text() for t in figure.texts) for name, figure in drawn.items()}
  assert "32 of 500 settings" in said["best-features-aa"]
  assert "32 of" not in said["latent-features-aa"]  # one line through all of them


def test_the_best_of_k_of_a_thousand_runs():
  values = np.random.default_rng(0).normal(size=1000)
  assert statistics.best_of(values, 1000) == values.min()
  np.testing.assert_allclose(statistics.best_of(values, 1), values.mean())
  draws = np.random.default_rng(1).permuted(np.tile(values, (2000, 1)), axis=1)[:, :30].min(1)
  found = statistics.best_of(values, 30)
  assert abs(found - draws.mean()) < 4 * draws.std() / np.sqrt(2000)


def test_a_table_of_a_page_ends_after_some_rows():
  rows = [(f"latent {i}", i) for i in range(1000)]
  columns = Column("setting", "setting", "text"), Column("n", "n", "count")
  (grid,) = page.grids(Table(columns, [Block("Title", {}, rows, ("before",))]))
  assert len(grid.rows) == page.ROWS
  assert grid.notes == ["before", f"{1000 - page.ROWS} more rows have no room here"]


def test_tensorboard_has_some_runs_and_metrics_csv_has_all(tmp_path):
  names = [f"seed {seed}" for seed in range(1000)]
  history = metrics_file.History(tmp_path, names, [""] * 1000, 0)
  history.add(1, {"loss": np.arange(1000.0)})
  history.close()
  folders = {folder.name for folder in (tmp_path / "tensorboard").iterdir()}
  assert folders == set(names[: thinning.LINES])
  assert len(list(metrics_file.read_rows(tmp_path / "metrics.csv"))) == 1000


def test_a_gallery_of_many_runs_shows_some(tmp_path, monkeypatch):
  drawn = []
  monkeypatch.setattr(thinning, "ROWS", 4)
  monkeypatch.setattr(train.pictures, "gallery", lambda *asked: drawn.append(asked))
  monkeypatch.setattr(train.pictures, "save", lambda *_: None)
  many = trainings.plan(**{"sweep.seeds": (0, 1, 2), "sweep.latents": (2, 3)})
  training = train.Training(many, tmp_path)
  training._draw_gallery(training.progress.state, "last.png")
  training.history.close()
  ((images, steps, labels, _, runs),) = drawn
  assert [(label.setting, label.seed) for label in labels] == [
    (f"latent {z}", seed) for z in (2, 3) for seed in (0, 1)
  ]
  assert (len(images), len(steps), runs) == (4, 4, 6)
  states = training.progress.state._replace(opt_state={})
  every = training.programs.gallery((training.runs, states))
  np.testing.assert_array_equal(images, np.asarray(every)[[0, 1, 3, 4]])
