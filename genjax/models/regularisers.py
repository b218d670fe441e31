"""What bounds a critic's slope: its weights are clipped, or its gradient's norm is penalised."""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from genjax.models import modules
from genjax.types import PyTree, Shape, UserError

# The sides on whose images `losses.squared_gradient_norm` is penalised (Mescheder et al. 2018).
SLOPES = {"r1": ("real",), "r2": ("generated",), "r1_r2": ("real", "generated")}
# The third is `losses.gradient_penalty`.
REGULARISERS = ("none", "clip", "gradient_penalty", *SLOPES)
# Which of the critic's parameters are clipped: name -> whether (path, leaf) is.
CLIPPED = {
  # All but batch norm's, which fixes the scale of activations anyway.
  "weights": lambda path, leaf: not any(entry.key.startswith("BatchNorm") for entry in path),
  "all": lambda path, leaf: True,  # as in the code of Arjovsky et al. 2017
  "convolutions": lambda path, leaf: leaf.ndim == 4,  # their kernels alone
}


def clip_weights(
  params: PyTree, bound: Float[Array, ""] | float, clipped: str = "weights"
) -> PyTree:
  """The parameters, of which those that `CLIPPED` names are cut to [-bound, bound]."""
  return jax.tree_util.tree_map_with_path(
    lambda path, leaf: jnp.clip(leaf, -bound, bound) if CLIPPED[clipped](path, leaf) else leaf,
    params,
  )


def clip_fraction(
  params: PyTree, bound: Float[Array, ""] | float, clipped: str = "weights"
) -> Float[Array, ""]:
  """The fraction, 0 to 1, of the clipped weights that lie at the bound."""
  leaves = [
    leaf
    for path, leaf in jax.tree_util.tree_leaves_with_path(params)
    if CLIPPED[clipped](path, leaf)
  ]
  at_bound = sum(jnp.sum(jnp.abs(leaf) >= bound) for leaf in leaves)
  return at_bound / sum(leaf.size for leaf in leaves)


def check(
  regulariser: str, half_batches: bool, network: str, critic: nn.Module, image_shape: Shape
) -> None:
  """Raises `UserError` where the critic of this network cannot be regularised so."""
  slopes = regulariser == "gradient_penalty" or regulariser in SLOPES
  if slopes and _has_batch_norm(critic, image_shape):
    raise UserError(
      f"model.regulariser {regulariser!r} penalises each image alone, and the critic of "
      f"{network!r} has batch norm: expected a network whose critic has none, as 'dcgan_plain', "
      "'s1_gan', 's1_wgan_gp_cifar10' and 'dense'"
    )
  if slopes and half_batches:
    raise UserError(
      f"model.half_batches is True, and model.regulariser {regulariser!r} needs real and "
      "generated images in one step; expected False"
    )


def _has_batch_norm(critic: nn.Module, image_shape: Shape) -> bool:
  image, label = jnp.zeros((1, *image_shape)), jnp.zeros((1,), jnp.int32)
  shapes = jax.eval_shape(lambda key: modules.init(critic, key, image, label), jax.random.key(0))
  leaves = jax.tree_util.tree_leaves_with_path(shapes[1])
  return any(path[-1].key == "var" for path, _ in leaves)
