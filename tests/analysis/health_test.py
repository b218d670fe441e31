"""Each rule just before and just after its threshold, and the tables of runs with flags."""

import math

import pytest
import scored
from scored import notes, rows

from genjax.analysis import health, recorded_scores, workdirs
from genjax.training import diagnosis

FLOORS = {"modes": 10, "recall": 0.8, "coverage": 0.96, "memorised": 0.02}
WELL = {"modes": 10, "recall": 0.7, "coverage": 0.9, "memorised": 0.03, "critic_gap_scaled": 2.0}
WELL |= {"active_units": 8, "kl": 20.0}
TRAINING = {
  "val_critic_gap": [0.5] * 3,
  "val_critic_gradient_norm": [1.0] * 3,
  "val_kl": [20.0] * 3,
}
TRAINING |= {"val_accuracy_real": [0.8] * 3, "val_accuracy_generated": [0.9] * 3}


def flags(*args):
  return [(name, reason) for name, reason in health.judge(*args).items() if reason]


def raised(latent=10, floors=FLOORS, **changes):
  scores = WELL | {name: v for name, v in changes.items() if name in WELL}
  training = TRAINING | {name: [v] * 3 for name, v in changes.items() if name not in WELL}
  return flags(scores, floors, training, latent)


def test_a_healthy_run_has_no_flag_and_every_rule_has_judged():
  assert raised() == []
  judged = health.judge(WELL, FLOORS, TRAINING, 10)
  looked_at = (
    "discriminator won",
    "discriminator fooled",
    "critic dead",
    "few modes",
    "posterior collapse",
    "memorisation",
  )
  assert judged == dict.fromkeys(diagnosis.REMEDIES) | dict.fromkeys(looked_at, "")


@pytest.mark.parametrize(
  ("name", "well", "ill", "flag", "reason"),
  [
    ("modes", 10, 9, "few modes", "9 of 10 classes occur"),
    (
      "recall", 0.2, 0.19, "few modes",
      "recall 0.19 is below 0.25 x 0.8, that of real images",
    ),
    (
      "coverage", 0.24, 0.23, "few modes",
      "coverage 0.23 is below 0.25 x 0.96, that of real images",
    ),
    (
      "memorised", 0.1, 0.11, "memorisation",
      "memorised 0.11 is above 5 x 0.02, that of real images, and above 0.05",
    ),
    (
      "critic_gap_scaled", -0.002, -0.0005, "critic dead",
      "critic_gap_scaled -0.0005 is within 0.001 of 0",
    ),
    ("val_critic_gap", 3e-6, 0.0, "critic dead", "val_critic_gap 0 is within 2e-06 of 0"),
    (
      "val_accuracy_generated", 0.001, 0.0009, "discriminator fooled",
      "the discriminator is right on 0.09% of generated images",
    ),
    (
      "active_units", 1, 0, "posterior collapse",
      "active_units 0 of 10 dimensions: none, or below 0.1",
    ),
    ("kl", 0.1, 0.09, "posterior collapse", "kl 0.09 nats is below 0.1"),
    ("val_kl", 0.1, 0.0, "posterior collapse", "val_kl 0 nats is below 0.1"),
  ],
)  # fmt: skip
def test_a_rule_and_its_reason(name, well, ill, flag, reason):
  assert raised(**{name: well}) == []
  assert raised(**{name: ill}) == [(flag, reason)]


def test_units_are_measured_against_the_latent():
  assert raised(active_units=4, latent=40) == []
  assert [name for name, _ in raised(active_units=4, latent=50)] == ["posterior collapse"]
  assert flags({"active_units": 1}, {}, {}) == []
  ((_, reason),) = flags({"active_units": 0}, {}, {})
  assert reason == "active_units 0: none, or below 0.1"


def test_memorisation_takes_both_five_times_the_floor_and_one_in_twenty():
  floors = FLOORS | {"memorised": 0.001}
  assert raised(memorised=0.05, floors=floors) == []
  assert [name for name, _ in raised(memorised=0.051, floors=floors)] == ["memorisation"]


def test_flags_stand_in_the_order_of_the_rules_one_of_each():
  found = raised(kl=0.0, val_kl=0.0, modes=1, recall=0.0, memorised=1.0)
  assert [name for name, _ in found] == ["few modes", "posterior collapse", "memorisation"]
  assert found[0][1] == "1 of 10 classes occur"


def test_what_still_improves_is_not_called_collapsed():
  improving = TRAINING | {"val_swd": [0.4] * 6 + [0.2] * 3 + [0.1] * 3}
  ((flag, reason),) = flags(WELL | {"coverage": 0.1}, FLOORS, improving)
  assert flag == "underfitted"
  assert reason.startswith("val_swd fell from 0.2 to 0.1, from the third quarter to the last; cov")


