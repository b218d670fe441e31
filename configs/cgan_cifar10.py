"""Conditional GANs on CIFAR-10.

Without an argument the pyramid of gan_cifar10.py, of which both networks also read the label, with
R1 in place of the critic's batch norm. Seed 100 alone, 6,000 steps, best weights (commit b1a7283,
2026-11-27): FD 22.2 and coverage 0.261 by CIFAR-10's classifier of 89% (10,000 images; real ones
are at 0.06 and 0.965), scenes and textures; the class that was asked for 27% of the time, real
images 89%; 53 min on a core of an EPYC without AVX-512 that other work shared. No search was made:
without labels, with batch norm and after 8,000 steps, gan_cifar10.py is at 12.9.

`:s1_layers` has those of S1's WGAN, flax's first weights and averaged weights, 500 steps. Seed 0
alone: val_swd (sliced Wasserstein distance over a pyramid) 0.49 at step 100, 0.21 at 500, with
blobs of scenes; 16 min on one of two CPU cores (no AVX-512) that other work shared. With the layers
of S1's GAN the critic won within 200 steps.
"""

from genjax import config as genjax_config

VARIANTS = {
  "": genjax_config.PYRAMID
  | {
    "data.name": "cifar10",
    "steps": 3000,
    "eval_every": 500,
    "model.network": "dcgan_projection",
    "model.regulariser": "r1",
    "sweep.penalty_weight": (1.0,),
    "sweep.learning_rate": (3e-3,),
    "sweep.b1": (0.5,),
    "sweep.b2": (0.99,),
    "sweep.decay_steps": (3000,),
    "sweep.latents": (100,),
  },
  "s1_layers": genjax_config.FLAX
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
  },
}


def get_config(variant=""):
  return genjax_config.variant("gan", VARIANTS, variant)
