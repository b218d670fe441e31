"""Datasets are prepared here as TFDS does it, from small archives in place of the downloads.

TensorFlow is no dependency: where it is not installed, whatever asks for it fails these tests.
"""

import gzip
import io
import os
import pathlib
import shutil
import socket
import sys
import tarfile
import time
import zipfile

import numpy as np
import pytest
import tensorflow_datasets
from PIL import Image
from tensorflow_datasets.core import shuffle
from tensorflow_datasets.core.download import downloader, extractor
from tensorflow_datasets.core.features import image_feature
from tensorflow_datasets.image_classification import cifar, mnist

from genjax import data
from genjax.config import default
from genjax.data import tfds
from genjax.training import description
from genjax.types import UserError

TRAIN, TEST = 30, 12
RNG = np.random.default_rng(0)
# The pixel in the corner tells the images apart, however they are shuffled.
GREY = RNG.integers(0, 256, (TRAIN + TEST, 28, 28), dtype=np.uint8)
GREY[:, 0, 0] = np.arange(TRAIN + TEST)
COLOUR = RNG.integers(0, 256, (TRAIN + TEST, 32, 32, 3), dtype=np.uint8)
COLOUR[:, 0, 0, 0] = np.arange(TRAIN + TEST)
LABELS = (np.arange(TRAIN + TEST) * 7 % 10).astype(np.uint8)


def idx(part, array):
  """A file of MNIST: a magic number and the dimensions, which TFDS skips, then the bytes."""
  header = (2048 + array.ndim).to_bytes(4, "big")
  header += b"".join(n.to_bytes(4, "big") for n in array[part].shape)
  return gzip.compress(header + array[part].tobytes())


def tar(members):
  stream = io.BytesIO()
  with tarfile.open(fileobj=stream, mode="w:gz") as archive:
    for name, content in members.items():
      info = tarfile.TarInfo(name)
      info.size = len(content)
      archive.addfile(info, io.BytesIO(content))
  return stream.getvalue()


def batch(part):
  """A file of CIFAR-10: a byte for the label, and three planes of an image."""
  planes = COLOUR[part].transpose(0, 3, 1, 2).reshape(-1, 3072)
  return np.concatenate([LABELS[part, None], planes], 1).tobytes()


def png_zip(prefix, part):
  stream = io.BytesIO()
  with zipfile.ZipFile(stream, "w") as archive:
    for i in range(TRAIN + TEST)[part]:
      png = io.BytesIO()
      Image.fromarray(COLOUR[i]).resize((300, 300), Image.Resampling.NEAREST).save(png, "png")
      name = ("rock", "paper", "scissors")[i % 3]
      archive.writestr(f"{prefix}/{name}/{name}-{i}.png", png.getvalue())
  return stream.getvalue()


def archives():
  train, test = slice(TRAIN), slice(TRAIN, None)
  batches = {f"data_batch_{i + 1}.bin": batch(slice(6 * i, 6 * i + 6)) for i in range(5)}
  batches |= {
    "test_batch.bin": batch(test),
    "batches.meta.txt": b"\n".join(b"abcdefghij"[i : i + 1] for i in range(10)),
  }
  return {
    "train-images-idx3-ubyte.gz": idx(train, GREY),
    "train-labels-idx1-ubyte.gz": idx(train, LABELS),
    "t10k-images-idx3-ubyte.gz": idx(test, GREY),
    "t10k-labels-idx1-ubyte.gz": idx(test, LABELS),
    "cifar-10-binary.tar.gz": tar({f"cifar-10-batches-bin/{k}": v for k, v in batches.items()}),
    "rps.zip": png_zip("rps", train),
    "rps-test-set.zip": png_zip("rps-test-set", test),
  }


def isolate(patch, home):
  """No network, nothing of the user's folders, and fewer digits in MNIST."""
  for name in ("TFDS_DATA_DIR", "GENJAX_CACHE", "XDG_CACHE_HOME"):
    patch.delenv(name, raising=False)
  patch.setenv("HOME", str(home))

  def unknown(*args, **kwargs):
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

  patch.setattr(socket, "getaddrinfo", unknown)
  patch.setattr(mnist, "_TRAIN_EXAMPLES", TRAIN)
  patch.setattr(mnist, "_TEST_EXAMPLES", TEST)


