"""A product of numbers becomes Runs with a leading R axis, and one program trains them all."""

import functools
import itertools
from collections.abc import Callable, Collection, Iterable

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from genjax.types import NUMBERS, PyTree, Run


def table(
  seeds: tuple, latents: tuple, chunk: int = 0, seeds_at_once: int = 0, **numbers: tuple
) -> list[dict]:
  """The runs of a config's `sweep` keys: a dictionary for each combination, seeds fastest.

  `chunk` and `seeds_at_once` say how runs are computed, not which: they are not used here. A run's
  place does not depend on the order of the keys, which files need not keep.
  """
  columns = {"latent": latents} | dict(sorted(numbers.items())) | {"seed": seeds}
  rows = [dict(zip(columns, row, strict=True)) for row in itertools.product(*columns.values())]
  return [{"seed": row.pop("seed")} | row for row in rows]


def runs(rows: list[dict]) -> Run:
  """The runs of a table, leaves `[R, ...]`; latents are padded to the largest."""
  # In numpy, as each operation of JAX would be a program that has to be compiled.
  latent = np.array([row["latent"] for row in rows])
  numbers = {
    name: np.array([row.get(name, standard) for row in rows], np.float32)
    for name, standard in NUMBERS.items()
  }
  return Run(
    key=jax.vmap(jax.random.key)(np.array([row["seed"] for row in rows], np.uint32)),
    latent_mask=jnp.asarray((np.arange(latent.max()) < latent[:, None]).astype(np.float32)),
    **jax.tree.map(jnp.asarray, numbers),
  )


def settings(rows: list[dict], prefix: str = "", latents: Iterable[float] = ()) -> list[str]:
  """What tells each run's setting from others': "latent 10, clip 0.01"; "" where all are alike.

  It stands after a prefix; and is as if there were runs of these latents as well.
  """
  others = rows + [row | {"latent": latent} for row in rows[:1] for latent in latents]
  names = [name for name in others[0] if name != "seed"] if others else []
  changing = [name for name in names if len({row[name] for row in others}) > 1]
  texts = {name: _texts({row[name] for row in others}) for name in changing}
  told = [
    ", ".join(f"{name.replace('_', ' ')} {texts[name][row[name]]}" for name in changing)
    for row in rows
  ]
  return [" ".join(filter(None, [prefix, setting])) for setting in told]


def _texts(values: Collection[float]) -> dict[float, str]:
  """Each number in few digits, or where two would be one in all of them."""
  short = {value: f"{value:g}" for value in values}
  return short if len(set(short.values())) == len(short) else {v: str(v) for v in values}


def names(rows: list[dict]) -> list[str]:
  """What each run is called: "latent 10, seed 3"."""
  pairs = zip(settings(rows), rows, strict=True)
  return [", ".join(filter(None, [setting, f"seed {row['seed']}"])) for setting, row in pairs]


def identity(row: dict) -> tuple:
  """What makes a run the same in two workdirs of one program: all its numbers."""
  return tuple(sorted(row.items()))


_ROWS, _SHARED = PartitionSpec("runs"), PartitionSpec()


