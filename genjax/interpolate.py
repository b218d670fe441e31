"""Paths through the latent spaces of trained runs: `python -m genjax.interpolate --workdir=vae`.

More workdirs may follow; figures then show their runs one under another, between the same random
latents. Figures and animations go to a folder; how smooth the paths are is printed as well.
"""

import pathlib
from collections.abc import Iterator, Sequence

import numpy as np
from absl import flags

from genjax import (
  animations,
  command,
  data,
  feature_networks,
  interpolations,
  originals,
  paths,
  plots,
  selection,
  smoothness,
  tables,
  workdir,
)
from genjax.interpolations import Asked, Pictures
from genjax.selection import Selection
from genjax.types import UserError

_FLAGS = command.flags_of(__name__)
_WORKDIR = flags.DEFINE_string(
  "workdir", None, "Folder that main left, or a study of such.", flag_values=_FLAGS
)
_RUNS = flags.DEFINE_list(
  "runs",
  [],
  "Rows of runs.csv, as 0,3, or numbers of runs, as latent=10; one of each setting if empty.",
  flag_values=_FLAGS,
)
_WEIGHTS = flags.DEFINE_enum(
  "weights", "best", ["best", "last", "raw"], "Which weights.", flag_values=_FLAGS
)
_WHAT = flags.DEFINE_list(
  "what",
  [],
  "Of random, images, classes, manifold, traversal; all that the models allow, if empty.",
  flag_values=_FLAGS,
)
_PATH = flags.DEFINE_enum(
  "path", None, ["spherical", "linear"], "Both if not given.", flag_values=_FLAGS
)
_PAIRS = flags.DEFINE_integer("pairs", 2, "Of ends.", 1, 20, flag_values=_FLAGS)
_STEPS = flags.DEFINE_integer("steps", 11, "Of a path.", 2, 60, flag_values=_FLAGS)
_SEED = flags.DEFINE_integer("noise_seed", 0, "Of the random latents.", 0, flag_values=_FLAGS)
_IMAGES = flags.DEFINE_list(
  "images", [], "Test images, as 0,5,7,9; of different classes if empty.", flag_values=_FLAGS
)
_SPACE = flags.DEFINE_enum(
  "space",
  "pixels",
  ["pixels", "features"],
  "In which paths are measured; features are the dataset's classifier's.",
  flag_values=_FLAGS,
)
_OUT = flags.DEFINE_string(
  "out", "", "Folder for pictures; WORKDIR/interpolation if empty.", flag_values=_FLAGS
)

WHAT = ("random", "images", "classes", "manifold", "traversal")
MOST_RUNS = 12  # that figures show


def shown(found: Sequence[Selection], chosen: bool) -> tuple[list[Selection], str]:
  """The runs that figures show, and a line where these are not all that are meant."""
  one_each = [one if chosen else selection.one_of_each_setting(one) for one in found]
  left, kept = MOST_RUNS, []
  for one in one_each:
    kept.append(one._replace(index=one.index[:left], labels=one.labels[:left]))
    left -= len(kept[-1].index)
  total = sum(len(one.index) for one in one_each)
  line = f"figures show {MOST_RUNS} of {total} runs; --runs chooses others"
  return [one for one in kept if one.index], line if total > MOST_RUNS else ""


def possible(found: Sequence[Selection]) -> dict[str, str]:
  """What cannot be had of these runs -> why."""
  reasons = {}
  if not any(one.model.num_classes for one in found):
    reasons["classes"] = "no model is conditional"
  if not any(row["latent"] == 2 for one in found for row in one.numbers):
    reasons["manifold"] = "no run has a latent of 2"
  return reasons


def wanted(found: Sequence[Selection], what: Sequence[str]) -> list[str]:
  """What is to be drawn. Raises `UserError` for what does not exist or cannot be had."""
  reasons = possible(found)
  for name in what:
    if name not in WHAT:
      raise UserError(f"--what has {name!r}; right would be some of {', '.join(WHAT)}")
    if name in reasons:
      raise UserError(f"--what has {name!r}, but {reasons[name]}")
  return [name for name in WHAT if (name in what if what else name not in reasons)]


