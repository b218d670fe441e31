"""Paths are measured as they are, over seeds."""

import jax.numpy as jnp
import numpy as np
import pytest
import toys

from genjax import paths, selection, smoothness
from genjax.types import FeatureNetwork

SLOPES = jnp.array([[1.0, 2.0, 0.5], [-1.0, 0.5, 3.0], [0.0, 1.0, 0.0]])


def test_a_pair_of_ends_is_the_same_for_every_latent_and_number_of_pairs():
  for narrow, wide in zip(smoothness.ends(2, 2, 7), smoothness.ends(5, 3, 7), strict=True):
    np.testing.assert_array_equal(narrow, wide[:2, :2])
  a, b = smoothness.ends(500, 4, 0)
  everything = np.concatenate([a, b])
  assert abs(everything.mean()) < 0.06
  assert abs(everything.std() - 1) < 0.05
  assert abs(np.corrcoef(a[:, 0], b[:, 0])[0, 1]) < 0.15


def test_an_affine_decoder_is_straight_and_even_along_straight_paths(vae):
  (chosen,) = selection.read([vae[0]], ["latent=3"])
  values = smoothness.measure(toys.linear(chosen, SLOPES), paths.KINDS, seed=1).values
  np.testing.assert_allclose(values["ratio", "linear"], 1, rtol=1e-4)
  np.testing.assert_allclose(values["jump", "linear"], 1, rtol=1e-3)
  a, b = smoothness.ends(smoothness.PAIRS, 3, 1)
  length = jnp.sqrt((((b - a) @ SLOPES.T) ** 2).mean(-1)).mean()
  np.testing.assert_allclose(values["length", "linear"], float(length), rtol=1e-4)
  assert (values["ratio", "spherical"] > 1.01).all()


def test_masked_dimensions_have_no_part(vae):
  (chosen,) = selection.read([vae[0]], ["latent=2", "seed=0"])
  values = smoothness.measure(toys.linear(chosen, SLOPES), ["linear"], seed=1).values
  a, b = smoothness.ends(smoothness.PAIRS, 2, 1)
  length = jnp.sqrt((((b - a) @ SLOPES[:, :2].T) ** 2).mean(-1)).mean()
  np.testing.assert_allclose(values["length", "linear"], float(length), rtol=1e-4)


def test_features_are_measured_in_place_of_pixels(vae):
  network = FeatureNetwork(
    "doubling",
    {"scale": jnp.array(2.0)},
    lambda params, images: (params["scale"] * images.reshape(len(images), -1), None),
    classes=False,
  )
  (chosen,) = selection.read([vae[0]], ["0"])
  toy = toys.linear(chosen, SLOPES)
  pixels = smoothness.measure(toy, ["linear"], 0).values
  features = smoothness.measure(toy, ["linear"], 0, network).values
  np.testing.assert_allclose(
    features["length", "linear"], 2 * pixels["length", "linear"], rtol=1e-5
  )


def test_tables(vae):
  found = selection.read([vae[0]])
  measured = [smoothness.measure(one, paths.KINDS, 0) for one in found]
  table = smoothness.summaries(measured, "pixels")
  assert [block.about["measure"] for block in table.blocks[::2]] == ["length", "ratio", "jump"]
  assert [row[1] + row[2] for row in table.blocks[0].rows] == [2, 2, 2, 2]  # seeds
  pairs = smoothness.pairs(measured, "pixels")
  assert {block.about["measure"] for block in pairs.blocks} == {"ratio", "jump"}
  assert {row[-1] for block in pairs.blocks for row in block.rows} == {"not enough seeds"}
  assert len(smoothness.runs(measured).blocks[0].rows) == 8


def test_the_sentence_has_the_latents_own_figures():
  text = smoothness.explained([100, 100, 2], 0)
  assert text.count("Latent ") == 2
  # sqrt(100) - 1 / (4 sqrt(100)), and 0.71 of it
  assert "Latent 100: the model was trained on |z| = 9.98 ± 0.71; the middle of a linear" in text
  ratio = float(text.split("Latent 100")[1].split(" of that")[0].split()[-1])
  assert ratio == pytest.approx(np.sqrt(0.5), abs=0.01)
