"""S1's WGAN on MNIST: its layers, clipping and critic steps.

Not the report's are the learning rate (5e-4, as S0's, for 5e-5), the averaged weights and the
batch of 64. 2 seeds x latents 10 and 50, 600 steps: 40 min on two CPU cores that other work shared;
wgan_mnist.png is its samples/last.png.
"""

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
