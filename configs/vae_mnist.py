"""VAEs on MNIST.

Without an argument S2's dense VAE, width 512, at latents 2, 10 and 20 for 10 epochs. 4 seeds:
median validation loss 156.5, 111.7 and 106.4 nats an image after 4,210 steps; 10 min on one CPU
core (AVX-512; BUILD.md has every seed). `:initialiser_study` has the models of `:s0_study` by
Keras' first weights, S0's own, and by LeCun's: both stand beside the report's figures in BUILD.md.

`:s0` to `:s4` are the reports' systems, `:s0_study`, `:s1_study` and `:s2_study` their studies with
10 seeds, `:iwae` an importance-weighted autoencoder (Burda et al. 2016). Not given by the reports
and chosen here: the epochs of S1 and S2, S3's KL weight of 0.01 as one against the *mean* over
pixels (`--config.model.reconstruction=sum` is the other arm of C14), the widths and latents of S1's
study, S3's latent and the hidden width of its decoder.
"""

from genjax import config as genjax_config

_STUDY = {"sweep.seeds": tuple(range(10)), "contrasts": "neighbours"}
_S1 = {"model.network": "s1_vae", "epochs": 10.0}
# (hidden layers, latent): (2, 2) (4, 2) (8, 2) (10, 2) (12, 2) (4, 10) (4, 20) ... (4, 75).
_S0_STUDY = _STUDY | {
  "epochs": 10.0,
  "eval_images": 6000,
  "sweep.latents": (2,),
  "cells": (
    {"model.depth": 2},
    {"model.depth": 4, "sweep.latents": (2, 10, 20, 30, 50, 75)},
    {"model.depth": 8},
    {"model.depth": 10},
    {"model.depth": 12},
  ),
}

VARIANTS = {
  "": {
    "epochs": 10.0,
    "eval_every": 400,
    "eval_images": 6000,  # all that are held out
    "sweep.latents": (2, 10, 20),
  },
  "s0": {"epochs": 10.0, "model.depth": 4, "sweep.latents": (20,)},
  "s0_study": _S0_STUDY,
  # C1 by Keras' rule for first weights, which is S0's, and by LeCun's.
  "initialiser_study": _S0_STUDY
  | {"grid.initialiser": ("keras", "lecun_normal"), "contrasts": "neighbours=initialiser"},
  "s1": _S1 | {"sweep.latents": (5,)},
  "s1_study": _STUDY | _S1 | {"grid.width": (256, 512, 1024), "sweep.latents": (2, 5, 20)},
  "s2": {"epochs": 10.0, "sweep.latents": (2,)},
  "s2_study": _STUDY
  | {
    "epochs": 10.0,
    "sweep.latents": (2,),
    "cells": (
      {"model.width": 256},
      {"model.width": 512, "sweep.latents": (2, 10, 20)},
      {"model.width": 1024},
    ),
  },
  "s3": {
    "epochs": 60.0,
    "model.network": "s3_vae",
    "model.reconstruction": "mean",
    "sweep.latents": (20,),
    "sweep.kl_weight": (0.01,),
  },
  "s4": {"epochs": 30.0, "model.network": "s4_vae", "sweep.latents": (2,)},
  "iwae": {
    "data.binarise": True,
    "epochs": 10.0,
    "model.width": 200,
    "model.depth": 4,
    "model.samples": 5,
    "sweep.latents": (50,),
  },
}


def get_config(variant=""):
  return genjax_config.variant("vae", VARIANTS, variant)
