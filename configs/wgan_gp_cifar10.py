"""WGANs with a gradient penalty (Gulrajani et al. 2017) on CIFAR-10.

Without an argument the pyramid of gan_cifar10.py without the critic's batch norm, as the penalty is
of each image alone. The paper's are the loss, the penalty's weight of 10 and b1 of 0; not b2 (0.9,
for 0.99), its rate of 1e-4, which stays, nor its five critic steps for each of the generator. Seeds
600 to 609, 3,000 steps (a working copy after commit 898402d, and these keys): FD 21.6 [20.8, 22.4]
and coverage 0.261 [0.249, 0.275] by CIFAR-10's classifier of 89% (interquartile means, 95%; 10,000
images, best weights; real ones are at 0.06 and 0.965), none failed: scenes and textures. Some 10
min a run on a core of an EPYC with AVX-512 whose other core was busy. FD on 1,000 validation
images, medians: 46 at step 500, 34 at 1,000, 26 at 2,000 and 21 at 3,000: longer is better still.

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
    "eval_every": 500,
    "model.network": "dcgan_plain",
    "sweep.learning_rate": (4e-3,),
    "sweep.b1": (0.0,),
    "sweep.b2": (0.99,),
    "sweep.decay_steps": (3000,),
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
