"""A conditional GAN on CIFAR-10: S1's WGAN layers, where both players also read the label.

Flax's first weights, batches of 64 and averaged weights, 500 steps. Seed 0 alone: val_swd (sliced
Wasserstein distance over a pyramid) 0.49 at step 100, 0.21 at 500, with blobs of scenes; 16 min on
one of two CPU cores (no AVX-512) that other work shared. With the layers of S1's GAN the critic won
within 200 steps.
"""

from genjax import config as genjax_config

VARIANTS = {
  "": genjax_config.FLAX
  | {
    "data.name": "cifar10",
    "batch_size": 64,
    "steps": 500,
    "eval_every": 100,
    "log_every": 10,
    "model.network": "s1_cgan_cifar10",
    "sweep.learning_rate": (2e-4,),
    "sweep.b1": (0.5,),
    "sweep.seeds": (0, 1),
    "sweep.ema_decay": (0.99,),
    "sweep.latents": (100,),
  }
}


def get_config(variant=""):
  return genjax_config.variant("gan", VARIANTS, variant)
