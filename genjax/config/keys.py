"""The keys of a config: the default of each, what it means and what is right for it."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import ml_collections

from genjax.config import contrasts, rules
from genjax.config.rules import OneOf, whole
from genjax.metrics.catalogue import SCORES
from genjax.models import (
  MODELS,
  initialisers,
  layers,
  losses,
  networks,
  optimisers,
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


VAE, GAN = ("vae",), ("gan",)
ADAM, CLIP = ("optimiser", ("adam",)), ("regulariser", ("clip",))
SLOPE = ("regulariser", ("gradient_penalty", *regularisers.SLOPES))
NETWORK, REPORT = OneOf(*networks.NETWORKS.values()), (networks.REPORT,)

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
    "behind what is transparent in a folder's images"),
  Key("data.validation", 0.1, rules.FRACTION, "fraction of the training set that is held out"),
  Key("data.binarise", False, rules.TRUTH, "each pixel is drawn anew at every visit (VAEs)"),
  # Training, and how often to look.
  Key("batch_size", 128, whole(1), "images in a step's batch"),
  Key("steps", 0, whole(0), "steps of the generator or of the VAE; either these or epochs"),
  Key("epochs", 0.0, rules.FROM_ZERO, "passes over the training images; either these or steps"),
  Key("log_every", 50, whole(1), "steps that one row of metrics.csv averages"),
  Key("eval_every", 500, whole(1), "steps between validations, checkpoints and pictures"),
  Key("eval_images", 1000, whole(1), "validation images used at each"),
  Key("evals", (), OneOf(SCORES),
    "scores of genjax.evaluate to be computed at each validation too"),
  Key("keep", 3, whole(1), "checkpoints kept"),
  Key("sample_columns", 12, whole(1), "images of a run in a gallery"),
  # The model: the structure that all runs of a program share.
  Key("model.name", "vae", OneOf(MODELS), "the algorithm", VAE),
  Key("model.name", "gan", OneOf(MODELS), "the algorithm", GAN),
  Key("model.network", "dense", NETWORK, "the layers, as a report has them", VAE),
  Key("model.network", "s1_gan", NETWORK, "the layers, as a report has them", GAN),
  Key("model.width", 0, rules.whole_or_report(4),
    "units or channels of the hidden layers; 0 for the report's"),
  Key("model.depth", 0, rules.whole_or_report(2), "layers of a dense network; 0 for the report's"),
  Key("model.samples", 1, whole(1),
    "latents drawn for each image; from 2 on the importance-weighted bound", VAE),
  Key("model.reconstruction", "sum", OneOf(vae.RECONSTRUCTIONS),
    '"sum" over pixels or their "mean": what the KL weight stands against', VAE),
  Key("model.loss", "nonsaturating", OneOf(losses.GAN_LOSSES),
    "what critic and generator minimise", GAN),
  Key("model.regulariser", "none", OneOf(regularisers.REGULARISERS),
    "what bounds the critic's slope", GAN),
  Key("model.critic_steps", 1, whole(1), "steps of the critic for each of the generator", GAN),
  Key("model.critic_warmup", 0, whole(0),
    "how many of the generator's first steps wait for 100 critic steps each", GAN),
  Key("model.clipped", "weights", OneOf(regularisers.CLIPPED),
    '"weights" but batch norm\'s, "all", or kernels of "convolutions" alone', GAN, CLIP),
  Key("model.clip_first", False, rules.TRUTH,
    "clips before each of the critic's steps, not after it", GAN, CLIP),
  Key("model.half_batches", False, rules.TRUTH,
    "two critic steps, each on half a batch: real, then generated images", GAN),
  Key("model.shared_images", False, rules.TRUTH,
    "the generator steps on the images that the critic has just seen", GAN),
  Key("model.label_noise", 0.0, rules.FROM_ZERO,
    "largest offset of a label, for losses that are cross-entropies", GAN),
  Key("model.spectral_norm", False, rules.TRUTH,
    "the critic's kernels are divided by their largest singular value", GAN),
  Key("model.leaky_slope", 0.2, rules.BELOW_ONE, "slope of leaky ReLUs below zero", GAN),
  Key("model.optimiser", "adam", OneOf(optimisers.OPTIMISERS), "the optimiser of every player"),
  # What a program's framework does where the program does not say; "report" is the network's own.
  Key("model.initialiser", "report", OneOf(REPORT, initialisers.INITIALISERS),
    "the framework whose first weights are drawn"),
  Key("model.batch_norm", "report", OneOf(REPORT, layers.BATCH_NORMS),
    "the framework whose batch norm is used", GAN),
  Key("model.optimiser_rule", "report", OneOf(REPORT, optimisers.RULES),
    "the framework whose constants the optimiser has"),
  # The runs of a program: one for each combination of these numbers.
  Key("sweep.seeds", (0, 1, 2, 3), rules.SEED, "seeds, a run each"),
  Key("sweep.latents", (10,), whole(1), "latent sizes, a run each"),
  Key("sweep.chunk", 0, whole(0), "runs of a device computed at once; 0 leaves it to the backend"),
  Key("sweep.learning_rate", (NUMBERS["learning_rate"],), rules.ABOVE_ZERO,
    "learning rate of every player"),
  Key("sweep.critic_learning_rate", (NUMBERS["critic_learning_rate"],), rules.FROM_ZERO,
    "learning rate of the critic's own; 0 for the generator's", GAN),
  Key("sweep.decay_steps", (NUMBERS["decay_steps"],), rules.FROM_ZERO,
    "steps in which learning rates fall linearly to 0; 0 where they stay"),
  Key("sweep.b1", (NUMBERS["b1"],), rules.BELOW_ONE, "Adam's first decay", needs=ADAM),
  Key("sweep.b2", (NUMBERS["b2"],), rules.BELOW_ONE, "Adam's second decay", needs=ADAM),
  Key("sweep.kl_weight", (NUMBERS["kl_weight"],), rules.FROM_ZERO, "the beta of a beta-VAE", VAE),
  Key("sweep.clip", (NUMBERS["clip"],), rules.ABOVE_ZERO,
    "bound on the critic's weights", GAN, CLIP),
  Key("sweep.penalty_weight", (NUMBERS["penalty_weight"],), rules.FROM_ZERO,
    "weight of a penalty on slopes; R1 and R2 take half of it", GAN, SLOPE),
  Key("sweep.ema_decay", (NUMBERS["ema_decay"],), rules.BELOW_ONE,
    "decay of the averaged generator; 0 gives the weights themselves", GAN),
  # Studies, a folder for each program; `of` adds a grid.KEY for each model.KEY.
  Key("cells", (), rules.CELL,
    "where a study is no product: dictionaries of model.* and sweep.* keys, a folder each"),
  Key("contrasts", "", rules.CONTRASTS, "which settings are compared, planned before training: "
    f'"" for no plan; {contrasts.PLANS}'),
)  # fmt: skip


def of(model: str) -> dict[str, Key]:
  """The keys of a config for "vae" or "gan", by name; of each model.KEY there is a grid.KEY."""
  own = {key.name: key for key in KEYS if model in (key.models or (model,))}
  for name, key in list(own.items()):
    if name.startswith("model.") and name != "model.name":
      grid, meaning = name.replace("model.", "grid."), f"values of {name}, a folder each"
      own[grid] = key._replace(name=grid, default=(), meaning=meaning)
  return own


def default(model: str) -> ml_collections.ConfigDict:
  """All keys of a config for "vae" or "gan": a config file sets those that differ."""
  config = {}
  for name, key in of(model).items():
    section, _, last = name.rpartition(".")
    part = config.setdefault(section, {}) if section else config
    part[last] = key.default
  return ml_collections.ConfigDict(config)


def flatten(config: dict, prefix: str = "") -> dict:
  """A nested dictionary with dotted keys."""
  flat = {}
  for key, value in config.items():
    inner = flatten(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    flat |= inner
  return flat


def options(model: Mapping) -> str:
  """A config's model keys in words, but its name and network, and what is off or not read."""
  unread = {
    key.name
    for key in of(model["name"]).values()
    if key.needs and model.get(key.needs[0]) not in key.needs[1]
  }
  framework = networks.default_of(model["network"], networks.REPORT)
  parts = [f"defaults of {framework}"]
  for key, value in model.items():
    off = value in (0, "none", networks.REPORT) and key != "leaky_slope"
    if key not in ("name", "network") and not off and f"model.{key}" not in unread:
      parts.append(key.replace("_", " ") + ("" if value is True else f" {value}"))
  return ", ".join(parts)
