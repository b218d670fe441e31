"""Encoders, decoders, generators and critics as pure functions, their losses and their steps."""

import functools
import inspect

from genjax import parts
from genjax.models import gan, own, vae
from genjax.types import Model, UserError

MODELS = {"vae": vae.make, "gan": gan.make}


def build(model: dict, image_shape: tuple, num_classes: int, latent: int) -> Model:
  """The model of a config's `model` keys for this data.

  `model["name"]` is a key of `MODELS`; or `MODULE:OBJECT` of a function `(image_shape, latent,
  **options) -> Model`, which is given `num_classes` of the data if it has such an argument. Of
  genjax's own parts the same arguments give the same object, whose functions JAX knows by then.

  Raises:
    UserError: as the model's `make` does; or one of one's own gives no `Model`.
  """
  options, given = dict(model), (tuple(image_shape), latent, num_classes)
  name = options.pop("name")
  if any(map(parts.is_name, model.values())):  # whose code may be another one the next time
    return _build(name, options, *given)
  return _built(name, tuple(sorted(options.items())), *given)


@functools.lru_cache(maxsize=16)
def _built(name: str, options: tuple, *given) -> Model:
  return _build(name, dict(options), *given)


def _build(name: str, options: dict, shape: tuple, latent: int, num_classes: int) -> Model:
  if name not in MODELS:
    where = "config.model.name"
    make = parts.find(name, where)
    given = own.handed(make, options | {"num_classes": num_classes})
    built = own.called(make, name, where, shape, latent, **given)
    if not isinstance(built, Model):
      raise UserError(f"{where} is {name!r}, which gives {type(built).__name__}; expected a Model")
    return built
  make = MODELS[name]
  if "num_classes" in inspect.signature(make).parameters:
    options["num_classes"] = num_classes
  return make(shape, latent, **options)
