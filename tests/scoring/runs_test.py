"""The runs of a workdir are scored: each as if it were alone, and nothing twice."""

import re
import shutil

import growing
import jax
import numpy as np
import pytest
import trainings

from genjax import data
from genjax.metrics import likelihood, pixels
from genjax.rng import latent_noise
from genjax.scoring import (
  classifier,
  protocols,
  score_files,
  trained_scores,
  watch,
)
from genjax.scoring import runs as scored_runs
from genjax.scoring.protocols import Settings
from genjax.training import loading, train, workdir
from genjax.types import UserError

SMALL = Settings(images=200, nll_images=20, nll_samples=30)
VAE = ("fd", "coverage", "path_length", "swd", "elbo", "nll", "active_units")
GAN = ("label_agreement", "cas", "jsd", "critic_gap", "critic_gap_scaled", "critic_gap_real")
CONDITIONAL = {"model.network": "s4_cgan", "sweep.ema_decay": (0.9,), "steps": 3, "eval_every": 3}
CONDITIONAL |= {"sweep.seeds": (0,)}


@pytest.fixture(autouse=True)
def quick(monkeypatch):
  monkeypatch.setattr(trained_scores, "DISCRIMINATOR_STEPS", 3)
  monkeypatch.setattr(trained_scores, "STUDENT_STEPS", 3)


@pytest.fixture(scope="module")
def gan(caches, tmp_path_factory):
  path = tmp_path_factory.mktemp("gan")
  with growing.no_pictures():
    train.train(trainings.plan("gan", **CONDITIONAL), path)
  return path


def _copy(source, target):
  shutil.copytree(source, target / "copy")
  return target / "copy"


def _wanted(names, weights=("best",), settings=SMALL, networks=1, features=""):
  return scored_runs.Wanted(weights, names, settings, networks, features)


def _values(path, name):
  """run -> figure; of one protocol."""
  return {place.run: x for place, x in score_files.read(path).items() if place.name == name}


def said(path, names):
  lines = []
  scored_runs.score_all([path], _wanted(names), lines.append)
  return lines


def test_all_runs_are_scored_once(vae, tmp_path):
  path = _copy(vae[0], tmp_path)
  runs = len(vae[1].rows)
  assert scored_runs.score(path, _wanted(VAE))[0] == runs * (len(VAE) + 1)
  first = score_files.read(path)
  assert {place.name for place in first} == {
    *VAE,
    "nll_ess",
  }  # of its weights
  assert all(np.isfinite(value) for value in first.values())
  best = [int(row["best_step"]) for row in trainings.runs_csv(path)]
  assert all(place.step == best[place.run] for place in first)
  noted = workdir.read_protocols(path)
  assert {place.protocol for place in first} == set(noted)
  floors = {name: value for one in noted.values() for name, value in one["floor"].items()}
  assert floors.keys() == {"fd", "coverage", "swd"}  # what real images have, too
  assert all(floors["fd"] < value for value in _values(path, "fd").values())

  assert (path / "samples" / "nearest-best.png").exists()

  assert scored_runs.score(path, _wanted(VAE))[0] == 0
  assert score_files.read(path) == first


@pytest.mark.parametrize("network", ["dense", "s1_gan"])
def test_the_scaled_gap_is_in_units_of_pixels(caches, tmp_path, network):
  """By gradients of what [0, 1] images score, whether a network's are a tanh's or a sigmoid's."""
  changes = {"model.network": network, "sweep.seeds": (0,), "sweep.latents": (3,)}
  trainings.untrained(tmp_path, trainings.plan("gan", **changes))
  scored_runs.score(tmp_path, _wanted(("critic_gap", "critic_gap_scaled"), ("last",)))
  gap, scaled = (_values(tmp_path, n)[0] for n in ("critic_gap", "critic_gap_scaled"))
  (run,) = loading.load(tmp_path, "last")
  real = data.load("digits").test.image[:100] / np.float32(255)
  t = np.random.default_rng(0).uniform(size=(100, 1, 1, 1)).astype(np.float32)
  mixed = t * real + (1 - t) * run.generate(run.noise(100))
  slopes = jax.grad(lambda x: run.score(x).sum())(mixed)
  norm = np.sqrt((slopes**2).sum((1, 2, 3))).mean()
  np.testing.assert_allclose(gap / scaled, norm, rtol=0.1)  # of other images


