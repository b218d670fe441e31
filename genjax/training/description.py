"""What a config would train, and what that takes, in words and tables."""

import itertools
import textwrap
from collections.abc import Iterator

import jax
import ml_collections
import numpy as np

from genjax import config as genjax_config
from genjax import data
from genjax.data import cache, sizes, sources, tfds
from genjax.data.sources import shortened, unnamed
from genjax.models import summary
from genjax.plotting import tables
from genjax.training import cost, design, memory, planning, sweep
from genjax.types import Shape, UserError, counted, rounded

WIDTH = 100  # columns


def table(layer_tables: summary.Tables) -> list[str]:
  """Lines: a layer each, and totals. Running statistics are parameters that are not trained."""
  rows = []
  for player, layers in layer_tables.items():
    rows.append((player, "output", "parameters", "trained"))
    rows += [
      (f"  {layer.name}", f"[{', '.join(map(str, ('B', *layer.output)))}]", *_counts([layer]))
      for layer in layers
    ]
    rows += [("  total", "", *_counts(layers)), ("",) * 4]
  return _aligned([*rows, ("both", "", *_counts([*itertools.chain(*layer_tables.values())]))])


def _counts(layers: list[summary.LayerRow]) -> tuple[str, str]:
  trained = sum(layer.trained for layer in layers)
  total = trained + sum(layer.statistics for layer in layers)
  return (f"{total:,}", f"{trained:,}") if total else ("", "")


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
  """Columns: the first to the left, figures to the right."""
  return tables.aligned(rows, [True] + [False] * (len(rows[0]) - 1))


def sections(plans: dict[str, planning.Plan]) -> Iterator[str]:
  """The text, a piece at a time: each program's memory takes a compilation."""
  first = next(iter(plans.values()))
  yield _of_data(first)
  shown, work, multiplications, seconds = {}, 0, 0, 0.0
  for number, (folder, plan) in enumerate(plans.items(), 1):
    if folder:
      title = f"{folder} ({number} of {len(plans)})"
      yield f"\n{title}\n{'=' * len(title)}\n"
    flop = cost.step_flops(plan.model, _shape(plan), plan.config.batch_size)
    yield _of_model(plan, shown, folder) + _of_step(plan, flop)
    part = _first_part(plan)
    step, fit = cost.planned(part)
    why = memory.refusal(fit, plan.config.sweep)
    yield _of_sweep(plan, part, fit.chunk) + _of_memory(part, fit, why)
    rate = np.nan if why else cost.run_steps_a_second(step, plan.splits, part.rows)
    yield _of_speed(plan, rate)
    seconds += len(plan.rows) * plan.steps / rate
    work += len(plan.rows) * plan.steps
    multiplications += len(plan.rows) * plan.steps * sum(flop.values())
  runs = sum(len(plan.rows) for plan in plans.values())
  programs = f"{len(plans)} programs, " if len(plans) > 1 else ""
  took = f", {_duration(seconds)} here" if np.isfinite(seconds) else ""
  yield f"\nin all  {programs}{runs} runs, {work:,} run-steps, {_unit(multiplications)}FLOP{took}\n"
  if said := design.described(design.of({folder: plan.config for folder, plan in plans.items()})):
    yield _wrapped("design", said)


def _shape(plan: planning.Plan) -> Shape:
  return tuple(plan.splits.train.image.shape[1:])


def _of_data(plan: planning.Plan) -> str:
  splits = plan.splits
  shape = " x ".join(map(str, _shape(plan)))
  counts = [f"{len(part.label):,}" for part in (splits.train, splits.validation, splits.test)]
  classes = "" if unnamed(splits.classes) else f"; classes {shortened(splits.classes)}"
  return _wrapped(
    "data",
    f"{splits.source}: images {shape}, {counts[0]} to train with, {counts[1]} held out, "
    f"{counts[2]} to test with{classes}",
  )


def _of_model(plan: planning.Plan, shown: dict, folder: str) -> str:
  """The model's keys and its tables; `shown` has the folders of those that were printed before."""
  keys = plan.config.model.to_dict()
  network = f"network {keys['network']}, " if "network" in keys else ""
  text = _wrapped(
    "model",
    f"{keys['name']}: {network}{genjax_config.options(keys)}; layers at latent {plan.model.latent}",
  )
  layer_tables = summary.tables(plan.model, _shape(plan))
  key = str(layer_tables)
  if key in shown:
    return text + _wrapped("layers", f"as in {shown[key]}")
  shown[key] = folder
  return text + "\n" + "\n".join(table(layer_tables)) + "\n\n"


def _of_step(plan: planning.Plan, flop: dict[str, int]) -> str:
  K = plan.model.batches_per_step
  parts = [
    f"{name} {_unit(count)}FLOP" + (f" (its {K} steps)" if place == 0 and K > 1 else "")
    for place, (name, count) in enumerate(flop.items())  # the first of a step takes the batches
  ]
  split = f": {', '.join(parts)}" if len(parts) > 1 else ""
  everything = f"{_unit(sum(flop.values()))}FLOP a run in matrix products"
  return _wrapped("step", f"{everything}, batch {plan.config.batch_size}{split}")


