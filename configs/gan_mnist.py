"""S1's GAN on MNIST: non-saturating loss, Adam, batch 64. Not yet trained to its end."""

from genjax import config as genjax_config


def get_config():
  config = genjax_config.default("gan")
  config.batch_size = 64
  config.steps = 2000
  config.eval_every = 250
  config.sweep.learning_rate = (2e-4,)
  config.sweep.b1 = (0.5,)
  config.sweep.latents = (100,)
  return config
