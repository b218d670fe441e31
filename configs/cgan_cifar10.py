"""Conditional GANs on CIFAR-10.

Without an argument the pyramid of gan_cifar10.py, whose generator reads the label and whose critic
multiplies its features by a vector of the class (a projection: Miyato and Koyama 2018), with R1 in
place of batch norm and rates that fall to 0. Seeds 400 to 409, 2,000 steps (commit 19c6b59, which
draws a class's vector in another layout, and `--config.steps=2000
--config.sweep.decay_steps="(2000,)"`): FD 25.7 [25.2, 27.0] and coverage 0.211 [0.191, 0.221] by
CIFAR-10's classifier of 89% (interquartile means, 95%; 10,000 images, best weights; real ones are
at 0.06 and 0.965), the class that was asked for 25.4% of the time, real images 89%, none failed:
scenes and textures. Some 6.5 min a run at 5.2 steps a second, a core of an EPYC with AVX-512. FD on
1,000 validation images, medians: 40 at step 500, 31 at 1,000, 27 at 1,500, 26 at 2,000.

For longer, one run of `dcgan_conditional`, whose critic has the label as planes, at a rate of 1e-3
and a b2 of 0.999, was at FD 22.2, coverage 0.261 and 27% after 6,000 steps (seed 100, commit
b1a7283); without labels, with batch norm and after 8,000 steps, gan_cifar10.py is at 12.9.

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
    "steps": 2000,
    "eval_every": 500,
    "model.network": "dcgan_projection",
    "model.regulariser": "r1",
    "sweep.penalty_weight": (1.0,),
    "sweep.learning_rate": (3e-3,),
    "sweep.b1": (0.5,),
    "sweep.b2": (0.99,),
    "sweep.decay_steps": (2000,),
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
