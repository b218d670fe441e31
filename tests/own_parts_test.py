"""Networks, losses, metrics, datasets and models that no file of genjax knows."""

import hashlib
import importlib
import json
import shutil
import sys

import numpy as np
import others
import pytest
import trainings

import genjax
from genjax import config, data, models, parts
from genjax.analysis import exporting, interpolation, selection
from genjax.analysis.picture_rows import InterpolationFlags
from genjax.models import losses
from genjax.training import config_file, padding, planning

NETWORK = {"model.network": "others:networks", "model.width": 0}
SMALL = {"steps": 4, "log_every": 2, "eval_every": 2, "sweep.seeds": (0,), "sweep.latents": (2, 3)}


def wanted(model="vae", **changes):
  """The small config of the other tests, as a user has it who named these parts."""
  result = config.default(model)
  result.update_from_flattened_dict(trainings.VAE if model == "vae" else trainings.GAN)
  return config.load(result, SMALL | changes)


def refusal(model="vae", **changes):
  with pytest.raises(genjax.UserError) as caught:
    planning.plans(wanted(model, **changes))
  assert "\n" not in str(caught.value)
  return str(caught.value)


@pytest.fixture(scope="module")
def trained(caches, tmp_path_factory):
  """A workdir of a network of one's own, of two latents."""
  path = tmp_path_factory.mktemp("own") / "vae"
  runs = genjax.train(wanted(**NETWORK), path)
  return path, runs


@pytest.mark.parametrize("name", ["a:b", "a.b_1:c", "_a:B2"])
def test_a_name_of_a_part(name):
  assert parts.is_name(name)


@pytest.mark.parametrize("name", ["mnist", "mnist:3.0.1", "a/b:c", "a:b:c", ":b", "a:", 3, None])
def test_no_name_of_a_part(name):
  assert not parts.is_name(name)


@pytest.mark.parametrize(
  ("name", "why"),
  [
    ("nowhere_at_all:x", "ModuleNotFoundError: No module named 'nowhere_at_all'"),
    ("others:nothing", "AttributeError: module 'others' has no attribute 'nothing'"),
  ],
)
def test_a_part_that_is_not_there(name, why):
  with pytest.raises(genjax.UserError) as caught:
    parts.find(name, "config.model.loss")
  assert str(caught.value) == f"config.model.loss is {name!r}, which cannot be imported ({why})"


def test_a_module_is_found_in_the_current_folder(tmp_path, monkeypatch):
  (tmp_path / "only_here.py").write_text("value = 3\n")
  monkeypatch.setattr("sys.path", ["/nowhere"])
  monkeypatch.chdir(tmp_path)
  assert parts.find("only_here:value", "x") == 3
  file = parts.source("only_here:value")
  assert file["file"] == str(tmp_path / "only_here.py")
  assert len(file["sha256"]) == 64


def test_a_module_that_exits_ends_nothing(tmp_path):
  (tmp_path / "exiting.py").write_text("import sys\nsys.exit(3)\n")
  parts.look_in(tmp_path)
  where = rf"line 2 of {tmp_path}/exiting\.py"
  with pytest.raises(genjax.UserError, match=rf"cannot be imported \(SystemExit: 3, {where}\)"):
    parts.find("exiting:x", "here")


def test_a_package_is_found_again(tmp_path, monkeypatch):
  (tmp_path / "packaged").mkdir()
  (tmp_path / "packaged" / "__init__.py").write_text("x = 1\n")
  before = {"file": str(tmp_path / "packaged" / "__init__.py"), "sha256": "0" * 64}
  said = []
  parts.again(tmp_path / "w", {"packaged:x": before}, ["packaged:x"], said.append)
  assert "packaged:x has changed" in said[0]


def test_a_part_is_the_code_that_was_loaded(tmp_path):
  """Also where its file was written anew meanwhile; a reload is other code."""
  file = tmp_path / "edited.py"
  file.write_text("x = 1\n")
  parts.look_in(tmp_path)
  assert parts.find("edited:x", "here") == 1
  first = parts.source("edited:x")["sha256"]
  file.write_text("x = 22\n")
  assert parts.source("edited:x")["sha256"] == first
  importlib.reload(sys.modules["edited"])
  assert parts.source("edited:x")["sha256"] == hashlib.sha256(b"x = 22\n").hexdigest() != first


def test_the_arguments_of_a_factory_are_keys_with_their_defaults():
  keys = wanted(**NETWORK)
  assert (keys.model.declared, keys.grid.declared) == (True, ())
  assert "declared" not in wanted().model
  assert config.options(keys.model.to_dict()).startswith("defaults of torch, axis -1, declared")
  message = refusal(**NETWORK, **{"model.declared": 3})
  assert message.startswith("config.model.declared is 3")
  with pytest.raises(genjax.UserError, match=r"unknown key config\.model\.declard; did you mean"):
    wanted(**NETWORK, **{"model.declard": False})


