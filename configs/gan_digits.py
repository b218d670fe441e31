"""The demo: a narrow DCGAN pyramid with R1 on scikit-learn's digits, as gan_mnist.py on MNIST.

2 seeds x latents 2 and 16: at step 500 a person reads about two digits in three with 16 dimensions,
and about half with 2; the time is in the README.
"""

from genjax import config as genjax_config

VARIANTS = {
  "": {
    "data.name": "digits",
    "data.validation": 0.25,  # of 1,497 images: fewer say little about the best step
    "batch_size": 64,
    "steps": 500,
    "log_every": 10,
    "eval_every": 100,
    "eval_images": 300,
    "model.network": "dcgan_plain",
    "model.width": 16,
    "model.initialiser": "normal_0.02",
    "model.regulariser": "r1",
    "sweep.seeds": (0, 1),
    "sweep.latents": (2, 16),
    "model.shared_images": True,
    "sweep.learning_rate": (3e-3,),
    "sweep.b1": (0.0,),
    "sweep.b2": (0.9,),
    "sweep.penalty_weight": (1.0,),
    "sweep.ema_decay": (0.99,),
  }
}


def get_config(variant=""):
  return genjax_config.variant("gan", VARIANTS, variant)
