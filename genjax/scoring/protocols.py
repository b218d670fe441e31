"""How something is measured: what a group of scores is, and the protocol that it carries."""

import functools
import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jax import Array

from genjax import data
from genjax.metrics import catalogue
from genjax.metrics.catalogue import SCORES
from genjax.rng import Stream, stream
from genjax.training import sweep
from genjax.types import Dataset, Model, Run, State, UserError

RULES = 1  # to be raised when a score would come out otherwise than before
BATCH = 500  # images that go through a network at once
EMD_IMAGES = 5000  # of which minibatches of 500 are paired


class Settings(NamedTuple):
  """What is measured on; a part of every protocol."""

  split: str = "test"  # the held-out real images, or "validation"
  images: int = 10_000
  seed: int = 0
  nll_images: int = 500
  nll_samples: int = 5000


class RunBlock:
  """Some runs and their weights, and the images that they generate, when these are asked for."""

  def __init__(self, runs: Run, states: State, generator: Callable):
    self.runs, self.states, self._generator = runs, states, generator

  @functools.cached_property
  def images(self) -> Array:
    """[R, N, H, W, C] uint8, as a picture would be saved."""
    return self._generator((self.runs, self.states))


class Group(NamedTuple):
  """Scores that are measured together. Both functions give at least those `names` that they can."""

  protocol: dict
  names: tuple[str, ...]
  # name -> [R], or [R, Z] with NaN for dimensions that a run does not have
  measure: Callable[[RunBlock, set[str]], dict[str, np.ndarray]]
  floor: Callable[[set[str]], dict[str, float]]


class Context(NamedTuple):
  """What the groups are made from."""

  model: Model
  splits: data.Splits
  held: Dataset  # real images that no run has seen
  labels: np.ndarray  # [N] of the generated images
  settings: Settings
  num_runs: int
  chunk: int = 0  # runs at once, as in `sweep.vectorise`

  @property
  def count(self) -> int:
    return len(self.labels)

  def names(self, group: str) -> tuple[str, ...]:
    """The scores of a group that this model has."""
    return tuple(n for n, s in SCORES.items() if s.group == group and fits(n, self.model))

  def protocol(self, group: str, **facts: Any) -> dict:
    """What tells one measurement from another."""
    return {
      "group": group,
      "rules": RULES,
      "data": self.splits.source,
      "split": self.settings.split,
      "seed": self.settings.seed,
    } | facts

  def vectorised(self, f: Callable) -> Callable:
    return sweep.compiled(sweep.vectorise(f, self.num_runs, self.chunk))

  def key(self, purpose: int) -> Array:
    return key_of(self.settings.seed, purpose)


def key_of(seed: int, purpose: int) -> Array:
  """Of an evaluation: the same for all runs, so that their figures are compared on equal noise."""
  return stream(jax.random.key(seed), Stream.METRIC, purpose)


def fits(name: str, model: Model) -> bool:
  """Whether a model has what a score needs."""
  return {
    "": True,
    "encoder": model.encode is not None,
    "likelihood": None not in (model.encode, model.decode),
    "critic": model.score is not None,
    "label": model.num_classes > 0,
  }[catalogue.find(name, "--metrics").needs]


def check(names: Sequence[str], model: Model, where: str) -> None:
  """Raises `UserError` for a score that does not exist, or that this model does not provide."""
  for name in names:
    needs = catalogue.find(name, where).needs
    if not fits(name, model):
      raise UserError(f"{where} has {name!r}, which only {catalogue.NEEDS[needs]} has")
  called = [catalogue.short(name) for name in names]
  for name in called:
    if called.count(name) > 1:
      raise UserError(f"{where} has {name!r} twice; expected once")


def identity(protocol: dict) -> str:
  """What stands for a protocol in metrics.csv: a hash of it."""
  return hashlib.sha256(json.dumps(protocol, sort_keys=True).encode()).hexdigest()[:8]
