"""Likelihoods of autoencoders with a standard normal prior: the ELBO, and importance sampling.

All in nats, for one run and one batch, to be mapped over runs and batches by the caller. `mean`
and `logvar` are the encoder's; dimensions that are 0 in `mask` have no part in anything, and are 0
in the latents that `log_prob` gets.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, ArrayLike, Float, Int, Key, UInt8

from genjax.metrics.pixels import unit
from genjax.models import losses
from genjax.rng import latent_noise

LogProb = Callable[[Float[Array, "B Z"]], Float[Array, " B"]]  # of a batch: latents to log p(x|z)


def binarise(
  key: Key[Array, ""], images: UInt8[ArrayLike, "*shape"] | Float[ArrayLike, "*shape"]
) -> Float[Array, "*shape"]:
  """Each pixel 1 with the probability that is its grey value, or 0.

  With one key for all runs and steps this is *static* binarisation: drawn once, as the images of
  Salakhutdinov & Murray 2008 are, but not the same draw. `data.draw` does the *dynamic* one. The
  first images are the same ones however many follow.

  Args:
    key: of the evaluation, not of a run.
    images: 0 to 255, or floats in [0, 1].
  """
  images = jnp.asarray(images)
  if images.dtype == jnp.uint8:
    images = unit(images)
  return jax.random.bernoulli(key, images).astype(jnp.float32)


def bernoulli(
  decode: Callable[[Float[Array, "B Z"]], Float[Array, "B H W C"]], images: Float[Array, "B H W C"]
) -> LogProb:
  """log p(x|z) of binary images; NaN for any other, as a cross-entropy is no likelihood.

  Args:
    decode: latents to logits. Probabilities would not do: in float32 they are 1 for logits from 17
      on, where log(1 - p) is minus infinity.
    images: 0 or 1.
  """
  binary = ((images == 0) | (images == 1)).all(range(1, images.ndim))
  return lambda z: jnp.where(binary, -losses.bernoulli(decode(z), images), jnp.nan)


class Importance(NamedTuple):
  """Importance-weighted estimates of B images, in nats (Burda et al. 2016, equation 8)."""

  log_likelihood: Float[Array, " B"]  # the estimate of log p(x)
  effective: Float[Array, " B"]  # samples that the weights are worth, 1 to `samples`


def log_likelihood(
  key: Key[Array, ""],
  log_prob: LogProb,
  mean: Float[Array, "B Z"],
  logvar: Float[Array, "B Z"],
  mask: Float[Array, " Z"],
  samples: int = 5000,
  chunk: int = 20,
) -> Importance:
  """Importance-weighted estimate of log p(x), the encoder proposing latents, and how good that is.

  Burda et al. 2016, equation 8. Its expectation is a lower bound, which rises with `samples`; with
  one it is the ELBO. It is far below the truth where few samples have all the weight: the effective
  ones are the squared sum of weights over the sum of their squares (Kong 1992). The memory is that
  of `chunk` decoded batches, and the result does not depend on `chunk`, nor on how many masked
  dimensions there are.

  Args:
    key: of the latents.
    log_prob: `bernoulli` makes one.
    mean, logvar, mask: see above.
    samples: latents for each image.
    chunk: how many of them are decoded at once.
  """

  def log_sums(first: Int[Array, ""] | int, count: int) -> Float[Array, "2 B"]:
    """Of the weights, and of their squares."""
    weights = jax.vmap(lambda i: _log_weight(key, i, log_prob, mean, logvar, mask))
    log_weights = weights(first + jnp.arange(count))
    return jnp.stack([jax.nn.logsumexp(log_weights, 0), jax.nn.logsumexp(2 * log_weights, 0)])

  def step(total, i):
    return jnp.logaddexp(total, log_sums(i * chunk, chunk)), None

  total = jnp.full((2, len(mean)), -jnp.inf)
  whole, rest = divmod(samples, chunk)
  total, _ = lax.scan(step, total, jnp.arange(whole))
  if rest:
    total = jnp.logaddexp(total, log_sums(whole * chunk, rest))
  return Importance(total[0] - math.log(samples), jnp.exp(2 * total[0] - total[1]))


def _log_weight(key, i, log_prob, mean, logvar, mask) -> Float[Array, " B"]:
  """log p(x, z) - log q(z|x) of each image's i-th latent."""
  z, noise = _draw(key, i, mean, logvar, mask)
  # Of log p(z) - log q(z|x) with z = mean + sd * noise, the constants cancel.
  log_ratio = (noise**2 - z**2 + logvar) / 2 * mask[None]
  return log_prob(z) + log_ratio.sum(-1)


def _draw(key, i, mean, logvar, mask) -> tuple[Float[Array, "B Z"], Float[Array, "B Z"]]:
  """The i-th latents of the posterior, and their noise."""
  noise = latent_noise(jax.random.fold_in(key, i), mean.shape)
  return (mean + jnp.exp(logvar / 2) * noise) * mask[None], noise


class Elbo(NamedTuple):
  """The evidence lower bound of each of B images and its parts, in nats (Kingma & Welling 2014)."""

  value: Float[Array, " B"]  # the bound: -reconstruction - kl.sum(-1)
  reconstruction: Float[Array, " B"]  # -E log p(x|z), by sampling
  kl: Float[Array, "B Z"]  # of the posterior from the prior, exact; 0 where masked


def elbo(
  key: Key[Array, ""],
  log_prob: LogProb,
  mean: Float[Array, "B Z"],
  logvar: Float[Array, "B Z"],
  mask: Float[Array, " Z"],
  samples: int = 1,
) -> Elbo:
  """The evidence lower bound of log p(x) and its parts (Kingma & Welling 2014, equation 7).

  Arguments as in `log_likelihood`; latents are decoded one after another.
  """

  def one(i):
    return log_prob(_draw(key, i, mean, logvar, mask)[0])

  reconstruction = -lax.map(one, jnp.arange(samples)).mean(0)
  kl = losses.gaussian_kl(mean, logvar) * mask[None]
  return Elbo(-reconstruction - kl.sum(-1), reconstruction, kl)


def active_units(mean: Float[Array, "N Z"], threshold: float = 0.01) -> Float[Array, ""]:
  """How many latent dimensions the posterior means of all images use.

  Those where their variance over images is above the threshold (Burda et al. 2016, section 4).
  NaN where any mean is.
  """
  variance = mean.var(0)
  return jnp.where(jnp.isnan(variance).any(), jnp.nan, (variance > threshold).sum())