@pytest.mark.parametrize(
  ("network", "message"),
  [
    ("others:loss", "not a function; expected one of (shape, latent, ...)"),
    ("others:of_another_kind", "which gives str; expected VaeNetworks"),
    ("others:of_another_shape", "whose decoder returns shape (2, 28, 28, 3)"),
    ("others:of_whole_numbers", "whose decoder returns uint8; expected floats"),
    ("others:without_a_default", "whose argument width has no default"),
    ("others:with_a_key_s_name", "whose argument name is a key of every config"),
  ],
)
def test_a_network_that_will_not_do(network, message):
  with pytest.raises(genjax.UserError) as caught:
    planning.plans(wanted(**{"model.network": network, "model.width": 0}))
  assert str(caught.value).startswith(f"config.model.network is {network!r}")
  assert message in str(caught.value)


@pytest.mark.parametrize(
  ("changes", "message"),
  [
    ({"real": 3}, ": its real: TypeError: 'int' object is not callable"),
    ({"real": lambda s, t: s}, ": its real: TypeError: "),
    ({"generated": lambda s: s.mean()}, ", whose generated returns shape () for a batch of 2"),
    ({"generated": lambda s: 0.0}, ", whose generated returns shape () for a batch of 2"),
    ({"generator": lambda s: s > 0}, ", whose generator returns bool; expected floats"),
    ({"generator": np.sin}, ": its generator: TracerArrayConversionError: "),
    ({"threshold": "0"}, ", whose threshold is '0'; expected a number or None"),
  ],
)
def test_a_loss_that_will_not_do(changes, message, monkeypatch):
  monkeypatch.setattr(others, "loss", others.loss._replace(**changes))
  with pytest.raises(genjax.UserError) as caught:
    losses.find("others:loss")
  assert str(caught.value).startswith(f"config.model.loss is 'others:loss'{message}")


@pytest.mark.parametrize(
  ("changes", "message"),
  [
    ({"init": lambda run: None}, ", whose init gives NoneType; expected a State"),
    ({"init": lambda: None}, ": its init: TypeError: "),
    ({"step": lambda run, state: state}, ": its step: TypeError: "),
    ({"step": lambda run, state, batch: state}, ", whose step gives no State such as init's"),
    (
      {"step": lambda run, state, batch: (state._replace(step=1.0), {})},
      ", whose step gives no State such as init's",
    ),
    ({"generate": lambda run, state, z, label: z}, ", whose generate returns shape (2, 5)"),
    ({"diagnose": lambda run, state, key: {}}, ": its diagnose: TypeError: "),
    ({"criterion": "val_los"}, "expected a figure that its diagnose gives: val_loss"),
  ],
)
def test_a_model_that_will_not_do(changes, message, monkeypatch):
  good = others.make((8, 8, 1), 5)
  monkeypatch.setattr(others, "make", lambda shape, latent: good._replace(**changes))
  with pytest.raises(genjax.UserError) as caught:
    models.build({"name": "others:make"}, (8, 8, 1), 10, 5)
  assert str(caught.value).startswith("config.model.name is 'others:make'")
  assert message in str(caught.value)


def test_a_model_without_options_is_a_study_of_one_cell(monkeypatch):
  monkeypatch.setattr(others, "make", lambda shape, latent: None)
  wanted = config.load(config.default("others:make"), {"steps": 2})
  assert [*config.programs(wanted)] == [""]


@pytest.mark.parametrize(
  ("option", "message"),
  [
    (
      {"model.declared": False},
      "has a layer that reads or writes the latent and is not declared, the decoder's Dense_1;",
    ),
    # Named as it should be, and drawn for the padded latent.
    (
      {"model.axis": 0},
      "does not begin with the smaller one as it would alone, in the encoder's logvar;",
    ),
  ],
)
def test_a_padded_latent_is_looked_at_before_it_is_trained(option, message):
  said = refusal(**NETWORK, **option)
  assert said.startswith(f"config.sweep.latents has 2 and 3, and 'others:networks' {message}")
  alone = option | {"sweep.latents": (3,)}
  assert planning.plans(wanted(**NETWORK, **alone))  # where nothing is padded nothing is asked


@pytest.mark.parametrize(
  ("option", "message"),
  [
    ({"masked": False}, "generates other images when its latent is padded; "),
    ({"noisy": True}, "trains otherwise when its latent is padded: loss "),
  ],
)
def test_a_model_that_reads_what_is_padded_is_refused(option, message):
  keys, shape = {"name": "others:make"}, (8, 8, 1)
  padding.check(keys, models.build(keys, shape, 10, 5), shape, 10, (2, 5))
  with pytest.raises(genjax.UserError) as caught:
    padding.check(keys | option, models.build(keys | option, shape, 10, 5), shape, 10, (2, 5))
  assert f"has 2 and 5, and 'others:make' {message}" in str(caught.value)


