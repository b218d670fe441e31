"""Axes of figures over runs: their limits, whatever a run that explodes has."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from genjax.plotting import plots

# Of fewer points than FEW, as of a run's validations, all are shown except outliers: those that are
# OUTLIER times as large as the others.
FEW, OUTLIER = 20, 100


class Quantity(NamedTuple):
  """What a figure's y axis shows."""

  title: str
  limits: tuple[float, float] | None = None  # of the y axis, where they are known beforehand
  wide: bool = False  # settings may differ by orders of magnitude: then the axis is logarithmic
  bounds: tuple[float, float] = (-math.inf, math.inf)  # between which every value lies


_POSITIVE = (0, math.inf)

METRICS = {
  "loss": Quantity("loss (nats)", bounds=_POSITIVE),
  "kl": Quantity("KL (nats)", bounds=_POSITIVE),
  "reconstruction": Quantity("reconstruction (nats)", bounds=_POSITIVE),
  "generator_loss": Quantity("generator loss", wide=True),
  "critic_loss": Quantity("critic loss", wide=True),
  "critic_gap": Quantity("critic gap: real - generated", wide=True),
  "accuracy_real": Quantity("discriminator accuracy on real images", (0, 1), bounds=(0, 1)),
  "accuracy_generated": Quantity(
    "discriminator accuracy on generated images", (0, 1), bounds=(0, 1)
  ),
  "critic_gradient_norm": Quantity("critic gradient norm", wide=True, bounds=_POSITIVE),
  "penalty": Quantity("critic penalty", wide=True, bounds=_POSITIVE),
  "penalty_real": Quantity("R1 penalty, real images", wide=True, bounds=_POSITIVE),
  "penalty_generated": Quantity("R2 penalty, generated images", wide=True, bounds=_POSITIVE),
  "clip_fraction": Quantity("weights at the clip bound (fraction)", bounds=(0, 1)),
  "training_jsd": Quantity("Jensen-Shannon bound of the training discriminator (nats)"),
  "swd": Quantity("sliced Wasserstein distance", bounds=_POSITIVE),
  "spread": Quantity(
    "standard deviation of pixels over images, relative to real images", bounds=_POSITIVE
  ),
  "brightness": Quantity("mean pixel of generated images", bounds=(0, 1)),
}


def metric_of(name: str) -> Quantity:
  """An entry of METRICS, also for its value on validation images; unknown names are titles."""
  if name.startswith("val_") and (metric := METRICS.get(name.removeprefix("val_"))):
    return metric._replace(title=f"{metric.title}, validation")
  return METRICS.get(name, Quantity(name))


class Axis(NamedTuple):
  """The y axis of a panel."""

  low: float
  high: float
  linear: float | None  # half the linear part of a logarithmic (arcsinh) axis, None if it is linear
  note: str  # what a reader must know of it


def spread(values: np.ndarray) -> np.ndarray:
  """Rows low, median and high, [3, S], of the values [n, S] that are not NaN at each step.

  Low and high are the quartiles from four seeds up, the extremes below; NaN where no seed has a
  value.
  """
  shares = np.array([0.25, 0.5, 0.75] if len(values) >= 4 else [0, 0.5, 1])[:, None]
  ordered = np.sort(values, axis=0)  # NaN last
  last = np.maximum((~np.isnan(values)).sum(0) - 1, 0)
  place = shares * last
  below = np.floor(place).astype(int)
  low = np.take_along_axis(ordered, below, 0)
  high = np.take_along_axis(ordered, np.minimum(below + 1, last), 0)
  return low + (place - below) * (high - low)


def axis_of(metric: Quantity, values: np.ndarray, labels: Sequence[plots.RunLabel]) -> Axis:
  """The axis that values [R, S] need, NaN where there is none."""
  if not _known(values).size:
    return Axis(0, 1, None, "no finite value")
  linear = _linear_part(values, labels) if metric.wide else None
  if metric.limits:
    margin = 0.03 * (metric.limits[1] - metric.limits[0])
    low, high = metric.limits[0] - margin, metric.limits[1] + margin
  elif linear:
    low, high = linear * np.sinh(_limits(np.arcsinh(values / linear), labels))
  else:
    low, high = _limits(values, labels)
  note = "log scale, linear near 0" if linear else ""
  return Axis(low, high, linear, "\n".join(filter(None, [note, _outside(values, low, high)])))


