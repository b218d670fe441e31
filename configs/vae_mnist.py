"""S2's dense VAE on MNIST: width 512, 10 epochs."""

from genjax import config as genjax_config


def get_config():
  config = genjax_config.default("vae")
  config.epochs = 10.0
  config.eval_every = 400
  config.eval_images = 6000  # all that are held out
  config.sweep.latents = (2, 10, 20)
  return config
