"""WGAN with a gradient penalty (Gulrajani et al. 2017) on MNIST, with the layers of S1's GAN.

Not yet trained to its end.
"""

from genjax import config as genjax_config


def get_config():
  config = genjax_config.default("gan")
  config.batch_size = 64
  config.steps = 2000
  config.log_every = 10
  config.eval_every = 100
  config.model.network = "s1_gan"
  config.model.loss = "wasserstein"
  config.model.regulariser = "gradient_penalty"
  config.model.critic_steps = 5
  config.sweep.learning_rate = (2e-4,)
  config.sweep.b1 = (0.5,)
  config.sweep.ema_decay = (0.99,)
  config.sweep.latents = (10, 50)
  return config
