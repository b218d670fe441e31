"""Tables of one figure a run."""

import math

import numpy as np
import pytest

from genjax.analysis import run_tables
from genjax.analysis.run_tables import Figure
from genjax.plotting import tables


def _setting(values, failed=()):
  return {seed: Figure(value, seed in failed) for seed, value in enumerate(values)}


def test_middles_and_counts_by_hand():
  found = {
    "a": _setting([1, 2, 3, 4, 5, 6, 7, 8, 9, 20.0]),
    "b": _setting([4.0, math.nan, 6.0], failed=(1, 2)),
    "c": _setting([math.nan], failed=(0,)),
  }
  table = run_tables.middles([("Title", {"error": "x"}, found)])
  a, b, c = table.blocks[0].rows
  assert a[:3] == ("a", 10, 0)
  assert a[3] == (5.5, 2, 9)
  half = 2.262157 * np.std([1, 2, 3, 4, 5, 6, 7, 8, 9, 20], ddof=1) / np.sqrt(10)
  np.testing.assert_allclose(a[4], (6.5, 6.5 - half, 6.5 + half), rtol=1e-5)
  assert b[:3] == ("b", 2, 2)
  assert b[3].value == 5
  assert math.isinf(b[3].low)
  assert c[:3] == ("c", 0, 1)
  text = tables.text(table)
  assert "1 of 3 failed runs count in n too" in text
  assert "the interval of the median takes 6 runs" in text


def test_no_winner_below_ten_seeds_and_one_from_ten():
  few = {"a": _setting([1.0] * 3), "b": _setting([2.0] * 3)}
  (row,) = run_tables.pairs([("Title", {}, few)]).blocks[0].rows
  assert row[-1] == "not enough seeds"
  values = np.arange(10.0)
  many = {"a": _setting(values), "b": _setting(values + 20)}
  (row,) = run_tables.pairs([("Title", {}, many)]).blocks[0].rows
  assert row[-1] == "A"
  assert row[9] == pytest.approx(2 / 2**10)  # p of ten signs that are all the same
  assert run_tables.pairs([("Title", {}, {"a": _setting([1.0])})]).blocks == []


def test_each_run_has_a_line():
  columns = {"x": {"a": _setting([1.0, 2.0], failed=(1,))}, "y": {"a": _setting([3.0, math.nan])}}
  text = tables.csv_text(run_tables.runs(columns, {"weights": "best"}))
  assert text == "weights,setting,seed,failed,x,y\nbest,a,0,no,1,3\nbest,a,1,yes,2,\n"


def test_a_figure_that_came_out_as_nan_is_said():
  found = {"a": _setting([1.0, math.nan, math.nan], failed=(2,)), "b": _setting([2.0, 3.0, 4.0])}
  line = "Title: 1 of 6 runs have no figure, as it came out as NaN: they are in no column"
  middles = run_tables.middles([("Title", {}, found)])
  assert middles.blocks[0].rows[0][:3] == ("a", 1, 1)
  assert line in middles.blocks[0].notes
  (block,) = run_tables.pairs([("Title", {}, found)]).blocks
  assert block.rows[0][2:6] == (2, 3, 1, 0)  # in neither; the failed run is in both
  assert line in block.notes
  alone = {"a": _setting([math.nan]), "b": _setting([2.0])}
  assert run_tables.pairs([("Title", {}, alone)]).blocks == []
