"""What `evaluate` can measure: the scores by name, and how to read each.

A score in metrics.csv is named `fd@1f0c93aa`: its own name, and the protocol that it was measured
by, which protocols.json describes.
"""

from typing import NamedTuple


class Score(NamedTuple):
  title: str  # with its unit
  better: str  # "lower", "higher", or "" where neither is
  group: str  # what is measured together, by one protocol
  needs: str = ""  # of the model: "encoder", "critic" or "label"; "" for any
  dimensions: bool = False  # a figure for each of the latent's, named `kl_dim/0@1f0c93aa`


SCORES = {
  "fd": Score("Frechet distance", "lower", "features"),
  "fd_infinity": Score("Frechet distance, extrapolated", "lower", "features"),
  "kd": Score("kernel distance", "lower", "features"),
  "precision": Score("precision", "higher", "features"),
  "recall": Score("recall", "higher", "features"),
  "density": Score("density", "higher", "features"),
  "coverage": Score("coverage", "higher", "features"),
  "classifier_score": Score("classifier score", "higher", "features"),
  "modes": Score("classes that occur", "higher", "features"),
  "class_jsd": Score("JSD of the class histogram (nats)", "lower", "features"),
  "distinct": Score("distinct images (birthday paradox)", "higher", "features"),
  "memorised": Score("images nearest to training (fraction)", "lower", "features"),
  "emd_features": Score("exact EMD, features", "lower", "features"),
  "path_length": Score("path length", "lower", "features"),
  "label_agreement": Score("label agreement (fraction)", "higher", "features", "label"),
  "swd": Score("sliced Wasserstein distance", "lower", "images"),
  "emd": Score("exact EMD, pixels", "lower", "images"),
  "sharpness": Score("sharpness", "", "images"),
  "jsd": Score("JSD by a fresh discriminator (nats)", "lower", "discriminator"),
  "cas": Score("classification accuracy score", "higher", "student", "label"),
  "critic_gap": Score("critic gap", "", "critic", "critic"),
  "critic_gap_scaled": Score("critic gap / gradient norm", "", "critic", "critic"),
  "critic_gap_real": Score("critic gap, training - held-out", "", "critic", "critic"),
  "elbo": Score("ELBO, binarised images (nats)", "higher", "likelihood", "encoder"),
  "nll": Score("NLL, binarised images (nats)", "lower", "likelihood", "encoder"),
  "kl": Score("KL (nats)", "", "likelihood", "encoder"),
  "active_units": Score("active units", "", "likelihood", "encoder"),
  "kl_dim": Score("KL of a latent dimension (nats)", "", "likelihood", "encoder", True),
}


def parts(name: str, latent: int) -> tuple[str, ...]:
  """The figures that a score has of a run with such a latent."""
  return tuple(f"{name}/{i}" for i in range(latent)) if SCORES[name].dimensions else (name,)