def chosen_images(labels: np.ndarray, pairs: int) -> np.ndarray:
  """Places of two test images a pair. Raises `UserError` for an odd number, and as `originals`."""
  if len(_IMAGES.value) % 2:
    raise UserError(
      f"--images={','.join(_IMAGES.value)}: right would be an even number, two for each pair"
    )
  return originals.places(_IMAGES.value, labels, 2 * pairs)


def pictures(found: Sequence[Selection], what: Sequence[str], asked: Asked, splits) -> Pictures:
  if "random" in what:
    yield from interpolations.between_random(found, asked)
  if "images" in what:
    places = chosen_images(splits.test.label, asked.pairs)
    images = np.asarray(splits.test.image)[places] / np.float32(255)
    classes = np.asarray(splits.test.label)[places]
    pairs = asked._replace(pairs=len(places) // 2)
    yield from interpolations.between_images(found, pairs, images, classes)
  if "classes" in what:
    conditional = [one for one in found if one.model.num_classes]
    yield from interpolations.between_classes(conditional, asked)
  if "manifold" in what:
    yield from interpolations.manifolds(found)
  if "traversal" in what:
    yield from interpolations.traversals(found, asked)


def measured(
  found: Sequence[Selection], asked: Asked, space: str, splits: data.Splits | None
) -> dict[str, tables.Table]:
  """Tables of how smooth the paths of all runs are."""
  network = None
  if space == "features":
    cache = found[0].saved.config.data.cache
    (network,) = feature_networks.load(splits, cache, "", 1, ["fd"])
  figures = [smoothness.measure(one, asked.kinds, asked.seed, network) for one in found]
  return {
    "smoothness": smoothness.summaries(figures, space),
    "smoothness_pairs": smoothness.pairs(figures, space),
    "smoothness_runs": smoothness.runs(figures),
  }


def write(out: pathlib.Path, made: Pictures) -> Iterator[str]:
  """Writes figures as PNG and frames as GIF; gives the files' names."""
  for name, picture in made:
    if isinstance(picture, np.ndarray):
      animations.save(picture, out / f"{name}.gif")
      yield f"{name}.gif"
    else:
      plots.save(picture, out / f"{name}.png")
      yield f"{name}.png"


def main(positional: list[str]) -> None:
  folders = [*filter(None, [_WORKDIR.value]), *positional]
  if not folders:
    raise UserError("--workdir is missing; name a folder that genjax.main left")
  found = selection.read(folders, _RUNS.value, _WEIGHTS.value)
  originals.check_shapes(found)
  asked = Asked(
    (_PATH.value,) if _PATH.value else paths.KINDS, _PAIRS.value, _STEPS.value, _SEED.value
  )
  what, splits = wanted(found, _WHAT.value), None
  lines = []
  if "images" in what or _SPACE.value == "features":
    try:
      splits = originals.splits(found)
    except UserError as error:
      if "images" in _WHAT.value or _IMAGES.value or _SPACE.value == "features":
        raise
      what.remove("images")
      lines.append(f"images are left out: {error}")
  if "images" in what:
    chosen_images(splits.test.label, asked.pairs)  # a mistake shows before all is drawn
  out = pathlib.Path(
    _OUT.value
    or (pathlib.Path(folders[0]) / "interpolation" if not folders[1:] else "interpolation")
  )
  few, line = shown(found, bool(_RUNS.value))
  lines += filter(None, [line])
  with workdir.writable("--out", out):
    out.mkdir(parents=True, exist_ok=True)
    names = []
    if "random" in what:
      made = measured(found, asked, _SPACE.value, splits)
      for name, table in made.items():
        if table.blocks:
          workdir.write_atomically(out / f"{name}.csv", tables.csv_text(table))
          names.append(f"{name}.csv")
          if name != "smoothness_runs":
            print(tables.text(table))
    names += write(out, pictures(few, what, asked, splits))
  for line in lines:
    print(f"note: {line}")
  print(f"{out}: {', '.join(names)}")


if __name__ == "__main__":
  command.run(main, positional="workdirs", required=False)
