"""Images of one run at given latents."""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from genjax.types import Model, Run, State


def images(
  model: Model,
  run_state: tuple[Run, State],
  z: Float[Array, "*N Z"],
  label: Int[Array, " B"] | Float[Array, "B K"] | None = None,
  at_once: int = 0,
  finish: Callable[[Array], Array] = lambda images: images,
) -> Array:
  """`[*N, H, W, C]` in [0, 1], or what `finish` makes of it.

  Args:
    model: which generates.
    run_state: its run and state.
    z: latents, masked or not.
    label: classes of the last axes of `z`, or weights of classes for every latent; not read by
      models without classes.
    at_once: how many go through the network side by side; all where 0.
    finish: what becomes of each pixel, as `pixels.to_bytes`.

  Raises:
    ValueError: a model with classes is given none.
  """
  count = math.prod(z.shape[:-1])
  flat, label = z.reshape(count, -1), _labels(model, label, count)
  if at_once:
    made = lax.map(
      lambda one: finish(model.generate(*run_state, *jax.tree.map(lambda x: x[None], one))[0]),
      (flat, label),
      batch_size=min(at_once, count),
    )
  else:
    made = finish(model.generate(*run_state, flat, label))
  return made.reshape(*z.shape[:-1], *made.shape[1:])


def _labels(model: Model, label: Array | None, count: int) -> Array | None:
  if not model.num_classes:
    return None
  if label is None:
    raise ValueError(f"a model of {model.num_classes} classes generates by label; got none")
  return label if jnp.issubdtype(label.dtype, jnp.floating) else jnp.resize(label, count)
