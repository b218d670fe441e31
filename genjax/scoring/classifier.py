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
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from absl import logging
from jax import Array, lax

from genjax import data, files
from genjax.data import cache as caching
from genjax.metrics import pixels
from genjax.models import modules, optimisers
from genjax.rng import Stream, stream
from genjax.scoring.classifier_network import ClassifierNetwork
from genjax.training import programs, sweep
from genjax.types import (
  Batch,
  Dataset,
  FeatureNetwork,
  Metrics,
  Model,
  Progress,
  PyTree,
  Run,
  Shape,
  State,
)

COUNT = 3
BATCH = 128
WIDTH = 32
EPOCHS = 8
LEAST_STEPS = 500  # a small dataset takes more epochs
LEARNING_RATE = 1.5e-3
WEIGHTS = pathlib.Path(__file__).parent / "weights"  # written by launch/feature_networks.py
_LAYOUT = 2  # to be raised when a network would come out otherwise than before


def make(image_shape: Shape, num_classes: int, steps: int, width: int = WIDTH) -> Model:
  """A classifier as a model that the engine trains: Adam, its rate falling to 0 as a cosine.

  Args:
    image_shape: H, W, C.
    num_classes: K.
    steps: after which the rate is 0.
    width: channels of the first convolution.
  """
  network = ClassifierNetwork(num_classes, width)
  adapt = optimisers.make("adam", "optax")

  def init(run: Run) -> State:
    key = stream(run.key, Stream.INIT)
    params = {"classifier": modules.init(network, key, jnp.zeros((1, *image_shape)))[0]}
    opt_state = {"classifier": adapt.init(run, params)}
    return State(jnp.zeros((), jnp.int32), params, {}, opt_state, {})

  def step(run: Run, state: State, batches: Batch) -> tuple[State, Metrics]:
    key = stream(run.key, Stream.STEP, state.step)

    def loss(params: PyTree) -> Array:
      (_, logits), _ = modules.apply(network, params["classifier"], {}, batches.image[0], key=key)
      return optax.softmax_cross_entropy_with_integer_labels(logits, batches.label[0]).mean()

    value, gradients = jax.value_and_grad(loss)(state.params)
    falling = (1 + jnp.cos(jnp.pi * state.step / steps)) / 2
    params, opt_state = adapt.update(
      run._replace(learning_rate=run.learning_rate * falling),
      gradients,
      state.opt_state["classifier"],
      state.params,
    )
    return State(state.step + 1, params, {}, {"classifier": opt_state}, {}), {"loss": value}

  return Model(
    networks=network,
    init=init,
    step=step,
    generate=None,
    diagnose=None,
    encode=None,
    decode=None,
    score=None,
    turns={},
    criterion="",
    latent=1,
    batches_per_step=1,
    num_classes=num_classes,
  )


def apply(num_classes: int, width: int = WIDTH) -> Callable:
  """`(params, images [B, H, W, C] in [0, 1]) -> (features [B, 128], logits [B, K])`."""
  network = ClassifierNetwork(num_classes, width)
  return lambda params, images: modules.apply(network, params, {}, images)[0]


def fit(model: Model, run: Run, dataset: Dataset, steps: int) -> PyTree:
  """The parameters after that many steps on a dataset: a pure function of one run."""
  totals = programs.Totals({"loss": jnp.zeros(())}, jnp.zeros((), jnp.int32))
  row = (run, Progress.begin(model.init(run)), totals)
  progress, _ = programs.advance(model, min(BATCH, len(dataset.label)))(row, dataset, 0, steps)
  return progress.state.params["classifier"]


def run_of(seed: int) -> Run:
  """The numbers of one classifier."""
  rows = sweep.table(seeds=(seed,), latents=(1,), learning_rate=(LEARNING_RATE,))
  return jax.tree.map(lambda leaf: leaf[0], sweep.runs(rows))


class Trained(NamedTuple):
  """One classifier."""

  params: PyTree
  accuracy: np.ndarray  # [] on test images, 0 to 1


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
  seen, stem, digest = identify(splits)
  folder = caching.folder(cache, "features")
  paths = {seed: folder / f"{stem}-{seed}-{digest}.npz" for seed in range(count)}
  found = {seed: trained for seed in paths if (trained := _packaged(f"{stem}-{seed}", digest))}
  where = "genjax's own" if len(found) == count else f"in {folder}"
  for seed in paths.keys() - found.keys():
    if trained := _read(paths[seed]):
      found[seed] = trained
  if missing := tuple(seed for seed in paths if seed not in found):
    show(f"training {_named(len(missing))} of {stem}, in whose features runs are compared")
    for seed, trained in train(seen, splits, missing, show).items():
      found[seed] = trained
      caching.write(paths[seed], flat(trained.params) | {"accuracy": trained.accuracy})
  percent = ", ".join(f"{found[seed].accuracy:.2%}" for seed in paths)
  show(f"feature network{'s'[: count - 1]} of {stem} ({where}): test accuracy {percent}")
  return [_network(f"{stem}-{seed}", found[seed], splits.num_classes) for seed in paths]


def identify(splits: data.Splits) -> tuple[Dataset, str, str]:
  """The images that the networks of a dataset see, its name, and a digest of both and of how."""
  seen = Dataset(
    *(np.concatenate(part) for part in zip(splits.validation, splits.train, strict=True))
  )
  return seen, splits.source.split()[0].replace("/", "_"), _digest(_facts(seen, splits))


