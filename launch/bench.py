"""What a sweep costs: `python launch/bench.py` prints one table, ratios first.

Everything is measured in one call, in rounds that take turns, and the best round counts: other
work on the machine then troubles all rows alike. Rates are run-steps per second: one step of one
run, which for a GAN is K steps of the critic and one of the generator.
"""

import contextlib
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from absl import flags

from genjax import cli, models
from genjax.models.convolution import BY_BACKEND, GEMM, LAX, Convolution
from genjax.training import blocks, cost, programs, sweep, tuning
from genjax.types import Dataset, UserError

_SYSTEMS = flags.DEFINE_list("systems", ["s1_gan", "s2_vae"], "Which of the systems below.")
_RUNS = flags.DEFINE_list("runs", ["4", "8"], "Numbers of runs in one program.")
_ROUNDS = flags.DEFINE_integer("rounds", 3, "Rounds, of which the best counts.")
_SECONDS = flags.DEFINE_float("seconds", 4.0, "About how long a measurement lasts.")
_LAX = flags.DEFINE_bool("lax", True, "Also with XLA's own convolutions (slow on a CPU).")
_TUNE = flags.DEFINE_bool("tune", False, "Only each convolution apart, by every way.")
_PEER = flags.DEFINE_enum("peer", "", ["", "torch"], "Only s1_gan and s2_vae beside PyTorch's.")
_START = flags.DEFINE_bool("start", True, "Also the time to the first step, cold and warm.")

IMAGE, CLASSES, IMAGES = (28, 28, 1), 10, 8192


class System(NamedTuple):
  model: dict
  latent: int
  batch_size: int


SYSTEMS = {
  "s1_gan": System({"name": "gan", "network": "s1_gan"}, 100, 64),
  "s1_wgan": System(
    {
      "name": "gan",
      "network": "s1_wgan",
      "loss": "wasserstein",
      "regulariser": "clip",
      "critic_steps": 5,
      "optimiser": "rmsprop",
    },
    50,
    64,
  ),
  "s2_vae": System({"name": "vae"}, 2, 128),
  "s4_gan": System({"name": "gan", "network": "s4_gan"}, 100, 128),
  "s4_cgan": System({"name": "gan", "network": "s4_cgan"}, 128, 128),
}


class Measured:
  """A sweep of one system, compiled: `measure` takes steps and keeps the best rate."""

  def __init__(self, system: System, num_runs: int, convolution: Convolution = GEMM):
    model = models.build(system.model, IMAGE, CLASSES, system.latent)
    rows = sweep.table(seeds=tuple(range(num_runs)), latents=(system.latent,))
    place, everywhere = sweep.sharding(num_runs), sweep.replicated(num_runs)
    self.num_runs, self.rate, self.next = num_runs, 0.0, 0
    self.runs = sweep.to_devices(sweep.runs(rows), num_runs)
    self.dataset = jax.device_put(_dataset(), everywhere)
    with _convolutions(convolution):
      self.length = blocks.longest(model, self.runs, IMAGE, system.batch_size)
      options = {"num_runs": num_runs, "length": self.length}
      begin, self.program = programs.training(model, system.batch_size, **options)
      totals = blocks.empty_totals(model, self.runs, IMAGE, system.batch_size)
      self.carry = (begin(self.runs), jax.device_put(totals, place))
      self.seconds = self._call(self.length)  # compiles

  def measure(self, seconds: float) -> None:
    steps = self.length * max(1, int(seconds / self._call(self.length)))
    self.rate = max(self.rate, steps * self.num_runs / self._call(steps))

  def _call(self, steps: int) -> float:
    begun = time.perf_counter()
    self.carry = self.program(self.runs, *self.carry, self.dataset, self.next, self.next + steps)
    jax.block_until_ready(self.carry)
    self.next += steps
    return time.perf_counter() - begun


@contextlib.contextmanager
def _convolutions(convolution: Convolution) -> Iterator[None]:
  """What is traced here convolves so."""
  backend = jax.default_backend()
  before = BY_BACKEND[backend]
  BY_BACKEND[backend] = convolution
  try:
    yield
  finally:
    BY_BACKEND[backend] = before


def _dataset() -> Dataset:
  image = np.random.RandomState(0).randint(0, 256, (IMAGES, *IMAGE), np.uint8)
  return Dataset(jnp.asarray(image), jnp.arange(IMAGES, dtype=jnp.int32) % CLASSES)


def _flops(system: System, convolution: Convolution) -> int:
  """Of one step of one run."""
  model = models.build(system.model, IMAGE, CLASSES, system.latent)
  with _convolutions(convolution):
    return sum(cost.step_flops(model, IMAGE, system.batch_size).values())


