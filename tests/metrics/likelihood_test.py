"""Likelihoods against exact densities, quadrature and closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, stats

from genjax.metrics import likelihood

importance = jax.jit(likelihood.log_likelihood, static_argnames=("log_prob", "samples", "chunk"))


def log_likelihood(*arguments):
  return importance(*arguments).log_likelihood


elbo = jax.jit(likelihood.elbo, static_argnames=("log_prob", "samples"))
KEY = jax.random.key(0)
ALL = jnp.ones(3)


class Linear:
  """x = W z + b + s noise, z of 3 dimensions: x is normal, and so is z given x."""

  W = np.array([[1.0, 0.3, 0.0], [0.5, -1.0, 0.2], [0.0, 0.4, 0.8], [-0.7, 0.0, 0.5]])
  b, s = np.array([0.5, 0.0, -0.3, 1.0]), 0.7
  x = np.random.default_rng(0).normal(size=(6, 4))
  exact = stats.multivariate_normal(b, W @ W.T + s**2 * np.eye(4)).logpdf(x)

  @classmethod
  def log_prob(cls, z):
    mean = z @ jnp.asarray(cls.W.T, jnp.float32) + jnp.asarray(cls.b, jnp.float32)[None]
    return jax.scipy.stats.norm.logpdf(jnp.asarray(cls.x, jnp.float32), mean, cls.s).sum(-1)

  @classmethod
  def posterior(cls):
    """The best one with independent dimensions: mean and variances."""
    precision = np.eye(3) + cls.W.T @ cls.W / cls.s**2
    mean = (cls.x - cls.b) @ cls.W / cls.s**2 @ np.linalg.inv(precision)
    return mean, 1 / np.diag(precision)

  @classmethod
  def elbo(cls, mean, variance):
    """Of an independent normal posterior, in closed form."""
    residual = ((cls.x - cls.b - mean @ cls.W.T) ** 2).sum(-1) + (variance * cls.W**2).sum((0, 1))
    expected = -residual / cls.s**2 / 2 - 2 * np.log(2 * np.pi * cls.s**2)
    return expected - (mean**2 + variance - 1 - np.log(variance)).sum(-1) / 2


def _encoded(shift=0.0, scale=1.0):
  """A posterior that is off by so much."""
  mean, variance = Linear.posterior()
  logvar = np.broadcast_to(np.log(variance * scale), mean.shape)
  return jnp.asarray(mean + shift, jnp.float32), jnp.asarray(logvar, jnp.float32)


def test_samples_that_the_weights_are_worth():
  """All of them of a posterior that is right; of one that is off, as its weights say."""
  prior = jnp.zeros((2, 1)), jnp.zeros((2, 1))
  found = importance(KEY, lambda z: jnp.zeros(len(z)), *prior, jnp.ones(1), 70, 20)
  np.testing.assert_allclose(found.effective, [70, 70], rtol=1e-4)
  weights = []

  def log_prob(z):
    return -8 * (z[:, 0] - 2) ** 2

  for chunk in (20, 70):
    found = importance(KEY, log_prob, *prior, jnp.ones(1), 70, chunk)
    weights.append(np.asarray(found.effective))
    assert (found.effective > 1).all()
    assert (found.effective < 20).all()
  np.testing.assert_allclose(*weights, rtol=1e-4)


def test_more_samples_come_nearer_to_the_exact_likelihood_from_below():
  mean, logvar = _encoded(0.3, 3.0)

  @jax.jit(static_argnums=(0, 1))
  def expected(samples, repeats):  # of independent estimates
    def one(key):
      return log_likelihood(key, Linear.log_prob, mean, logvar, ALL, samples).mean()

    return jax.vmap(one)(jax.random.split(KEY, repeats)).mean()

  found = [expected(1, 4000), expected(5, 1000), expected(50, 300), expected(5000, 3)]
  exact = Linear.exact.mean()
  np.testing.assert_allclose(found[0], Linear.elbo(*_float(mean, logvar)).mean(), atol=0.05)
  assert found[0] < found[1] - 0.2
  assert found[1] < found[2] - 0.05
  assert found[2] < exact - 0.01
  assert abs(found[3] - exact) < 0.01


def _float(mean, logvar):
  return np.asarray(mean, float), np.exp(np.asarray(logvar[0], float))


def test_each_image_has_its_own_likelihood():
  found = log_likelihood(KEY, Linear.log_prob, *_encoded(), ALL)
  np.testing.assert_allclose(found, Linear.exact, atol=0.02)


def test_an_exact_posterior_needs_one_sample():
  """All weights are then p(x): z of one dimension, x of one, given by hand."""
  x = jnp.array([[0.3], [-1.7]])
  w, s = 1.3, 0.5
  variance = 1 / (1 + w**2 / s**2)

  def log_prob(z):
    return jax.scipy.stats.norm.logpdf(x, w * z, s)[:, 0]

  mean, logvar = variance * w / s**2 * x, jnp.full((2, 1), np.log(variance))
  for samples in (1, 7):
    found = log_likelihood(KEY, log_prob, mean, logvar, jnp.ones(1), samples)
    expected = stats.norm.logpdf(x[:, 0], 0, np.hypot(w, s))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


WEIGHTS = jnp.array([[1.5, -2.0, 0.7, 3.0]])
BIAS = jnp.array([0.2, 0.0, -1.0, 0.5])
IMAGES = jnp.array([[1, 0, 0, 1], [0, 1, 1, 0], [1, 1, 1, 1.0]]).reshape(3, 2, 2, 1)


def _decode(z):
  return (z @ WEIGHTS + BIAS[None]).reshape(-1, 2, 2, 1)


def test_binary_images_by_quadrature():
  weights, bias = np.asarray(WEIGHTS[0], float), np.asarray(BIAS, float)

  def exact(image):
    def density(z):
      p = 1 / (1 + np.exp(-(weights * z + bias)))
      return stats.norm.pdf(z) * np.prod(np.where(image == 1, p, 1 - p))

    return np.log(integrate.quad(density, -12, 12)[0])

  expected = [exact(np.asarray(image).ravel()) for image in IMAGES]
  log_prob = likelihood.bernoulli(_decode, IMAGES)
  mean, logvar = jnp.array([[0.5], [-1.0], [0.0]]), jnp.full((3, 1), 0.3)
  found = log_likelihood(KEY, log_prob, mean, logvar, jnp.ones(1), 50_000, 1000)
  np.testing.assert_allclose(found, expected, atol=0.01)


def test_bernoulli_of_sure_logits_and_of_grey_images():
  logits = jnp.full((2, 2, 2, 1), 40.0)
  assert (1 - jax.nn.sigmoid(logits) == 0).all()  # whose logarithm would be infinite
  black = jnp.zeros((2, 2, 2, 1))
  found = likelihood.bernoulli(lambda z: logits, black)(jnp.zeros((2, 1)))
  np.testing.assert_allclose(found, [-160, -160])
  grey = black.at[1, 0, 0, 0].set(0.5)
  found = likelihood.bernoulli(lambda z: logits, grey)(jnp.zeros((2, 1)))
  np.testing.assert_array_equal(np.isnan(found), [False, True])


def test_the_likelihood_does_not_depend_on_the_chunk():
  def found(chunk):
    return log_likelihood(KEY, Linear.log_prob, *_encoded(0.3), ALL, 100, chunk)

  for chunk in (1, 30, 1000):
    np.testing.assert_allclose(found(chunk), found(50), rtol=1e-5)


def test_the_sum_of_weights_neither_overflows_nor_vanishes():
  mean, logvar = jnp.zeros((2, 1)), jnp.zeros((2, 1))

  def log_prob(z):  # the latent has no part
    return jnp.array([-1e4, 1e3])

  found = log_likelihood(KEY, log_prob, mean, logvar, jnp.ones(1), 70, 20)
  np.testing.assert_allclose(found, [-1e4, 1e3], rtol=1e-5)

  def broken(z):
    return jnp.array([jnp.nan, 0.0])

  found = log_likelihood(KEY, broken, mean, logvar, jnp.ones(1), 70, 20)
  np.testing.assert_array_equal(np.isnan(found), [True, False])


def _padded(mean, logvar, fill):
  return [jnp.pad(part, ((0, 0), (0, 2)), constant_values=fill) for part in (mean, logvar)]


@pytest.mark.parametrize("fill", [0.0, 5.0])
def test_masked_dimensions_have_no_part(fill):
  """Whatever the encoder says of them; and the decoder sees 0 there."""
  narrow, mask = _encoded(0.3), jnp.array([1.0, 1, 1, 0, 0])
  wide = _padded(*narrow, fill)
  weights = jnp.concatenate([jnp.asarray(Linear.W.T, jnp.float32), jnp.full((2, 4), 9.0)])

  def log_prob(z):
    mean = z @ weights + jnp.asarray(Linear.b, jnp.float32)[None]
    return jax.scipy.stats.norm.logpdf(jnp.asarray(Linear.x, jnp.float32), mean, Linear.s).sum(-1)

  expected = log_likelihood(KEY, Linear.log_prob, *narrow, ALL, 20, 10)
  found = log_likelihood(KEY, log_prob, *wide, mask, 20, 10)
  np.testing.assert_allclose(found, expected, rtol=1e-5)
  expected = elbo(KEY, Linear.log_prob, *narrow, ALL, 4)
  found = elbo(KEY, log_prob, *wide, mask, 4)
  np.testing.assert_allclose(found.value, expected.value, rtol=1e-5)
  np.testing.assert_allclose(found.kl[:, :3], expected.kl, rtol=1e-6)
  assert not found.kl[:, 3:].any()


def test_elbo_against_its_closed_form():
  mean, logvar = _encoded(0.2, 1.5)
  found = elbo(KEY, Linear.log_prob, mean, logvar, ALL, 20_000)
  np.testing.assert_allclose(found.value, Linear.elbo(*_float(mean, logvar)), atol=0.1)
  np.testing.assert_allclose(found.value, -found.reconstruction - found.kl.sum(-1), rtol=1e-6)
  assert (found.value < Linear.exact).all()
  # Of the first dimension, by hand.
  m, v = float(mean[0, 0]), float(jnp.exp(logvar[0, 0]))
  np.testing.assert_allclose(found.kl[0, 0], (m**2 + v - 1 - np.log(v)) / 2, rtol=1e-5)


def test_runs_together_are_as_each_alone():
  mean, logvar = _encoded(0.2)
  masks = jnp.array([[1.0, 1, 1], [1, 0, 0]])

  def one(mask):
    found = elbo(KEY, Linear.log_prob, mean, logvar, mask, 3).value
    return log_likelihood(KEY, Linear.log_prob, mean, logvar, mask, 60), found

  together = jax.jit(jax.vmap(one))(masks)
  for i, mask in enumerate(masks):
    for row, alone in zip(together, one(mask), strict=True):
      np.testing.assert_allclose(row[i], alone, rtol=1e-5)


def test_active_units_by_hand():
  # Variances 0, 0.0025, 0.0225 and 1; the mean itself does not matter.
  signs = jnp.array([[1.0], [-1], [1], [-1]])
  mean = 7 + signs * jnp.array([[0, 0.05, 0.15, 1.0]])
  assert likelihood.active_units(mean) == 2
  assert likelihood.active_units(mean, 0.001) == 3
  assert np.isnan(likelihood.active_units(mean.at[0, 0].set(jnp.nan)))
  np.testing.assert_array_equal(
    jax.vmap(likelihood.active_units)(jnp.stack([mean, 0 * mean])), [2, 0]
  )


def test_binarise_is_static_binary_and_fair():
  grey = np.repeat(np.array([0, 64, 255], np.uint8), 30_000).reshape(3, 100, 300, 1)
  found = likelihood.binarise(KEY, grey)
  assert found.dtype == jnp.float32
  assert set(np.unique(found)) == {0, 1}
  np.testing.assert_allclose(found.mean((1, 2, 3)), [0, 64 / 255, 1], atol=0.01)
  np.testing.assert_array_equal(likelihood.binarise(KEY, jnp.float32(grey) / 255), found)
  np.testing.assert_array_equal(likelihood.binarise(KEY, grey[:2]), found[:2])
  assert (likelihood.binarise(jax.random.key(1), grey) != found).any()
