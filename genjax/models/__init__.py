"""Encoders, decoders, generators and critics as pure functions, their losses and their steps."""

import functools
import inspect

from genjax import parts
from genjax.models import (
  convolution,
  gan,
  initialisers,
  layers,
  losses,
  networks,
  optimisers,
  own,
  regularisers,
  vae,
  ways,
)
from genjax.types import Model, UserError

MODELS = {"vae": vae.make, "gan": gan.make}


def _tables() -> list[dict]:
  """What a config's names may mean, and how layers are computed."""
  tables = MODELS, networks.VAES, networks.GANS, losses.GAN_LOSSES, optimisers.OPTIMISERS
  tables += optimisers.RULES, initialisers.INITIALISERS, layers.BATCH_NORMS
  tables += convolution.PRODUCTS, convolution.BY_BACKEND, convolution.FORWARD, ways.WAYS
  tables += regularisers.SLOPES, regularisers.CLIPPED
  return [dict(table) for table in tables]


_SHIPPED = _tables()


def build(model: dict, image_shape: tuple, num_classes: int, latent: int) -> Model:
  """The model of a config's `model` keys for this data.

  `model["name"]` is a key of `MODELS`; or `MODULE:OBJECT` of a function `(image_shape, latent,
  **options) -> Model`, which is given `num_classes` of the data if it has such an argument.

  Raises:
    UserError: as the model's `make` does; or one of one's own gives no `Model` that works.
  """
  name, shape = model["name"], tuple(image_shape)
  options = {key: value for key, value in model.items() if key != "name"}
  if name not in MODELS:
    where = "config.model.name"
    make = parts.find(name, where)
    given = own.handed(make, options | {"num_classes": num_classes})
    built = own.called(make, name, where, shape, latent, **given)
    if not isinstance(built, Model):
      raise UserError(f"{where} is {name!r}, which gives {type(built).__name__}; expected a Model")
    own.check_model(built, name, shape)
    return built
  make = MODELS[name]
  if "num_classes" in inspect.signature(make).parameters:
    options["num_classes"] = num_classes
  return make(shape, latent, **options)


def shared(model: dict, image_shape: tuple, num_classes: int, latent: int) -> Model:
  """As `build`; of genjax's own parts the same object for the same arguments.

  JAX knows its functions by then, and `training.programs` has compiled it.
  """
  if any(map(parts.is_name, model.values())):  # whose code may be another one the next time
    return build(model, image_shape, num_classes, latent)
  keys = tuple((key, type(value), value) for key, value in sorted(model.items()))
  return _shared(keys, tuple(image_shape), num_classes, latent)


@functools.lru_cache(maxsize=16)
def _shared(keys: tuple, *given) -> Model:
  built = build({key: value for key, _, value in keys}, *given)
  # Whoever adds to the tables, or replaces in them, has code of their own.
  return built.with_recipe((keys, *given)) if _tables() == _SHIPPED else built