def test_few_modes_are_kept_where_a_run_improved_to_its_best_step_alone():
  falling = TRAINING | {"val_swd": [0.4] * 6 + [0.2] * 3 + [0.1] * 3}
  whole = TRAINING | {"val_swd": [*falling["val_swd"], *[0.3] * 12]}
  said = health.judge(WELL | {"coverage": 0.1}, FLOORS, falling, 10, whole)
  assert said["underfitted"] == ""
  assert said["few modes"].startswith("coverage 0.1 is below")


def test_best_weights_of_a_run_that_grew_worse_are_not_underfitted(tmp_path):
  """Up to its best step its curve falls; the whole one does not."""
  swd = [0.9 - 0.05 * i for i in range(13)] + [0.4 + 0.05 * i for i in range(7)]
  path = scored.write(tmp_path / "w", {"val_swd": dict(enumerate(swd, 1))}, 1)
  runs_csv = (path / "runs.csv").read_text()
  for best, last, falls in ((13, 20, False), (13, 13, True)):
    (path / "runs.csv").write_text(runs_csv.replace("8,12", f"{best},{last}"))
    ((_, said),) = health.of_runs(workdirs.read([path]), [], "best")
    assert bool(said["underfitted"]) == falls
    swd = swd[:13]
    rows = "".join(f"{i},0,val_swd,{value}\n" for i, value in enumerate(swd, 1))
    (path / "metrics.csv").write_text(f"step,run,name,value\n{rows}")


def test_what_was_not_measured_is_not_judged():
  nothing = dict.fromkeys(diagnosis.REMEDIES)
  assert health.judge({}, FLOORS, {}) == nothing
  assert health.judge({"recall": 0.0, "memorised": 1.0, "modes": 1}, {}, {}) == nothing
  unknown = dict.fromkeys(WELL, math.nan)
  assert health.judge(unknown, FLOORS, {key: [math.nan] for key in TRAINING}) == nothing
  assert health.judge(WELL, dict.fromkeys(FLOORS, math.nan), {})["few modes"] is None
  assert health.judge({}, {}, {"val_kl": [3.0] * 3})["posterior collapse"] == ""


# Of workdirs.


def judged(*paths):
  homes = workdirs.read(paths)
  return health.of_runs(homes, recorded_scores.read(homes, "best"), "best")


def test_flags_are_counted_by_setting(tmp_path):
  figures = {"recall@aa": [0.8, 0.1, 0.8, 0.8], "val_kl": 3.0}
  figures["val_critic_gap"] = {i: [0.9, 0.9, 0.9, 0.0] for i in (4, 6, 8)} | {12: 0.0}
  path = scored.write(tmp_path / "w", figures, 2, (2, 10), failed=(2,))
  found = judged(path)
  columns = ("runs", "failed", "few_modes", "critic_dead", "posterior_collapse")
  two, ten = rows(health.counts(found))
  assert [two[name] for name in columns] == ["2", "0", "1", "0", "0"]
  assert [ten[name] for name in columns] == ["2", "1", "0", "1", "0"]  # at step 8, the best
  raised = rows(health.reasons(found))
  assert [(row["setting"], row["seed"], row["flag"]) for row in raised] == [
    ("latent 2", "1", "few modes"),
    ("latent 10", "1", "critic dead"),
  ]
  assert raised[0]["reason"] == "recall 0.1 is below 0.25 x 0.9, that of real images"


def test_the_worst_of_the_networks_raises_a_flag(tmp_path):
  protocols = {key: scored.protocol(f"net-{key}") for key in ("aa", "bb")}
  protocols["cc"] = scored.protocol("", "likelihood", floor={})
  figures = {"recall@aa": 0.8, "recall@bb": [0.8, 0.1], "active_units@cc": [0, 5]}
  path = scored.write(tmp_path / "w", figures, 2, protocols=protocols)
  raised = rows(health.reasons(judged(path)))
  assert [(row["seed"], row["flag"]) for row in raised] == [
    ("0", "posterior collapse"),
    ("1", "few modes"),
  ]


def test_classes_are_those_of_the_data_where_the_floor_does_not_say(tmp_path):
  protocols = {"aa": scored.protocol(floor={})}
  path = scored.write(tmp_path / "w", {"modes@aa": [10, 9]}, 2, protocols=protocols)
  (row,) = rows(health.reasons(judged(path)))
  assert (row["seed"], row["reason"]) == ("1", "9 of 10 classes occur")


def test_examples_are_the_first_run_of_each_setting_and_flag(tmp_path):
  path = scored.write(tmp_path / "w", {"recall@aa": [0.1, 0.1, 0.8, 0.1]}, 2, (2, 10))
  raised = health.reasons(judged(path))
  short = health.examples(raised)
  assert [(row["setting"], row["seed"]) for row in rows(short)] == [
    ("latent 2", "0"),
    ("latent 10", "1"),
  ]
  assert notes(short) == ["1 more in flags.csv"]
