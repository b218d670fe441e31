"""The networks in whose features images are compared."""

import functools
import logging
import os

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import save
from systems import assert_trees_close, assert_trees_equal

from genjax import data
from genjax.models import modules
from genjax.scoring import classifier
from genjax.scoring import classifier_training as training
from genjax.scoring.classifier_network import Deep, Small, apply, classify
from genjax.training import blocks, programs
from genjax.types import Dataset

SHAPE = (8, 8, 1)
WEIGHTS = 5 * 5 * 32 + 32 + 3 * 3 * 32 * 64 + 64 + 2 * 2 * 64 * 128 + 128 + 128 * 2 + 2


def _images(size, seed=0):
  """Class 0 is bright on the left, class 1 on the right; both are noisy."""
  rng = np.random.default_rng(seed)
  label = rng.integers(0, 2, size).astype(np.int32)
  image = rng.integers(0, 150, (size, *SHAPE))
  side = (np.arange(8) // 4)[None, :] == label[:, None]
  image += 60 * side[:, None, :, None]
  return Dataset(image.astype(np.uint8), label)


def _splits(seed=0, validation=40, test_seed=2):
  whole = _images(200, seed)
  held, train = (
    Dataset(*(x[part] for x in whole)) for part in (slice(validation), slice(validation, None))
  )
  return data.Splits(train, held, _images(100, test_seed), ("0", "1"), "sides 1.0.0")


@pytest.fixture
def quick(monkeypatch):
  monkeypatch.setattr(training, "LEAST_STEPS", 8)


def _fitted(seed, steps=60):
  model = training.make(SHAPE, 2, steps)
  dataset = jax.tree.map(jnp.asarray, _images(200))
  fit = jax.jit(lambda run, dataset: training.fit(model, run, dataset, steps))
  return fit(training.run_of(seed), dataset)


def test_it_learns():
  params = _fitted(seed=0)
  assert modules.count(params) == WEIGHTS
  test = _images(200, seed=1)
  _, logits = classify(apply(Small(2)), params, jnp.asarray(test.image))
  assert (logits.argmax(-1) == test.label).mean() > 0.95  # 0.5 by chance


def test_features_and_logits_of_a_batch_are_those_of_each_image():
  params = _fitted(seed=0, steps=3)
  images = jnp.asarray(_images(7).image)
  network = jax.jit(apply(Small(2)))
  features, logits = jax.jit(lambda x: classify(network, params, x, batch=3))(images)
  assert features.shape == (7, 128)
  for i in range(7):
    alone = network(params, images[i : i + 1] / 255)
    np.testing.assert_allclose(features[i], alone[0][0], atol=1e-5)
    np.testing.assert_allclose(logits[i], alone[1][0], atol=1e-5)


def test_the_rate_falls_to_nothing():
  model = training.make(SHAPE, 2, steps=4)
  run = training.run_of(0)
  state = jax.jit(model.init)(run)._replace(step=jnp.array(4, jnp.int32))
  batch = jax.tree.map(lambda x: np.asarray(x)[None, :16], _images(16))
  scaled = batch._replace(image=batch.image / np.float32(255))
  after, _ = jax.jit(model.step)(run, state, scaled)
  assert_trees_equal(after.params, state.params)


def test_three_in_one_program_are_each_as_alone():
  model = training.make(SHAPE, 2, steps=5)
  dataset = jax.tree.map(jnp.asarray, _images(200))
  runs = training.runs_of((0, 1, 2))
  begin, advance = programs.training(model, 128, 3, length=5)
  totals = blocks.empty_totals(model, runs, SHAPE, 128)
  progress, _ = advance(runs, begin(runs), totals, dataset, 0, 5)
  alone = jax.jit(lambda run: training.fit(model, run, dataset, 5))(training.run_of(2))
  together = jax.tree.map(lambda leaf: leaf[2], progress.state.params["classifier"])
  assert_trees_close(together, alone, rtol=1e-3, atol=1e-4)  # as in equality_test.py


def test_deep_ones_learn_and_are_kept_without_batch_norm(monkeypatch):
  """Each of three sees test images as its own training network does by running statistics."""
  deep = training.RECIPES["deep"]._replace(epochs=8, batch=32)
  monkeypatch.setitem(training.RECIPES, "deep", deep)
  monkeypatch.setattr(training, "LEAST_STEPS", 1)
  # Bright above or below: which side they are on is mirrored away.
  colours = [Dataset(x.image.swapaxes(1, 2).repeat(3, -1), x.label) for x in _splits()[:3]]
  splits = _splits()._replace(train=colours[0], validation=colours[1], test=colours[2])
  seen = classifier.identify(splits)[0]
  states, whole = [], programs.training

  def watched(*arguments, **options):
    begin, advance = whole(*arguments, **options)

    def kept(*now):
      progress, totals = advance(*now)
      states.append(jax.device_get(progress.state))
      return progress, totals

    return begin, kept

  monkeypatch.setattr(programs, "training", watched)
  found = training.train(seen, splits, (0, 1, 2), lambda _: None, "deep")
  image = splits.test.image[:20] / np.float32(255)
  see = jax.jit(apply(Deep(2)))
  normed = jax.jit(functools.partial(modules.apply, Deep(2, batch_norm=True)))
  for i, trained in found.items():
    params, stats = (
      jax.tree.map(lambda leaf: np.asarray(leaf)[i], tree["classifier"])  # noqa: B023
      for tree in (states[-1].params, states[-1].stats)
    )
    expected, _ = normed(params, stats, image)
    for seen_as, right in zip(see(trained.params, image), expected, strict=True):
      np.testing.assert_allclose(seen_as, right, rtol=1e-3, atol=1e-3)
    assert trained.accuracy > 0.9
    assert trained.recipe == "deep"


def test_images_are_mirrored_and_moved_and_nothing_else():
  image = np.zeros((200, 16, 16, 1), np.float32)
  image[:, 8, 7] = 1.0  # one pixel, right of which there are 8 columns, left of which 7
  moved = np.asarray(training.augment(jax.random.key(0), jnp.asarray(image)))
  assert (moved.sum((1, 2, 3)) == 1).all()
  rows, columns = np.argwhere(moved[..., 0]).T[1:]
  assert set(rows) == set(range(4, 13))
  assert set(columns) == set(range(3, 13))  # 7 or, mirrored, 8, and 4 to either side
  again = training.augment(jax.random.key(1), jnp.asarray(image))
  assert (np.asarray(again) != moved).any()


def test_trained_once_and_then_read(quick, tmp_path):
  lines = []
  first = classifier.feature_networks(_splits(), str(tmp_path), lines.append)
  assert any("training 3 classifiers of sides" in line for line in lines)
  assert len({network.name for network in first}) == 3  # the seed changes the weights
  assert all(network.name.startswith(f"sides-{i}-") for i, network in enumerate(first))
  lines.clear()
  second = classifier.feature_networks(_splits(), str(tmp_path), lines.append)
  assert not any("training" in line for line in lines)
  assert [a.name for a in first] == [b.name for b in second]
  assert_trees_equal(first[1].params, second[1].params)
  image = jnp.asarray(_images(3).image) / 255
  np.testing.assert_array_equal(
    first[1].apply(first[1].params, image)[0], second[1].apply(second[1].params, image)[0]
  )


def test_what_is_held_out_for_a_run_does_not_matter_and_test_images_are_not_seen(quick, tmp_path):
  def names(splits, cache="a"):
    found = classifier.feature_networks(splits, str(tmp_path / cache), lambda _: None)
    return [network.name for network in found]

  usual = names(_splits())
  assert names(_splits(validation=20)) == usual
  assert names(_splits(test_seed=3)) == usual
  assert names(_splits(validation=20, test_seed=3), "b") == usual  # trained anew
  assert names(_splits(seed=1)) != usual  # other training images
  assert len(list((tmp_path / "a").rglob("*.npz"))) == 2 * classifier.COUNT


def test_a_damaged_file_is_trained_anew(quick, tmp_path, caplog):
  first = classifier.feature_networks(_splits(), str(tmp_path), lambda _: None)
  file = sorted(tmp_path.rglob("*.npz"))[1]
  content = bytearray(file.read_bytes())
  content[len(content) // 2] ^= 1
  file.write_bytes(content)
  lines = []
  with caplog.at_level(logging.WARNING):
    second = classifier.feature_networks(_splits(), str(tmp_path), lines.append)
  assert "damaged and not used" in caplog.text
  assert "training a classifier of sides" in lines[0]  # the others are there
  assert [first[i].name for i in (0, 2)] == [second[i].name for i in (0, 2)]
  for a, b in zip(*(jax.tree.leaves(x[1].params) for x in (first, second)), strict=True):
    np.testing.assert_allclose(a, b, atol=1e-4)  # it trained alone, and beside the others


def test_as_many_are_trained_as_are_asked_for(quick, tmp_path):
  lines = []
  one = classifier.feature_networks(_splits(), str(tmp_path), lines.append, 1)
  assert [network.name.split("-")[1] for network in one] == ["0"]
  lines.clear()
  every = classifier.feature_networks(_splits(), str(tmp_path), lines.append)
  assert "training 2 classifiers" in lines[0]
  assert every[0].name == one[0].name
  assert len({network.name for network in every}) == 3


def test_a_packaged_network_is_read_a_damaged_one_trained_anew(
  quick, tmp_path, monkeypatch, caplog
):
  monkeypatch.setattr(classifier, "PACKAGED", tmp_path / "weights")
  (tmp_path / "weights").mkdir()
  splits, file = _splits(), tmp_path / "weights" / "sides-0.safetensors"
  (trained,) = classifier.feature_networks(splits, str(tmp_path / "a"), lambda _: None, 1)
  params = jax.tree.map(np.asarray, trained.params)
  facts = {"dataset": classifier.identify(splits)[2]["small"], "accuracy": "0.75"}
  facts["weights"] = classifier.digest_of_params(params)

  def said(content):
    file.write_bytes(content)
    lines = []
    (network,) = classifier.feature_networks(splits, str(tmp_path / "b"), lines.append, 1)
    assert_trees_close(network.params, params)
    return lines

  whole = save(classifier.flat(params), facts)
  assert said(whole) == ["feature network of sides (genjax's own): test accuracy 75.00%"]
  other = save(classifier.flat(params), facts | {"dataset": "of other images"})
  assert "training a classifier of sides" in said(other)[0]
  assert not caplog.records
  flipped = whole[:-9] + bytes([whole[-9] ^ 64]) + whole[-8:]
  for damaged in (whole[:1000], b"", save(classifier.flat(params)), flipped):
    caplog.clear()
    assert "genjax's own" not in said(damaged)[-1]
    (record,) = caplog.records
    assert "sides-0.safetensors is damaged, and a network is trained in its place" in record.message


@pytest.mark.parametrize(
  ("name", "recipe", "told", "some"),
  [
    ("digits", "small", "98.33%, 99.00%, 98.67%", [0.98, 0.985, 0.98]),
    ("mnist", "small", "99.32%, 99.37%, 99.26%", [0.9945, 0.9955, 0.9925]),
    ("cifar10", "deep", "89.42%, 89.42%, 89.05%", [0.909, 0.907, 0.905]),
  ],
)
def test_networks_that_come_with_the_package(name, recipe, told, some, caches, tmp_path):
  """Their accuracy is what their files say."""
  sizes = {"digits": 200, "mnist": 2000, "cifar10": 1000}
  if name != "digits" and not os.environ.get("TFDS_DATA_DIR"):
    pytest.skip("needs TFDS_DATA_DIR")
  splits = data.load(name)
  lines = []
  found = classifier.feature_networks(splits, str(tmp_path), lines.append)
  assert lines == [f"feature networks of {name} (genjax's own): test accuracy {told}"]
  assert not list(tmp_path.iterdir())
  params = jax.tree.map(lambda *leaves: np.stack(leaves), *(one.params for one in found))
  few = jax.tree.map(lambda leaf: leaf[: sizes[name]], splits.test)
  accuracy = training.accuracies(params, few, 10, recipe)
  np.testing.assert_allclose(accuracy, some, atol=2e-4)


def test_other_images_by_the_name_of_mnist_have_networks_of_their_own(tmp_path, monkeypatch):
  lines = []
  monkeypatch.setattr(training, "LEAST_STEPS", 8)
  classifier.feature_networks(_splits()._replace(source="mnist 3.0.1"), str(tmp_path), lines.append)
  assert "training 3 classifiers of mnist" in lines[0]
