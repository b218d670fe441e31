"""The noise of an image is its own, and so is the image."""

import numpy as np

from genjax.analysis import sampling, selection
from genjax.rng import image_noise


def test_the_noise_of_an_image_is_its_own():
  noise = np.asarray(image_noise(3, np.arange(50), 6))
  assert abs(noise.mean()) < 0.2
  assert 0.8 < noise.std() < 1.2
  assert len(np.unique(noise)) == noise.size
  np.testing.assert_allclose(image_noise(3, np.arange(5), 6), noise[:5], rtol=1e-6)
  np.testing.assert_allclose(image_noise(3, np.array([7, 2]), 6), noise[[7, 2]], rtol=1e-6)
  np.testing.assert_allclose(image_noise(3, np.arange(50), 2), noise[:, :2], rtol=1e-6)
  assert not np.isin(image_noise(4, np.arange(50), 6), noise).any()


def test_more_images_begin_with_the_same_and_blocks_leave_no_trace(vae, monkeypatch):
  (chosen,) = selection.read([vae[0]], ["0", "5"])
  labels = np.full(11, -1, np.int32)
  (whole,) = sampling.draw(chosen, 7, labels)
  assert whole.images.shape == (2, 11, 28, 28, 1)
  monkeypatch.setattr(sampling, "BLOCK", 4 * 2 * 28 * 28)
  monkeypatch.setattr(sampling, "BATCH", 3)
  blocks = list(sampling.draw(chosen, 7, labels))
  assert [(block.first, block.images.shape[1]) for block in blocks] == [(0, 4), (4, 4), (8, 3)]
  parts = np.concatenate([block.images for block in blocks], 1)
  assert np.abs(parts - whole.images.astype(int)).max() <= 1  # rounded from another sum's order
  (few,) = sampling.draw(chosen, 7, labels[:3])
  assert np.abs(few.images - whole.images[:, :3].astype(int)).max() <= 1
  (other,) = sampling.draw(chosen, 8, labels[:3])
  assert np.abs(few.images - other.images.astype(int)).max() > 5
