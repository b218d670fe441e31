"""GAN, WGAN, WGAN-GP and conditional GAN: one loop with another loss, regulariser and network."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax

from genjax import losses, networks, optimisers
from genjax.layers import rescale_latent
from genjax.types import (
  Batch,
  Metrics,
  Model,
  PyTree,
  Run,
  State,
  Stream,
  UserError,
  latent_noise,
  stream,
)

REGULARISERS = ("none", "clip", "gradient_penalty")


def make(
  image_shape: tuple[int, int, int],
  latent: int,
  network: str = "s1_gan",
  width: int = 0,
  depth: int = 0,
  leaky_slope: float = 0.2,
  loss: str = "nonsaturating",
  regulariser: str = "none",
  critic_steps: int = 1,
  optimiser: str = "adam",
  num_classes: int = 0,
) -> Model:
  """A generator against a critic; "critic" is also the discriminator of a plain GAN.

  Args:
    image_shape: H, W, C.
    latent: Z, the largest latent size; a run uses the dimensions of its `latent_mask`.
    network: a key of `networks.GANS` or of `networks.CONDITIONAL_GANS`.
    width: channels of the generator's hidden layers, to which the others keep their proportion (of
      a dense generator its first layer, and the critic has its own widths); 0 for the report's.
    depth: layers of a dense generator, the pixels included; 0 for the report's.
    leaky_slope: of leaky ReLUs below zero.
    loss: a key of `losses.GAN_LOSSES`.
    regulariser: of the critic. "clip" bounds its weights by `run.clip` after each of its steps
      (Arjovsky et al. 2017), all but batch norm's, which fixes the scale of activations anyway;
      "gradient_penalty" adds `run.penalty_weight` times the penalty of Gulrajani et al. 2017.
    critic_steps: K, for each step of the generator.
    optimiser: a key of `optimisers.OPTIMISERS`, for both players.
    num_classes: classes of the data; used by conditional networks alone.

  Raises:
    UserError: for names that do not exist and combinations that cannot be built.
  """
  conditional = network in networks.CONDITIONAL_GANS
  generator, critic, (low, high) = networks.gan(
    network, image_shape, width, depth, leaky_slope, num_classes
  )
  if regulariser == "gradient_penalty" and _has_statistics(critic, image_shape):
    raise UserError(
      f"model.regulariser 'gradient_penalty' penalises each image alone, and the critic of "
      f"{network!r} has batch norm: 'clip' would be right, or a network whose critic has none, "
      "as 's1_gan', 's1_wgan_gp_cifar10' and 'dense'"
    )
  # (params, stats, z or image, label, key in training) -> (images or scores, stats)
  generated, score = partial(networks.apply, generator), partial(networks.apply, critic)

  def signed(image: Array) -> Array:
    return low + (high - low) * image

  def init(run: Run) -> State:
    generator_key, critic_key = jax.random.split(stream(run.key, Stream.INIT))
    z, image = jnp.zeros((1, latent)), jnp.zeros((1, *image_shape))
    label = jnp.zeros((1,), jnp.int32)
    params, stats = {}, {}
    params["generator"], stats["generator"] = networks.init(generator, generator_key, z, label)
    params["generator"] = rescale_latent(params["generator"], run.latent_mask)
    params["critic"], stats["critic"] = networks.init(critic, critic_key, image, label)
    opt_state = {name: optimisers.init(optimiser, run, params[name]) for name in params}
    ema = {"params": params["generator"], "stats": stats["generator"]}
    return State(jnp.zeros((), jnp.int32), params, stats, opt_state, ema)

  def critic_step(run: Run, frozen: tuple, carry: tuple, inputs: tuple):
    """One step of the critic; `frozen` is the generator, which stays as it is."""
    params, stats, opt_state = carry
    batch, key = inputs
    z_key, generator_key, real_key, generated_key, penalty_key = jax.random.split(key, 5)
    real = signed(batch.image)
    z = latent_noise(z_key, (len(real), latent)) * run.latent_mask[None]
    fake, _ = generated(*frozen, z, batch.label, key=generator_key)

    def objective(params):
      # Apart, as the reports did: batch norm must not mix real with generated images.
      on_real, new_stats = score(params, stats, real, batch.label, key=real_key)
      on_fake, new_stats = score(params, new_stats, fake, batch.label, key=generated_key)
      metrics = critic_metrics(loss, on_real, on_fake)
      critic_loss = metrics["critic_loss"]
      if regulariser == "gradient_penalty":
        norm = losses.gradient_norm(
          lambda x: score(params, stats, x, batch.label)[0],
          losses.interpolate(penalty_key, real, fake),
        )
        metrics["critic_gradient_norm"] = norm.mean()
        metrics["penalty"] = losses.gradient_penalty(norm).mean()
        critic_loss += run.penalty_weight * metrics["penalty"]
      return critic_loss, (new_stats, metrics)

    gradients, (stats, metrics) = jax.grad(objective, has_aux=True)(params)
    params, opt_state = optimisers.update(optimiser, run, gradients, opt_state, params)
    if regulariser == "clip":
      params = clip_weights(params, run.clip)
    return (params, stats, opt_state), metrics

  def critic_turn(run: Run, state: State, batches: Batch, key: Array):
    """K steps of the critic; the generator stays as it is, its statistics too."""
    frozen = (state.params["generator"], state.stats["generator"])
    carry = tuple(part["critic"] for part in (state.params, state.stats, state.opt_state))
    keys = jax.random.split(key, critic_steps)
    carry, metrics = lax.scan(partial(critic_step, run, frozen), carry, (batches, keys))
    parts = (
      old | {"critic": new}
      for old, new in zip((state.params, state.stats, state.opt_state), carry, strict=True)
    )
    # The last of the K: what the generator's step then meets.
    return State(state.step, *parts, state.ema), jax.tree.map(lambda m: m[-1], metrics)

  def generator_turn(run: Run, state: State, batches: Batch, key: Array):
    """One step of the generator; the critic stays as it is, its statistics too."""
    label = batches.label[-1]
    z_key, generator_key, critic_key = jax.random.split(key, 3)
    z = latent_noise(z_key, (len(label), latent)) * run.latent_mask[None]

    def objective(params):
      fake, stats = generated(params, state.stats["generator"], z, label, key=generator_key)
      on_fake, _ = score(state.params["critic"], state.stats["critic"], fake, label, key=critic_key)
      return losses.GAN_LOSSES[loss].generator(on_fake).mean(), stats

    (value, stats), gradients = jax.value_and_grad(objective, has_aux=True)(
      state.params["generator"]
    )
    params, opt_state = optimisers.update(
      optimiser, run, gradients, state.opt_state["generator"], state.params["generator"]
    )
    average = partial(moving_average, run.ema_decay, state.step)
    ema = jax.tree.map(average, state.ema, {"params": params, "stats": stats})
    state = State(
      step=state.step + 1,
      params=state.params | {"generator": params},
      stats=state.stats | {"generator": stats},
      opt_state=state.opt_state | {"generator": opt_state},
      ema=ema,
    )
    return state, {"generator_loss": value}

  def step(run: Run, state: State, batches: Batch) -> tuple[State, Metrics]:
    critic_key, generator_key = jax.random.split(stream(run.key, Stream.STEP, state.step))
    state, of_critic = critic_turn(run, state, batches, critic_key)
    state, of_generator = generator_turn(run, state, batches, generator_key)
    return state, of_critic | of_generator

  def generate(run: Run, state: State, z: Array, label: Array | None = None) -> Array:
    image, _ = generated(state.ema["params"], state.ema["stats"], z * run.latent_mask[None], label)
    return (image - low) / (high - low)

  def score_unit(run: Run, state: State, image: Array, label: Array | None = None) -> Array:
    return score(state.params["critic"], state.stats["critic"], signed(image), label)[0]

  def diagnose(run: Run, state: State, key: Array, batch: Batch) -> Metrics:
    z_key, mix_key = jax.random.split(key)
    z = latent_noise(z_key, (len(batch.label), latent))
    real, fake = signed(batch.image), signed(generate(run, state, z, batch.label))

    def scores(image):
      return score(state.params["critic"], state.stats["critic"], image, batch.label)[0]

    on_real, on_fake = scores(real), scores(fake)
    metrics = critic_metrics(loss, on_real, on_fake)
    norm = losses.gradient_norm(scores, losses.interpolate(mix_key, real, fake))
    metrics["critic_gradient_norm"] = norm.mean()
    if regulariser == "clip":
      metrics["clip_fraction"] = clip_fraction(state.params["critic"], run.clip)
    return {f"val_{name}": value for name, value in metrics.items()}

  return Model(
    init=init,
    step=step,
    generate=generate,
    diagnose=diagnose,
    encode=None,
    decode=None,
    score=score_unit,
    turns={"critic": critic_turn, "generator": generator_turn},
    criterion="val_swd",
    latent=latent,
    batches_per_step=critic_steps,
    num_classes=num_classes if conditional else 0,
  )


def critic_metrics(loss: str, on_real: Array, on_fake: Array) -> Metrics:
  """The critic's loss, without its regulariser, and what else its scores `[B]` say."""
  pair = losses.GAN_LOSSES[loss]
  critic_loss = pair.real(on_real).mean() + pair.generated(on_fake).mean()
  metrics = {"critic_loss": critic_loss, "critic_gap": on_real.mean() - on_fake.mean()}
  if pair.threshold is not None:
    metrics["accuracy_real"] = (on_real > pair.threshold).mean()
    metrics["accuracy_generated"] = (on_fake <= pair.threshold).mean()
  if loss in ("minimax", "nonsaturating"):
    metrics["training_jsd"] = losses.jensen_shannon(critic_loss)
  return metrics


