"""Conditional GANs on CIFAR-10.

Without an argument the pyramid of gan_cifar10.py, whose generator reads the label and steps on the
images that the critic has just seen, and whose critic multiplies its features by a vector of the
class (a projection: Miyato and Koyama 2018), with R1 in place of batch norm, Adam's decays of 0 and
0.9, and rates that fall to 0. Seeds 1020 to 1029, 3,000 steps (commit dd4446f and these keys): FD
13.8 [13.4, 14.3] and coverage 0.477 [0.454, 0.489] by CIFAR-10's classifier of 89% (interquartile
means, 95%; 10,000 images, best weights, which are the last; real ones are at 0.06 and 0.965), the
class that was asked for 42.9% [42.1, 43.6] of the time, real images 89%, none failed: scenes in
which ships, cars and lorries can be told, animals cannot. Some 410 s a run at 7.3 steps a second,
validations included, a core of an EPYC with AVX-512 whose other core was busy. FD on 1,000
validation images, medians: 24.9 at step 1,000, 16.2 at 2,000.

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
    "mark": (16.2, 2000),  # the median of the ten
    "eval_every": 1000,
    "model.network": "dcgan_projection",
    "model.regulariser": "r1",
    "model.shared_images": True,
    "sweep.penalty_weight": (1.0,),
    "sweep.learning_rate": (3e-3,),
    "sweep.b1": (0.0,),
    "sweep.b2": (0.9,),
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
