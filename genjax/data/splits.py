"""A dataset's splits: what is trained on, what is held out of it, and what it is tested on."""

import os
import pathlib
import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from absl import logging

from genjax import parts
from genjax.data import cache as caching
from genjax.data import folders, memory, npz, sources, tfds
from genjax.types import Dataset, UserError

_TEST_SEED = 271828  # of the splits; a run's seed never touches them
_VALIDATION_SEED = 314159


class Splits(NamedTuple):
  """Disjoint parts of a dataset: image [N, H, W, C] uint8 and label [N] int32, numpy arrays."""

  train: Dataset
  validation: Dataset
  test: Dataset
  classes: tuple[str, ...]  # label -> its name
  source: str  # one line for people, such as "mnist 3.0.1 (tensorflow-datasets)"

  @property
  def num_classes(self) -> int:
    return len(self.classes)


def load(
  name: str,
  directory: str = "",
  size: int = 0,
  validation: float = 0.1,
  cache: str = "",
  channels: int = 0,
  background: str = "white",
  download: bool = True,
) -> Splits:
  """The splits of a dataset, the same ones whenever and wherever it is loaded.

  The test part is the source's own, or a sixth of the images where it has none. Then the
  validation part is split off the training images. All parts are in a fixed random order, so that
  the first images of a part are a fair sample of it.

  Args:
    name: `digits`; a file `*.npz` (see `npz.read`); a folder of images by class, with a slash
      in it (`./faces`, see `folders.read`); a function `MODULE:OBJECT` (see `memory.read`); or a
      TFDS dataset of labelled images, which is downloaded if need be: `mnist`, `emnist/letters`,
      `mnist:3.0.1`.
    directory: where TFDS datasets lie; TFDS_DATA_DIR if empty.
    size: resizes the images to size x size; 0 leaves them.
    validation: fraction of the training images to be held out, in (0, 1).
    cache: folder for decoded arrays; if empty, GENJAX_CACHE, XDG_CACHE_HOME/genjax or
      ~/.cache/genjax. Where no directory is named and there is none, arrays cached from another
      one are used.
    channels: 1 makes grey images and 3 coloured ones; 0 leaves them.
    background: "white" or "black", behind what is transparent in a folder's images.
    download: whether what is not on this machine is downloaded.

  Raises:
    UserError: the dataset cannot be had, or an argument is out of its range.
  """
  if not 0 < validation < 1:
    raise UserError(f"--config.data.validation={validation}: expected a fraction in (0, 1)")
  if size < 0:
    raise UserError(f"--config.data.size={size}: expected 0 or a number of pixels")
  if channels not in (0, 1, 3):
    raise UserError(f"--config.data.channels={channels}: expected 0, 1 or 3")
  arrays = _arrays(name, directory, size, cache, background, download)
  for note in (*arrays.notes, *_of_empty_classes(arrays)):
    logging.warning("%s: %s", arrays.source, note)
  train, test = (part and _with_channels(part, channels) for part in (arrays.train, arrays.test))
  if test is None:
    train, test = _split_off(train, 1 / 6, _TEST_SEED)
  else:
    test = _shuffle(test, _TEST_SEED)
  train, held_out = _split_off(train, validation, _VALIDATION_SEED)
  for part, dataset in (("training", train), ("validation", held_out), ("test", test)):
    if not len(dataset.label):
      raise UserError(
        f"{name}: no images for the {part} part, with --config.data.validation={validation}"
      )
  return Splits(train, held_out, test, arrays.classes, arrays.source)


def first(split: Dataset, count: int) -> Dataset:
  """The first examples of a split: a fair sample of it (see `load`)."""
  return Dataset(*(part[:count] for part in split))


def _arrays(
  name: str, directory: str, size: int, cache: str, background: str, download: bool
) -> sources.Arrays:
  if name == "digits":
    return sources.digits(size)
  if parts.is_name(name):
    return memory.read(name, size)
  if _is_file(name):
    return npz.read(name, size)
  is_folder = _is_folder(name)
  name = name if is_folder else _tfds_name(name)
  place = pathlib.Path(os.path.expanduser(name)) if is_folder else tfds.locate(name, directory)
  if place is None or not place.is_dir():
    # A folder's name says nothing elsewhere: ./faces of another project is another dataset. And
    # who names a directory means that one.
    for file in () if is_folder or directory else caching.newest(cache, name, size):
      if arrays := caching.load(file):
        logging.warning("%s is not on this machine: using its cached arrays in %s.", name, file)
        return arrays
    if is_folder:
      raise sources.MissingData(f"{name}: no such folder")
    if not download:
      tfds.check(name)
      raise sources.MissingData(f"{name} is not on this machine; training it downloads it")
    place = tfds.prepare(name, directory)
  version = f"images2{background}" if is_folder else place.name  # 2: as they are read now
  file = caching.path(cache, name, version, size, place)
  arrays = caching.load(file)
  if arrays is None:
    arrays = folders.read(place, size, background) if is_folder else tfds.read(place, size)
    caching.save(file, arrays)
  return arrays


