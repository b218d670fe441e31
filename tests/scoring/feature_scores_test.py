"""Real against generated images in the features of a network."""

import importlib.util
import os
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from prdc import compute_prdc
from scipy import linalg
from sklearn.metrics.pairwise import polynomial_kernel

from genjax import data
from genjax.scoring import classifier, feature_scores
from genjax.types import Dataset, FeatureNetwork, UserError

SHAPE = (4, 4, 1)
ALL = {"fd", "fd_infinity", "kd", "precision", "recall", "density", "coverage", "distinct"}
ALL |= {"memorised", "emd_features"}


def _dataset(size, seed, low=0):
  rng = np.random.default_rng(seed)
  image = rng.integers(low, 200, (size, *SHAPE)).astype(np.uint8)
  return Dataset(image, rng.integers(0, 3, size).astype(np.int32))


SPLITS = data.Splits(
  _dataset(900, 0), _dataset(50, 1), _dataset(400, 2), ("0", "1", "2"), "noise 1.0.0"
)
W = np.random.default_rng(3).normal(size=(16, 6)).astype(np.float32)


def _apply(w, images):
  features = images.reshape(len(images), -1) @ w
  return features, features[:, :3]


def _linear(classes, logits=True):
  apply = _apply if logits else lambda w, images: (_apply(w, images)[0], None)
  return FeatureNetwork("linear", jnp.asarray(W), apply, classes)


@pytest.fixture
def reference():
  return feature_scores.Reference(_linear(classes=True), SPLITS, SPLITS.test)


def _features(images):
  return images.reshape(len(images), -1) / 255 @ W.astype(np.float64)


def _blind(images_below):
  """A network that gives no number for images whose first pixel is darker."""

  def apply(w, images):
    features = images.reshape(len(images), -1) @ w
    dark = images.reshape(len(images), -1)[:, :1] < images_below / 255
    return jnp.where(dark, jnp.nan, features), None

  return FeatureNetwork("mine:f-1", jnp.asarray(W), apply, classes=False)


def test_images_that_a_network_cannot_see_have_no_scores():
  """Whatever an order of NaN would make of it: they neither fail to stop nor score best."""
  held = SPLITS.test._replace(image=SPLITS.test.image.clip(20))
  splits = SPLITS._replace(train=SPLITS.train._replace(image=SPLITS.train.image.clip(20)))
  reference = feature_scores.Reference(_blind(20), splits, held)
  names = set(reference.names)
  sound = reference.score(reference.see(*held), names)
  assert ALL - {"distinct"} <= {name for name, value in sound.items() if np.isfinite(value)}
  one = held.image.copy()
  one[0, 0, 0] = 0
  found = reference.score(reference.see(one, held.label), names)
  assert set(found) == set(sound)
  assert np.isnan([*found.values()]).all()


def test_a_network_that_cannot_see_real_images_is_refused():
  reference = feature_scores.Reference(_blind(100), SPLITS, SPLITS.test)
  unseen = np.count_nonzero(SPLITS.train.image[:, 0, 0, 0] < 100)
  with pytest.raises(UserError) as caught:
    reference.score(reference.see(*SPLITS.test._replace(image=SPLITS.test.image.clip(100))), {"fd"})
  assert str(caught.value) == (
    f"--features=mine:f-1 gives {unseen:,} of 900 real images features that are infinite or NaN; "
    "expected finite ones"
  )


