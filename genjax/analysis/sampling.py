"""Images of many runs from shared noise, some thousands at once.

Axes: R runs of a selection, N images of each, n of them at once.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from genjax.analysis.selection import Selection
from genjax.data.sources import shortened
from genjax.metrics.pixels import to_bytes
from genjax.models import generation
from genjax.rng import image_noise
from genjax.training import sweep
from genjax.types import UserError

BATCH = 128  # images of a run that go through its generator side by side
BLOCK = 2**27  # bytes of finished images that a device holds


class ImageBlock(NamedTuple):
  """Some of the images, beginning with the one of number `first`."""

  first: int
  images: np.ndarray  # [R, n, H, W, C] uint8


def labels(selections: Sequence[Selection], wanted: Sequence[str], count: int) -> list[np.ndarray]:
  """For each selection the class `[N]` of each image, -1 where its model takes none.

  Args:
    wanted: classes by name or number, which take turns; all that there are where empty.

  Raises:
    UserError: they are no classes, or a model takes none.
  """
  found = []
  for one in selections:
    classes = one.model.num_classes
    if wanted and not classes:
      raise UserError(f"--label={','.join(wanted)}: the model of {one.path} takes no label")
    turns = [_number(label, one.saved.classes) for label in wanted] or range(classes) or [-1]
    found.append(np.resize(np.array(turns, np.int32), count))
  return found


def _number(label: str, classes: Sequence[str]) -> int:
  """The class of a name; or of a number, where classes are called otherwise than by numbers.

  Raises:
    UserError: there is no such class.
  """
  label = label.strip()
  if label in classes:
    return classes.index(label)
  numbers = not all(name.isdecimal() for name in classes)
  if numbers and label.isdecimal() and int(label) < len(classes):
    return int(label)
  expected = f"one of {shortened(classes)}" + f", or 0 to {len(classes) - 1}" * numbers
  raise UserError(f"--label={label} is not a class; expected {expected}")


def draw(selection: Selection, noise_seed: int, labels: np.ndarray) -> Iterator[ImageBlock]:
  """Images 0 to N - 1 of each run, block by block, by one compiled program.

  Args:
    labels: [N] as of `labels`.
  """
  R, N = len(selection.index), len(labels)
  size = R * int(np.prod(selection.saved.image_shape))
  blocks = -(-N * size // BLOCK)
  n = -(-N // blocks)
  # Runs that are computed at once share the memory.
  batch = min(n, max(1, BATCH * 8 // sweep.at_once(R)), BATCH)

  def of_run(run_state: tuple, seed: Array, numbers: Array, labels: Array) -> Array:
    z = image_noise(seed, numbers, selection.model.latent)
    return generation.images(selection.model, run_state, z, labels, batch, to_bytes)

  program = selection.vectorised(of_run)
  rows = selection.rows
  for first in range(0, N, n):
    # The last block repeats its last image, so that it has the shape of the others.
    numbers = np.minimum(np.arange(first, first + n), N - 1)
    images = np.asarray(program(rows, np.uint32(noise_seed), numbers, labels[numbers]))
    yield ImageBlock(first, images[:, : N - first])


def noise(selections: Sequence[Selection], noise_seed: int, count: int) -> np.ndarray:
  """What the images are drawn from, `[N, Z]`; a run uses as many columns as its latent has."""
  latent = max(row["latent"] for one in selections for row in one.numbers)
  return np.asarray(jax.jit(image_noise, static_argnums=2)(noise_seed, jnp.arange(count), latent))
