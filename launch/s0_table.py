"""S0's table beside its report: `python launch/s0_table.py --workdir=s0`.

The workdir is what `python -m genjax.main --config=configs/vae_mnist.py:s0_study --workdir=s0` or
`:initialiser_study` leaves; models that are not trained to their end yet have no row. Losses are
those of the last step on the validation images, in nats a pixel; the intervals are Student's, 95%,
over seeds. The report does not say whether it printed the whole loss or a part.
"""

import pathlib

import numpy as np
from absl import flags

from genjax import cli
from genjax.metrics import statistics
from genjax.models import networks
from genjax.training import config_file, metrics_file, workdir
from genjax.types import UserError

_WORKDIR = flags.DEFINE_string("workdir", None, "What the study left.")

PIXELS = 28 * 28
REPORTED = {  # (hidden layers, latent) -> loss per pixel
  (2, 2): 0.177,
  (4, 2): 0.179,
  (8, 2): 0.186,
  (10, 2): 0.217,
  (12, 2): 0.217,
  (4, 10): 0.108,
  (4, 20): 0.099,
  (4, 30): 0.102,
  (4, 50): 0.101,
  (4, 75): 0.102,
}
NAMES = ("val_loss", "val_reconstruction", "val_kl")


def final(cell: pathlib.Path, name: str, latent: int) -> np.ndarray:
  """The last figure of a metric for each seed of a latent, in nats a pixel; NaN if it failed."""
  runs = [run for run in workdir.read_runs(cell) if int(run["latent"]) == latent]
  found = metrics_file.read_series(cell)
  last = [found[int(r["run"])][name].values[-1] if r["status"] == "done" else np.nan for r in runs]
  return np.array(last) / PIXELS


def shown(values: np.ndarray) -> str:
  """Mean and half of its 95% interval."""
  found = statistics.summary(values)
  return f"{found.mean:.4f} ± {(found.of_mean.high - found.of_mean.low) / 2:.4f}"


def main() -> None:
  if not _WORKDIR.value:
    raise UserError("--workdir is missing; name the folder that the study left")
  cells = {}  # (hidden layers, initialiser) -> folder
  for cell in workdir.homes(pathlib.Path(_WORKDIR.value)):
    model = config_file.read_config(cell)["config"]["model"]
    if workdir.finished(cell):
      cells[model["depth"], networks.default_of(model["network"], model["initialiser"])] = cell
  if not cells:
    raise UserError(f"no model in {_WORKDIR.value} is trained to its end; start the study again")
  print(
    "| hidden layers | latent | report | first weights | loss | reconstruction | KL | n | failed |"
  )
  print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
  for (depth, latent), reported in REPORTED.items():
    for (of, initialiser), cell in cells.items():
      if of == depth:
        columns = [final(cell, name, latent) for name in NAMES]
        figures = " | ".join(map(shown, columns))
        seeds, failed = len(columns[0]), np.isnan(columns[0]).sum()
        begun = f"{depth} | {latent} | {reported} | {initialiser}"
        print(f"| {begun} | {figures} | {seeds} | {failed} |")


if __name__ == "__main__":
  cli.run(main)