def _packaged(name: str, digest: str) -> Trained | None:
  """A network that comes with the package, where it was trained on just these images."""
  from safetensors import safe_open

  file = WEIGHTS / f"{name}.safetensors"
  if not file.exists():
    return None
  try:
    with safe_open(file, "numpy") as weights:
      facts = weights.metadata()
      if facts["dataset"] != digest:
        return None
      arrays = {key: weights.get_tensor(key).astype(np.float32) for key in weights.keys()}  # noqa: SIM118
    params, accuracy = _unflat(arrays), np.array(float(facts["accuracy"]))
    if digest_of_params(params) != facts["weights"]:
      raise ValueError("its weights are not those that were written")
  except Exception as error:  # a damaged file fails in as many ways as it has bytes
    logging.warning("%s is damaged, and a network is trained in its place (%s).", file, error)
    return None
  return Trained(params, accuracy)


def _named(count: int) -> str:
  return "a classifier" if count == 1 else f"{count} classifiers"


def _network(name: str, trained: Trained, num_classes: int) -> FeatureNetwork:
  digest = digest_of_params(trained.params)
  return FeatureNetwork(f"{name}-{digest}", trained.params, apply(num_classes), classes=True)


def train(
  seen: Dataset, splits: data.Splits, seeds: tuple[int, ...], show: Callable[[str], None]
) -> dict[int, Trained]:
  """A classifier for each seed, all in one program; `show` is told how it goes."""
  shape, size, R = seen.image.shape[1:], len(seen.label), len(seeds)
  batch = min(BATCH, size)
  per_epoch = data.batches_per_epoch(size, batch)
  epochs = max(EPOCHS, -(-LEAST_STEPS // per_epoch))
  model = make(shape, splits.num_classes, epochs * per_epoch)
  rows = sweep.table(seeds=seeds, latents=(1,), learning_rate=(LEARNING_RATE,))
  runs = jax.device_put(sweep.runs(rows), sweep.sharding(R))
  dataset = jax.device_put(data.to_device(seen), sweep.replicated(R))
  begin, advance = programs.training(model, batch, R)
  progress = begin(runs)
  for epoch in range(epochs):
    totals = programs.empty_totals(model, runs, shape, batch)
    totals = jax.device_put(totals, sweep.sharding(R), may_alias=False)
    progress, totals = advance(
      runs, progress, totals, dataset, epoch * per_epoch, (epoch + 1) * per_epoch
    )
    loss = np.asarray(totals.metrics["loss"]) / per_epoch
    if (epoch + 1) % -(-epochs // 10) == 0:
      show(f"epoch {epoch + 1} of {epochs}: cross-entropy {loss.mean():.4f}")
  params = jax.device_get(progress.state.params["classifier"])
  accuracy = accuracies(params, splits.test, splits.num_classes)
  return {
    seed: Trained(jax.tree.map(lambda leaf: leaf[i], params), accuracy[i])  # noqa: B023
    for i, seed in enumerate(seeds)
  }


def accuracies(params: PyTree, test: Dataset, num_classes: int) -> np.ndarray:
  """On test images, of classifiers `[R, ...]`: `-> [R]`."""
  logits = jax.jit(
    lambda params, images: lax.map(lambda p: classify(apply(num_classes), p, images)[1], params)
  )
  found = np.asarray(logits(params, jnp.asarray(test.image)))
  return (found.argmax(-1) == test.label[None]).mean(1)


def classify(
  network: Callable, params: PyTree, images: Array, batch: int = 500
) -> tuple[Array, Array | None]:
  """Features `[N, D]` and logits `[N, K]` of uint8 images `[N, H, W, C]`, a batch at a time."""

  def one(image: Array) -> PyTree:
    return jax.tree.map(lambda leaf: leaf[0], network(params, pixels.unit(image)[None]))

  return lax.map(one, images, batch_size=min(batch, len(images)))


def _facts(seen: Dataset, splits: data.Splits) -> dict:
  return {
    "layout": _LAYOUT,
    "shape": seen.image.shape[1:],
    "classes": splits.num_classes,
    "crc32": [files.checksum(part) for part in seen],
    "settings": (BATCH, WIDTH, EPOCHS, LEARNING_RATE),
  }


def _digest(facts: dict) -> str:
  return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:12]


def digest_of_params(params: PyTree) -> str:
  """Stands for the weights of a network."""
  digest = hashlib.sha256()
  for leaf in jax.tree.leaves(params):
    digest.update(np.ascontiguousarray(leaf).tobytes())
  return digest.hexdigest()[:8]


def flat(params: PyTree) -> dict[str, np.ndarray]:
  """The arrays of a network by "LAYER/KIND"."""
  leaves = jax.tree_util.tree_leaves_with_path(params)
  return {"/".join(entry.key for entry in path): np.asarray(leaf) for path, leaf in leaves}


def _unflat(arrays: dict[str, np.ndarray]) -> PyTree:
  params = {}
  for name, leaf in arrays.items():
    layer, kind = name.split("/")
    params.setdefault(layer, {})[kind] = leaf
  return params


def _read(file) -> Trained | None:
  members = caching.read(file)
  if members is None:
    return None
  accuracy = members.pop("accuracy")
  return Trained(_unflat(members), accuracy)
