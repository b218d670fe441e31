"""Conditional GANs on MNIST.

`:s4` is S4's. Without an argument its layers and rate with batches of 64, b1 0.5 and averaged
weights, 400 steps. 2 seeds: val_swd 0.288 for both at step 400; strokes and loops, and no digits
yet: S4 trains 20 epochs, about 8,400 steps of 128.
"""

from genjax import config as genjax_config

_S4 = {
  "epochs": 20.0,
  "model.network": "s4_cgan",
  "sweep.learning_rate": (3e-4,),
  "sweep.latents": (128,),
}
VARIANTS = {
  "": _S4
  | {
    "batch_size": 64,
    "epochs": 0.0,
    "steps": 400,
    "eval_every": 100,
    "log_every": 10,
    "sweep.seeds": (0, 1),
    "sweep.b1": (0.5,),
    "sweep.ema_decay": (0.99,),
  },
  "s4": _S4,
}


def get_config(variant=""):
  return genjax_config.variant("gan", VARIANTS, variant)
