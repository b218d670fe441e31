"""Random numbers: keys by their purpose, and the noise that images are drawn from."""

import enum

import jax
from jaxtyping import Array, ArrayLike, Float, Integer, Key


class Stream(enum.IntEnum):
  """What a run's random numbers are for. Keys are derived from these and a count, never stored."""

  INIT = 0
  DATA = 1
  STEP = 2
  VALIDATION = 3
  BINARISE = 4
  METRIC = 5
  GALLERY = 6
  SEARCH = 7  # of latents of given images
  IMPORTANCE = 8  # of latent dimensions
  RECONSTRUCTION = 9


def stream(
  key: Key[Array, ""], purpose: Stream, count: Integer[Array, ""] | int = 0
) -> Key[Array, ""]:
  """The key for this purpose and count, so that a resumed run replays."""
  return jax.random.fold_in(jax.random.fold_in(key, purpose), count)


def latent_noise(key: Key[Array, ""], shape: tuple[int, int]) -> Float[Array, "B Z"]:
  """Standard normal, whose first columns do not depend on Z.

  Random bits depend on an entry's flat index alone, so the latent must be the slow axis.
  """
  batch, latent = shape
  return jax.random.normal(key, (latent, batch)).T


def image_noise(
  seed: Integer[Array, ""] | int, numbers: Integer[ArrayLike, " B"], latent: int
) -> Float[Array, "B {latent}"]:
  """Standard normal for images of these numbers, as every picture is drawn from.

  What image 3 is drawn from depends on the seed alone: neither on how many images there are, nor,
  in its first columns, on Z.
  """
  key = jax.random.key(seed)

  def one(number: Integer[Array, ""]) -> Float[Array, " Z"]:
    return latent_noise(stream(key, Stream.GALLERY, number), (1, latent))[0]

  return jax.vmap(one)(numbers)
