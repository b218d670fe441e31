"""The classifiers that come with the package: `python launch/feature_networks.py`.

Trains three on MNIST as `genjax.evaluate` does on a dataset that has none, or, by `--name=cifar10
--recipe=deep`, deeper ones that see photographs mirrored and shifted. Rounds their weights to
float16, and writes genjax/scoring/weights/NAME-SEED.safetensors with the digest of the images that
they saw, the test accuracy after rounding, and how they were made. Prints the table of BUILD.md.
"""

import hashlib

import jax
import numpy as np
from absl import flags
from safetensors.numpy import save

from genjax import cli, data, files
from genjax.scoring import classifier, classifier_training
from genjax.types import PyTree

_NAME = flags.DEFINE_string("name", "mnist", "The dataset: mnist, cifar10 or digits.")
_RECIPE = flags.DEFINE_enum(
  "recipe", classifier_training.SMALL, list(classifier_training.RECIPES), "Of which network."
)


def rounded(params: PyTree) -> PyTree:
  """What is left of weights in a file of half the size."""
  return jax.tree.map(lambda leaf: np.asarray(leaf, np.float16), params)


def main() -> None:
  splits = data.load(_NAME.value)
  seen, stem, digests = classifier.identify(splits)
  seeds, recipe = tuple(range(classifier.COUNT)), _RECIPE.value
  trained = classifier_training.train(seen, splits, seeds, print, recipe)
  print("| network | test accuracy | SHA-256 |\n| --- | --- | --- |")
  for seed, network in trained.items():
    params = rounded(network.params)
    read = jax.tree.map(lambda leaf: leaf.astype(np.float32), params)
    one = jax.tree.map(lambda leaf: leaf[None], read)
    (accuracy,) = classifier_training.accuracies(one, splits.test, splits.num_classes, recipe)
    facts = {
      "dataset": digests[recipe],
      "recipe": recipe,
      "weights": classifier.digest_of_params(read),
      "accuracy": f"{accuracy:.4f}",
      "command": f"python launch/feature_networks.py --name={_NAME.value} --recipe={recipe}",
      "jax": jax.__version__,
    }
    content = save(classifier.flat(params), facts)
    files.write(classifier.PACKAGED / f"{stem}-{seed}.safetensors", content)
    print(f"| {stem}-{seed} | {accuracy:.2%} | {hashlib.sha256(content).hexdigest()} |")


if __name__ == "__main__":
  cli.run(main)
