"""A metric of one's own: how thick strokes are, against how thick those of real digits are.

  python -m genjax.main --config=configs/examples/own_metric.py --workdir=runs/own_metric
  python -m genjax.evaluate runs/own_metric --metrics=fd,own_metric:thickness

The first line measures it at each validation too, as `evals` asks for; the second line on test
images, with what real ones score. It is for the folder of this file, or with it on PYTHONPATH;
`python -m genjax.compare` then needs no such file, as the scores say what they are.
"""

import numpy as np

import genjax
from genjax import config as genjax_config


def thicknesses(images):
  """Ink over edge of each image [N, H, W, C]: about half the width of its strokes, in pixels."""
  ink = images.mean(-1)
  edges = np.abs(np.diff(ink, axis=1)).sum((1, 2)) + np.abs(np.diff(ink, axis=2)).sum((1, 2))
  return ink.sum((1, 2)) / np.maximum(edges, 1e-6)


def difference(generated, real):
  """Wasserstein-1 of the two histograms, both of as many images."""
  count = min(len(generated), len(real))
  both = (np.sort(thicknesses(images[:count])) for images in (generated, real))
  return np.abs(np.subtract(*both)).mean()


thickness = genjax.Metric(
  "thickness", "difference of stroke thickness (pixels)", difference, "lower", limits=(0, np.inf)
)

VARIANTS = {
  "": {
    "data.name": "digits",
    "data.validation": 0.25,
    "batch_size": 64,
    "steps": 1000,
    "eval_every": 250,
    "eval_images": 300,
    "evals": ("own_metric:thickness",),
    "sweep.latents": (2, 10),
  }
}


def get_config(variant=""):
  config = genjax_config.variant("vae", VARIANTS, variant)
  config.eval_images = 300  # also where everything else is small: a score takes 200
  config.data.validation = 0.25
  return config
