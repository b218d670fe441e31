"""The keys of a config, their defaults, and what is right for each."""

import copy
import difflib
import itertools
from collections.abc import Iterable, Mapping

import ml_collections

from genjax.metrics.catalogue import SCORES
from genjax.models import MODELS, gan, initialisers, layers, losses, networks, optimisers, vae
from genjax.types import NUMBERS, UserError

_COMMON = {
  "data": {
    "name": "mnist",  # a TFDS dataset, a directory of images by class, an .npz, or "digits"
    "dir": "",  # where TFDS looks; "" for $TFDS_DATA_DIR or TFDS's own
    "cache": "",  # where decoded arrays are kept; "" for $GENJAX_CACHE or ~/.cache/genjax
    "size": 0,  # images are resized to this height and width; 0 leaves them
    "channels": 0,  # 1 makes grey images, 3 coloured ones; 0 leaves them
    "background": "white",  # or "black": behind what is transparent in a folder's images
    "validation": 0.1,  # fraction of the training set
    "binarise": False,  # each pixel drawn anew at every visit (VAEs)
  },
  "batch_size": 128,
  "steps": 0,  # of the generator or of the VAE; either this
  "epochs": 0.0,  # or this: passes over the training images
  "log_every": 50,  # steps that one row of metrics.csv averages
  "eval_every": 500,  # steps between validations, checkpoints and pictures
  "eval_images": 1000,  # validation images used for that
  "evals": (),  # scores of `genjax.evaluate` to be computed at each validation too
  "keep": 3,  # checkpoints kept
  "sample_columns": 12,  # images of a run in a gallery
}

_MODEL = {
  "vae": {
    "name": "vae",
    "network": "dense",
    "width": 0,  # units or channels of the hidden layers; 0 for the report's
    "depth": 0,  # layers of a dense network; 0 for the report's
    "samples": 1,  # of the latent for each image; from 2 on the importance-weighted bound
    "reconstruction": "sum",  # over pixels, or their "mean": what the KL weight stands against
    "optimiser": "adam",
    # What a program's framework does where the program does not say; "report" is the network's own.
    "initialiser": "report",
    "optimiser_rule": "report",
  },
  "gan": {
    "name": "gan",
    "network": "s1_gan",
    "width": 0,
    "depth": 0,
    "leaky_slope": 0.2,
    "loss": "nonsaturating",
    "regulariser": "none",
    "critic_steps": 1,
    "critic_warmup": 0,  # how many of the generator's first steps wait for 100 critic steps each
    "clipped": "weights",  # all but batch norm's, "all", or kernels of "convolutions" alone
    "clip_first": False,  # before each of the critic's steps, not after it
    "half_batches": False,  # two critic steps, each on half a batch: real, then generated images
    "label_noise": 0.0,  # largest offset of a label, for losses that are cross-entropies
    "optimiser": "adam",
    "initialiser": "report",
    "batch_norm": "report",
    "optimiser_rule": "report",
  },
}

_NUMBERS = {
  "vae": ("learning_rate", "b1", "kl_weight"),
  "gan": ("learning_rate", "b1", "clip", "penalty_weight", "ema_decay"),
}


def default(model: str) -> ml_collections.ConfigDict:
  """All keys of a config for "vae" or "gan": a config file sets those that differ."""
  numbers = {name: (NUMBERS[name],) for name in _NUMBERS[model]}
  structure = {name: () for name in _MODEL[model] if name != "name"}
  return ml_collections.ConfigDict(
    copy.deepcopy(_COMMON)
    | {
      "model": dict(_MODEL[model]),
      "sweep": {"seeds": (0, 1, 2, 3), "latents": (10,), "chunk": 0} | numbers,
      "grid": structure,  # each () or the values of model.<key>, a folder each
      # Where a study is no product: dictionaries of model.* and sweep.* keys, a folder each.
      "cells": (),
    }
  )


def _number(low, open_low=False):
  def right(value):
    return (low < value if open_low else low <= value) and value < 3e38  # of 32 bits, and finite

  return right, f"a finite number {'above' if open_low else 'from'} {low:g}"


def _whole(low):
  return lambda value: value >= low, f"a whole number from {low}"


def _one_of(names):
  return lambda value: value in names, "one of " + ", ".join(map(repr, names))


def _truth():
  return lambda value: True, "True or False"


def _text():
  return lambda value: True, "text"


