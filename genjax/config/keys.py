"""The keys of a config: the default of each, what it means and what is right for it."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import ml_collections
from flax import traverse_util

from genjax import parts
from genjax.config import rules
from genjax.config.rules import OneOf, whole
from genjax.metrics.catalogue import SCORES
from genjax.mistakes import nearest_keys
from genjax.models import (
  MODELS,
  convolution,
  initialisers,
  layers,
  losses,
  networks,
  optimisers,
  own,
  regularisers,
  vae,
)
from genjax.types import NUMBERS


class Key(NamedTuple):
  """A key of a config."""

  name: str  # with its section: "data.size"
  default: Any  # a tuple where it takes several values
  rule: rules.Rule | OneOf  # of each value
  meaning: str
  models: tuple[str, ...] = ()  # those that have the key; () for all
  # ("optimiser", ("adam",)): read where model.optimiser is one of these.
  needs: tuple[str, tuple[str, ...]] | None = None
  # (1, "sum"): config.json files up to format 1 may lack the key, and then mean "sum". Such a value
  # never changes.
  older: tuple[int, Any] | None = None


VAE, GAN = ("vae",), ("gan",)
ADAM, CLIP = ("optimiser", ("adam",)), ("regulariser", ("clip",))
SLOPE = ("regulariser", ("gradient_penalty", *regularisers.SLOPES))
NETWORK, REPORT = OneOf(*networks.NETWORKS.values(), own=True), (networks.REPORT,)

KEYS = (
  # The data.
  Key("data.name", "mnist", rules.DATASET,
    'a TFDS dataset, a directory of images by class, an .npz, or "digits"'),
  Key("data.dir", "", rules.TEXT, 'where TFDS looks; "" for $TFDS_DATA_DIR or TFDS\'s own'),
  Key("data.cache", "", rules.TEXT,
    'where decoded arrays are kept; "" for $GENJAX_CACHE or ~/.cache/genjax'),
  Key("data.size", 0, whole(0), "images are resized to this height and width; 0 leaves them"),
  Key("data.channels", 0, OneOf((0, 1, 3)), "1 makes grey images, 3 coloured ones; 0 leaves them"),
  Key("data.background", "white", OneOf(("white", "black")),
    "behind what is transparent in a folder's images", older=(2, "white")),
  Key("data.validation", 0.1, rules.FRACTION, "fraction of the training set that is held out"),
  Key("data.binarise", False, rules.TRUTH, "each pixel is drawn anew at every visit (VAEs)"),
  # Training, and how often to look.
  Key("batch_size", 128, whole(1), "images in a step's batch"),
  Key("steps", 0, whole(0), "steps of the generator or of the VAE; either these or epochs"),
  Key("epochs", 0.0, rules.FROM_ZERO, "passes over the training images; either these or steps"),
  Key("log_every", 50, whole(1), "steps that one row of metrics.csv averages"),
  Key("eval_every", 500, whole(1), "steps between validations, checkpoints and pictures"),
  Key("eval_images", 1000, whole(1), "validation images used at each"),
  Key("evals", (), OneOf(SCORES, own=True),
    "scores of genjax.evaluate to be computed at each validation too"),
  Key("keep", 3, whole(1), "checkpoints kept"),
  Key("mark", (), rules.FROM_ZERO,
    "a recipe's record: an FD, and the step at which its median run has it",
    older=(2, [])),
  Key("sample_columns", 12, whole(1), "images of a run in a gallery"),
  # The model: the structure that all runs of a program share.
  Key("model.name", "vae", OneOf(MODELS, own=True), "the algorithm", VAE),
  Key("model.name", "gan", OneOf(MODELS, own=True), "the algorithm", GAN),
  Key("model.network", "dense", NETWORK, "the layers, as a report has them", VAE),
  Key("model.network", "s1_gan", NETWORK, "the layers, as a report has them", GAN),
  Key("model.width", 0, rules.whole_or_report(4),
    "units or channels of the hidden layers; 0 for the report's"),
  Key("model.depth", 0, rules.whole_or_report(2), "layers of a dense network; 0 for the report's"),
  Key("model.samples", 1, whole(1),
    "latents drawn for each image; from 2 on the importance-weighted bound", VAE),
  Key("model.reconstruction", "sum", OneOf(vae.RECONSTRUCTIONS),
    '"sum" over pixels or their "mean": what the KL weight stands against', VAE, older=(1, "sum")),
  Key("model.loss", "nonsaturating", OneOf(losses.GAN_LOSSES, own=True),
    "what critic and generator minimise", GAN),
  Key("model.regulariser", "none", OneOf(regularisers.REGULARISERS),
    "what bounds the critic's slope", GAN),
  Key("model.critic_steps", 1, whole(1), "steps of the critic for each of the generator", GAN),
  Key("model.critic_warmup", 0, whole(0),
    "how many of the generator's first steps wait for 100 critic steps each", GAN, older=(1, 0)),
  Key("model.clipped", "weights", OneOf(regularisers.CLIPPED),
    '"weights" but batch norm\'s, "all", or kernels of "convolutions" alone', GAN, CLIP,
    (1, "weights")),
  Key("model.clip_first", False, rules.TRUTH,
    "clips before each of the critic's steps, not after it", GAN, CLIP, (1, False)),
  Key("model.half_batches", False, rules.TRUTH,
    "two critic steps, each on half a batch: real, then generated; an epoch shows half its images",
    GAN, older=(1, False)),
  Key("model.shared_images", False, rules.TRUTH,
    "the generator steps on the images that the critic has just seen", GAN, older=(2, False)),
  Key("model.label_noise", 0.0, rules.FROM_ZERO,
    "largest offset of a label, for losses that are cross-entropies", GAN, older=(1, 0.0)),
  Key("model.spectral_norm", False, rules.TRUTH,
    "the critic's kernels are divided by their largest singular value", GAN, older=(2, False)),
  Key("model.leaky_slope", 0.2, rules.BELOW_ONE, "slope of leaky ReLUs below zero", GAN),
  Key("model.optimiser", "adam", OneOf(optimisers.OPTIMISERS), "the optimiser of every player"),
  # What a program's framework does where the program does not say; "report" is the network's own.
  Key("model.initialiser", "report", OneOf(REPORT, initialisers.INITIALISERS),
    "the framework whose first weights are drawn", older=(1, "lecun_normal")),
  Key("model.batch_norm", "report", OneOf(REPORT, layers.BATCH_NORMS),
    "the framework whose batch norm is used", GAN, older=(1, "torch")),
  Key("model.optimiser_rule", "report", OneOf(REPORT, optimisers.RULES),
    "the framework whose constants the optimiser has", older=(1, "optax")),
  Key("model.precision", "float32", OneOf(convolution.PRODUCTS),
    "of products; parameters, statistics and sums are float32", older=(2, "float32")),
  # The runs of a program: one for each combination of these numbers.
  Key("sweep.seeds", (0, 1, 2, 3), rules.SEED, "seeds, a run each"),
  Key("sweep.latents", (10,), whole(1), "latent sizes, a run each"),
  Key("sweep.chunk", 0, whole(0), "runs of a device computed at once; 0 leaves it to the backend"),
  Key("sweep.seeds_at_once", 0, whole(0),
    "seeds trained together; more are trained in parts, one after another or each by its own "
    "`--cell`; 0 for all together", older=(2, 0)),
  Key("sweep.learning_rate", (NUMBERS["learning_rate"],), rules.ABOVE_ZERO,
    "learning rate of every player"),
  Key("sweep.critic_learning_rate", (NUMBERS["critic_learning_rate"],), rules.FROM_ZERO,
    "learning rate of the critic's own; 0 for the generator's", GAN, older=(2, [0.0])),
  Key("sweep.decay_steps", (NUMBERS["decay_steps"],), rules.FROM_ZERO,
    "steps in which learning rates fall linearly to 0; 0 where they stay", older=(2, [0.0])),
  Key("sweep.b1", (NUMBERS["b1"],), rules.BELOW_ONE, "Adam's first decay", needs=ADAM),
  Key("sweep.b2", (NUMBERS["b2"],), rules.BELOW_ONE, "Adam's second decay", needs=ADAM,
    older=(2, [0.999])),
  Key("sweep.kl_weight", (NUMBERS["kl_weight"],), rules.FROM_ZERO, "the beta of a beta-VAE", VAE),
  Key("sweep.clip", (NUMBERS["clip"],), rules.ABOVE_ZERO,
    "bound on the critic's weights", GAN, CLIP),
  Key("sweep.penalty_weight", (NUMBERS["penalty_weight"],), rules.FROM_ZERO,
    "weight of a penalty on slopes; R1 and R2 take half of it", GAN, SLOPE),
  Key("sweep.ema_decay", (NUMBERS["ema_decay"],), rules.BELOW_ONE,
    "decay of the averaged generator, in the first n steps (1 + n) / (10 + n) at most; 0 gives the "
    "weights themselves", GAN),
  # Studies, a folder for each program; `of` adds a grid.KEY for each model.KEY.
  Key("cells", (), rules.CELL,
    "where a study is no product: its settings, a folder each"),
  Key("contrasts", "", rules.CONTRASTS,
    'which settings are compared, planned before training; "" for no plan', older=(2, "")),
)  # fmt: skip


def of(model: str, chosen: Iterable[str] = ()) -> dict[str, Key]:
  """The keys of a config by name; of each model.KEY there is a grid.KEY.

  Args:
    model: "vae", "gan", or `MODULE:OBJECT`, whose arguments are the keys of such models.
    chosen: the networks that the config names: arguments of those of one's own are keys too.

  Raises:
    UserError: as `models.own.options` does.
  """
  keys_by_name = _of_own(model) if parts.is_name(model) else _of(model)
  for network in filter(parts.is_name, chosen):
    keys_by_name = _optional(own.options(network, "config.model.network")) | keys_by_name
  for name, key in list(keys_by_name.items()):
    if name.startswith("model.") and name != "model.name":
      grid, meaning = name.replace("model.", "grid."), f"values of {name}, a folder each"
      keys_by_name[grid] = key._replace(name=grid, default=(), meaning=meaning)
  return keys_by_name


def _of(model: str) -> dict[str, Key]:
  return {key.name: key for key in KEYS if model in (key.models or (model,))}


def _of_own(model: str) -> dict[str, Key]:
  """What is no model's own, every number that a run has, and the arguments of the model."""
  shared = {key.name: key for key in KEYS if not key.name.startswith("model.")}
  options = _optional(own.options(model, "config.model.name"))
  for name, key in shared.items():
    if key.needs and f"model.{key.needs[0]}" not in options:
      shared[name] = key._replace(needs=None)
  named = Key("model.name", model, OneOf(MODELS, own=True), "the algorithm")
  return shared | {"model.name": named} | options


