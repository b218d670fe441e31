"""Conditional GANs on MNIST.

Without an argument the pyramid of gan_mnist.py, of which both networks also read the label. Seeds
100 to 109, 4,000 steps, best weights (commit c2def82): FD 14.2 [12.7, 18.5], coverage 0.735
[0.715, 0.744], the class that was asked for 94.5% of the time (interquartile means, 95%; 10,000
images, MNIST's own classifier), none failed; 212 s a run on one core of a Xeon with AVX-512 that
other work shared. cgan_mnist.png shows them all.

`:s4` is S4's, with the batches of 64 and the label noise of the tutorial whose layers it has.
`:s1_layers` has those of S1's WGAN, flax's first weights and averaged weights, 400 steps; seed 0:
val_swd (sliced Wasserstein distance over a pyramid) 0.12 at step 100, 0.055 at step 400, about half
of the samples a digit of the class that was asked for, the others near it.
"""

from genjax import config as genjax_config

VARIANTS = {
  "": genjax_config.PYRAMID
  | {
    "steps": 4000,
    "model.network": "dcgan_conditional",
    "model.width": 16,
    "model.regulariser": "r1",
    "sweep.penalty_weight": (1.0,),
    "sweep.learning_rate": (2e-3,),
    "sweep.b1": (0.5,),
    "sweep.latents": (50,),
  },
  "s1_layers": genjax_config.FLAX
  | {
    "batch_size": 64,
    "steps": 400,
    "eval_every": 100,
    "log_every": 10,
    "model.network": "s1_cgan",
    "sweep.learning_rate": (2e-4,),
    "sweep.b1": (0.5,),
    "sweep.seeds": (0, 1),
    "sweep.ema_decay": (0.99,),
    "sweep.latents": (100,),
  },
  "s4": {
    "batch_size": 64,
    "epochs": 20.0,
    "model.label_noise": 0.05,
    "model.network": "s4_cgan",
    "sweep.learning_rate": (3e-4,),
    "sweep.latents": (128,),
  },
}


def get_config(variant=""):
  return genjax_config.variant("gan", VARIANTS, variant)
