"""Paths between latents."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from genjax.metrics import paths


def test_a_straight_and_a_round_way():
  a, b = jnp.array([2.0, 0.0]), jnp.array([0.0, 2.0])
  np.testing.assert_allclose(paths.between(a, b, 3, "linear"), [[2, 0], [1, 1], [0, 2]])
  third = 2 * np.array([[1, 0], [np.sqrt(0.75), 0.5], [0.5, np.sqrt(0.75)], [0, 1]])
  np.testing.assert_allclose(paths.between(a, b, 4, "spherical"), third, atol=1e-6)
  np.testing.assert_allclose(paths.norms(paths.between(a, b, 9, "spherical")), 2, rtol=1e-6)


@pytest.mark.parametrize("kind", paths.KINDS)
def test_both_ends_are_the_latents_themselves_and_masked_dimensions_never_move(kind):
  a, b = jax.random.normal(jax.random.key(0), (2, 6, 5)).at[..., 3:].set(0)
  path = paths.between(a, b, 7, kind)
  assert path.shape == (7, 6, 5)
  np.testing.assert_allclose(path[0], a, rtol=1e-6)
  np.testing.assert_allclose(path[-1], b, rtol=1e-6)
  assert not path[..., 3:].any()


def test_a_round_way_keeps_its_norm_between_those_of_nearly_opposite_ends():
  a, b = jnp.array([2.0, 0.0]), jnp.array([-1.0, 0.05])
  norms = paths.norms(paths.between(a, b, 5, "spherical"))
  np.testing.assert_allclose(norms, 2 + np.linspace(0, 1, 5) * (np.linalg.norm(b) - 2), rtol=1e-5)


def test_between_opposites_the_way_leads_through_the_origin():
  for a, b in (([2.0], [-1.0]), ([3.0, 4.0], [-3.0, -4.0])):
    path = paths.between(jnp.array(a), jnp.array(b), 3, "spherical")
    np.testing.assert_allclose(path, [a, np.zeros(len(a)), b], atol=1e-5)


def test_what_is_no_path():
  a = jnp.ones(2)
  for steps, kind in ((1, "linear"), (5, "cubic")):
    with pytest.raises(ValueError, match="expected at least 2, linear or spherical"):
      paths.between(a, a, steps, kind)


@pytest.mark.parametrize("latent", [1, 2, 10, 100])
def test_shell_of_the_prior(latent):
  expected = stats.chi(latent).mean(), stats.chi(latent).std()
  np.testing.assert_allclose(paths.shell(latent), expected, rtol=1e-6)
  # Half normal and Rayleigh, by hand.
  exact = {1: np.sqrt(2 / np.pi), 2: np.sqrt(np.pi / 2)}
  if latent in exact:
    assert paths.shell(latent)[0] == pytest.approx(exact[latent])


def test_the_middle_of_a_straight_line_leaves_the_shell():
  a, b = jax.random.normal(jax.random.key(1), (2, 2000, 50))
  middle = {kind: paths.norms(paths.between(a, b, 3, kind)[1]).mean() for kind in paths.KINDS}
  mean, sd = paths.shell(50)
  assert float(middle["linear"]) / mean == pytest.approx(np.sqrt(0.5), rel=0.01)
  assert float(middle["spherical"]) == pytest.approx(mean, abs=sd / 4)


@pytest.mark.parametrize(
  ("points", "expected"),
  [
    (
      [[0, 0], [2, 0], [2, 2]],
      (2 * np.sqrt(2), np.sqrt(2), 1),
    ),  # around a corner: 2 / sqrt(2) each
    ([[0], [1], [4]], (4, 1, 1.5)),  # straight, in steps of 1 and 3
  ],
)
def test_length_straightness_and_jumps_by_hand(points, expected):
  np.testing.assert_allclose(paths.smoothness(jnp.array(points, jnp.float32)), expected, rtol=1e-6)


def test_a_path_that_stands_still_has_no_shape():
  length, ratio, jump = paths.smoothness(jnp.ones((5, 3)))
  assert length == 0
  assert np.isnan(ratio)
  assert np.isnan(jump)
