"""The way to convolve: measured once, taken where it gains, and read again by who goes on."""

import json

import jax
import pytest
import trainings
from systems import SYSTEMS, runs, small

from genjax.models import convolution, ways
from genjax.training import blocks, config_file, planning, train, tuning

LAYER = convolution.ConvShape("conv", (4, 6, 6, 2), (3, 3, 2, 3), 2, "SAME")
DEFAULT, OTHER = ways.DEFAULT, "XLA's"


def _measured(**seconds):
  names = {"default": DEFAULT, "other": OTHER, "third": "phases"}
  return {names[key]: tuning.Measured(*value) for key, value in seconds.items()}


def test_another_way_must_be_faster_and_as_exact():
  exact = 1e-7
  assert tuning.best(_measured(default=(1.0, exact), other=(0.96, exact))) == DEFAULT
  assert tuning.best(_measured(default=(1.0, exact), other=(0.94, exact))) == OTHER
  assert tuning.best(_measured(default=(1.0, exact), other=(0.5, 1e-3))) == DEFAULT
  rough = _measured(default=(1.0, exact), other=(0.5, 1e-3), third=(0.9, exact))
  assert tuning.best(rough) == "phases"
  assert tuning.best(_measured(default=(1.0, 1e-3), other=(0.5, 1.9e-3))) == OTHER  # all are rough


@pytest.fixture
def few(monkeypatch):
  """Two ways, quickly."""
  monkeypatch.setattr(tuning, "WAYS", {name: ways.WAYS[name] for name in (DEFAULT, OTHER)})
  monkeypatch.setattr(tuning, "ROUNDS", 1)
  monkeypatch.setattr(tuning, "STEPS", 2)


def test_every_way_is_timed_and_compared_with_64_bits(few, monkeypatch):
  found = tuning.measure(LAYER, 2)
  assert list(found) == [DEFAULT, OTHER]
  for one in found.values():
    assert one.seconds > 0
    assert 0 < one.error < 1e-5
  wrong = convolution.Convolution(lambda *given: 1.01 * convolution.gemm_conv(*given), None)
  monkeypatch.setitem(tuning.WAYS, OTHER, wrong)
  assert tuning.measure(LAYER, 1)[OTHER].error > 1e-3


def test_the_layers_of_a_step():
  shape = SYSTEMS["s1_gan"].shape
  given = blocks.arguments(small("s1_gan"), runs(), shape, 4)
  found = tuning.layers_of(small("s1_gan"), given)
  assert [layer.kind for layer in found].count("transpose") == 2
  assert len(set(found)) == len(found) > 3
  assert {layer.image[0] for layer in found} == {4}


@pytest.mark.parametrize(("whole", "taken"), [((2.0, 1.0), True), ((1.0, 0.99), False)])
def test_what_the_whole_step_does_not_gain_is_not_taken(monkeypatch, capsys, whole, taken):
  faster = _measured(default=(1.0, 0.0), other=(0.5, 0.0))
  monkeypatch.setattr(tuning, "measure", lambda layer, at_once: faster)
  choice = tuning.choose([LAYER], 2, lambda choice: whole[bool(choice)])
  assert choice == ({str(LAYER): OTHER} if taken else {})
  (line,) = capsys.readouterr().out.splitlines()
  assert (OTHER if taken else "products for all") in line


@pytest.mark.usefixtures("caches")
def test_a_choice_is_kept_and_read_again(no_pictures, tmp_path, monkeypatch):
  """As on a device where something is measured: here the second way wins every layer."""
  faster = _measured(default=(1.0, 0.0), other=(0.5, 0.0))
  monkeypatch.setattr(tuning, "FIXED", ())
  monkeypatch.setattr(tuning, "measure", lambda layer, at_once: faster)
  monkeypatch.setattr(tuning, "GAIN", 0.0)
  changes = {"model.network": "s4_vae", "sweep.seeds": (0,), "sweep.latents": (2,)}
  plan = trainings.plan("vae", steps=2, log_every=1, eval_every=1, **changes)
  config_file.settle(tmp_path, planning.record(plan))
  first = train.Training(plan, tmp_path)
  choice = json.loads((tmp_path / "config.json").read_text())["convolutions"]
  assert set(choice.values()) == {OTHER}
  assert len(choice) > 3
  totals = jax.tree.map(lambda leaf: leaf + 0, first.zeros)
  given = first.runs, first.progress, totals, first.dataset
  assert "stablehlo.convolution" in trainings.lowered(first.programs.advance, *given)
  first.until(1, "")

  def no_more(*_):
    raise AssertionError("measured again")

  monkeypatch.setattr(tuning, "choose", no_more)
  train.train(plan, tmp_path)  # goes on
  assert json.loads((tmp_path / "config.json").read_text())["convolutions"] == choice
  monkeypatch.setattr(tuning, "FIXED", ("cpu",))
  again = train.Training(plan, tmp_path)
  again.history.close()
  again.checkpoints.close()
  given = again.runs, again.progress, totals, again.dataset
  assert "stablehlo.convolution" not in trainings.lowered(again.programs.advance, *given)
