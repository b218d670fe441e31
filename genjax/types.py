"""What the modules hand to one another.

Axes: R runs, B batch, H W C image, Z latent, K critic steps, N examples of a dataset. Everything
but `sweep`, `train` and the commands is written for one run: R is theirs alone.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from jax import Array

PyTree = Any
Metrics = dict[str, Array]  # name -> a scalar, or a vector with an entry for each latent dimension


class UserError(Exception):
  """The user's mistake. The message is one line: what is wrong, and what would be right."""


class Dataset(NamedTuple):
  """One split, on the device once and shared by all runs."""

  image: Array  # [N, H, W, C] uint8
  label: Array  # [N] int32


class Batch(NamedTuple):
  image: Array  # [B, H, W, C] float32, in the range of the model's images
  label: Array  # [B] int32


class Run(NamedTuple):
  """The numbers that tell one run from another. Every leaf may be vectorised."""

  key: Array  # [] the typed key made from the run's seed
  latent_mask: Array  # [Z] ones, then zeros: Z is the largest latent in the program
  learning_rate: Array  # []
  b1: Array  # [] Adam's first decay; no other optimiser reads it
  kl_weight: Array  # [] the beta of a beta-VAE
  clip: Array  # [] bound on the critic's weights, where model.regulariser is "clip"
  penalty_weight: Array  # [] where model.regulariser is a penalty
  ema_decay: Array  # [] of the averaged generator; 0 gives the weights themselves


class State(NamedTuple):
  """Everything that training changes. Dictionaries go from a player's name to its part."""

  step: Array  # [] int32, steps of the generator or of the VAE that were taken
  params: dict[str, PyTree]
  stats: dict[str, PyTree]  # batch-norm statistics
  opt_state: dict[str, PyTree]
  ema: dict[str, PyTree]  # the averaged generator: {"params": ..., "stats": ...}; {} for a VAE


class Model(NamedTuple):
  """An algorithm as pure functions of one run. `None` where a model has no such function."""

  init: Callable[[Run], State]
  step: Callable[[Run, State, Batch], tuple[State, Metrics]]  # leaves of the batch [K, B, ...]
  generate: Callable  # (run, state, z [B, Z], label [B]) -> images [B, H, W, C] in [0, 1]
  diagnose: Callable  # (run, state, key, batch) -> Metrics on images that were held out
  encode: Callable | None  # (run, state, images in [0, 1]) -> mean [B, Z], logvar [B, Z]
  score: Callable | None  # (run, state, images in [0, 1], label) -> critic's scores [B]
  latent: int  # Z
  batches_per_step: int  # K
  num_classes: int  # 0 where the model takes no label
