"""Datasets of tensorflow-datasets (TFDS): found, prepared and read without TensorFlow.

TFDS reads its array_record files without TensorFlow. To prepare them it asks TensorFlow for two
things only: functions on local files, and PNGs. `_standing_in` provides both.
"""

import contextlib
import difflib
import functools
import glob
import io
import logging
import os
import pathlib
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
from PIL import Image

from genjax.data import sources
from genjax.mistakes import reason
from genjax.types import Dataset, UserError

_VERSION = re.compile(r"\d+\.\d+\.\d+")
_SECONDS = 30  # without an answer from a server
_RETRIES = 3
_INSTEAD = "--config.data.name=digits needs no download"


def root(directory: str) -> pathlib.Path:
  """Where prepared datasets lie: `directory`, or TFDS_DATA_DIR, or TFDS's own default."""
  chosen = directory or os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets"
  return pathlib.Path(os.path.abspath(os.path.expanduser(chosen)))


def locate(name: str, directory: str) -> pathlib.Path | None:
  """The folder of a prepared dataset, without importing TFDS, or None if there is none.

  Args:
    name: `mnist`, `emnist/letters` or `mnist:3.0.1`; without a version, the newest one is taken.
    directory: see `root`.

  Raises:
    UserError: it was prepared in another format than array_record.
  """
  base, _, version = name.partition(":")
  home = root(directory) / base
  folders = [x.parent for x in home.glob(f"{version or '*'}/dataset_info.json")]
  folders = [x for x in folders if _VERSION.fullmatch(x.name)]
  if not folders:
    return None
  folder = max(folders, key=lambda x: [int(number) for number in x.name.split(".")])
  if not any(folder.glob("*.array_record*")):
    raise UserError(
      f"{folder}: prepared in another format than array_record, which is what can be read without"
      " TensorFlow; name another folder with --config.data.dir to prepare it there"
    )
  return folder


def prepare(name: str, directory: str) -> pathlib.Path:
  """Downloads and prepares a dataset; returns its folder. A failure leaves nothing behind.

  Raises:
    UserError: TFDS is absent or has no such dataset, it is not of labelled images, or the
      download fails.
  """
  tfds = _tfds(name)
  home = root(directory)
  with contextlib.ExitStack() as stack:
    try:
      missing = [x for x in (home, *home.parents) if not x.exists()]
      home.mkdir(parents=True, exist_ok=True)
      stack.callback(_remove_empty, missing)
      temporary = stack.enter_context(tempfile.TemporaryDirectory(dir=home, prefix=".preparing-"))
    except OSError as error:
      raise sources.MissingData(
        f"{name} is not in {home}, and cannot be put there ({error.strerror}): name another folder"
        f" with --config.data.dir or TFDS_DATA_DIR; {_INSTEAD}"
      ) from error
    builder = _builder(tfds, name, temporary)
    try:
      # On stdout TFDS names the temporary folder; its progress bars, on stderr, stay.
      with _standing_in(builder), contextlib.redirect_stdout(io.StringIO()):
        builder.download_and_prepare(
          download_dir=os.path.join(temporary, "downloads"),
          download_config=tfds.download.DownloadConfig(manual_dir=home / "downloads" / "manual"),
        )
    except Exception as error:  # a dataset's code and the network fail in their own ways
      raise sources.MissingData(
        f"{name} is not in {home} (--config.data.dir, TFDS_DATA_DIR), and downloading it failed"
        f" ({reason(error)}); {_INSTEAD}"
      ) from error
    prepared = pathlib.Path(builder.data_dir)
    folder = home / prepared.relative_to(temporary)
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
      prepared.rename(folder)
    except OSError:
      if not folder.exists():  # as it does if another process was faster
        raise
  return folder


def check(name: str) -> None:
  """Raises `UserError` where TFDS has no such dataset, or none of labelled images."""
  with tempfile.TemporaryDirectory() as directory:
    _builder(_tfds(name), name, directory)


def read(folder: pathlib.Path, size: int) -> sources.Arrays:
  """A prepared dataset's images and labels; size > 0 resizes the images to size x size.

  `test` is the split of that name, or else `validation`, or else None.

  Raises:
    UserError: TFDS is absent, there are no labelled images or no split `train`, a file is damaged.
  """
  tfds = _tfds(str(folder))
  try:
    builder = tfds.builder_from_directory(folder)
  except Exception as error:
    raise UserError(f"{folder}: not a readable TFDS dataset ({reason(error)})") from error
  _check_labelled(tfds, builder)
  splits = builder.info.splits
  if "train" not in splits:
    raise UserError(f"{folder}: no split 'train' among {', '.join(splits)}")
  held_out = next((x for x in ("test", "validation") if x in splits), None)
  return sources.Arrays(
    _split(tfds, builder, "train", size),
    _split(tfds, builder, held_out, size) if held_out else None,
    tuple(builder.info.features["label"].names),
    f"{builder.info.full_name.replace('/', ' ')} (tensorflow-datasets)",
  )


def _split(tfds, builder, split: str, size: int) -> Dataset:
  labels = []
  # Pillow decodes here, so that pixels do not depend on whether OpenCV is installed.
  data = builder.as_data_source(split, decoders={"image": tfds.decode.SkipDecoding()})

  def images():
    start = 0
    for file in builder.info.splits[split].file_instructions:
      stop = start + file.examples_in_shard
      for first in range(start, stop, 1024):
        for example in _examples(data, range(first, min(first + 1024, stop)), file.filename):
          labels.append(example["label"])
          name = f"record {len(labels) - 1} of {file.filename}"
          yield name, sources.decode(io.BytesIO(example["image"]), name)
      start = stop

  image = sources.stack(images(), size)
  return Dataset(image, np.array(labels, np.int32))


