"""A GAN loss of one's own: the exponential loss of boosting, bounded.

  python -m genjax.main --config=configs/examples/own_loss.py --workdir=runs/own_loss
  python -m genjax.evaluate runs/own_loss

The grid trains it beside the usual loss, a folder each, and `evaluate` says which is better. A
`GanLoss` has what the critic minimises on real and on generated images and what the generator
minimises, each of scores [B]; scores above the threshold say "real".
"""

import jax.numpy as jnp

import genjax
from genjax import config as genjax_config


def bounded_exp(score):
  return jnp.exp(jnp.clip(score, -10.0, 3.0))


exponential = genjax.GanLoss(
  real=lambda score: bounded_exp(-score),
  generated=bounded_exp,
  generator=lambda score: bounded_exp(-score),
  threshold=0.0,
)

VARIANTS = {
  "": {
    "data.name": "digits",
    "data.validation": 0.25,
    "batch_size": 64,
    "steps": 500,
    "eval_every": 100,
    "eval_images": 300,
    "model.network": "dcgan_plain",
    "model.width": 16,
    "model.initialiser": "normal_0.02",
    "model.regulariser": "r1",
    "grid.loss": ("nonsaturating", "own_loss:exponential"),
    "sweep.learning_rate": (2e-3,),
    "sweep.b1": (0.5,),
    "sweep.penalty_weight": (1.0,),
    "sweep.ema_decay": (0.99,),
  }
}


def get_config(variant=""):
  return genjax_config.variant("gan", VARIANTS, variant)
