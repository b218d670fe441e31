"""What the modules hand to one another.

Axes: R runs, B batch, H W C image, Z latent, K critic steps or classes, N examples of a dataset.
Everything but `sweep`, `train` and the commands is written for one run: R is theirs alone.
"""

import sys

# Running a file of this folder directly makes Python import this module as its own `types`.
if __name__ == "types":
  sys.stderr.write("genjax: a command is a module: python -m genjax.main, not genjax/main.py\n")
  sys.exit(2)

import datetime
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Float32, Int, Int32, Key, UInt8

from genjax.mistakes import UserError

__all__ = ["UserError"]

WEIGHTS = ("best", "last", "raw")  # of the lowest criterion, of the last step, or not averaged
PyTree = Any
Shape = tuple[int, int, int]  # H, W, C
Metrics = dict[str, Float[Array, ""] | Float[Array, " Z"]]  # by name
Curves = Mapping[str, tuple[np.ndarray, np.ndarray]]  # name -> steps [S], values [R, S] or NaN
Label = Int[Array, " B"] | Float[Array, "B K"]  # the class of each image, or weights of the classes


def now() -> str:
  """The time, as records have it."""
  return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")


def counted(count: int, noun: str) -> str:
  """A number and its noun: "1 run", "1,200 runs"."""
  return f"{count:,} {noun}{'' if count == 1 else 's'}"


def rounded(number: float, digits: int = 3) -> str:
  """A number of so many digits, up to billions without an exponent: "1,130", "0.0512"."""
  return f"{float(f'{number:.{digits}g}'):,.10g}"


def first_few(names: Sequence[str], most: int = 3) -> str:
  """At most so many names, and how many others there are: "a, b, c and 2 more"."""
  more = f" and {len(names) - most:,} more" if len(names) > most else ""
  return ", ".join(names[:most]) + more


def grouped(items: Iterable, key: Callable) -> dict[Any, list]:
  """Each key -> its items, both in the order of the items."""
  groups = {}
  for item in items:
    groups.setdefault(key(item), []).append(item)
  return groups


class Dataset(NamedTuple):
  """One split, on the device once and shared by all runs."""

  image: UInt8[Array, "N H W C"]
  label: Int32[Array, " N"]


class Batch(NamedTuple):
  """The images and labels of one step."""

  image: Float32[Array, "B H W C"]  # in [0, 1]
  label: Int32[Array, " B"]


class Run(NamedTuple):
  """The numbers that tell one run from another. Every leaf may be vectorised."""

  key: Key[Array, ""]  # made from the run's seed
  latent_mask: Float[Array, " Z"]  # ones, then zeros: Z is the largest latent in the program
  learning_rate: Float[Array, ""]
  critic_learning_rate: Float[Array, ""]  # 0 for `learning_rate`
  decay_steps: Float[Array, ""]  # after which both rates have fallen to 0; 0 where they stay
  b1: Float[Array, ""]  # Adam's first decay; no other optimiser reads it
  b2: Float[Array, ""]  # and its second
  kl_weight: Float[Array, ""]  # the beta of a beta-VAE
  clip: Float[Array, ""]  # bound on the critic's weights, where model.regulariser is "clip"
  penalty_weight: Float[Array, ""]  # where model.regulariser is a penalty
  ema_decay: Float[Array, ""]  # of the averaged generator; 0 gives the weights themselves


# The numbers of a run and their defaults.
NUMBERS = {
  "learning_rate": 1e-3,
  "critic_learning_rate": 0.0,
  "decay_steps": 0.0,
  "b1": 0.9,
  "b2": 0.999,
  "kl_weight": 1.0,
  "clip": 0.01,
  "penalty_weight": 10.0,
  "ema_decay": 0.0,
}


class State(NamedTuple):
  """Everything that training changes. Dictionaries go from a player's name to its part."""

  step: Int32[Array, ""]  # steps of the generator or of the VAE that were taken
  params: dict[str, PyTree]
  stats: dict[str, PyTree]  # batch norm's statistics, and singular vectors of spectral norm
  opt_state: dict[str, PyTree]
  # The average of `Model.averaged`: {"params": ..., "stats": ...}; {} where a model has none.
  ema: dict[str, PyTree]


class Progress(NamedTuple):
  """How far a run has come: what a checkpoint keeps of it."""

  state: State
  best: State  # at the step with the lowest criterion, without the optimiser's state
  best_value: Float[Array, ""]  # inf before the first validation
  failed_at: Int32[Array, ""]  # the step that gave NaN or Inf, and was not taken; -1 for none

  @classmethod
  def begin(cls, state: State) -> "Progress":
    best = state._replace(opt_state={})
    return cls(state, best, jnp.array(jnp.inf, jnp.float32), jnp.array(-1, jnp.int32))


class Model(NamedTuple):
  """An algorithm as pure functions of one run. `None` where a model has no such function."""

  init: Callable[[Run], State]
  step: Callable[[Run, State, Batch], tuple[State, Metrics]]  # leaves of the batch [K, B, ...]
  # (run, state, z [B, Z], label [B] or class weights [B, K]) -> images [B, H, W, C] in [0, 1]
  generate: Callable
  diagnose: Callable  # (run, state, key, batch) -> Metrics on images that were held out
  latent: int  # Z
  criterion: str  # the validation metric that is lowest at a run's best step
  # The players' modules, as `networks.VaeNetworks` or `networks.GanNetworks`; of other models
  # anything with their `inputs`, or None.
  networks: Any = None
  encode: Callable | None = None  # (run, state, images in [0, 1]) -> mean [B, Z], logvar [B, Z]
  decode: Callable | None = None  # (run, state, z [B, Z]) -> logits of the pixels [B, H, W, C]
  # (run, state, images in [0, 1], label) -> critic's scores [B]; batch norm is by these images.
  # Where there is one, `diagnose` gives val_critic_gap and val_critic_gradient_norm too.
  score: Callable | None = None
  # player -> its part of a step: (run, state, batch, key) -> as `step`
  turns: Mapping[str, Callable] = types.MappingProxyType({})
  batches_per_step: int = 1  # K
  num_classes: int = 0  # 0 where the model takes no label
  averaged: str = ""  # the player whose average is `State.ema`; "" where there is none
  binary: bool = True  # whether images may be binarised for it
  provenance: tuple[str, tuple] | None = None  # see `recipe`

  # Functions are equal to nothing but themselves, and so is a model: what was compiled of it is
  # found by it.
  __eq__ = object.__eq__
  __ne__ = object.__ne__
  __hash__ = object.__hash__

  def with_recipe(self, keys: tuple) -> "Model":
    """The model, which knows the keys that make it anew."""
    return self._replace(provenance=(repr(keys), tuple(self)))

  @property
  def recipe(self) -> str:
    """What makes it anew; "" of one's own code, and where a part was replaced since."""
    if not self.provenance:
      return ""
    keys, parts = self.provenance
    plain = self._replace(provenance=None)
    return keys if all(now is then for now, then in zip(plain, parts, strict=True)) else ""


class FeatureNetwork(NamedTuple):
  """A fixed network in whose features images are compared."""

  name: str  # with a hash of its weights
  params: PyTree
  apply: Callable  # (params, images [B, H, W, C] in [0, 1]) -> features [B, D], logits [B, K]
  classes: bool  # whether the logits are those of the data's classes
  batch: int = 500  # images that go through it at once
