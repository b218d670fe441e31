"""S2's dense VAE on MNIST."""

from genjax import config as genjax_config


def get_config():
  config = genjax_config.default("vae")
  config.epochs = 10.0
  config.sweep.latents = (2, 10, 20)
  return config
