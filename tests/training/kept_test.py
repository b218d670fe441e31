import os
import pathlib
import threading
import time

import jax
import numpy as np
import pytest
import trainings
from jax.experimental.compilation_cache import compilation_cache

from genjax import models
from genjax.models import losses
from genjax.training import blocks, kept, sweep, train

X = np.arange(4.0, dtype=np.float32)
EXAMPLES = pathlib.Path(__file__).parents[2] / "configs" / "examples"
KEYS = {"name": "vae", "network": "dense", "width": 4}


@pytest.fixture
def cache(caches, tmp_path):
  """The folder for programs in a cache that has none yet."""
  before = jax.config.jax_compilation_cache_dir
  for place in (tmp_path / "cache", before):
    jax.config.update("jax_compilation_cache_dir", str(place))
    compilation_cache.reset_cache()
    if place != before:
      yield tmp_path / "cache" / "programs"


@pytest.fixture(autouse=True)
def another_process():
  """What one process tells of itself but once is asked for anew by each test."""
  kept._environment.cache_clear()
  yield
  kept._environment.cache_clear()


def _times(factor, traced, recipe="double"):
  def f(x):
    traced.append(x.shape)
    return factor * x

  return kept.Kept(f, recipe)


def _files(cache):
  return sorted(cache.iterdir()) if cache.exists() else []


def test_a_program_that_is_there_is_not_traced(cache):
  traced, again = [], []
  np.testing.assert_array_equal(_times(2, traced)(X), 2 * X)
  assert traced == [(4,)]
  other = _times(3, again)  # which its recipe belies: so one sees whose program it is
  np.testing.assert_array_equal(other(X), 2 * X)
  np.testing.assert_array_equal(other(X), 2 * X)
  assert not again
  assert len(_files(cache)) == 1
  assert other.program(X).temporary == _times(2, [], "other").program(X).temporary


@pytest.mark.parametrize(
  ("recipe", "x"),
  [
    ("triple", X),
    ("double", X[:3]),
    ("double", X.astype(np.int32)),
    ("double", jax.device_put(X, jax.devices()[1])),
    ("double", 2.0),
  ],
)
def test_another_program_is_another_one(cache, recipe, x):
  _times(2, [])(X)
  traced = []
  np.testing.assert_array_equal(_times(3, traced, recipe)(x), 3 * np.asarray(x))
  assert traced == [np.shape(x)]
  assert len(_files(cache)) == 2


def test_on_one_device_all_shardings_are_alike(cache):
  traced, device = [], jax.devices()[0]
  mesh = jax.sharding.Mesh(np.array([device]), ("runs",))
  spread = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("runs"))
  doubled = _times(2, traced)
  for x in (jax.device_put(X, device), jax.device_put(X, spread)):
    np.testing.assert_array_equal(doubled(x), 2 * X)
  assert traced == [(4,)]


@pytest.mark.parametrize("num_rows", [2, 3, 8])
def test_rows_on_two_devices(cache, num_rows):
  rows = np.arange(num_rows, dtype=np.float32)
  for _ in range(3):
    f = kept.Kept(sweep.vectorise(lambda row: 2 * row, num_rows, 0), "rows")
    placed = f(sweep.to_devices(rows, num_rows))
    np.testing.assert_array_equal(placed[:num_rows], 2 * rows)
    np.testing.assert_array_equal(f(rows), 2 * rows)
  assert len(_files(cache)) == 2


def test_a_setting_of_jax_is_part_of_a_program(cache):
  traced = []
  doubled = _times(2, traced)
  doubled(X)
  with jax.default_matmul_precision("highest"):
    doubled(X)
  doubled(X)
  assert len(traced) == len(_files(cache)) == 2


@pytest.mark.parametrize("name", sorted(kept._IRRELEVANT))
def test_what_changes_no_program_is_a_setting(name):
  assert name in jax.config.values


def test_what_changes_every_program_changes_these(cache, monkeypatch):
  _times(2, [])(X)
  for change in (
    lambda: monkeypatch.setattr(kept, "_CODE", "another edition"),
    lambda: monkeypatch.setattr(kept, "_versions", lambda: [("jax", "9.9")]),
    lambda: monkeypatch.setattr(os, "sched_getaffinity", lambda process: range(77)),
  ):
    traced = []
    with monkeypatch.context() as monkeypatch:
      change()
      kept._environment.cache_clear()
      _times(2, traced)(X)
    assert traced == [(4,)]


