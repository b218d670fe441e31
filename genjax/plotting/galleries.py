"""Galleries of images: runs as rows, and each pixel of an image a square of whole pixels.

Axes: R runs, M images of a run, H W C image. Lengths are in pixels of the PNG.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib import style
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from genjax.metrics.pixels import to_bytes
from genjax.plotting.plots import (
  FAINT,
  INK,
  STYLE,
  Page,
  RunLabel,
  by_setting,
  checked,
  looks,
  text_height,
  text_width,
  wrap,
)


@style.context(STYLE, after_reset=True)
def gallery(
  images: np.ndarray,
  labels: Sequence[RunLabel],
  column_labels: Sequence[str] | None = None,
  title: str = "",
  footnote: str = "",
) -> Figure:
  """Runs as rows, images as columns; each pixel of an image is a square of whole pixels.

  Rows of one setting stand together. A failed run is marked in red.

  Args:
    images: [R, M, H, W, C] in [0, 1] or uint8, C 1 or 3; a NaN is drawn grey. A column shares its
      noise and, if there is one, its class.
    labels: as in `curves.curves`.
    column_labels: M of them, such as the classes.

  Raises:
    ValueError: images or column labels whose shape does not fit.
  """
  pixels = _bytes(checked(images, labels, "images", 5))
  pixels = _enlarged(pixels, *pixels.shape[:2], column_labels)
  return _compose(pixels, labels, column_labels, title, footnote)[0]


@style.context(STYLE, after_reset=True)
def animation(
  images: np.ndarray,
  labels: Sequence[RunLabel],
  column_labels: Sequence[str] | None = None,
  title: str = "",
) -> np.ndarray:
  """A gallery whose images move: `[T, R, M, H, W, C]` in [0, 1] -> `[T, height, width, 3]` uint8.

  The other arguments, and what is raised, are those of `gallery`.
  """
  pixels = np.stack([checked(x, labels, "images", 5) for x in _bytes(np.asarray(images))])
  pixels = _enlarged(pixels, *pixels.shape[1:3], column_labels)
  figure, corners = _compose(pixels[0], labels, column_labels, title)
  figure.canvas.draw()
  still = np.asarray(figure.canvas.buffer_rgba())[..., :3]
  frames = np.repeat(still[None], len(pixels), 0)
  height, width = pixels.shape[3:5]
  for r, (x, y) in corners.items():
    for m in range(pixels.shape[2]):
      left = x + m * (width + COLUMN_GAP)
      frames[:, y : y + height, left : left + width] = pixels[:, r, m]
  return frames


def _enlarged(
  pixels: np.ndarray, rows: int, columns: int, column_labels: Sequence[str] | None
) -> np.ndarray:
  """[..., H, W, 3] for so many rows and columns, each pixel a square of whole pixels."""
  if column_labels is not None and len(column_labels) != columns:
    raise ValueError(f"{len(column_labels)} column labels for {columns} columns")
  H, W = pixels.shape[-3:-1]
  # Large, but at most about 1,500 wide and 2,400 high; never so small that a digit is hard to see.
  scale = int(np.clip(min(1500 // (columns * W), 2400 // (rows * H)), 2, 6))
  return pixels.repeat(scale, -3).repeat(scale, -2)


@style.context(STYLE, after_reset=True)
def grid(
  images: np.ndarray,
  label: RunLabel,
  columns: int,
  column_labels: Sequence[str] | None = None,
  title: str = "",
  footnote: str = "",
) -> Figure:
  """Many images of one run, row by row; in a red frame if it failed.

  Args:
    images: [M, H, W, C] in [0, 1], C 1 or 3; a NaN is drawn grey.
    label: the run.
    columns: images of a row.
    column_labels: one for each column, such as the classes.

  Raises:
    ValueError: images or column labels whose shape does not fit.
  """
  pixels = _bytes(checked(images[None], [label], "images", 5)[0])
  rows = -(-len(pixels) // columns)
  pixels = _enlarged(pixels, rows, columns, column_labels)
  height, width = pixels.shape[1:3]
  down, size = height + COLUMN_GAP, (columns, width, rows * (height + COLUMN_GAP) - COLUMN_GAP)
  words = title, column_labels, _footnote(footnote, [label])
  page, canvas, top = _sheet(EDGE, size, *words, RED if label.failed else INK)
  if label.failed:
    frame = canvas[top - 6 : top + size[2] + 6, EDGE - 6 : EDGE + columns * (width + COLUMN_GAP)]
    frame[:] = _rgb(RED)
    frame[4:-4, 4:-4] = 255
  for row in range(rows):
    y, own = top + row * down, pixels[row * columns : (row + 1) * columns]
    _paste(canvas[y - 6 : y + height + 6, EDGE - 6 :], own, failed=False)
  page.paint(canvas)
  return page.figure


def tiled(tiles: np.ndarray, columns: int) -> np.ndarray:
  """`[T, H, W, C] -> [T / columns * H, columns * W, C]`, row by row."""
  T, H, W, C = tiles.shape
  return tiles.reshape(T // columns, columns, H, W, C).swapaxes(1, 2).reshape(-1, columns * W, C)


def _bytes(images: np.ndarray) -> np.ndarray:
  """Images [..., C] in [0, 1], or already uint8, as uint8 [..., 3]."""
  if images.shape[-1] not in (1, 3):
    raise ValueError(f"images have {images.shape[-1]} channels: expected 1 or 3")
  images = images if images.dtype == np.uint8 else to_bytes(images)
  return np.broadcast_to(images, (*images.shape[:-1], 3))


RED = "#B00020"
EDGE, COLUMN_GAP, ROW_GAP, GROUP_GAP, BAR = 36, 6, 14, 34, 8


def _compose(pixels, labels, column_labels, title, footnote=""):
  """The page of a gallery, and where each row begins, (x, y), from enlarged images [R, M, ...]."""
  R, M, height, width, _ = pixels.shape
  groups = by_setting(labels)
  look = looks(list(groups))
  names = {setting: _fit(setting, rows, height) for setting, rows in groups.items()}
  seeds = [_row_label(label, height) for label in labels]
  bar = EDGE + int(max(text_width(name, 9, "bold") for name in names.values())) + 16
  bar = bar if any(names.values()) else EDGE - BAR - 16  # one setting without a name: no bar
  left = bar + BAR + 16 + int(max(text_width(seed, 8.5) for seed in seeds)) + 20
  tall = R * (height + ROW_GAP) - ROW_GAP + (len(groups) - 1) * (GROUP_GAP - ROW_GAP)
  words = title, column_labels, _footnote(footnote, labels)
  page, canvas, top = _sheet(left, (M, width, tall), *words)
  corners = {}
  for setting, start, places in _places(groups, top, height):
    end = max(places.values()) + height
    if names[setting]:
      canvas[start:end, bar : bar + BAR] = _rgb(look[setting].color)
      page.text(bar - 16, (start + end) / 2, names[setting], 9, 0.5, weight="bold", ha="right")
    for r, y in places.items():
      corners[r] = left, y
      color = RED if labels[r].failed else INK
      page.text(left - 20, y + height / 2, seeds[r], 8.5, 0.5, ha="right", color=color)
      _paste(canvas[y - 6 : y + height + 6, left - 6 :], pixels[r], labels[r].failed)
  page.paint(canvas)
  return page.figure, corners


def _sheet(left: int, size: tuple[int, int, int], title, column_labels, footnote, color=INK):
  """A page with all its words but those of rows, its canvas, and where images begin on it.

  `size` is how many images stand side by side, the width of each, and the height of all rows.
  """
  columns, width, tall = size
  page_width = max(left + columns * (width + COLUMN_GAP) - COLUMN_GAP + EDGE, 900)
  title = wrap(title, 12, page_width - 2 * EDGE, "bold")
  footnote = wrap(footnote, 8, page_width - 2 * EDGE)
  heads, upright, head = _heads(column_labels, width)
  top = int(EDGE + text_height(title, 12) + (22 if title else 0) + head)
  page = Page(page_width, top + tall + EDGE + text_height(footnote, 8) + (10 if footnote else 0))
  page.text(EDGE, EDGE - 6, title, 12, weight="bold", color=color)
  page.text(EDGE, top + tall + 24, footnote, 8, color=FAINT)
  for m, text in enumerate(heads):
    x = left + m * (width + COLUMN_GAP) + width / 2
    (page.upright if upright else page.text)(x, top - 10, text, 8.5, 1, ha="center")
  # One array for the whole page, drawn one to one: nothing is resampled.
  return page, np.full((page.height, page.width, 3), 255, np.uint8), top


def _places(groups: dict[str, list[int]], y: int, height: int):
  """For each setting its name, its top, and the tops of its runs."""
  for setting, rows in groups.items():
    places = {r: y + i * (height + ROW_GAP) for i, r in enumerate(rows)}
    yield setting, y, places
    y += len(rows) * (height + ROW_GAP) - ROW_GAP + GROUP_GAP


def _paste(canvas: np.ndarray, images: np.ndarray, failed: bool) -> None:
  """A row of images, 6 pixels from the canvas's edges; a failed one in a red frame of 4 pixels."""
  M, _, width, _ = images.shape
  end = 6 + M * (width + COLUMN_GAP) - COLUMN_GAP
  if failed:
    canvas[:, : end + 6] = _rgb(RED)
    canvas[4:-4, 4 : end + 2] = 255
  for m in range(M):
    x = 6 + m * (width + COLUMN_GAP)
    canvas[6:-6, x : x + width] = images[m]


