"""What is shown of a program's runs."""

import base64
import io

import numpy as np
import pytest
import toys
from PIL import Image

from genjax import data
from genjax.analysis import latents, renderings, selection
from genjax.reporting import samples


@pytest.fixture(scope="module")
def made(vae):
  (one,) = selection.read([vae[0]])
  quota = {"gallery": [0, 5], "interpolations": [4], "explorer": [0, 5]}
  train = data.load("digits").train.image
  return one, train, samples.decoded(one, quota, 400, train)


def image_of(picture):
  return Image.open(io.BytesIO(base64.b64decode(picture.source.partition(",")[2])))


def test_a_row_has_samples_over_the_training_images_nearest_to_them(made, vae):
  one, train, found = made
  assert [row.name for row in found.gallery] == ["seed 0", "seed 1"]
  pixels = np.asarray(image_of(found.gallery[1].picture))
  height = 56
  z, _ = renderings.latents_of(one, 3, (0,), 2)
  images = np.asarray(toys.loaded(one)[5].generate(z))
  np.testing.assert_allclose(pixels[:height:2, :56:2] / 255, images[0, ..., 0], atol=0.51 / 255)
  index = renderings.nearest(np.rint(images * 255).astype(np.uint8), train)
  np.testing.assert_array_equal(pixels[height + 4 :: 2, :56:2], train[index[0], ..., 0])
  assert "nearest training image" in found.gallery[0].picture.alt


def test_animations_go_forth_and_back_and_have_stills(made):
  (row,) = made[2].interpolations
  with image_of(row.picture) as gif:
    assert gif.n_frames == 2 * samples.FRAMES - 2
    assert gif.width == renderings.PAIRS * 29 - 1
  assert row.still.width == samples.STILLS * 60 - 4


def test_spaces_say_where_the_other_dimensions_are(made):
  two, three = made[2].spaces
  assert two["about"] == "Weights of step 12."
  assert len(two["values"]) == 17
  assert three["axes"] == ["Dimension 0", "Dimension 1", "Dimension 2"]  # not measured for 12 steps
  assert len(three["values"]) == 7


def test_after_long_trainings_the_dimensions_that_matter_are_measured(vae, monkeypatch):
  monkeypatch.setattr(samples, "SHORT", 0)
  (one,) = selection.read([vae[0]])
  (space,) = samples._spaces(one, [4], 49, np.ones(3, np.float32))
  importance, _ = latents.importance(one)
  assert space.dimensions == tuple(sorted(np.argsort(-importance[4])[:2].tolist()))
  assert space.titles[0].endswith(f"KL {importance[4][space.dimensions[0]]:.3g}")
  assert not space.base.any()  # the prior's middle
  assert "The other 1 of 3 dimensions stay at 0" in samples._about(one, 4, space.dimensions)


def test_what_a_model_can_afford(vae):
  (one,) = selection.read([vae[0]])
  params = one.saved.progress.state.params["decoder"]
  kernels = [leaf[0] for leaf in params_of(params) if leaf.ndim == 3]
  assert samples.affordable(one) == int(samples.FLOP // sum(2 * k.size for k in kernels))


def params_of(tree):
  return [
    leaf
    for part in tree.values()
    for leaf in (params_of(part) if isinstance(part, dict) else [part])
  ]
