"""Scores by networks that are trained for the purpose."""

import math
from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest

from genjax import data
from genjax.scoring import trained_scores
from genjax.scoring.protocols import Context, Settings
from genjax.types import Dataset

SHAPE = (8, 8, 1)


def _dataset(size, seed):
  """Class 0 is bright on the left, class 1 on the right; both are noisy."""
  rng = np.random.default_rng(seed)
  label = rng.integers(0, 2, size).astype(np.int32)
  side = (np.arange(8) // 4)[None, :] == label[:, None]
  image = rng.integers(0, 100, (size, *SHAPE)) + 100 * side[:, None, :, None]
  return Dataset(image.astype(np.uint8), label)


SPLITS = data.Splits(
  _dataset(600, 0), _dataset(200, 1), _dataset(400, 2), ("0", "1"), "sides 1.0.0"
)


def _context(split):
  model = SimpleNamespace(encode=None, decode=None, score=None, num_classes=2)
  held = getattr(SPLITS, split)
  labels = SPLITS.train.label[: len(held.label)]
  return Context(model, SPLITS, held, labels, Settings(split), num_runs=2)


def _block(*images):
  return SimpleNamespace(images=jnp.asarray(np.stack(images)))


@pytest.mark.parametrize("split", ["test", "validation"])
def test_a_fresh_discriminator_tells_noise_from_images(split, monkeypatch):
  monkeypatch.setattr(trained_scores, "DISCRIMINATOR_STEPS", 60)
  group = trained_scores.discriminator(_context(split))
  count = len(getattr(SPLITS, split).label)
  noise = np.random.default_rng(3).integers(0, 256, (count, *SHAPE)).astype(np.uint8)
  alike, unlike = group.measure(_block(_dataset(count, 4).image, noise), {"jsd"})["jsd"]
  assert alike < 0.05
  assert 0.6 < unlike < math.log(2) + 1e-6
  floor = group.floor({"jsd"})["jsd"]
  assert -1 < floor < 0.05


def test_copies_of_training_images_are_no_distribution(monkeypatch):
  """Ten training images again and again: none is told from a real one by looking at it alone."""
  monkeypatch.setattr(trained_scores, "DISCRIMINATOR_STEPS", 60)
  group = trained_scores.discriminator(_context("test"))
  copied = SPLITS.train.image[np.arange(400) % 10]
  new = _dataset(400, 4).image
  again, alike = group.measure(_block(copied, new), {"jsd"})["jsd"]
  assert again > 0.5
  assert alike < 0.05


def test_what_a_student_of_generated_images_learns(monkeypatch):
  monkeypatch.setattr(trained_scores, "STUDENT_STEPS", 60)
  context = _context("test")
  group = trained_scores.student(context)
  good = _dataset(400, 4)
  # Each image's class is the one that was asked for, or always the other one.
  side = good.image[np.argsort(good.label, kind="stable")]
  first = (good.label == 0).sum()
  by_class = {0: side[:first], 1: side[first:]}
  asked, other = (
    np.stack([by_class[k][i % len(by_class[k])] for i, k in enumerate(labels)])
    for labels in (context.labels, 1 - context.labels)
  )
  right, wrong = group.measure(_block(asked, other), {"cas"})["cas"]
  assert right > 0.95
  assert wrong < 0.05
  assert group.floor({"cas"})["cas"] > 0.95


def test_a_fresh_discriminator_needs_images_that_nothing_was_trained_on():
  for count, names in ((15, ()), (16, ("jsd",))):
    few = Dataset(*(x[:count] for x in SPLITS.validation))
    context = _context("test")._replace(splits=SPLITS._replace(validation=few))
    assert trained_scores.discriminator(context).names == names
