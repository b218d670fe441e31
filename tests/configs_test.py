"""Every file of configs/: right as it stands, and trained for two chunks when made small."""

import pathlib
import runpy

import jax
import jax.numpy as jnp
import pytest
import trainings

import genjax
from genjax import config, models, train, workdir

FILES = sorted((pathlib.Path(__file__).parents[1] / "configs").glob("*.py"))


def _config(file, variant=""):
  return runpy.run_path(str(file))["get_config"](variant)


def _variants(file):
  return runpy.run_path(str(file))["VARIANTS"]


NAMED = [(file, variant) for file in FILES for variant in _variants(file)]


@pytest.mark.parametrize(("file", "variant"), NAMED, ids=lambda x: getattr(x, "stem", x))
def test_every_variant_and_its_cells_are_right_and_can_be_built(file, variant):
  wanted = _config(file, variant)
  config.check(wanted)
  shape = SHAPES[wanted.data.name]
  for _, cell in config.cells(wanted):
    config.check(cell)
    models.build(cell.model.to_dict(), shape, 10, max(cell.sweep.latents))
  assert ("study" in variant) == (wanted.sweep.seeds == tuple(range(10)))


SHAPES = {"mnist": (28, 28, 1), "digits": (28, 28, 1), "cifar10": (32, 32, 3)}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_smoke_variant_trains(file, tmp_path, caches):
  """Two chunks, two validations, and every run can be loaded."""
  wanted = _config(file, "smoke")
  config.check(wanted)
  ((_, cell),) = config.cells(wanted)
  plan = train.plan(cell, train.load_data(cell))
  train.study({"": plan}, tmp_path)
  runs = trainings.runs_csv(tmp_path)
  assert [row["status"] for row in runs] == ["done"] * len(plan.rows)
  assert {int(row["step"]) for row in trainings.metrics_csv(tmp_path)} == {2, 4}
  for run in genjax.load(tmp_path):
    z = jnp.ones((2, run.numbers["latent"]))
    images = jax.jit(run.generate)(z, jnp.array([1, 2]))
    assert images.shape == (2, *SHAPES["cifar10" if "cifar10" in file.stem else "digits"])


def test_a_study_goes_on_where_it_stopped(tmp_path, caches, monkeypatch, capsys):
  wanted = _config(FILES[0].with_name("vae_mnist.py"), "s0_study,smoke")
  splits = train.load_data(wanted)
  plans = {folder: train.plan(cell, splits) for folder, cell in config.cells(wanted)}
  plans = {folder: plans[folder] for folder in ("depth=2", "depth=4", "depth=8")}
  begun = []

  def killed(plan, path, title=""):
    begun.append((path.name, title.split(", all left")[0]))
    if len(begun) == 2:
      raise KeyboardInterrupt
    whole(plan, path, title)

  whole = train.train
  monkeypatch.setattr(train, "train", killed)
  with pytest.raises(KeyboardInterrupt):
    train.study(plans, tmp_path)
  train.study(plans, tmp_path)
  assert begun == [
    ("depth=2", "depth=2, 1 of 3"),
    ("depth=4", "depth=4, 2 of 3"),
    ("depth=4", "depth=4, 2 of 3"),
    ("depth=8", "depth=8, 3 of 3"),
  ]
  assert "1 of 3 cells were done before" in capsys.readouterr().out
  assert len(trainings.runs_csv(tmp_path / "depth=4")) == 4  # latents 2 and 8
  assert all(workdir.finished(tmp_path / folder) for folder in plans)


def test_names_are_model_and_dataset():
  assert len(FILES) >= 10
  for file in FILES:
    model, dataset = file.stem.rsplit("_", 1)
    for variant in _variants(file):
      wanted = _config(file, variant)
      assert wanted.data.name == dataset
      assert wanted.model.name == ("vae" if model == "vae" else "gan")


def test_validation_part_smaller_than_asked(tmp_path, caches):
  """75 images are held out, and fewer than a whole batch of the 1,000 asked for."""
  plan = trainings.plan("vae", **{"data.validation": 0.05, "eval_images": 1000})
  train.train(plan, tmp_path)
  assert trainings.metric(tmp_path, "val_loss")[0].keys() == {6, 12}
