"""Workdirs with scores, written by hand: what the tests of comparisons share."""

import csv
import json

import numpy as np

from genjax.analysis import measures, recorded_scores, workdirs
from genjax.plotting import tables

FLOORS = {"fd": 0.71, "coverage": 0.95, "recall": 0.9, "modes": 10, "memorised": 0.01, "swd": 0.02}


def protocol(features="mnist-0-3fa91c77", group="features", weights="best", **changes):
  return {
    "group": group,
    "rules": 1,
    "data": "mnist 3.0.1",
    "split": "test",
    "weights": weights,
    "real_images": 54000,
    "generated_images": 10000,
    "features": features,
    "seed": 0,
    "versions": {"jax": "0.10.2"},
    "floor": FLOORS,
  } | changes


def write(
  path,
  figures,
  seeds=3,
  latents=(10,),
  protocols=None,
  failed=(),
  source="mnist 3.0.1",
  status="done",
  first_seed=0,
  **numbers,
):
  """A workdir of `seeds` seeds at each latent, 12 steps long, best at 8.

  Args:
    path: its folder.
    figures: name in metrics.csv -> step -> values [R], NaN for a run that has none; or values [R]
      at the step of the weights that they are of.
    protocols: id -> record; {"aa": protocol()} where it is None.
    failed: places of the runs that failed, at step 12.
    first_seed: the others follow.
    numbers: more columns of runs.csv, each a number.
  """
  path.mkdir(parents=True)
  data = {"source": source, "image_shape": [28, 28, 1], "num_classes": 10}
  (path / "config.json").write_text(json.dumps({"config": {}, "dataset": data}))
  names = ["run", "seed", "latent", *numbers, "status", "best_step", "last_step"]
  every_seed = range(first_seed, first_seed + seeds)
  lines, places = [], [(latent, seed) for latent in latents for seed in every_seed]
  for run, (latent, seed) in enumerate(places):
    end = ["failed" if run in failed else status, 8, 12]
    lines.append([run, seed, latent, *numbers.values(), *end])
  text = "".join(",".join(map(str, line)) + "\n" for line in [names, *lines])
  (path / "runs.csv").write_text(text)
  rows = ["step,run,name,value\n"]
  protocols = {"aa": protocol()} if protocols is None else protocols
  for name, steps in figures.items():
    of = protocols.get(name.partition("@")[2], {}).get("weights", "best")
    steps = steps if isinstance(steps, dict) else {8 if of == "best" else 12: steps}
    for step, values in steps.items():
      known = enumerate(np.broadcast_to(values, len(places)))
      rows += [f"{step},{run},{name},{value:.7g}\n" for run, value in known if value == value]
  (path / "metrics.csv").write_text("".join(rows))
  if protocols:
    (path / "protocols.json").write_text(json.dumps(protocols))
  return path


def append(path, name, values, step=8):
  """Rows of metrics.csv: run -> value, NaN as well."""
  with open(path / "metrics.csv", "a") as file:
    file.writelines(f"{step},{run},{name},{value:.7g}\n" for run, value in values.items())


def scores(*paths, weights="best"):
  return recorded_scores.read(workdirs.read(paths), weights)


def found(*paths, weights="best"):
  """The measures of these scores."""
  return measures.of_scores(scores(*paths, weights=weights))


def rows(table):
  """The CSV as dictionaries."""
  return list(csv.DictReader(tables.csv_text(table).splitlines()))


def notes(table):
  return [note for block in table.blocks for note in block.notes]


def numbers(row, *names):
  return [float(row[name]) for name in names]
