"""What pictures of latent spaces share: what is asked, rows of runs, names."""

import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from genjax.analysis.selection import Selection
from genjax.plotting import galleries
from genjax.plotting.plots import RunLabel

Pictures = Iterator[tuple[str, Figure | np.ndarray]]  # name, and a figure or frames of an animation


class Asked(NamedTuple):
  """What is the same in all pictures."""

  kinds: tuple[str, ...]  # of paths
  pairs: int  # P
  steps: int  # T
  seed: int  # of the noise

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


def transposed(images: np.ndarray, labels, columns, title: str, note: str) -> Figure:
  """[T, M, H, W, C] with M as rows."""
  return galleries.gallery(images.swapaxes(0, 1), labels, columns, title, note)


def row_label(label: RunLabel, text: str, alone: bool = False) -> RunLabel:
  """A row that says this beside its seed; `alone` where the figure's title names the run."""
  if alone:
    return label._replace(setting="", about=text or " ")
  return label._replace(about=f"seed {label.seed}\n{text}")


def run_name(one: Selection, label: RunLabel) -> str:
  return f"{label.setting or one.name}, seed {label.seed}"


def slug(one: Selection, label: RunLabel) -> str:
  return re.sub(r"[^\w.=]+", "-", run_name(one, label)).strip("-")
