"""Every file of configs/: right as it stands, with the systems and studies of the reports."""

import pathlib
import re
import runpy
import shlex

import growing
import pytest
import trainings

from genjax import config, models
from genjax.models import networks
from genjax.training import design, planning, study, train, workdir

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


@pytest.mark.parametrize(("file", "variant"), NAMED, ids=lambda x: getattr(x, "stem", x))
def test_every_study_plans_contrasts_that_can_conclude(file, variant):
  wanted = _config(file, variant)
  planned = design.of(dict(config.cells(wanted)))
  design.check(planned)
  assert ("study" in variant) == bool(planned.plan)
  assert not planned.plan or planned.least < 0.001


def test_its_keys_are_listed_as_a_command_line_sets_them(commands):
  """With their meanings; all of them given back change nothing."""
  flags = ("describe", "--config=wgan_mnist:s2_study", "--keys")
  listed = commands(*flags, "--config.sweep.clip=(0.1, 0.2)").output
  assert '\n--config.sweep.clip="(0.1, 0.2)"\n    bound on the critic\'s weights' in listed
  given = shlex.split("\n".join(line for line in listed.splitlines() if line.startswith("--")))
  assert given.pop().startswith("--config.grid.KEY=")
  known = {
    name for name in config.flatten(config.default("gan").to_dict()) if not name.startswith("grid.")
  }
  assert {one.removeprefix("--config.").partition("=")[0] for one in given} == known
  given = [one for one in given if "cells=" not in one]  # whose dictionaries files alone can set
  assert commands(*flags, *given).output == listed


@pytest.mark.parametrize("between", ["=", " "])
def test_a_network_that_the_command_line_names_brings_its_keys(between, commands):
  given = f"--config.model.network{between}own_network:networks --config.model.kernel{between}5"
  flags = ("describe", "--config=gan_digits", "--keys", *given.split())
  listed = commands(*flags, cwd=FILES[0].parent / "examples").output
  assert "\n--config.model.kernel=5\n    kernel of the factory" in listed


SHAPES = {"mnist": (28, 28, 1), "digits": (28, 28, 1), "cifar10": (32, 32, 3)}


def test_a_study_goes_on_where_it_stopped(tmp_path, caches, monkeypatch, capsys):
  wanted = _config(FILES[0].with_name("vae_mnist.py"), "s0_study,smoke")
  splits = planning.load_data(wanted)
  plans = {folder: planning.plan(cell, splits) for folder, cell in config.cells(wanted)}
  plans = {folder: plans[folder] for folder in ("depth=2", "depth=4", "depth=8")}
  begun = []

  def killed(plan, path, title="", *origin):
    begun.append((path.name, re.sub(r", \S+ left for all cells$", "", title)))
    if len(begun) == 2:
      raise KeyboardInterrupt
    return whole(plan, path, title, *origin)

  whole = train.train
  monkeypatch.setattr(train, "train", killed)
  with growing.no_pictures():
    with pytest.raises(KeyboardInterrupt):
      study.run(plans, tmp_path)
    study.run(plans, tmp_path)
  assert begun == [
    ("depth=2", "depth=2, 1 of 3"),
    ("depth=4", "depth=4, 2 of 3"),
    ("depth=4", "depth=4, 2 of 3"),
    ("depth=8", "depth=8, 3 of 3"),
  ]
  assert "depth=2 is already done" in capsys.readouterr().out
  assert len(trainings.runs_csv(tmp_path / "depth=4")) == 4  # latents 2 and 8
  assert all(workdir.finished(tmp_path / folder) for folder in plans)