def test_a_row_of_the_sweep_is_the_run_alone(trained, tmp_path, no_pictures):
  path, runs = trained
  (alone,) = genjax.train(wanted(**NETWORK, **{"sweep.latents": (2,)}), tmp_path, report=False)
  assert [run.numbers["latent"] for run in runs] == [2, 3]
  z = runs[0].noise(5)
  np.testing.assert_allclose(runs[0].generate(z), alone.generate(z), atol=1e-5)
  for name in ("loss", "val_loss"):
    ours = [trainings.metric(p, name)[0] for p in (path, tmp_path)]
    np.testing.assert_allclose(list(ours[0].values()), list(ours[1].values()), rtol=1e-5)


def test_it_checkpoints_and_goes_on(trained, tmp_path, no_pictures):
  _, runs = trained
  split = tmp_path / "split"
  genjax.train(wanted(**NETWORK, steps=2), split, report=False)
  # `steps` is no free key: who goes on does so in the config that says more.
  record = json.loads((split / "config.json").read_text())
  record["config"]["steps"] = 4
  (split / "config.json").write_text(json.dumps(record))
  again = genjax.train(wanted(**NETWORK), split, report=False)
  z = runs[1].noise(5)
  np.testing.assert_array_equal(again[1].generate(z), runs[1].generate(z))


def test_it_is_scored_compared_interpolated_exported_and_reported(trained, tmp_path):
  path, _ = trained
  scores = genjax.evaluate(path, ("swd", "others:ink", "others:code"), images=200)
  found = {(row["score"], row["setting"]): row for row in scores.records()}
  assert {score for score, _ in found} == {"swd", "ink", "code"}
  ink = found["ink", "latent 2"]
  images = np.asarray(genjax.load(path)[0].generate(genjax.load(path)[0].noise(200)))
  ours = abs(images.mean() - data.load("digits").train.image[:200].mean() / 255)
  assert abs(ink["iqm"] - ours) < 0.02  # of other noise
  assert 0 <= ink["floor"] < 0.05
  told = genjax.compare(path, ("ink",), out=tmp_path / "comparison")
  assert "difference in ink" in str(told)
  assert {row["score"] for row in told.settings.records()} == {"ink"}
  asked = InterpolationFlags(pairs=1, steps=3, out=str(tmp_path / "paths"))
  interpolation.interpolate([path], asked)
  assert (tmp_path / "paths" / "random-1.png").exists()
  names = exporting.write(tmp_path / "export", selection.read([path], ["0"])[0])
  assert "generate.stablehlo" in names
  page = (path / "report.html").read_text()
  assert "others:networks" in page


def _moved(trained, folder, text):
  """The workdir of a network whose module is a file in `folder`, with this text."""
  path = folder / "run"
  shutil.copytree(trained[0], path)
  module = folder / f"moved_{folder.name.replace('-', '_')}.py"
  module.write_text(text)
  record = json.loads((path / "config.json").read_text())
  name = f"{module.stem}:networks"
  record["config"]["model"]["network"] = name
  record["parts"] = {
    name: {"file": str(module), "sha256": parts.source("others:networks")["sha256"]}
  }
  (path / "config.json").write_text(json.dumps(record))
  return path, module


def test_a_part_that_has_changed_is_told_of_and_not_trained_on(trained, tmp_path, caplog):
  path, module = _moved(trained, tmp_path, "from others import networks\n# changed\n")
  assert len(genjax.load(path)) == 2
  assert f"{module.stem}:networks has changed since its runs were trained" in caplog.text
  network = {"model.network": f"{module.stem}:networks", "model.width": 0}
  with pytest.raises(genjax.UserError) as caught:
    genjax.train(wanted(**network), path)
  assert f"was made with another code: {module.stem}:networks of {module}" in str(caught.value)


def test_a_part_may_be_mended_as_long_as_nothing_is_trained(trained, tmp_path):
  path, _ = _moved(trained, tmp_path, "x = 1\n")
  record = json.loads((path / "config.json").read_text())
  name = record["config"]["model"]["network"]
  mended = record | {"parts": {name: record["parts"][name] | {"sha256": "0" * 64}}}
  with pytest.raises(genjax.UserError, match="is not what it was"):
    config_file.settle(path, mended)
  shutil.rmtree(path / "checkpoints")
  config_file.settle(path, mended)
  assert json.loads((path / "config.json").read_text())["parts"] == mended["parts"]


def test_a_part_that_is_gone(trained, tmp_path):
  path, module = _moved(trained, tmp_path, "")
  module.unlink()
  with pytest.raises(genjax.UserError) as caught:
    genjax.load(path)
  said = str(caught.value)
  assert f"{path}: a part is '{module.stem}:networks', which cannot be imported" in said
  assert f"it was in {module}: put that back" in said


