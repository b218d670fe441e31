"""What the scores say of images that are known to be wrong: `python launch/corruptions.py`.

A check of any implementation: real test images of MNIST, and the same ones spoilt in six ways, are
scored as a run's images would be. Prints a table for each feature network.
"""

import numpy as np
from absl import flags
from scipy import ndimage

from genjax import cli, data
from genjax.scoring import feature_networks
from genjax.scoring.feature_scores import Reference
from genjax.types import Dataset

_NETWORKS = flags.DEFINE_integer("networks", 3, "How many classifiers see the images.", 1, 3)

NAMES = (
  "fd", "fd_infinity", "kd", "classifier_score", "precision", "recall", "density", "coverage",
  "modes", "class_jsd", "distinct", "memorised", "emd_features",
)  # fmt: skip


def corruptions(test: Dataset) -> dict[str, np.ndarray]:
  """Images `[N, 28, 28, 1]` uint8, in the order in which the Frechet distance should put them."""
  image, label = test.image, test.label
  size, rng = len(image), np.random.default_rng(0)
  return {
    "real test images": image,
    "without the digit 9": image[label != 9],
    "100 images repeated": image[np.arange(size) % 100],
    "blur, sigma 0.7": _blurred(image, 0.7),
    "blur, sigma 1.5": _blurred(image, 1.5),
    "only the digit 1": image[label == 1],
    "uniform noise": rng.integers(0, 256, image.shape, np.uint8),
  }


def _blurred(image: np.ndarray, sigma: float) -> np.ndarray:
  # In integers the filter would cut what lies behind the point off, along each axis anew.
  blurred = ndimage.gaussian_filter(image.astype(np.float32), (0, sigma, sigma, 0))
  return np.round(blurred).astype(np.uint8)


def main() -> None:
  splits = data.load("mnist")
  for network in feature_networks.load(splits, "", "", _NETWORKS.value, NAMES):
    reference = Reference(network, splits, splits.test)
    print(f"\n{network.name}\n\n| images | {' | '.join(NAMES)} |")
    print("| --- " * (len(NAMES) + 1) + "|")
    for title, images in corruptions(splits.test).items():
      labels = np.zeros(len(images), int)  # no score here reads what was asked for
      found = reference.score(reference.see(images, labels), set(NAMES))
      print(f"| {title} | {' | '.join(f'{found[name]:.4g}' for name in NAMES)} |", flush=True)


if __name__ == "__main__":
  cli.run(main)
