"""Figures over training as curves: what `train` draws into plots/, and a report shows.

`Curves` go from a metric's name to its steps [S] and values [R, S], NaN where a run has none.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

import numpy as np
from matplotlib.figure import Figure

from genjax.metrics.catalogue import SCORES
from genjax.plotting import curves, plots, tables
from genjax.plotting.axes import metric_of
from genjax.types import Curves


def over_training(series: Curves) -> Curves:
  """Without the scores that no run has at two steps, and those of single dimensions.

  Runs of which each has but one, at its own best step, make no curve together.
  """
  return {
    name: (steps, values)
    for name, (steps, values) in series.items()
    if "@" not in name or ("/" not in name and (np.isfinite(values).sum(1) > 1).any())
  }


def joined(parts: Sequence[Curves], sizes: Sequence[int]) -> Curves:
  """Curves of several workdirs, one after another, over the steps of all.

  Args:
    parts: their curves.
    sizes: how many runs each has.
  """
  names = dict.fromkeys(name for part in parts for name in part)
  result = {}
  for name in names:
    steps = np.unique(np.concatenate([part[name][0] for part in parts if name in part]))
    rows = [np.full((size, len(steps)), np.nan) for size in sizes]
    for row, part in zip(rows, parts, strict=True):
      if name in part:
        row[:, np.searchsorted(steps, part[name][0])] = part[name][1]
    result[name] = steps, np.concatenate(rows)
  return result


def drawn(
  series: Curves, labels: Sequence[plots.RunLabel]
) -> Iterator[tuple[str, Figure, Callable[[], str]]]:
  """Each figure: its name, the figure, and what gives in words what is seen in it."""
  for name, panels in figures(series).items():
    yield name, curves.curves(panels, labels), partial(described, panels, labels)
  values = dimensions(series)
  if values is not None:
    figure = curves.kl_per_dimension(values, labels)
    yield "kl_per_dimension", figure, partial(_described_dimensions, values, labels)


def figures(series: Curves) -> dict[str, Curves]:
  """The panels of each figure, by its name; figures without any are left out."""
  plain = {name: one for name, one in series.items() if "@" not in name}
  every = {
    "training": {k: v for k, v in plain.items() if not k.startswith(("val_", "kl_dim"))},
    "validation": {k: v for k, v in plain.items() if k.startswith("val_")},
    "scores": _scores(series),
  }
  return {name: _unmirrored(panels) for name, panels in every.items() if panels}


def _scores(series: Curves) -> Curves:
  several = {k: v for k, v in series.items() if "@" in k and "/" not in k}
  names = [key.partition("@")[0] for key in several]
  return {
    (SCORES[name].title if name in SCORES and names.count(name) == 1 else key): one
    for name, (key, one) in zip(names, several.items(), strict=True)
  }


def dimensions(series: Curves) -> np.ndarray | None:
  """The last KL of each latent dimension on validation images, [R, Z]; None where there is none.

  A GAN has none. Scores, on test images, have a name with an @.
  """
  names = [name for name in series if name.startswith("kl_dim/") and "@" not in name]
  found = [_last(series[name][1]) for name in names]
  return np.stack(found, 1) if found else None


def described(panels: Curves, labels: Sequence[plots.RunLabel]) -> str:
  """In words what `curves.curves` draws: from what median to what each setting comes."""
  groups, said = plots.by_setting(labels), []
  for name, (steps, values) in panels.items():
    ends = {setting: _ends(steps, values[rows]) for setting, rows in groups.items()}
    ends = {setting: found for setting, found in ends.items() if found}
    said.append(f"{metric_of(name).title}: {_ends_in_words(ends)}.")
  return " ".join(said)


def _described_dimensions(values: np.ndarray, labels: Sequence[plots.RunLabel]) -> str:
  """In words what `curves.kl_per_dimension` draws."""
  said = []
  for setting, rows in plots.by_setting(labels).items():
    known = values[rows][np.isfinite(values[rows]).any(1)]
    if len(known):
      total = np.median(np.nansum(known, 1))
      used = np.median((np.nan_to_num(known) > 0.1).sum(1))
      said.append(f"{setting} median total {total:.3g} nats, {used:g} dimensions above 0.1".strip())
  return f"KL of each latent dimension in nats: {'; '.join(said)}."


FEW = 4  # settings whose figures are all told


def _ends_in_words(ends: Mapping[str, tuple]) -> str:
  if not ends:
    return "no finite figure"
  if len(ends) <= FEW:
    return "; ".join(f"{setting} {_course(*found)}".strip() for setting, found in ends.items())
  ordered = sorted(ends, key=lambda setting: ends[setting][3])
  low, high = (f"{tables.figure(ends[s][3])} ({s})" for s in (ordered[0], ordered[-1]))
  return f"the medians of {len(ends)} settings end between {low} and {high}"


def _course(first: int, start: float, last: int, end: float) -> str:
  if first == last:
    return f"median {tables.figure(end)} at step {last:,}"
  return (
    f"median from {tables.figure(start)} at step {first:,} to {tables.figure(end)} at step {last:,}"
  )


def _ends(steps: np.ndarray, values: np.ndarray) -> tuple[int, float, int, float] | None:
  """The first and the last step at which a run has a figure, and the medians there."""
  known = np.flatnonzero(np.isfinite(values).any(0))
  if not known.size:
    return None
  first, last = (float(np.median(v[np.isfinite(v)])) for v in values[:, known[[0, -1]]].T)
  return int(steps[known[0]]), first, int(steps[known[-1]]), last


def _unmirrored(series: Curves) -> Curves:
  """The curves but those that are the critic's gap upside down, as the loss of a WGAN's critic."""
  gap = series.get("critic_gap") or series.get("val_critic_gap")
  if not gap or not np.nan_to_num(gap[1]).any():  # without a figure, or flat: no mirror to see
    return series
  mirrored = (gap[0], -gap[1])
  return {
    name: one
    for name, one in series.items()
    if not (
      np.array_equal(one[0], mirrored[0])
      and np.allclose(one[1], mirrored[1], rtol=1e-4, atol=0, equal_nan=True)
    )
  }


def _last(values: np.ndarray) -> np.ndarray:
  """Each run's last figure, `[R, S] -> [R]`; NaN where it never had one."""
  known = ~np.isnan(values)
  last = values.shape[1] - 1 - known[:, ::-1].argmax(1)
  return np.where(known.any(1), values[np.arange(len(values)), last], np.nan)
