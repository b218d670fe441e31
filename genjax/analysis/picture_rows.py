"""What pictures of latent spaces share: what is asked, rows of runs, names."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from genjax.analysis.selection import Selection
from genjax.metrics import paths
from genjax.plotting import galleries
from genjax.plotting.plots import RunLabel

Pictures = Iterator[tuple[str, Figure | np.ndarray]]  # name, and a figure or frames of an animation


class InterpolationFlags(NamedTuple):
  """What the flags of `genjax.interpolate` ask for."""

  kinds: tuple[str, ...] = paths.KINDS
  pairs: int = 2  # P
  steps: int = 11  # T
  seed: int = 0  # of the noise
  runs: tuple[str, ...] = ()  # as `selection.read` takes them
  weights: str = "best"
  what: tuple[str, ...] = ()  # () for all that the models allow
  images: tuple[str, ...] = ()  # places of test images; () for some of different classes
  space: str = "pixels"
  out: str = ""
  data: str = ""  # where the data lie now

  @property
  def kind(self) -> str:
    """Where there is room for one."""
    return self.kinds[-1]

  @property
  def columns(self) -> list[str]:
    return [f"{t:.2f}" for t in np.linspace(0, 1, self.steps)]


def animated(images: np.ndarray, labels: list[RunLabel], columns: list[str], title: str):
  """[R, T, M, H, W, C] as frames."""
  return galleries.animation(images.swapaxes(0, 1), labels, columns, title)


def of_one_run(
  kind: str,
  one: Selection,
  label: RunLabel,
  images: np.ndarray,
  rows: Sequence[str],
  columns: Sequence[str] | None,
  title: str,
  note: str,
) -> tuple[str, Figure]:
  """The picture of one run and its name; [T, M, H, W, C] with M as rows that say this."""
  run = f"{label.setting or one.name}, seed {label.seed}"
  labels = [label._replace(setting="", about=text or " ") for text in rows]
  figure = galleries.gallery(images.swapaxes(0, 1), labels, columns, f"{title}: {run}", note)
  return "-".join([kind, re.sub(r"[^\w.=]+", "-", run).strip("-")]), figure


def row_label(label: RunLabel, text: str) -> RunLabel:
  """A row that says this beside its seed."""
  return label._replace(about=f"seed {label.seed}\n{text}")
