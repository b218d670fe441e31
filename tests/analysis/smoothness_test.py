"""Paths are measured as they are, over seeds."""

import jax.numpy as jnp
import numpy as np
import pytest
import toys

from genjax.analysis import pair_tables, selection, setting_tables, smoothness
from genjax.metrics import paths
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
    "doubling-1a2b",
    {"scale": jnp.array(2.0)},
    lambda params, images: (params["scale"] * images.reshape(len(images), -1), None),
    classes=False,
  )
  (chosen,) = selection.read([vae[0]], ["0"])
  toy = toys.linear(chosen, SLOPES)
  pixels = smoothness.measure(toy, ["linear"], 0).values
  seen = smoothness.measure(toy, ["linear"], 0, network)
  assert seen.about["space"] == "doubling-1a2b"
  features = seen.values
  np.testing.assert_allclose(
    features["length", "linear"], 2 * pixels["length", "linear"], rtol=1e-5
  )


def test_measures_of_workdirs(vae):
  found = selection.read([vae[0]])
  measured = [smoothness.measure(one, paths.KINDS, 0) for one in found]
  made = smoothness.measures_of(measured)
  protocol = {"space": "pixels", "weights": "best", "noise_seed": "0", "pairs": "32", "steps": "64"}
  assert all(protocol.items() <= measure.about.items() for measure in made)
  assert "64 steps between 32 pairs of random latents (noise seed 0), best weights, in pixels" in (
    smoothness.described(measured)
  )
  assert [measure.about["measure"] for measure in made[::2]] == ["ratio", "jump", "length"]
  assert [measure.better for measure in made[::2]] == ["lower", "lower", ""]
  assert [len(one.runs) for one in made[0].settings.values()] == [2, 2, 2, 2]  # seeds
  pairs = pair_tables.pairs(made)
  assert {block.about["measure"] for block in pairs.blocks} == {"ratio", "jump"}
  assert {row[-1] for block in pairs.blocks for row in block.rows} == {"not enough seeds"}
  assert [len(block.rows) for block in setting_tables.runs(made).blocks] == [8] * 6
  names = {f"smoothness{part}.csv" for part in ("", "_pairs", "_runs")}
  assert pair_tables.files("smoothness", made).keys() == names


def test_a_run_of_which_pairs_stand_still_has_no_shape_and_it_is_said(vae):
  """Of the others alone it would be perfect: straight and even."""
  (chosen,) = selection.read([vae[0]], ["0", "1"])

  def generate(run, state, z, label=None):
    """Stands still where the first dimension is negative, and else moves evenly."""
    return jnp.maximum(z[:, :1], 0).reshape(len(z), 1, 1, 1)

  toy = toys.with_model(chosen, (1, 1, 1), generate=generate)
  measured = smoothness.measure(toy, ["linear"], seed=1)
  a, b = (np.asarray(ends)[:, 0] for ends in smoothness.ends(smoothness.PAIRS, 3, 1))
  still = (a < 0) & (b < 0)
  assert 0 < still.sum() < len(still)
  assert measured.still.tolist() == [still.sum()] * 2
  for shape in ("ratio", "jump"):
    assert np.isnan(measured.values[shape, "linear"]).all()
  length = np.abs(np.maximum(b, 0) - np.maximum(a, 0)).mean()  # those that stand still have 0
  np.testing.assert_allclose(measured.values["length", "linear"], length, rtol=1e-5)
  (line,) = smoothness.on_still([measured])
  assert line.startswith("in 2 of 2 runs there are pairs")
  assert f"up to {still.sum()} of 32" in line


def test_a_generator_of_one_image_has_no_shape_and_says_so(vae):
  (chosen,) = selection.read([vae[0]], ["0", "1"])
  toy = toys.linear(chosen, jnp.zeros((2, 3)))
  ratio, jump, length = smoothness.measures_of([smoothness.measure(toy, ["linear"], 0)])
  assert [sum(map(len, one.known.values())) for one in (ratio, jump, length)] == [0, 0, 2]
  for measure in (ratio, jump):
    assert any("2 of 2 runs have no figure" in n for n in setting_tables.uncounted(measure))


def test_the_sentence_has_the_latents_own_figures():
  text = smoothness.explained([100, 100, 2], 0)
  assert text.count("Latent ") == 2
  # sqrt(100) - 1 / (4 sqrt(100)), and 0.71 of it
  assert "Latent 100: the prior's latents have |z| = 9.98 ± 0.71; the middle of a linear" in text
  ratio = float(text.split("Latent 100")[1].split(" of that")[0].split()[-1])
  assert ratio == pytest.approx(np.sqrt(0.5), abs=0.01)
