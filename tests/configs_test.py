"""Every file of configs/: right as it stands, and trained for two chunks when made small."""

import pathlib
import runpy

import jax
import jax.numpy as jnp
import pytest
import trainings

import genjax
from genjax import config, train

FILES = sorted((pathlib.Path(__file__).parents[1] / "configs").glob("*.py"))
SMALL = {"data.name": "digits", "data.validation": 0.1, "batch_size": 16, "model.width": 8}
SMALL |= {"steps": 4, "epochs": 0.0, "log_every": 2, "eval_every": 4, "sample_columns": 3}


def _config(file):
  return runpy.run_path(str(file))["get_config"]()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_config_is_right_and_trains(file, tmp_path, caches):
  wanted = _config(file)
  config.check(wanted)
  wanted.update_from_flattened_dict(SMALL)
  wanted.sweep.seeds = wanted.sweep.seeds[:1]
  config.check(wanted)
  plan = train.plan(wanted, train.load_data(wanted))
  train.train(plan, tmp_path)
  runs = trainings.runs_csv(tmp_path)
  assert [row["status"] for row in runs] == ["done"] * len(plan.rows)
  assert {int(row["step"]) for row in trainings.metrics_csv(tmp_path)} == {2, 4}
  for run in genjax.load(tmp_path):
    z = jnp.ones((2, run.numbers["latent"]))
    assert jax.jit(run.generate)(z, jnp.array([1, 2])).shape == (2, 28, 28, 1)


def test_names_are_model_and_dataset():
  assert len(FILES) >= 6
  for file in FILES:
    model, dataset = file.stem.rsplit("_", 1)
    wanted = _config(file)
    assert wanted.data.name == dataset
    assert wanted.model.name == ("vae" if model == "vae" else "gan")


def test_validation_part_smaller_than_asked(tmp_path, caches):
  """75 images are held out, and fewer than a whole batch of the 1,000 asked for."""
  plan = trainings.plan("vae", **{"data.validation": 0.05, "eval_images": 1000})
  train.train(plan, tmp_path)
  assert trainings.metric(tmp_path, "val_loss")[0].keys() == {6, 12}
