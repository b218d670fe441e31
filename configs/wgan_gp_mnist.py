"""WGANs with a gradient penalty (Gulrajani et al. 2017) on MNIST.

The paper's are the loss, the penalty's weight of 10 and b1 of 0; not its five critic steps for each
of the generator, of which one is enough here, nor its learning rate of 1e-4.
"""

from genjax import config as genjax_config

VARIANTS = {
  "": {
    "batch_size": 64,
    "steps": 6000,
    "model.network": "dcgan_plain",
    "model.width": 16,
    "model.initialiser": "normal_0.02",
    "model.loss": "wasserstein",
    "model.regulariser": "gradient_penalty",
    "sweep.learning_rate": (2e-3,),
    "sweep.b1": (0.0,),
    "sweep.ema_decay": (0.999,),
    "sweep.seeds": (0, 1),
    "sweep.latents": (50,),
  }
}


def get_config(variant=""):
  return genjax_config.variant("gan", VARIANTS, variant)
