"""What can be measured of trained runs, and on which images.

Scores that need the same computation form a group. A group measures some runs at once, has a
protocol that says how, and a floor: the same score of real images that no run has seen, in place of
generated ones. Pairs of images are compared in equal numbers: as many generated images as there are
held-out real ones, at most `Settings.images`.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from genjax import data, parts
from genjax.metrics import catalogue
from genjax.metrics.catalogue import SCORES
from genjax.metrics.pixels import to_bytes
from genjax.models import generation
from genjax.rng import latent_noise
from genjax.scoring import feature_scores, image_scores, model_scores, own_scores, trained_scores
from genjax.scoring.feature_scores import Reference
from genjax.scoring.protocols import BATCH, Context, Group, RunBlock, Settings, identity
from genjax.types import FeatureNetwork, Model, Run, State, UserError

LEAST = 200  # images: fewer have no covariance to speak of


class Asked(NamedTuple):
  """Some scores of a group, and what stands for their protocol."""

  key: str
  protocol: dict
  group: Group
  names: tuple[str, ...]


def check_images(names: Sequence[str], splits: data.Splits, settings: Settings, where: str) -> None:
  """Raises `UserError` for too few held-out images, or a score that these images do not support."""
  held = len(getattr(splits, settings.split).label)
  if min(settings.images, held) < LEAST:
    raise UserError(
      f"{where}: scores need {LEAST} images or more, and of the {held} {settings.split} images of "
      f"{splits.source} {min(settings.images, held)} are to be used"
    )
  for name in names:
    if catalogue.find(name, where).group == "likelihood" and not model_scores.binary(splits):
      raise UserError(f"{where} has {name!r}, which only grey images have: they are binarised")


class Evaluation:
  """All groups that a model has, over the images of a dataset."""

  def __init__(
    self,
    model: Model,
    splits: data.Splits,
    settings: Settings,
    networks: Sequence[FeatureNetwork],
    num_runs: int,
    chunk: int = 0,
    names: Sequence[str] = (),
    cache: str | None = None,
  ):
    """Of images that `check_images` let pass.

    `num_runs` is R of every block, `chunk` as in `sweep.vectorise`, and `names` are those that will
    be asked for, among them metrics `MODULE:OBJECT`; `cache` is as of `Reference`.
    """
    held = getattr(splits, settings.split)
    count = min(settings.images, len(held.label))
    train = splits.train
    labels = train.label[np.arange(count) % len(train.label)]  # the classes that the data has
    context = Context(model, splits, held, labels, settings, num_runs, chunk)

    # Noise and classes are the same for all runs.
    def generate(run_state: tuple[Run, State]) -> Array:
      z = latent_noise(context.key(0), (count, model.latent))
      return generation.images(model, run_state, z, jnp.asarray(labels), BATCH, to_bytes)

    self._generator = context.vectorised(generate)
    few = data.first(held, count)
    self.references = [
      Reference(network, splits, few, settings.seed, cache) for network in networks
    ]
    groups = [feature_scores.group(context, reference) for reference in self.references]
    groups += [image_scores.group(context, cache)]
    groups += [trained_scores.discriminator(context), trained_scores.student(context)]
    groups += [model_scores.critic(context), model_scores.bounds(context)]
    groups += [own_scores.group(context, name) for name in names if parts.is_name(name)]
    self.groups = [group for group in groups if group and group.names]

  def check(self, names: Sequence[str], where: str) -> None:
    """Raises `UserError` for a score that these images or this network do not support."""
    known = {name for group in self.groups for name in group.names}
    lacking = [name for name in map(catalogue.short, names) if name not in known]
    if lacking:
      raise UserError(
        f"{where} has {lacking[0]!r}, which these images or this network do not support; "
        f"available: {', '.join(name for name in SCORES if name in known)}"
      )

  def asked(self, names: Sequence[str], weights: str) -> list["Asked"]:
    """What these scores take, of such weights: the groups that have none of them are left out.

    An NLL comes with what its weights are worth.
    """
    names = tuple(map(catalogue.short, names))
    names = (*names, "nll_ess") if "nll" in names and "nll_ess" not in names else names
    found = []
    for group in self.groups:
      protocol = group.protocol | {"weights": weights}
      some = tuple(name for name in names if name in group.names)
      if some:
        found.append(Asked(identity(protocol), protocol, group, some))
    return found

  def block(self, runs: Run, states: State) -> RunBlock:
    return RunBlock(runs, states, self._generator)
