"""What is wrong with a run by the figures of its validations, and what usually helps."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

PATIENCE = 3  # validations in a row, as one alone may be chance
# Of a thousand validation images none is on the wrong side, or none on the right: hardly a gradient
# is left.
ALWAYS, NEVER = 0.999, 0.001
# A gap's size is that of the critic's slope, and a clipped critic is almost flat yet alive: only
# what 32 bits can hardly tell from 0 is dead. `losses.gradient_norm` of no slope at all is 1e-6.
FLAT = 2e-6
# Of the deviation that real images have; one image for all latents has none.
ALIKE = 0.1
DARK, BRIGHT = 0.01, 0.99  # mean pixel, 0 to 1, of images that are all at one end
STUCK = 0.9  # of the weights; of sound critics a fifth at most lies at the bound
COLLAPSED_KL = 0.1  # nats in all dimensions together: one that is used takes about one by itself
# Of three values and the three before it is chance once in twenty that all are lower.
QUARTER = 3
IMPROVING = {"val_swd": 0.05, "val_loss": 0.005}  # the least fall that counts, of the value

_R1, _PENALTY = "model.regulariser=r1", "model.regulariser=gradient_penalty"
_WEIGHTS, _SLOWER = "other first weights (model.initialiser)", "a lower sweep.learning_rate"
REMEDIES = {
  "discriminator won": (
    _R1, "model.spectral_norm=True", _WEIGHTS, "a lower sweep.critic_learning_rate",
  ),
  "critic dead": (_PENALTY, "a larger sweep.clip", _SLOWER),
  "discriminator fooled": ("a higher sweep.critic_learning_rate", _SLOWER),
  "weights at the clip bound": ("a larger sweep.clip", _PENALTY),
  "generator saturated": (_WEIGHTS, _SLOWER),
  "one image": (_R1, "more model.critic_steps", _SLOWER),
  "few modes": ("more steps", _R1, _PENALTY, "larger sweep.latents"),
  "posterior collapse": ("a lower sweep.kl_weight", "a smaller sweep.latents"),
  "memorisation": ("more images", "fewer steps", "a smaller model.width"),
  "underfitted": ("more steps",),
}  # fmt: skip


def remedy(name: str, model: Mapping) -> str:
  """What usually helps against a trouble, of a config's model: what it lacks, and can have."""

  def is_new(phrase: str) -> bool:
    key, _, value = phrase.removeprefix("model.").partition("=")
    return not value or str(model.get(key, value)) != value

  *others, last = filter(is_new, REMEDIES[name])
  return ", ".join([*others, f"or {last}" if others else last])


Past = Mapping[str, Sequence[float]]  # a figure's name -> its values so far, the last one last


class Trouble(NamedTuple):
  """A fault of one run, and the figures that show it."""

  name: str  # a key of REMEDIES
  reason: str  # the figures that say so


def troubles(past: Past) -> list[Trouble]:
  """What is wrong with a run, by the names that validations give their figures."""
  return [Trouble(name, reason) for name, reason in judge(past).items() if reason]


def of_runs(
  series: Mapping[str, tuple[np.ndarray, np.ndarray]], failed: np.ndarray, done: bool
) -> list[list[Trouble]]:
  """Of each run what is wrong with it, by its validations; nothing of one that failed.

  Args:
    series: a figure's name -> steps [S] and values [R, S].
    failed: [R].
    done: whether training ended: before that it is nothing wrong that a run still improves.
  """
  return [
    [
      trouble
      for trouble in troubles({name: list(values[i]) for name, (_, values) in series.items()})
      if not failed[i] and (done or trouble.name != "underfitted")
    ]
    for i in range(len(failed))
  ]


def summary(found: Sequence[Sequence[Trouble]], names: Sequence[str], model: Mapping) -> list[str]:
  """Two lines for each kind of trouble that some of the runs of these names and a model have."""
  lines = []
  for name in REMEDIES:
    having = [(i, t) for i, run in enumerate(found) for t in run if t.name == name]
    if having:
      run, trouble = having[0]
      others = f" and {len(having) - 1} more" if having[1:] else ""
      lines.append(f"{name} in {names[run]}{others}: {trouble.reason}")
      lines.append(f"  what usually helps: {remedy(name, model)}")
  return lines


