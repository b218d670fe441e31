"""WGANs with a gradient penalty (Gulrajani et al. 2017) on CIFAR-10.

Without an argument the pyramid of gan_cifar10.py without the critic's batch norm, as the penalty is
of each image alone. The paper's are the loss, the penalty's weight of 10 and b1 of 0; not b2 (0.9,
for 0.999), its rate of 1e-4, nor its five critic steps for each of the generator. Seed 100 alone,
3,000 steps, best weights (commit b1a7283, 2026-11-27): FD 27.2 and coverage 0.193 by CIFAR-10's
classifier of 89% (10,000 images; real ones are at 0.06 and 0.965), scenes and textures; 15 min on a
core of an EPYC without AVX-512 that other work shared. No search was made.

`:s1_layers` has those of S1's WGAN, of which the critic has no batch norm, flax's first weights,
five critic steps, a rate of 2e-4 and b1 of 0.5. Seed 0 alone: val_swd (sliced Wasserstein distance
over a pyramid) 0.31 at step 50, 0.11 at 200, with blobs of scenes; 18 min on one of two CPU cores
(no AVX-512) that other work shared. With half of the layers of S1's GAN it was a grey grid after
120 steps.
"""

from genjax import config as genjax_config

_WGAN_GP = {
  "data.name": "cifar10",
  "batch_size": 64,
  "model.loss": "wasserstein",
  "model.regulariser": "gradient_penalty",
  "sweep.seeds": (0, 1),
  "sweep.latents": (100,),
}

VARIANTS = {
  "": _WGAN_GP
  | genjax_config.PYRAMID
  | {
    "steps": 3000,
    "eval_every": 1000,
    "model.network": "dcgan_plain",
    "sweep.learning_rate": (1e-3,),
    "sweep.b1": (0.0,),
  },
  "s1_layers": _WGAN_GP
  | genjax_config.FLAX
  | {
    "steps": 200,
    "log_every": 10,
    "eval_every": 50,
    "model.network": "s1_wgan_gp_cifar10",
    "model.critic_steps": 5,
    "sweep.learning_rate": (2e-4,),
    "sweep.b1": (0.5,),
    "sweep.ema_decay": (0.99,),
  },
}


def get_config(variant=""):
  return genjax_config.variant("gan", VARIANTS, variant)