def test_only_what_is_missing_is_computed(vae, tmp_path):
  path = _copy(vae[0], tmp_path)
  scored_runs.score(path, _wanted(("fd", "swd")))
  whole = score_files.read(path)
  picture = (path / "samples" / "nearest-best.png").read_bytes()
  lines = (path / "metrics.csv").read_text().splitlines(keepends=True)
  lost = [line for line in lines if ",1,fd@" in line or ",2,swd@" in line]
  assert len(lost) == 2
  (path / "metrics.csv").write_text("".join(line for line in lines if line not in lost))
  assert scored_runs.score(path, _wanted(("fd", "swd")))[0] == 2
  again = score_files.read(path)
  assert again.keys() == whole.keys()
  np.testing.assert_allclose([again[p] for p in whole], list(whole.values()), rtol=1e-4)
  # Not of run 1 alone, whose features were measured again.
  assert (path / "samples" / "nearest-best.png").read_bytes() == picture


def test_a_run_scores_as_alone(vae, tmp_path, monkeypatch):
  path, other = _copy(vae[0], tmp_path / "a"), _copy(vae[0], tmp_path / "b")
  names = ("fd", "nll", "path_length")
  monkeypatch.setattr(scored_runs, "_at_once", lambda runs: 2)
  scored_runs.score(path, _wanted(names))
  monkeypatch.setattr(scored_runs, "_at_once", lambda runs: 1)
  scored_runs.score(other, _wanted(names))
  together, alone = score_files.read(path), score_files.read(other)
  assert together.keys() == alone.keys()
  np.testing.assert_allclose([together[place] for place in alone], list(alone.values()), rtol=1e-3)


def test_scores_are_those_of_the_loaded_run(vae, tmp_path):
  """By another way: the images of `LoadedRun`, and a density in numpy."""
  path = _copy(vae[0], tmp_path)
  scored_runs.score(path, _wanted(("sharpness", "kl", "kl_dim")))
  run, test = loading.load(path)[1], vae[1].splits.test
  latent = run.numbers["latent"]
  z = latent_noise(protocols.key_of(0, 0), (200, 3))[:, :latent]
  images = np.round(np.asarray(run.generate(z)) * 255) / 255
  sharpness = np.mean(pixels.sharpness(images))
  np.testing.assert_allclose(_values(path, "sharpness")[1], sharpness, rtol=1e-3)
  binary = likelihood.binarise(protocols.key_of(0, 6), test.image[:20])
  mean, logvar = map(np.asarray, run.encode(binary))
  kl = (mean**2 + np.exp(logvar) - 1 - logvar).mean(0) / 2
  np.testing.assert_allclose(_values(path, "kl")[1], kl.sum(), rtol=1e-4)
  assert latent == 2
  np.testing.assert_allclose([_values(path, f"kl_dim/{i}")[1] for i in (0, 1)], kl, rtol=1e-4)
  assert set(_values(path, "kl_dim/2")) == {
    i for i, row in enumerate(vae[1].rows) if row["latent"] == 3
  }


def test_a_conditional_gan(gan, tmp_path):
  path = _copy(gan, tmp_path)
  assert scored_runs.score(path, _wanted(GAN, ("last", "raw")))[0] == 2 * len(GAN) * 2
  noted = workdir.read_protocols(path)
  floors = {}
  for one in noted.values():
    floors |= one["floor"]
  assert floors["label_agreement"] > 0.5  # real images are what they are said to be
  assert {one["weights"] for one in noted.values()} == {"last", "raw"}
  by_weights = {
    weights: [
      value
      for place, value in score_files.read(path).items()
      if place.name == "critic_gap" and noted[place.protocol]["weights"] == weights
    ]
    for weights in ("last", "raw")
  }
  assert by_weights["last"] != by_weights["raw"]  # averaging changes the images


