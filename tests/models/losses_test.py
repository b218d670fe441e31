"""Hand figures for every loss, and each against slower, independent mathematics."""

import draws
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from genjax.models import losses

LN2 = np.log(2)


@pytest.mark.parametrize(
  ("name", "score", "real", "generated", "generator"),
  [
    # Worked by hand: D = sigmoid(log 3) = 3/4, so -log D = log 4/3 and -log(1 - D) = log 4.
    ("nonsaturating", np.log(3), np.log(4 / 3), np.log(4), np.log(4 / 3)),
    ("minimax", np.log(3), np.log(4 / 3), np.log(4), -np.log(4)),
    ("nonsaturating", 0.0, LN2, LN2, LN2),
    ("minimax", 0.0, LN2, LN2, -LN2),
    ("wasserstein", 3.0, -3.0, 3.0, -3.0),
    ("hinge", 0.25, 0.75, 1.25, -0.25),
    ("hinge", 2.0, 0.0, 3.0, -2.0),
    ("hinge", -2.0, 3.0, 0.0, 2.0),
    ("least_squares", 0.0, 0.5, 0.0, 0.5),
    ("least_squares", 3.0, 2.0, 4.5, 2.0),
  ],
)
def test_gan_losses_by_hand(name, score, real, generated, generator):
  pair = losses.GAN_LOSSES[name]
  scores = jnp.full((2,), score)
  np.testing.assert_allclose(pair.real(scores), [real] * 2, rtol=1e-6)
  np.testing.assert_allclose(pair.generated(scores), [generated] * 2, rtol=1e-6)
  np.testing.assert_allclose(pair.generator(scores), [generator] * 2, rtol=1e-6)


@pytest.mark.parametrize("name", losses.GAN_LOSSES)
def test_each_player_gains_by_the_right_direction(name):
  pair = losses.GAN_LOSSES[name]
  slope = {part: float(jax.grad(getattr(pair, part))(0.2)) for part in pair._fields[:3]}
  assert slope["real"] < 0 < slope["generated"]  # the critic raises real, lowers generated scores
  assert slope["generator"] < 0  # the generator raises the scores of what it generates


def test_only_the_minimax_generator_saturates():
  def slope(name):
    return abs(float(jax.grad(losses.GAN_LOSSES[name].generator)(-10.0)))

  assert slope("minimax") < 1e-4
  assert slope("nonsaturating") > 0.99


def test_bernoulli_is_the_log_probability_of_binary_images():
  logits = jnp.array([[[[0.0], [np.log(3.0)]]], [[[np.log(3.0)], [-50.0]]]])
  target = jnp.array([[[[1.0], [1.0]]], [[[0.0], [0.0]]]])
  # 1/2 times 3/4, and 1/4 times 1.
  np.testing.assert_allclose(
    losses.bernoulli(logits, target), [np.log(8 / 3), np.log(4)], rtol=1e-6
  )


def test_bernoulli_is_finite_where_a_naive_one_is_not():
  value = losses.bernoulli(jnp.full((1, 1, 1, 1), 200.0), jnp.zeros((1, 1, 1, 1)))
  np.testing.assert_allclose(value, [200.0])


def test_kl_by_hand():
  mean, logvar = jnp.array([[0.0, 2.0, 0.0]]), jnp.array([[0.0, 0.0, np.log(4.0)]])
  np.testing.assert_allclose(losses.gaussian_kl(mean, logvar), [[0, 2, 1.5 - LN2]], rtol=1e-6)


def test_kl_against_monte_carlo():
  mean, logvar = jnp.array([0.7, -1.2]), jnp.array([-0.5, 0.8])
  z = mean[None] + jnp.exp(logvar / 2)[None] * draws.normal(0, (400_000, 2))
  log_q = -((z - mean[None]) ** 2) / jnp.exp(logvar)[None] / 2 - logvar[None] / 2
  log_p = -(z**2) / 2
  exact = losses.gaussian_kl(mean[None], logvar[None])[0]
  np.testing.assert_allclose((log_q - log_p).mean(0), exact, rtol=0.01)


def test_gradient_norm_and_penalty_of_a_linear_critic():
  # score = 3 a - 4 b has gradient (3, -4) everywhere: norm 5, penalty 16.
  x = draws.normal(0, (6, 1, 2, 1))
  norm = losses.gradient_norm(lambda x: 3 * x[:, 0, 0, 0] - 4 * x[:, 0, 1, 0], x)
  np.testing.assert_allclose(norm, 5 * np.ones(6), rtol=1e-6)
  np.testing.assert_allclose(losses.gradient_penalty(norm), 16 * np.ones(6), rtol=1e-5)


def test_gradient_norm_of_a_dead_critic_has_a_finite_gradient():
  def penalty(w):
    norm = losses.gradient_norm(lambda x: w * x.sum((1, 2, 3)), jnp.ones((2, 1, 2, 1)))
    return losses.gradient_penalty(norm).mean()

  assert np.isfinite(jax.grad(penalty)(0.0))


def test_interpolates_lie_between_their_pair_one_point_an_example():
  real, fake = jnp.zeros((200, 2, 2, 1)), jnp.ones((200, 2, 2, 1))
  points = losses.interpolate(jax.random.key(0), real, fake)
  assert float(points.min()) >= 0
  assert float(points.max()) <= 1
  np.testing.assert_array_equal(points, jnp.broadcast_to(points[:, :1, :1], points.shape))
  assert abs(float(points.mean()) - 0.5) < 0.08
  assert float(points.std()) > 0.2


def test_jensen_shannon_at_both_ends():
  # A coin's loss is 2 log 2: no divergence. A perfect discriminator's is 0: log 2.
  np.testing.assert_allclose(losses.jensen_shannon(jnp.array(2 * LN2)), 0, atol=1e-7)
  np.testing.assert_allclose(losses.jensen_shannon(jnp.array(0.0)), LN2, rtol=1e-6)


def test_the_importance_weighted_bound_by_hand():
  # -log((2 + 8) / 2) and -log((1 + 1) / 2); of one sample, the negative weight itself.
  log_weights = jnp.log(jnp.array([[2.0, 1.0], [8.0, 1.0]]))
  np.testing.assert_allclose(losses.importance_weighted(log_weights), [-np.log(5), 0], atol=1e-6)
  np.testing.assert_allclose(
    losses.importance_weighted(log_weights[:1]), -log_weights[0], atol=1e-6
  )
  assert np.isfinite(losses.importance_weighted(jnp.full((3, 2), -1e4))).all()
