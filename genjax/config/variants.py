"""What the files of configs/ are made of: variants of the defaults, and a small one of each."""

import ml_collections

from genjax import parts
from genjax.config.keys import default, networks_of
from genjax.mistakes import hint
from genjax.types import UserError

# What a GAN began with before there were frameworks' defaults: of configs that were measured so.
FLAX = {
  "model.initialiser": "lecun_normal",
  "model.batch_norm": "torch",
  "model.optimiser_rule": "optax",
}
# What recipes of DCGAN's pyramid share: its first weights, small batches and an averaged generator.
PYRAMID = {
  "batch_size": 64,
  "model.initialiser": "normal_0.02",
  "sweep.seeds": (0, 1),
  "sweep.ema_decay": (0.999,),
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
    model: "vae" or "gan", or `MODULE:OBJECT`.
    variants: name -> dotted keys that differ from the defaults; "" is what the file alone means.
    argument: a name, `smoke`, or both with a comma: then everything is small, on digits, and done
      within seconds.

  Raises:
    UserError: no variant has that name.
  """
  names = [name for name in argument.split(",") if name and name != "smoke"]
  if len(names) > 1 or (names and names[0] not in variants):
    known, asked = [*filter(None, variants), "smoke"], ",".join(names)
    expected = f"{hint(asked, known)}expected one of {', '.join(known)}"
    raise UserError(f"no variant {asked!r}; {expected}")
  chosen = variants[names[0] if names else ""]
  config = default(model, *networks_of(chosen))
  config.update_from_flattened_dict({k: v for k, v in chosen.items() if k != "cells"})
  config.cells = chosen.get("cells", ())
  if "smoke" in argument.split(","):
    _shrink(config)
  return config


def _shrink(config: ml_collections.ConfigDict) -> None:
  colour = {"data.size": 32, "data.channels": 3} if config.data.name.startswith("cifar") else {}
  own = {"data.name": config.data.name} if parts.is_name(config.data.name) else {}
  config.contrasts, config.mark = "", ()  # two seeds decide nothing, and this is no recipe
  config.update_from_flattened_dict(SMOKE | colour | own)
  config.sweep.latents = _few(config.sweep.latents)
  if "width" in config.model:
    config.model.width = _narrow(config.model.width)
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
