"""Pictures of paths through the latent spaces of runs: a row a run, a column a step.

Axes: R runs, P pairs of ends, T steps, K classes, D dimensions, Z latent, H W C image.
"""

import itertools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from genjax.analysis import inversion, smoothness
from genjax.analysis.picture_rows import (
  InterpolationFlags,
  Pictures,
  animated,
  of_one_run,
  row_label,
)
from genjax.analysis.selection import Selection, class_names
from genjax.metrics import paths
from genjax.models import generation
from genjax.plotting import galleries
from genjax.plotting.plots import drawable
from genjax.rng import Stream, stream
from genjax.types import Run, State


def between_random(selections: Sequence[Selection], asked: InterpolationFlags) -> Pictures:
  """Linear and spherical paths between the same random latents, whatever the model and latent."""

  def of_run(run_state: tuple[Run, State], a: Array, b: Array) -> Array:
    mask = run_state[0].latent_mask[None]
    z = [paths.between(a * mask, b * mask, asked.steps, kind) for kind in asked.kinds]
    label = jnp.arange(asked.pairs) % max(one.model.num_classes, 1)
    return jnp.stack([generation.images(one.model, run_state, path, label) for path in z])

  images, labels = [], []  # [kinds, T, P, H, W, C] each
  for one in selections:
    ends = smoothness.ends(asked.pairs, one.model.latent, asked.seed)
    images += itertools.chain(*one.computed(of_run, *ends))
    labels += [row_label(label, kind) for label in one.labels for kind in asked.kinds]
  images = np.stack(images)
  note = smoothness.explained(
    [row["latent"] for one in selections for row in one.numbers], asked.seed
  )
  for p in range(asked.pairs):
    title = f"Between random latents, {p + 1} of {asked.pairs}: the same two in every row"
    yield f"random-{p + 1}", galleries.gallery(images[:, :, p], labels, asked.columns, title, note)
  yield "random", animated(images, labels, _pairs(asked), "Between random latents")


def between_images(
  selections: Sequence[Selection], asked: InterpolationFlags, originals: Array, classes: Array
) -> Pictures:
  """Paths between real images, as a VAE encodes them or as a search finds them in a GAN.

  Args:
    selections: the runs.
    asked: its P is half of the number of images.
    originals: [2 P, H, W, C] in [0, 1], those of a pair one after the other.
    classes: [2 P] int32.
  """
  key = stream(jax.random.key(asked.seed), Stream.SEARCH)

  def of_run(run_state: tuple[Run, State], image: Array, label: Array) -> tuple[Array, Array]:
    z, error = located(one, run_state, image, label, key)
    path = paths.between(z[0::2], z[1::2], asked.steps, asked.kind)
    K = one.model.num_classes
    if K:  # the class goes over into the other's, as the image does
      weights = jax.nn.one_hot(label, K)
      label = paths.between(weights[0::2], weights[1::2], asked.steps, "linear").reshape(-1, K)
    return generation.images(one.model, run_state, path, label), error, paths.norms(z)

  images, labels, errors, norms = [], [], [], []
  for one in selections:
    made, error, norm = one.computed(of_run, originals, classes)
    images += list(made)
    norms += list(norm)
    labels += one.labels
    errors += list(error)
  images = np.stack(images)
  ways = {True: "the encoder's means", False: "the nearest that a search finds"}
  used = {bool(one.model.encode) for one in selections}
  note = (
    f"At both ends the real image. Between them the {asked.kind} path between the images' latents: "
    f"{' and '.join(ways[way] for way in ways if way in used)}. "
    "RMSE: root mean square error a pixel, in [0, 1], of the left and of the right end. The "
    f"latents found have |z| from {np.min(norms):.2f} to {np.max(norms):.2f}"
    f"{_prior(selections)}."
  )
  for p in range(asked.pairs):
    ends = np.broadcast_to(originals[2 * p : 2 * p + 2][None], (len(images), 2, *images.shape[3:]))
    row = np.concatenate([ends[:, :1], images[:, :, p], ends[:, 1:]], 1)
    of_ends = [
      row_label(label, f"RMSE {error[2 * p]:.3f}\nand {error[2 * p + 1]:.3f}")
      for label, error in zip(labels, errors, strict=True)
    ]
    title = f"Between two test images, {p + 1} of {asked.pairs}"
    columns = ["real", *asked.columns, "real"]
    yield f"images-{p + 1}", galleries.gallery(row, of_ends, columns, title, note)
  yield "images", animated(images, labels, _pairs(asked), "Between test images")


def _prior(selections: Sequence[Selection]) -> str:
  """What |z| the prior has, where all runs have one latent."""
  latents_of = {row["latent"] for one in selections for row in one.numbers}
  if len(latents_of) > 1:
    return ""
  mean, sd = paths.shell(latents_of.pop())
  return f", the prior's {mean:.2f} ± {sd:.2f}"


def located(
  one: Selection, run_state: tuple[Run, State], image: Array, label: Array, key: Array
) -> tuple[Array, Array]:
  """The latents of images, and what is lost of these: `[B, Z]`, `[B]` RMSE a pixel."""
  if one.model.encode:
    z, _ = one.model.encode(*run_state, image)
    made = one.model.generate(*run_state, z)
    return z, jnp.sqrt(((made - image) ** 2).mean((1, 2, 3)))
  return inversion.nearest(
    lambda z, label: one.model.generate(*run_state, z, label),
    image,
    label,
    run_state[0].latent_mask,
    key,
  )


def between_classes(selections: Sequence[Selection], asked: InterpolationFlags) -> Pictures:
  """From each class to the next one at one latent, and between two latents at each class.

  Of models with equally many classes.
  """

  def of_run(run_state: tuple[Run, State], a: Array, b: Array) -> tuple[Array, Array]:
    K, T, mask = one.model.num_classes, asked.steps, run_state[0].latent_mask[None]
    weights = jnp.eye(K)
    mixed = paths.between(weights, jnp.roll(weights, -1, 0), T, "linear")
    still = jnp.broadcast_to((a * mask)[None], (T, K, a.shape[-1]))
    z = paths.between(a * mask, b * mask, T, asked.kind)
    moving = jnp.broadcast_to(z, still.shape)
    return (
      generation.images(one.model, run_state, still, mixed.reshape(-1, K)),
      generation.images(one.model, run_state, moving, jnp.arange(K)),
    )

  everything, labels = [], []
  for one in selections:
    classes = drawable(one.saved.classes)
    names = [f"class {name}" for name in classes]
    after = (*classes[1:], classes[0])
    ends = smoothness.ends(1, one.model.latent, asked.seed)
    over, within = one.computed(of_run, *ends)
    everything += list(over)
    labels += one.labels
    for label, across, along in zip(one.labels, over, within, strict=True):
      rows = [f"{name}\nto {other}" for name, other in zip(names, after, strict=True)]
      title = "From class to class at one latent"
      note = "The generator reads weights of two classes in place of one class."
      yield of_one_run("classes", one, label, across, rows, asked.columns, title, note)
      title = "From latent to latent at each class"
      note = f"A {asked.kind} path, the same in every row."
      yield of_one_run("classes-latent", one, label, along, names, asked.columns, title, note)
  names = class_names(selections)
  columns = [
    f"{name} to {other}" for name, other in zip(names, (*names[1:], names[0]), strict=True)
  ]
  yield "classes", animated(np.stack(everything), labels, columns, "From class to class")


def _pairs(asked: InterpolationFlags) -> list[str]:
  return [f"pair {p + 1}" for p in range(asked.pairs)]
