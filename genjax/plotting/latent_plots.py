"""Where encoders put the images of each class, in two dimensions.

Axes: N images, Z latent, K classes.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import matplotlib
import numpy as np
from matplotlib import patheffects, style
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from genjax.plotting import plots
from genjax.plotting.plots import STYLE, Head, RunLabel

# Tol's muted colours and a grey, told apart by colour-blind eyes (Tol 2021, figure 4).
COLOURS = [
  "#332288", "#88CCEE", "#44AA99", "#117733", "#999933",
  "#DDCC77", "#CC6677", "#882255", "#AA4499", "#888888",
]  # fmt: skip
SHARE = 0.68  # of a normal class, that its ellipse holds


class Plane(NamedTuple):
  """A two-dimensional view of N latents."""

  points: np.ndarray  # [N, 2]
  explained: float  # share of the variance that the plane holds, 1 where there is no other
  axes: tuple[str, str]  # their labels; the second is "" for a latent of 1


def plane(mean: np.ndarray, latent: int) -> Plane:
  """The latents themselves where there are two, else the first two principal components.

  Args:
    mean: [N, Z], of which the first `latent` dimensions are the run's.
    latent: at least 1.
  """
  mean = mean[:, :latent]
  if latent <= 2:
    points = np.pad(mean, ((0, 0), (0, 2 - latent)))
    return Plane(points, 1.0, ("dimension 0", "dimension 1" if latent == 2 else ""))
  centred = mean - mean.mean(0)
  _, sizes, directions = np.linalg.svd(centred, full_matrices=False)
  explained = float((sizes[:2] ** 2).sum() / max((sizes**2).sum(), 1e-30))
  return Plane(centred @ directions[:2].T, explained, ("component 0", "component 1"))


def ellipse(points: np.ndarray, share: float = SHARE) -> np.ndarray:
  """The outline that holds such a share of a normal distribution with the points' moments.

  `[N, 2] -> [101, 2]`; N at least 2.
  """
  values, vectors = np.linalg.eigh(np.cov(points.T))
  angle = np.linspace(0, 2 * np.pi, 101)
  circle = np.stack([np.cos(angle), np.sin(angle)], 1)
  radius = math.sqrt(-2 * math.log(1 - share))  # of the chi-squared distribution with two degrees
  return points.mean(0) + radius * circle * np.sqrt(np.maximum(values, 0)) @ vectors.T


@style.context(STYLE, after_reset=True)
def scatter(
  planes: Sequence[Plane],
  classes: np.ndarray,
  labels: Sequence[RunLabel],
  names: Sequence[str],
  classes_called: Sequence[str] = (),
) -> Figure:
  """A panel a run: a point an image, and of each class its ellipse and its number at its mean.

  Args:
    planes: of each run, all of the same images.
    classes: [N] of the images.
    labels: the runs.
    names: what their panels are called.
    classes_called: the names of the classes, for the legend; their numbers if empty.
  """
  present = np.unique(classes).tolist()

  def called(k: int) -> str:
    name = classes_called[k] if classes_called else str(k)
    return name if name == str(k) else f"{k}: {name}"

  colours = _colours(present)
  heads = [
    Head(name, _note(p, label)) for name, p, label in zip(names, planes, labels, strict=True)
  ]
  handles = [
    Line2D([], [], color=colours[k], marker="o", markersize=5, linestyle="none", label=called(k))
    for k in present
  ]
  caption = (
    f"The mean of the encoder for {len(classes):,} test images. Number: mean of a class. Ellipse: "
    f"{SHARE:.0%} of a normal distribution with the class's mean and covariance."
  )
  figure, panels = plots.panel_grid(heads, "Test images in the latent space", handles, caption)
  for panel, one in zip(panels, planes, strict=True):
    _draw(panel, one, classes, colours)
  return figure


def _colours(present: Sequence[int]) -> dict[int, str | tuple]:
  if len(present) <= len(COLOURS):
    return dict(zip(present, COLOURS, strict=False))
  shades = matplotlib.colormaps["viridis"](np.linspace(0, 0.95, len(present)))
  return dict(zip(present, map(tuple, shades), strict=True))


def _note(one: Plane, label: RunLabel) -> str:
  held = "" if one.explained == 1 else f"PCA: {one.explained:.0%} of the variance"
  return (held + label.fate).removeprefix(", ")


def _draw(panel, one: Plane, classes: np.ndarray, colours: dict) -> None:
  halo = [patheffects.withStroke(linewidth=2.5, foreground="white")]
  panel.scatter(
    *one.points.T, c=[colours[k] for k in classes.tolist()], s=2.5, alpha=0.45, linewidths=0
  )
  for k, colour in colours.items():
    mine = one.points[classes == k]
    if len(mine) > 2:
      panel.plot(*ellipse(mine).T, color=colour, linewidth=1.4, path_effects=halo, gid="ellipse")
  for k, colour in colours.items():
    x, y = one.points[classes == k].mean(0)
    panel.text(
      x, y, str(k), color=colour, size=11, weight="bold", ha="center", va="center", zorder=6,
      path_effects=halo,
    )  # fmt: skip
  panel.set_aspect("equal", adjustable="datalim")
  panel.grid(True, axis="both")
  panel.set_xlabel(one.axes[0])
  panel.set_ylabel(one.axes[1])