def test_two_modules_of_one_name_are_not_taken_for_each_other(trained, tmp_path):
  path, module = _moved(trained, tmp_path, (trained[0] / "config.json").read_text())
  record = json.loads((path / "config.json").read_text())
  record["config"]["model"]["network"] = "others:networks"
  record["parts"] = {"others:networks": {"file": str(module), "sha256": "0" * 64}}
  (path / "config.json").write_text(json.dumps(record))
  with pytest.raises(genjax.UserError, match="has the same module name and was imported first"):
    genjax.load(path)


def test_a_loss_of_one_s_own_is_the_loss(caches, tmp_path, no_pictures):
  """The Wasserstein loss under another name gives the same run."""
  runs = [
    genjax.train(
      wanted("gan", **{"model.network": "s3_gan", "model.loss": loss, "sweep.latents": (2,)}),
      tmp_path / loss.partition(":")[0],
      report=False,
    )
    for loss in ("wasserstein", "others:loss")
  ]
  z = runs[0][0].noise(4)
  np.testing.assert_array_equal(*(one.generate(z) for (one,) in runs))
  message = refusal("gan", **{"model.loss": "others:ink"})
  assert message.startswith("config.model.loss is 'others:ink', a Metric; expected a GanLoss")


def test_a_metric_watches_a_training(caches, tmp_path, no_pictures):
  (run,) = genjax.train(
    wanted(
      **{"evals": ("others:ink",), "sweep.latents": (2,), "data.validation": 0.25}, eval_images=300
    ),
    tmp_path,
    report=False,
  )
  (name,) = (name for name in run.metrics if name.startswith("ink@"))
  assert list(run.metrics[name].steps) == [2, 4]
  assert all(0 <= value <= 1 for value in run.metrics[name].values)


@pytest.mark.parametrize(
  ("metrics", "message"),
  [
    (("others:taken",), "whose name is 'fd'; expected a lower-case letter"),
    (("others:loss",), "a GanLoss; expected a Metric"),
    (("others:ink", "others:ink"), "metrics has 'ink' twice"),
    (("nothing",), "--metrics has 'nothing'; expected a score or MODULE:OBJECT; known are fd, "),
  ],
)
def test_a_metric_that_will_not_do(trained, metrics, message):
  with pytest.raises(genjax.UserError) as caught:
    genjax.evaluate(trained[0], metrics, images=200)
  assert message in str(caught.value)


def test_a_dataset_in_memory_is_trained_and_evaluated(caches, tmp_path, no_pictures):
  keys = {"data.name": "others:stripes", "data.validation": 0.5, "model.network": "dense"}
  genjax.train(wanted(**keys, **{"sweep.latents": (2,)}), tmp_path, report=False)
  scores = genjax.evaluate(tmp_path, ("swd",), split="validation", images=200)
  assert scores.records()[0]["data"] == "stripes (ours)"


def test_arrays_are_resized_and_checked():
  splits = data.load("others:stripes", size=16)
  assert splits.train.image.shape[1:] == (16, 16, 1)
  assert splits.classes == ("one", "two", "three")
  with pytest.raises(genjax.UserError, match=r"train images are float64 .*; expected uint8"):
    data.load("others:floats")
  with pytest.raises(genjax.UserError, match="raised TypeError"):
    data.load("others:networks")
  with pytest.raises(genjax.UserError, match="whose train is tuple; expected Dataset"):
    data.load("others:pairs")
  with pytest.raises(genjax.UserError, match="whose classes are no names"):
    data.load("others:counted")
  with pytest.raises(genjax.UserError, match="is a function, which says itself"):
    data.moved("others:stripes", "", "elsewhere")


def test_a_model_of_one_s_own(caches, tmp_path):
  keys = config.default("others:make")
  assert keys.model.to_dict() == {
    "name": "others:make",
    "rate": 0.1,
    "width": 4,
    "masked": True,
    "noisy": False,
  }
  small = {k: v for k, v in trainings.VAE.items() if not k.startswith("model")} | SMALL
  wanted = config.load(keys, small | {"model.rate": 0.5})
  runs = genjax.train(wanted, tmp_path)
  mean = data.load("digits").train.image.mean(0) / 255
  assert np.abs(np.asarray(runs[0].state.params["mean"]["image"]) - mean).mean() < 0.05
  scores = genjax.evaluate(tmp_path, ("swd",), images=200)
  assert [row["setting"] for row in scores.records()] == ["latent 2", "latent 3"]
  assert "others:make" in (tmp_path / "report.html").read_text()
  with pytest.raises(genjax.UserError, match="weights is 'old'"):
    genjax.evaluate(tmp_path, weights="old")