_OF_KIND = {bool: rules.TRUTH, int: rules.WHOLE, float: rules.FINITE, str: rules.TEXT}


def _optional(arguments: Mapping[str, Any]) -> dict[str, Key]:
  """Keys for the arguments of a factory of one's own; those that genjax has follow its rules."""
  known, keys_by_name = {key.name: key for key in KEYS}, {}
  for argument, value in arguments.items():
    name = f"model.{argument}"
    rule = next(rule for kind, rule in _OF_KIND.items() if isinstance(value, kind))
    key = Key(name, value, rule, f"{argument} of the factory")
    other = known.get(name)
    if other and other.rule.allows(value):
      key = other._replace(default=value, models=(), needs=None)
    keys_by_name[name] = key
  return keys_by_name


def unknown(key: str, known: Iterable[str]) -> str:
  """What is wrong with a key that is not among those that are known, and which was meant."""
  known = sorted(known)
  if within := [other for other in known if other.startswith(f"{key}.")]:
    return f"config.{key} is a group of keys; expected one of them, such as {within[0]}"
  above = [other for other in known if key.startswith(f"{other}.")]
  near = above or nearest_keys(key, known)
  meant = f"did you mean {' or '.join(near)}?" if near else f"known are {', '.join(known)}"
  return f"unknown key config.{key}; {meant}"


