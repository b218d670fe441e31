"""Measures of runs that were read from files or loaded."""

import math

import numpy as np
import scored

from genjax.analysis import measures, selection, workdirs

NAN = math.nan


def test_scores_by_setting_and_seed(tmp_path):
  path = scored.write(tmp_path / "w", {"fd@aa": [1, NAN, 3, NAN, NAN]}, 5, failed=(1,))
  scored.append(path, "fd@aa", {3: NAN})
  (measure,) = scored.found(path)
  assert (measure.name, measure.better, measure.headline) == ("fd", "lower", "FD")
  assert measure.heading == ("Frechet distance, lower is better; fd@aa, features mnist-0-3fa91c77")
  ((name, setting),) = measure.settings.items()
  assert (name, setting.workdir, setting.latent, setting.floor) == ("w", "w", 10, 0.71)
  seeds = setting.runs
  assert [(run.value, run.status, run.step) for run in (seeds[0], seeds[2])] == [
    (1, "done", 8),
    (3, "done", 8),
  ]
  assert [run.known for run in seeds.values()] == [True, True, True, True, False]
  assert [run.failed for run in seeds.values()] == [False, True, False, True, False]
  assert [run.measured for run in seeds.values()] == [True, False, True, True, False]
  assert [run.step for run in seeds.values()][2:] == [8, 8, -1]
  assert list(setting.known) == [0, 1, 2, 3]  # the failed one, and what came out as NaN, as well
  assert np.isnan([setting.known[1], setting.known[3]]).all()


def test_what_has_no_better_end_says_none(tmp_path):
  measure, mine = scored.found(scored.write(tmp_path / "w", {"sharpness@aa": 1, "mine@aa": 2}))
  assert measure.heading == "sharpness; sharpness@aa, features mnist-0-3fa91c77"
  assert (mine.title, mine.better, mine.headline) == ("mine", "", "")
  assert mine.settings["w"].limits == (-math.inf, math.inf)


def test_validation_figures_of_the_last_step(tmp_path):
  figures = {"val_loss": {6: 9, 12: [1, 2, 3, 4, 6, 8]}, "val_kl": {12: 0.5}, "loss": {12: 7}}
  path = scored.write(tmp_path / "a", figures, latents=(2, 10), failed=(5,))
  loss, kl = measures.of_validation(workdirs.read([path]))
  assert [loss.title, kl.title] == ["loss (nats), validation", "KL (nats), validation"]
  assert loss.known["latent 2"] == {0: 1, 1: 2, 2: 3}
  ten = loss.known["latent 10"]
  assert (ten[0], ten[1]) == (4, 6)
  assert math.isnan(ten[2])  # the failed run's 8 is no figure of a trained one


def test_figures_of_loaded_runs(vae):
  (chosen,) = selection.read([vae[0]], ["latent=3"])
  values = np.arange(len(chosen.index), dtype=float)
  toy = chosen._replace(labels=[_failed(chosen.labels[0]), *chosen.labels[1:]])
  measure = measures.of_selections(
    "mse", "error", "lower", [(toy, values)], (0.0, 1.0), about={"a": "b"}
  )
  runs = [run for setting in measure.settings.values() for run in setting.runs.values()]
  assert sorted(run.value for run in runs) == values.tolist()
  assert [run.failed for run in runs].count(True) == 1
  assert {run.step for run in runs} == set(chosen.steps.tolist())
  assert {setting.latent for setting in measure.settings.values()} == {3}


def _failed(label):
  return label._replace(failed_at=3)
