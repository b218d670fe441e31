"""Every system of S1 to S4 for a few minutes each: `python launch/systems.py --workdir=systems`.

Trains one seed of each on its own dataset, as its config says but for fewer steps (and what the
table below changes), and goes on where it stopped. Leaves mnist.png and cifar10.png, a row of
samples for each system, and prints how far each came.
"""

import csv
import pathlib
import subprocess
import sys
from typing import NamedTuple

import jax
import numpy as np
from absl import flags

import genjax
from genjax import command, galleries, plots, workdir
from genjax.types import UserError, latent_noise

_WORKDIR = flags.DEFINE_string("workdir", None, "Folder for what the systems leave.")

COLUMNS = 12
# Clipping and a rate of 5e-5 need tens of thousands of steps: S0's rate, and a small batch.
WGAN = {"sweep.learning_rate": "(5e-4,)", "batch_size": 32}


class System(NamedTuple):
  title: str
  config: str
  steps: int
  changes: dict = {}  # noqa: RUF012 (never written to)


SYSTEMS = {
  "mnist": (
    System("S1 VAE", "vae_mnist.py:s1", 2000),
    System("S1 GAN", "gan_mnist.py:s1", 400),
    System("S1 WGAN", "wgan_mnist.py:s1", 500, WGAN),
    System("S2 VAE", "vae_mnist.py:s2", 2000),
    System("S2 GAN", "gan_mnist.py:s2", 3000),
    System("S2 WGAN", "wgan_mnist.py:s2", 2000, {"sweep.learning_rate": "(5e-4,)"}),
    System("S3 VAE", "vae_mnist.py:s3", 2000),
    System("S3 GAN", "gan_mnist.py:s3", 3000),
    System("S3 WGAN", "wgan_mnist.py:s3", 2000, {"sweep.learning_rate": "(5e-4,)"}),
    System("S4 VAE", "vae_mnist.py:s4", 1000),
    System("S4 GAN", "gan_mnist.py:s4", 400),
    System("S4 conditional GAN", "cgan_mnist.py:s4", 400),
  ),
  "cifar10": (
    System("S1 VAE", "vae_cifar10.py:s1", 800),
    System("S1 GAN", "gan_cifar10.py:s1", 400),
    System("S1 WGAN", "wgan_cifar10.py:s1", 500, WGAN),
    System("S2 VAE", "vae_cifar10.py:s2", 2000),
    System("S2 GAN", "gan_cifar10.py:s2", 3000),
    System("S2 WGAN", "wgan_cifar10.py:s2", 2000, {"sweep.learning_rate": "(5e-4,)"}),
  ),
}


def train(system: System, path: pathlib.Path) -> None:
  changes = {
    "steps": system.steps,
    "epochs": 0.0,
    "eval_every": system.steps // 4,
    "log_every": system.steps // 40,
    "sweep.seeds": "(0,)",
  } | system.changes
  overrides = [f"--config.{key}={value}" for key, value in changes.items()]
  main = [sys.executable, "-m", "genjax.main", f"--workdir={path}"]
  subprocess.run([*main, f"--config=configs/{system.config}", *overrides], check=True)


def samples(path: pathlib.Path) -> np.ndarray:
  """The last weights' images, `[COLUMNS, H, W, C]`; a conditional model's of classes 0, 1, ..."""
  (run,) = genjax.load(path, weights="last")
  z = latent_noise(jax.random.key(0), (COLUMNS, run.numbers["latent"]))
  label = np.arange(COLUMNS) % 10 if "cgan" in path.name else None
  return np.asarray(jax.jit(run.generate)(z, label))


def progress(path: pathlib.Path) -> str:
  """What a validation figure was at the first and at the last validation."""
  figures = {}
  with open(path / "metrics.csv") as file:
    for row in csv.DictReader(file):
      figures.setdefault(row["name"], []).append(float(row["value"]))
  kinds = {"val_loss": "ELBO loss", "val_swd": "sliced Wasserstein", "val_critic_gap": "gap"}
  parts = [
    f"{title} {figures[name][0]:.4g} to {figures[name][-1]:.4g}"
    for name, title in kinds.items()
    if name in figures
  ]
  return ", ".join(parts)


def main() -> None:
  if not _WORKDIR.value:
    raise UserError("--workdir is missing; name a folder for what the systems leave")
  home = pathlib.Path(_WORKDIR.value)
  for dataset, systems in SYSTEMS.items():
    rows, labels = [], []
    for system in systems:
      path = home / system.config.replace(".py:", "_")
      if not workdir.finished(path):
        train(system, path)
      rows.append(samples(path))
      labels.append(plots.RunLabel(0, f"{system.title}, {system.steps:,} steps", -1))
      print(f"{dataset} {system.title}: {system.steps:,} steps, {progress(path)}", flush=True)
    figure = galleries.gallery(np.stack(rows), labels, footnote="One seed of each; last weights.")
    plots.save(figure, home / f"{dataset}.png")


if __name__ == "__main__":
  command.run(main)
