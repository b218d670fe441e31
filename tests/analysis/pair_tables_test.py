"""Tables of pairs of settings, from workdirs written by hand."""

import math

import numpy as np
import pytest
import scored
from scored import notes, numbers, rows

from genjax.analysis import findings, pair_tables

NAN = math.nan


def many(folder, seeds, *shifts, name="fd", shuffled=False, **options):
  """A workdir for each shift, whose runs differ by less than the shifts do."""
  made = []
  for i, shift in enumerate(shifts):
    values = shift * np.linspace(1, 1.01, seeds)
    values = np.random.default_rng(i).permutation(values) if shuffled else values
    made.append(scored.write(folder / f"w{i}", {f"{name}@aa": values}, seeds, **options))
  return made


def test_pairs_of_seeds_that_agree_are_compared_by_seed_and_adjusted_together(tmp_path):
  table = pair_tables.pairs(scored.found(*many(tmp_path, 10, 1, 2, 2)))
  found = rows(table)
  assert [(row["a"], row["b"]) for row in found] == [("w0", "w1"), ("w0", "w2"), ("w1", "w2")]
  assert [row["paired"] for row in found] == ["by seed"] * 3  # of one order in all settings
  assert [row["probability"] for row in found] == ["1", "1", "0.5"]
  p = 2 / 2**10  # all ten swaps alike
  np.testing.assert_allclose([float(row["p"]) for row in found], [p, p, 1], rtol=1e-5)
  np.testing.assert_allclose([float(row["p_holm"]) for row in found], [3 * p, 3 * p, 1], rtol=1e-5)
  assert [row["verdict"] for row in found] == ["A", "A", "no difference shown"]
  assert notes(table) == [
    "paired by seed, as seeds rank alike in these settings (Kendall's W, p < 0.001)"
  ]
  two = pair_tables.pairs(scored.found(*many(tmp_path / "b", 10, 1, 1, shuffled=True)))
  (row,) = rows(two)
  assert (row["paired"], notes(two)) == ("no", [])


def test_higher_may_be_better_and_what_has_no_better_end_is_not_compared(tmp_path):
  (row,) = rows(
    pair_tables.pairs(scored.found(*many(tmp_path / "a", 10, 0.1, 0.2, name="coverage")))
  )
  assert (row["probability"], row["verdict"]) == ("0", "B")
  for name in ("sharpness", "mine"):
    found = scored.found(*many(tmp_path / name, 10, 1, 2, name=name))
    assert pair_tables.pairs(found).blocks == []


def test_no_winner_with_nine_seeds(tmp_path):
  table = pair_tables.pairs(scored.found(*many(tmp_path, 9, 1, 2)))
  (row,) = rows(table)
  assert float(row["p_holm"]) < 0.05
  assert row["verdict"] == "not enough seeds"
  assert "with less than 10 seeds of each, no winner is named" in notes(table)


def test_failures_are_in_the_table_of_pairs_whatever_their_weights_score(tmp_path):
  """Best weights of before the failure are at hand of all ten runs, and better than b's."""
  a = scored.write(tmp_path / "a", {"fd@aa": np.linspace(1, 2, 10)}, 10, failed=range(8))
  b = scored.write(tmp_path / "b", {"fd@aa": np.linspace(3, 4, 10)}, 10)
  table = pair_tables.pairs(scored.found(a, b))
  (row,) = rows(table)
  assert numbers(row, "n_a", "failed_a", "failed_b", "probability") == [10, 8, 0, 0.2]
  assert row["verdict"] != "A"
  assert "8 of 8 failed runs have a figure from before the failure" in notes(table)[0]


def test_one_measure_decides_and_the_others_describe(tmp_path):
  spread = np.random.default_rng(0).random((2, 10))
  a = scored.write(tmp_path / "a", {"fd@aa": 1 + spread[0], "kd@aa": spread[1]}, 10)
  b = scored.write(tmp_path / "b", {"fd@aa": 9 - spread[1], "kd@aa": 9 - spread[0]}, 10)
  table = pair_tables.pairs(findings.decide(scored.found(a, b)))
  assert [(row["score"], row["verdict"]) for row in rows(table)] == [
    ("fd", "A"),
    ("kd", "descriptive"),
  ]
  assert "one score decides, over all its pairs at 5%" in notes(table)[0]


