"""GANs on MNIST: non-saturating loss.

Without an argument a DCGAN pyramid of 16 and 32 channels, with R1 and averaged weights, its rate
falling to 0, whose generator steps on the images that the critic has just seen, by Adam with decays
of 0 and 0.9. Seeds 1010 to 1019, 20,000 steps (commit 3b26e0b and these keys): FD 39.0 [37.9, 42.8]
and coverage 0.610 [0.598, 0.615] (interquartile means, 95%; best weights, 10,000 images, MNIST's
own classifier), none failed; gan_mnist.png. 415 s a run, validations included, on one core of an
EPYC with AVX-512 (products at 80 to 160 GFLOP/s) that other work shared; medians of FD on 1,000
validation images 77 at step 2,000, 62 at 4,000, 53 at 6,000, 46 at 10,000, 41 at 16,000 and 40 at
20,000. `--config.steps=6000 --config.sweep.decay_steps="(6000,)"` takes a third of the time.
`:dcgan` is twice as wide and has batch norm in the critic in place of R1: 3 seeds on an H200, FD
144 at 1,000 and 92 at 4,000.

`:s0` to `:s4` are the reports' systems, `:s0_study` to `:s3_study` their studies with 10 seeds;
`:initialiser_study` asks by which first weights S1's GAN lives, and `:stability_study` what each
key for stability did to the first steps of the recipe before (BUILD.md). Not given by the reports
and chosen here: the epochs of S1 to S3, the widths and latents of S1's study, and the width in S2's
study of latents. No report gives a leaky slope. S4's layers are those of a public tutorial, which
has Keras' slope of 0.3 and batches of 256; the others' are like programs that say 0.2 (S2's and
S3's dense ones like gan.py of Keras-GAN and of PyTorch-GAN), and have it here on CIFAR-10 and as
WGANs too. `--config.model.leaky_slope` sets another: Keras' layer has 0.3 where nothing is said,
PyTorch's 0.01.
"""

from genjax import config as genjax_config

_STUDY = {"sweep.seeds": tuple(range(10)), "contrasts": "neighbours"}
_ADAM = {"sweep.learning_rate": (2e-4,), "sweep.b1": (0.5,)}
_PYRAMID = _ADAM | genjax_config.PYRAMID | {"sweep.latents": (50,)}
_R1 = _PYRAMID | {
  "model.network": "dcgan_plain",
  "model.width": 16,
  "model.regulariser": "r1",
  "steps": 12_000,
  "eval_every": 1000,
  "sweep.penalty_weight": (1.0,),
  "sweep.learning_rate": (3e-3,),
  "sweep.decay_steps": (12_000,),
}
_S0 = _ADAM | {"batch_size": 256, "epochs": 30.0}
_S1 = _ADAM | {"epochs": 50.0}
_DENSE = _ADAM | {"model.network": "dense", "epochs": 50.0}
_S3 = _ADAM | {"model.network": "s3_gan", "epochs": 50.0, "sweep.latents": (100,)}

VARIANTS = {
  "": _R1
  | {
    "model.shared_images": True,
    "steps": 20_000,
    "eval_every": 2000,
    "sweep.b1": (0.0,),
    "sweep.b2": (0.9,),
    "sweep.decay_steps": (20_000,),
    "mark": (52.9, 6000),  # the median of the ten
  },
  "dcgan": _PYRAMID | {"model.network": "dcgan", "steps": 4000, "sweep.learning_rate": (1e-3,)},
  # What each key for stability does within 1,500 steps to the recipe that was chosen without them.
  "stability_study": _R1
  | _STUDY
  | {
    "steps": 1500,
    "eval_every": 500,
    "cells": (
      {
        "model.regulariser": "r1",
        "sweep.b2": (0.999, 0.99),
        "sweep.critic_learning_rate": (0.0, 6e-3),
        "sweep.decay_steps": (12_000, 1500),
      },
      {"model.spectral_norm": True},
      {"model.spectral_norm": True, "model.regulariser": "none"},
      {"model.regulariser": "r1_r2"},
      {"model.shared_images": True},
    ),
    "contrasts": "reference=regulariser=r1,spectral_norm=False,shared_images=False,"
    "b2=0.999,critic_learning_rate=0,decay_steps=12000",
  },
  "s0": _S0 | {"sweep.latents": (100,)},
  "s0_study": _S0 | _STUDY | {"sweep.latents": (100, 350, 500, 750, 1000)},
  "s1": _S1 | {"sweep.latents": (100,)},
  "s1_study": _S1 | _STUDY | {"grid.width": (32, 64, 128), "sweep.latents": (2, 10, 100)},
  # How many runs live, by Keras' rule for first weights and by LeCun's.
  "initialiser_study": _S1
  | _STUDY
  | {
    "epochs": 0.0,
    "steps": 800,
    "batch_size": 32,
    "eval_every": 100,
    "model.width": 32,
    "sweep.latents": (100,),
    "grid.initialiser": ("keras", "lecun_normal"),
    "contrasts": "neighbours=initialiser",
  },
  "s2": _DENSE | {"model.width": 256, "sweep.latents": (10,)},
  "s2_study": _DENSE
  | _STUDY
  | {
    "sweep.latents": (10,),
    "cells": ({"model.width": 256, "sweep.latents": (10, 100)}, {"model.width": 1024}),
  },
  "s3": _S3,
  "s3_study": _S3 | _STUDY | {"grid.depth": (2, 4, 6)},
  "s4": {
    "epochs": 50.0,
    "batch_size": 256,
    "model.network": "s4_gan",
    "model.leaky_slope": 0.3,
    "sweep.learning_rate": (1e-4,),
    "sweep.latents": (100,),
  },
}


def get_config(variant=""):
  return genjax_config.variant("gan", VARIANTS, variant)
