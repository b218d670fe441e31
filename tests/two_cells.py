"""A study of two small cells, and whether two workdirs hold the same of it."""

import json
import pathlib

from systems import assert_trees_equal
from trainings import CONFIG

import genjax

ROOT = pathlib.Path(genjax.__file__).parents[1]
SMALL = {"steps": 4, "eval_every": 2, "log_every": 1, "grid.width": (8, 12)}
FLAGS = [f"{CONFIG}:vae", *(f"--config.{key}={value}" for key, value in SMALL.items())]
FOLDERS = ["width=8", "width=12"]


def assert_same(path, whole):
  """Every figure of every run, and every weight, to the last bit."""
  for folder in FOLDERS:
    for name in ("metrics.csv", "runs.csv"):
      # Of runs that were gathered, figures of one step may be in another order.
      texts = [(place / folder / name).read_text() for place in (path, whole)]
      assert sorted(texts[0].split("\n")) == sorted(texts[1].split("\n"))
    for run, other in zip(genjax.load(path / folder), genjax.load(whole / folder), strict=True):
      assert_trees_equal(run.state, other.state)
    records = [json.loads((place / folder / "config.json").read_text()) for place in (path, whole)]
    for record in records:
      record["config"]["sweep"]["seeds_at_once"] = 0
    assert records[0]["config"] == records[1]["config"]
