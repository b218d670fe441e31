"""VAEs on CIFAR-10.

Without an argument S2's dense VAE, width 512, at latents 20 and 100 for 10 epochs, with flax's
first weights. Seed 0 alone: val_loss 1848 and 1842 nats, with blurred scenes; 8 min on one of two
CPU cores (no AVX-512) that other work shared. By Keras' first weights, S2's, it is 1849 and 1896.

`:s0`, `:s1` and `:s2` are the reports' systems, `:s0_study`, `:s1_study` and `:s2_study` their
studies with 10 seeds. Not given by the reports and chosen here: the epochs of S1 and S2, the widths
and latents of S1's study.
"""

from genjax import config as genjax_config

_STUDY = {"sweep.seeds": tuple(range(10)), "contrasts": "neighbours"}
_BASE = {"data.name": "cifar10", "epochs": 30.0}
_S1 = _BASE | {"model.network": "s1_vae_cifar10"}

VARIANTS = {
  "": _BASE
  | {
    "model.initialiser": "lecun_normal",
    "model.optimiser_rule": "optax",
    "epochs": 10.0,
    "eval_images": 5000,  # all that are held out
    "sweep.seeds": (0, 1),
    "sweep.latents": (20, 100),
  },
  "s0": _BASE | {"model.depth": 4, "sweep.latents": (20,)},
  # MNIST's ten pairs, and (4, 1000), the report's best images.
  "s0_study": _BASE
  | _STUDY
  | {
    "eval_images": 5000,
    "sweep.latents": (2,),
    "cells": (
      {"model.depth": 2},
      {"model.depth": 4, "sweep.latents": (2, 10, 20, 30, 50, 75, 1000)},
      {"model.depth": 8},
      {"model.depth": 10},
      {"model.depth": 12},
    ),
  },
  "s1": _S1 | {"sweep.latents": (5,)},
  "s1_study": _S1 | _STUDY | {"grid.width": (32, 64, 128), "sweep.latents": (2, 5, 20)},
  "s2": _BASE | {"sweep.latents": (2,)},
  "s2_study": _BASE
  | _STUDY
  | {
    "sweep.latents": (2,),
    "cells": (
      {"model.width": 256},
      {"model.width": 512, "sweep.latents": (2, 10, 20)},
      {"model.width": 1024},
    ),
  },
}


def get_config(variant=""):
  return genjax_config.variant("vae", VARIANTS, variant)