ADAM, RMSPROP = "adam", "rmsprop"
# As the reports have them: network, optimiser, learning rate, b1, batch, latents, and width and
# depth where they are not the network's own.
REPORTED = {
  "vae_mnist:s0": ("dense", ADAM, 1e-3, 0.9, 128, (20,), 0, 4),
  "vae_mnist:s1": ("s1_vae", ADAM, 1e-3, 0.9, 128, (5,), 0, 0),
  "vae_mnist:s2": ("dense", ADAM, 1e-3, 0.9, 128, (2,), 0, 0),
  "vae_mnist:s3": ("s3_vae", ADAM, 1e-3, 0.9, 128, (20,), 0, 0),
  "vae_mnist:s4": ("s4_vae", ADAM, 1e-3, 0.9, 128, (2,), 0, 0),
  "vae_cifar10:s0": ("dense", ADAM, 1e-3, 0.9, 128, (20,), 0, 4),
  "vae_cifar10:s1": ("s1_vae_cifar10", ADAM, 1e-3, 0.9, 128, (5,), 0, 0),
  "vae_cifar10:s2": ("dense", ADAM, 1e-3, 0.9, 128, (2,), 0, 0),
  "gan_mnist:s0": ("s1_gan", ADAM, 2e-4, 0.5, 256, (100,), 0, 0),
  "gan_mnist:s1": ("s1_gan", ADAM, 2e-4, 0.5, 128, (100,), 0, 0),
  "gan_mnist:s2": ("dense", ADAM, 2e-4, 0.5, 128, (10,), 256, 0),
  "gan_mnist:s3": ("s3_gan", ADAM, 2e-4, 0.5, 128, (100,), 0, 0),
  "gan_mnist:s4": ("s4_gan", ADAM, 1e-4, 0.9, 256, (100,), 0, 0),
  "gan_cifar10:s0": ("s1_gan_cifar10", ADAM, 2e-4, 0.5, 256, (100,), 0, 0),
  "gan_cifar10:s1": ("s1_gan_cifar10", ADAM, 2e-4, 0.5, 128, (100,), 0, 0),
  "gan_cifar10:s2": ("dense", ADAM, 2e-4, 0.5, 128, (100,), 256, 0),
  "wgan_mnist:s0": ("s1_wgan", RMSPROP, 5e-4, 0.9, 128, (100,), 0, 0),
  "wgan_mnist:s1": ("s1_wgan", RMSPROP, 5e-5, 0.9, 128, (50,), 0, 0),
  "wgan_mnist:s2": ("dense", RMSPROP, 5e-5, 0.9, 128, (10,), 128, 0),
  "wgan_mnist:s3": ("s3_gan", RMSPROP, 5e-5, 0.9, 128, (100,), 0, 0),
  "wgan_cifar10:s0": ("s1_wgan_cifar10", RMSPROP, 5e-4, 0.9, 128, (100,), 0, 0),
  "wgan_cifar10:s1": ("s1_wgan_cifar10", RMSPROP, 5e-5, 0.9, 128, (100,), 0, 0),
  "wgan_cifar10:s2": ("dense", RMSPROP, 5e-5, 0.9, 128, (100,), 128, 0),
  "cgan_mnist:s4": ("s4_cgan", ADAM, 3e-4, 0.9, 64, (128,), 0, 0),
}
# Epochs, where the report gives them.
EPOCHS = {"vae_mnist:s0": 10, "vae_cifar10:s0": 30, "vae_mnist:s3": 60, "vae_mnist:s4": 30}
EPOCHS |= {"gan_mnist:s0": 30, "gan_cifar10:s0": 30, "gan_mnist:s4": 50, "cgan_mnist:s4": 20}


def _named(name):
  file, variant = name.split(":")
  return _config(FILES[0].with_name(f"{file}.py"), variant)


@pytest.mark.parametrize("name", REPORTED)
def test_a_system_is_trained_as_its_report_says(name):
  wanted = _named(name)
  numbers = wanted.sweep
  (rate,), (b1,), (decay,) = (numbers.get(k, (0,)) for k in ("learning_rate", "b1", "ema_decay"))
  found = (wanted.model.network, wanted.model.optimiser, rate, b1, wanted.batch_size)
  found += numbers.latents, wanted.model.width, wanted.model.get("depth", 0)
  assert found == REPORTED[name]
  assert decay == 0
  if name in EPOCHS:
    assert (wanted.epochs, wanted.steps) == (EPOCHS[name], 0)
  if "wgan" in name:
    assert (wanted.model.loss, wanted.model.regulariser) == ("wasserstein", "clip")
    assert (wanted.model.critic_steps, numbers.clip) == (5, (0.01,))
  elif "gan" in name:
    assert (wanted.model.loss, wanted.model.regulariser) == ("nonsaturating", "none")
    assert wanted.model.critic_steps == 1


# What a system has of its framework and of its source, where a report says nothing: network ->
# framework, and keys that are not the defaults.
FRAMEWORKS = {
  "vae_mnist": {"s0": "keras", "s1": "torch", "s2": "keras", "s3": "torch", "s4": "keras"},
  "vae_cifar10": {"s0": "keras", "s1": "torch", "s2": "keras"},
  "gan_mnist": {"s0": "keras", "s1": "keras", "s2": "keras", "s3": "torch", "s4": "keras"},
  "gan_cifar10": {"s0": "keras", "s1": "keras", "s2": "keras"},
  "wgan_mnist": {"s0": "keras", "s1": "keras", "s2": "keras", "s3": "torch"},
  "wgan_cifar10": {"s0": "keras", "s1": "torch", "s2": "keras"},
  "cgan_mnist": {"s4": "keras"},
}
USUAL = {"leaky_slope": 0.2, "label_noise": 0.0, "clipped": "weights", "half_batches": False}
SOURCES = {
  "vae_mnist:s3": {"reconstruction": "mean"},
  "gan_mnist:s4": {"leaky_slope": 0.3},
  "cgan_mnist:s4": {"label_noise": 0.05},
  "wgan_mnist:s1": {"clipped": "convolutions", "half_batches": True},
  "wgan_cifar10:s1": {"clipped": "all"},
}