def test_the_code_is_that_of_the_rooms_below_training(monkeypatch, tmp_path):
  monkeypatch.setattr(kept, "_PACKAGE", tmp_path)
  assert kept._code() == ""  # of an archive, say
  for room in ("models", "reporting"):
    (tmp_path / room).mkdir()
  found = []
  for text in ("x = 1\n", "x = 2\n", "x = 1\n"):
    (tmp_path / "models" / "vae.py").write_text(text)
    found.append(kept._code())
  assert found[0] == found[2] != found[1]
  (tmp_path / "reporting" / "page.py").write_text("y = 1\n")
  (tmp_path / "models" / ".#vae.py").symlink_to("nowhere")  # as Emacs leaves them
  assert kept._code() == found[0]
  (tmp_path / "models" / "vae.py").rename(tmp_path / "models" / "gan.py")
  assert kept._code() != found[0]


@pytest.mark.parametrize(
  "change",
  [
    lambda patch: patch.setattr(kept, "_code", lambda: "edited since it was imported"),
    lambda patch: patch.setenv("XLA_FLAGS", "--xla_cpu_enable_fast_math=true"),  # too late for XLA
    lambda patch: patch.setattr(kept, "_GIVEN", ["flags.txt", None, None, None]),
    lambda patch: patch.setattr(kept, "_versions", list),  # of an editable library
    lambda patch: patch.setattr(kept, "_CODE", ""),
  ],
)
def test_nothing_is_kept_where_nobody_can_tell_of_what(cache, monkeypatch, change):
  change(monkeypatch)
  for _ in range(2):
    traced = []
    np.testing.assert_array_equal(_times(2, traced)(X), 2 * X)
    assert traced == [(4,)]
  assert not _files(cache)


@pytest.mark.parametrize(
  ("name", "value"),
  [("jax_enable_compilation_cache", False), ("jax_compilation_cache_dir", "gs://bucket/x")],
)
def test_where_there_is_no_such_cache_none_is_made(cache, tmp_path, monkeypatch, name, value):
  monkeypatch.chdir(tmp_path)
  before = getattr(jax.config, name)
  jax.config.update(name, value)
  try:
    assert kept._file("double") is None
  finally:
    jax.config.update(name, before)
  assert kept._file("") is None
  assert kept._file("double").parent == cache