def test_what_is_slow_is_left_out_unless_it_is_asked_for(vae, tmp_path):
  path = _copy(vae[0], tmp_path)
  *_, last = said(path, ())
  assert last == (
    "skipped as slow: emd_features (an assignment of thousands of images), emd (an "
    "assignment of thousands of images), jsd (a network trained for each run), nll (thousands of "
    "latents an image), nll_ess (thousands of latents an image); --metrics=all computes them too"
  )
  names = {place.name.partition("/")[0] for place in score_files.read(path)}
  had = {n for n in scored_runs.SCORES if protocols.fits(n, vae[1].model)}
  assert names == had - {"emd_features", "emd", "jsd", "nll", "nll_ess", "fd_infinity"}
  assert said(path, ("nll",)) == [f"{path}: {2 * len(vae[1].rows)} scores computed"]
  assert said(path, ()) == [f"{path}: all scores already computed"]
  file = path / "metrics.csv"
  lost = [line for line in file.read_text().splitlines(keepends=True) if ",swd@" not in line]
  file.write_text("".join(lost))
  *_, last = said(path, ())
  assert "skipped as slow: emd_features" in last
  assert "nll" not in last  # it is there now


def test_all_scores_of_a_model_and_three_networks(vae, tmp_path):
  path = _copy(vae[0], tmp_path)
  names = [n for n, s in scored_runs.SCORES.items() if protocols.fits(n, vae[1].model)]
  names.remove("fd_infinity")  # of 200 images with 128 features nothing can be extrapolated
  of_network = [n for n in names if scored_runs.SCORES[n].group == "features"]
  count = len(names) + 2 * len(of_network)
  dimensions = sum(row["latent"] for row in vae[1].rows)  # each has a KL
  expected = (count - 1) * len(vae[1].rows) + dimensions
  assert scored_runs.score(path, _wanted(("all",), networks=3))[:2] == (expected, [])
  networks = {one.get("features") for one in workdir.read_protocols(path).values()}
  assert len(networks - {None}) == 3


def test_a_network_of_the_users(vae, tmp_path, monkeypatch):
  (tmp_path / "mine.py").write_text(
    "def pixels(images):\n  return images.reshape(len(images), -1)[:, 100:140]\n"
    "def wrong(images):\n  return images\n"
  )
  monkeypatch.syspath_prepend(tmp_path)
  path = _copy(vae[0], tmp_path)
  assert scored_runs.score(path, _wanted(("fd",), features="mine:pixels"))[0] == len(vae[1].rows)
  (one,) = workdir.read_protocols(path).values()
  assert re.fullmatch(r"mine:pixels-[0-9a-f]{8}", one["features"])
  lacking = "--metrics has 'modes', which these images or this network do not support"
  with pytest.raises(UserError, match=lacking):
    scored_runs.score(path, _wanted(("fd", "modes"), features="mine:pixels"))
  for features, message in {
    "mine:wrong": "mine:wrong gives",
    "mine:absent": "--features is 'mine:absent', which cannot be imported",
    "nowhere:f": "--features is 'nowhere:f', which cannot be imported",
    "mine": "expected inception:PATH",
    "inception:absent.pth": "absent.pth",
  }.items():
    with pytest.raises(UserError, match=message):
      scored_runs.score(path, _wanted(("fd",), features=features))


def test_no_classifier_is_trained_for_scores_without_features_and_nan_is_not_computed_again(
  vae, tmp_path, monkeypatch
):
  monkeypatch.setattr(classifier, "feature_networks", None)
  monkeypatch.setattr(pixels, "sharpness", lambda images: images.sum((1, 2, 3)) * np.nan)
  path = _copy(vae[0], tmp_path)
  assert scored_runs.score(path, _wanted(("sharpness",)))[0] == len(vae[1].rows)
  assert np.isnan(list(_values(path, "sharpness").values())).all()
  assert scored_runs.score(path, _wanted(("sharpness",)))[0] == 0


def test_a_failed_run_has_no_last_scores(caches, tmp_path):
  plan = trainings.plan("vae", **{"sweep.learning_rate": (1e-3, 1e30), "steps": 3, "eval_every": 3})
  with growing.no_pictures():
    train.train(plan, tmp_path)
  failed = [row["status"] == "failed" for row in trainings.runs_csv(tmp_path)]
  assert 0 < sum(failed) < len(failed)
  well = len(failed) - sum(failed)
  assert scored_runs.score(tmp_path, _wanted(("swd",), ("last", "best")))[0] == 2 * well
  assert {place.run for place in score_files.read(tmp_path)} == {
    i for i, lost in enumerate(failed) if not lost
  }


