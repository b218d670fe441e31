import pathlib

import jax
import numpy as np
import pytest
import trainings

from genjax import models
from genjax.training import blocks, kept, sweep, train

X = np.arange(4.0, dtype=np.float32)
EXAMPLES = pathlib.Path(__file__).parents[2] / "configs" / "examples"
KEYS = {"name": "vae", "network": "dense", "width": 4}


@pytest.fixture
def cache(caches, tmp_path):
  """A cache of compiled programs that has none yet."""
  before = jax.config.jax_compilation_cache_dir
  jax.config.update("jax_compilation_cache_dir", str(tmp_path / "cache"))
  yield tmp_path / "cache" / "programs"
  jax.config.update("jax_compilation_cache_dir", before)


def _double(traced, made_of="double", factor=2):
  def f(x, power):
    traced.append(x.shape)
    return factor * x**power

  return kept.Kept(f, made_of, static=1)


def test_a_program_that_is_there_is_not_traced(cache):
  traced, again = [], []
  np.testing.assert_array_equal(_double(traced)(X, 2), 2 * X**2)
  assert traced == [(4,)]
  other = _double(again, factor=3)  # which "double" belies: so one sees whose program it is
  np.testing.assert_array_equal(other(X, 2), 2 * X**2)
  np.testing.assert_array_equal(other(X, 2), 2 * X**2)
  assert not again
  assert len(list(cache.iterdir())) == 1


@pytest.mark.parametrize(
  ("made_of", "x", "power"),
  [
    ("triple", X, 2),
    ("double", X, 3),
    ("double", X[:3], 2),
    ("double", X.astype(np.int32), 2),
    ("double", jax.device_put(X, jax.devices()[1]), 2),
  ],
)
def test_another_program_is_another_one(cache, made_of, x, power):
  _double([])(X, 2)
  traced = []
  np.testing.assert_array_equal(_double(traced, made_of, 3)(x, power), 3 * np.asarray(x) ** power)
  assert traced == [x.shape]
  assert len(list(cache.iterdir())) == 2


def test_what_changes_every_program_changes_these(cache, monkeypatch):
  _double([])(X, 2)
  for change in (
    lambda: monkeypatch.setattr(kept, "_fixed", lambda: ("another edition of genjax",)),
    lambda: monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_enable_fast_math=true"),
    lambda: jax.config.update("jax_default_matmul_precision", "highest"),
  ):
    traced, before = [], jax.config.jax_default_matmul_precision
    change()
    try:
      _double(traced)(X, 2)
    finally:
      jax.config.update("jax_default_matmul_precision", before)
    assert traced == [(4,)]
  assert len(list(cache.iterdir())) == 4


def test_the_code_of_genjax_is_part_of_the_name(monkeypatch, tmp_path):
  """One changed letter in one of its files."""
  monkeypatch.setattr(kept, "_PACKAGE", tmp_path)
  found = []
  for text in ("x = 1\n", "x = 2\n", "x = 1\n"):
    (tmp_path / "inner").mkdir(exist_ok=True)
    (tmp_path / "inner" / "module.py").write_text(text)
    found.append(kept._fixed.__wrapped__())
  assert found[0] == found[2] != found[1]


def test_a_damaged_file_is_written_anew(cache):
  _double([])(X, 2)
  (file,) = cache.iterdir()
  whole = file.read_bytes()
  for damaged in (b"", whole[: len(whole) // 2], b"no pickle"):
    file.write_bytes(damaged)
    traced = []
    np.testing.assert_array_equal(_double(traced)(X, 2), 2 * X**2)
    assert traced == [(4,)]
    assert len(file.read_bytes()) == len(whole)


def test_nothing_is_kept_of_code_that_nobody_knows(cache):
  traced = []
  _double(traced, made_of="")(X, 2)
  _double(traced, made_of="")(X, 2)
  assert traced == [(4,), (4,)]
  assert not cache.exists()


def test_a_cache_that_cannot_be_written_to_stops_nothing(caches, cache):
  cache.parent.mkdir()
  cache.write_text("a file where the folder would be")
  np.testing.assert_array_equal(_double([])(X, 2), 2 * X**2)


def test_jaxs_own_cache_is_used_by_others_as_before(cache):
  _double([])(X, 2)
  assert jax.config.jax_enable_compilation_cache
  before = jax.config.jax_persistent_cache_min_compile_time_secs
  jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
  try:
    jax.jit(lambda x: x @ x + 19.0)(np.eye(7, dtype=np.float32)).block_until_ready()
  finally:
    jax.config.update("jax_persistent_cache_min_compile_time_secs", before)
  assert [file for file in cache.parent.iterdir() if file.is_file()]


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


@pytest.mark.parametrize("model", ["vae", "gan"])
def test_a_second_start_traces_no_step_and_gives_the_same_bits(
  cache, tmp_path, no_pictures, monkeypatch, model
):
  changes = {"steps": 4, "log_every": 2, "eval_every": 4}
  plan = trainings.plan(model, **changes)
  train.train(plan, tmp_path / "first")

  def no_step(*_):
    raise AssertionError("traced again")

  models._shared.cache_clear()  # as in another process
  plan = trainings.plan(model, **changes)
  monkeypatch.setattr(blocks, "advance", no_step)
  monkeypatch.setattr(blocks, "_step", no_step)
  train.train(plan, tmp_path / "second")
  for name in ("metrics.csv", "runs.csv"):
    assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()
  first, second = (trainings.saved(tmp_path / name, plan) for name in ("first", "second"))
  jax.tree.map(np.testing.assert_array_equal, sweep.to_host(first, 4), sweep.to_host(second, 4))
