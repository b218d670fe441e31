import functools
import os
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from genjax import data
from genjax.data import cache as caching
from genjax.data import folders, sizes, splits, tfds
from genjax.types import Dataset, UserError

KEY = jax.random.key(3)
# Each in one program, where operation by operation takes dozens.
permute = jax.jit(data.permute, static_argnums=1)
order = jax.jit(data.order, static_argnums=(1, 2, 3, 4))


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
  monkeypatch.setenv("GENJAX_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def load_real(caches):
  """`data.load` for datasets that are prepared on this machine, decoded once for all tests."""
  cache = os.environ["GENJAX_CACHE"]  # of all tests, where each one here has its own

  def load(name):
    if not os.environ.get("TFDS_DATA_DIR") or not tfds.locate(name, ""):
      pytest.skip(f"TFDS_DATA_DIR names no folder with {name}")
    return data.load(name, cache=cache)

  return load


def numbered(size, first=0):
  """Images that tell their number in two pixels, and have it as their label."""
  number = np.arange(first, first + size)
  image = np.zeros((size, 2, 2), np.uint8)
  image[:, 0, 0], image[:, 0, 1] = number // 256, number % 256
  return image, number


def numbers(split):
  image = split.image.astype(int)
  number = image[:, 0, 0, 0] * 256 + image[:, 0, 1, 0]
  np.testing.assert_array_equal(number, split.label)  # images kept their labels
  return number.tolist()


def save(path, size, test_size=0):
  image, label = numbered(size)
  if test_size:
    x_test, y_test = numbered(test_size, size)
    np.savez(path, x_train=image, y_train=label, x_test=x_test, y_test=y_test)
  else:
    np.savez(path, image=image, label=label)
  return str(path)


@pytest.mark.parametrize(
  ("size", "test_size", "validation", "expected"),
  [
    (600, 0, 0.1, (450, 50, 100)),  # a sixth for the test, and a tenth of what remains
    (600, 0, 0.5, (250, 250, 100)),
    (600, 70, 0.1, (540, 60, 70)),
    (12, 0, 0.1, (9, 1, 2)),
    (10, 3, 0.29, (7, 3, 3)),
  ],
)
def test_splits_are_disjoint_and_complete(tmp_path, size, test_size, validation, expected):
  splits = data.load(save(tmp_path / "a.npz", size, test_size), validation=validation)
  parts = [numbers(x) for x in splits[:3]]
  assert tuple(len(x) for x in parts) == expected
  assert sorted(np.concatenate(parts)) == list(range(size + test_size))
  if test_size:
    assert sorted(parts[2]) == list(range(size, size + test_size))  # its own, as it is
  for split in splits[:3]:
    assert (split.image.dtype, split.label.dtype) == (np.uint8, np.int32)
  assert splits.num_classes == size + test_size


def test_splits_never_change(tmp_path):
  path = save(tmp_path / "a.npz", 600)
  one = data.load(path)
  np.random.seed(1)
  np.testing.assert_equal(data.load(path), one)
  assert numbers(data.load(path, validation=0.3).test) == numbers(one.test)
  # Models that were trained are compared on these: other figures here are a break with the past.
  assert [numbers(x)[:4] for x in one[:3]] == [
    [64, 250, 467, 350],
    [98, 561, 211, 38],
    [186, 203, 229, 364],
  ]


def test_the_first_images_of_a_part_are_a_fair_sample(tmp_path):
  splits = data.load(save(tmp_path / "a.npz", 3000, 600))
  for part, (low, high) in zip(splits[:3], [(0, 3000), (0, 3000), (3000, 3600)], strict=True):
    some = np.array(numbers(part)[:100])
    # The mean of 100 draws from a uniform distribution, within 5 standard errors.
    assert abs(some.mean() - (low + high) / 2) < 5 * (high - low) / np.sqrt(12 * 100)


@pytest.mark.parametrize("validation", [0, 1, -0.1, 1.5, float("nan")])
def test_a_fraction_for_validation_that_will_not_do(validation):
  with pytest.raises(UserError, match=r"--config\.data\.validation=.*\(0, 1\)"):
    data.load("digits", validation=validation)


@pytest.mark.parametrize(
  ("size", "validation", "part"),
  [(12, 0.04, "validation"), (12, 0.96, "training"), (2, 0.5, "test")],
)
def test_too_few_images(tmp_path, size, validation, part):
  with pytest.raises(UserError, match=f"no images for the {part} part"):
    data.load(save(tmp_path / "a.npz", size), validation=validation)


def test_digits():
  splits = data.load("digits")
  assert [len(x.label) for x in splits[:3]] == [1347, 150, 300]
  assert splits.train.image.shape[1:] == (28, 28, 1)
  assert splits.num_classes == 10
  assert data.load("digits", size=32).test.image.shape[1:] == (32, 32, 1)
  with pytest.raises(UserError, match=r"--config\.data\.size=-1"):
    data.load("digits", size=-1)


def test_channels_are_added_and_taken_away(tmp_path):
  colour = data.load("digits", size=32, channels=3).test.image
  grey = data.load("digits", size=32).test.image
  assert colour.shape[1:] == (32, 32, 3)
  for channel in range(3):
    np.testing.assert_array_equal(colour[..., channel], grey[..., 0])
  image = np.random.default_rng(0).integers(0, 256, (24, 4, 4, 3), np.uint8)
  np.savez(tmp_path / "a.npz", image=image, label=np.arange(24) % 2)
  luma = data.load(str(tmp_path / "a.npz"), channels=1)
  original = data.load(str(tmp_path / "a.npz"))
  for a, b in zip(luma[:3], original[:3], strict=True):
    assert a.image.shape[1:] == (4, 4, 1)
    exact = b.image @ np.array([0.299, 0.587, 0.114])
    assert np.abs(a.image[..., 0] - exact).max() <= 0.5 + 1e-9
  with pytest.raises(UserError, match=r"--config\.data\.channels=2: expected 0, 1 or 3"):
    data.load("digits", channels=2)


def write_images(root):
  for number in range(24):
    folder = root / "ab"[number % 2]
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((4, 4), number, np.uint8)).save(folder / f"{number:02}.png")