def mesh(num_runs: int) -> Mesh:
  """All devices, but those that would have nothing to do when each has as many runs as the first.

  Five runs on four devices are two on each of the first two, and one on the third.
  """
  devices = jax.devices()
  local = _local(num_runs)
  return Mesh(np.array(devices[: -(-num_runs // local)]), ("runs",))


def _local(num_runs: int) -> int:
  """How many rows a device has."""
  return -(-num_runs // len(jax.devices()))


def slots(num_runs: int) -> int:
  """How many rows all devices have: where they do not divide R, the last ones are padding."""
  return _local(num_runs) * mesh(num_runs).size


def sharding(num_runs: int) -> NamedSharding:
  """Where rows `[slots, ...]` lie: spread evenly over the devices."""
  return NamedSharding(mesh(num_runs), _ROWS)


def to_devices(rows: PyTree, num_runs: int) -> PyTree:
  """Rows `[R, ...]` on the devices, `[slots, ...]`: copies, padded by more of the last row."""
  padded = resized(rows, num_runs, slots(num_runs))
  return jax.device_put(padded, sharding(num_runs), may_alias=False)


def to_host(rows: PyTree, num_runs: int) -> PyTree:
  """Rows `[R, ...]` of numbers as numpy arrays, without the padding of `to_devices`."""
  return jax.tree.map(lambda leaf: np.asarray(leaf)[:num_runs], rows)


def resized(rows: PyTree, num_runs: int, size: int) -> PyTree:
  """Rows `[size, ...]` of rows `[R, ...]`, or of `[slots, ...]` of them."""
  index = np.minimum(np.arange(size), num_runs - 1)
  return jax.tree.map(lambda leaf: leaf if len(leaf) == size else leaf[index], rows)


def replicated(num_runs: int) -> NamedSharding:
  """Sharding of data that all runs share: replicated on each of their devices."""
  return NamedSharding(mesh(num_runs), _SHARED)


def at_once(num_runs: int, chunk: int = 0) -> int:
  """How many of a device's runs are computed at once: `chunk` as in `vectorise`."""
  local = _local(num_runs)
  return min(chunk or (1 if jax.default_backend() == "cpu" else local), local)


def vectorise(f: Callable, num_runs: int, chunk: int = 0) -> Callable:
  """Makes of a function of one run a function of all.

  Args:
    f: `(row, *shared) -> tree`, where `row` is whatever belongs to one run.
    num_runs: R.
    chunk: how many runs of a device are computed at once; the others wait, which bounds the
      memory of activations. 0 lets the backend choose: a CPU takes one after another, which keeps
      a run's weights in its cache, anything else all together (see BUILD.md, "Speed").

  Returns:
    `(rows with leaves [R, ...], *shared) -> tree with leaves [R, ...]`; of rows on the devices
    (`to_devices`), which may be padded, it gives as many.
  """
  local, chunk = _local(num_runs), at_once(num_runs, chunk)

  def over_runs(rows: PyTree, *shared: Array) -> PyTree:
    def one(row):
      return f(row, *shared)

    if chunk == local > 1:
      return jax.vmap(one)(rows)
    return lax.map(one, rows, batch_size=chunk if chunk > 1 else None)

  return _on_devices(over_runs, num_runs, 1)


def _on_devices(f: Callable, num_runs: int, count: int) -> Callable:
  """`f` on each device for its own rows, of which are the first `count` arguments."""
  devices, size = mesh(num_runs), slots(num_runs)

  def spread(*given: PyTree) -> PyTree:
    rows = len(jax.tree.leaves(given[0])[0])
    padded = [resized(tree, num_runs, size) for tree in given[:count]]
    specs = tuple(_ROWS if i < count else _SHARED for i in range(len(given)))
    found = jax.shard_map(f, mesh=devices, in_specs=specs, out_specs=_ROWS, check_vma=False)(
      *padded, *given[count:]
    )
    return jax.tree.map(lambda leaf: leaf[:rows], found) if rows < size else found

  return spread


def made_once(make: Callable) -> Callable:
  """Has what a function makes made once, for the same arguments on the same devices.

  So a process compiles a program once: parts of a study, and a training that goes on, are by the
  same one. The last eight are kept, and what was compiled of them.
  """
  cached = functools.lru_cache(maxsize=8)(lambda devices, *given: make(*given))
  return functools.wraps(make)(lambda *given: cached(tuple(jax.devices()), *given))


def traced(f: Callable, num_runs: int) -> Callable:
  """`f` of one run, for its shapes or its jaxpr alone, as the devices of R runs would trace it.

  JAX goes through a function anew for each mesh around it: so it need not for `vectorise`.
  """
  return jax.shard_map(f, mesh=mesh(num_runs), in_specs=_SHARED, out_specs=_SHARED, check_vma=False)


def in_place(f: Callable, num_runs: int, chunk: int = 0, idle: Callable | None = None) -> Callable:
  """As `vectorise`, of a function that changes what a run carries.

  Args:
    f: `(row, carried, *shared) -> carried` of one run.
    num_runs: R.
    chunk: as in `vectorise`.
    idle: carried -> whether nothing is to be done for a run; `f` must leave it as it is. Where runs
      are computed one by one, it is passed over.

  Returns:
    `(rows, carried, *shared) -> carried`, rows as in `vectorise`. Who donates `carried` needs
    memory beside it for what `chunk` runs carry, however many there are.
  """
  local, chunk = _local(num_runs), at_once(num_runs, chunk)

  def over_runs(rows: PyTree, carried: PyTree, *shared: Array) -> PyTree:
    def one(row: PyTree, part: PyTree) -> PyTree:
      return f(row, part, *shared)

    def alone(row: PyTree, part: PyTree) -> PyTree:
      if not idle:
        return one(row, part)
      return lax.cond(idle(part), lambda row, part: part, one, row, part)

    def computed(some: PyTree, parts: PyTree, count: int) -> PyTree:
      if count > 1:
        return jax.vmap(one)(some, parts)
      new = alone(*jax.tree.map(lambda leaf: leaf[0], (some, parts)))
      return jax.tree.map(lambda leaf: leaf[None], new)

    def change(carried: PyTree, first: Array | int, count: int) -> PyTree:
      # No index is negative: what JAX does about those is four operations for each leaf.
      at = {"start_index": first, "axis": 0, "allow_negative_indices": False}
      parts = jax.tree.map(
        lambda leaf: lax.dynamic_slice_in_dim(leaf, slice_size=count, **at), (rows, carried)
      )
      return jax.tree.map(
        lambda leaf, part: lax.dynamic_update_slice_in_dim(leaf, part, **at),
        carried,
        computed(*parts, count),
      )

    if chunk == local:
      return computed(rows, carried, local)
    carried, _ = lax.scan(
      lambda carried, i: (change(carried, i * chunk, chunk), None),
      carried,
      jnp.arange(local // chunk),
    )
    left = local % chunk
    return change(carried, local - left, left) if left else carried

  return _on_devices(over_runs, num_runs, 2)


def products() -> str:
  """How this process trains: the device, and the precision of its products of float32."""
  asked = jax.config.jax_default_matmul_precision
  # What a default means, by jax's documentation of `default_matmul_precision`.
  default = {"cpu": "float32", "gpu": "TF32 where the device has it", "tpu": "bfloat16"}
  meant = asked or default.get(jax.default_backend(), "the backend's default")
  return f"{'float32' if meant == 'highest' else meant}, {jax.devices()[0].device_kind}"


def compiled(f: Callable) -> Callable:
  """Compiles what figures are computed by, with products in full float32 on any device.

  An accelerator's faster ones, of 10 bits, would give other figures of the same weights.
  """

  @functools.wraps(f)
  def precise(*arguments: PyTree) -> PyTree:
    with jax.default_matmul_precision("highest"):
      return f(*arguments)

  return jax.jit(precise)
