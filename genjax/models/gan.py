"""GAN, WGAN, WGAN-GP and conditional GAN: one loop with another loss, regulariser and network."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, ArrayLike, Float, Int, Key

from genjax.models import layers, losses, modules, networks, optimisers, regularisers
from genjax.models.modules import ForwardVjp
from genjax.models.networks import REPORT
from genjax.rng import Stream, latent_noise, stream
from genjax.types import Batch, Label, Metrics, Model, Run, State, UserError

WARM_UP = 100  # critic steps for each of the generator's first, in the code of Arjovsky et al. 2017


def make(
  image_shape: tuple[int, int, int],
  latent: int,
  network: str = "s1_gan",
  width: int = 0,
  depth: int = 0,
  leaky_slope: float = 0.2,
  spectral_norm: bool = False,
  loss: str = "nonsaturating",
  regulariser: str = "none",
  critic_steps: int = 1,
  critic_warmup: int = 0,
  clipped: str = "weights",
  clip_first: bool = False,
  half_batches: bool = False,
  shared_images: bool = False,
  label_noise: float = 0.0,
  optimiser: str = "adam",
  initialiser: str = REPORT,
  batch_norm: str = REPORT,
  optimiser_rule: str = REPORT,
  num_classes: int = 0,
  precision: str = "float32",
  **own_options,
) -> Model:
  """A generator against a critic; "critic" is also the discriminator of a plain GAN.

  Args:
    image_shape: H, W, C.
    latent: Z, the largest latent size; a run uses the dimensions of its `latent_mask`.
    network: a key of `networks.GANS`; or `MODULE:OBJECT`, as of `own.build`.
    width: channels of the generator's hidden layers; the other layers scale with it. For a dense
      generator the units of its first layer; the dense critic keeps its own widths. 0 for the
      report's.
    depth: layers of a dense generator, the pixels included; 0 for the report's.
    leaky_slope: of leaky ReLUs below zero.
    spectral_norm: of the critic's kernels (Miyato et al. 2018).
    loss: a key of `losses.GAN_LOSSES`, or `MODULE:OBJECT` of a `GanLoss`.
    regulariser: of the critic. "clip" bounds its weights by `run.clip` after each of its steps
      (Arjovsky et al. 2017); "gradient_penalty" adds `run.penalty_weight` times the penalty of
      Gulrajani et al. 2017; "r1", "r2" and "r1_r2" add half of it times the squared slope on real
      or generated images or on both (Mescheder et al. 2018).
    critic_steps: K, for each step of the generator.
    critic_warmup: of the generator's first steps, how many wait for 100 critic steps each instead;
      waiting steps count as steps.
    clipped: a key of `regularisers.CLIPPED`.
    clip_first: clips before each of the critic's steps rather than after it.
    half_batches: the critic steps twice, on half a batch of real images and then on as many
      generated ones, rather than once on both.
    shared_images: the generator steps on the images that the critic has just seen instead of
      drawing new ones, which saves the time of generating them.
    label_noise: labels are off by up to this much, uniformly: the target of a real image is 1 - u,
      that of a generated one -u. For losses that are cross-entropies.
    optimiser: a key of `optimisers.OPTIMISERS`, for both players.
    initialiser: a key of `INITIALISERS`, or "report" for that of the network's own framework.
    batch_norm: a key of `layers.BATCH_NORMS`, or "report".
    optimiser_rule: a key of `optimisers.RULES`, or "report".
    num_classes: classes of the data; used by conditional networks alone.
    precision: of products, a key of `convolution.PRODUCTS`.
    own_options: of a network of one's own; others do not read them.

  Raises:
    UserError: for names that do not exist and combinations that cannot be built.
  """
  how = {"initialiser": initialiser, "batch_norm": batch_norm, "spectral_norm": spectral_norm}
  how |= {"num_classes": num_classes, "slope": leaky_slope, "precision": precision}
  built = networks.build(
    networks.GANS, network, image_shape, latent, width, depth, **how, chosen=own_options
  )
  generator, critic, (low, high), classes = built
  regularisers.check(regulariser, half_batches, network, critic, image_shape)
  pair = losses.find(loss)
  if label_noise and not pair.cross_entropy:
    fitting = [name for name, one in losses.GAN_LOSSES.items() if one.cross_entropy]
    raise UserError(
      f"model.label_noise is {label_noise:g}, and model.loss {loss!r} has no labels; "
      f"expected 0, or a loss of {', '.join(fitting)}"
    )
  if shared_images and (critic_steps > 1 or half_batches):
    raise UserError(
      "model.shared_images is True, and shares the images of one step of the critic: expected "
      "model.critic_steps=1 and model.half_batches=False"
    )
  adapt = optimisers.make(optimiser, networks.default_of(network, optimiser_rule))
  clip = partial(regularisers.clip_weights, clipped=clipped)
  updates = (("real",), ("generated",)) if half_batches else (("real", "generated"),)
  # (params, stats, z or image, label, key in training) -> (images or scores, stats)
  apply_generator, score = partial(modules.apply, generator), partial(modules.apply, critic)

  def moves_before(step: Int[Array, ""]) -> Int[Array, ""]:
    """How often the generator has moved before a step: in a warm-up it waits."""
    wait = -(-WARM_UP // critic_steps)
    return jnp.minimum(step // wait, critic_warmup) + jnp.maximum(step - critic_warmup * wait, 0)

  def signed(image: Float[Array, "B H W C"]) -> Float[Array, "B H W C"]:
    return low + (high - low) * image

  def init(run: Run) -> State:
    key = stream(run.key, Stream.INIT)
    params, stats = modules.init_players(built, key, image_shape, latent, run.latent_mask)
    opt_state = {name: adapt.init(run, params[name]) for name in params}
    ema = {"params": params["generator"], "stats": stats["generator"]}
    return State(jnp.zeros((), jnp.int32), params, stats, opt_state, ema)

  def draw(run: Run, state: State, label: Label, key: Key[Array, ""]) -> ForwardVjp:
    """The images of a generator's turn with this key."""
    z_key, generator_key, _ = jax.random.split(key, 3)
    z = latent_noise(z_key, (len(label), latent)) * run.latent_mask[None]
    parts = (part["generator"] for part in (state.params, state.stats))
    return modules.forward_vjp(generator, *parts, z, label, key=generator_key)

  def critic_step(run: Run, frozen: tuple, shared: ForwardVjp | None, carry: tuple, inputs: tuple):
    """One step of the critic; `frozen` is the generator, which stays as it is."""
    (image, label), key = inputs
    z_key, generator_key, real_key, generated_key, extra_key = jax.random.split(key, 5)
    size = len(image) // len(updates)
    real, label = signed(image[:size]), label[:size]
    if shared:
      generated = shared.output
    else:
      z = latent_noise(z_key, (size, latent)) * run.latent_mask[None]
      generated, _ = apply_generator(*frozen, z, label, key=generator_key)
    # The images of each side, the critic's loss on its scores, and a key.
    sides = {
      "real": (real, pair.real, real_key),
      "generated": (generated, pair.generated, generated_key),
    }

    def update(carry: tuple, names: tuple[str, ...]) -> tuple[tuple, dict, Metrics]:
      params, stats, opt_state = carry
      if regulariser == "clip" and clip_first:
        params = clip(params, run.clip)
      stats = layers.power_iteration(params, stats)

      def objective(params):
        # Apart, as the reports did: batch norm must not mix real with generated images.
        value, new_stats, scores, extra = 0.0, stats, {}, {}
        for name in names:
          images, loss_on, side_key = sides[name]
          scores[name], new_stats = score(params, new_stats, images, label, key=side_key)
          value += loss_on(scores[name]).mean()
          if label_noise:
            noise = jax.random.uniform(jax.random.fold_in(side_key, 1), (size,))
            value += label_noise * (noise * scores[name]).mean()
        if regulariser == "gradient_penalty":
          norm = losses.gradient_norm(
            lambda x: score(params, stats, x, label)[0],
            losses.interpolate(extra_key, real, generated),
          )
          extra["critic_gradient_norm"] = norm.mean()
          extra["penalty"] = losses.gradient_penalty(norm).mean()
          value += run.penalty_weight * extra["penalty"]
        for name in regularisers.SLOPES.get(regulariser, ()):
          slope = losses.squared_gradient_norm(
            lambda x: score(params, stats, x, label)[0], sides[name][0]
          )
          extra[f"penalty_{name}"] = slope.mean()
          value += run.penalty_weight / 2 * extra[f"penalty_{name}"]
        return value, (new_stats, scores, extra)

      gradients, (stats, scores, extra) = jax.grad(objective, has_aux=True)(params)
      params, opt_state = adapt.update(optimisers.of_critic(run), gradients, opt_state, params)
      if regulariser == "clip" and not clip_first:
        params = clip(params, run.clip)
      return (params, stats, opt_state), scores, extra

    scores = {}
    for names in updates:
      carry, found, extra = update(carry, names)
      scores |= found
    return carry, losses.critic_metrics(pair, scores["real"], scores["generated"]) | extra

  def critic_turn(
    run: Run, state: State, batches: Batch, key: Key[Array, ""], shared: ForwardVjp | None = None
  ) -> tuple[State, Metrics]:
    """K steps of the critic; the generator stays as it is, its statistics too."""
    frozen = (state.params["generator"], state.stats["generator"])
    carry = tuple(part["critic"] for part in (state.params, state.stats, state.opt_state))
    keys = jax.random.split(key, critic_steps)
    carry, metrics = lax.scan(partial(critic_step, run, frozen, shared), carry, (batches, keys))
    parts = (
      old | {"critic": new}
      for old, new in zip((state.params, state.stats, state.opt_state), carry, strict=True)
    )
    # The last of the K: what the generator's step then meets.
    return State(state.step, *parts, state.ema), jax.tree.map(lambda m: m[-1], metrics)

  def generator_turn(
    run: Run, state: State, batches: Batch, key: Key[Array, ""], shared: ForwardVjp | None = None
  ) -> tuple[State, Metrics]:
    """One step of the generator; the critic stays as it is, its statistics too."""
    label = batches.label[-1]
    *_, critic_key = jax.random.split(key, 3)
    generated, stats, pull = shared or draw(run, state, label, key)

    def objective(image):
      scores, _ = score(state.params["critic"], state.stats["critic"], image, label, key=critic_key)
      return pair.generator(scores).mean()

    value, gradient = jax.value_and_grad(objective)(generated)
    (gradients,) = pull(gradient)
    params, opt_state = adapt.update(
      run, gradients, state.opt_state["generator"], state.params["generator"]
    )
    average = partial(optimisers.moving_average, run.ema_decay, moves_before(state.step))
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
    run = optimisers.at_step(run, state.step)
    shared = draw(run, state, batches.label[-1], generator_key) if shared_images else None
    state, of_critic = critic_turn(run, state, batches, critic_key, shared)
    moved, of_generator = generator_turn(run, state, batches, generator_key, shared)
    if critic_warmup:
      moves = moves_before(state.step + 1) > moves_before(state.step)
      still = state._replace(step=moved.step)
      moved = jax.tree.map(partial(jnp.where, moves), moved, still)
    return moved, of_critic | of_generator

  def generate(
    run: Run, state: State, z: Float[Array, "B Z"], label: Label | None = None
  ) -> Float[Array, "B H W C"]:
    image, _ = apply_generator(
      state.ema["params"], state.ema["stats"], z * run.latent_mask[None], label
    )
    return (image - low) / (high - low)

  def scoring(state: State, image: Float[Array, "B H W C"], label: Label | None) -> Callable:
    """The critic as a function of each image alone, normalised as it was trained: by this batch."""
    params, stats = state.params["critic"], state.stats["critic"]
    own = modules.batch_statistics(critic, params, stats, image, label)
    return lambda image: score(params, own, image, label)[0]

  def score_batch(
    run: Run, state: State, image: Float[ArrayLike, "B H W C"], label: Label | None = None
  ) -> Float[Array, " B"]:
    image = signed(jnp.asarray(image))
    return scoring(state, image, label)(image)

  def diagnose(run: Run, state: State, key: Key[Array, ""], batch: Batch) -> Metrics:
    z_key, mix_key = jax.random.split(key)
    image, label = batch
    z = latent_noise(z_key, (len(label), latent))
    real, generated = signed(image), signed(generate(run, state, z, label))
    on_real, on_generated = (scoring(state, x, label)(x) for x in (real, generated))
    metrics = losses.critic_metrics(pair, on_real, on_generated)
    mix = losses.interpolate(mix_key, real, generated)
    metrics["critic_gradient_norm"] = losses.gradient_norm(scoring(state, mix, label), mix).mean()
    if regulariser == "clip":
      metrics["clip_fraction"] = regularisers.clip_fraction(
        state.params["critic"], run.clip, clipped
      )
    return {f"val_{name}": value for name, value in metrics.items()}

  return Model(
    networks=built,
    init=init,
    step=step,
    generate=generate,
    diagnose=diagnose,
    score=score_batch,
    averaged="generator",
    binary=False,
    # Of shared images neither turn has the work by itself.
    turns={} if shared_images else {"critic": critic_turn, "generator": generator_turn},
    criterion="val_swd",
    latent=latent,
    batches_per_step=critic_steps,
    num_classes=classes,
  )
