"""Which runs of workdirs have flags, and why."""

import scored
from scored import notes, rows

from genjax.analysis import judgements, workdirs


def judged(*paths):
  homes = workdirs.read(paths)
  return judgements.of_runs(homes, workdirs.scores(homes, "best"), "best")


def test_flags_are_counted_by_setting(tmp_path):
  figures = {"recall@aa": [0.8, 0.1, 0.8, 0.8], "val_accuracy_generated": {8: 1.0, 12: 0.0}}
  figures["val_accuracy_real"] = {8: [0.9, 0.9, 0.9, 1.0], 12: 1.0}
  path = scored.write(tmp_path / "w", figures, 2, (2, 10), failed=(2,))
  found = judged(path)
  columns = ("runs", "failed", "collapse", "dead_critic", "posterior_collapse")
  two, ten = rows(judgements.counts(found))
  assert [two[name] for name in columns] == ["2", "0", "1", "0", ""]
  assert [ten[name] for name in columns] == ["2", "1", "0", "1", ""]  # at step 8, the best
  raised = rows(judgements.reasons(found))
  assert [(row["setting"], row["seed"], row["flag"]) for row in raised] == [
    ("latent 2", "1", "collapse"),
    ("latent 10", "1", "dead critic"),
  ]
  assert raised[0]["reason"] == "recall 0.1 is below 0.25 x 0.9, that of real test images"


def test_the_worst_of_the_networks_raises_a_flag(tmp_path):
  protocols = {key: scored.protocol(f"net-{key}") for key in ("aa", "bb")}
  protocols["cc"] = scored.protocol("", "likelihood", floor={})
  figures = {"recall@aa": 0.8, "recall@bb": [0.8, 0.1], "active_units@cc": [0, 5]}
  path = scored.write(tmp_path / "w", figures, 2, protocols=protocols)
  raised = rows(judgements.reasons(judged(path)))
  assert [(row["seed"], row["flag"]) for row in raised] == [
    ("0", "posterior collapse"),
    ("1", "collapse"),
  ]


def test_classes_are_those_of_the_data_where_the_floor_does_not_say(tmp_path):
  protocols = {"aa": scored.protocol(floor={})}
  path = scored.write(tmp_path / "w", {"modes@aa": [10, 9]}, 2, protocols=protocols)
  (row,) = rows(judgements.reasons(judged(path)))
  assert (row["seed"], row["reason"]) == ("1", "9 of 10 classes occur")


def test_examples_are_the_first_run_of_each_setting_and_flag(tmp_path):
  path = scored.write(tmp_path / "w", {"recall@aa": [0.1, 0.1, 0.8, 0.1]}, 2, (2, 10))
  raised = judgements.reasons(judged(path))
  short = judgements.examples(raised)
  assert [(row["setting"], row["seed"]) for row in rows(short)] == [
    ("latent 2", "0"),
    ("latent 10", "1"),
  ]
  assert notes(short) == ["1 more in flags.csv"]
