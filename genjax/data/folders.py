"""Images and labels from folders of image files, as the field lays them out."""

import collections
import pathlib
from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageOps

from genjax.data import sources
from genjax.data.sources import Arrays, text_of
from genjax.types import Dataset, UserError

_SUFFIXES = {
  *(".bmp", ".gif", ".jfif", ".jpeg", ".jpg", ".pbm"),
  *(".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"),
}
Classes = dict[str, list[pathlib.Path]]  # name -> its images


def read(root: pathlib.Path, size: int, background: str = "white") -> Arrays:
  """Image files in one folder per class: root/CLASS/, or root/train/CLASS/ and root/test/CLASS/.

  As the field reads such folders: an image belongs to a class however deep it lies in its folder;
  classes are numbered in the natural order of their names (2 before 10); parts are called as in
  `_PARTS`, where validation images are the test part if there is none, and training images
  otherwise; images without class folders are one class. Images have one channel if all of them are
  grey, otherwise three; what is transparent shows the background. What is not taken is noted.

  Raises:
    UserError: no images, files that are no images, unequal sizes with size 0, a class that training
      has not.
  """
  skipped = collections.Counter()
  places = _parts(root, skipped)
  by_part = {part: _classes(place, skipped) for part, place in places.items()}
  names = list(by_part["train"])
  for part, classes in by_part.items():
    if not classes:
      example = f"{places[part]}/CLASS/*.png"
      raise UserError(f"{places[part]}: no images; expected {example} (or jpg, ...)")
    if set(classes) == {""} != set(names):
      raise UserError(f"{places[part]}: images in no class folder, as {places['train']} has them")
    if unknown := set(classes) - set(names):
      raise UserError(f"{places[part] / min(unknown)}: no such class in {places['train']}")
  files = {
    part: [(file, names.index(name)) for name in names for file in classes.get(name, ())]
    for part, classes in by_part.items()
  }
  if "validation" in files:
    other = "train" if "test" in files else "test"
    files[other] = files.get(other, []) + files.pop("validation")
  notes = []
  drawn = _drawn([file for part in files.values() for file, _ in part], background, notes)
  image = sources.stack(drawn, size)
  label = np.array([label for part in files.values() for _, label in part], np.int32)
  notes += _notes(places, names, skipped)
  stops = np.cumsum([len(part) for part in files.values()])[:-1]
  split = zip(files, np.split(image, stops), np.split(label, stops), strict=True)
  parts = {part: Dataset(*arrays) for part, *arrays in split}
  source = f"{text_of(root.resolve().name)} (folder of images)"
  classes = sources.numbered(1) if names == [""] else tuple(names)
  return Arrays(parts["train"], parts.get("test"), classes, source, tuple(notes))


def pictures(root: pathlib.Path) -> np.ndarray:
  """All images in a folder and below it, [N, H, W, C] uint8, in natural order.

  Raises:
    UserError: there are none, some files are no images, or their sizes are unequal.
  """
  if files := _files(root, collections.Counter()):
    return sources.stack(_drawn(files, "white", []), 0)
  raise UserError(f"{root}: no images; expected *.png (or jpg, ...) in it or below")


# How the parts of a dataset are called, in small letters.
_PARTS = {
  "train": ("train", "training"),
  "validation": ("val", "valid", "validation"),
  "test": ("test", "testing"),
}


def _parts(root: pathlib.Path, skipped: collections.Counter) -> dict[str, pathlib.Path]:
  """Part -> its folder; the root is the training part where it has no parts.

  A class may itself be called "train": alone among other classes, with images right in it.

  Raises:
    UserError: two folders are called as one part, or there are parts and none to train on.
  """
  untold = collections.Counter()  # of what was skipped, if there are no parts, or beside them
  inside = _folders_in(root, untold)
  called = {part: [x for x in inside if x.name.lower() in names] for part, names in _PARTS.items()}
  parts = {part: places[0] for part, places in called.items() if places}
  if not parts or (len(parts) == 1 and not _is_part(parts)):
    return {"train": root}
  for part, (first, *more) in ((part, places) for part, places in called.items() if places):
    if more:
      raise UserError(f"{root}: {first.name} and {more[0].name} are both the {part} part")
  if "train" not in parts:
    names = " and ".join(x.name for x in parts.values())
    raise UserError(f"{root} has {names}, and no folder train beside them")
  beside = [x for x in inside if x not in parts.values()]
  skipped["images beside the parts"] += sum(len(_files(x, untold)) for x in beside)
  files = [x for x in _listed(root) if x.is_file()]
  skipped["images beside the parts"] += sum(_taken(x, untold) for x in files)
  return parts