# Past the floor.


@pytest.mark.parametrize("name", ["density", "precision", "emd"])
def test_nothing_is_better_than_real_images(tmp_path, name):
  """Blur's density of 2.04 is no better than a model's of 1.1, where real images have 0.99."""
  group = {"emd": "images"}.get(name, "features")
  floor = {"density": 0.99, "precision": 0.87, "emd": 6.27}[name]
  protocols = {"aa": scored.protocol(group=group, floor={name: floor})}
  spread = np.random.default_rng(0).random((2, 10)) / 100
  beyond = {"density": (2.04, 1.1), "precision": (0.997, 0.9), "emd": (5.22, 6.1)}[name]
  paths = [
    scored.write(tmp_path / str(i), {f"{name}@aa": base + spread[i]}, 10, protocols=protocols)
    for i, base in enumerate(beyond)
  ]
  table = pair_tables.pairs(scored.found(*paths))
  (row,) = rows(table)
  assert (row["verdict"], row["probability"]) == ("no difference shown", "0.5")
  assert f"figures better than real images' count as {floor}" in notes(table)[0]
  worse = scored.write(
    tmp_path / "worse", {f"{name}@aa": floor * (2 if name == "emd" else 0.5) + spread[1]}, 10,
    protocols=protocols,
  )  # fmt: skip
  (row,) = rows(pair_tables.pairs(scored.found(paths[0], worse)))
  assert row["verdict"] == "A"


def test_what_needs_a_floor_has_no_verdict_without(tmp_path):
  protocols = {"aa": scored.protocol(floor={})}
  paths = many(tmp_path, 10, 1, 2, name="density", protocols=protocols)
  assert pair_tables.pairs(scored.found(*paths)).blocks == []
  assert pair_tables.pairs(scored.found(*many(tmp_path / "b", 10, 1, 2, name="fd"))).blocks
  lengths = many(tmp_path / "c", 10, 0.001, 2, name="path_length")
  assert pair_tables.pairs(scored.found(*lengths)).blocks == []


def test_a_run_that_was_not_scored_is_in_no_pair_and_a_failed_one_loses(tmp_path):
  a = scored.write(tmp_path / "a", {"fd@aa": [1, 1, NAN, NAN]}, 4, failed=(2,))
  b = scored.write(tmp_path / "b", {"fd@aa": [2, 2, 2, 2]}, 4)
  (row,) = rows(pair_tables.pairs(scored.found(a, b)))
  assert numbers(row, "n_a", "n_b", "failed_a", "failed_b") == [3, 4, 1, 0]
  assert row["paired"] == "no"  # as they have not the same seeds
  np.testing.assert_allclose(float(row["probability"]), 2 / 3, rtol=1e-6)


def test_ten_seeds_of_eight_settings_can_conclude(tmp_path):
  """Signed ranks could not: 28 pairs of p 0.002 each."""
  table = pair_tables.pairs(scored.found(*many(tmp_path, 10, *range(1, 9))))
  assert len(rows(table)) == 28
  assert {row["verdict"] for row in rows(table)} == {"A"}
  assert notes(table) == []


def test_each_protocol_is_a_family_of_its_own(tmp_path):
  protocols = {key: scored.protocol(f"net-{key}") for key in ("aa", "bb")}
  paths = [
    scored.write(
      tmp_path / name, dict.fromkeys(("fd@aa", "fd@bb"), shift + np.arange(10) / 99), 10,
      protocols=protocols,
    )
    for name, shift in (("a", 0), ("b", 1))
  ]  # fmt: skip
  found = rows(pair_tables.pairs(scored.found(*paths)))
  assert [row["features"] for row in found] == ["net-aa", "net-bb"]
  assert all(row["p"] == row["p_holm"] for row in found)


def test_nothing_makes_no_table():
  assert pair_tables.pairs([]).blocks == []