def serve(patch):
  """Returns the files that a download gets, by name; they pass TFDS's checksums as they are."""
  files, expected = archives(), {}
  for name in ("mnist", "fashion_mnist", "cifar10", "rock_paper_scissors"):
    expected |= tensorflow_datasets.builder_cls(name).url_infos

  def download(self, url, destination_path, verify=True):
    name = url.rpartition("/")[2]
    path = pathlib.Path(destination_path) / name
    path.write_bytes(files[name])
    return downloader.DownloadResult(path, expected[url])

  patch.setattr(downloader._Downloader, "_sync_download", download)
  return files


@pytest.fixture(autouse=True)
def isolated(monkeypatch, tmp_path):
  isolate(monkeypatch, tmp_path / "home")


@pytest.fixture
def served(monkeypatch):
  return serve(monkeypatch)


@pytest.fixture(scope="module")
def prepared_once(tmp_path_factory):
  home = tmp_path_factory.mktemp("prepared")
  with pytest.MonkeyPatch.context() as patch:
    isolate(patch, home)
    serve(patch)
    tfds.prepare("mnist", str(home))
  return home


@pytest.fixture
def prepared(prepared_once, tmp_path):
  """A folder with a small MNIST, to be damaged at will."""
  return shutil.copytree(prepared_once, tmp_path / "tfds")


def contents(folder):
  return sorted(str(x.relative_to(folder)) for x in folder.rglob("*"))


@pytest.mark.parametrize(
  ("name", "version", "images"),
  [
    ("mnist", "3.0.1", GREY[..., None]),
    ("fashion_mnist", "3.0.1", GREY[..., None]),
    ("cifar10", "3.0.2", COLOUR),
  ],
)
def test_prepare_needs_no_tensorflow(tmp_path, served, name, version, images):
  assert tfds.locate(name, str(tmp_path)) is None
  folder = tfds.prepare(name, str(tmp_path))
  assert folder == tmp_path / name / version
  assert tfds.locate(name, str(tmp_path)) == folder
  assert [x.name for x in tmp_path.iterdir()] == [name]  # no downloads are left
  assert [x.name for x in (tmp_path / name).iterdir()] == [version]
  train, test, classes, source, _ = tfds.read(folder, 0)
  for part, indices in ((train, range(TRAIN)), (test, range(TRAIN, TRAIN + TEST))):
    back = part.image[:, 0, 0, 0]  # where an image came from
    assert sorted(back) == list(indices)
    np.testing.assert_array_equal(part.image, images[back])
    np.testing.assert_array_equal(part.label, LABELS[back])
    assert (part.image.dtype, part.label.dtype) == (np.uint8, np.int32)
  assert len(classes) == 10
  assert source == f"{name} {version} (tensorflow-datasets)"


def test_prepare_from_zipped_images(tmp_path, served):
  folder = tfds.prepare("rock_paper_scissors", str(tmp_path))
  train, test, classes, *_ = tfds.read(folder, 30)
  assert train.image.shape == (TRAIN, 30, 30, 3)
  assert np.bincount(test.label).tolist() == [4, 4, 4]
  assert classes == ("rock", "paper", "scissors")


def test_prepare_leaves_tfds_as_it_was(tmp_path, served):
  watched = [(x, "tf") for x in (mnist, cifar, shuffle, extractor)]
  watched += [(downloader, "MAX_RETRIES"), (downloader, "_open_url")]
  watched += [(image_feature._ImageEncoder, "_encode_image")]
  before = [getattr(*x) for x in watched]
  tfds.prepare("mnist", str(tmp_path))
  assert all(getattr(*x) is y for x, y in zip(watched, before, strict=True))
  served["train-images-idx3-ubyte.gz"] = b"damaged"
  with pytest.raises(UserError):
    tfds.prepare("fashion_mnist", str(tmp_path))
  assert all(getattr(*x) is y for x, y in zip(watched, before, strict=True))


def test_what_another_process_prepared_meanwhile_stays(tmp_path, served, monkeypatch):
  folder = tfds.prepare("mnist", str(tmp_path))
  before = {x: x.stat().st_mtime_ns for x in folder.iterdir()}
  assert tfds.prepare("mnist", str(tmp_path)) == folder
  assert {x: x.stat().st_mtime_ns for x in folder.iterdir()} == before


