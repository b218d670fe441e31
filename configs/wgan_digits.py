"""The demo: a narrow S1 WGAN on scikit-learn's digits."""

from genjax import config as genjax_config


def get_config():
  config = genjax_config.default("gan")
  config.data.name = "digits"
  config.data.validation = 0.25  # of 1,497 images: fewer say little about the best step
  config.batch_size = 64
  config.steps = 500
  config.log_every = 10
  config.eval_every = 100
  config.eval_images = 300
  config.model.network = "s1_wgan"
  config.model.width = 32
  config.model.loss = "wasserstein"
  config.model.regulariser = "clip"
  config.model.critic_steps = 3
  config.model.optimiser = "rmsprop"
  config.sweep.seeds = (0, 1)
  config.sweep.latents = (2, 16)
  config.sweep.learning_rate = (5e-4,)
  config.sweep.ema_decay = (0.95,)
  return config
