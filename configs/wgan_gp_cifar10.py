"""WGAN with a gradient penalty (Gulrajani et al. 2017) on CIFAR-10.

The layers are those of S1's GAN with half of their channels, which a CPU trains in minutes. The
paper's are the loss, the penalty's weight of 10 and 5 critic steps; not its Adam (1e-4, b1 0, b2
0.9, for 2e-4, b1 0.5, b2 0.999). Seed 0 alone: val_swd 0.67 at step 30, 0.54 at 120, still a grey
grid: it is not yet a config that shows something in minutes.
"""

from genjax import config as genjax_config

VARIANTS = {
  "": {
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
