"""The classifiers in whose features images are compared, trained as any other sweep is.

Up to three per dataset, which differ in their seed: what holds in one network's features alone is
no finding. Those of `weights/` come with the package, so that everyone's figures of these images
are by the same networks. The others are trained once, without test images, and kept beside the
decoded data; those that are asked for and not there yet train in one program.
"""

import hashlib
import json
import pathlib
from collections.abc import Callable

import jax
import numpy as np
from absl import logging
from flax import traverse_util

from genjax import data, files
from genjax.data import cache as caching
from genjax.scoring.classifier_network import WIDTH, apply
from genjax.scoring.classifier_training import RECIPES, SMALL, Recipe, Trained, train
from genjax.types import Dataset, FeatureNetwork, PyTree

COUNT = 3
PACKAGED = pathlib.Path(__file__).parent / "weights"  # written by launch/feature_networks.py
_LAYOUT = 2  # to be raised when a network would come out otherwise than before


def feature_networks(
  splits: data.Splits, cache: str, show: Callable[[str], None], count: int = COUNT
) -> list[FeatureNetwork]:
  """The first networks of a dataset, from the cache or trained now.

  They see the training and the validation images: which of these are held out is the config's
  choice, and features must not depend on it.

  Args:
    splits: of the dataset.
    cache: as `config.data.cache`.
    show: is told in a line what is done, and how well the networks classify.
    count: how many, 1 to `COUNT`.
  """
  seen, stem, digests = identify(splits)
  folder = caching.folder(cache, "features")
  paths = {seed: folder / f"{stem}-{seed}-{digests[SMALL]}.npz" for seed in range(count)}
  found = {seed: trained for seed in paths if (trained := _packaged(f"{stem}-{seed}", digests))}
  where = "genjax's own" if len(found) == count else f"in {folder}"
  for seed in paths.keys() - found.keys():
    if trained := _read(paths[seed]):
      found[seed] = trained
  if missing := tuple(seed for seed in paths if seed not in found):
    shape = " x ".join(map(str, splits.train.image.shape[1:]))
    show(
      f"training {_named(len(missing))} of {stem}, {shape}, in whose features runs are compared, "
      "as none of just these images comes with genjax"
    )
    for seed, trained in train(seen, splits, missing, show).items():
      found[seed] = trained
      caching.write(paths[seed], flat(trained.params) | {"accuracy": trained.accuracy})
  percent = ", ".join(f"{found[seed].accuracy:.2%}" for seed in paths)
  show(f"feature network{'s'[: count - 1]} of {stem} ({where}): test accuracy {percent}")
  return [_network(f"{stem}-{seed}", found[seed], splits.num_classes) for seed in paths]


def identify(splits: data.Splits) -> tuple[Dataset, str, dict[str, str]]:
  """The images that the networks of a dataset see, its name, and digests of both by `RECIPES`."""
  seen = Dataset(
    *(np.concatenate(part) for part in zip(splits.validation, splits.train, strict=True))
  )
  facts = {
    "layout": _LAYOUT,
    "shape": seen.image.shape[1:],
    "classes": splits.num_classes,
    "crc32": [files.checksum(part) for part in seen],
  }

  def digest(recipe: Recipe) -> str:
    settings = recipe.batch, WIDTH, recipe.epochs, recipe.learning_rate
    text = json.dumps(facts | {"settings": settings})
    return hashlib.sha256(text.encode()).hexdigest()[:12]

  digests = {name: digest(recipe) for name, recipe in RECIPES.items()}
  return seen, splits.source.split()[0].replace("/", "_"), digests


def _packaged(name: str, digests: dict[str, str]) -> Trained | None:
  """A network that comes with the package, where it was trained on just these images."""
  from safetensors import safe_open

  file = PACKAGED / f"{name}.safetensors"
  if not file.exists():
    return None
  try:
    with safe_open(file, "numpy") as weights:
      facts = weights.metadata()
      recipe = facts.get("recipe", SMALL)
      if facts["dataset"] != digests[recipe]:
        return None
      arrays = {key: weights.get_tensor(key).astype(np.float32) for key in weights.keys()}  # noqa: SIM118
    params = traverse_util.unflatten_dict(arrays, sep="/")
    accuracy = np.array(float(facts["accuracy"]))
    if digest_of_params(params) != facts["weights"]:
      raise ValueError("its weights are not those that were written")
  except Exception as error:  # a damaged file fails in as many ways as it has bytes
    logging.warning("%s is damaged, and a network is trained in its place (%s).", file, error)
    return None
  return Trained(params, accuracy, recipe)


def _named(count: int) -> str:
  return "a classifier" if count == 1 else f"{count} classifiers"


def _network(name: str, trained: Trained, num_classes: int) -> FeatureNetwork:
  see = apply(RECIPES[trained.recipe].inference_network(num_classes))
  return FeatureNetwork(
    f"{name}-{digest_of_params(trained.params)}", trained.params, see, classes=True
  )


def digest_of_params(params: PyTree) -> str:
  """Stands for the weights of a network."""
  digest = hashlib.sha256()
  for leaf in jax.tree.leaves(params):
    digest.update(np.ascontiguousarray(leaf).tobytes())
  return digest.hexdigest()[:8]


def flat(params: PyTree) -> dict[str, np.ndarray]:
  """The arrays of a network by "LAYER/KIND"."""
  return traverse_util.flatten_dict(jax.tree.map(np.asarray, params), sep="/")


def _read(file) -> Trained | None:
  members = caching.read(file)
  if members is None:
    return None
  accuracy = members.pop("accuracy")
  return Trained(traverse_util.unflatten_dict(members, sep="/"), accuracy, SMALL)
