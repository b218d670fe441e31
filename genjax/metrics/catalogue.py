"""What `evaluate` can measure: the scores by name, and how to read each.

A score in metrics.csv is named `fd@1f0c93aa`: its own name, and the protocol that it was measured
by, which protocols.json describes.
"""

import math
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from genjax import parts
from genjax.mistakes import UserError, suggestion


class Score(NamedTuple):
  """How to read one of genjax's scores: title, direction, range, and what it needs of a model."""

  title: str  # with its unit
  better: str  # "lower", "higher", or "" where neither is
  group: str  # what is measured together, by one protocol
  needs: str = ""  # of the model: a key of NEEDS
  limits: tuple[float, float] = (0, math.inf)  # an interval's ends stay within them
  headline: str = ""  # its short name, of those that answer which setting is better
  counts: str = ""  # "classes" or "latent": what bounds the score from above
  slow: str = ""  # why it is computed only where it is asked for
  dimensions: bool = False  # a figure for each of the latent's, named `kl_dim/0@1f0c93aa`
  # What a figure that is better than the floor counts for: "" as much as the floor, where one is
  # known; NEEDED the same, and without a floor there is no verdict.
  past: str = ""


# Scores by which images that are not real can beat real ones: blur has density 2.04 (real ones
# 0.99), noise precision 0.997, grey means the lower EMD in pixels.
NEEDED = "floor needed"


# What a score may need of a model, and the words for a model that has it.
NEEDS = {
  "": "any",
  "encoder": "a model with an encoder",
  "likelihood": "a model with an encoder and a decoder",
  "critic": "a model with a critic",
  "label": "a conditional model",
}
_FRACTION, _ANY = (0, 1), (-math.inf, math.inf)
_PAIRS, _NETWORK = "an assignment of thousands of images", "a network trained for each run"
_LATENTS = "thousands of latents an image"
_LIKELIHOOD = "likelihood", "likelihood"  # group and needs

SCORES = {
  "fd": Score("Frechet distance", "lower", "features", headline="FD"),
  "fd_infinity": Score("Frechet distance, extrapolated", "lower", "features", limits=_ANY),
  # Unbiased, so it may be below 0.
  "kd": Score("kernel distance", "lower", "features", limits=_ANY),
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
  "path_length": Score("perceptual path length", "", "features"),
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
  "elbo": Score("ELBO, binarised images (nats)", "higher", *_LIKELIHOOD, (-math.inf, 0)),
  "nll": Score(
    "NLL, binarised images (nats)", "lower", *_LIKELIHOOD, headline="NLL", slow=_LATENTS
  ),
  "nll_ess": Score(
    "effective sample size of the NLL's weights", "", *_LIKELIHOOD, (1, math.inf), slow=_LATENTS
  ),
  "kl": Score("KL (nats)", "", *_LIKELIHOOD),
  "active_units": Score("active units", "", *_LIKELIHOOD, counts="latent"),
  "kl_dim": Score("KL of a latent dimension (nats)", "", *_LIKELIHOOD, dimensions=True),
}


OWN = "own"  # the group of those that are not genjax's


class Metric(NamedTuple):
  """A score of one's own, which `MODULE:OBJECT` names in --metrics and in `config.evals`."""

  name: str  # in metrics.csv and --metrics of compare; none of `SCORES`
  title: str  # with its unit
  # (generated, real) -> a number: images [N, H, W, C] float32 in [0, 1] of one run, numpy arrays,
  # and as many training images. The floor is that of held-out images in place of generated ones.
  # Where the metric needs something of the model, a third argument is the run as an `Own` model.
  compute: Callable[..., float]
  better: str = ""  # "lower", "higher", or "" where neither is
  needs: str = ""  # of the model: a key of NEEDS
  limits: tuple[float, float] = _ANY  # an interval's ends stay within them

  @property
  def score(self) -> Score:
    short = self.title.partition(" (")[0]
    return Score(self.title, self.better, OWN, self.needs, self.limits, short)

  @property
  def facts(self) -> dict[str, Any]:
    """What a protocol says of it, for whoever reads scores without the module."""
    ends = [end if math.isfinite(end) else None for end in self.limits]
    return {"title": self.title, "better": self.better, "limits": ends}


def recorded(facts: dict[str, Any]) -> Score:
  """The score that `Metric.facts` describe."""
  low, high = facts["limits"]
  limits = (-math.inf if low is None else low, math.inf if high is None else high)
  return Metric("", facts["title"], float, facts["better"], "", limits).score


def own(name: str, where: str) -> Metric:
  """The metric of `MODULE:OBJECT`. Raises `UserError` where it is none, or its name will not do."""
  metric = parts.find(name, where)
  if not isinstance(metric, Metric):
    raise UserError(f"{where} has {name!r}, a {type(metric).__name__}; expected a Metric")
  if not re.fullmatch(r"[a-z]\w*", metric.name) or metric.name in SCORES:
    raise UserError(
      f"{where} has {name!r}, whose name is {metric.name!r}; expected a lower-case letter followed "
      "by letters, digits or _, and not the name of a genjax score"
    )
  if metric.better not in ("", "lower", "higher") or metric.needs not in NEEDS:
    raise UserError(
      f"{where} has {name!r}, with better {metric.better!r} and needs {metric.needs!r}; expected "
      f"'lower', 'higher' or '', and one of {', '.join(map(repr, NEEDS))}"
    )
  return metric


def find(name: str, where: str) -> Score:
  """A key of `SCORES`, or `MODULE:OBJECT` of a `Metric`. Raises `UserError` for another."""
  if parts.is_name(name):
    return own(name, where).score
  if name not in SCORES:
    raise UserError(
      f"{where} has {name!r}; expected a score or MODULE:OBJECT{suggestion(name, SCORES)}"
    )
  return SCORES[name]


def of_images(name: str) -> bool:
  """Whether a score, as --metrics names it, compares images alone, whatever drew them."""
  score = find(name, "--metrics")
  return score.group in _OF_IMAGES and not score.needs and name not in _OF_MODELS


_OF_IMAGES = ("features", "images", "discriminator", OWN)  # groups of such scores
_OF_MODELS = ("path_length",)  # but for these


def figures(name: str, latent: int) -> tuple[str, ...]:
  """The names in metrics.csv of the figures that a score has of a run with such a latent."""
  dimensions = name in SCORES and SCORES[name].dimensions
  return tuple(f"{name}/{i}" for i in range(latent)) if dimensions else (name,)


def short(name: str) -> str:
  """What a score is called where it was recorded: of `MODULE:OBJECT` the metric's own name."""
  return own(name, "--metrics").name if parts.is_name(name) else name
