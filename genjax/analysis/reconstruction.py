"""What VAEs make of test images: the errors of all runs, pictures of some."""

import pathlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from genjax import files
from genjax.analysis import (
  findings,
  measures,
  pair_tables,
  reconstructions,
  selection,
  test_images,
)
from genjax.analysis.measures import Measure
from genjax.analysis.reconstructions import ERRORS, Reconstructions
from genjax.analysis.selection import Selection
from genjax.metrics import pixels
from genjax.plotting import galleries, latent_plots, plots
from genjax.types import UserError

NAMES = r"(reconstructions|latents)\.png|errors(_\w+)?\.csv"  # of the files that it writes
COLUMNS = 10
POINTS = 2000  # of a scatter
MOST_RUNS = 9  # that pictures show
MEANINGS = "mse of a pixel, terms of the bound in nats an image"  # of the columns


class ReconstructionFlags(NamedTuple):
  """What the flags of `genjax.reconstruct` ask for."""

  runs: tuple[str, ...] = ()  # as `selection.read` takes them
  weights: str = "best"
  images: tuple[str, ...] = ()  # places of test images; () for some of different classes
  count: int = 10_000
  seed: int = 0
  out: str = ""
  data: str = ""  # where the data lie now


def errors(
  selections: Sequence[Selection], measured: Sequence[dict], about: dict[str, str]
) -> list[Measure]:
  """Of each run's errors on the images; `about` says how they were measured."""
  return [
    measures.of_selections(
      name,
      title,
      better,
      [
        (one, np.where(one.lost, np.nan, of_one[name]))
        for one, of_one in zip(selections, measured, strict=True)
      ],
      about={"error": name} | about,
      limits=limits,
      headline=name,
    )
    for name, (title, better, limits) in ERRORS.items()
  ]


def gallery(
  selections: Sequence[Selection], images: np.ndarray, classes: np.ndarray
) -> plots.Figure:
  """For each run the images `[M, H, W, C]` uint8 above what it makes of them."""
  rows, labels = [], []
  for one in selections:
    for label, made in zip(one.labels, reconstructions.reconstructed(one, images), strict=True):
      rows += [images, pixels.to_bytes(made)]
      labels += [label._replace(failed_at=-1, about="real"), label]
  return galleries.gallery(
    np.stack(rows),
    labels,
    [f"class {plots.drawable(selections[0].saved.classes)[k]}" for k in classes],
    "Test images, and what each run makes of them",
    "A run's images are decoded from the means of its encoder.",
  )


def scatter(
  selections: Sequence[Selection], means: Sequence[np.ndarray], classes: np.ndarray
) -> plots.Figure:
  """A panel for each run, of its means [N, Z]."""
  labels = [label for one in selections for label in one.labels]
  names = [
    f"{label.setting or one.name}, seed {label.seed}" for one in selections for label in one.labels
  ]
  latents = [row["latent"] for one in selections for row in one.numbers]
  planes = [latent_plots.plane(mean, latent) for mean, latent in zip(means, latents, strict=True)]
  return latent_plots.scatter(
    planes, classes, labels, names, plots.drawable(selections[0].saved.classes)
  )


def check(selections: Sequence[Selection]) -> None:
  """Raises `UserError` for models without encoder or decoder, and for images of unequal shapes."""
  for one in selections:
    if None in (one.model.encode, one.model.decode):
      lacking = "decoder" if one.model.encode else "encoder"
      raise UserError(
        f"--workdir={one.path}: its model has no {lacking}; python -m genjax.interpolate "
        f"--workdir={one.path} --what=images finds the latents nearest to images"
      )
  test_images.check_shapes(selections)


def reconstruct(
  folders: Sequence[str | pathlib.Path], wanted: ReconstructionFlags, everything: bool = False
) -> str:
  """Writes pictures and tables, and returns what is to be printed: the finding, or every table.

  Raises:
    UserError: a folder is not a workdir, its model has no encoder, the data are gone, or the folder
      for pictures cannot be written, or holds other files than this command's.
  """
  selections = selection.read(folders, wanted.runs, wanted.weights)
  check(selections)
  test = test_images.splits(selections, wanted.data).test
  images, classes = np.asarray(test.image), np.asarray(test.label)
  places = test_images.places(wanted.images, classes, COLUMNS)
  inside = pathlib.Path() if folders[1:] else pathlib.Path(folders[0])
  out = pathlib.Path(wanted.out) if wanted.out else inside / "reconstruction"
  files.check_folder(out, NAMES)
  count = min(len(images), wanted.count)
  measured = [reconstructions.measure(one, images[:count], wanted.seed) for one in selections]
  about = {"weights": wanted.weights, "noise_seed": str(wanted.seed), "images": str(count)}
  first = findings.decide(errors(selections, [one.errors for one in measured], about))
  shown, notes = selection.for_figures(selections, bool(wanted.runs), MOST_RUNS)
  means = _means(shown, selections, measured)
  contents = {
    "reconstructions.png": plots.png(gallery(shown, images[places], classes[places])),
    "latents.png": plots.png(scatter(shown, means, classes[: len(means[0])])),
  }
  contents |= pair_tables.files("errors", first)
  files.write_folder(out, NAMES, contents)
  head = (
    f"Errors on {count:,} test images, {wanted.weights} weights, sampled latents of noise seed "
    f"{wanted.seed}"
  )
  told = findings.printed("errors", first, head, MEANINGS, out, everything)
  lines = [*(f"note: {note}\n" for note in notes), f"{out}: {', '.join(contents)}\n"]
  return "\n".join([told, "".join(lines)])


def _means(
  shown: Sequence[Selection], selections: Sequence[Selection], measured: Sequence[Reconstructions]
) -> list[np.ndarray]:
  """Of each run that is shown, those of the images that a scatter has room for: [N, Z]."""
  return [
    of_all.mean[all_runs.index.index(i), :POINTS]
    for all_runs, of_all in zip(selections, measured, strict=True)
    for one in shown
    if one.path == all_runs.path
    for i in one.index
  ]
