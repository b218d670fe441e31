"""WGAN with a gradient penalty (Gulrajani et al. 2017) on CIFAR-10.

The layers are those of S1's WGAN, of which the critic has no batch norm: the penalty is of each
image alone. The paper's are the loss, the penalty's weight of 10 and 5 critic steps; not its Adam
(1e-4, b1 0, b2 0.9, for 2e-4, b1 0.5, b2 0.999). First weights are flax's. Seed 0 alone: val_swd
(sliced Wasserstein distance over a pyramid) 0.31 at step 50, 0.11 at 200, with blobs of scenes; 18
min on one of two CPU cores (no AVX-512) that other work shared. With half of the layers of S1's GAN
it was a grey grid after 120 steps.
"""

from genjax import config as genjax_config

VARIANTS = {
  "": genjax_config.FLAX
  | {
    "data.name": "cifar10",
    "batch_size": 64,
    "steps": 200,
    "log_every": 10,
    "eval_every": 50,
    "model.network": "s1_wgan_gp_cifar10",
    "model.loss": "wasserstein",
    "model.regulariser": "gradient_penalty",
    "model.critic_steps": 5,
    "sweep.learning_rate": (2e-4,),
    "sweep.b1": (0.5,),
    "sweep.ema_decay": (0.99,),
    "sweep.seeds": (0, 1),
    "sweep.latents": (100,),
  }
}


def get_config(variant=""):
  return genjax_config.variant("gan", VARIANTS, variant)
