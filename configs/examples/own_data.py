"""A dataset of one's own, in memory: rings of two kinds, drawn when it is loaded.

  python -m genjax.main --config=configs/examples/own_data.py --workdir=runs/own_data
  python -m genjax.evaluate runs/own_data

`rings` gives `Arrays`: images [N, H, W, C] uint8 and labels [N] int32, a test part or None (then a
sixth is split off), the names of the classes, and a line that says what it is. A workdir knows the
arrays by their checksum: what `evaluate` loads again must be the same, so seeds are fixed.
"""

import numpy as np

import genjax
from genjax import config as genjax_config

SIZE, COUNT = 28, 3000


def rings():
  rng = np.random.default_rng(0)
  label = np.arange(COUNT) % 2  # 0 thin, 1 thick
  radius = rng.uniform(5, 11, COUNT)
  centre = rng.uniform(SIZE / 2 - 2, SIZE / 2 + 2, (2, COUNT))
  y, x = np.mgrid[:SIZE, :SIZE]
  distance = np.hypot(y[None] - centre[0][:, None, None], x[None] - centre[1][:, None, None])
  width = np.where(label, 2.5, 1.0)[:, None, None]
  ink = np.exp(-(((distance - radius[:, None, None]) / width) ** 2))
  image = np.rint(255 * ink).astype(np.uint8)[..., None]
  train = genjax.Dataset(image, label.astype(np.int32))
  return genjax.Arrays(train, None, ("thin", "thick"), "rings (own_data.py)")


VARIANTS = {
  "": {
    "data.name": "own_data:rings",
    "batch_size": 64,
    "steps": 2000,
    "eval_every": 500,
    "eval_images": 200,
    "sweep.latents": (2, 3),
  }
}


def get_config(variant=""):
  return genjax_config.variant("vae", VARIANTS, variant)
