"""What `evaluate` can measure: the scores by name, and how to read each.

A score in metrics.csv is named `fd@1f0c93aa`: its own name, and the protocol that it was measured
by, which protocols.json describes.
"""

import math
from typing import NamedTuple


class Score(NamedTuple):
  title: str  # with its unit
  better: str  # "lower", "higher", or "" where neither is
  group: str  # what is measured together, by one protocol
  needs: str = ""  # of the model: "encoder", "critic" or "label"; "" for any
  limits: tuple[float, float] = (0, math.inf)  # an interval's ends stay within them
  headline: str = ""  # its short name, of those that answer which setting is better
  counts: str = ""  # "classes" or "latent", of which there are no more than there are
  slow: str = ""  # why it is computed only where it is asked for
  dimensions: bool = False  # a figure for each of the latent's, named `kl_dim/0@1f0c93aa`
  # What a figure that is better than the floor counts for: "" as much as the floor, where one is
  # known; NEEDED the same, and without a floor there is no verdict.
  past: str = ""


# Scores by which images that are not real can beat real ones: blur has density 2.04 (real ones
# 0.99), noise precision 0.997, grey means the lower EMD in pixels.
NEEDED = "floor needed"


_FRACTION, _ANY = (0, 1), (-math.inf, math.inf)
_PAIRS, _NETWORK = "an assignment of thousands of images", "a network trained for each run"

SCORES = {
  "fd": Score("Frechet distance", "lower", "features", headline="FD"),
  "fd_infinity": Score("Frechet distance, extrapolated", "lower", "features", limits=_ANY),
  "kd": Score(
    "kernel distance", "lower", "features", limits=_ANY
  ),  # unbiased, so it may be below 0
  "precision": Score("precision", "higher", "features", "", _FRACTION, "precision", past=NEEDED),
  "recall": Score("recall", "higher", "features", "", _FRACTION),
  "density": Score("density", "higher", "features", past=NEEDED),
  "coverage": Score("coverage", "higher", "features", "", _FRACTION, "coverage"),
  "classifier_score": Score(
    "classifier score", "higher", "features", "", (1, math.inf), counts="classes"
  ),
  "modes": Score("classes that occur", "higher", "features", counts="classes"),
  "class_jsd": Score(
    "JSD of the class histogram (nats)", "lower", "features", "", (0, math.log(2))
  ),
  "distinct": Score("distinct images (birthday paradox)", "higher", "features"),
  "memorised": Score(
    "images nearest to training (fraction)", "lower", "features", "", _FRACTION, past=NEEDED
  ),
  "emd_features": Score("exact EMD, features", "lower", "features", slow=_PAIRS),
  # A generator that is constant has the shortest: no end is better.
  "path_length": Score("path length", "", "features"),
  "label_agreement": Score(
    "label agreement (fraction)", "higher", "features", "label", _FRACTION, "label agreement"
  ),
  "swd": Score("sliced Wasserstein distance", "lower", "images"),
  "emd": Score("exact EMD, pixels", "lower", "images", slow=_PAIRS, past=NEEDED),
  "sharpness": Score("sharpness", "", "images"),
  # A bound from below, which a discriminator that does worse than chance takes below 0.
  "jsd": Score(
    "JSD by a fresh discriminator (nats)",
    "lower",
    "discriminator",
    "",
    (-math.inf, math.log(2)),
    slow=_NETWORK,
    past=NEEDED,
  ),
  "cas": Score(
    "classification accuracy score", "higher", "student", "label", _FRACTION, slow=_NETWORK
  ),
  "critic_gap": Score("critic gap", "", "critic", "critic", _ANY),
  "critic_gap_scaled": Score("critic gap / gradient norm", "", "critic", "critic", _ANY),
  "critic_gap_real": Score("critic gap, training - held-out", "", "critic", "critic", _ANY),
  "elbo": Score("ELBO, binarised images (nats)", "higher", "likelihood", "encoder", (-math.inf, 0)),
  "nll": Score(
    "NLL, binarised images (nats)",
    "lower",
    "likelihood",
    "encoder",
    headline="NLL",
    slow="thousands of latents an image",
  ),
  "nll_ess": Score(
    "effective sample size of the NLL's weights",
    "",
    "likelihood",
    "encoder",
    (1, math.inf),
    slow="thousands of latents an image",
  ),
  "kl": Score("KL (nats)", "", "likelihood", "encoder"),
  "active_units": Score("active units", "", "likelihood", "encoder", counts="latent"),
  "kl_dim": Score("KL of a latent dimension (nats)", "", "likelihood", "encoder", dimensions=True),
}


def parts(name: str, latent: int) -> tuple[str, ...]:
  """The figures that a score has of a run with such a latent."""
  return tuple(f"{name}/{i}" for i in range(latent)) if SCORES[name].dimensions else (name,)
