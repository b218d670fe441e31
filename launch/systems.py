"""Every system of S1 to S4, and what goes beyond: `python launch/systems.py --workdir=systems`.

Trains one seed of each on its own dataset: of a config alone all of its steps, of the others fewer,
as the table below says; and goes on where it stopped. Leaves mnist.png and cifar10.png, a row of
samples for each, and prints how far each came, as the tables of BUILD.md.
"""

import pathlib
import subprocess
import sys
from typing import NamedTuple

import jax
import numpy as np
from absl import flags

import genjax
from genjax import checkpoint, command, galleries, plots, workdir
from genjax.types import UserError, latent_noise

_WORKDIR = flags.DEFINE_string("workdir", None, "Folder for what the systems leave.")

_DATASETS = flags.DEFINE_multi_enum(
  "datasets", ["mnist", "cifar10"], ["mnist", "cifar10"], "Whose systems."
)

COLUMNS = 12
CONFIGS = pathlib.Path(__file__).resolve().parents[1] / "configs"


class System(NamedTuple):
  title: str
  config: str
  steps: int = 0  # 0 for all that the config says
  changes: tuple[str, ...] = ()
  run: int = 0  # whose samples are shown


# A rate of 5e-5 needs tens of thousands of steps: S0's.
FAST = ("--config.sweep.learning_rate=(5e-4,)",)
SMALL = ("--config.batch_size=64",)
AVERAGED = ("--config.sweep.ema_decay=(0.99,)",)
# At their own width the GANs that have these draw nothing in the steps that minutes of a CPU allow.
NARROW = ("--config.model.width=32", "--config.batch_size=32")
NARROWER = ("--config.model.width=16", "--config.batch_size=64")
SYSTEMS = {
  "mnist": (
    System("S1 VAE", "vae_mnist.py:s1", 2000),
    System("S1 GAN, an eighth as wide", "gan_mnist.py:s1", 3000, NARROWER),
    System("S1's WGAN, GAN loss", "gan_mnist.py"),
    System("S1 WGAN", "wgan_mnist.py:s1", 200, (*FAST, *SMALL, *AVERAGED)),
    System("S2 VAE", "vae_mnist.py:s2", 2000),
    System("S2 GAN", "gan_mnist.py:s2", 2000),
    System("S2 WGAN", "wgan_mnist.py:s2", 2000, FAST),
    System("S3 VAE", "vae_mnist.py:s3", 2000),
    System("S3 GAN", "gan_mnist.py:s3", 2000),
    System("S3 WGAN", "wgan_mnist.py:s3", 2000, FAST),
    System("S4 VAE", "vae_mnist.py:s4", 800),
    System("S4 GAN, a quarter as wide", "gan_mnist.py:s4", 4000, NARROW),
    System("S4 conditional GAN, a quarter as wide", "cgan_mnist.py:s4", 4000, NARROW),
    System("S1's WGAN, GAN loss, conditional", "cgan_mnist.py"),
    System("S1's GAN, WGAN-GP", "wgan_gp_mnist.py"),
    System("IWAE", "vae_mnist.py:iwae", 2000),
  ),
  "cifar10": (
    System("S1 VAE", "vae_cifar10.py:s1", 600, ("--config.batch_size=32",)),
    System("S1 GAN, an eighth as wide", "gan_cifar10.py:s1", 2000, NARROWER),
    System("S1's WGAN, GAN loss", "gan_cifar10.py"),
    System("S1 WGAN", "wgan_cifar10.py"),
    System("S2 VAE", "vae_cifar10.py:s2", 1000),
    System("dense VAE", "vae_cifar10.py", run=1),
    System("S2 GAN", "gan_cifar10.py:s2", 2000),
    System("S2 WGAN", "wgan_cifar10.py:s2", 1000, FAST),
    System("S1's WGAN, conditional, GAN loss", "cgan_cifar10.py"),
    System("S1's WGAN, WGAN-GP", "wgan_gp_cifar10.py"),
  ),
}


def train(system: System, path: pathlib.Path) -> None:
  shorter = ()
  if system.steps:
    every = (system.steps, system.steps // 4, system.steps // 40)
    names = ("steps", "eval_every", "log_every")
    shorter = tuple(f"--config.{name}={n}" for name, n in zip(names, every, strict=True))
    shorter += ("--config.epochs=0.0",)
  main = [sys.executable, "-m", "genjax.main", f"--workdir={path}"]
  config = [f"--config={CONFIGS / system.config}", "--config.sweep.seeds=(0,)"]
  subprocess.run([*main, *config, *shorter, *system.changes], check=True)


def samples(run: checkpoint.LoadedRun) -> np.ndarray:
  """Images `[COLUMNS, H, W, C]`; a conditional model's of classes 0, 1, ..."""
  z = latent_noise(jax.random.key(0), (COLUMNS, run.numbers["latent"]))
  return np.asarray(jax.jit(run.generate)(z, np.arange(COLUMNS) % 10))


def progress(path: pathlib.Path, run: int) -> str:
  """What a run's validation figures were at the first and at the last validation."""
  kinds = {"val_loss": "loss", "val_swd": "sliced Wasserstein", "val_critic_gap": "critic gap"}
  parts = []
  for name, title in kinds.items():
    if figures := workdir.read_metric(path, name).get(run):
      (first, before), (last, after) = figures[0], figures[-1]
      parts.append(f"{title} {before:.4g} at {first:,} and {after:.4g} at {last:,}")
  return ", ".join(parts)


def main() -> None:
  if not _WORKDIR.value:
    raise UserError("--workdir is missing; name a folder for what the systems leave")
  home = pathlib.Path(_WORKDIR.value)
  for dataset in _DATASETS.value:
    rows, labels = [], []
    for system in SYSTEMS[dataset]:
      path = home / system.config.replace(".py", "").replace(":", "_")
      if not workdir.finished(path):
        train(system, path)
      run = genjax.load(path, weights="last")[system.run]
      batch = workdir.read_config(path)["config"]["batch_size"]
      latent, seed = run.numbers["latent"], run.numbers["seed"]
      rows.append(samples(run))
      labels.append(plots.RunLabel(seed, system.title, run.failed_at))
      config = f"`{' '.join((system.config, *system.changes))}`"
      cells = system.title, config, f"{latent}, {batch}, {run.step:,}"
      print("| " + " | ".join((*cells, progress(path, system.run))) + " |", flush=True)
    figure = galleries.gallery(
      np.stack(rows), labels, footnote="Last weights, averaged where the config averages them."
    )
    plots.save(figure, home / f"{dataset}.png")


if __name__ == "__main__":
  command.run(main)