def test_a_folder_is_cached_until_it_changes(tmp_path, monkeypatch, caplog):
  root = tmp_path / "images"
  write_images(root)
  first = data.load(str(root))
  assert [len(x.label) for x in first[:3]] == [18, 2, 4]
  for split in first[:3]:
    np.testing.assert_array_equal(split.image[:, 0, 0, 0] % 2, split.label)
  with monkeypatch.context() as patch:
    patch.setattr(Image, "open", None)  # nothing is decoded again
    np.testing.assert_equal(data.load(str(root)), first)
  Image.fromarray(np.full((4, 4), 200, np.uint8)).save(root / "a" / "00.png")
  assert max(x.image.max() for x in data.load(str(root))[:3]) == 200
  assert caplog.text == ""


def test_a_damaged_cache_is_rebuilt(tmp_path, caplog):
  write_images(tmp_path / "images")
  first = data.load(str(tmp_path / "images"))
  (file,) = (tmp_path / "cache" / "data").iterdir()
  content = bytearray(file.read_bytes())
  content[content.find(b"train_image.npy") + 200] ^= 1
  file.write_bytes(content)
  np.testing.assert_equal(data.load(str(tmp_path / "images")), first)
  assert [x.levelname for x in caplog.records] == ["WARNING"]
  assert str(file) in caplog.text
  np.testing.assert_equal(data.load(str(tmp_path / "images")), first)
  assert len(caplog.records) == 1  # that one was whole again


def test_a_cache_is_enough_for_a_dataset(tmp_path, caplog, monkeypatch):
  """Cached arrays serve where the dataset is not: carried from another machine, say."""
  root = tmp_path / "images"
  write_images(root)
  arrays = folders.read(root, 0)
  caching.save(caching.path("", "mnist", "3.0.1", 0, root), arrays)
  monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "absent"))
  first = data.load("mnist")
  assert len(first.train.label) + len(first.validation.label) < len(arrays.train.label)
  assert "not on this machine" in caplog.text
  np.testing.assert_equal(data.load("mnist"), first)


def test_a_directory_that_is_named_is_the_one_that_is_meant(tmp_path, monkeypatch):
  """Whatever was cached from others."""
  write_images(tmp_path / "images")
  arrays = folders.read(tmp_path / "images", 0)
  caching.save(caching.path("", "mnist", "3.0.1", 0, tmp_path / "images"), arrays)

  def absent(name, directory):
    raise UserError(f"{directory}: no download here")

  monkeypatch.setattr(splits.tfds, "prepare", absent)
  with pytest.raises(UserError, match="wrong: no download here"):
    data.load("mnist", directory=str(tmp_path / "wrong"))


