"""Batches drawn inside a compiled program."""

import math

import jax
import jax.numpy as jnp
from jax import Array, lax

from genjax.metrics import pixels
from genjax.types import Batch, Dataset, UserError


def to_device(split: Dataset) -> Dataset:
  """The same split as JAX arrays: image [N, H, W, C] uint8, label [N] int32."""
  return Dataset(jnp.asarray(split.image, jnp.uint8), jnp.asarray(split.label, jnp.int32))


def batches_per_epoch(size: int, batch_size: int) -> int:
  """Batches in an epoch of `size` examples: what is left over in its permutation is dropped.

  Raises:
    UserError: batch_size is below 1 or above size.
  """
  if not 1 <= batch_size <= size:
    raise UserError(f"--config.batch_size={batch_size}: expected 1 to {size}, the training images")
  return size // batch_size


def order(key: Array, size: int, batch_size: int, first: Array | int, count: int) -> Array:
  """Indices of the batches first, ..., first + count - 1 of an endless sequence of epochs.

  Epoch e is the permutation of range(size) by fold_in(key, e), so that a batch depends on its
  place in the sequence alone, and not on how the sequence is cut into calls.

  Args:
    key: [] of the run.
    size: examples in the dataset.
    batch_size: B, at most size.
    first: [] int32, may be traced.
    count: static.

  Returns:
    [count, B] int32.
  """
  batch = first + jnp.arange(count)
  epoch, place = jnp.divmod(batch, batches_per_epoch(size, batch_size))
  position = place[:, None] * batch_size + jnp.arange(batch_size)[None]
  return jax.vmap(lambda e, i: permute(jax.random.fold_in(key, e), size, i))(epoch, position)


def permute(key: Array, size: int, index: Array) -> Array:
  """Where a pseudo-random permutation of range(size), chosen by the key, takes these indices.

  A Feistel network on the even number of bits that holds `size`, walked until it comes back below
  `size` (Black & Rogaway 2002, section 3): the cost is that of the indices asked for. Sorting
  random numbers instead would cost a whole epoch, for each run and call. A GPU would stop to ask
  whether all are back, so as many walks are taken as leave one index in 10^12 outside, which
  becomes size - 1.

  Args:
    key: [].
    size: at most 2**30.
    index: [...] int32, 0 to size - 1.

  Returns:
    [...] int32.
  """
  bits = max((size - 1).bit_length() + 1, 2) // 2  # in each half
  outside = 1 - size / 4**bits
  walks = math.ceil(math.log(_MISSED, outside)) if outside else 0
  mask = jnp.uint32(2**bits - 1)
  round_keys = jax.random.bits(key, (_ROUNDS,))

  def encrypt(x: Array) -> Array:
    left, right = x >> bits, x & mask
    for i in range(_ROUNDS):
      left, right = right, left ^ (_mix(right ^ round_keys[i]) & mask)
    return left << bits | right

  # The first turn is for all: so the cipher stands in the program once.
  def walk(i: Array, x: Array) -> Array:
    return jnp.where((i > 0) & (x < size), x, encrypt(x))

  x = lax.fori_loop(0, 1 + walks, walk, index.astype(jnp.uint32))
  return jnp.minimum(x, size - 1).astype(jnp.int32)


_ROUNDS, _MISSED = 8, 1e-12


def _mix(x: Array) -> Array:
  """Spreads each bit over all: the finaliser of MurmurHash3 (Appleby 2011)."""
  x = (x ^ x >> 16) * jnp.uint32(0x85EBCA6B)
  x = (x ^ x >> 13) * jnp.uint32(0xC2B2AE35)
  return x ^ x >> 16


def draw(dataset: Dataset, indices: Array, key: Array | None = None) -> Batch:
  """The examples at some indices, with pixels scaled to [0, 1].

  Args:
    dataset: image [N, H, W, C] uint8, label [N].
    indices: [...] integers, 0 to N - 1.
    key: if given, every call binarises afresh: a pixel is 1 with probability pixel / 255 (dynamic
      binarisation of Salakhutdinov & Murray 2008).

  Returns:
    image [..., H, W, C] float32, label [...].
  """
  image = pixels.unit(dataset.image[indices])
  if key is not None:
    image = jax.random.bernoulli(key, image).astype(jnp.float32)
  return Batch(image, dataset.label[indices])