def test_what_it_sees_in_real_images_is_kept(reference, tmp_path, monkeypatch):
  """By the same network and images alone; a damaged file is as none."""

  def another(network=reference.network, splits=SPLITS):
    return feature_scores.Reference(network, splits, splits.test, cache=str(tmp_path))

  def seen(one):
    return [part for images in (one.train, one.held) for part in images]

  expected, looks, see = seen(reference), [], feature_scores.Reference.see
  monkeypatch.setattr(
    feature_scores.Reference, "see", lambda self, *given: looks.append(1) or see(self, *given)
  )

  def looks_of(one):
    looks.clear()
    found = seen(one)
    return len(looks), found

  for number in (2, 0):
    looked, found = looks_of(another())
    assert looked == number
    for a, b in zip(found, expected, strict=True):
      np.testing.assert_array_equal(a, b)
  assert looks_of(another(reference.network._replace(name="another")))[0] == 2
  reversed_ = jax.tree.map(lambda leaf: leaf[::-1], SPLITS.train)
  assert looks_of(another(splits=SPLITS._replace(train=reversed_)))[0] == 1
  for file in (tmp_path / "seen").glob("linear-*.npz"):
    file.write_bytes(file.read_bytes()[:-40])
  assert looks_of(another())[0] == 2
  # A function of one's own has no weights that would tell it from another.
  own = reference.network._replace(params={}, apply=lambda _, images: _apply(W, images))
  assert [looks_of(another(own))[0] for _ in range(2)] == [2, 2]


def test_what_a_network_allows():
  allowed = [
    set(feature_scores.Reference(network, SPLITS, SPLITS.test).names)
    for network in (_linear(False, logits=False), _linear(False), _linear(True))
  ]
  assert allowed[0] == ALL
  assert allowed[1] == ALL | {"classifier_score"}
  assert allowed[2] == ALL | {"classifier_score", "modes", "class_jsd", "label_agreement"}


def test_only_what_is_asked_for(reference):
  seen = reference.see(*_dataset(300, 5))
  assert reference.score(seen, {"recall", "modes"}).keys() == {"recall", "modes"}
  assert reference.score(seen, set()) == {}


def test_frechet_is_against_all_training_images(reference):
  other = _dataset(300, 5, low=40)
  a, b = (_features(images) for images in (SPLITS.train.image, other.image))
  root = linalg.sqrtm(np.cov(a.T) @ np.cov(b.T)).real
  expected = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(np.cov(a.T) + np.cov(b.T) - 2 * root)
  found = reference.score(reference.see(*other), {"fd"})["fd"]
  np.testing.assert_allclose(found, expected, rtol=1e-4)
  assert found > 10 * reference.score(reference.held, {"fd"})["fd"]


def test_what_compares_pairs_has_its_own_name(reference):
  """By the libraries of others, against as many training images as are held out."""
  other = _dataset(300, 5, low=40)
  x = _features(SPLITS.train.image)[: len(reference.held.labels)]
  y = _features(other.image)
  near, dense = (compute_prdc(x, y, k) for k in (3, 5))
  expected = {name: near[name] for name in ("precision", "recall")}
  expected |= {name: dense[name] for name in ("density", "coverage")}
  within = [polynomial_kernel(z, degree=3) for z in (x, y)]
  within = sum((k.sum() - np.trace(k)) / (len(k) * (len(k) - 1)) for k in within)
  expected["kd"] = within - 2 * polynomial_kernel(x, y, degree=3).mean()
  found = reference.score(reference.see(*other), set(expected))
  assert len({round(value, 3) for value in expected.values()}) == 5
  for name, value in expected.items():
    np.testing.assert_allclose(found[name], value, rtol=1e-3, atol=0.01, err_msg=name)


def test_classes_are_the_networks_and_agree_with_what_was_asked(reference):
  other = _dataset(300, 5)
  seen = reference.see(*other)
  classes = _features(other.image)[:, :3].argmax(1)
  found = reference.score(seen, {"modes", "class_jsd", "label_agreement"})
  assert found["modes"] == len(set(classes))
  np.testing.assert_allclose(found["label_agreement"], (classes == other.label).mean())
  np.testing.assert_allclose(seen.probabilities.sum(1), 1, rtol=1e-5)