def _has_statistics(critic: Any, image_shape: tuple) -> bool:
  image, label = jnp.zeros((1, *image_shape)), jnp.zeros((1,), jnp.int32)
  shapes = jax.eval_shape(lambda key: networks.init(critic, key, image, label), jax.random.key(0))
  return bool(jax.tree.leaves(shapes[1]))


def _clipped(path: tuple) -> bool:
  return not any(entry.key.startswith("BatchNorm") for entry in path)


def clip_weights(params: PyTree, bound: Array) -> PyTree:
  """Every parameter but batch norm's, cut to [-bound, bound]."""
  return jax.tree_util.tree_map_with_path(
    lambda path, leaf: jnp.clip(leaf, -bound, bound) if _clipped(path) else leaf, params
  )


def clip_fraction(params: PyTree, bound: Array) -> Array:
  """The fraction, 0 to 1, of the clipped weights that lie at the bound."""
  leaves = [leaf for path, leaf in jax.tree_util.tree_leaves_with_path(params) if _clipped(path)]
  at_bound = sum(jnp.sum(jnp.abs(leaf) >= bound) for leaf in leaves)
  return at_bound / sum(leaf.size for leaf in leaves)


def moving_average(decay: Array, step: Array, average: Array, new: Array) -> Array:
  """Exponential average, a short one at first, so that the first weights are soon forgotten."""
  decay = jnp.minimum(decay, (1 + step) / (10 + step))
  return decay * average + (1 - decay) * new
