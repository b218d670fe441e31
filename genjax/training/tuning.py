"""Which way each convolution of a training program goes: chosen by measurement, and kept.

On a device other than a CPU the first start times them and config.json remembers; whoever goes on
reads that. On a CPU it is matrix products over patches: `convolution.BY_BACKEND`.
"""

import pathlib
import time
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from genjax.models import convolution
from genjax.models.convolution import Convolution, ConvShape
from genjax.models.ways import DEFAULT, WAYS, Choice
from genjax.training import blocks, config_file, cost, memory, planning, programs, sweep
from genjax.types import Dataset, Model, PyTree, Run, UserError

FIXED = ("cpu",)  # backends on which nothing is measured
GAIN = 1.05  # how much faster another way than the default must be
STEPS, ROUNDS = 20, 5
PROBED = 2  # images whose convolution is compared with one of 64 bits


class Measured(NamedTuple):
  """A layer's output and gradients by one way."""

  seconds: float  # of one run, the median of rounds that took turns
  error: float  # largest difference from 64 bits, of the largest number


def layers_of(model: Model, arguments: tuple) -> list[ConvShape]:
  """The convolutions of a step that is given such arguments, or their shapes."""
  found = []
  with convolution.chosen(found.append):
    jax.eval_shape(lambda *given: model.step(*given), *arguments)
  return list(dict.fromkeys(found))


def measure(layer: ConvShape, at_once: int) -> dict[str, Measured]:
  """Each way for so many runs at once, within a scan, as training has them."""
  programs = {name: _program(layer, way) for name, way in WAYS.items()}
  inputs = _inputs(layer, (at_once,) if at_once > 1 else ())
  rounds = {name: [] for name in programs}
  for turn in range(ROUNDS + 1):
    for name, program in programs.items():
      begun = time.perf_counter()
      jax.block_until_ready(program(inputs))
      if turn:  # the first compiles
        rounds[name].append(time.perf_counter() - begun)
  errors = _errors(layer)
  return {
    name: Measured(float(np.median(took)) / STEPS / at_once, errors[name])
    for name, took in rounds.items()
  }


def best(measured: dict[str, Measured]) -> str:
  """The fastest way that is as exact as the default, if it is faster by `GAIN`."""
  default = measured[DEFAULT]
  exact = [n for n, found in measured.items() if found.error <= 2 * default.error + 1e-6]
  fastest = min(exact, key=lambda name: measured[name].seconds)
  return fastest if default.seconds > GAIN * measured[fastest].seconds else DEFAULT


def programs_of(
  plan: planning.Plan, path: pathlib.Path, runs: Run, dataset: Dataset, begun: bool
) -> programs.Programs:
  """The programs of a plan, with as many runs at once as fit and convolutions as chosen.

  Args:
    plan: what is trained.
    path: its workdir, whose config.json keeps what was found.
    runs: `[R, ...]`.
    dataset: on the devices.
    begun: whether the workdir has steps: those of a workdir that says nothing went the default way.

  Raises:
    UserError: there is not the memory.
  """
  config, model, R, shape = plan.config, plan.model, len(plan.rows), dataset.image.shape[1:]
  before = config_file.read_config(path) if (path / "config.json").exists() else {}
  (_, _, length), fit = cost.planned(plan, before.get("at_once", 0))
  if why := memory.refusal(fit, config.sweep):
    raise UserError(f"{path}: {why}")
  print(f"{path}: {memory.summary(fit, R)}")
  if fit.chunk and not config.sweep.chunk:
    config_file.write(path, before | {"at_once": fit.chunk})

  def build(choice: Choice) -> programs.Programs:
    return programs.build(model, config, R, length, fit.chunk, tuple(choice.items()))

  def whole(choice: Choice) -> float:
    made, seconds = build(choice), []
    totals = blocks.empty_totals(model, runs, shape, config.batch_size)
    carried = made.begin(runs), sweep.to_devices(totals, R)
    for start in range(0, 4 * length, length):
      begun = time.perf_counter()
      carried = made.advance(runs, *carried, dataset, start, start + length)
      jax.block_until_ready(carried)
      seconds.append(time.perf_counter() - begun)
    return min(seconds[1:])  # the first compiles

  def tune() -> Choice:
    layers = layers_of(model, blocks.arguments(model, runs, shape, config.batch_size))
    return choose(layers, sweep.at_once(R, fit.chunk), whole)

  choice = settled(path, begun, tune)
  return build(choice) if choice else fit.programs


