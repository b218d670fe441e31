"""Paths between latents."""

import draws
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import spatial, stats

from genjax.metrics import paths

between = jax.jit(paths.between, static_argnums=(2, 3))
slerp, smoothness = jax.jit(paths.slerp), jax.jit(paths.smoothness)
path_length = jax.jit(paths.perceptual_path_length)


def test_a_straight_and_a_round_way():
  a, b = jnp.array([2.0, 0.0]), jnp.array([0.0, 2.0])
  np.testing.assert_allclose(between(a, b, 3, "linear"), [[2, 0], [1, 1], [0, 2]])
  third = 2 * np.array([[1, 0], [np.sqrt(0.75), 0.5], [0.5, np.sqrt(0.75)], [0, 1]])
  np.testing.assert_allclose(between(a, b, 4, "spherical"), third, atol=1e-6)
  np.testing.assert_allclose(paths.norms(between(a, b, 9, "spherical")), 2, rtol=1e-6)


@pytest.mark.parametrize("kind", paths.KINDS)
def test_both_ends_are_the_latents_themselves_and_masked_dimensions_never_move(kind):
  a, b = draws.normal(0, (2, 6, 5)) * (np.arange(5) < 3)[None, None]
  path = between(a, b, 7, kind)
  assert path.shape == (7, 6, 5)
  np.testing.assert_allclose(path[0], a, rtol=1e-6)
  np.testing.assert_allclose(path[-1], b, rtol=1e-6)
  assert not path[..., 3:].any()


def test_a_round_way_keeps_its_norm_between_those_of_nearly_opposite_ends():
  a, b = jnp.array([2.0, 0.0]), jnp.array([-1.0, 0.05])
  norms = paths.norms(between(a, b, 5, "spherical"))
  np.testing.assert_allclose(norms, 2 + np.linspace(0, 1, 5) * (np.linalg.norm(b) - 2), rtol=1e-5)


def test_between_opposites_the_way_leads_through_the_origin():
  for a, b in (([2.0], [-1.0]), ([3.0, 4.0], [-3.0, -4.0])):
    path = between(jnp.array(a), jnp.array(b), 3, "spherical")
    np.testing.assert_allclose(path, [a, np.zeros(len(a)), b], atol=1e-5)


def test_what_is_no_path():
  a = jnp.ones(2)
  with pytest.raises(ValueError, match="steps is 1; expected 2 or more"):
    paths.between(a, a, 1, "linear")
  with pytest.raises(ValueError, match="kind is 'cubic'; expected linear or spherical"):
    paths.between(a, a, 5, "cubic")


@pytest.mark.parametrize("latent", [1, 2, 10, 100])
def test_shell_of_the_prior(latent):
  expected = stats.chi(latent).mean(), stats.chi(latent).std()
  np.testing.assert_allclose(paths.shell(latent), expected, rtol=1e-6)
  # Half normal and Rayleigh, by hand.
  exact = {1: np.sqrt(2 / np.pi), 2: np.sqrt(np.pi / 2)}
  if latent in exact:
    assert paths.shell(latent)[0] == pytest.approx(exact[latent])


def test_the_middle_of_a_straight_line_leaves_the_shell():
  a, b = draws.normal(1, (2, 2000, 50))
  middle = {kind: paths.norms(between(a, b, 3, kind)[1]).mean() for kind in paths.KINDS}
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
  np.testing.assert_allclose(smoothness(np.array(points, np.float32)), expected, rtol=1e-6)


def test_a_path_that_stands_still_has_no_shape():
  length, ratio, jump = smoothness(np.ones((5, 3), np.float32))
  assert length == 0
  assert np.isnan(ratio)
  assert np.isnan(jump)


def test_slerp_by_hand_and_against_scipy():
  a, b = jnp.array([2.0, 0]), jnp.array([0.0, 1])
  np.testing.assert_allclose(slerp(a, b, jnp.array(0.5)), [2**0.5, 0.5**0.5], rtol=1e-6)
  x, y = np.random.default_rng(0).normal(size=(2, 4))
  x, y = x / np.linalg.norm(x), y / np.linalg.norm(y)
  t = np.linspace(0, 1, 7)
  found = jax.jit(jax.vmap(paths.slerp, (None, None, 0)))(jnp.array(x), jnp.array(y), jnp.array(t))
  np.testing.assert_allclose(found, spatial.geometric_slerp(x, y, t), atol=1e-6)


