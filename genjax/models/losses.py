"""Losses: arrays in, one number per example out. The mean over a batch is the caller's."""

import math
import numbers
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from genjax import parts
from genjax.models import own
from genjax.types import Metrics, UserError

softplus = jax.nn.softplus
OnScores = Callable[[Float[Array, "*shape"]], Float[Array, "*shape"]]
Score = Callable[[Float[Array, "B ..."]], Float[Array, " B"]]


class GanLoss(NamedTuple):
  """What the critic minimises on real and on generated images, and what the generator minimises.

  The critic's loss is the sum of its two means. A score above `threshold` says "real"; `None` where
  scores do not classify. Each function takes scores `[B]` and gives a loss `[B]`.
  """

  real: OnScores
  generated: OnScores
  generator: OnScores
  threshold: float | None = None
  cross_entropy: bool = False  # the critic's is one of a label in nats: real, or generated


# With D = sigmoid(score): -log D = softplus(-score), -log(1 - D) = softplus(score).
GAN_LOSSES = {
  # Goodfellow et al. 2014, section 3, and its remark on saturation.
  "minimax": GanLoss(lambda s: softplus(-s), softplus, lambda s: -softplus(s), 0.0, True),
  "nonsaturating": GanLoss(lambda s: softplus(-s), softplus, lambda s: softplus(-s), 0.0, True),
  # Arjovsky et al. 2017, algorithm 1.
  "wasserstein": GanLoss(lambda s: -s, lambda s: s, lambda s: -s, None),
  # Lim & Ye 2017; Miyato et al. 2018, equations 16 and 17.
  "hinge": GanLoss(lambda s: jax.nn.relu(1 - s), lambda s: jax.nn.relu(1 + s), lambda s: -s, 0.0),
  # Mao et al. 2017, equation 9: labels 0 and 1, and 1 for the generator.
  "least_squares": GanLoss(
    lambda s: (s - 1) ** 2 / 2, lambda s: s**2 / 2, lambda s: (s - 1) ** 2 / 2, 0.5
  ),
}


def find(name: str) -> GanLoss:
  """A key of `GAN_LOSSES`, or `MODULE:OBJECT` of a `GanLoss`. Raises `UserError` for another."""
  if not parts.is_name(name):
    return GAN_LOSSES[name]
  loss = parts.find(name, "config.model.loss")
  if not isinstance(loss, GanLoss):
    raise UserError(
      f"config.model.loss is {name!r}, a {type(loss).__name__}; expected a GanLoss, as in "
      "genjax.models.losses"
    )
  said = f"config.model.loss is {name!r}"
  if not isinstance(loss.threshold, numbers.Real | None):
    raise UserError(f"{said}, whose threshold is {loss.threshold!r}; expected a number or None")
  scores = jax.ShapeDtypeStruct((2,), jnp.float32)
  for side in ("real", "generated", "generator"):
    found = own.outcome(getattr(loss, side), f"{said}: its {side}", scores)
    own.check_floats(found, (2,), f"{said}, whose {side}")
  return loss


def gradient_norm(score: Score, x: Float[Array, "B ..."]) -> Float[Array, " B"]:
  """Norm of d score / d x of each example; `score` treats examples independently."""
  # The root has no derivative at zero, and a dead critic is there.
  return jnp.sqrt(squared_gradient_norm(score, x) + 1e-12)


def squared_gradient_norm(score: Score, x: Float[Array, "B ..."]) -> Float[Array, " B"]:
  """|d score / d x|^2 of each example: the penalty R1 on real images, R2 on generated ones.

  Mescheder et al. 2018, equations 9 and 10, without their weight; `score` treats examples
  independently.
  """
  return jnp.sum(jax.grad(lambda x: score(x).sum())(x) ** 2, range(1, x.ndim))


def gradient_penalty(norm: Float[Array, " B"]) -> Float[Array, " B"]:
  """Two-sided penalty (Gulrajani et al. 2017, equation 3), without its weight."""
  return (norm - 1) ** 2


def interpolate(
  key: Key[Array, ""], real: Float[Array, " B *shape"], generated: Float[Array, " B *shape"]
) -> Float[Array, " B *shape"]:
  """Uniform points on the lines between pairs of images (Gulrajani et al. 2017, section 4)."""
  t = jax.random.uniform(key, (real.shape[0],) + (1,) * (real.ndim - 1))
  return real + t * (generated - real)


def bernoulli(
  logits: Float[Array, "B H W C"], target: Float[Array, "B H W C"]
) -> Float[Array, " B"]:
  """-log p(target) of each image, in nats.

  A likelihood only where the target is binary; on grey pixels a cross-entropy.
  """
  # One row an image: on a CPU XLA sums it three times as fast as three axes.
  logits, target = (x.reshape(len(x), math.prod(x.shape[1:])) for x in (logits, target))
  return jnp.sum(softplus(logits) - target * logits, -1)


def gaussian_kl(mean: Float[Array, "B Z"], logvar: Float[Array, "B Z"]) -> Float[Array, "B Z"]:
  """KL(N(mean, exp logvar) || N(0, 1)) in nats, per dimension.

  Kingma & Welling 2014, appendix B.
  """
  return (mean**2 + jnp.exp(logvar) - 1 - logvar) / 2


def importance_weighted(log_weights: Float[Array, "S B"]) -> Float[Array, " B"]:
  """The negative importance-weighted bound in nats.

  `log_weights` are log p(x, z) - log q(z|x) for S samples of z (Burda et al. 2016, equation 8).
  With S of 1 it is the negative ELBO, and with more it comes nearer to -log p(x).
  """
  return math.log(len(log_weights)) - jax.nn.logsumexp(log_weights, 0)


def jensen_shannon(critic_loss: Float[Array, ""]) -> Float[Array, ""]:
  """log 2 - loss / 2 in nats: the divergence that an optimal discriminator's loss stands for.

  Goodfellow et al. 2014, theorem 1. The training discriminator is not optimal, so this is no more
  than its own bound; negative where it does worse than a coin.
  """
  return math.log(2) - critic_loss / 2


def critic_metrics(
  pair: GanLoss, on_real: Float[Array, " B"], on_generated: Float[Array, " B"]
) -> Metrics:
  """The critic's loss, without its regulariser, and what else its scores say."""
  critic_loss = pair.real(on_real).mean() + pair.generated(on_generated).mean()
  metrics = {"critic_loss": critic_loss, "critic_gap": on_real.mean() - on_generated.mean()}
  if pair.threshold is not None:
    metrics["accuracy_real"] = (on_real > pair.threshold).mean()
    metrics["accuracy_generated"] = (on_generated <= pair.threshold).mean()
  if pair.cross_entropy:
    metrics["training_jsd"] = jensen_shannon(critic_loss)
  return metrics