def test_a_damaged_file_is_written_anew(cache):
  _times(2, [])(X)
  (file,) = _files(cache)
  whole = file.read_bytes()
  for damaged in (b"", whole[: len(whole) // 2], b"no pickle"):
    file.write_bytes(damaged)
    traced = []
    np.testing.assert_array_equal(_times(2, traced)(X), 2 * X)
    assert traced == [(4,)]
    assert len(file.read_bytes()) == len(whole)


def test_a_cache_that_cannot_be_used_stops_nothing(cache, monkeypatch):
  cache.parent.mkdir()
  cache.write_text("a file where the folder would be")
  np.testing.assert_array_equal(_times(2, [])(X), 2 * X)
  cache.unlink()

  def refuse(*_):
    raise PermissionError("not yours")

  monkeypatch.setattr(pathlib.Path, "read_bytes", refuse)
  monkeypatch.setattr(kept.files, "write", refuse)
  np.testing.assert_array_equal(_times(2, [])(X), 2 * X)


def test_a_file_of_another_user_is_used(cache, monkeypatch):
  _times(2, [])(X)

  def refuse(*_):
    raise PermissionError("not yours")

  monkeypatch.setattr(os, "utime", refuse)
  traced = []
  np.testing.assert_array_equal(_times(2, traced)(X), 2 * X)
  assert not traced


def test_a_program_that_cannot_be_serialised_runs(cache, monkeypatch):
  def refuse(_):
    raise RuntimeError("no")

  monkeypatch.setattr(kept.serialize_executable, "serialize", refuse)
  np.testing.assert_array_equal(_times(2, [])(X), 2 * X)
  assert not _files(cache)


def test_what_was_not_used_for_a_month_goes(cache):
  _times(2, [])(X)
  _times(3, [], "triple")(X)
  old, used = _files(cache)
  for file in (old, used):
    os.utime(file, (0, time.time() - 31 * 24 * 3600))
  recipe = {"double", "triple"}
  again = [_times(2, [], name) for name in recipe]
  again[0](X)  # which touches one of the two
  _times(4, [], "quadruple")(X)
  assert len(_files(cache)) == 2


def test_threads_leave_jaxs_cache_as_it_was(cache):
  made = [_times(n, [], str(n)) for n in range(6)]
  threads = [threading.Thread(target=f, args=(X,)) for f in made]
  for thread in threads:
    thread.start()
  for thread in threads:
    thread.join()
  assert jax.config.jax_enable_compilation_cache
  assert len(_files(cache)) == 6


def test_jaxs_own_cache_is_used_by_others_as_before(cache):
  _times(2, [])(X)
  before = jax.config.jax_persistent_cache_min_compile_time_secs
  jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
  try:
    jax.jit(lambda x: x @ x + 19.0)(np.eye(7, dtype=np.float32)).block_until_ready()
  finally:
    jax.config.update("jax_persistent_cache_min_compile_time_secs", before)
  assert [file for file in cache.parent.iterdir() if file.is_file()]


def test_what_is_remembered_is_computed_once(cache):
  model, asked = models.shared(KEYS, (8, 8, 1), 10, 2), []

  def compute():
    asked.append(1)
    return {"shape": jax.ShapeDtypeStruct((2, 3), np.float32)}

  for _ in range(2):
    assert kept.remembered("shapes", compute, model, 5) == compute()
  assert len(asked) == 3
  kept.remembered("shapes", compute, model, 6)
  kept.remembered("shapes", compute, model._replace(step=None), 5)
  assert len(asked) == 5


def test_a_model_knows_its_recipe_until_a_part_is_replaced(monkeypatch):
  one = models.shared(KEYS, (8, 8, 1), 10, 2)
  assert one.recipe
  assert models.shared(KEYS | {"width": 5}, (8, 8, 1), 10, 2).recipe != one.recipe
  assert models.shared(KEYS, (8, 8, 1), 10, 3).recipe != one.recipe
  assert one._replace(step=one.init).recipe == ""
  assert one._replace(num_classes=3).recipe == ""
  assert models.build(KEYS, (8, 8, 1), 10, 2).recipe == ""
  monkeypatch.syspath_prepend(EXAMPLES)
  own = {"name": "gan", "network": "own_network:networks"}
  assert models.shared(own, (8, 8, 1), 10, 2).recipe == ""


def test_a_name_that_is_registered_or_replaced_is_ones_own_code(monkeypatch):
  keys = {"name": "gan", "network": "dense", "width": 4}
  for name in ("mine", "hinge"):
    with monkeypatch.context() as patch:
      patch.setitem(losses.GAN_LOSSES, name, losses.GAN_LOSSES["wasserstein"])
      models._shared.cache_clear()
      assert models.shared(keys | {"loss": name}, (8, 8, 1), 10, 2).recipe == ""
  models._shared.cache_clear()
  assert models.shared(keys | {"loss": "hinge"}, (8, 8, 1), 10, 2).recipe


@pytest.mark.parametrize("model", ["vae", "gan"])
def test_a_second_start_traces_nothing_and_gives_the_same_bits(
  caches, tmp_path, no_pictures, monkeypatch, model
):
  plan = trainings.plan(model)
  train.train(plan, tmp_path / "first")
  models._shared.cache_clear()  # as in another process
  plan = trainings.plan(model)

  def never(*_):
    raise AssertionError("traced again")

  monkeypatch.setattr(kept.Kept, "lower", never)
  monkeypatch.setattr(blocks, "arguments", never)
  monkeypatch.setattr(blocks, "_step", never)
  train.Training(plan, tmp_path / "second").until(plan.steps, "")
  monkeypatch.undo()
  for name in ("metrics.csv", "runs.csv"):
    assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()
  first, second = (trainings.saved(tmp_path / name, plan) for name in ("first", "second"))
  jax.tree.map(np.testing.assert_array_equal, sweep.to_host(first, 4), sweep.to_host(second, 4))
