"""What a sweep costs: `python launch/bench.py` prints one table, ratios first.

Everything is measured in one call, in rounds that take turns, and the best round counts: other
work on the machine then troubles all rows alike. Rates are run-steps per second: one step of one
run, which for a GAN is K steps of the critic and one of the generator.
"""

import contextlib
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
from genjax.training import blocks, cost, programs, sweep
from genjax.types import Dataset

_SYSTEMS = flags.DEFINE_list("systems", ["s1_gan", "s2_vae"], "Which of the systems below.")
_RUNS = flags.DEFINE_list("runs", ["4", "8"], "Numbers of runs in one program.")
_ROUNDS = flags.DEFINE_integer("rounds", 3, "Rounds, of which the best counts.")
_SECONDS = flags.DEFINE_float("seconds", 4.0, "About how long a measurement lasts.")
_LAX = flags.DEFINE_bool("lax", True, "Also with XLA's own convolutions (slow on a CPU).")
_LAYERS = flags.DEFINE_bool("layers", False, "Only each convolution apart, with its gradients.")
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
    self.runs = jax.device_put(sweep.runs(rows), place)
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


class Layer(NamedTuple):
  """A convolution as a model has it: the kind, shapes of images and kernel, stride and padding."""

  kind: str  # "conv" or "transpose", as in `Convolution`
  image: tuple
  kernel: tuple
  stride: int
  padding: str


def _layers(system: System) -> list[Layer]:
  """The convolutions in a step of a system."""
  found = []

  def noting(kind, convolve):
    def noted(x, w, stride, padding):
      found.append(Layer(kind, x.shape, w.shape, stride, padding))
      return convolve(x, w, stride, padding)

    return noted

  noted = Convolution(*(noting(kind, f) for kind, f in zip(LAX._fields, LAX, strict=True)))
  model = models.build(system.model, IMAGE, CLASSES, system.latent)
  runs = sweep.runs(sweep.table(seeds=(0,), latents=(system.latent,)))
  with _convolutions(noted):
    blocks.empty_totals(model, runs, IMAGE, system.batch_size)
  return [layer for layer in dict.fromkeys(found) if layer.image[0] > 1]  # not the one of `init`


def _layer_seconds(layer: Layer, way: Convolution, num_runs: int, at_once: bool) -> float:
  """Of one run: the output and both gradients, in a scan, runs vectorised or one by one."""
  convolve, steps = getattr(way, layer.kind), 20
  keys = jax.random.split(jax.random.key(0))
  x, w = (
    jax.random.normal(key, (num_runs, *shape))
    for key, shape in zip(keys, (layer.image, layer.kernel), strict=True)
  )

  def both(inputs):
    y, pull = jax.vjp(lambda x, w: convolve(x, w, layer.stride, layer.padding), *inputs)
    return pull(y)

  def step(inputs, _):
    gradients = jax.vmap(both)(inputs) if at_once else jax.lax.map(both, inputs)
    return jax.tree.map(lambda x, g: x + 1e-6 * g, inputs, gradients), None

  program = jax.jit(lambda inputs: jax.lax.scan(step, inputs, None, length=steps)[0])
  jax.block_until_ready(program((x, w)))
  rounds = []
  for _ in range(_ROUNDS.value):
    begun = time.perf_counter()
    jax.block_until_ready(program((x, w)))
    rounds.append(time.perf_counter() - begun)
  return float(np.median(rounds)) / steps / num_runs


def _compare_layers(name: str, counts: list[int]) -> None:
  """Microseconds of a run, for each convolution and way to compute it."""
  ways = {
    f"{title}, {how}": (way, at_once)
    for title, way in (("products", GEMM), ("XLA's", LAX))
    for how, at_once in (("at once", True), ("one by one", False))
  }
  for count in counts:
    print(f"\n{name}, {count} runs, microseconds a run with gradients: {' | '.join(ways)}")
    for layer in _layers(SYSTEMS[name]):
      took = (1e6 * _layer_seconds(layer, way, count, at_once) for way, at_once in ways.values())
      shapes = f"{'x'.join(map(str, layer.image))} by {'x'.join(map(str, layer.kernel))}"
      cells = " | ".join(f"{microseconds:,.0f}" for microseconds in took)
      print(
        f"  {layer.kind} {shapes}, stride {layer.stride}, {layer.padding} | {cells}", flush=True
      )


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
    (_compare_layers if _LAYERS.value else _compare)(name, counts)
  if _START.value and not _LAYERS.value:
    with tempfile.TemporaryDirectory() as folder:
      cold = _first_step(f"{folder}/cache", f"{folder}/cold")
      warm = min(_first_step(f"{folder}/cache", f"{folder}/warm{i}") for i in range(2))
    print(f"\ngan_mnist\n  {cold:8.1f}  s to the first step, nothing compiled before")
    print(f"  {warm:8.1f}  s to the first step, second start")


if __name__ == "__main__":
  cli.run(main)
