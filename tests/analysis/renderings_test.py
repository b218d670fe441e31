"""Images of many runs by one program, against each run alone and against pixels by numpy."""

import numpy as np
import pytest
import toys

from genjax.analysis import renderings, sampling, selection, smoothness


def test_one_program_gives_each_request_its_images(vae):
  (one,) = selection.read([vae[0]])
  z = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
  none = np.zeros(40, np.int32)
  few, many = renderings.render(
    one, [renderings.Request(5, z[:3], none[:3]), renderings.Request(2, z, none)]
  )
  for run, images in ((5, few), (2, many)):
    alone = toys.loaded(one)[run]
    expected = alone.generate(z[: len(images), : alone.numbers["latent"]])
    np.testing.assert_allclose(images / 255, expected, atol=0.51 / 255)


@pytest.mark.parametrize("chunk", [7, 4096])
def test_the_nearest_training_image(chunk, monkeypatch):
  monkeypatch.setattr(renderings, "CHUNK", chunk)
  rng = np.random.default_rng(0)
  train_images = rng.integers(0, 256, (50, 4, 4, 3), np.uint8)
  images = rng.integers(0, 256, (9, 4, 4, 3), np.uint8)
  images[4] = train_images[48]
  differences = images[:, None].astype(float) - train_images[None]
  expected = (differences**2).sum((2, 3, 4)).argmin(1)
  assert renderings.nearest(images, train_images).tolist() == expected.tolist()
  assert expected[4] == 48


def test_samples_and_paths_are_those_of_the_commands(vae):
  (one,) = selection.read([vae[0]])
  z, walks = renderings.latents_of(one, 5, [0], 3)
  (images,) = renderings.render(one, [renderings.Request(0, z, np.zeros(5, np.int32))])
  (block,) = sampling.draw(one, 0, np.full(5, -1, np.int32))
  assert np.abs(images.astype(int) - block.images[0]).max() <= 1
  mask = np.asarray(one.rows[0].latent_mask)[0]
  a, b = map(np.asarray, smoothness.ends(renderings.PAIRS, len(mask), 0))
  np.testing.assert_allclose(walks[0, 0], a * mask, atol=1e-6)
  np.testing.assert_allclose(walks[0, -1], b * mask, atol=1e-6)


def test_a_nan_is_grey(vae):
  (one,) = selection.read([vae[0]], ["0"])
  one = one._replace(
    saved=one.saved._replace(
      model=one.model._replace(generate=lambda run, state, z, label: np.nan * z[:, None, None])
    )
  )
  z = np.zeros((1, one.model.latent), np.float32)
  (images,) = renderings.render(one, [renderings.Request(0, z, np.zeros(1, np.int32))])
  assert set(images.ravel().tolist()) == {128}