def test_a_folder_that_is_not_there_is_an_error_though_it_was_cached(tmp_path):
  """A path names other images on another day; its cached arrays must not stand for them."""
  root = tmp_path / "images"
  write_images(root)
  data.load(str(root))
  assert list((tmp_path / "cache" / "data").iterdir())
  root.rename(tmp_path / "away")
  with pytest.raises(UserError, match="images: no such folder"):
    data.load(str(root))


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path, caplog):
  write_images(tmp_path / "images")
  (tmp_path / "file").write_text("")
  assert data.load(str(tmp_path / "images"), cache=str(tmp_path / "file")).num_classes == 2
  assert "not cached" in caplog.text


def test_a_folder_takes_a_slash(tmp_path, monkeypatch):
  """Or a workdir called mnist would stand for the dataset."""
  monkeypatch.chdir(tmp_path)
  for name in ("digits", "mnist", "deep/images"):
    write_images(tmp_path / name)

  def locate(name, directory):
    raise UserError(f"looking for the dataset {name}")

  monkeypatch.setattr(tfds, "locate", locate)
  assert data.load("digits").num_classes == 10
  with pytest.raises(UserError, match="looking for the dataset mnist"):
    data.load("mnist")
  for name in ("./digits", "./mnist", "deep/images", str(tmp_path / "mnist")):
    assert data.load(name).num_classes == 2


