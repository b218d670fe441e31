"""Whether a network of one's own may be padded: with a small latent it is as it would be alone.

A program has one latent size, its largest, and a run with a smaller one masks the rest. genjax's
networks are tested to be equal to narrow ones; somebody else's are looked at before they train: the
first weights, what these give, and the figures of two steps.
"""

import itertools
from collections.abc import Iterator, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from genjax import models, parts
from genjax.models import modules
from genjax.rng import latent_noise
from genjax.training import sweep
from genjax.types import Batch, Model, PyTree, Run, Shape, State, UserError

TOLERANCE = 1e-3  # of the largest number: sums are in another order
BATCH = 4
_HOW = (
  "draw the layer that reads the latent by `layers.from_latent(...)`, an encoder's last ones by "
  "`layers.dense(latent, name='mean', latent=-1)` and the same of 'logvar'; or train one latent "
  "at a time"
)


def check(keys: dict, model: Model, shape: Shape, num_classes: int, latents: Sequence[int]) -> None:
  """Raises `UserError` where the padded model is not equal to the narrow one at the start.

  Args:
    keys: a config's `model` keys. Where neither the name nor the network is `MODULE:OBJECT` there
      is nothing to look at.
    model: built of them, for the largest latent.
    shape: H, W, C.
    num_classes: of the data.
    latents: of the sweep.
  """
  own = (keys[key] for key in ("name", "network") if parts.is_name(keys.get(key)))
  small, part = min(latents), next(own, None)
  if small == model.latent or not part:
    return
  narrow = models.build(keys, shape, num_classes, small)
  rows = [{"seed": 0, "latent": latent} for latent in (small, model.latent)]
  alone, padded = (jax.tree.map(lambda leaf: leaf[0], sweep.runs(r)) for r in (rows[:1], rows))
  states = jax.jit(narrow.init)(alone), jax.jit(model.init)(padded)
  said = f"config.sweep.latents has {small} and {model.latent}, and {part!r} "
  rows = (narrow, alone, states[0]), (model, padded, states[1])
  different = itertools.chain(_of_weights(*states), _of_outputs(*rows), _of_steps(*rows, shape))
  if difference := next(different, None):
    raise UserError(f"{said}{difference}; {_HOW}")


def _of_weights(narrow: State, padded: State) -> Iterator[str]:
  """What differs in the first weights."""
  leaves, structure = jax.tree_util.tree_flatten_with_path((narrow.params, narrow.stats))
  others, same = jax.tree.flatten((padded.params, padded.stats))
  if structure != same:
    yield "has other layers when its latent is padded"
    return
  for (path, leaf), other in zip(leaves, others, strict=True):
    names = _names(path)
    if leaf.shape != other.shape and not modules.LATENT_LAYERS.keys() & set(names):
      yield f"has a layer that reads or writes the latent and is not declared, {_layer(names)}"
  for (path, leaf), other in zip(leaves, others, strict=True):
    if not _close(leaf, modules.crop_latent(other, leaf)):
      layer = _layer(_names(path))
      yield f"does not begin with the smaller one as it would alone, in {layer}"


def _names(path: tuple) -> list[str]:
  """Player, layers and parameter of a leaf of parameters or statistics."""
  return [str(getattr(entry, "key", entry)) for entry in path[1:]]


def _layer(names: Sequence[str]) -> str:
  player, *inside, _ = names
  return f"the {player}'s {'/'.join(inside)}"


def _of_outputs(narrow: tuple[Model, Run, State], wide: tuple[Model, Run, State]) -> Iterator[str]:
  """What differs in what the first weights give."""
  (model, *row), (padded, *other) = narrow, wide
  label = jnp.zeros(BATCH, jnp.int32) if model.num_classes else None
  # Noise beyond the run's own latent, as all that draw images give: the model masks it.
  z = latent_noise(jax.random.key(0), (BATCH, padded.latent))
  images = jax.jit(model.generate)(*row, z[:, : model.latent], label)
  if not _close(images, jax.jit(padded.generate)(*other, z, label)):
    yield "generates other images when its latent is padded"
  if model.decode:
    logits = jax.jit(model.decode)(*row, z[:, : model.latent])
    if not _close(logits, jax.jit(padded.decode)(*other, z)):
      yield "decodes otherwise when its latent is padded"
  if model.encode:
    codes = jax.jit(model.encode)(*row, images)
    more = jax.jit(padded.encode)(*other, images)
    beyond = ((0, 0), (0, padded.latent - model.latent))
    if not all(_close(jnp.pad(a, beyond), b) for a, b in zip(codes, more, strict=True)):
      yield "encodes images otherwise when its latent is padded, or not as 0 beyond a run's own"


def _of_steps(
  narrow: tuple[Model, Run, State], wide: tuple[Model, Run, State], shape: Shape
) -> Iterator[str]:
  """What differs in the figures of two steps: the second tells how the first moved the weights."""
  K = narrow[0].batches_per_step
  image = jax.random.uniform(jax.random.key(1), (K, BATCH, *shape))
  batch = Batch(image, jnp.zeros((K, BATCH), jnp.int32))
  figures = []
  for model, run, state in (narrow, wide):
    step = jax.jit(model.step)
    state, first = step(run, state, batch)
    figures.append((first, step(run, state, batch)[1]))
  for own, others in zip(*figures, strict=True):
    for name, value in own.items():
      if not _close(value, others[name]):
        both = f"{name} {value:.4g} and {others[name]:.4g}"
        yield f"trains otherwise when its latent is padded: {both}"


def _close(a: PyTree, b: PyTree) -> bool:
  a, b = np.asarray(a), np.asarray(b)
  return a.shape == b.shape and np.allclose(
    a, b, 0, TOLERANCE * max(np.abs(a).max(initial=0), 1e-6)
  )
