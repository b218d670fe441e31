"""Runs of a workdir with a generator in place of theirs that one can compute by hand."""

import jax.numpy as jnp


def with_model(chosen, shape=None, classes=None, **changes):
  """A selection whose model has other functions, and images of another shape."""
  saved = chosen.saved._replace(model=chosen.saved.model._replace(**changes))
  saved = saved._replace(image_shape=shape or saved.image_shape, classes=classes or saved.classes)
  return chosen._replace(saved=saved)


def loaded(chosen):
  """The runs of a selection one by one, which take latents and images without padding."""
  every = chosen.saved.loaded(chosen.weights)
  return [every[i] for i in chosen.index]


def linear(chosen, slopes):
  """Pixel p of the image [1, 1, P] is slopes[p] @ z; there is no encoder."""

  def generate(run, state, z, label=None):
    return ((z * run.latent_mask[None]) @ slopes.T).reshape(len(z), 1, 1, -1)

  return with_model(chosen, (1, 1, len(slopes)), generate=generate, encode=None, decode=None)


def classes(chosen, names=("ant", "bee", "cat")):
  """The image [1, 1, K] is the label, one-hot, or its weights."""

  num_classes = len(names)

  def generate(run, state, z, label):
    mixed = jnp.issubdtype(label.dtype, jnp.floating)
    weights = label if mixed else jnp.eye(num_classes)[label]
    return weights.reshape(len(z), 1, 1, num_classes)

  about = {"encode": None, "num_classes": num_classes}
  return with_model(chosen, (1, 1, num_classes), names, generate=generate, **about)