def matmul_rate(size: int = 2048, repeats: int = 8) -> float:
  """FLOP per second of float32 matrix products at the precision that training uses."""
  a = jnp.ones((size, size)) / size
  f = jax.jit(lambda a: jax.lax.fori_loop(0, repeats, lambda _, x: x @ a, a))
  jax.block_until_ready(f(a))
  best = np.inf
  for _ in range(5):
    begun = time.perf_counter()
    jax.block_until_ready(f(a))
    best = min(best, time.perf_counter() - begun)
  return 2 * size**3 * repeats / best


def _compare(name: str, counts: list[int]) -> None:
  system = SYSTEMS[name]
  sweeps = {count: Measured(system, count) for count in (1, *counts)}
  slow = Measured(system, 1, LAX) if _LAX.value and system.model["name"] == "gan" else None
  peak = 0.0
  for _ in range(_ROUNDS.value):
    peak = max(peak, matmul_rate())
    for measured in sweeps.values():
      measured.measure(_SECONDS.value)
  if slow:
    slow.measure(0)
  # Rates are of what the mathematics asks for: zeros that are multiplied at the edges are no work.
  alone, flops = sweeps[1].rate, _flops(system, LAX)
  print(
    f"\n{name}  (batch {system.batch_size}, {flops / 1e9:.1f} GFLOP a run-step, "
    f"{_flops(system, GEMM) / 1e9:.1f} as matrix products)"
  )
  for count in counts:
    rate = sweeps[count].rate
    print(f"  {alone / rate:8.2f}  cost of a run among {count}, of one alone")
  if slow:
    print(f"  {alone / slow.rate:8.1f}  times plain lax convolutions, one run")
  best = max(measured.rate for measured in sweeps.values())
  print(f"  {best * flops / peak:8.2f}  of the machine's matrix-product rate, at best")
  for count, measured in sweeps.items():
    print(
      f"  {measured.rate:8.2f}  run-steps/s, {count} in one program (compiled in "
      f"{measured.seconds:.0f} s)"
    )
  if slow:
    print(f"  {slow.rate:8.3f}  run-steps/s, 1 with plain lax convolutions")
  print(f"  {peak / 1e9:8.0f}  GFLOP/s, matrix product of 2048")


def _tune(name: str, counts: list[int]) -> None:
  """Each convolution by each way: what the first start chooses by on an accelerator."""
  system = SYSTEMS[name]
  model = models.build(system.model, IMAGE, CLASSES, system.latent)
  runs = sweep.runs(sweep.table(seeds=(0,), latents=(system.latent,)))
  layers = tuning.layers_of(model, blocks.arguments(model, runs, IMAGE, system.batch_size))
  for count in counts:
    print(f"\n{name}, {count} runs at once: microseconds of one with its gradients, and error")
    print(tuning.table(layers, count), flush=True)


def _first_step(cache: str, workdir: str) -> float:
  """Seconds from the start of `genjax.main` to the bar's first move, S1's GAN on digits."""
  command_line = [
    sys.executable, "-m", "genjax.main", "--config=configs/gan_mnist.py:s1", f"--workdir={workdir}",
    "--config.data.name=digits", "--config.log_every=1000",
  ]  # fmt: skip
  environment = os.environ | {"JAX_COMPILATION_CACHE_DIR": cache}
  begun = time.perf_counter()
  with subprocess.Popen(command_line, stderr=subprocess.PIPE, env=environment) as process:
    text = b""
    while not re.search(rb"[|] *[1-9][\d.]*k?/", text):
      piece = os.read(process.stderr.fileno(), 4096)
      if not piece:
        raise RuntimeError(text.decode())
      text += piece
    seconds = time.perf_counter() - begun
    process.kill()
  return seconds


def main() -> None:
  if _PEER.value and importlib.util.find_spec(_PEER.value) is None:
    raise UserError(f"--peer={_PEER.value}: no such package; pip install {_PEER.value}")
  device = jax.devices()[0]
  print(f"{jax.device_count()} x {device.device_kind}, jax {jax.__version__}")
  counts = [int(count) for count in _RUNS.value]
  if _PEER.value:
    import torch_peer

    for name in ("s1_gan", "s2_vae"):
      sweeps = {count: Measured(SYSTEMS[name], count) for count in (1, *counts)}
      torch_peer.compare(name, sweeps, _ROUNDS.value, _SECONDS.value)
      del sweeps
    print(f"  {matmul_rate() / 1e9:8.0f}  GFLOP/s, matrix product of 2048")
    torch_peer.compare_study()
    return
  for name in _SYSTEMS.value:
    (_tune if _TUNE.value else _compare)(name, counts)
  if _START.value and not _TUNE.value:
    with tempfile.TemporaryDirectory() as folder:
      cold = _first_step(f"{folder}/cache", f"{folder}/cold")
      warm = min(_first_step(f"{folder}/cache", f"{folder}/warm{i}") for i in range(2))
    print(f"\ngan_mnist\n  {cold:8.1f}  s to the first step, nothing compiled before")
    print(f"  {warm:8.1f}  s to the first step, second start")


if __name__ == "__main__":
  cli.run(main)