_RULES = {
  "data.name": (lambda value: value != "", "the name of a dataset, a directory or an .npz"),
  "data.size": _whole(0),
  "data.channels": _one_of((0, 1, 3)),
  "data.background": _one_of(("white", "black")),
  "data.validation": (lambda value: 0 < value < 1, "a fraction between 0 and 1"),
  "data.binarise": _truth(),
  "batch_size": _whole(1),
  "steps": _whole(0),
  "epochs": _number(0),
  "log_every": _whole(1),
  "eval_every": _whole(1),
  "eval_images": _whole(1),
  "evals": _one_of(tuple(SCORES)),
  "keep": _whole(1),
  "sample_columns": _whole(1),
  "model.name": _one_of(tuple(MODELS)),
  "model.network": _one_of(tuple(networks.VAES | networks.GANS)),
  "model.width": (lambda n: n == 0 or n >= 4, "0 for the report's, or a whole number from 4"),
  "model.depth": (lambda n: n == 0 or n >= 2, "0 for the report's, or a whole number from 2"),
  "model.samples": _whole(1),
  "model.leaky_slope": (lambda x: 0 <= x < 1, "a number from 0 to below 1"),
  "model.loss": _one_of(tuple(losses.GAN_LOSSES)),
  "model.regulariser": _one_of(gan.REGULARISERS),
  "model.critic_steps": _whole(1),
  "model.critic_warmup": _whole(0),
  "model.clipped": _one_of(tuple(gan.CLIPPED)),
  "model.clip_first": _truth(),
  "model.half_batches": _truth(),
  "model.label_noise": _number(0),
  "model.reconstruction": _one_of(vae.RECONSTRUCTIONS),
  "model.optimiser": _one_of(tuple(optimisers.OPTIMISERS)),
  "model.initialiser": _one_of((networks.REPORT, *initialisers.INITIALISERS)),
  "model.batch_norm": _one_of((networks.REPORT, *layers.BATCH_NORMS)),
  "model.optimiser_rule": _one_of((networks.REPORT, *optimisers.RULES)),
  "sweep.seeds": (lambda n: 0 <= n < 2**32, "a whole number from 0 to 4294967295"),
  "sweep.latents": _whole(1),
  "sweep.learning_rate": _number(0, open_low=True),
  "sweep.b1": (lambda x: 0 <= x < 1, "a number from 0 to below 1"),
  "sweep.kl_weight": _number(0),
  "sweep.clip": _number(0, open_low=True),
  "sweep.penalty_weight": _number(0),
  "sweep.ema_decay": (lambda x: 0 <= x < 1, "a number from 0 to below 1"),
  "sweep.chunk": _whole(0),
}