@pytest.mark.parametrize("angle", [1e-6, 1e-4, 0.9e-3, 1.1e-3, 1e-2, 3.1])
def test_slerp_of_nearly_parallel_latents(angle):
  a, b = np.array([1.0, 0]), np.array([np.cos(angle), np.sin(angle)])
  found = slerp(jnp.array(a), jnp.array(b), jnp.array(0.3))
  np.testing.assert_allclose(found, [np.cos(0.3 * angle), np.sin(0.3 * angle)], atol=2e-5)


def test_slerp_in_one_dimension_and_of_opposite_latents():
  t = jnp.array([0.0, 0.25, 1.0])
  a, b = jnp.full((3, 1), -1.0), jnp.full((3, 1), 3.0)
  np.testing.assert_allclose(slerp(a, b, t), [[-1], [0], [3]], atol=1e-6)
  np.testing.assert_allclose(slerp(b, b / 3, t), [[3], [2.5], [1]], atol=1e-6)
  pair = jnp.array([1.0, 2.0])
  np.testing.assert_allclose(slerp(pair, -pair, jnp.array(0.25)), pair / 2, atol=1e-6)
  nothing = jnp.zeros(2)
  assert np.isfinite(slerp(nothing, pair, jnp.array(0.3))).all()
  assert not slerp(nothing, nothing, jnp.array(0.3)).any()


def _paths(latent):
  a, b = draws.normal(0, (2, 500, latent))
  return a, b, draws.uniform(1, (500,))


def test_path_speed_of_a_linear_map():
  """Along z(t) it is |W z'(t)|^2, to the step's own error; a tenth of the papers' step drowns."""
  a, b, t = _paths(20)
  weights = draws.normal(2, (20, 128))

  def features_of(z):  # far from 0, as features are
    return z @ weights + 3

  x, y, s = (np.asarray(part, float) for part in (a, b, t[:, None]))
  cosine = (x * y).sum(1) / np.linalg.norm(x, axis=1) / np.linalg.norm(y, axis=1)
  angle = np.arccos(cosine)[:, None]
  velocity = angle / np.sin(angle) * (np.cos(s * angle) * y - np.cos((1 - s) * angle) * x)
  expected = ((velocity @ np.asarray(weights, float)) ** 2).sum(1)

  speed = jax.jit(lambda a, b, t, step: paths.path_speed(features_of, a, b, t, step))
  found = speed(a, b, t, 1e-3)
  np.testing.assert_allclose(found, expected, rtol=0.01)
  np.testing.assert_allclose(found.mean(), expected.mean(), rtol=1e-3)
  assert np.abs(speed(a, b, t, 1e-5) / expected - 1).max() > 0.01
  by_default = jax.jit(lambda a, b, t: paths.path_speed(features_of, a, b, t))
  np.testing.assert_allclose(by_default(a, b, t), found, rtol=2e-3)


def test_path_speed_of_each_run_is_that_of_the_run_alone_and_padding_changes_nothing():
  a, b, t = _paths(5)
  weights = draws.normal(2, (3, 5, 8))

  @jax.jit
  def speed(weights, a=a, b=b):
    return paths.path_speed(lambda z: jnp.tanh(z @ weights), a, b, t)

  together = jax.vmap(speed)(weights)
  for row, alone in zip(together, weights, strict=True):
    np.testing.assert_allclose(row, speed(alone), rtol=0.02, atol=1e-3)
  wide = [jnp.pad(part, ((0, 0), (0, 4))) for part in (a, b)]
  padded = speed(jnp.pad(weights[0], ((0, 4), (0, 0)), constant_values=7.0), *wide)
  np.testing.assert_allclose(padded, together[0], rtol=0.02, atol=1e-3)


def test_path_length_drops_the_extremes_and_no_failure():
  speeds = np.arange(101, dtype=np.float32)[::-1].copy()
  assert path_length(speeds) == 50
  for extreme, expected in ((1e9, 50), (np.nan, np.nan)):
    np.testing.assert_equal(
      float(path_length(np.append(np.float32(extreme), speeds[1:]))), expected
    )
  every = jax.jit(jax.vmap(paths.perceptual_path_length))
  np.testing.assert_allclose(every(np.stack([speeds, -speeds])), [50, -50])
