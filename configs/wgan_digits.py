"""The demo: a narrow S1 WGAN on scikit-learn's digits, with flax's first weights.

2 seeds x latents 2 and 16: val_swd (sliced Wasserstein distance over a pyramid) 0.12 at step 100 in
all four runs, 0.079 to 0.086 at step 500, with recognisable digits; the time is in the README.
"""

from genjax import config as genjax_config

VARIANTS = {
  "": genjax_config.FLAX
  | {
    "data.name": "digits",
    "data.validation": 0.25,  # of 1,497 images: fewer say little about the best step
    "batch_size": 64,
    "steps": 500,
    "log_every": 10,
    "eval_every": 100,
    "eval_images": 300,
    "model.network": "s1_wgan",
    "model.width": 32,
    "model.loss": "wasserstein",
    "model.regulariser": "clip",
    "model.critic_steps": 3,
    "model.optimiser": "rmsprop",
    "sweep.seeds": (0, 1),
    "sweep.latents": (2, 16),
    "sweep.learning_rate": (5e-4,),
    "sweep.ema_decay": (0.95,),
  }
}


def get_config(variant=""):
  return genjax_config.variant("gan", VARIANTS, variant)
