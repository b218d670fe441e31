"""WGANs with a gradient penalty (Gulrajani et al. 2017) on MNIST.

The pyramid of gan_mnist.py. The paper's are the loss, the penalty's weight of 10 and b1 of 0; not
b2 (0.9, for 0.999), its rate of 1e-4, nor its five critic steps for each of the generator. Seeds
100 to 109, 4,000 steps (commit ba1d0f7): FD 96.0 [90.1, 104] and coverage 0.376 [0.362, 0.394]
(interquartile means, 95%; 10,000 images, MNIST's own classifier); digits, none failed. Medians of
FD on 1,000 validation images 187 at step 1,000, 127 at 2,000, 92 at 4,000, where gan_mnist.py is at
80.
"""

from genjax import config as genjax_config

VARIANTS = {
  "": genjax_config.PYRAMID
  | {
    "steps": 4000,
    "mark": (100.0, 4000),
    "model.network": "dcgan_plain",
    "model.width": 16,
    "model.loss": "wasserstein",
    "model.regulariser": "gradient_penalty",
    "sweep.learning_rate": (2e-3,),
    "sweep.b1": (0.0,),
    "sweep.latents": (50,),
  }
}


def get_config(variant=""):
  return genjax_config.variant("gan", VARIANTS, variant)
