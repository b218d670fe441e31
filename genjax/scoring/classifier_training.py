"""A classifier as a model that the engine trains as any other sweep.

Adam, its rate falling to 0 as a cosine, by one of two recipes: a small network in a few minutes of
a core, for any dataset that has none; a deep one of photographs in hours, or on an accelerator, for
`launch/feature_networks.py`.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array, lax

from genjax import data
from genjax.models import modules, optimisers
from genjax.rng import Stream, stream
from genjax.scoring.classifier_network import Deep, Small, apply, classify
from genjax.training import blocks, programs, sweep
from genjax.types import Batch, Dataset, Metrics, Model, PyTree, Run, Shape, State

LEAST_STEPS = 500  # a small dataset takes more epochs


class Recipe(NamedTuple):
  """How a classifier comes to be; two by one recipe differ in their seed."""

  network: Callable[[int], nn.Module]  # as it trains, for so many classes
  # As it sees images afterwards, by `inference_params` of the weights.
  inference_network: Callable[[int], nn.Module]
  batch: int
  epochs: int
  learning_rate: float
  augmented: bool  # whether images are mirrored and shifted at each step


RECIPES = {
  "small": Recipe(Small, Small, 128, 8, 1.5e-3, augmented=False),
  "deep": Recipe(partial(Deep, batch_norm=True), Deep, 128, 30, 2e-3, augmented=True),
}
SMALL = "small"  # what a dataset without networks of its own gets
SHIFT = 4  # pixels at most, along both axes


def make(image_shape: Shape, num_classes: int, steps: int, recipe: str = SMALL) -> Model:
  """The model of a recipe: Adam, its rate falling to 0 as a cosine.

  Args:
    image_shape: H, W, C.
    num_classes: K.
    steps: after which the rate is 0.
    recipe: by its name in `RECIPES`.
  """
  network, augmented = RECIPES[recipe].network(num_classes), RECIPES[recipe].augmented
  adapt = optimisers.make("adam", "optax")

  def init(run: Run) -> State:
    key = stream(run.key, Stream.INIT)
    params, stats = modules.init(network, key, jnp.zeros((1, *image_shape)))
    params, stats = {"classifier": params}, {"classifier": stats}
    opt_state = {"classifier": adapt.init(run, params)}
    return State(jnp.zeros((), jnp.int32), params, stats, opt_state, {})

  def step(run: Run, state: State, batches: Batch) -> tuple[State, Metrics]:
    key = stream(run.key, Stream.STEP, state.step)
    image, label = batches.image[0], batches.label[0]
    if augmented:
      image = augment(jax.random.fold_in(key, 1), image)

    def loss(params: PyTree) -> tuple[Array, PyTree]:
      (_, logits), stats = modules.apply(
        network, params["classifier"], state.stats["classifier"], image, key=key
      )
      return optax.softmax_cross_entropy_with_integer_labels(logits, label).mean(), stats

    (value, stats), gradients = jax.value_and_grad(loss, has_aux=True)(state.params)
    falling = (1 + jnp.cos(jnp.pi * state.step / steps)) / 2
    params, opt_state = adapt.update(
      run._replace(learning_rate=run.learning_rate * falling),
      gradients,
      state.opt_state["classifier"],
      state.params,
    )
    after = State(state.step + 1, params, {"classifier": stats}, {"classifier": opt_state}, {})
    return after, {"loss": value}

  return Model(
    networks=network,
    init=init,
    step=step,
    generate=None,
    diagnose=None,
    criterion="",
    latent=1,
    num_classes=num_classes,
  )


def augment(key: Array, images: Array) -> Array:
  """Images `[B, H, W, C]`, half of them mirrored, each moved by up to `SHIFT` pixels."""
  mirror, shift = jax.random.split(key)
  mirrored = jax.random.bernoulli(mirror, shape=(len(images), 1, 1, 1))
  images = jnp.where(mirrored, images[:, :, ::-1], images)
  edges = ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT), (0, 0))
  corners = jax.random.randint(shift, (len(images), 2), 0, 2 * SHIFT + 1)

  def cut(image: Array, corner: Array) -> Array:
    return lax.dynamic_slice(image, (*corner, 0), images.shape[1:])

  return jax.vmap(cut)(jnp.pad(images, edges, mode="reflect"), corners)


def fit(model: Model, run: Run, dataset: Dataset, steps: int) -> PyTree:
  """The parameters of `SMALL` after that many steps on a dataset: a pure function of one run."""
  totals = blocks.Totals({"loss": jnp.zeros(())}, jnp.zeros((), jnp.int32))
  carried = blocks.Carried(model.init(run), jnp.array(-1, jnp.int32), totals)
  batch = min(RECIPES[SMALL].batch, len(dataset.label))
  carried = blocks.advance(model, batch, steps)(run, carried, dataset, 0)
  return carried.state.params["classifier"]


def runs_of(seeds: tuple[int, ...], recipe: str = SMALL) -> Run:
  """The numbers of classifiers `[R, ...]`."""
  rate = RECIPES[recipe].learning_rate
  return sweep.runs(sweep.table(seeds=seeds, latents=(1,), learning_rate=(rate,)))


def run_of(seed: int) -> Run:
  """The numbers of one."""
  return jax.tree.map(lambda leaf: leaf[0], runs_of((seed,)))


class Trained(NamedTuple):
  """One classifier."""

  params: PyTree  # of `Recipe.inference_network`
  accuracy: np.ndarray  # [] on test images, 0 to 1
  recipe: str


def train(
  seen: Dataset,
  splits: data.Splits,
  seeds: tuple[int, ...],
  show: Callable[[str], None],
  recipe: str = SMALL,
) -> dict[int, Trained]:
  """A classifier for each seed, all in one program; `show` is told how it goes."""
  shape, size, R = seen.image.shape[1:], len(seen.label), len(seeds)
  batch = min(RECIPES[recipe].batch, size)
  per_epoch = data.batches_per_epoch(size, batch)
  epochs = max(RECIPES[recipe].epochs, -(-LEAST_STEPS // per_epoch))
  model = make(shape, splits.num_classes, epochs * per_epoch, recipe)
  runs = sweep.to_devices(runs_of(seeds, recipe), R)
  dataset = blocks.everywhere(seen, R)
  begin, advance = programs.training(model, batch, R, length=per_epoch)
  progress = begin(runs)
  for epoch in range(epochs):
    totals = sweep.to_devices(blocks.empty_totals(model, runs, shape, batch), R)
    progress, totals = advance(
      runs, progress, totals, dataset, epoch * per_epoch, (epoch + 1) * per_epoch
    )
    loss = sweep.to_host(totals.metrics["loss"], R) / per_epoch
    if (epoch + 1) % -(-epochs // 10) == 0:
      show(f"epoch {epoch + 1} of {epochs}: cross-entropy {loss.mean():.4f}")
  state = sweep.to_host(progress.state, R)
  params = jax.vmap(model.networks.inference_params)(
    state.params["classifier"], state.stats["classifier"]
  )
  accuracy = accuracies(params, splits.test, splits.num_classes, recipe)
  return {
    seed: Trained(jax.tree.map(lambda leaf: np.asarray(leaf[i]), params), accuracy[i], recipe)  # noqa: B023
    for i, seed in enumerate(seeds)
  }


def accuracies(params: PyTree, test: Dataset, num_classes: int, recipe: str = SMALL) -> np.ndarray:
  """On test images, of classifiers `[R, ...]`: `-> [R]`."""
  network = apply(RECIPES[recipe].inference_network(num_classes))
  logits = jax.jit(
    lambda params, images: lax.map(lambda p: classify(network, p, images)[1], params)
  )
  found = np.asarray(logits(params, jnp.asarray(test.image)))
  return (found.argmax(-1) == test.label[None]).mean(1)
