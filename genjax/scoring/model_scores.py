"""Scores by a model's own parts: its critic, or its encoder and decoder."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from genjax import data
from genjax.metrics import likelihood
from genjax.metrics.pixels import unit
from genjax.scoring.protocols import BATCH, Context, Group, RunBlock
from genjax.types import Batch, Dataset, Run, State

NLL_BATCH = 50


def critic(context: Context) -> Group | None:
  """The critic's own opinion; as its floor would need a critic, it stands beside as a score."""
  model, count = context.model, min(context.count, len(context.splits.train.label))
  if not model.score:
    return None
  count = count // BATCH * BATCH or count
  size = min(BATCH, count)

  def batches(split: Dataset) -> Batch:
    image, label = data.first(split, count)
    return Batch(
      jnp.asarray(image).reshape(-1, size, *image.shape[1:]),
      jnp.asarray(label, jnp.int32).reshape(-1, size),
    )

  def gaps(run_state: tuple[Run, State], held: Batch, train: Batch) -> dict[str, Array]:
    run, state = run_state

    def one(inputs: tuple) -> tuple:
      key, batch, seen = inputs
      found = model.diagnose(run, state, key, Batch(unit(batch.image), batch.label))
      on_train = model.score(run, state, unit(seen.image), seen.label).mean()
      on_held = model.score(run, state, unit(batch.image), batch.label).mean()
      return found["val_critic_gap"], found["val_critic_gradient_norm"], on_train - on_held

    keys = jax.random.split(context.key(5), len(held.label))
    gap, norm, overfit = (x.mean() for x in lax.map(one, (keys, held, train)))
    low, high = getattr(model.networks, "image_range", (0.0, 1.0))  # in whose units the norm is
    slope = norm * (high - low)
    return {"critic_gap": gap, "critic_gap_scaled": gap / slope, "critic_gap_real": overfit}

  every = context.vectorised(gaps)
  splits = batches(context.held), batches(context.splits.train)

  def measure(block: RunBlock, names: set[str]) -> dict[str, np.ndarray]:
    return jax.device_get(every((block.runs, block.states), *splits))

  protocol = context.protocol(
    "critic", real_images=count, generated_images=count, statistics=f"of batches of {size}"
  )
  return Group(protocol, context.names("critic"), measure, lambda names: {})


def binary(splits: data.Splits) -> bool:
  """Whether images can be binarised: black and white mean something in grey ones alone."""
  return splits.train.image.shape[-1] == 1


def bounds(context: Context) -> Group | None:
  """Bounds of log p of binarised images: the same ones for all runs, drawn once."""
  model, settings = context.model, context.settings
  shape = context.held.image.shape[1:]
  if not binary(context.splits) or not context.names("likelihood"):
    return None
  count = min(settings.nll_images, len(context.held.label))
  batch = min(NLL_BATCH, count)
  count -= count % batch
  drawn = likelihood.binarise(context.key(6), context.held.image[:count])
  drawn = drawn.reshape(-1, batch, *shape)

  def measured(run_state: tuple[Run, State], drawn: Array, samples: int) -> dict[str, Array]:
    run, state = run_state

    def one(inputs: tuple) -> tuple:
      i, images = inputs
      mean, logvar = model.encode(run, state, images)
      log_prob = likelihood.bernoulli(lambda z: model.decode(run, state, z), images)
      keys = [jax.random.fold_in(context.key(purpose), i) for purpose in (7, 8)]
      bound = likelihood.elbo(keys[0], log_prob, mean, logvar, run.latent_mask, samples=10)
      weighted = likelihood.Importance(jnp.zeros(len(images)), jnp.zeros(len(images)))
      if samples:
        weighted = likelihood.log_likelihood(
          keys[1], log_prob, mean, logvar, run.latent_mask, samples=samples
        )
      return weighted, bound.value, bound.kl, mean

    weighted, bound, kl, mean = lax.map(one, (jnp.arange(len(drawn)), drawn))
    return {
      "nll": -weighted.log_likelihood.mean(),
      "nll_ess": weighted.effective.mean(),
      "elbo": bound.mean(),
      "kl": kl.sum(-1).mean(),
      "kl_dim": jnp.where(run.latent_mask > 0, kl.mean((0, 1)), jnp.nan),
      "active_units": likelihood.active_units(mean.reshape(-1, mean.shape[-1])),
    }

  every = {
    samples: context.vectorised(functools.partial(measured, samples=samples))
    for samples in (0, settings.nll_samples)
  }

  def measure(block: RunBlock, names: set[str]) -> dict[str, np.ndarray]:
    program = every[settings.nll_samples if {"nll", "nll_ess"} & names else 0]
    return jax.device_get(program((block.runs, block.states), drawn))

  return Group(
    context.protocol(
      "likelihood", images=count, samples=settings.nll_samples, binarisation="static"
    ),
    context.names("likelihood"),
    measure,
    lambda names: {},
  )