def flatten(config: dict, prefix: str = "") -> dict:
  """A nested dictionary with dotted keys."""
  flat = {}
  for key, value in config.items():
    inner = flatten(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    flat |= inner
  return flat


def check(config: ml_collections.ConfigDict) -> None:
  """Raises `UserError`, one line with the key and what would be right, for the first mistake."""
  flat = flatten(config.to_dict())
  name = flat.get("model.name")
  if name not in MODELS:
    raise UserError(f"config.model.name is {name!r}; right would be one of {', '.join(MODELS)}")
  known = flatten(default(name).to_dict())
  for key in flat:
    if key not in known:
      owners = [model for model in MODELS if key in flatten(default(model).to_dict())]
      hint = (
        f"; only {owners[0]!r} models have it, and config.model.name is {name!r}"
        if owners
        else suggestion(key, known)
      )
      raise UserError(f"unknown key config.{key}{hint}")
  for key, standard in known.items():
    if key not in flat:
      raise UserError(f"config.{key} is missing; its default is {standard!r}")
    if key != "cells":
      _check_value(key, flat[key], standard)
  _check_together(flat)
  _check_cells(flat["cells"], known)


def suggestion(key: str, known) -> str:
  """ "; did you mean ...?" where a known name is near."""
  near = difflib.get_close_matches(key, list(known), 1, 0.6)
  return f"; did you mean {near[0]}?" if near else f"; known are {', '.join(known)}"


def _check_value(key: str, value, standard, where: str = "config.") -> None:
  if key.startswith("grid."):
    rule, kind = "model." + key.removeprefix("grid."), type(_MODEL_KEYS[key.removeprefix("grid.")])
  elif key == "evals":
    rule, kind = key, str
  else:
    rule, kind = key, type(standard[0]) if isinstance(standard, tuple) else type(standard)
  right, meaning = _RULES.get(rule, _text())
  if isinstance(standard, tuple):
    many = isinstance(value, tuple | list) and (value or not standard)
    if not many:
      raise UserError(f"{where}{key} is {value!r}; right would be a tuple: {meaning}")
  for item in value if isinstance(standard, tuple) else (value,):
    typed = isinstance(item, (int, float) if kind is float else kind) and (
      kind is bool or not isinstance(item, bool)
    )
    if not (typed and right(item)):
      each = "for each value " if isinstance(standard, tuple) else ""
      raise UserError(f"{where}{key} is {value!r}; right would be {each}{meaning}")
  if isinstance(standard, tuple) and len(set(value)) < len(value):
    raise UserError(f"{where}{key} is {value!r}, which names a value twice; once would be right")


_MODEL_KEYS = _MODEL["vae"] | _MODEL["gan"]
# Some keys are read only where a key of the model has this value.
_READERS = {
  "b1": ("optimiser", "adam"),
  "clip": ("regulariser", "clip"),
  "penalty_weight": ("regulariser", "gradient_penalty"),
  "clipped": ("regulariser", "clip"),
  "clip_first": ("regulariser", "clip"),
}


def _check_together(flat: dict) -> None:
  if (flat["steps"] > 0) == (flat["epochs"] > 0):
    raise UserError(
      "one of config.steps and config.epochs must be set, and the other 0; they are "
      f"{flat['steps']} and {flat['epochs']:g}"
    )
  name, network = flat["model.name"], flat["model.network"]
  fitting = networks.NETWORKS[name]
  if network not in fitting:
    kind = name.upper()
    raise UserError(f"config.model.network {network!r} is no {kind}; one of {', '.join(fitting)}")
  if name == "gan" and flat["data.binarise"]:
    raise UserError("config.data.binarise is True, and a GAN takes images as they are: False")
  for key, (other, reader) in _READERS.items():
    asked = set(flat.get(f"grid.{other}") or [flat.get(f"model.{other}")])
    several = [k for k in (f"sweep.{key}", f"grid.{key}") if len(flat.get(k, ())) > 1]
    if several and asked != {reader}:
      raise UserError(
        f"config.{several[0]} has several values, and "
        f"{'not every cell' if reader in asked else 'nothing'} reads them: "
        f"config.model.{other}={reader!r} would be right"
      )
  halved = True in (flat.get("model.half_batches"), *flat.get("grid.half_batches", ()))
  if halved and flat["batch_size"] % 2:
    raise UserError(
      f"config.batch_size is {flat['batch_size']}, and half batches need an even number"
    )
  if flat.get("model.samples", 1) > 1 and set(flat["sweep.kl_weight"]) != {1}:
    raise UserError(
      f"config.sweep.kl_weight is {flat['sweep.kl_weight']}, and the importance-weighted bound of "
      f"{flat['model.samples']} samples has no KL weight: (1.0,) would be right"
    )
  conventions = {flat.get("model.reconstruction"), *flat.get("grid.reconstruction", ())}
  if flat.get("model.samples", 1) > 1 and "mean" in conventions:
    raise UserError(
      "config.model.reconstruction is 'mean', and the importance-weighted bound of "
      f"{flat['model.samples']} samples is a sum over pixels; expected 'sum'"
    )


def _check_cells(cells, known: dict) -> None:
  if not (isinstance(cells, tuple | list) and all(isinstance(cell, dict) for cell in cells)):
    raise UserError(
      f"config.cells is {cells!r}; right would be a tuple of dictionaries, such as "
      "--config.cells=\"({'model.depth': 2}, {'model.depth': 4})\""
    )
  for cell in cells:
    for key, value in cell.items():
      if key not in known or not key.startswith(("model.", "sweep.")) or key == "model.name":
        right = [k for k in (f"model.{key}", f"sweep.{key}") if k in known]
        near = f", {right[0]!r}" if right else ""
        raise UserError(f"config.cells has {key!r}; right would be a model.* or sweep.* key{near}")
      _check_value(key, value, known[key], "config.cells: ")


def options(model: Mapping) -> str:
  """A config's model keys in words, but its name and network, and what is off or not read."""
  framework = networks.default_of(model["network"], networks.REPORT)
  parts = [f"defaults of {framework}"]
  for key, value in model.items():
    other, reader = _READERS.get(key, ("", None))
    off = value in (0, "none", networks.REPORT) and key != "leaky_slope"
    if key not in ("name", "network") and not off and (not other or model.get(other) == reader):
      parts.append(key.replace("_", " ") + ("" if value is True else f" {value}"))
  return ", ".join(parts)


def check_overrides(overrides: Iterable[str], config: ml_collections.ConfigDict) -> None:
  """Raises `UserError` where a key of the command line would not reach all programs of a study.

  Args:
    overrides: the dotted keys that the command line sets.
    config: with these set.
  """
  given = config.get("cells", ())
  cells = [x for x in given if isinstance(x, dict)] if isinstance(given, tuple | list) else []
  for key in overrides:
    target = key.replace("grid.", "model.", 1) if key.startswith("grid.") else key
    setting = [cell for cell in cells if target in cell]
    if setting:
      raise UserError(
        f"--config.{key}: {len(setting)} of the study's {len(cells)} cells set it themselves, as "
        f'{setting[0]}; --config.cells="()" drops the cells'
      )


def cells(config: ml_collections.ConfigDict) -> list[tuple[str, ml_collections.ConfigDict]]:
  """`(folder, config)` of each program of a study; one, with folder "", where there is but one.

  Raises:
    UserError: two would have the same folder.
  """
  grid = {f"model.{key}": values for key, values in config.grid.items() if values}
  made = []
  for chosen in config.cells or ({},):
    for values in itertools.product(*grid.values()):
      cell = copy.deepcopy(config)
      changes = dict(chosen) | dict(zip(grid, values, strict=True))
      cell.update_from_flattened_dict(changes | {f"grid.{key}": () for key in config.grid})
      cell.cells = ()
      # Numbers that a cell sweeps are columns of its runs.csv.
      named = {k: v for k, v in changes.items() if not isinstance(v, tuple | list)}
      made.append((",".join(f"{k.split('.')[-1]}={v}" for k, v in named.items()), cell))
  folders = [folder for folder, _ in made]
  for folder in folders:
    if folders.count(folder) > 1:
      raise UserError(f"config.cells: two cells would have the folder {folder!r}; one must differ")
  return made


# What a GAN began with before there were frameworks' defaults: of configs that were measured so.
FLAX = {
  "model.initialiser": "lecun_normal",
  "model.batch_norm": "torch",
  "model.optimiser_rule": "optax",
}
SMOKE = {
  "data.name": "digits",
  "data.validation": 0.1,
  "batch_size": 16,
  "steps": 4,
  "epochs": 0.0,
  "log_every": 2,
  "eval_every": 2,
  "eval_images": 50,
  "sample_columns": 4,
  "sweep.seeds": (0, 1),
}


def variant(model: str, variants: dict[str, dict], argument: str) -> ml_collections.ConfigDict:
  """The config that a file's argument names, as in `--config=configs/vae_mnist.py:s1`.

  Args:
    model: "vae" or "gan".
    variants: name -> dotted keys that differ from the defaults; "" is what the file alone means.
    argument: a name, `smoke`, or both with a comma: then everything is small, on digits, and done
      within seconds.

  Raises:
    UserError: no variant has that name.
  """
  names = [name for name in argument.split(",") if name and name != "smoke"]
  if len(names) > 1 or (names and names[0] not in variants):
    known = ", ".join([*filter(None, variants), "smoke"])
    raise UserError(f"no variant {','.join(names)!r}; right would be one of {known}")
  config = default(model)
  chosen = variants[names[0] if names else ""]
  _update(config, chosen)
  if "smoke" in argument.split(","):
    _shrink(config)
  return config


def _update(config: ml_collections.ConfigDict, changes: dict) -> None:
  config.update_from_flattened_dict({k: v for k, v in changes.items() if k != "cells"})
  config.cells = changes.get("cells", ())


def _shrink(config: ml_collections.ConfigDict) -> None:
  colour = {"data.size": 32, "data.channels": 3} if config.data.name.startswith("cifar") else {}
  config.update_from_flattened_dict(SMOKE | colour | {"model.width": _narrow(config.model.width)})
  config.sweep.latents = _few(config.sweep.latents)
  config.grid.width = tuple(map(_narrow, config.grid.width))
  config.cells = tuple(
    {key: _SHRUNK.get(key, lambda value: value)(value) for key, value in cell.items()}
    for cell in config.cells
  )


def _narrow(width: int) -> int:
  return max(width // 8, 4) if width else 8


def _few(latents: tuple) -> tuple:
  return (2, 8) if len(latents) > 1 else (min(latents[0], 8),)


_SHRUNK = {"model.width": _narrow, "sweep.latents": _few}