def _limits(
  values: np.ndarray, labels: Sequence[plots.RunLabel], trimmed: float = 0.05
) -> tuple[float, float]:
  """Limits that a spike, the first few steps or a run that explodes cannot stretch without bound.

  A run's core leaves out a share of its lowest and of its highest values; of few values it leaves
  out none but an explosion. The limits hold the cores and every value no farther from them than
  their own length, as the whiskers of a box plot do. A core much larger than those of the setting's
  other runs does not count.
  """

  def bound(r: int) -> int:
    """How many times the usual size is too large."""
    return OUTLIER if values.shape[1] < FEW and not labels[r].failed else 10

  cores = {r: _core(v, trimmed) for r in range(len(values)) if (v := _known(values[r])).size}
  sizes = {r: np.abs(core).max() for r, core in cores.items()}
  sound = {r: size for r, size in sizes.items() if not labels[r].failed}
  elsewhere = _median(sound or sizes)
  kept = []
  for rows in plots.by_setting(labels).values():
    own = {r: sound[r] for r in rows if r in sound}
    usual = _median(own) if own else elsewhere
    kept += [cores[r] for r in rows if r in cores and not sizes[r] > bound(r) * usual]
  low, high = np.min(kept), np.max(kept)
  reach = high - low or np.inf
  near = values[(values >= low - reach) & (values <= high + reach)]
  low, high = near.min(), near.max()
  pad = 0.05 * (high - low) or 0.1 * abs(high) or 0.1
  return low - pad, high + pad


def _core(values: np.ndarray, trimmed: float) -> np.ndarray:
  """The lowest and the highest value that the limits must hold."""
  cut = min(int(np.ceil(trimmed * len(values))), (len(values) - 1) // 2)
  core = np.sort(values)[[cut, -1 - cut]]
  if len(values) >= FEW:
    return core
  ordinary = values[np.abs(values) <= (OUTLIER * np.abs(core).max() or np.inf)]
  return np.array([ordinary.min(), ordinary.max()])


def _median(sizes: Mapping[int, float]) -> float:
  """The usual size: infinite where it is 0, of which nothing is a multiple."""
  return np.median(list(sizes.values())) or np.inf


def _known(values: np.ndarray) -> np.ndarray:
  return values[~np.isnan(values)]


def _linear_part(values: np.ndarray, labels: Sequence[plots.RunLabel]) -> float | None:
  """The size of the smallest setting's values; None if the settings are of similar sizes."""
  rows = [_known(values[r]) for r in plots.by_setting(labels).values()]
  sizes = [np.median(np.abs(v)) for v in rows if v.size]
  sizes = [s for s in sizes if s > 0]
  return min(sizes) if sizes and max(sizes) > 30 * min(sizes) else None


def _outside(values: np.ndarray, low: float, high: float) -> str:
  above, below = values[values > high], values[values < low]
  parts = []
  if above.size:
    parts.append(f"{above.size:,} above, up to {_short(above.max())}")
  if below.size:
    parts.append(f"{below.size:,} below, down to {_short(below.min())}")
  return f"not shown: {', '.join(parts)}" if parts else ""


def _short(value: float) -> str:
  text = f"{value:,.0f}" if 1e3 <= abs(value) < 1e6 else f"{value:.3g}"
  return text.replace("-", "\N{MINUS SIGN}")


def set_y(panel, axis: Axis) -> None:
  """Scale, ticks and limits of a panel's y axis."""
  set_axis(panel, "y", axis)
  if axis.low < 0 < axis.high:
    panel.axhline(0, color="#AAAAAA", linewidth=0.8, zorder=1)


def set_axis(panel, name: str, axis: Axis) -> None:
  """Scale, ticks and limits of a panel's axis "x" or "y"."""
  ticks = getattr(panel, f"{name}axis")
  if axis.linear:
    getattr(panel, f"set_{name}scale")("asinh", linear_width=axis.linear)
    ticks.set_major_locator(FixedLocator(_decades(axis)))
    ticks.set_minor_locator(NullLocator())
  else:
    ticks.set_major_locator(MaxNLocator(5, steps=plots.STEPS))
  ticks.set_major_formatter(FuncFormatter(plots.tick_label))
  panel.set(**{f"{name}lim": (axis.low, axis.high)})


def _decades(axis: Axis) -> list[float]:
  """Zero and some powers of ten, where the axis is logarithmic."""
  first = int(np.ceil(np.log10(axis.linear)))
  last = int(np.floor(np.log10(max(-axis.low, axis.high, axis.linear))))
  both = axis.low < -(10.0**first) and axis.high > 10.0**first
  stride = max(1, -(-(last - first + 1) // (3 if both else 5)))
  powers = np.array([10.0**e for e in range(last, first - 1, -stride)])
  heights = np.arcsinh(np.array([axis.low, axis.high]) / axis.linear)
  clear = 0.09 * np.ptp(heights)  # of the label of zero
  powers = powers[np.arcsinh(powers / axis.linear) > clear]
  return [0.0, *powers, *-powers]
