"""The systems of S0 to S4 as reported: `python launch/systems.py --workdir=systems`.

Trains one seed of each at its own width, batch and rate, for as many steps as the table below says,
and scores it; goes on where it stopped. `--systems=gan_mnist.py:s1` takes only some. Leaves
mnist.png and cifar10.png, a row of samples for each, and prints the tables of BUILD.md.
"""

import pathlib
import runpy
import subprocess
import sys
import time
from typing import NamedTuple

import jax
import numpy as np
from absl import flags

import genjax
from genjax import cli
from genjax import config as genjax_config
from genjax.models import networks
from genjax.plotting import galleries, plots
from genjax.rng import latent_noise
from genjax.scoring import score_files
from genjax.training import config_file, loading, workdir
from genjax.training.planning import length
from genjax.types import UserError

_WORKDIR = flags.DEFINE_string("workdir", None, "Folder for what the systems leave.")
_SYSTEMS = flags.DEFINE_list("systems", [], "Such as gan_mnist.py:s1; all if empty.")
_SEED = flags.DEFINE_integer("seed", 0, "Of every system.", lower_bound=0)

COLUMNS = 12
FOOTNOTE = (
  "Last weights; a row is one run of a system, with the share of its steps where that is less."
)
CONFIGS = pathlib.Path(__file__).resolve().parents[1] / "configs"
SCORES = ("fd", "coverage")
HEADER = (
  "system", "`--config=configs/...`", "defaults of", "first weights", "latent, batch, steps",
  "of the config's steps", "images seen", "FD", "floor", "coverage", "seconds",
)  # fmt: skip


class System(NamedTuple):
  title: str
  config: str
  steps: int  # 0 for all of its report's


SYSTEMS = {
  "mnist": (
    System("S0 VAE", "vae_mnist.py:s0", 0),
    System("S1 VAE", "vae_mnist.py:s1", 0),
    System("S2 VAE", "vae_mnist.py:s2", 0),
    System("S3 VAE", "vae_mnist.py:s3", 0),
    System("S4 VAE", "vae_mnist.py:s4", 0),
    System("S0 GAN", "gan_mnist.py:s0", 0),
    System("S1 GAN", "gan_mnist.py:s1", 0),
    System("S2 GAN", "gan_mnist.py:s2", 0),
    System("S3 GAN", "gan_mnist.py:s3", 0),
    System("S4 GAN", "gan_mnist.py:s4", 0),
    System("S4 conditional GAN", "cgan_mnist.py:s4", 0),
    System("S0 WGAN", "wgan_mnist.py:s0", 4000),
    System("S1 WGAN", "wgan_mnist.py:s1", 0),
    System("S2 WGAN", "wgan_mnist.py:s2", 0),
    System("S3 WGAN", "wgan_mnist.py:s3", 0),
  ),
  "cifar10": (
    System("S0 VAE", "vae_cifar10.py:s0", 0),
    System("S1 VAE", "vae_cifar10.py:s1", 0),
    System("S2 VAE", "vae_cifar10.py:s2", 0),
    System("S0 GAN", "gan_cifar10.py:s0", 0),
    System("S1 GAN", "gan_cifar10.py:s1", 0),
    System("S2 GAN", "gan_cifar10.py:s2", 0),
    System("S0 WGAN", "wgan_cifar10.py:s0", 2000),
    System("S1 WGAN", "wgan_cifar10.py:s1", 0),
    System("S2 WGAN", "wgan_cifar10.py:s2", 0),
  ),
}