@pytest.mark.parametrize(
  ("name", "shape", "counts", "test_counts", "source"),
  [
    (
      "mnist",
      (28, 28, 1),
      [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
      [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009],
      "mnist 3.0.1 (tensorflow-datasets)",
    ),
    ("cifar10", (32, 32, 3), [5000] * 10, [1000] * 10, "cifar10 3.0.2 (tensorflow-datasets)"),
  ],
)
def test_real_datasets(load_real, name, shape, counts, test_counts, source):
  first = load_real(name)
  train, validation, test, classes, line = first
  size = sum(counts)
  assert train.image.shape == (size * 9 // 10, *shape)
  assert validation.image.shape == (size // 10, *shape)
  assert test.image.shape == (10_000, *shape)
  labels = np.concatenate([train.label, validation.label])
  assert np.bincount(labels).tolist() == counts
  assert np.bincount(test.label).tolist() == test_counts
  assert (len(classes), line) == (10, source)
  # Published means of the training images, over 255.
  mean = {"mnist": [0.1307], "cifar10": [0.4914, 0.4822, 0.4465]}[name]
  total = sum(x.image.sum((0, 1, 2), dtype=np.int64) for x in (train, validation))
  np.testing.assert_allclose(total / (size * shape[0] * shape[1] * 255), mean, atol=1e-4)


@pytest.mark.parametrize("name", ["mnist", "cifar10"])
def test_published_sizes_are_those_of_the_data_that_are_here(load_real, name):
  described, real = sizes.splits(name), load_real(name)
  assert described.num_classes == real.num_classes
  for part in ("train", "validation", "test"):
    for said, array in zip(getattr(described, part), getattr(real, part), strict=True):
      assert (said.shape, said.dtype) == (array.shape, array.dtype)


def test_a_second_start_is_fast(load_real):
  first = load_real("mnist")
  seconds = []
  for _ in range(3):  # the best counts, as the machine may be busy
    started = time.perf_counter()
    second = load_real("mnist")
    seconds.append(time.perf_counter() - started)
  np.testing.assert_equal(second, first)
  assert min(seconds) < 0.5


def test_to_device():
  split = data.to_device(data.load("digits").test)
  assert isinstance(split.image, jax.Array)
  assert (split.image.dtype, split.label.dtype) == (jnp.uint8, jnp.int32)


@pytest.mark.parametrize(
  ("size", "batch_size", "expected"), [(10, 3, 3), (9, 3, 3), (3, 3, 1), (10, 1, 10)]
)
def test_batches_per_epoch(size, batch_size, expected):
  assert data.batches_per_epoch(size, batch_size) == expected


@pytest.mark.parametrize("batch_size", [0, -1, 11])
def test_a_batch_size_that_will_not_do(batch_size):
  with pytest.raises(UserError, match=rf"--config\.batch_size={batch_size}: expected 1 to 10"):
    data.batches_per_epoch(10, batch_size)
  with pytest.raises(UserError):
    data.order(KEY, 10, batch_size, 0, 1)


@pytest.mark.parametrize("size", [1, 2, 3, 10, 16, 17, 1437, 54_000, 65_537])
def test_permute_is_a_permutation(size):
  for seed in range(3):
    image = permute(jax.random.key(seed), size, np.arange(size))
    np.testing.assert_array_equal(np.sort(image), np.arange(size))


def test_permutations_are_as_good_as_uniform():
  """Where an index goes, and where two go together, over many keys: chi-square, 5 sigma."""
  size, draws = 6, 20_000
  keys = jax.random.split(jax.random.key(1), draws)
  images = np.asarray(
    jax.jit(jax.vmap(lambda key: data.permute(key, size, jnp.arange(size))))(keys)
  )
  for columns, outcomes in (((0,), 6), ((5,), 6), ((0, 1), 30), ((2, 5), 30), ((0, 3, 4), 120)):
    code = sum(images[:, c] * size**i for i, c in enumerate(columns))
    counts = np.unique(code, return_counts=True)[1]
    assert len(counts) == outcomes
    chi2 = ((counts - draws / outcomes) ** 2 / (draws / outcomes)).sum()
    assert chi2 < outcomes - 1 + 5 * np.sqrt(2 * (outcomes - 1))


def test_neighbours_do_not_stay_together():
  image = np.asarray(permute(KEY, 54_000, np.arange(54_000))).astype(float)
  bound = 5 / np.sqrt(54_000)
  assert abs(np.corrcoef(image, np.arange(54_000))[0, 1]) < bound
  assert abs(np.corrcoef(image[:-1], image[1:])[0, 1]) < bound


def slow_order(size, batch_size, first, count):
  """Batch by batch, each cut from its own epoch's permutation."""
  per_epoch = size // batch_size
  for i in range(first, first + count):
    yield permutation(i // per_epoch, size)[i % per_epoch * batch_size :][:batch_size]


@functools.cache
def permutation(epoch, size):
  return np.asarray(permute(jax.random.fold_in(KEY, epoch), size, np.arange(size)))


@pytest.mark.parametrize(
  ("size", "batch_size", "count"),
  [(10, 3, 1), (10, 3, 3), (10, 3, 11), (4, 4, 5), (5, 1, 7)],
)
def test_order_does_not_depend_on_how_it_is_cut(size, batch_size, count):
  traced = jax.jit(lambda first: data.order(KEY, size, batch_size, first, count))
  for first in range(2 * (size // batch_size) + 2):
    expected = np.stack([*slow_order(size, batch_size, first, count)])
    result = traced(first)
    assert result.shape == (count, batch_size)
    assert result.dtype == jnp.int32
    np.testing.assert_array_equal(result, expected)
  assert traced._cache_size() == 1  # `first` is traced
  np.testing.assert_array_equal(order(KEY, size, batch_size, first, count), expected)


def test_an_epoch_shows_every_image_once():
  size, batch_size = 24, 4
  epochs = np.asarray(order(KEY, size, batch_size, 0, 5 * 6)).reshape(5, size)
  np.testing.assert_array_equal(np.sort(epochs), np.tile(np.arange(size), (5, 1)))
  others = np.asarray(order(jax.random.key(4), size, batch_size, 0, 5 * 6)).reshape(5, size)
  rows = {tuple(row.tolist()) for row in (*epochs, *others)}
  assert len(rows) == 10  # another order in each epoch, and for each key


def test_what_an_epoch_drops_changes():
  epochs = np.asarray(order(KEY, 10, 3, 0, 3 * 40)).reshape(40, 9)
  assert all(len(set(epoch)) == 9 for epoch in epochs.tolist())
  dropped = 45 - epochs.sum(1)
  assert len(set(dropped.tolist())) > 5


def test_order_under_transformations():
  keys = jax.random.split(KEY, 3)
  alone = np.stack([order(key, 10, 3, 2, 4) for key in keys])
  one = lambda key: data.order(key, 10, 3, 2, 4)  # noqa: E731
  np.testing.assert_array_equal(jax.jit(jax.vmap(one))(keys), alone)
  np.testing.assert_array_equal(jax.lax.map(one, keys), alone)
  scanned = jax.lax.scan(lambda i, _: (i + 1, data.order(KEY, 10, 3, i, 1)[0]), 0, length=7)[1]
  np.testing.assert_array_equal(scanned, order(KEY, 10, 3, 0, 7))


def ramp():
  """All pixel values, in images 0 to 255 of one value each."""
  image = np.broadcast_to(np.arange(256, dtype=np.uint8)[:, None, None, None], (256, 3, 2, 1))
  return data.to_device(Dataset(image, np.arange(256) % 7))


@pytest.mark.parametrize("transform", [lambda f: f, jax.jit], ids=["plain", "jit"])
def test_draw_scales(transform):
  indices = jnp.array([255, 0, 51, 255])
  batch = transform(lambda d, i: data.draw(d, i))(ramp(), indices)
  assert batch.image.shape == (4, 3, 2, 1)
  assert (batch.image.dtype, batch.label.dtype) == (jnp.float32, jnp.int32)
  np.testing.assert_array_equal(batch.label, [255 % 7, 0, 51 % 7, 255 % 7])
  assert (batch.image[0] == 1).all()  # the ends are exact
  assert (batch.image[1] == 0).all()
  np.testing.assert_allclose(batch.image[2], 0.2, rtol=1e-6)


def test_binarised_pixels_have_the_right_mean():
  draws = 4000
  keys = jax.random.split(KEY, draws)
  indices = jnp.array([0, 26, 128, 230, 255])
  draw = jax.jit(jax.vmap(lambda key: data.draw(ramp(), indices, key).image))
  image = np.asarray(draw(keys))
  assert set(np.unique(image)) == {0, 1}
  p = np.array([0, 26, 128, 230, 255]) / 255
  mean = image.mean((0, 2, 3, 4))
  error = np.sqrt(p * (1 - p) / (draws * 6))
  assert (abs(mean - p) <= 5 * error).all()  # at 0 and 255 exactly
  # Pixels, and draws, are independent of one another.
  grey = image[:, 2].reshape(draws, 6)
  correlation = np.corrcoef(grey.T) - np.eye(6)
  assert abs(correlation).max() < 5 / np.sqrt(draws)
  assert abs(np.corrcoef(grey[:-1].ravel(), grey[1:].ravel())[0, 1]) < 5 / np.sqrt(draws * 6)


def test_draw_under_transformations():
  dataset, keys = ramp(), jax.random.split(KEY, 3)
  indices = jnp.arange(12).reshape(3, 4) * 20

  def one(args):
    return data.draw(dataset, *args)

  alone = [one(args) for args in zip(indices, keys, strict=True)]
  for batch in (jax.jit(jax.vmap(one))((indices, keys)), jax.lax.map(one, (indices, keys))):
    np.testing.assert_array_equal(batch.image, jnp.stack([x.image for x in alone]))
    np.testing.assert_array_equal(batch.label, jnp.stack([x.label for x in alone]))
  assert data.draw(dataset, indices).image.shape == (3, 4, 3, 2, 1)  # as K batches for a critic


@pytest.mark.parametrize(
  ("name", "expected"),
  [("MNIST", "mnist"), ("CIFAR10", "cifar10"), ("cifar-10", "cifar10"), ("CIFAR-100", "cifar100"),
   ("FashionMNIST", "fashion_mnist"), ("fashion-mnist", "fashion_mnist"), ("KMNIST", "kmnist"),
   ("SVHN", "svhn_cropped"), ("mnist:3.0.1", "mnist:3.0.1"), ("emnist/letters", "emnist/letters"),
   ("rock_paper_scissors", "rock_paper_scissors")],
)  # fmt: skip
def test_names_of_other_libraries_find_the_dataset(name, expected, monkeypatch):
  asked = []
  monkeypatch.setattr(splits.tfds, "locate", lambda name, directory: asked.append(name))
  monkeypatch.setattr(splits.caching, "newest", lambda *_: ())

  def absent(name, directory):
    raise UserError("no download here")

  monkeypatch.setattr(splits.tfds, "prepare", absent)
  with pytest.raises(UserError, match="no download here"):
    data.load(name)
  assert asked == [expected]


@pytest.mark.parametrize("name", ["x.npy", "faces.zip", "MyData", "a b", "images*"])
def test_a_name_that_is_nothing_gets_the_forms_there_are(name):
  with pytest.raises(
    UserError, match=r"expected a dataset of TFDS .* \./faces, .*\.npz, or digits"
  ):
    data.load(name)


def test_a_path_to_data_holds_in_every_folder(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  (tmp_path / "some" / "faces").mkdir(parents=True)
  for name, expected in (
    ("./faces", tmp_path / "faces"),
    ("some/faces", tmp_path / "some" / "faces"),
    ("./~nobody", tmp_path / "~nobody"),
    ("x.npz", tmp_path / "x.npz"),
    (str(tmp_path / "x.npz"), tmp_path / "x.npz"),
  ):
    assert data.absolute(name) == str(expected)
  for name in ("mnist", "emnist/letters", "digits", "mnist:3.0.1"):
    assert data.absolute(name) == name


def test_a_folder_whose_name_begins_with_a_tilde(tmp_path, monkeypatch):
  write_images(tmp_path / "~nobody")
  monkeypatch.chdir(tmp_path)
  assert data.load("./~nobody", cache="./~cache").source == "~nobody (folder of images)"
  assert (tmp_path / "~cache" / "data").is_dir()


def test_data_that_moved(tmp_path):
  (tmp_path / "x.npz").write_text("")
  file, folder = str(tmp_path / "x.npz"), str(tmp_path)
  assert data.moved("/old/y.npz", "", "") == ("/old/y.npz", "")
  assert data.moved("/old/y.npz", "", file) == (file, "")
  assert data.moved("/old/faces", "d", folder) == (folder, "d")
  assert data.moved("some/faces", "d", folder) == (folder, "d")  # as older workdirs have it
  (tmp_path / "mnist" / "3.0.1").mkdir(parents=True)
  for name in ("dataset_info.json", "mnist-train.array_record-00000-of-00001"):
    (tmp_path / "mnist" / "3.0.1" / name).write_text("")
  assert data.moved("MNIST", "d", folder) == ("MNIST", folder)


@pytest.mark.parametrize(
  ("name", "where", "expected"),
  [
    ("/old/y.npz", ".", "is no file; expected the one that was /old/y.npz"),
    ("/old/faces", "nowhere", "is no folder; expected the one that holds /old/faces"),
    ("mnist", "nowhere", "is no folder; expected the one that holds mnist"),
    ("mnist", ".", "has no mnist in it"),
    ("digits", ".", "come with scikit-learn"),
  ],
)
def test_data_cannot_have_moved_there(tmp_path, monkeypatch, name, where, expected):
  monkeypatch.chdir(tmp_path)
  with pytest.raises(UserError, match=f"--data={where}:? .*{expected}"):
    data.moved(name, "", where)


def test_a_background_behind_what_is_transparent(tmp_path):
  """A cache of one background does not serve the other."""
  (tmp_path / "images" / "a").mkdir(parents=True)
  for i in range(20):
    Image.new("LA", (4, 4), (99, 0)).save(tmp_path / "images" / "a" / f"{i}.png")
  for background, grey in (("white", 255), ("black", 0), ("white", 255)):
    options = {"cache": str(tmp_path / "cache"), "background": background}
    assert (data.load(str(tmp_path / "images"), **options).train.image == grey).all()


def test_how_data_were_read_is_said_at_each_start(tmp_path, caplog):
  """Also where they come from the cache; and which classes have no images."""
  label = np.arange(60) % 3 * 10 + 5
  np.savez(tmp_path / "a.npz", image=np.zeros((60, 4, 4), np.uint8), label=label)
  data.load(str(tmp_path / "a.npz"))
  assert "a.npz (npz): 23 of 26 classes have no images" in caplog.text
  write_images(tmp_path / "images")
  (tmp_path / "images" / "a" / "x.txt").write_text("")
  for _ in range(2):
    caplog.clear()
    data.load(str(tmp_path / "images"), cache=str(tmp_path / "cache"))
    assert "images (folder of images): not taken as images: 1 *.txt" in caplog.text


def test_a_folder_named_without_its_slash_is_pointed_at(tmp_path, monkeypatch):
  (tmp_path / "faces").mkdir()
  monkeypatch.chdir(tmp_path)
  with pytest.raises(UserError, match=r"faces is no dataset .*; \./faces names the folder"):
    data.load("faces", directory=str(tmp_path))


def test_nothing_is_downloaded_where_that_is_not_asked_for(tmp_path):
  with pytest.raises(UserError, match="kmnist is not on this machine; training it downloads it"):
    data.load("kmnist", directory=str(tmp_path), download=False)
