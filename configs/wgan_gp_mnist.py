"""WGANs with a gradient penalty (Gulrajani et al. 2017) on MNIST.

The pyramid of gan_mnist.py, whose generator too steps on the images that the critic has just seen.
The paper's are the loss, the penalty's weight of 10 and Adam's decays of 0 and 0.9; not its rate of
1e-4, which stays, nor its five critic steps for each of the generator. Seeds 1040 to 1049, 22,000
steps (commit dd4446f and these keys): FD 39.5 [37.5, 42.6] and coverage 0.606 [0.586, 0.615]
(interquartile means, 95%; best weights, 10,000 images, MNIST's own classifier), none failed; 432 s
a run, validations included, on one core of an EPYC with AVX-512 (products at 170 GFLOP/s when idle)
whose other core was busy. Medians of FD on 1,000 validation images 115 at step 1,000, 86 at 2,000,
65 at 4,000, 56 at 6,000, 47 at 10,000, 44 at 14,000 and 41 from 20,000 on.
"""

from genjax import config as genjax_config

VARIANTS = {
  "": genjax_config.PYRAMID
  | {
    "steps": 22_000,
    "mark": (47.2, 10_000),  # the median of the ten
    "eval_every": 1000,
    "model.network": "dcgan_plain",
    "model.width": 16,
    "model.loss": "wasserstein",
    "model.regulariser": "gradient_penalty",
    "model.shared_images": True,
    "sweep.learning_rate": (6e-3,),
    "sweep.b1": (0.0,),
    "sweep.b2": (0.9,),
    "sweep.decay_steps": (22_000,),
    "sweep.latents": (50,),
  }
}


def get_config(variant=""):
  return genjax_config.variant("gan", VARIANTS, variant)