def train(system: System, path: pathlib.Path) -> None:
  """Trains and scores; how long each call trained is a line of a file beside the workdir."""
  shorter = ()
  if system.steps:
    every = (system.steps, max(system.steps // 4, 1), max(system.steps // 40, 1))
    names = ("steps", "eval_every", "log_every")
    shorter = tuple(f"--config.{name}={n}" for name, n in zip(names, every, strict=True))
  config = [f"--config={CONFIGS / system.config}", f"--config.sweep.seeds=({_SEED.value},)"]
  if not workdir.finished(path):
    begun = time.monotonic()
    _run("genjax.main", f"--workdir={path}", *config, *shorter)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(_seconds(path), "a") as file:
      file.write(f"{time.monotonic() - begun:.0f}\n")
  _run("genjax.evaluate", f"--workdir={path}", "--weights=last", f"--metrics={','.join(SCORES)}")


def _run(module: str, *arguments: str) -> None:
  """Runs a command, whose message and status are this one's where it fails."""
  if status := subprocess.run([sys.executable, "-m", module, *arguments], check=False).returncode:
    sys.exit(status)


def _seconds(path: pathlib.Path) -> pathlib.Path:
  return path.with_name(f"{path.name}.seconds")


def samples(run: loading.LoadedRun) -> np.ndarray:
  """Images `[COLUMNS, H, W, C]`; a conditional model's of classes 0, 1, ..."""
  z = latent_noise(jax.random.key(0), (COLUMNS, run.numbers["latent"]))
  return np.asarray(run.generate(z, np.arange(COLUMNS) % 10))


def share(system: System, path: pathlib.Path, run: loading.LoadedRun) -> str:
  """Of the steps of the system's own config those that the run took, as "66%" or "0.2%"."""
  file, _, variant = system.config.partition(":")
  config = runpy.run_path(str(CONFIGS / file))["get_config"](variant)
  images = config_file.read_config(path)["dataset"]["train"]
  percent = 100 * run.step / length(config, images)
  return f"{percent:.1f}%" if percent < 1 else f"{percent:.0f}%"


def row(system: System, path: pathlib.Path, run: loading.LoadedRun, taken: str) -> list[str]:
  """The cells of a table's row, as `HEADER` has them; `taken` is the run's share."""
  record = config_file.read_config(path)
  model, batch = record["config"]["model"], record["config"]["batch_size"]
  seen = run.step * batch * model.get("critic_steps", 1) // (1 + model.get("half_batches", False))
  scores = {place.name: (place, value) for place, value in score_files.read(path).items()}
  floors = score_files.read_protocols(path)
  figures = ["failed", "", ""]
  if all(name in scores for name in SCORES):
    (fd, distance), (_, coverage) = (scores[name] for name in SCORES)
    floor = floors[fd.protocol]["floor"]["fd"]
    figures = [f"{distance:.1f}", f"{floor:.2f}", f"{coverage:.3f}"]
  timed = _seconds(path)
  return [
    system.title,
    f"`{system.config}`",
    genjax_config.framework(model),
    networks.default_of(model["network"], model["initialiser"]),
    f"{run.numbers['latent']}, {batch}, {run.step:,}",
    taken,
    f"{seen:,}",
    *figures,
    f"{sum(map(int, timed.read_text().split())):,}" if timed.exists() else "",
  ]


def main() -> None:
  if not _WORKDIR.value:
    raise UserError("--workdir is missing; name a folder for what the systems leave")
  known = [system.config for systems in SYSTEMS.values() for system in systems]
  if unknown := set(_SYSTEMS.value) - set(known):
    raise UserError(f"--systems names {sorted(unknown)[0]}; expected some of {', '.join(known)}")
  home = pathlib.Path(_WORKDIR.value)
  for dataset, systems in SYSTEMS.items():
    table, rows, labels = [HEADER, ["---"] * len(HEADER)], [], []
    for system in systems:
      if _SYSTEMS.value and system.config not in _SYSTEMS.value:
        continue
      path = home / system.config.replace(".py", "").replace(":", "_")
      train(system, path)
      (run,) = genjax.load(path, weights="last")
      rows.append(samples(run))
      taken = share(system, path, run)
      title = system.title if taken == "100%" else f"{system.title}, {taken}"
      labels.append(plots.RunLabel(run.numbers["seed"], title, run.failed_at))
      table.append(row(system, path, run, taken))
    if rows:
      figure = galleries.gallery(np.stack(rows), labels, footnote=FOOTNOTE)
      plots.save(figure, home / f"{dataset}.png")
      print("\n".join(f"| {' | '.join(cells)} |" for cells in table), flush=True)


if __name__ == "__main__":
  cli.run(main)
