"""Images of many runs at many latents, by one compiled program, and the training images near them.

Axes: R runs, Q latents of a request, Z latent, N training images.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from genjax.analysis import smoothness
from genjax.analysis.selection import Selection
from genjax.metrics import copies, paths
from genjax.metrics.pixels import to_bytes, unit
from genjax.models import generation
from genjax.rng import image_noise
from genjax.training import sweep

BLOCK = 32  # latents that are decoded at once
PAIRS = 6  # between which paths go
CHUNK = 4096  # training images that are compared at once


class Request(NamedTuple):
  """Latents that are to be decoded by one run."""

  run: int  # its place in the selection
  z: np.ndarray  # [Q, Z]
  label: np.ndarray  # [Q] int32; not read by models without labels


def latents_of(
  selection: Selection, columns: int, walking: Sequence[int], frames: int
) -> tuple[np.ndarray, np.ndarray]:
  """The noise of the galleries in samples/, and paths between the pairs of `genjax.interpolate`.

  Args:
    selection: of the runs.
    columns: of these galleries.
    walking: S places of runs; the angle of a path is that of a run's own latent.
    frames: T points of each path.

  Returns:
    `[columns, Z]`, the same for all runs; and `[S, T, PAIRS, Z]`.
  """
  masks = np.asarray(selection.saved.runs.latent_mask)[list(selection.index)][list(walking)]
  latent = selection.model.latent

  @jax.jit  # one program, where a dozen small ones would each be compiled
  def program(masks):
    a, b = (end[None] * masks[:, None] for end in smoothness.ends(PAIRS, latent, 0))
    z = image_noise(0, jnp.arange(columns), latent)
    return z, paths.between(a, b, frames, "spherical").swapaxes(0, 1)

  return jax.tree.map(np.asarray, program(masks))


def classes(count: int, num_classes: int) -> np.ndarray:
  """The classes of these galleries' columns, and of these pairs."""
  return np.arange(count, dtype=np.int32) % max(num_classes, 1)


def render(selection: Selection, requests: Sequence[Request]) -> list[np.ndarray]:
  """The images of each request, `[Q, H, W, C]` uint8.

  All requests are cut into blocks, so that one program serves runs with few and with many latents.
  """
  if not requests:
    return []
  model, blocks = selection.model, [block for one in requests for block in _blocks(one)]
  blocks += blocks[-1:] * (-len(blocks) % jax.device_count())  # as many on each device

  def decode(block: tuple, runs, states) -> Array:
    place, z, label = block
    row = jax.tree.map(lambda leaf: leaf[place], (runs, states))
    return generation.images(model, row, z, label, finish=to_bytes)

  program = jax.jit(sweep.vectorise(decode, len(blocks), chunk=1))
  images = np.asarray(program(tuple(map(np.stack, zip(*blocks, strict=True))), *selection.rows))
  images = images.reshape(-1, *images.shape[2:])
  starts = np.cumsum([0, *(_padded(len(one.z)) for one in requests)])
  return [images[start : start + len(one.z)] for start, one in zip(starts, requests, strict=False)]


def _padded(count: int) -> int:
  return -(-count // BLOCK) * BLOCK


def _blocks(one: Request) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
  """Pieces of BLOCK latents; the last is filled with zeros."""
  more = _padded(len(one.z)) - len(one.z)
  z = np.pad(np.asarray(one.z, np.float32), ((0, more), (0, 0)))
  label = np.pad(np.asarray(one.label, np.int32), (0, more))
  return [
    (np.int32(one.run), z[i : i + BLOCK], label[i : i + BLOCK]) for i in range(0, len(z), BLOCK)
  ]


def nearest(images: np.ndarray, train: np.ndarray) -> np.ndarray:
  """For each of `[M, H, W, C]` uint8 the index of the nearest of `[N, H, W, C]`, in pixels."""
  flat = unit(images.reshape(len(images), -1))
  index, least = np.zeros(len(images), int), np.full(len(images), np.inf)
  for start in range(0, len(train), CHUNK):
    others = unit(train[start : start + CHUNK].reshape(-1, flat.shape[1]))
    found, distance = map(np.asarray, copies.nearest(flat, others))
    nearer = distance < least
    index, least = np.where(nearer, start + found, index), np.where(nearer, distance, least)
  return index
