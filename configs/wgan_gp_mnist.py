"""WGANs with a gradient penalty (Gulrajani et al. 2017) on MNIST.

The pyramid of gan_mnist.py. The paper's are the loss, the penalty's weight of 10 and b1 of 0; not
b2 (0.9, for 0.99), its rate of 1e-4, which stays, nor its five critic steps for each of the
generator. Seeds 320 to 329, 18,000 steps (commit 758ad1b and these keys): FD 41.9 [41.3, 43.5] and
coverage 0.588 [0.580, 0.597] (interquartile means, 95%; best weights, 10,000 images, MNIST's own
classifier), none failed; some 8 min a run, validations included, on one core of an EPYC with
AVX-512 (products at 82 GFLOP/s) whose other core was busy. Medians of FD on 1,000 validation images
142 at step 1,000, 94 at 2,000, 68 at 4,000, 50 at 10,000, and 44 from 17,000 on.
"""

from genjax import config as genjax_config

VARIANTS = {
  "": genjax_config.PYRAMID
  | {
    "steps": 18_000,
    "mark": (100.0, 2000),
    "eval_every": 1000,
    "model.network": "dcgan_plain",
    "model.width": 16,
    "model.loss": "wasserstein",
    "model.regulariser": "gradient_penalty",
    "sweep.learning_rate": (4e-3,),
    "sweep.b1": (0.0,),
    "sweep.b2": (0.99,),
    "sweep.decay_steps": (18_000,),
    "sweep.latents": (50,),
  }
}


def get_config(variant=""):
  return genjax_config.variant("gan", VARIANTS, variant)
