import errno
import os

import numpy as np
import pytest

from genjax.data import cache
from genjax.data.sources import Arrays
from genjax.types import Dataset, UserError


def example(with_test=True, seed=0):
  rng = np.random.default_rng(seed)

  def part(size):
    image = rng.integers(0, 256, (size, 3, 3, 1), dtype=np.uint8)
    return Dataset(image, rng.integers(0, 4, size, dtype=np.int32))

  return Arrays(
    part(9),
    part(5) if with_test else None,
    ("a", "b", "Käse", "d e"),
    "an example",
    ("one note", "ä"),
  )


def assert_equal(one, two):
  for a, b in ((one.train, two.train), (one.test, two.test)):
    assert (a is None) == (b is None)
    for x, y in zip(a or (), b or (), strict=True):
      assert x.dtype == y.dtype
      np.testing.assert_array_equal(x, y)
  assert one[2:] == two[2:]


@pytest.mark.parametrize("with_test", [True, False])
def test_what_is_saved_is_loaded(tmp_path, with_test):
  file = tmp_path / "new" / "a.npz"
  assert cache.load(file) is None
  cache.save(file, example(with_test))
  assert_equal(cache.load(file), example(with_test))
  assert [x.name for x in file.parent.iterdir()] == ["a.npz"]


def test_a_file_without_names_has_numbers(tmp_path):
  """As they were before classes had names."""
  cache.save(tmp_path / "a.npz", example())
  with np.load(tmp_path / "a.npz") as saved:
    np.savez(tmp_path / "b.npz", **{k: v for k, v in saved.items() if k != "classes"})
  assert cache.load(tmp_path / "b.npz").classes == ("0", "1", "2", "3")


def test_every_byte_of_the_arrays_is_checked(tmp_path, caplog):
  file, arrays = tmp_path / "a.npz", example()
  cache.save(file, arrays)
  whole = file.read_bytes()
  data = set()
  for x in (*arrays.train, *arrays.test):
    start = whole.find(x.tobytes())
    assert start > 0
    data.update(range(start, start + x.nbytes))
  for position in sorted(data.union(range(0, len(whole), 5))):
    damaged = bytearray(whole)
    damaged[position] ^= 0x10
    file.write_bytes(damaged)
    caplog.clear()
    loaded = cache.load(file)
    assert (loaded is None) == ("damaged" in caplog.text)
    if position in data:
      assert loaded is None, position
    elif loaded is not None:  # a byte that says nothing of the arrays, such as the time of writing
      assert_equal(loaded, arrays)


@pytest.mark.parametrize("left", [0, 1, 0.3, 0.9, -1])
def test_a_file_cut_short_is_noticed(tmp_path, caplog, left):
  file = tmp_path / "a.npz"
  cache.save(file, example())
  size = file.stat().st_size
  os.truncate(file, int(left * size) if isinstance(left, float) else left % size)
  assert cache.load(file) is None
  assert str(file) in caplog.text
  assert len(caplog.records) == 1


def test_a_failed_save_leaves_what_was_there(tmp_path, caplog, monkeypatch):
  file = tmp_path / "a.npz"
  cache.save(file, example())

  def full(stream, **_):
    stream.write(b"half")
    raise OSError(errno.ENOSPC, "No space left on device")

  monkeypatch.setattr(np, "savez", full)
  cache.save(file, example(seed=1))
  assert "not cached" in caplog.text
  assert_equal(cache.load(file), example())
  assert [x.name for x in tmp_path.iterdir()] == ["a.npz"]


def test_a_folder_that_cannot_be_made_is_no_error(tmp_path, caplog):
  (tmp_path / "taken").write_text("a file")
  cache.save(tmp_path / "taken" / "a.npz", example())
  assert "not cached" in caplog.text


def test_the_path_tells_the_source(tmp_path):
  source = tmp_path / "source"
  (source / "deep").mkdir(parents=True)
  file = source / "deep" / "file"
  file.write_text("one")
  os.utime(file, ns=(0, 10**18))

  def path(name="mnist", version="3.0.1", size=0):
    return cache.path(str(tmp_path / "cache"), name, version, size, source)

  seen = [path()]
  assert seen[0].parent == tmp_path / "cache" / "data"
  assert seen[0].name.startswith("mnist-3.0.1-native-")
  assert path() == seen[0]
  seen += [path("kmnist"), path(version="3.0.2"), path(size=32)]
  os.utime(file, ns=(0, 10**18 + 1))
  seen.append(path())
  file.write_text("longer")
  os.utime(file, ns=(0, 10**18))
  seen.append(path())
  file.rename(source / "deep" / "other")
  seen.append(path())
  (source / "deep" / "file").symlink_to(tmp_path / "nowhere")  # which reading has to report
  seen.append(path())
  source.rename(tmp_path / "moved")
  source.symlink_to(tmp_path / "moved")
  seen.append(path())
  assert len(set(seen)) == len(seen)


@pytest.mark.parametrize(
  ("environment", "argument", "expected"),
  [
    ({"GENJAX_CACHE": "g", "XDG_CACHE_HOME": "x"}, "c", "c/data"),
    ({"GENJAX_CACHE": "g", "XDG_CACHE_HOME": "x"}, "", "g/data"),
    ({"XDG_CACHE_HOME": "x"}, "", "x/genjax/data"),
    ({}, "", "home/.cache/genjax/data"),
  ],
)
def test_where_the_cache_is(tmp_path, monkeypatch, environment, argument, expected):
  for name in ("GENJAX_CACHE", "XDG_CACHE_HOME"):
    monkeypatch.delenv(name, raising=False)
  monkeypatch.setenv("HOME", str(tmp_path / "home"))
  for name, value in environment.items():
    monkeypatch.setenv(name, str(tmp_path / value))
  argument = argument and str(tmp_path / argument)
  assert cache.path(argument, "a", "1", 0, tmp_path).parent == tmp_path / expected


def test_newest_takes_the_right_files(tmp_path):
  (tmp_path / "data").mkdir()
  names = [
    "mnist-3.0.1-native-0123456789ab.npz",
    "mnist-3.0.0-native-ba9876543210.npz",
    "mnist-3.0.1-32-0123456789ab.npz",
    "kmnist-3.0.1-native-0123456789ab.npz",
    "mnist-old-3.0.1-native-0123456789ab.npz",
    "..%2Fmnist-images-native-0123456789ab.npz",
  ]
  for age, name in enumerate(names):
    (tmp_path / "data" / name).touch()
    os.utime(tmp_path / "data" / name, ns=(0, (100 - age) * 10**9))
  os.utime(tmp_path / "data" / names[1], ns=(0, 10**12))

  def newest(name, size):
    return [x.name for x in cache.newest(str(tmp_path), name, size)]

  assert newest("mnist", 0) == [names[1], names[0]]
  assert newest("mnist", 32) == [names[2]]
  assert newest("mnist-old", 0) == [names[4]]
  assert newest("../mnist", 0) == [names[5]]
  assert newest("mnist", 64) == []


def test_a_user_without_a_home_is_told_what_to_set(monkeypatch, tmp_path):
  for name in ("GENJAX_CACHE", "XDG_CACHE_HOME"):
    monkeypatch.delenv(name, raising=False)
  monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # as for an unknown uid
  with pytest.raises(UserError, match=r"no home directory .* set XDG_CACHE_HOME"):
    cache.folder("", "data")
  monkeypatch.setenv("GENJAX_CACHE", str(tmp_path))
  assert cache.folder("", "data") == tmp_path / "data"
