"""The network in whose features images are compared: a small classifier."""

import flax.linen as nn

from genjax.models.layers import Conv, flatten, max_pool

FEATURES = 128


class ClassifierNetwork(nn.Module):
  """Two convolutions and a dense layer: `[B, H, W, C] -> features [B, 128], logits [B, K]`."""

  num_classes: int
  width: int

  @nn.compact
  def __call__(self, image, train=False):
    x = nn.relu(Conv(self.width, 5, 2)(2 * image - 1))
    x = max_pool(2)(nn.relu(Conv(2 * self.width, 3)(_even(x))))
    x = nn.Dropout(0.25, deterministic=not train)(flatten(x))
    features = nn.relu(nn.Dense(FEATURES)(x))
    return features, nn.Dense(self.num_classes)(nn.Dropout(0.5, deterministic=not train)(features))


def _even(x):
  """Without the last row and column where there is an odd number: the pool takes two by two."""
  return x[:, : x.shape[1] // 2 * 2, : x.shape[2] // 2 * 2]
