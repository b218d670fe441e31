"""Each rule on a run that has the trouble and on one that has not, at its threshold."""

import math

import jax.numpy as jnp
import numpy as np
import pytest

from genjax.models import losses
from genjax.training import diagnosis

NO_SLOPE = float(losses.gradient_norm(lambda x: 0 * x.sum((1, 2, 3)), jnp.ones((1, 2, 2, 1)))[0])

SOUND = {
  "val_accuracy_real": [0.8, 0.8, 0.8],
  "val_accuracy_generated": [0.9, 0.9, 0.9],
  "val_critic_gap": [0.5] * 3,
  "val_critic_gradient_norm": [1.0] * 3,
  "val_clip_fraction": [0.2] * 3,
  "val_spread": [0.9] * 3,
  "val_brightness": [0.13] * 3,
  "val_swd": [0.1] * 12,
  "val_kl": [20.0] * 3,
  "val_loss": [150.0] * 12,
}


def names(**changes):
  return [trouble.name for trouble in diagnosis.troubles(SOUND | changes)]


def test_a_sound_run_has_none_and_every_rule_has_looked():
  judged = diagnosis.judge(SOUND)
  assert set(judged.values()) == {""}
  assert set(diagnosis.REMEDIES) - set(judged) == {"few modes", "memorisation"}  # by scores alone


@pytest.mark.parametrize(
  ("well", "ill", "name", "reason"),
  [
    (
      {"val_accuracy_real": [1.0, 1.0, 1.0], "val_accuracy_generated": [1.0, 0.999, 1.0]},
      {
        "val_accuracy_real": [0.5, 1.0, 1.0, 1.0],
        "val_accuracy_generated": [0.5, 1.0, 1.0, 0.9995],
      },
      "discriminator won",
      "the discriminator was right on 99.95% of images or more at the last 3 validations",
    ),
    (
      {"val_accuracy_generated": [0.9, 0.001, 0.0]},
      {"val_accuracy_generated": [0.9, 0.0, 0.0, 0.0009]},
      "discriminator fooled",
      "the discriminator is right on 0.09% of generated images",
    ),
    (
      {"val_critic_gap": [0.0, 0.0, -3e-6]},
      {"val_critic_gap": [1.0, 0.0, 0.0, -5e-7]},
      "critic dead",
      "val_critic_gap -5e-07 is within 2e-06 of 0",
    ),
    (
      {"val_critic_gradient_norm": [NO_SLOPE] * 2},
      {"val_critic_gradient_norm": [NO_SLOPE] * 3},
      "critic dead",
      "val_critic_gradient_norm 1e-06 is within 2e-06 of 0",
    ),
    (
      {"val_clip_fraction": [0.95, 0.95, 0.9]},
      {"val_clip_fraction": [0.2, 0.95, 0.95, 0.91]},
      "weights at the clip bound",
      "91% of the critic's weights lie at their bound",
    ),
    (
      {"val_spread": [0.1] * 3, "val_brightness": [0.0]},
      {"val_spread": [0.09] * 3, "val_brightness": [0.005]},
      "generator saturated",
      "every image is black",
    ),
    (
      {"val_spread": [0.0] * 2, "val_brightness": [1.0]},
      {"val_spread": [0.0] * 3, "val_brightness": [1.0]},
      "generator saturated",
      "every image is white",
    ),
    (
      {"val_spread": [0.1, 0.02, 0.02, 0.1]},
      {"val_spread": [0.9, 0.02, 0.02, 0.02]},
      "one image",
      "generated images differ among themselves 0.02 times as much as real ones",
    ),
    (
      {"val_kl": [0.0, 0.0]},
      {"val_kl": [20.0, 0.0, 0.0, 0.09]},
      "posterior collapse",
      "val_kl 0.09 nats is below 0.1",
    ),
    (
      {"val_swd": [0.4] * 6 + [0.105] * 3 + [0.1] * 3},
      {"val_swd": [0.4] * 6 + [0.11] * 3 + [0.1] * 3},
      "underfitted",
      "val_swd fell from 0.11 to 0.1, from the third quarter to the last",
    ),
    (
      {"val_loss": [180.0] * 6 + [151.0, 151.0, 150.0, 150.0, 149.0, 149.0]},  # one as low
      {"val_loss": [180.0] * 6 + [151.0, 151.0, 150.5, 150.0, 149.0, 149.0]},
      "underfitted",
      "val_loss fell from 151 to 149, from the third quarter to the last",
    ),
  ],
)
def test_a_rule_its_reason_and_a_remedy(well, ill, name, reason):
  assert names(**well) == []
  assert diagnosis.troubles(SOUND | ill) == [(name, reason)]
  assert diagnosis.REMEDIES[name]


def test_quarters_take_three_validations():
  assert diagnosis.judge({"val_swd": [0.9, 0.5, 0.1] * 3})["underfitted"] is None


def test_noise_is_seldom_called_progress():
  """Of flat curves with a tenth of noise: once in twenty with 12 validations, never with 40."""
  rng = np.random.default_rng(0)
  for count, most in ((12, 0.08), (40, 0.0)):
    curves = 0.1 * np.exp(0.1 * rng.normal(size=(400, count)))
    called = [bool(names(val_swd=list(curve))) for curve in curves]
    assert np.mean(called) <= most


def test_training_s_own_figures_are_no_validations():
  past = {"accuracy_real": [1.0] * 3, "accuracy_generated": [1.0] * 3}
  assert diagnosis.troubles(past) == []


def test_what_was_not_measured_is_not_judged():
  assert set(diagnosis.judge({}).values()) == {None}
  assert set(diagnosis.judge({key: [math.nan] for key in SOUND}).values()) == {None}


def test_a_summary_says_what_how_often_and_what_helps():
  ill = diagnosis.troubles(SOUND | {"val_kl": [0.0] * 3})
  assert diagnosis.summary([[], ill, ill], ["seed 0", "seed 1", "seed 2"], {}) == [
    "posterior collapse in seed 1 and 1 more: val_kl 0 nats is below 0.1",
    "  what usually helps: a lower sweep.kl_weight, or a smaller sweep.latents",
  ]
  assert diagnosis.summary([[], []], ["seed 0", "seed 1"], {}) == []


def test_what_a_model_has_or_cannot_have_is_no_remedy():
  gan = {"name": "gan", "regulariser": "none", "spectral_norm": False, "initialiser": "keras"}
  helps = "other first weights (model.initialiser), or a lower sweep.critic_learning_rate"
  both = f"model.regulariser=r1, model.spectral_norm=True, {helps}"
  assert diagnosis.remedy("discriminator won", gan) == both
  has = gan | {"regulariser": "r1", "spectral_norm": True}
  assert diagnosis.remedy("discriminator won", has) == helps
  assert diagnosis.remedy("few modes", {"name": "vae"}) == "more steps, or larger sweep.latents"