# What other libraries call a dataset, in small letters and without signs -> its name in TFDS.
_ELSEWHERE = {
  "mnist": "mnist",
  "fashionmnist": "fashion_mnist",
  "kmnist": "kmnist",
  "emnist": "emnist",
  "cifar10": "cifar10",
  "cifar100": "cifar100",
  "svhn": "svhn_cropped",
}
_TFDS_NAME = re.compile(r"[a-z]\w*(/[\w.+-]+)?(:\d+\.\d+\.\d+)?")


def _tfds_name(name: str) -> str:
  """The name in TFDS. Raises `UserError` for what can be none."""
  name = _ELSEWHERE.get(re.sub(r"[^a-z0-9]", "", name.lower()), name)
  if not _TFDS_NAME.fullmatch(name):
    raise UserError(
      f"config.data.name is {name!r}; expected a dataset of TFDS such as mnist or emnist/letters, "
      "a folder of images such as ./faces, a file .npz, or digits"
    )
  return name


def _of_empty_classes(arrays: sources.Arrays) -> Iterator[str]:
  """A note where labels have gaps, as 5, 15, 25: nothing is learnt of what lies between."""
  present = len(np.unique(arrays.train.label))
  if present < len(arrays.classes):
    yield f"{len(arrays.classes) - present:,} of {len(arrays.classes):,} classes have no images"


def _is_file(name: str) -> bool:
  if name.lower().endswith(".npz"):
    return True
  return ("/" in name or "." in name) and os.path.isfile(os.path.expanduser(name))


def _is_folder(name: str) -> bool:
  return name.startswith((".", "/", "~")) or ("/" in name and os.path.isdir(name))


def moved(name: str, directory: str, where: str) -> tuple[str, str]:
  """The name and the directory of a dataset that lies at `where` now; as they are if it is "".

  Raises:
    UserError: there is nothing, or nothing that could be that dataset.
  """
  if not where:
    return name, directory
  place = os.path.abspath(os.path.expanduser(where))
  if name == "digits":
    raise UserError(f"--data={where}: digits come with scikit-learn and lie nowhere else")
  if parts.is_name(name):
    raise UserError(f"--data={where}: {name} is a function, which says itself where its data lie")
  if _is_file(name):
    if not os.path.isfile(place):
      raise UserError(f"--data={where} is no file; expected the one that was {name}")
    return place, directory
  if not os.path.isdir(place):
    raise UserError(f"--data={where} is no folder; expected the one that holds {name}")
  if _is_folder(name):
    return place, directory
  if tfds.locate(_tfds_name(name), place):
    return name, place
  if "/" in name:  # once relative to a folder, as older workdirs have it
    return place, directory
  raise UserError(f"--data={where} has no {name} in it; expected a directory of TFDS that does")


def absolute(name: str) -> str:
  """A dataset's name, where it is a path an absolute one: it holds in every folder."""
  if name != "digits" and (_is_file(name) or _is_folder(name)):
    return os.path.abspath(os.path.expanduser(name))
  return name


def _with_channels(dataset: Dataset, channels: int) -> Dataset:
  image = dataset.image
  if channels == 3:
    image = np.broadcast_to(image, (*image.shape[:3], 3))
  elif channels == 1 and image.shape[-1] == 3:
    # ITU-R BT.601, as in Pillow's mode L; whole numbers, so that every machine rounds alike.
    red, green, blue = (image[..., i : i + 1].astype(np.uint32) for i in range(3))
    image = ((299 * red + 587 * green + 114 * blue + 500) // 1000).astype(np.uint8)
  return dataset._replace(image=image)


def _split_off(dataset: Dataset, fraction: float, seed: int) -> tuple[Dataset, Dataset]:
  """The rest, and the fraction that is split off."""
  count = round(fraction * len(dataset.label))
  shuffled = _shuffle(dataset, seed)
  return Dataset(*(x[count:] for x in shuffled)), Dataset(*(x[:count] for x in shuffled))


def _shuffle(dataset: Dataset, seed: int) -> Dataset:
  # RandomState's stream is frozen for good; that of default_rng may change with NumPy.
  permutation = np.random.RandomState(seed).permutation(len(dataset.label))
  return Dataset(*(x[permutation] for x in dataset))