@pytest.mark.parametrize("name", REPORTED)
def test_a_system_has_the_defaults_of_its_framework(name):
  model = _named(name).model
  file, variant = name.split(":")
  vae = model.name == "vae"
  for key in ("initialiser", "optimiser_rule") + (() if vae else ("batch_norm",)):
    assert networks.default_of(model.network, model[key]) == FRAMEWORKS[file][variant]
  usual = {"reconstruction": "sum"} if vae else USUAL
  expected = usual | SOURCES.get(name, {})
  assert {key: model[key] for key in expected} == expected
  assert vae or (model.clip_first, model.critic_warmup) == (False, 0)


def test_every_report_s_system_is_in_the_table():
  systems = {f"{file.stem}:{variant}" for file, variant in NAMED if re.fullmatch(r"s\d", variant)}
  assert systems == set(REPORTED)


def test_s3_weighs_its_kl():
  assert _named("vae_mnist:s3").sweep.kl_weight == (0.01,)


# Of each study: what a cell changes, and its latents.
_DEPTHS = [({"depth": depth}, (2,)) for depth in (8, 10, 12)]
_WIDTHS = [({"width": 256}, (2,)), ({"width": 512}, (2, 10, 20)), ({"width": 1024}, (2,))]
_S0 = [({}, (100, 350, 500, 750, 1000))]
_S3 = [({"network": "s3_gan", "width": 0, "depth": depth}, (100,)) for depth in (2, 4, 6)]
_BEGUN = [{"initialiser": "keras"}, {"initialiser": "lecun_normal"}]


def _matrix(widths, latents):
  return [({"width": width}, latents) for width in widths]


STUDIES = {
  "vae_mnist:s0_study": [
    ({"depth": 2}, (2,)), ({"depth": 4}, (2, 10, 20, 30, 50, 75)), *_DEPTHS,
  ],
  "vae_mnist:initialiser_study": [
    (keys | begun, latents)
    for keys, latents in (({"depth": 2}, (2,)), ({"depth": 4}, (2, 10, 20, 30, 50, 75)), *_DEPTHS)
    for begun in _BEGUN
  ],
  "gan_mnist:initialiser_study": [(begun, (100,)) for begun in _BEGUN],
  "gan_mnist:stability_study": [
    ({"regulariser": "r1", "spectral_norm": False}, (50,)),
    ({"regulariser": "r1", "spectral_norm": True}, (50,)),
    ({"regulariser": "none", "spectral_norm": True}, (50,)),
    ({"regulariser": "r1_r2"}, (50,)),
    ({"regulariser": "r1", "shared_images": True}, (50,)),
  ],
  "vae_cifar10:s0_study": [
    ({"depth": 2}, (2,)), ({"depth": 4}, (2, 10, 20, 30, 50, 75, 1000)), *_DEPTHS,
  ],
  "gan_mnist:s0_study": _S0,
  "gan_cifar10:s0_study": _S0,
  "wgan_mnist:s0_study": _S0,
  "wgan_cifar10:s0_study": _S0,
  "vae_mnist:s1_study": _matrix((256, 512, 1024), (2, 5, 20)),
  "vae_cifar10:s1_study": _matrix((32, 64, 128), (2, 5, 20)),
  "gan_mnist:s1_study": _matrix((32, 64, 128), (2, 10, 100)),
  "gan_cifar10:s1_study": _matrix((32, 64, 128), (2, 10, 100)),
  "wgan_mnist:s1_study": _matrix((32, 64, 128), (2, 10, 50)),
  "wgan_cifar10:s1_study": _matrix((32, 64, 128), (2, 10, 100)),
  "vae_mnist:s2_study": _WIDTHS,
  "vae_cifar10:s2_study": _WIDTHS,
  "gan_mnist:s2_study": [({"width": 256}, (10, 100)), ({"width": 1024}, (10,))],
  "gan_cifar10:s2_study": [({"width": 256}, (10, 100)), ({"width": 1024}, (100,))],
  "wgan_mnist:s2_study": [({"width": 128}, (10, 100)), ({"width": 1024}, (10,))],
  "wgan_cifar10:s2_study": [({"width": 128}, (10, 100)), ({"width": 512}, (100,))],
  "gan_mnist:s3_study": _S3,
  "wgan_mnist:s3_study": _S3,
}  # fmt: skip


def test_every_study_is_in_the_table():
  assert {f"{file.stem}:{variant}" for file, variant in NAMED if "study" in variant} == set(STUDIES)


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_has_the_report_s_cells(name):
  cells = [cell for _, cell in config.cells(_named(name))]
  found = [cell.sweep.latents for cell in cells]
  assert found == [latents for _, latents in STUDIES[name]]
  for cell, (keys, _) in zip(cells, STUDIES[name], strict=True):
    assert {key: cell.model[key] for key in keys} == keys


def test_names_are_model_and_dataset():
  assert len(FILES) >= 10
  for file in FILES:
    model, dataset = file.stem.rsplit("_", 1)
    for variant in _variants(file):
      wanted = _config(file, variant)
      assert wanted.data.name == dataset
      assert wanted.model.name == ("vae" if model == "vae" else "gan")
