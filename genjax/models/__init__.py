"""Encoders, decoders, generators and critics as pure functions, their losses and their steps."""

import inspect

from genjax.models import gan, vae
from genjax.types import Model

MODELS = {"vae": vae.make, "gan": gan.make}


def build(model: dict, image_shape: tuple, num_classes: int, latent: int) -> Model:
  """The model of a config's `model` keys for this data. Raises `UserError` as its `make` does."""
  make = MODELS[model["name"]]
  options = {key: value for key, value in model.items() if key != "name"}
  if "num_classes" in inspect.signature(make).parameters:
    options["num_classes"] = num_classes
  return make(tuple(image_shape), latent, **options)
