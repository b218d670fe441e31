"""The algorithms by name."""

from genjax.models import gan, vae
from genjax.types import Model

MODELS = {"vae": vae.make, "gan": gan.make}


def build(model: dict, image_shape: tuple, num_classes: int, latent: int) -> Model:
  """The model of a config's `model` keys for this data. Raises `UserError` as its `make` does."""
  options = {key: value for key, value in model.items() if key != "name"}
  if model["name"] == "gan":
    options["num_classes"] = num_classes
  return MODELS[model["name"]](tuple(image_shape), latent, **options)