def _first_part(plan: planning.Plan) -> planning.Plan:
  """What of a program is trained together: no part has more runs."""
  parts = genjax_config.parts_of(plan.config)
  seeds = next(iter(parts.values()), plan.config.sweep.seeds)
  return plan._replace(rows=[row for row in plan.rows if row["seed"] in seeds])


def _of_sweep(plan: planning.Plan, part: planning.Plan, chunk: int) -> str:
  R, together = len(plan.rows), len(part.rows)
  devices = sweep.mesh(together).size
  local, parts = sweep.slots(together) // devices, len(genjax_config.parts_of(plan.config))
  parted = f"in {parts} parts of up to {together}, " if parts else ""
  here = f"{jax.device_count()} {jax.devices()[0].device_kind} devices"
  changing = [name for name in plan.rows[0] if len({row[name] for row in plan.rows}) > 1]
  counts = [f"{len({row[name] for row in plan.rows})} {_plural(name)}" for name in changing]
  product = f" ({' x '.join(counts)})" if counts else ""
  told = genjax_config.numbers(plan.config.model, plan.rows)
  return _wrapped(
    "sweep",
    f"{counted(R, 'run')}{product} of {plan.steps:,} steps, {parted}on {devices} of "
    f"{here}: {local} on each, {sweep.at_once(together, chunk)} at once",
  ) + _wrapped("numbers", "; ".join(f"{name} {_values(plan, name)}" for name in told))


def _values(plan: planning.Plan, name: str) -> str:
  values = dict.fromkeys(row[name] for row in plan.rows)
  if name == "seed" and len(values) > 2 and [*values] == [*range(min(values), max(values) + 1)]:
    return f"{min(values)} to {max(values)}"
  return ", ".join(str(v) if isinstance(v, int) else f"{v:g}" for v in values)


def _plural(name: str) -> str:
  name = name.replace("_", " ")
  return name if name.endswith("s") else f"{name}s"


_PARTS = {
  "weights": "weights",
  "statistics": "batch-norm statistics",
  "averaged": "averaged generator",
  "optimiser": "optimiser",
  "best": "weights of the best step",
  "images": "training and validation images",
  "temporary": "temporary, of a block of steps or a validation",
  "process": "this process, before it trains",
}


def _of_speed(plan: planning.Plan, rate: float) -> str:
  if not np.isfinite(rate):
    return ""
  whole = _duration(len(plan.rows) * plan.steps / rate)
  text = "\n" + _wrapped(
    "speed",
    f"{rounded(rate)} run-steps/s here: {whole} for all steps, and compiling, validations and "
    "pictures on top",
  )
  if plan.config.mark:
    fd, step = plan.config.mark
    reached = _duration(len(plan.rows) * step / rate)
    text += _wrapped(
      "mark", f"FD {fd:g} at step {step:,.0f}, the median of this recipe's seeds: {reached} here"
    )
  return text


def _duration(seconds: float) -> str:
  for size, unit in ((3600, "h"), (60, "min")):
    if seconds >= 2 * size:
      return f"about {rounded(seconds / size)} {unit}"
  return f"about {rounded(seconds, 2)} s"


def _of_memory(plan: planning.Plan, fit: memory.Fitting, why: str) -> str:
  devices = sweep.mesh(len(plan.rows)).size
  header = ("memory, MiB", "per device") + ((f"on all {devices}",) if devices > 1 else ())
  measured = {f"  {_PARTS[name]}": size for name, size in fit.memory._asdict().items() if size}
  measured |= {"  total": fit.memory.total, "  of": memory.limit()}
  rows = [header]
  for name, size in measured.items():
    rows.append((name, _mib(size)) + ((_mib(size * devices),) if devices > 1 else ()))
  table = "\n".join(_aligned(rows))
  return f"\n{table}\n" + (f"\n{_wrapped('lacking', why)}" if why else "")


def _mib(size: int) -> str:
  figure = f"{size / 2**20:,.1f}"
  return "< 0.1" if figure == "0.0" else figure


def _unit(number: float) -> str:
  """Three digits and a prefix: 35.6 G."""
  for prefix in ("", "k", "M", "G", "T", "P", "E"):
    if number < 999.5 or prefix == "E":
      return f"{number:.3g} {prefix}" if number < 999.5 else f"{number:,.0f} {prefix}"
    number /= 1000


def _wrapped(name: str, text: str) -> str:
  return textwrap.fill(text, WIDTH, initial_indent=name.ljust(8), subsequent_indent=" " * 8) + "\n"


def load(config: ml_collections.ConfigDict) -> data.Splits:
  """The data that a config names; of a well-known dataset that is not here, black images.

  Raises:
    UserError: the data cannot be had, and nobody knows their sizes.
  """
  options = config.data
  known = sizes.splits(options.name, options.size, options.validation, options.channels)
  cached = not options.dir and any(cache.newest(options.cache, options.name, options.size))
  if known and not cached and not tfds.locate(options.name, options.dir):
    return known
  return planning.load_data(config, download=False)


def check(config: ml_collections.ConfigDict, watch: planning.Watch) -> None:
  """Raises `UserError` for what cannot be trained, as far as this is known without the data."""
  try:
    splits = load(config)
  except UserError as error:
    if isinstance(error.__cause__, sources.MissingData):
      return  # they may be where it is trained
    raise
  planning.plans(config, lambda _: splits, watch)
