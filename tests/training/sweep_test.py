"""A table of numbers, the runs made of it, and functions of one run that serve them all."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from genjax.training import sweep


def key_data(runs):
  return np.asarray(jax.random.key_data(runs.key))


# The table.


def test_the_table_is_a_product_with_seeds_fastest():
  rows = sweep.table(seeds=(7, 8), latents=(2, 10), clip=(0.01, 0.1))
  assert rows == [
    {"seed": 7, "latent": 2, "clip": 0.01},
    {"seed": 8, "latent": 2, "clip": 0.01},
    {"seed": 7, "latent": 2, "clip": 0.1},
    {"seed": 8, "latent": 2, "clip": 0.1},
    {"seed": 7, "latent": 10, "clip": 0.01},
    {"seed": 8, "latent": 10, "clip": 0.01},
    {"seed": 7, "latent": 10, "clip": 0.1},
    {"seed": 8, "latent": 10, "clip": 0.1},
  ]
  assert list(rows[0]) == ["seed", "latent", "clip"]


def test_the_chunk_is_no_number_of_a_run():
  rows = sweep.table(seeds=(0,), latents=(2,), chunk=3)
  assert rows == [{"seed": 0, "latent": 2}]


# Runs.


def test_runs_have_the_numbers_of_their_rows():
  rows = sweep.table(seeds=(0, 3), latents=(2, 4), learning_rate=(1e-3,), kl_weight=(0.5,))
  runs = sweep.runs(rows)
  np.testing.assert_array_equal(
    runs.latent_mask, [[1, 1, 0, 0], [1, 1, 0, 0], [1, 1, 1, 1], [1, 1, 1, 1]]
  )
  np.testing.assert_array_equal(runs.learning_rate, np.float32([1e-3] * 4))
  np.testing.assert_array_equal(runs.kl_weight, np.float32([0.5] * 4))
  for name, standard in (("b1", 0.9), ("clip", 0.01), ("penalty_weight", 10), ("ema_decay", 0)):
    np.testing.assert_array_equal(getattr(runs, name), np.float32([standard] * 4))
  assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(runs._replace(key=None)))


@pytest.mark.parametrize("seed", [0, 1, 2**31, 2**32 - 1])
def test_a_run_has_the_key_of_its_seed(seed):
  runs = sweep.runs(sweep.table(seeds=(5, seed), latents=(2,)))
  expected = jax.random.key_data(jax.random.key(np.uint32(seed)))
  np.testing.assert_array_equal(key_data(runs)[1], expected)
  assert not np.array_equal(key_data(runs)[0], key_data(runs)[1])


@pytest.mark.parametrize(
  "others",
  [
    {"seeds": (3, 9), "latents": (2,)},
    {"seeds": (9, 3), "latents": (2,)},
    {"seeds": (3,), "latents": (2, 7)},
    {"seeds": (1, 2, 3), "latents": (7, 2), "chunk": 2},
    {"seeds": (3,), "latents": (2,), "clip": (0.1, 0.01)},
  ],
)
def test_a_run_depends_on_its_own_numbers(others):
  """But for the width of its mask, which is that of the widest run."""
  alone = sweep.runs(sweep.table(seeds=(3,), latents=(2,), clip=(0.01,)))
  rows = sweep.table(**{"clip": (0.01,)} | others)
  runs = sweep.runs(rows)
  i = rows.index({"seed": 3, "latent": 2, "clip": 0.01})
  for name in alone._fields:
    own, among = getattr(alone, name)[0], getattr(runs, name)[i]
    if name == "key":
      own, among = jax.random.key_data(own), jax.random.key_data(among)
    if name == "latent_mask":
      np.testing.assert_array_equal(among[2:], 0)
      among = among[:2]
    np.testing.assert_array_equal(own, among, err_msg=name)


@pytest.mark.parametrize(
  ("numbers", "settings"),
  [
    ({"latents": (2,)}, ["", ""]),
    ({"latents": (2, 10)}, ["latent 2", "latent 2", "latent 10", "latent 10"]),
    (
      {"latents": (2,), "learning_rate": (1e-3, 5e-4), "b1": (0.5,)},
      ["learning rate 0.001"] * 2 + ["learning rate 0.0005"] * 2,
    ),
    (
      {"latents": (2, 3), "clip": (0.01, 0.1)},
      [f"latent {z}, clip {c}" for z in (2, 3) for c in (0.01, 0.1) for _ in range(2)],
    ),
  ],
)
def test_a_setting_is_what_tells_a_run_from_others(numbers, settings):
  rows = sweep.table(seeds=(0, 1), **numbers)
  assert sweep.settings(rows) == settings


# Devices.


@pytest.fixture
def devices(monkeypatch):
  """Says that there are so many, the same ones again: nothing can be computed on them."""

  def pretend(count):
    monkeypatch.setattr(sweep.jax, "devices", lambda: (2 * jax.local_devices())[:count])

  return pretend


@pytest.mark.parametrize(
  ("num_runs", "count", "used", "slots"),
  [
    (1, 4, 1, 1),
    (2, 4, 2, 2),
    (4, 4, 4, 4),
    (5, 4, 3, 6),  # with four devices no sooner than with three, of two runs each
    (6, 4, 3, 6),
    (7, 4, 4, 8),
    (9, 4, 3, 9),
    (10, 4, 4, 12),
    (3, 2, 2, 4),
    (7, 3, 3, 9),
  ],
)
def test_all_devices_are_used_that_have_something_to_do(devices, num_runs, count, used, slots):
  devices(count)
  assert (sweep.mesh(num_runs).size, sweep.slots(num_runs)) == (used, slots)
  assert sweep.mesh(slots).size == used  # padded rows lie on the same ones
  assert sweep.at_once(num_runs, 100) == slots // used


@pytest.mark.parametrize("num_runs", [1, 2, 3, 4, 5])
def test_rows_are_spread_evenly_and_what_comes_back_has_no_padding(num_runs):
  assert len(jax.devices()) == 2
  rows = {"x": np.arange(num_runs * 2.0).reshape(-1, 2), "n": jnp.arange(num_runs)}
  placed, used = sweep.to_devices(rows, num_runs), min(num_runs, 2)
  assert {shard.data.shape for shard in placed["n"].addressable_shards} == {(-(-num_runs // used),)}
  assert len(placed["n"].sharding.device_set) == used
  shared = jax.device_put(jnp.arange(3), sweep.replicated(num_runs))
  assert {shard.data.shape for shard in shared.addressable_shards} == {(3,)}
  assert shared.sharding.device_set == placed["n"].sharding.device_set
  for name, leaf in sweep.to_host(placed, num_runs).items():
    np.testing.assert_array_equal(leaf, rows[name])
  keys = sweep.to_devices(jax.random.split(jax.random.key(0), num_runs), num_runs)
  assert len(keys) == sweep.slots(num_runs)


def test_placed_rows_are_copies():
  before = jnp.arange(4.0)
  jax.jit(lambda x: x + 1, donate_argnums=0)(sweep.to_devices(before, 4))
  np.testing.assert_array_equal(before, [0, 1, 2, 3])


@pytest.mark.parametrize("chunk", [0, 1, 2])
def test_of_padded_rows_a_function_gives_padded_rows(chunk):
  f = jax.jit(sweep.vectorise(lambda x: 2 * x, 3, chunk))
  np.testing.assert_array_equal(f(jnp.arange(3.0)), [0, 2, 4])
  np.testing.assert_array_equal(f(sweep.to_devices(jnp.arange(3.0), 3)), [0, 2, 4, 4])


# Functions of one run.


def _toy(row, shared, power):
  """Every kind of thing that a step does: keys, loops, whole numbers, sums."""
  key, x = row["key"], row["x"]
  noise = jax.random.normal(key, x.shape)
  total = jax.lax.fori_loop(0, power, lambda i, t: t + i * x.sum(), 0.0)
  return {"y": x * shared[None] + noise, "total": total, "count": row["count"] + 1}


_toy_alone = jax.jit(_toy)


def _inputs(num_runs):
  return {
    "key": jax.vmap(jax.random.key)(jnp.arange(num_runs)),
    "x": (np.arange(num_runs * 6, dtype=np.float32) ** 2).reshape(num_runs, 2, 3),
    "count": np.arange(num_runs),
  }


SHARED = np.array([1.0, -2.0, 0.5], np.float32)


@pytest.mark.parametrize("num_runs", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("chunk", [0, 1, 2, 3, 5, 100])
def test_all_runs_at_once_or_in_chunks_are_each_run_by_itself(num_runs, chunk):
  rows = _inputs(num_runs)
  f = jax.jit(sweep.vectorise(_toy, num_runs, chunk))
  found = jax.device_get(f(rows, SHARED, 3))
  assert found["y"].shape == (num_runs, 2, 3)
  for i in range(num_runs):
    alone = _toy_alone(jax.tree.map(lambda leaf, i=i: leaf[i], rows), SHARED, 3)
    np.testing.assert_array_equal(found["count"][i], i + 1)
    np.testing.assert_array_equal(found["total"][i], 3 * rows["x"][i].sum())  # 0 + 1 + 2
    np.testing.assert_allclose(found["y"][i], alone["y"], rtol=1e-6)


@pytest.mark.parametrize("num_runs", [2, 3, 4])
def test_the_chunk_does_not_change_a_bit(num_runs):
  rows = _inputs(num_runs)
  results = [
    jax.jit(sweep.vectorise(_toy, num_runs, chunk))(rows, SHARED, 3) for chunk in (0, 1, 2, 3)
  ]
  for other in results[1:]:
    for name, value in results[0].items():
      np.testing.assert_array_equal(other[name], value, err_msg=name)


def test_shared_arguments_are_the_same_for_all_and_may_be_none():
  double = sweep.vectorise(lambda x, a, b: x + a["k"].sum() * b, 3)
  found = double(jnp.array([0.0, 1.0, 2.0]), {"k": jnp.array([1.0, 2.0])}, 10)
  np.testing.assert_array_equal(found, [30.0, 31.0, 32.0])
  alone = sweep.vectorise(lambda x: -x, 3)
  np.testing.assert_array_equal(alone(jnp.arange(3)), [0, -1, -2])


@pytest.mark.parametrize(("chunk", "together"), [(1, 1), (2, 2), (3, 3), (0, 1)])
def test_a_chunk_bounds_how_many_runs_are_computed_at_once(chunk, together):
  """Seen by the shape of a product in the program: 0 is 1 on a CPU."""
  f = sweep.vectorise(lambda x: x @ jnp.ones((4, 5)), 6, chunk)  # of which a device has three
  text = str(jax.make_jaxpr(f)(jnp.ones((6, 2, 4))))
  products = [line for line in text.splitlines() if "dot_general" in line]
  shape = "[2,5]" if together == 1 else f"[{together},2,5]"
  assert any(f"f32{shape}" in line for line in products)
  assert all(f"f32[{n},2,5]" not in "".join(products) for n in range(together + 1, 4))


@pytest.mark.parametrize(
  ("num_runs", "chunk"), [(1, 0), (2, 1), (3, 1), (4, 1), (5, 2), (8, 2), (5, 5)]
)
def test_what_runs_carry_is_changed_in_place(num_runs, chunk):
  """And is passed over where nothing is to be done, but not beside others."""

  def f(row, carried, shared):
    return {"count": carried["count"] + 1, "y": carried["y"] * row[None] + shared}

  def idle(carried):
    return carried["count"] == 2

  rows = jnp.arange(num_runs * 1.0)
  first = 1 if num_runs == 2 else 0  # so that one of two is idle too
  carried = {"count": first + jnp.arange(num_runs), "y": jnp.ones((num_runs, 2))}
  expected = jax.vmap(f, (0, 0, None))(rows, carried, 0.5)
  at_once, local = (
    sweep.at_once(num_runs, chunk),
    sweep.slots(num_runs) // sweep.mesh(num_runs).size,
  )
  left = local % at_once  # runs of a device that fill no chunk
  alone = at_once == 1 or (left == 1 and 2 % local == local - 1)
  passed = (np.asarray(carried["count"]) == 2) & alone
  found = jax.jit(sweep.in_place(f, num_runs, chunk, idle), donate_argnums=1)
  for name, value in found(rows, jax.tree.map(jnp.copy, carried), 0.5).items():
    rest = np.array(expected[name])
    rest[passed] = carried[name][passed]
    np.testing.assert_array_equal(value, rest)


def test_memory_for_what_runs_carry_does_not_grow_with_them():
  def temporary(num_runs):
    carried = jnp.zeros((num_runs, 1000, 100))
    f = sweep.in_place(lambda row, x: jnp.sin(x) @ (x.T @ x), num_runs, 1)
    program = jax.jit(f, donate_argnums=1).lower(jnp.zeros(num_runs), carried).compile()
    return program.memory_analysis().temp_size_in_bytes

  # Less than the 400 kB of one run; others than these, which two devices divide, come padded.
  assert temporary(16) < temporary(4) + 400_000


def test_runs_stay_where_they_are():
  rows = jax.device_put(jnp.arange(4.0), sweep.sharding(4))
  found = jax.jit(sweep.vectorise(lambda x: x + 1, 4))(rows)
  assert found.sharding.is_equivalent_to(rows.sharding, 1)


def test_places_do_not_depend_on_the_order_of_keys():
  """A file may have a sweep's keys in another order than the config that was trained."""
  numbers = {"b1": (0.5, 0.9), "b2": (0.9, 0.99)}
  rows = sweep.table(seeds=(0,), latents=(2,), **numbers)
  turned = dict(reversed(numbers.items()))
  assert rows == sweep.table(seeds=(0,), latents=(2,), **turned)
  assert [(row["b1"], row["b2"]) for row in rows[:2]] == [(0.5, 0.9), (0.5, 0.99)]
