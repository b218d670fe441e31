"""Which runs a command line means."""

import json
import shutil

import jax
import numpy as np
import pytest
import toys

import genjax
from genjax.analysis import selection
from genjax.training import config_file, loading
from genjax.types import UserError


def test_all_runs_of_a_workdir(vae):
  path, plan = vae
  (chosen,) = selection.read([path])
  assert chosen.index == tuple(range(len(plan.rows)))
  assert chosen.numbers == plan.rows
  assert [label.seed for label in chosen.labels] == [row["seed"] for row in plan.rows]
  assert chosen.labels[0].setting == "latent 2, learning rate 0.001"


def test_runs_by_place_and_by_their_numbers(vae):
  (both,) = selection.read([vae[0]], ["3", "0"])
  assert both.index == (0, 3)
  (chosen,) = selection.read([vae[0]], ["latent=3", "seed=1"])
  assert all(row["latent"] == 3 and row["seed"] == 1 for row in chosen.numbers)
  assert len(chosen.index) == 2  # a learning rate each
  (either,) = selection.read([vae[0]], ["latent=2", "latent=3", "seed=1"])
  assert len(either.index) == 4
  assert selection.read([vae[0]], ["seed=1", "0", "1"])[0].index == (1,)


def test_rows_are_those_of_the_runs_alone(vae):
  (chosen,) = selection.read([vae[0]], ["1", "6"], weights="last")
  alone = [genjax.load(vae[0], weights="last")[i] for i in (1, 6)]
  z = jax.numpy.ones((2, 3))
  together = chosen.vectorised(lambda row, z: chosen.model.generate(*row, z))(chosen.rows, z)
  for run, images in zip(alone, together, strict=True):
    same = run.generate(z[:, : run.numbers["latent"]])
    np.testing.assert_allclose(images, same, atol=1e-6)
  assert [run.numbers for run in toys.loaded(chosen)] == [run.numbers for run in alone]


def test_one_run_of_each_setting(vae):
  (every,) = selection.read([vae[0]])
  chosen = selection.one_of_each_setting(every)
  settings = [label.setting for label in chosen.labels]
  assert settings == list(dict.fromkeys(label.setting for label in every.labels))
  sound = {label.setting for label in every.labels if label.failed_at < 0}
  assert all(one.failed_at < 0 for one in chosen.labels if one.setting in sound)


def test_runs_for_figures(vae):
  found = selection.read([vae[0]])
  shown, lines = selection.for_figures([*found, *found], False, 5)
  assert [len(one.index) for one in shown] == [4, 1]
  assert lines == ["figures show 5 of 8 runs; --runs chooses others"]
  shown, lines = selection.for_figures(found, True, 8)
  assert (shown, lines) == (found, [])


def test_several_workdirs_and_a_study(vae, tmp_path):
  for name in ("width=8", "width=16"):
    shutil.copytree(vae[0], tmp_path / "study" / name)
  (tmp_path / "study" / "width=32").mkdir()  # begun, and without a checkpoint
  shutil.copy(vae[0] / "config.json", tmp_path / "study" / "width=32")
  same = f"{vae[0]}/../{vae[0].name}"
  found = selection.read([tmp_path / "study", vae[0], vae[0], same], ["seed=0"])
  assert [one.name for one in found] == ["width=8", "width=16", vae[0].name]
  assert found[0].labels[0].setting.startswith("width=8 latent 2")


def test_runs_that_failed_without_weights_are_lost(vae):
  (chosen,) = selection.read([vae[0]], ["0", "1"])
  labels = [label._replace(failed_at=5) for label in chosen.labels]
  (last,) = selection.read([vae[0]], ["0", "1"], "last")
  assert not chosen.lost.any()
  assert not chosen._replace(labels=labels).lost.any()  # best weights are from before
  assert last._replace(labels=labels).lost.all()
  failed, steps = np.array([True, True, False]), np.array([0, 5, 0])
  assert loading.lost(failed, steps, "best").tolist() == [True, False, False]


def test_figures_of_runs_are_computed_in_full_float32(vae):
  (chosen,) = selection.read([vae[0]], ["0"])
  program = chosen.vectorised(lambda row, x: x @ x).lower(chosen.rows, jax.numpy.ones((3, 3)))
  assert "[HIGHEST, HIGHEST]" in program.as_text()


