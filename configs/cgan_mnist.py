"""S4's conditional GAN on MNIST. Not yet trained to its end."""

from genjax import config as genjax_config


def get_config():
  config = genjax_config.default("gan")
  config.epochs = 20.0
  config.model.network = "s4_cgan"
  config.sweep.learning_rate = (3e-4,)
  config.sweep.b1 = (0.5,)
  config.sweep.latents = (128,)
  return config
