"""S1's WGAN on MNIST."""

from genjax import config as genjax_config


def get_config():
  config = genjax_config.default("gan")
  config.batch_size = 64
  config.steps = 600
  config.eval_every = 100
  config.log_every = 10
  config.model.network = "s1_wgan"
  config.model.loss = "wasserstein"
  config.model.regulariser = "clip"
  config.model.critic_steps = 5
  config.model.optimiser = "rmsprop"
  config.sweep.learning_rate = (5e-4,)
  config.sweep.ema_decay = (0.99,)
  config.sweep.seeds = (0, 1)
  config.sweep.latents = (10, 50)
  return config
