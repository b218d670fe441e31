"""WGANs on MNIST: a critic of bounded slope, by a spectral norm or by clipped weights.

Without an argument the pyramid of gan_mnist.py, a spectral norm on the critic's kernels in place of
the clip, one critic step on images that the generator then steps on, and Adam with decays of 0 and
0.9 at a rate that the clip does not bear. Seeds 1000 to 1009, 24,000 steps (commit 3b26e0b and
these keys): FD 48.4 [46.9, 50.4] and coverage 0.567 [0.561, 0.575] (interquartile means, 95%;
10,000 images, best weights, MNIST's own classifier), none failed; wgan_mnist.png. 313 s a run,
validations included, on one core of an EPYC with AVX-512 (products at 80 to 160 GFLOP/s, as the
other core was busy); medians of FD on 1,000 validation images 85 at step 2,000, 71 at 4,000, 61 at
8,000, 55 at 12,000 and 53 from 18,000 on.

`:clip` bounds the weights but batch norm's by 0.1, with two critic steps and optax's RMSprop. Seeds
100 to 109, 5,000 steps on an H200 (2026-11-27, commit 9e802f7, jax 0.11.2): FD 139 [129, 147] and
coverage 0.273 [0.258, 0.294], none failed. Whatever its bound, it is far behind (BUILD.md,
"Recipes"). `:s1_layers` has S1's layers and five critic steps, flax's first weights and S0's rate;
2 seeds x latents 10 and 50, 600 steps, 30 min on two CPU cores that other work shared.

`:s1` has the layers of a public tutorial, which clips kernels of convolutions alone and has the
critic step on half a batch of real and then of generated images: so has this one. It also draws
every kernel from N(0, 0.02), which is an arm (`--config.model.initialiser=normal_0.02`), as the
report does not say so. `:s0` to `:s3` are the reports' systems, `:s0_study` to `:s3_study` their
studies with 10 seeds. S0's report speaks of 1,000 epochs and does not say of how many batches: 100
generator steps each are meant here, and `--config.steps` sets another number. Not given by the
reports and chosen here: the steps of S1 to S3, the widths and latents of S1's study, and the latent
of S2's study of widths.
"""

from genjax import config as genjax_config

_STUDY = {"sweep.seeds": tuple(range(10)), "contrasts": "neighbours"}
_WGAN = {
  "model.network": "s1_wgan",
  "model.loss": "wasserstein",
  "model.regulariser": "clip",
  "model.critic_steps": 5,
  "model.optimiser": "rmsprop",
  "sweep.learning_rate": (5e-5,),
}
_S0 = _WGAN | {"steps": 100_000, "sweep.learning_rate": (5e-4,)}
_S1 = _WGAN | {"steps": 20_000, "model.clipped": "convolutions", "model.half_batches": True}
_DENSE = _WGAN | {"model.network": "dense", "steps": 20_000}
_S3 = _WGAN | {"model.network": "s3_gan", "steps": 20_000, "sweep.latents": (100,)}

_PYRAMID = genjax_config.PYRAMID | {
  "model.network": "dcgan_plain",
  "model.loss": "wasserstein",
  "model.width": 16,
  "sweep.latents": (50,),
}

VARIANTS = {
  "": _PYRAMID
  | {
    "steps": 24_000,
    "mark": (57.5, 10_000),  # the median of the ten
    "eval_every": 2000,
    "model.spectral_norm": True,
    "model.shared_images": True,
    "sweep.learning_rate": (2e-2,),
    "sweep.b1": (0.0,),
    "sweep.b2": (0.9,),
    "sweep.decay_steps": (24_000,),
  },
  "clip": _WGAN
  | _PYRAMID
  | {
    "steps": 5000,
    "model.critic_steps": 2,
    "model.optimiser_rule": "optax",
    "sweep.clip": (0.1,),
    "sweep.learning_rate": (2e-3,),
  },
  "s1_layers": _WGAN
  | genjax_config.FLAX
  | {
    "batch_size": 64,
    "steps": 600,
    "eval_every": 100,
    "log_every": 10,
    "sweep.learning_rate": (5e-4,),
    "sweep.ema_decay": (0.99,),
    "sweep.seeds": (0, 1),
    "sweep.latents": (10, 50),
  },
  "s0": _S0 | {"sweep.latents": (100,)},
  "s0_study": _S0 | _STUDY | {"sweep.latents": (100, 350, 500, 750, 1000)},
  "s1": _S1 | {"sweep.latents": (50,)},
  "s1_study": _S1 | _STUDY | {"grid.width": (32, 64, 128), "sweep.latents": (2, 10, 50)},
  "s2": _DENSE | {"model.width": 128, "sweep.latents": (10,)},
  "s2_study": _DENSE
  | _STUDY
  | {
    "sweep.latents": (10,),
    "cells": ({"model.width": 128, "sweep.latents": (10, 100)}, {"model.width": 1024}),
  },
  "s3": _S3,
  "s3_study": _S3 | _STUDY | {"grid.depth": (2, 4, 6)},
}


def get_config(variant=""):
  return genjax_config.variant("gan", VARIANTS, variant)