def test_main_computes_the_same_by_the_same_code(caches, tmp_path):
  plan = trainings.plan(
    "vae", **{"evals": ("fd", "nll", "kl_dim"), "data.validation": 0.3, "eval_images": 200}
  )
  train.train(plan, tmp_path)
  found = score_files.read(tmp_path)
  assert {place.step for place in found} == {6, 12}
  expected = 3 * len(plan.rows) + sum(row["latent"] for row in plan.rows)
  assert len(found) == 2 * expected
  assert (tmp_path / "plots" / "scores.png").exists()
  settings = Settings("validation", 200, **watch.EVALS)
  wanted = _wanted(("fd", "nll", "kl_dim"), ("last",), settings)
  assert scored_runs.score(tmp_path, wanted)[0] == 0
  lines = (tmp_path / "metrics.csv").read_text().splitlines(keepends=True)
  (tmp_path / "metrics.csv").write_text("".join(line for line in lines if "@" not in line))
  assert scored_runs.score(tmp_path, wanted)[0] == expected
  for place, value in score_files.read(tmp_path).items():
    np.testing.assert_allclose(value, found[place], rtol=1e-3)


@pytest.mark.parametrize(
  ("names", "settings", "message"),
  [
    (("fid",), SMALL, "--metrics has 'fid'; expected a score or MODULE:OBJECT; did you mean fd?"),
    (("cas",), SMALL, "'cas', which only a conditional model has"),
    (("critic_gap",), SMALL, "which only a model with a critic has"),
    (("fd",), SMALL._replace(images=100), "scores need 200 images or more"),
  ],
)
def test_what_cannot_be_scored_is_refused(vae, tmp_path, names, settings, message):
  path = _copy(vae[0], tmp_path)
  before = (path / "metrics.csv").read_text()
  with pytest.raises(UserError, match=message):
    scored_runs.score(path, _wanted(names, settings=settings))
  assert (path / "metrics.csv").read_text() == before
  assert not (path / "protocols.json").exists()


@pytest.mark.parametrize(
  ("changes", "message"),
  [
    ({"evals": ("fd",)}, "scores need 200 images or more, and of the "),
    (
      {"evals": ("fd", "nll"), "eval_images": 200, "data.validation": 0.3, "data.channels": 3},
      "config.evals has 'nll', which only grey images have",
    ),
  ],
)
def test_what_main_cannot_score_is_refused_before_it_begins(changes, message):
  with pytest.raises(UserError, match=message):
    trainings.plan("vae", **changes)


def test_other_data_are_refused(vae, tmp_path):
  path = _copy(vae[0], tmp_path)
  text = (path / "config.json").read_text()
  (path / "config.json").write_text(text.replace('"crc32": ', '"crc32": 1'))
  with pytest.raises(UserError, match=r"was trained on other data: crc32 is"):
    scored_runs.score(path, _wanted(("fd",)))


def test_a_workdir_that_cannot_be_written_is_refused_before_anything_is_computed(
  vae, tmp_path, monkeypatch
):
  path = _copy(vae[0], tmp_path)
  monkeypatch.setattr(scored_runs._Scoring, "_measured", None)
  (path / ".scores.lock").unlink()
  (path / ".scores.lock").mkdir()  # root may write whatever the mode says
  with pytest.raises(
    UserError, match=r"^--workdir=\S+ cannot be written \(Is a directory\); name a "
  ):
    scored_runs.score(path, _wanted(("sharpness",)))
  assert not (path / "protocols.json").exists()


def test_the_cells_of_a_study(tmp_path):
  for name in ("depth=4", "depth=2"):
    (tmp_path / name).mkdir()
    (tmp_path / name / "config.json").write_text("{}")
  assert workdir.homes(tmp_path) == [tmp_path / "depth=2", tmp_path / "depth=4"]
  assert workdir.homes(tmp_path / "depth=2") == [tmp_path / "depth=2"]


def test_a_lost_protocols_json_comes_back(vae, tmp_path):
  """With floors, though no score is computed again."""
  path = _copy(vae[0], tmp_path)
  scored_runs.score(path, _wanted(("sharpness",)))
  before = workdir.read_protocols(path)
  (path / "protocols.json").unlink()
  assert scored_runs.score(path, _wanted(("sharpness",)))[0] == 0
  assert workdir.read_protocols(path) == before