def test_copies_of_training_images_are_seen(reference):
  copies = reference.see(SPLITS.train.image[:300], SPLITS.train.label[:300])
  assert reference.score(copies, {"memorised"}) == {"memorised": 1.0}
  np.testing.assert_allclose(reference.score(reference.held, {"memorised"})["memorised"], 0.01)
  repeated = SPLITS.test.image[np.arange(400) % 20]
  distinct = reference.score(reference.see(repeated, np.zeros(400, int)), {"distinct"})["distinct"]
  np.testing.assert_allclose(distinct, 21, atol=0.1)  # 20 * 399 / 380


def test_images_go_through_a_network_in_its_own_batches():
  network = _linear(classes=True)._replace(batch=7)
  reference = feature_scores.Reference(network, SPLITS, SPLITS.test)
  program = str(jax.make_jaxpr(reference.look)(SPLITS.test.image, network.params))
  assert f"length={400 // 7}" in program
  np.testing.assert_allclose(reference.held.features, _features(SPLITS.test.image), rtol=1e-4)


def test_nearest_are_training_images(reference):
  wanted = SPLITS.train.image[[5, 700]]
  np.testing.assert_array_equal(reference.nearest(wanted), wanted)


def test_the_floor_is_the_held_out_images_score(reference):
  again = reference.see(*SPLITS.test)
  assert reference.score(reference.held, ALL) == reference.score(again, ALL)


# Images that are known to be wrong.


@pytest.fixture(scope="module")
def corruptions():
  file = pathlib.Path(__file__).resolve().parents[2] / "launch" / "corruptions.py"
  spec = importlib.util.spec_from_file_location("corruptions", file)
  module = importlib.util.module_from_spec(spec)
  spec.loader.exec_module(module)
  return module.corruptions


def test_the_corruptions_are_what_they_say(corruptions):
  rng = np.random.default_rng(0)
  test = Dataset(rng.integers(0, 256, (500, 28, 28, 1)).astype(np.uint8), np.arange(500) % 10)
  made = list(corruptions(test).values())
  assert [len(images) for images in made] == [500, 450, 500, 500, 500, 50, 500]
  assert all(images.dtype == np.uint8 and images.shape[1:] == (28, 28, 1) for images in made)
  np.testing.assert_array_equal(made[2][:100], made[2][400:])
  means = [images.mean() for images in (made[0], made[3], made[4])]
  np.testing.assert_allclose(means, means[0], atol=0.05)  # blur makes nothing darker
  deviations = [images.astype(float).std() for images in (made[0], made[3], made[4])]
  assert deviations[0] > 1.5 * deviations[1] > 1.5 * deviations[2]


def test_real_mnist_spoilt_in_six_ways_is_put_in_order(caches, corruptions):
  """As `launch/corruptions.py` does with more images."""
  if not os.environ.get("TFDS_DATA_DIR"):
    pytest.skip("TFDS_DATA_DIR names no folder with MNIST")
  splits = data.load("mnist")
  (network,) = classifier.feature_networks(splits, "", lambda _: None, 1)
  train, test = (
    Dataset(*(x[:n] for x in part)) for part, n in ((splits.train, 10_000), (splits.test, 4000))
  )
  reference = feature_scores.Reference(network, splits._replace(train=train), test)
  scores = {
    title: reference.score(
      reference.see(images, np.zeros(len(images), int)), {"fd", "classifier_score", "coverage"}
    )
    for title, images in corruptions(test).items()
  }
  distances = [score["fd"] for score in scores.values()]
  real, *spoilt, ones, noise = distances
  assert spoilt[-1] < min(ones, noise)  # how these two compare depends on the network
  assert real < distances[1] < distances[2] < distances[3] < distances[4]
  assert 4 * real < distances[1]
  score = {title: found["classifier_score"] for title, found in scores.items()}
  assert score["real test images"] > 7.5
  assert score["100 images repeated"] > 7  # which it is blind to
  assert max(score["only the digit 1"], score["uniform noise"]) < 2.5
  assert (
    scores["100 images repeated"]["coverage"] < 0.2 < 0.7 < scores["real test images"]["coverage"]
  )
