"""Variational autoencoders (Kingma & Welling 2014); weighted KL after Higgins et al. 2017."""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Key

from genjax.models import losses, modules, networks, optimisers
from genjax.models.networks import REPORT
from genjax.rng import Stream, latent_noise, stream
from genjax.types import Batch, Label, Metrics, Model, PyTree, Run, State

RECONSTRUCTIONS = ("sum", "mean")


def make(
  image_shape: tuple[int, int, int],
  latent: int,
  network: str = "dense",
  width: int = 0,
  depth: int = 0,
  samples: int = 1,
  reconstruction: str = "sum",
  optimiser: str = "adam",
  initialiser: str = REPORT,
  optimiser_rule: str = REPORT,
  precision: str = "float32",
  **own_options,
) -> Model:
  """A VAE on images in [0, 1], Bernoulli decoder, standard normal prior.

  With several samples, an importance-weighted autoencoder (Burda et al. 2016).

  Args:
    image_shape: H, W, C.
    latent: Z, the largest latent size; a run uses the dimensions of its `latent_mask`.
    network: a key of `networks.VAES`; or `MODULE:OBJECT`, as of `own.build`.
    width: units or channels of the hidden layers; 0 for the report's.
    depth: hidden layers of a dense encoder and decoder together; 0 for the report's.
    samples: S, latents drawn for each image. From two on the loss is the importance-weighted bound,
      which has no KL weight: `run.kl_weight` must be 1.
    reconstruction: a key of `RECONSTRUCTIONS`: the "sum" over pixels, as in the ELBO, or their
      "mean", as many programs have it. With "mean" a KL weight of w equals w * H * W * C in the
      ELBO. Losses are logged in nats per image either way.
    optimiser: a key of `optimisers.OPTIMISERS`.
    initialiser: a key of `INITIALISERS`, or "report" for that of the network's own framework.
    optimiser_rule: a key of `optimisers.RULES`, or "report".
    precision: of products, a key of `convolution.PRODUCTS`.
    own_options: of a network of one's own; others do not read them.

  Raises:
    UserError: for a network that does not exist or cannot be built so.
  """
  built = networks.build(
    networks.VAES, network, image_shape, latent, width, depth,
    initialiser=initialiser, precision=precision, chosen=own_options,
  )  # fmt: skip
  encoder, decoder = built
  adapt = optimisers.make(optimiser, networks.default_of(network, optimiser_rule))
  scale = math.prod(image_shape) if reconstruction == "mean" else 1

  def init(run: Run) -> State:
    key = stream(run.key, Stream.INIT)
    params, stats = modules.init_players(built, key, image_shape, latent, run.latent_mask)
    opt_state = {"vae": adapt.init(run, params)}
    return State(jnp.zeros((), jnp.int32), params, stats, opt_state, ema={})

  def measure(
    run: Run,
    params: PyTree,
    stats: PyTree,
    key: Key[Array, ""],
    image: Float[Array, "B H W C"],
    train: bool,
  ) -> tuple[Metrics, Float[Array, "B Z"], PyTree]:
    """The loss and its parts in nats an image, KL per dimension, and new statistics."""
    encoder_key, noise_key, decoder_key = jax.random.split(key, 3)
    dropout = (encoder_key, decoder_key) if train else (None, None)
    (mean, logvar), encoder_stats = modules.apply(
      encoder, params["encoder"], stats["encoder"], image, key=dropout[0]
    )
    B = len(image)
    noise = latent_noise(noise_key, (samples * B, latent)).reshape(samples, B, latent)
    z = (mean[None] + jnp.exp(logvar / 2)[None] * noise) * run.latent_mask[None, None]
    logits, decoder_stats = modules.apply(
      decoder, params["decoder"], stats["decoder"], z.reshape(-1, latent), key=dropout[1]
    )
    reconstruction = jax.vmap(losses.bernoulli, (0, None))(
      logits.reshape(samples, *image.shape), image
    )
    kl = losses.gaussian_kl(mean, logvar) * run.latent_mask[None]
    metrics = {"reconstruction": reconstruction.mean(), "kl": kl.sum(-1).mean()}
    if samples == 1:
      loss = metrics["reconstruction"] + scale * run.kl_weight * metrics["kl"]
    else:
      # log p(z) - log q(z|x), where z = mean + sd * noise.
      log_ratio = (noise**2 - z**2 + logvar[None]) / 2 * run.latent_mask[None, None]
      loss = losses.importance_weighted(log_ratio.sum(-1) - reconstruction).mean()
    return {"loss": loss} | metrics, kl, {"encoder": encoder_stats, "decoder": decoder_stats}

  def step(run: Run, state: State, batches: Batch) -> tuple[State, Metrics]:
    key = stream(run.key, Stream.STEP, state.step)

    def loss(params):
      metrics, _, stats = measure(run, params, state.stats, key, batches.image[0], train=True)
      return metrics["loss"] / scale, (metrics, stats)

    gradients, (metrics, stats) = jax.grad(loss, has_aux=True)(state.params)
    now = optimisers.at_step(run, state.step)
    params, opt_state = adapt.update(now, gradients, state.opt_state["vae"], state.params)
    return State(state.step + 1, params, stats, {"vae": opt_state}, {}), metrics

  def diagnose(run: Run, state: State, key: Key[Array, ""], batch: Batch) -> Metrics:
    metrics, kl, _ = measure(run, state.params, state.stats, key, batch.image, train=False)
    return {f"val_{name}": value for name, value in metrics.items()} | {"kl_dim": kl.mean(0)}

  def decode(run: Run, state: State, z: Float[Array, "B Z"]) -> Float[Array, "B H W C"]:
    masked = z * run.latent_mask[None]
    return modules.apply(decoder, state.params["decoder"], state.stats["decoder"], masked)[0]

  def generate(
    run: Run, state: State, z: Float[Array, "B Z"], label: Label | None = None
  ) -> Float[Array, "B H W C"]:
    return jax.nn.sigmoid(decode(run, state, z))

  def encode(
    run: Run, state: State, image: Float[ArrayLike, "B H W C"]
  ) -> tuple[Float[Array, "B Z"], Float[Array, "B Z"]]:
    (mean, logvar), _ = modules.apply(
      encoder, state.params["encoder"], state.stats["encoder"], jnp.asarray(image)
    )
    return mean * run.latent_mask[None], logvar * run.latent_mask[None]

  return Model(
    networks=built,
    init=init,
    step=step,
    generate=generate,
    diagnose=diagnose,
    encode=encode,
    decode=decode,
    criterion="val_loss",
    latent=latent,
  )