def test_without_a_network_it_fails_soon_and_leaves_nothing(tmp_path, capfd):
  started = time.monotonic()
  with pytest.raises(UserError) as error:
    data.load("mnist", str(tmp_path / "new" / "folder"), cache=str(tmp_path / "cache"))
  assert time.monotonic() - started < 8  # TFDS's own retries take minutes
  message = str(error.value)
  for part in (
    "mnist",
    str(tmp_path / "new" / "folder"),
    "TFDS_DATA_DIR",
    "--config.data.name=digits",
  ):
    assert part in message
  assert "\n" not in message
  assert contents(tmp_path) == []
  out, err = capfd.readouterr()
  assert out == ""
  assert "Traceback" not in err


@pytest.mark.parametrize(
  "content",
  [b"no archive", gzip.compress(b"too short", mtime=0), None],
  ids=["no archive", "too short", "nothing"],  # the same in every process
)
def test_a_bad_download_leaves_nothing(tmp_path, served, content):
  if content is None:
    del served["t10k-labels-idx1-ubyte.gz"]
  else:
    served["t10k-images-idx3-ubyte.gz"] = content
  with pytest.raises(UserError, match="downloading it failed") as error:
    tfds.prepare("mnist", str(tmp_path))
  assert "\n" not in str(error.value)
  assert contents(tmp_path) == []


def test_preparing_that_does_need_tensorflow_says_so(tmp_path, served, monkeypatch):
  def generate(self, **kwargs):
    yield 0, {"image": mnist.tf.image.decode_png(b""), "label": 0}

  monkeypatch.setattr(mnist.MNIST, "_generate_examples", generate)
  with pytest.raises(UserError, match="needs TensorFlow, for image"):
    tfds.prepare("mnist", str(tmp_path))
  assert contents(tmp_path) == []


def test_a_folder_that_cannot_be_written(tmp_path):
  (tmp_path / "file").write_text("")
  with pytest.raises(
    UserError, match=r"cannot be put there .*--config\.data\.dir or TFDS_DATA_DIR"
  ):
    tfds.prepare("mnist", str(tmp_path / "file"))


@pytest.mark.parametrize(
  ("name", "message"),
  [
    ("mnits", r"no dataset 'mnits': did you mean mnist or .*digits"),
    ("digit", r"did you mean digits\?"),
    ("qqqq", r"no dataset 'qqqq': --config\.data\.name takes .* or digits"),
    ("no/such", "no dataset 'no/such'"),
    ("", "config.data.name is ''; expected a dataset of TFDS"),
    ("mnist:9.9.9", "no dataset 'mnist:9.9.9'.*digits"),
    ("emnist", "several variants: --config.data.name takes emnist/byclass, "),
    ("imdb_reviews", "imdb_reviews: not a dataset of labelled images; it has text, label"),
    ("celeb_a", "celeb_a: not a dataset of labelled images"),
  ],
)
def test_a_name_that_will_not_do(tmp_path, name, message):
  with pytest.raises(UserError, match=message) as error:
    data.load(name, str(tmp_path), cache=str(tmp_path))
  assert "\n" not in str(error.value)
  assert contents(tmp_path) == []


def test_without_tfds(tmp_path, monkeypatch):
  monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
  with pytest.raises(UserError, match=r"mnist needs tensorflow-datasets.*name=digits"):
    data.load("mnist", str(tmp_path), cache=str(tmp_path))


def test_where_datasets_are_looked_for(tmp_path, monkeypatch):
  assert tfds.root("") == tmp_path / "home" / "tensorflow_datasets"
  monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "set"))
  assert tfds.root("") == tmp_path / "set"
  assert tfds.root(str(tmp_path / "given")) == tmp_path / "given"
  assert tfds.root("~/x") == tmp_path / "home" / "x"


def test_locate_takes_the_newest_version_or_the_one_named(tmp_path):
  for folder in (
    "mnist/3.0.1",
    "mnist/10.0.0",
    "mnist/incomplete.A_11.0.0",
    "emnist/letters/3.1.0",
  ):
    (tmp_path / folder).mkdir(parents=True)
    (tmp_path / folder / "dataset_info.json").touch()
    (tmp_path / folder / "x-train.array_record-00000-of-00001").touch()
  (tmp_path / "mnist" / "12.0.0").mkdir()  # nothing in it
  for name, expected in {
    "mnist": "mnist/10.0.0",
    "mnist:3.0.1": "mnist/3.0.1",
    "mnist:2.0.0": None,
    "emnist/letters": "emnist/letters/3.1.0",
    "emnist": None,
    "letters": None,
  }.items():
    assert tfds.locate(name, str(tmp_path)) == (expected and tmp_path / expected)


