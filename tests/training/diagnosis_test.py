"""Each rule on a run that has the trouble and on one that has not, at its threshold."""

import math

import pytest

from genjax.training import diagnosis

SOUND = {
  "val_accuracy_real": [0.8, 0.8, 0.8],
  "val_accuracy_generated": [0.9, 0.9, 0.9],
  "val_critic_gap": [0.5],
  "val_critic_gradient_norm": [1.0],
  "val_clip_fraction": [0.2],
  "val_spread": [0.9],
  "val_brightness": [0.13],
  "val_swd": [0.1, 0.1, 0.1, 0.1],
  "val_kl": [20.0],
  "val_loss": [150.0, 150.0, 150.0, 150.0],
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
      {"val_accuracy_generated": [0.001]},
      {"val_accuracy_generated": [0.9, 0.0009]},
      "critic dead",
      "the discriminator is right on 0.09% of generated images",
    ),
    (
      {"val_critic_gap": [-2e-6]},
      {"val_critic_gap": [1.0, -5e-7]},
      "critic dead",
      "val_critic_gap -5e-07 is within 1e-06 of 0",
    ),
    (
      {"val_critic_gradient_norm": [0.0, 2e-6]},
      {"val_critic_gradient_norm": [5e-7]},
      "critic dead",
      "val_critic_gradient_norm 5e-07 is within 1e-06 of 0",
    ),
    (
      {"val_clip_fraction": [0.9]},
      {"val_clip_fraction": [0.91]},
      "weights at the clip bound",
      "91% of the critic's weights lie at their bound",
    ),
    (
      {"val_spread": [0.1], "val_brightness": [0.0]},
      {"val_spread": [0.09], "val_brightness": [0.005]},
      "generator saturated",
      "every image is black",
    ),
    (
      {"val_spread": [0.1], "val_brightness": [1.0]},
      {"val_spread": [0.0], "val_brightness": [1.0]},
      "generator saturated",
      "every image is white",
    ),
    (
      {"val_spread": [0.1]},
      {"val_spread": [0.9, 0.02]},
      "one image",
      "generated images differ among themselves 0.02 times as much as real ones",
    ),
    ({"val_kl": [0.1]}, {"val_kl": [0.09]}, "posterior collapse", "val_kl 0.09 nats is below 0.1"),
    (
      {"val_swd": [0.4, 0.3, 0.105, 0.1]},
      {"val_swd": [0.4, 0.3, 0.11, 0.1]},
      "underfitted",
      "val_swd fell from 0.11 to 0.1 in the last quarter",
    ),
    (
      {"val_loss": [180.0, 160.0, 150.7, 150.0]},
      {"val_loss": [180.0, 160.0, 151.0, 150.0]},
      "underfitted",
      "val_loss fell from 151 to 150 in the last quarter",
    ),
  ],
)
def test_a_rule_its_reason_and_a_remedy(well, ill, name, reason):
  assert names(**well) == []
  assert diagnosis.troubles(SOUND | ill) == [(name, reason)]
  assert diagnosis.REMEDIES[name]


def test_quarters_take_four_validations_and_their_medians():
  assert diagnosis.judge({"val_swd": [0.9, 0.5, 0.1]})["underfitted"] is None
  steady = [0.5, 0.2, 0.2, 0.9, 0.2, 0.2, 0.2, 0.2, 0.19, 0.2, 0.01, 0.2]  # one outlier each
  assert names(val_swd=steady) == []


def test_figures_of_training_do_where_there_are_none_of_validation():
  past = {"accuracy_real": [1.0] * 3, "accuracy_generated": [1.0] * 3}
  assert [t.name for t in diagnosis.troubles(past)] == ["discriminator won"]


def test_what_was_not_measured_is_not_judged():
  assert set(diagnosis.judge({}).values()) == {None}
  assert set(diagnosis.judge({key: [math.nan] for key in SOUND}).values()) == {None}


def test_a_summary_says_what_how_often_and_what_helps():
  ill = diagnosis.troubles(SOUND | {"val_kl": [0.0]})
  assert diagnosis.summary([[], ill, ill], ["seed 0", "seed 1", "seed 2"]) == [
    "posterior collapse in seed 1 and 1 more: val_kl 0 nats is below 0.1",
    "  what usually helps: a lower sweep.kl_weight, or a smaller sweep.latents",
  ]
  assert diagnosis.summary([[], []], ["seed 0", "seed 1"]) == []