@pytest.mark.parametrize(
  ("wanted", "line"),
  [
    (["latent=5"], "no run matches; there are runs 0 to 7, with seed 0 or 1 and latent 2 or 3"),
    (["9"], "no run matches"),
    (["0", "9"], "--runs=0,9: there is no 9; there are runs 0 to 7, with seed 0 or 1 and latent"),
    (["latent=2", "latent=5"], "there is no latent=5; there are runs 0 to 7"),
    (["width=5"], "which runs do not have; they have seed, latent"),
    (["first"], "expected rows of runs.csv, as 0,3"),
    (["latent=x"], "--runs has 'latent=x'"),
  ],
)
def test_runs_that_there_are_not(vae, wanted, line):
  with pytest.raises(UserError, match=line):
    selection.read([vae[0]], wanted)


def test_wrong_paths(tmp_path):
  with pytest.raises(UserError, match="is not a folder; expected a workdir"):
    selection.read([tmp_path / "none"])
  with pytest.raises(UserError, match="is not a genjax workdir"):
    selection.read([tmp_path])


def test_a_study_without_a_checkpoint(vae, tmp_path):
  (tmp_path / "width=8").mkdir()
  shutil.copy(vae[0] / "config.json", tmp_path / "width=8")
  with pytest.raises(UserError, match="no cell has a checkpoint yet"):
    selection.read([tmp_path])
  with pytest.raises(UserError, match="no checkpoint yet"):
    selection.read([tmp_path / "width=8"])


@pytest.mark.parametrize(
  ("change", "line"),
  [
    (lambda record: record | {"format": 7}, r"genjax 0\.0\.9 in format 7, .* reads format 2"),
    (
      lambda record: record | {"config": record["config"] | {"novelty": 1}},
      r"unknown key config\.novelty.*genjax 0\.0\.9 wrote and reads it",
    ),
  ],
)
def test_a_workdir_of_another_version(vae, tmp_path, change, line):
  path = shutil.copytree(vae[0], tmp_path / "old")
  record = json.loads((path / "config.json").read_text())
  record["versions"]["genjax"] = "0.0.9"
  (path / "config.json").write_text(json.dumps(change(record)))
  with pytest.raises(UserError, match=line):
    selection.read([path])


def _as_format_1(path, network="dense"):
  """Takes from a workdir's config.json what format 1 had not."""
  record = json.loads((path / "config.json").read_text())
  added = ("reconstruction", "initialiser", "optimiser_rule")
  for part in ("model", "grid"):
    record["config"][part] = {k: v for k, v in record["config"][part].items() if k not in added}
  record["config"]["model"]["network"] = network
  del record["format"]
  (path / "config.json").write_text(json.dumps(record))


def test_a_workdir_of_format_1_is_read_as_what_it_was(vae, tmp_path):
  path = shutil.copytree(vae[0], tmp_path / "old")
  _as_format_1(path)
  (chosen,) = selection.read([path])
  model = chosen.saved.config.model
  assert (model.initialiser, model.optimiser_rule) == ("lecun_normal", "optax")
  assert model.reconstruction == "sum"
  images = [
    run.generate(run.noise(3)) for where in (path, vae[0]) for run in loading.load(where)[:1]
  ]
  np.testing.assert_array_equal(*images)
  # Whoever starts its command again is told what it would mean today.
  with pytest.raises(UserError, match=r"model\.initialiser is 'report', was 'lecun_normal'"):
    config_file.compare(path, {"config": vae[1].config.to_dict(), "dataset": vae[1].facts()})


def test_an_lstm_of_format_1_is_refused(vae, tmp_path):
  path = shutil.copytree(vae[0], tmp_path / "old")
  _as_format_1(path, "s3_vae")
  with pytest.raises(UserError, match=r"has weights of an LSTM as genjax .* use that version"):
    selection.read([path])
  record = config_file.read_config(path)  # of which nothing else is lost
  assert record["config"]["model"]["network"] == "s3_vae"
  with pytest.raises(UserError, match="has weights of an LSTM"):
    config_file.compare(path, {"config": record["config"], "dataset": record["dataset"]})


def test_a_gan_of_format_1_has_flax_s_defaults(tmp_path):
  model = {"name": "gan", "network": "s1_wgan"}
  record = {"config": {"model": model, "grid": {"width": [8]}}, "dataset": {}}
  (tmp_path / "config.json").write_text(json.dumps(record))
  found = config_file.read_config(tmp_path)["config"]
  assert found["model"] == model | {
    "initialiser": "lecun_normal",
    "batch_norm": "torch",
    "optimiser_rule": "optax",
    "clipped": "weights",
    "clip_first": False,
    "half_batches": False,
    "critic_warmup": 0,
    "label_noise": 0.0,
    "spectral_norm": False,
    "shared_images": False,
    "precision": "float32",
  }
  assert found["grid"].pop("width") == [8]
  assert set(found["grid"]) == set(found["model"]) - set(model)
  assert not any(found["grid"].values())