def judge(past: Past) -> dict[str, str | None]:
  """What each rule says: a reason, "" where all is well, None where it has nothing to judge by."""
  known = {
    name: [value for value in values if not math.isnan(value)]
    for name, values in past.items()
    if name.startswith("val_")
  }
  known = {name: values for name, values in known.items() if values}
  return {name: first(rule(known)) for name, rule in _RULES.items()}


def first(said: Sequence[str | None]) -> str | None:
  """Of what was found the first that is wrong, "" if none is; None if nothing was looked at."""
  return next(filter(None, said), None if set(said) <= {None} else "")


# A rule gives what it found, "" for each thing that was looked at and is right.


def _lately(values: Sequence[float], wrong: Callable[[float], bool]) -> bool:
  """Whether something is wrong at each of the last validations: at the first ones much may be."""
  return len(values) >= PATIENCE and all(map(wrong, values[-PATIENCE:]))


def _of_figure(past: Past, name: str, wrong: Callable[[float], bool], words: str) -> list[str]:
  """What a rule finds that reads one figure; `words` name its last value."""
  values = past.get(name)
  return [words.format(values[-1]) if _lately(values, wrong) else ""] if values else []


def _discriminator_won(past: Past) -> list[str]:
  if not {"val_accuracy_real", "val_accuracy_generated"} <= past.keys():
    return []
  real, generated = (past[f"val_accuracy_{part}"][-PATIENCE:] for part in ("real", "generated"))
  both = [min(pair) for pair in zip(real, generated, strict=False)]
  images = "all images" if min(both) == 1 else f"{min(both):.2%} of images or more"
  right = f"the discriminator was right on {images}"
  won = _lately(both, lambda value: value > ALWAYS)
  return [f"{right} at the last {PATIENCE} validations" if won else ""]


def _critic_dead(past: Past) -> list[str]:
  return [
    said
    for name in ("val_critic_gap", "val_critic_gradient_norm")
    for said in _of_figure(
      past, name, lambda value: abs(value) < FLAT, f"{name} {{:.2g}} is within {FLAT:g} of 0"
    )
  ]


def _fooled(past: Past) -> list[str]:
  words = "the discriminator is right on {:.2%} of generated images"
  return _of_figure(past, "val_accuracy_generated", lambda value: value < NEVER, words)


def _clipped(past: Past) -> list[str]:
  words = "{:.0%} of the critic's weights lie at their bound"
  return _of_figure(past, "val_clip_fraction", lambda value: value > STUCK, words)


def _saturated(past: Past) -> list[str]:
  if "val_brightness" not in past:
    return []
  pixel = past["val_brightness"][-1]
  words = f"every image is {'black' if pixel <= DARK else 'white'}"
  found = _of_figure(past, "val_spread", lambda value: value < ALIKE, words)
  return [""] if any(found) and DARK < pixel < BRIGHT else found


def _one_image(past: Past) -> list[str]:
  words = "generated images differ among themselves {:.2g} times as much as real ones"
  found = _of_figure(past, "val_spread", lambda value: value < ALIKE, words)
  return [""] if any(_saturated(past)) else found


def _posterior_collapse(past: Past) -> list[str]:
  words = f"val_kl {{:.2g}} nats is below {COLLAPSED_KL:g}"
  return _of_figure(past, "val_kl", lambda value: value < COLLAPSED_KL, words)


def _underfitted(past: Past) -> list[str]:
  said = []
  for name, least in IMPROVING.items():
    quarter = len(past.get(name, ())) // 4
    if quarter >= QUARTER:
      third, last = past[name][-2 * quarter : -quarter], past[name][-quarter:]
      before, now = np.median(third), np.median(last)
      falls = max(last) < min(third) and before - now > least * abs(now)
      words = f"{name} fell from {before:.4g} to {now:.4g}, from the third quarter to the last"
      said.append(words if falls else "")
  return said


_RULES = {
  "discriminator won": _discriminator_won,
  "critic dead": _critic_dead,
  "discriminator fooled": _fooled,
  "weights at the clip bound": _clipped,
  "generator saturated": _saturated,
  "one image": _one_image,
  "posterior collapse": _posterior_collapse,
  "underfitted": _underfitted,
}
