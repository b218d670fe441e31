"""Paths through latent spaces: what is drawn, what is measured, and the files they go to."""

import pathlib
from collections.abc import Sequence

import numpy as np

from genjax import data, files
from genjax.analysis import (
  findings,
  latent_pictures,
  pair_tables,
  path_pictures,
  selection,
  smoothness,
  test_images,
)
from genjax.analysis.picture_rows import InterpolationFlags, Pictures
from genjax.analysis.selection import Selection
from genjax.metrics import pixels
from genjax.plotting import animations, plots
from genjax.scoring import feature_networks
from genjax.types import UserError

WHAT = ("random", "images", "classes", "manifold", "traversal")
# Of the files that the command writes.
NAMES = r"(random|images|classes|manifold|traversal)(-[\w.=-]+)?\.(png|gif)|smoothness(_\w+)?\.csv"
MOST_RUNS = 12  # that figures show


def interpolate(
  folders: Sequence[str | pathlib.Path], wanted: InterpolationFlags, everything: bool = False
) -> str:
  """Writes pictures and tables, and returns what is to be printed: the finding, or every table.

  Raises:
    UserError: a folder is not a workdir, what is wanted cannot be had of its runs, or the folder
      for pictures cannot be written, or holds other files than this command's.
  """
  selections = selection.read(folders, wanted.runs, wanted.weights)
  test_images.check_shapes(selections)
  what = chosen(selections, wanted.what)
  if wanted.images and "images" not in what:
    raise UserError(
      f"--images={','.join(wanted.images)}, but --what={','.join(wanted.what)} has no images; "
      "expected images among --what, or no --images"
    )
  splits, notes = _data(selections, what, wanted)
  what = [name for name in what if name != "images" or splits]
  places = chosen_images(splits.test.label, wanted) if "images" in what else ()
  shown, left_out = selection.for_figures(selections, bool(wanted.runs), MOST_RUNS)
  inside = pathlib.Path() if folders[1:] else pathlib.Path(folders[0])
  out = pathlib.Path(wanted.out) if wanted.out else inside / "interpolation"
  files.check_folder(out, NAMES)
  figures = measured(selections, wanted, splits) if "random" in what else []
  found_measures = findings.decide(smoothness.measures_of(figures)) if figures else []
  contents = pair_tables.files("smoothness", found_measures)
  contents |= dict(_file(*picture) for picture in pictures(shown, what, wanted, splits, places))
  files.write_folder(out, NAMES, contents)
  parts = []
  if figures:
    told = smoothness.described(figures), smoothness.meanings()
    parts.append(findings.printed("smoothness", found_measures, *told, out, everything))
    parts += [f"note: {note}\n" for note in smoothness.on_still(figures)]
  lines = [*(f"note: {note}\n" for note in (*notes, *left_out)), f"{out}: {', '.join(contents)}\n"]
  return "\n".join([*parts, "".join(lines)])


def _data(
  selections: Sequence[Selection], what: Sequence[str], wanted: InterpolationFlags
) -> tuple[data.Splits | None, list[str]]:
  """The data, where anything needs them; None and a line where what needs them was not named."""
  named = "images" in wanted.what or wanted.images or wanted.space == "features"
  if not named and "images" not in what:
    return None, []
  try:
    return test_images.splits(selections, wanted.data), []
  except UserError as error:
    if named:
      raise
    return None, [f"images are left out: {error}"]


def possible(selections: Sequence[Selection]) -> dict[str, str]:
  """What cannot be had of these runs -> why."""
  reasons = {}
  counts = {one.model.num_classes: one.name for one in selections if one.model.num_classes}
  if len(counts) > 1:
    told = ", ".join(f"{name} has {count}" for count, name in counts.items())
    reasons["classes"] = f"models have unequal numbers of classes: {told}"
  if not any(one.model.num_classes for one in selections):
    reasons["classes"] = "no model is conditional"
  if not any(row["latent"] == 2 for one in selections for row in one.numbers):
    reasons["manifold"] = "no run has a latent of 2"
  return reasons


def chosen(selections: Sequence[Selection], what: Sequence[str]) -> list[str]:
  """What is to be drawn. Raises `UserError` for what does not exist or cannot be had."""
  reasons = possible(selections)
  for name in what:
    if name not in WHAT:
      raise UserError(f"--what has {name!r}; expected some of {', '.join(WHAT)}")
    if name in reasons:
      raise UserError(f"--what has {name!r}, but {reasons[name]}")
  return [name for name in WHAT if (name in what if what else name not in reasons)]


def chosen_images(labels: np.ndarray, wanted: InterpolationFlags) -> np.ndarray:
  """Places of two test images a pair. Raises as `test_images.places`, and for an odd number."""
  if len(wanted.images) % 2:
    raise UserError(
      f"--images={','.join(wanted.images)}: expected an even number, two for each pair"
    )
  return test_images.places(wanted.images, labels, 2 * wanted.pairs)


def pictures(
  selections: Sequence[Selection],
  what: Sequence[str],
  asked: InterpolationFlags,
  splits: data.Splits | None,
  places: Sequence[int],
) -> Pictures:
  """All that is to be drawn; `places` are those of the test images to go between."""
  if "random" in what:
    yield from path_pictures.between_random(selections, asked)
  if "images" in what:
    images = pixels.unit(np.asarray(splits.test.image)[places])
    classes = np.asarray(splits.test.label)[places]
    of_images = asked._replace(pairs=len(places) // 2)
    yield from path_pictures.between_images(selections, of_images, images, classes)
  if "classes" in what:
    conditional = [one for one in selections if one.model.num_classes]
    yield from path_pictures.between_classes(conditional, asked)
  if "manifold" in what:
    yield from latent_pictures.manifolds(selections)
  if "traversal" in what:
    yield from latent_pictures.traversals(selections, asked)


def measured(
  selections: Sequence[Selection], asked: InterpolationFlags, splits: data.Splits | None
) -> list[smoothness.Paths]:
  """How smooth the paths of all runs are."""
  network = None
  if asked.space == "features":
    cache = selections[0].saved.config.data.cache
    (network,) = feature_networks.load(splits, cache, "", 1, ["fd"])
  return [smoothness.measure(one, asked.kinds, asked.seed, network) for one in selections]


def _file(name: str, picture: plots.Figure | np.ndarray) -> tuple[str, bytes]:
  """A figure as PNG, frames as GIF."""
  if isinstance(picture, np.ndarray):
    return f"{name}.gif", animations.gif(picture)
  return f"{name}.png", plots.png(picture)
