"""Images that other programs generated, scored as those of a training are.

Their scores lie in a folder as a workdir's do, so that both stand in the same tables.
"""

import pathlib
from collections.abc import Sequence

import ml_collections
import numpy as np
from absl import logging

from genjax import data, files
from genjax.metrics import catalogue
from genjax.metrics.catalogue import SCORES
from genjax.scoring import feature_networks, score_files
from genjax.scoring.evaluation import LEAST, Asked, Evaluation, check_images
from genjax.scoring.protocols import RunBlock, Settings
from genjax.scoring.score_files import Place
from genjax.training import config_file, metrics_file, planning, workdir
from genjax.types import Model, UserError, now

FILES = r"config\.json|runs\.csv|metrics\.csv|protocols\.json|\.scores\.lock(\.owner)?|.*\.partial"
BEST = "best"  # of whoever generated them; so their protocols are those of trained runs
# A model of which nothing is known but its images.
_NOTHING = Model(init=None, step=None, generate=None, diagnose=None, latent=0, criterion="")


def possible(slow: bool = False) -> list[str]:
  """The scores of images alone; with those that take minutes, or without."""
  return [
    name for name, score in SCORES.items() if catalogue.of_images(name) and (slow or not score.slow)
  ]


def reference(name: str, shape: tuple, directory: str = "", cache: str = "") -> data.Splits:
  """Real images of this shape.

  Args:
    name: a dataset, as `data.load` takes it, whose images are fitted in size and colour; or a
      workdir, of which the images of its runs are taken, split as these had them.
    shape: H, W, C.
    directory, cache: as of `data.load`.

  Raises:
    UserError: they cannot be had in this shape.
  """
  of_runs = (pathlib.Path(name) / "config.json").is_file()
  if of_runs:
    record = config_file.read_config(pathlib.Path(name))
    if "images" in record:
      raise UserError(f"{name} has scores of images, and no data to hold others against")
    splits = planning.reload_data(ml_collections.ConfigDict(record["config"]), directory)
  else:
    splits = data.load(name, directory, cache=cache)
  if splits.train.image.shape[1:] == shape:
    return splits
  height, width, channels = shape
  if height != width or of_runs:
    other = "" if of_runs else ", or squares"
    raise UserError(
      f"the images are {height} x {width}, and those of {splits.source} "
      f"{' x '.join(map(str, splits.train.image.shape[1:3]))}; expected the same{other}"
    )
  if splits.train.image.shape[-1] != channels:
    logging.warning(
      "%s is %s, and the images are not: it is made as they are, and these scores can be compared "
      "with those of such images alone.",
      splits.source,
      "grey" if channels == 3 else "coloured",
    )
  return data.load(name, directory, size=height, channels=channels, cache=cache)


def write(
  out: pathlib.Path,
  runs: Sequence[np.ndarray],
  splits: data.Splits,
  names: Sequence[str],
  settings: Settings,
  networks: int = 1,
  features: str = "",
) -> None:
  """Scores images, and writes a folder that `compare` reads as it reads a workdir.

  Args:
    out: the folder; one of this function's is replaced.
    runs: of each run images [N, H, W, C] uint8, as many as held-out ones are compared with them:
      of all runs the fewest, at most `settings.images`.
    splits: real images of the same shape.
    names: scores; those of `possible` where empty, and ("all",) for the slow ones as well.
    settings: which real images, how many, and the seed of what is random in scores.
    networks, features: as of `feature_networks.load`.

  Raises:
    UserError: the images are too few or of unequal shapes, a score cannot be had of images alone,
      or the folder is somebody else's.
  """
  shapes = {images.shape[1:] for images in runs}
  if len(shapes) > 1:
    raise UserError(f"the images are of unequal shapes: {', '.join(map(str, sorted(shapes)))}")
  fewest = min(len(images) for images in runs)
  if fewest < LEAST:
    raise UserError(f"scores need {LEAST} images or more, and there are {fewest}")
  held = len(getattr(splits, settings.split).label)
  settings = settings._replace(images=min(settings.images, fewest, held))
  wanted = () if tuple(names) == ("all",) else tuple(names)
  names = list(wanted) or possible(slow=bool(names))
  _check(names)
  check_images((), splits, settings, "--metrics")
  seen = feature_networks.load(splits, "", features, networks, names)
  evaluation = Evaluation(_NOTHING, splits, settings, seen, 1, names=names, cache="")
  if wanted:
    evaluation.check(names, "--metrics")
  if (out / "metrics.csv").exists():
    logging.warning("%s: these scores take the place of those that it had", out)
  with files.folder(out, FILES) as folder:
    record = {"config": {"data": {}, "model": {}}, "dataset": planning.facts_of(splits)}
    config_file.settle(folder, record, {"images": len(runs), "date": now()})
    numbers = [{"seed": seed, "latent": 0} for seed in range(len(runs))]
    result = {"status": "done", "best_step": 0, "last_step": 0, "trouble": ""}
    workdir.write_runs(folder, numbers, [result] * len(runs))
    metrics_file.write(folder / "metrics.csv")
    # Files and folders are often in the order of classes, and the first images stand for all.
    runs = [images[_chosen(len(images), settings)] for images in runs]
    for asked in evaluation.asked(names, BEST):
      score_files.note(folder, asked.key, asked.protocol, asked.names, asked.group.floor)
      for run, images in enumerate(runs):
        score_files.add(folder, _measured(asked, run, images))


def _chosen(count: int, settings: Settings) -> np.ndarray:
  """Which of so many images are compared, in a random order that is always the same."""
  return np.random.default_rng(settings.seed).permutation(count)[: settings.images]


def _check(names: Sequence[str]) -> None:
  for name in names:
    if not catalogue.of_images(name):
      raise UserError(f"--metrics has {name!r}, which images alone do not support")


def _measured(asked: Asked, run: int, images: np.ndarray) -> dict[Place, float]:
  block = RunBlock(None, None, lambda _: images[None])  # which are there
  values = asked.group.measure(block, set(asked.names))
  return {Place(name, asked.key, run, 0): float(values[name][0]) for name in asked.names}