def settled(path: pathlib.Path, begun: bool, tune: Callable[[], Choice]) -> Choice:
  """What config.json says; on a new workdir what `tune` finds, which config.json says from then."""
  if jax.default_backend() in FIXED:
    return {}
  record = config_file.read_config(path)
  if begun or "convolutions" in record:
    return record.get("convolutions", {})
  choice = tune()
  config_file.write(path, record | {"convolutions": choice})
  return choice


def choose(layers: list[ConvShape], at_once: int, whole: Callable[[Choice], float]) -> Choice:
  """The best way of each layer, where it is not the default and the whole step gains as well.

  `whole` gives the seconds of a block of steps by a choice.
  """
  if not layers:
    return {}
  ways = {str(layer): best(measure(layer, at_once)) for layer in layers}
  choice = {layer: way for layer, way in ways.items() if way != DEFAULT}
  gained = whole({}) / whole(choice) if choice else 1.0
  taken = choice if gained > GAIN else {}
  said = "; ".join(f"{layer}: {way}" for layer, way in taken.items()) or f"{DEFAULT} for all"
  print(
    f"convolutions, of {len(layers)} layers measured: {said} (a step is {gained:.2f} times as fast)"
  )
  return taken


def table(layers: list[ConvShape], at_once: int) -> str:
  """Microseconds of a run, for each layer and way; the one that would be taken has a star."""
  lines = [" | ".join(["layer", *WAYS])]
  for layer in layers:
    found = measure(layer, at_once)
    taken = best(found)
    cells = [
      f"{1e6 * one.seconds:,.0f}{'*' if name == taken else ''} ({one.error:.0e})"
      for name, one in found.items()
    ]
    lines.append(" | ".join([str(layer), *cells]))
  return "\n".join(lines)


def _inputs(layer: ConvShape, runs: tuple[int, ...] = (), dtype: str = "float32") -> PyTree:
  rng = np.random.RandomState(0)
  shapes = layer.image, layer.kernel
  return tuple(jnp.asarray(rng.standard_normal(runs + shape), dtype) for shape in shapes)


def _both(layer: ConvShape, way: Convolution) -> Callable:
  """The output and both gradients of `sum(y**2) / 2`."""

  def f(inputs: PyTree) -> tuple:
    y, pull = jax.vjp(
      lambda x, w: getattr(way, layer.kind)(x, w, layer.stride, layer.padding), *inputs
    )
    return y, *pull(y)

  return f


def _program(layer: ConvShape, way: Convolution) -> Callable:
  both = _both(layer, way)

  def program(inputs: PyTree) -> PyTree:
    many = jax.vmap(both) if inputs[0].ndim > len(layer.image) else both

    def step(inputs, _):
      _, *gradients = many(inputs)
      return jax.tree.map(lambda x, g: x + 1e-9 * g, inputs, tuple(gradients)), None

    return lax.scan(step, inputs, None, length=STEPS)[0]

  return jax.jit(program)


def _errors(layer: ConvShape) -> dict[str, float]:
  few = layer._replace(image=(PROBED, *layer.image[1:]))
  with jax.enable_x64(True):
    exact = jax.jit(_both(few, convolution.LAX))(_inputs(few, dtype="float64"))
    exact = [np.asarray(part) for part in exact]
  return {
    name: max(
      float(np.abs(np.asarray(part) - true).max() / np.abs(true).max())
      for part, true in zip(jax.jit(_both(few, way))(_inputs(few)), exact, strict=True)
    )
    for name, way in WAYS.items()
  }
