"""GANs on CIFAR-10: non-saturating loss.

Without an argument the layers of S1's WGAN, which have batch norm, with flax's first weights,
batches of 64 and averaged weights, 500 steps. Seed 0 alone: val_swd (sliced Wasserstein distance
over a pyramid) 0.53 at step 100, 0.22 at 500, with blobs of scenes; 13 min on one of two CPU cores
(no AVX-512) that other work shared. With the layers of S1's GAN it draws a grey grid after 300
steps.

`:s0` to `:s2` are the reports' systems, `:s0_study` to `:s2_study` their studies with 10 seeds. Not
given by the reports and chosen here: the epochs of S1 and S2, the widths and latents of S1's study,
and the width in S2's study of latents.
"""

from genjax import config as genjax_config

_SEEDS = {"sweep.seeds": tuple(range(10))}
_ADAM = {"data.name": "cifar10", "sweep.learning_rate": (2e-4,), "sweep.b1": (0.5,)}
_S1 = _ADAM | {"model.network": "s1_gan_cifar10", "epochs": 50.0}
_S0 = _S1 | {"batch_size": 256, "epochs": 30.0}
_S2 = _ADAM | {"model.network": "dense", "epochs": 50.0}

VARIANTS = {
  "": _ADAM
  | genjax_config.FLAX
  | {
    "model.network": "s1_wgan_cifar10",
    "batch_size": 64,
    "steps": 500,
    "eval_every": 100,
    "log_every": 10,
    "sweep.seeds": (0, 1),
    "sweep.ema_decay": (0.99,),
    "sweep.latents": (100,),
  },
  "s0": _S0 | {"sweep.latents": (100,)},
  "s0_study": _S0 | _SEEDS | {"sweep.latents": (100, 350, 500, 750, 1000)},
  "s1": _S1 | {"sweep.latents": (100,)},
  "s1_study": _S1 | _SEEDS | {"grid.width": (32, 64, 128), "sweep.latents": (2, 10, 100)},
  "s2": _S2 | {"model.width": 256, "sweep.latents": (100,)},
  "s2_study": _S2
  | _SEEDS
  | {
    "sweep.latents": (100,),
    "cells": ({"model.width": 256, "sweep.latents": (10, 100)}, {"model.width": 1024}),
  },
}


def get_config(variant=""):
  return genjax_config.variant("gan", VARIANTS, variant)
