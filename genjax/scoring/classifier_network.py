"""The networks in whose features images are compared: classifiers, a small and a deep one."""

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array, lax

from genjax.metrics import pixels
from genjax.models import modules
from genjax.models.layers import BATCH_NORMS, Conv, Dense, flatten, max_pool
from genjax.types import PyTree

FEATURES = 128
WIDTH = 32  # channels of the first convolution
MOMENTUM, EPSILON = BATCH_NORMS["torch"]


class Small(nn.Module):
  """Two convolutions and a dense layer: `[B, H, W, C] -> features [B, 128], logits [B, K]`."""

  num_classes: int

  @nn.compact
  def __call__(self, image, train=False):
    x = nn.relu(Conv(WIDTH, 5, 2, forward=not train)(2 * image - 1))
    x = max_pool(2)(nn.relu(Conv(2 * WIDTH, 3, forward=not train)(_even(x))))
    x = nn.Dropout(0.25, deterministic=not train)(flatten(x))
    features = nn.relu(nn.Dense(FEATURES)(x))
    return features, nn.Dense(self.num_classes)(nn.Dropout(0.5, deterministic=not train)(features))

  def inference_params(self, params: PyTree, stats: PyTree) -> PyTree:
    del stats  # there are none
    return params


class Deep(nn.Module):
  """Seven convolutions, three of them residual, and a mean over pixels; shapes as of `Small`.

  It trains with batch norm, which `inference_params` makes part of the convolutions.
  """

  num_classes: int
  batch_norm: bool = False

  @nn.compact
  def __call__(self, image, train=False):
    x = self._conv(0, 2 * image - 1, WIDTH, 1, train)
    for stage, width in enumerate((2 * WIDTH, 4 * WIDTH, 4 * WIDTH)):
      x = self._conv(2 * stage + 1, x, width, 2, train)
      x = x + self._conv(2 * stage + 2, x, width, 1, train)
    features = x.mean((1, 2))
    return features, Dense(self.num_classes, name="logits")(features)

  def _conv(self, number, x, width, stride, train):
    options = {"use_bias": not self.batch_norm, "forward": not train, "name": f"conv{number}"}
    x = Conv(width, 3, stride, **options)(x)
    if self.batch_norm:
      x = nn.BatchNorm(not train, momentum=MOMENTUM, epsilon=EPSILON, name=f"norm{number}")(x)
    return nn.relu(x)

  def inference_params(self, params: PyTree, stats: PyTree) -> PyTree:
    """Weights without batch norm by which images are seen as by these and its statistics."""
    folded = {"logits": params["logits"]}
    for name in (name for name in params if name.startswith("conv")):
      norm, running = (tree[name.replace("conv", "norm")] for tree in (params, stats))
      scale = norm["scale"] / jnp.sqrt(running["var"] + EPSILON)
      folded[name] = {
        "kernel": params[name]["kernel"] * scale[None, None, None],
        "bias": norm["bias"] - running["mean"] * scale,
      }
    return folded


def apply(network: nn.Module) -> Callable:
  """`(params, images [B, H, W, C] in [0, 1]) -> (features [B, 128], logits [B, K])`."""
  return lambda params, images: modules.apply(network, params, {}, images)[0]


def classify(
  network: Callable, params: PyTree, images: Array, batch: int = 500
) -> tuple[Array, Array | None]:
  """Features `[N, D]` and logits `[N, K]` of uint8 images `[N, H, W, C]`, a batch at a time."""

  def one(image: Array) -> PyTree:
    return jax.tree.map(lambda leaf: leaf[0], network(params, pixels.unit(image)[None]))

  return lax.map(one, images, batch_size=min(batch, len(images)))


def _even(x):
  """Without the last row and column where there is an odd number: the pool takes two by two."""
  return x[:, : x.shape[1] // 2 * 2, : x.shape[2] // 2 * 2]