def _examples(data, indices: range, filename: str) -> list[dict]:
  try:
    return data.__getitems__(indices)
  except Exception as error:  # RuntimeError and others, whose text seldom names the file
    raise UserError(
      f"{filename}: damaged ({reason(error)}); delete its folder to have it prepared again"
    ) from error


def _tfds(name: str):
  try:
    import tensorflow_datasets  # slow, and not needed where the cache has the arrays

    return tensorflow_datasets
  except ImportError as error:
    raise UserError(
      f"reading {name} needs tensorflow-datasets, array_record and importlib_resources"
      f" ({reason(error)}); {_INSTEAD}"
    ) from error


def _builder(tfds, name: str, directory: str):
  try:
    builder = tfds.builder(name, data_dir=directory, file_format="array_record")
  except tfds.core.DatasetNotFoundError:
    if os.path.isdir(name):
      raise UserError(f"{name} is no dataset of TFDS; ./{name} names the folder") from None
    known = ["digits", *tfds.list_builders(with_community_datasets=False)]
    close = difflib.get_close_matches(name, known)
    hint = f"did you mean {' or '.join(close)}? " if close else ""
    raise UserError(
      f"no dataset {name!r}: {hint}--config.data.name takes a name that tensorflow-datasets knows,"
      " a .npz file, a folder of images (./NAME), or digits"
    ) from None  # of pages, with all names
  except Exception as error:
    raise UserError(f"no dataset {name!r} ({reason(error)}); {_INSTEAD}") from error
  if len(builder.BUILDER_CONFIGS) > 1 and "/" not in name:
    some = ", ".join(f"{name}/{config.name}" for config in builder.BUILDER_CONFIGS[:4])
    raise UserError(f"{name} has several variants: --config.data.name takes {some}, ...")
  _check_labelled(tfds, builder)
  return builder


def _check_labelled(tfds, builder) -> None:
  kinds = {"image": tfds.features.Image, "label": tfds.features.ClassLabel}
  features = builder.info.features
  right = all(key in features and isinstance(features[key], kind) for key, kind in kinds.items())
  if not (right and features["image"].np_dtype == np.uint8):
    raise UserError(
      f"{builder.info.name}: not a dataset of labelled images; it has {', '.join(features)} and"
      " not an 8-bit image and a class label"
    )


class _Namespace(SimpleNamespace):
  def __getattr__(self, name):
    raise ModuleNotFoundError(f"its preparation needs TensorFlow, for {name}")


@contextlib.contextmanager
def _standing_in(builder) -> Iterator[None]:
  """Lets TFDS prepare `builder` without TensorFlow, and give up soon where there is no network."""
  from tensorflow_datasets.core import shuffle
  from tensorflow_datasets.core.download import downloader, extractor
  from tensorflow_datasets.core.features import image_feature

  gfile = _Namespace(
    GFile=open,
    exists=os.path.exists,
    glob=glob.glob,
    isdir=os.path.isdir,
    listdir=os.listdir,
    makedirs=functools.partial(os.makedirs, exist_ok=True),
    remove=os.remove,
    walk=os.walk,
  )
  errors = _Namespace(ResourceExhaustedError=MemoryError, UnimplementedError=NotImplementedError)
  tensorflow = _Namespace(
    io=_Namespace(gfile=gfile), compat=_Namespace(as_text=os.fsdecode), errors=errors
  )
  own = {sys.modules[cls.__module__] for cls in type(builder).__mro__}
  own = [module for module in own if hasattr(module, "tf")]
  changes = [(module, "tf", tensorflow) for module in (shuffle, extractor, *own)]
  changes += [
    (image_feature._ImageEncoder, "_encode_image", _encode),
    (downloader, "MAX_RETRIES", _RETRIES),
    (downloader, "_open_url", functools.partial(downloader._open_url, timeout=_SECONDS)),
    # One line for each file and retry, when our own error is to be the only one.
    (logging.getLogger("urllib3.connectionpool"), "disabled", True),
  ]
  workers = []
  changes += [
    (module, name, _remembering(getattr(module, name), workers))
    for module, name in [(downloader, "get_downloader"), (extractor, "get_extractor")]
  ]
  before = [(owner, name, getattr(owner, name)) for owner, name, _ in changes]
  try:
    for owner, name, value in changes:
      setattr(owner, name, value)
    yield
  finally:
    # After one file's failure TFDS leaves the threads of the others writing where we clear away.
    for worker in workers:
      worker._executor.shutdown()
      worker._executor = ThreadPoolExecutor(worker._executor._max_workers)  # TFDS keeps the worker
    for owner, name, value in before:
      setattr(owner, name, value)


def _remembering(make: Callable, made: list) -> Callable:
  def remember(*args, **kwargs):
    made.append(make(*args, **kwargs))
    return made[-1]

  return remember


def _encode(encoder, array: np.ndarray) -> bytes:
  """Pillow in place of TensorFlow's encode_png and encode_jpeg, with the latter's quality."""
  from tensorflow_datasets.core.features import image_feature

  image_feature._validate_np_array(array, shape=encoder.shape, dtype=encoder.np_dtype)
  stream = io.BytesIO()
  array = array[..., 0] if array.shape[-1] == 1 else array
  Image.fromarray(array).save(stream, format=encoder.encoding_format, quality=95)
  return stream.getvalue()


def _remove_empty(folders: list[pathlib.Path]) -> None:
  for folder in folders:
    with contextlib.suppress(OSError):  # not empty: the dataset is there
      folder.rmdir()
