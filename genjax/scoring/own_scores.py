"""Scores of one's own: `MODULE:OBJECT` of a `Metric`."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from genjax import parts
from genjax.metrics import catalogue
from genjax.metrics.pixels import unit
from genjax.mistakes import reason
from genjax.scoring.protocols import Context, Group, RunBlock
from genjax.types import Run, State, UserError


class Own(NamedTuple):
  """A run as a metric sees it that needs more of a model than images."""

  generate: Callable  # (z [B, Z], label [B]) -> images [B, H, W, C] in [0, 1]
  encode: Callable | None  # images -> mean [B, Z], logvar [B, Z]
  score: Callable | None  # (images, label) -> critic's scores [B]
  labels: np.ndarray  # [N] of the generated images: which class was asked for


def group(context: Context, name: str) -> Group:
  """The group of the metric that `MODULE:OBJECT` names."""
  metric = catalogue.own(name, "--metrics")
  real = np.asarray(unit(context.splits.train.image[: context.count]))
  count = len(real)

  def figure(images: np.ndarray, *model: Own) -> float:
    try:
      return float(metric.compute(np.asarray(unit(images[:count])), real, *model))
    except Exception as error:  # of a file that is not ours
      raise UserError(f"{name} raised {reason(error)}") from error

  def measure(block: RunBlock, names: set[str]) -> dict[str, np.ndarray]:
    of_run = [
      _own(context, *jax.tree.map(lambda leaf, i=i: leaf[i], (block.runs, block.states)), count)
      for i in range(len(block.images) if metric.needs else 0)
    ]
    values = [
      figure(images, *of_run[i : i + 1]) for i, images in enumerate(np.asarray(block.images))
    ]
    return {metric.name: np.array(values)}

  def floor(names: set[str]) -> dict[str, float]:
    return {} if metric.needs else {metric.name: figure(context.held.image)}

  code = parts.source(name)["sha256"][:12]
  protocol = context.protocol(
    catalogue.OWN, metric=name, code=code, score=metric.facts,
    training_images=len(context.splits.train.label), real_images=count, generated_images=count,
  )  # fmt: skip
  return Group(protocol, (metric.name,), measure, floor)


def _own(context: Context, run: Run, state: State, count: int) -> Own:
  model = context.model

  def of(f: Callable | None) -> Callable | None:
    return f and (lambda *inputs: f(run, state, *map(jnp.asarray, inputs)))

  return Own(of(model.generate), of(model.encode), of(model.score), context.labels[:count])