def _rgb(color) -> np.ndarray:
  return np.rint(np.multiply(to_rgb(color), 255)).astype(np.uint8)


def _fit(setting: str, rows: list[int], height: int) -> str:
  """The setting's name with a line for each of its parts, if its rows have room for them."""
  room = len(rows) * (height + ROW_GAP) / text_height("x", 9)
  return setting.replace(", ", ",\n") if setting.count(", ") < int(room) else setting


def _row_label(label: RunLabel, height: int) -> str:
  if label.about:
    return label.about
  if not label.failed:
    return f"seed {label.seed}"
  room = int((height + ROW_GAP) / text_height("x", 8.5))
  form = {1: "seed {}, failed at step {:,}", 2: "seed {}: failed\nat step {:,}"}
  return form.get(room, "seed {}\nfailed at\nstep {:,}").format(label.seed, label.failed_at)


def _footnote(footnote: str, labels: Sequence[RunLabel]) -> str:
  everyone = {(label.setting, label.seed) for label in labels}  # a run may have several rows
  failed_at = {(x.setting, x.seed): x.failed_at for x in labels if x.failed}
  if not failed_at:
    return footnote
  at = f"the run failed at step {min(failed_at.values()):,}"
  runs = f"{len(failed_at)} of {len(everyone)} runs failed" if len(everyone) > 1 else at
  return f"{footnote} In red: {runs}; the images are the last good ones.".strip()


def _heads(column_labels: Sequence[str] | None, width: int) -> tuple[list[str], bool, float]:
  """The columns' labels, whether they stand upright, and the height they need."""
  if column_labels is None:
    return [], False, 0
  wrapped = [wrap(str(text), 8.5, width) for text in column_labels]
  if max(text_width(t, 8.5) for t in wrapped) <= width:
    return wrapped, False, max(text_height(t, 8.5) for t in wrapped) + 12
  heads = [str(text) for text in column_labels]
  return heads, True, max(text_width(t, 8.5) for t in heads) + 20
