"""Questions asked of a study, and the split of variance, from workdirs written by hand."""

import numpy as np
import scored
from scored import numbers, rows

from genjax.analysis import findings, questions, variance_tables


def _grid(path, effect, seeds=10, failed=()):
  """A setting for each latent 2, 10, 50 and learning rate 1, 2."""
  rng = np.random.default_rng(0)
  for i, rate in enumerate((1.0, 2.0)):
    values = np.concatenate([effect[i][j] + rng.random(seeds) for j in range(3)])
    scored.write(
      path / f"learning_rate={rate:g}", {"fd@aa": values, "coverage@aa": 0.5 - values / 99}, seeds,
      (2, 10, 50), failed=failed, learning_rate=rate,
    )  # fmt: skip
  return findings.decide(scored.found(path))


def test_a_trend_is_over_all_lines_of_its_axis(tmp_path):
  found = _grid(tmp_path, [[1, 3, 5], [21, 23, 25]])
  asked = {
    (row["score"], row["question"], row["along"]): row for row in rows(questions.answered(found))
  }
  trend = asked["fd", "trend", "latent"]
  assert numbers(trend, "settings", "runs", "tau") == [6, 60, 1]
  assert float(trend["p"]) < 1e-9
  assert float(asked["coverage", "trend", "latent"]["tau"]) == -1  # of figures, better or worse
  assert ("fd", "trend", "learning_rate") not in asked  # two values are a pair
  assert float(asked["fd", "interaction", "latent x learning_rate"]["p"]) > 0.05
  assert float(asked["fd", "spread", ""]["p"]) > 0.05
  assert questions.trend_sentences(found) == [
    "trend: FD rises with latent over 6 settings (tau 1.00, p < 0.0001, not corrected)"
  ]


def test_a_step_that_stays_level_is_not_steady():
  for medians, expected in (
    ([[3, 2, 1]], True),
    ([[3, 2, 1], [9, 5, 2]], True),
    ([[3, 2, 1], [2, 5, 9]], False),
    ([[3, 2, 2]], False),
    ([[1, 2, 2]], False),
    ([[1, np.inf, np.inf]], False),
  ):
    groups = [[np.full(3, median) for median in line] for line in medians]
    assert questions._Trend("latent", groups, 0.5, 0.01).steady == expected


def test_an_interaction_is_found_and_failures_are_the_worst_of_a_trend(tmp_path):
  found = _grid(tmp_path / "a", [[1, 3, 5], [25, 23, 21]])
  asked = {(row["score"], row["question"]): row for row in rows(questions.answered(found))}
  assert float(asked["fd", "interaction"]["p"]) < 1e-6
  assert abs(float(asked["fd", "trend"]["tau"])) < 0.1
  found = _grid(tmp_path / "b", [[3, 3, 3], [3, 3, 3]], failed=range(20, 30))  # latent 50
  asked = {(row["score"], row["question"]): row for row in rows(questions.answered(found))}
  assert float(asked["fd", "trend"]["tau"]) > 0.5
  assert asked["fd", "interaction"]["p"] == ""


def test_equivalence_within_a_margin(tmp_path):
  rng = np.random.default_rng(0)
  paths = [
    scored.write(tmp_path / name, {"fd@aa": base + rng.random(10)}, 10)
    for name, base in (("a", 20), ("b", 20.1), ("c", 30))
  ]
  found = findings.decide(scored.found(*paths))
  table = questions.equivalence(found, 0.1)
  verdicts = {(row["a"], row["b"]): row["verdict"] for row in rows(table)}
  assert verdicts == {("a", "b"): "equivalent", ("a", "c"): "not shown", ("b", "c"): "not shown"}
  assert abs(numbers(rows(table)[0], "margin")[0] - 2.05) < 0.1
  few = [scored.write(tmp_path / f"few{i}", {"fd@aa": 20 + rng.random(5)}, 5) for i in (0, 1)]
  (row,) = rows(questions.equivalence(findings.decide(scored.found(*few)), 0.1))
  assert row["verdict"] == "not enough seeds"


def test_the_same_runs_scored_with_other_noise_split_the_variance(tmp_path):
  protocols = {key: scored.protocol(seed=seed) for seed, key in enumerate(("aa", "bb"))}
  rng = np.random.default_rng(0)
  runs, noise = 10 * rng.normal(size=20), rng.normal(size=(2, 20))
  figures = {"fd@aa": 50 + runs + noise[0], "fd@bb": 50 + runs + noise[1]}
  path = scored.write(tmp_path / "w", figures, 10, (2, 10), protocols=protocols)
  scores = scored.scores(path)
  (row,) = rows(variance_tables.splits(scores))
  assert numbers(row, "runs", "evaluations") == [20, 2]
  assert 6 < float(row["sd_training"]) < 15
  assert 0.6 < float(row["sd_evaluation"]) < 1.5
  assert float(row["share"]) > 0.95
  said = variance_tables.variance_sentence(scores, "fd", "evaluate")
  assert "the training seed accounts for " in said
  assert "of the variance between runs of a setting, evaluation noise for the rest" in said
  assert "(20 runs, 2 evaluations)" in said
  same = {name: np.zeros(20) for name in figures}
  equal = scored.scores(scored.write(tmp_path / "equal", same, 10, (2, 10), protocols=protocols))
  said = variance_tables.variance_sentence(equal, "fd", "evaluate")
  assert said == "fd: all runs of a setting score the same (20 runs, 2 evaluations)"
  (first, second) = findings.decide(scored.found(path))
  assert (first.decides, second.decides) == (True, False)
  assert first.about["protocol"] == "aa"  # of seed 0
  alone = scored.scores(scored.write(tmp_path / "v", {"fd@aa": 1}))
  assert variance_tables.splits(alone).blocks == []
  assert "not measured; `evaluate --seed=1` does" in variance_tables.variance_sentence(
    alone, "fd", "evaluate"
  )