def test_a_dataset_in_another_format(prepared):
  for file in (prepared / "mnist" / "3.0.1").glob("*array_record*"):
    file.rename(str(file).replace("array_record", "tfrecord"))
  with pytest.raises(
    UserError, match=r"mnist/3\.0\.1: prepared in another format.*--config\.data\.dir"
  ):
    tfds.locate("mnist", str(prepared))


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("damage", ["half", "empty", "flip", "gone"])
def test_a_damaged_record_file_is_named(prepared, split, damage):
  (file,) = (prepared / "mnist" / "3.0.1").glob(f"*-{split}.array_record*")
  content = bytearray(file.read_bytes())
  if damage == "gone":
    file.unlink()
  elif damage == "flip":
    # Among the pixels: the file is padded with zeros, which nothing reads.
    content[np.flatnonzero(np.frombuffer(content, np.uint8))[4000]] ^= 1
    file.write_bytes(content)
  else:
    os.truncate(file, len(content) // 2 if damage == "half" else 0)
  # Cut at a block's end, a file gives empty records, which are no images.
  with pytest.raises(UserError, match=f"{file}: (damaged|not a readable image)") as error:
    tfds.read(file.parent, 0)
  assert "\n" not in str(error.value)


def test_a_damaged_description_is_named(prepared):
  folder = prepared / "mnist" / "3.0.1"
  (folder / "dataset_info.json").write_text("{")
  with pytest.raises(UserError, match=r"mnist/3\.0\.1: not a readable TFDS dataset"):
    tfds.read(folder, 0)


def test_a_split_for_testing(prepared):
  folder = prepared / "mnist" / "3.0.1"
  text = (folder / "dataset_info.json").read_text()

  def rename(old, new):
    (folder / "dataset_info.json").write_text(text.replace(f'"{old}"', f'"{new}"'))
    for file in folder.glob(f"mnist-{old}*"):
      file.rename(str(file).replace(f"mnist-{old}", f"mnist-{new}"))

  rename("test", "validation")  # as in datasets whose test labels are secret
  assert len(tfds.read(folder, 0).test.label) == TEST
  rename("validation", "other")
  text = text.replace('"test"', '"other"')
  (folder / "dataset_info.json").write_text(text)
  assert tfds.read(folder, 0).test is None
  rename("train", "unlabelled")
  with pytest.raises(UserError, match=r"no split 'train' among .*unlabelled"):
    tfds.read(folder, 0)


def test_a_second_start_needs_neither_tfds_nor_the_records(prepared, tmp_path, monkeypatch, caplog):
  monkeypatch.setenv("TFDS_DATA_DIR", str(prepared))

  def load(**kwargs):
    return data.load("mnist", cache=str(tmp_path / "cache"), **kwargs)

  first = load()
  monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
  np.testing.assert_equal(load(), first)
  assert caplog.text == ""
  with pytest.raises(UserError, match="tensorflow-datasets"):
    load(size=14)  # other arrays, that were never made
  file = next((prepared / "mnist" / "3.0.1").glob("*train*"))
  os.utime(file, ns=(0, 0))
  with pytest.raises(UserError, match="tensorflow-datasets"):
    load()  # the data changed
  # On another machine there may be the cache alone.
  shutil.rmtree(prepared)
  np.testing.assert_equal(load(), first)
  assert "mnist is not on this machine" in caplog.text
  assert len(caplog.records) == 1
  config = default("vae")
  config.data.update(name="mnist", cache=str(tmp_path / "cache"))
  assert description.load(config).source == first.source


def test_load_prepares_caches_and_splits(tmp_path, served, monkeypatch):
  monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "data"))
  monkeypatch.setenv("GENJAX_CACHE", str(tmp_path / "cache"))
  splits = data.load("mnist", validation=0.2)
  assert [len(x.label) for x in splits[:3]] == [24, 6, TEST]
  numbers = [x.image[:, 0, 0, 0] for x in splits[:3]]
  assert sorted(np.concatenate(numbers)) == list(range(TRAIN + TEST))
  assert sorted(numbers[2]) == list(range(TRAIN, TRAIN + TEST))
  assert len(list((tmp_path / "cache" / "data").iterdir())) == 1
  np.testing.assert_equal(data.load("mnist", validation=0.2), splits)