def _is_part(parts: dict[str, pathlib.Path]) -> bool:
  """Whether the only folder that is called as a part is one, and no class beside others."""
  (place,), untold = parts.values(), collections.Counter()
  if any(_taken(x, untold) for x in _listed(place) if x.is_file()):
    return False
  return "train" in parts and any(_files(x, untold) for x in _folders_in(place, untold))


def _listed(place: pathlib.Path) -> list[pathlib.Path]:
  """What lies in a folder, in natural order. Raises `UserError` where it may not be read."""
  try:
    return sorted(place.iterdir(), key=lambda x: sources.natural(x.name))
  except OSError as error:
    raise UserError(f"{place} cannot be read ({error.strerror})") from error


def _folders_in(place: pathlib.Path, skipped: collections.Counter) -> list[pathlib.Path]:
  found = [x for x in _listed(place) if x.is_dir()]
  skipped["hidden folders"] += sum(_hidden(x.name) for x in found)
  return [x for x in found if not _hidden(x.name)]


def _classes(part: pathlib.Path, skipped: collections.Counter) -> Classes:
  """Class -> its images, in natural order; "" where images lie in no class folder."""
  classes = {text_of(x.name): _files(x, skipped) for x in _folders_in(part, skipped)}
  classes = {name: files for name, files in classes.items() if files}
  beside = [x for x in _listed(part) if x.is_file()]
  images = [x for x in beside if _taken(x, collections.Counter() if classes else skipped)]
  if not classes and images:
    return {"": images}
  if images:
    skipped["images beside the class folders"] += len(images)
  return classes


def _files(place: pathlib.Path, skipped: collections.Counter) -> list[pathlib.Path]:
  """The images in a folder and below it, in natural order."""
  found = []
  for parent, folders, files in sources.walk(place):
    skipped["hidden folders"] += sum(map(_hidden, folders))
    folders[:] = [name for name in folders if not _hidden(name)]
    paths = [pathlib.Path(parent, name) for name in files]
    found += [path for path in paths if _taken(path, skipped)]
  return found


def _taken(path: pathlib.Path, skipped: collections.Counter) -> bool:
  """Whether a file is an image by its name; counts it where it is not."""
  if path.suffix.lower() in _SUFFIXES and not _hidden(path.name):
    return True
  kind = f"*{path.suffix.lower()}" if path.suffix else "files without an ending"
  skipped["hidden files" if _hidden(path.name) else kind] += 1
  return False


def _hidden(name: str) -> bool:
  """Whether it is no part of a dataset: .git, or what archives and desktops leave."""
  return name.startswith(".") or name in ("__MACOSX", "Thumbs.db", "desktop.ini")


def _drawn(
  files: list[pathlib.Path], background: str, notes: list[str]
) -> Iterator[tuple[str, Image.Image]]:
  """Every image by its name, one at a time: full-sized photographs would not fit in memory.

  Raises `UserError` at the end, which names all that could not be read, at most 20.
  """
  broken, transparent = [], 0
  for path in files:
    try:
      # Cameras store how they were held.
      image = ImageOps.exif_transpose(sources.decode(path, str(path), background))
    except UserError as error:
      broken.append(str(error))
    else:
      transparent += "transparent" in image.info
      yield str(path), image
  if transparent:
    notes.append(
      f"what is transparent in {transparent:,} images is {background} (config.data.background)"
    )
  if broken:
    more = f"; and {len(broken) - 20:,} more" if broken[20:] else ""
    raise UserError("; ".join(broken[:20]) + more)


def _notes(
  places: dict[str, pathlib.Path], names: list[str], skipped: collections.Counter
) -> Iterator[str]:
  """How a folder was read, for people."""
  if names == [""]:
    yield "no class folders, so that all images are of one class"
  if "validation" in places:
    use = "trained on" if "test" in places else "the test part"
    yield f"images of {places['validation'].name} are {use}"
  if +skipped:
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted((+skipped).items()))
    yield f"not taken as images: {kinds}"