def networks_of(flat: Mapping[str, Any]) -> list[str]:
  """The networks that a flattened config names: itself, in its grid and in its cells."""
  grid, cells = flat.get("grid.network", ()), flat.get("cells", ())
  found = [flat.get("model.network"), *(grid if isinstance(grid, tuple | list) else ())]
  if isinstance(cells, tuple | list):
    found += [cell.get("model.network") for cell in cells if isinstance(cell, Mapping)]
  return [name for name in found if isinstance(name, str)]


def complete(config: ml_collections.ConfigDict, chosen: Iterable[str] = ()) -> None:
  """Gives a config the keys, at their defaults, of networks of one's own that it names.

  And of those that are `chosen` besides.

  Raises:
    UserError: as `of` does.
  """
  flat = flatten(config.to_dict())
  model = flat.get("model.name")
  if model not in list(MODELS) and not parts.is_name(model):
    return  # `check` says so
  plain = of(model)
  for name, key in of(model, [*networks_of(flat), *chosen]).items():
    if name not in plain and name not in flat:
      section, _, last = name.rpartition(".")
      with config.unlocked():
        config[section][last] = key.default


def complete_older(config: dict, form: int) -> None:
  """Gives the config of a config.json of this format the keys that came since, as they were meant.

  Those of a model of one's own came with it.
  """
  model = config.get("model", {}).get("name")
  if not model:  # of images that no model drew
    return
  if model in MODELS:
    known = _of(model).values()
  else:
    known = [key for key in KEYS if not key.models and not key.name.startswith("model.")]
  for key in known:
    if not key.older or form > key.older[0]:
      continue
    section, _, last = key.name.rpartition(".")
    given = {section: key.older[1]} | ({"grid": []} if section == "model" else {})
    for part, value in given.items():
      if (keys := config.get(part) if part else config) is not None:
        keys.setdefault(last, value)


def default(model: str, *networks: str) -> ml_collections.ConfigDict:
  """All keys of a config: a config file sets those that differ.

  Args:
    model: "vae", "gan", or `MODULE:OBJECT`.
    networks: of one's own, whose arguments are keys as well.

  Returns:
    A ConfigDict with every key at its default.

  Raises:
    UserError: `model` or a network is MODULE:OBJECT that cannot be imported, or has an option
      without a usable default.
  """
  flat = {name: key.default for name, key in of(model, networks).items()}
  return ml_collections.ConfigDict(traverse_util.unflatten_dict(flat, sep="."))


def flatten(config: dict) -> dict:
  """A nested dictionary with dotted keys."""
  return traverse_util.flatten_dict(config, sep=".")
