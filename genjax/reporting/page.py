"""A report as one HTML file: pictures within it, tables, and the templates in templates/."""

import base64
import io
import pathlib
import re
from collections.abc import Sequence
from typing import NamedTuple

import jinja2
import markupsafe
import numpy as np
from PIL import Image

from genjax.plotting import tables
from genjax.plotting.tables import Block, Table

_TEMPLATES = pathlib.Path(__file__).parent / "templates"
GAP = 4  # pixels between the images of a strip
ROWS = 101  # of a table: 100 settings, and real images


class Picture(NamedTuple):
  """An image within the page."""

  source: str  # a data URI
  alt: str
  width: int  # as it is shown, in CSS pixels
  height: int


def render(context: dict) -> str:
  """The page, the same text for the same context."""
  environment = jinja2.Environment(
    loader=jinja2.FileSystemLoader(_TEMPLATES),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
  )
  environment.filters["cell"] = cell
  return environment.get_template("report.html").render(context)


def cell(text: str) -> markupsafe.Markup:
  """A figure of a table: its interval fainter, a minus sign and no hyphen."""
  value, bracket, interval = str(text).partition(" [")
  signed = [re.sub(r"(?<![\w.])-(?=\d)", "\N{MINUS SIGN}", part) for part in (value, interval)]
  if signed[0] == "-":
    signed[0] = "\N{EN DASH}"
  span = markupsafe.Markup(' <span class="interval">[{}</span>').format(signed[1])
  return markupsafe.escape(signed[0]) + (span if bracket else "")


class Grid(NamedTuple):
  """A table as the template draws it."""

  caption: str
  below: str  # of the caption: its second line
  heads: list[tuple[str, bool]]  # text, and whether it stands over figures
  rows: list[list[str]]  # the first is the row's head
  notes: list[str]


def grids(table: Table) -> list[Grid]:
  """A table for each block; blocks of one row each, all of the same setting, are one table."""
  heads = [(c.head, c.kind != "text") for c in table.columns if c.head]
  alone = all(len(block.rows) == 1 for block in table.blocks)
  if len(table.blocks) > 1 and alone and len({block.rows[0][0] for block in table.blocks}) == 1:
    return [_together(table, heads)]
  return [
    _without_empty(Grid(*_title(block.title), heads, *_shortened(table, block)))
    for block in table.blocks
  ]


def _shortened(table: Table, block: Block) -> tuple[list[list[str]], list[str]]:
  """The rows of a block that a page has room for, and its notes."""
  left_out = len(block.rows) - ROWS
  notes = [*block.notes, *([f"{left_out:,} more rows have no room here"] if left_out > 0 else [])]
  return tables.visible(table, block._replace(rows=block.rows[:ROWS])), notes


def _title(title: str) -> tuple[str, str]:
  first, _, second = title.partition("; ")
  return first, second


def _together(table: Table, heads: list[tuple[str, bool]]) -> Grid:
  """Blocks of a row each, such as those of a single setting: what was measured heads the row."""
  titles = [_title(block.title) for block in table.blocks]
  rows = [
    [title, below or "-", *tables.visible(table, block)[0][1:]]
    for (title, below), block in zip(titles, table.blocks, strict=True)
  ]
  notes = list(dict.fromkeys(note for block in table.blocks for note in block.notes))
  setting = tables.visible(table, table.blocks[0])[0][0]
  heads = [("score", False), ("column", False), *heads[1:]]
  return _without_empty(Grid("Scores", setting, heads, rows, notes))


def _without_empty(grid: Grid) -> Grid:
  """Without the columns in which no row has anything; nor a note on dashes if none is left."""
  kept = [i for i in range(len(grid.heads)) if i == 0 or any(row[i] != "-" for row in grid.rows)]
  rows = [[row[i] for i in kept] for row in grid.rows]
  dashes = any("-" in row for row in rows)
  notes = [note for note in grid.notes if dashes or not note.startswith("-: ")]
  return grid._replace(heads=[grid.heads[i] for i in kept], rows=rows, notes=notes)


def uri(data: bytes, kind: str) -> str:
  return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def of_png(data: bytes, alt: str) -> Picture:
  """A PNG of `plots`, in 256 colours: a third of the bytes, and no difference to be seen.

  Two of its pixels are one of the page.
  """
  with Image.open(io.BytesIO(data)) as image:
    small = image.convert("RGB").quantize(256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    width, height = image.size
  return Picture(_png(small), alt, width // 2, height // 2)


def _png(image: Image.Image) -> str:
  stream = io.BytesIO()
  image.save(stream, "PNG", optimize=True)
  return uri(stream.getvalue(), "png")


def sprite(pixels: np.ndarray) -> str:
  """`[H, W, C]` uint8 without loss: no tile bleeds into the next."""
  return _png(Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels))


def strip(lines: Sequence[np.ndarray], alt: str) -> Picture:
  """Lines of images `[M, H, W, C]` uint8, with white between them, enlarged to be seen."""
  rows = [np.stack([_framed(image) for image in line]) for line in lines]
  whole = np.concatenate([np.concatenate(list(row), axis=1) for row in rows])
  whole = whole[: whole.shape[0] - GAP, : whole.shape[1] - GAP]
  return Picture(sprite(whole), alt, whole.shape[1], whole.shape[0])


def _framed(image: np.ndarray) -> np.ndarray:
  """`[H, W, C]`, each pixel a square, and a gap to the right and below."""
  scale = enlargement(image.shape[1])
  large = image.repeat(scale, 0).repeat(scale, 1)
  return np.pad(large, ((0, GAP), (0, GAP), (0, 0)), constant_values=255)


def side_by_side(frames: np.ndarray) -> np.ndarray:
  """`[T, M, H, W, C] -> [T, H, M * (W + 1) - 1, 3]` uint8: a white pixel between the images."""
  framed = np.pad(frames, ((0, 0), (0, 0), (0, 0), (0, 1), (0, 0)), constant_values=255)
  T, M, H, W, C = framed.shape
  joined = framed.swapaxes(1, 2).reshape(T, H, M * W, C)[:, :, :-1]
  return np.broadcast_to(joined, (*joined.shape[:-1], 3))


def moving(gif: bytes, shape: tuple, alt: str) -> Picture:
  """An animation of images side by side, of frames [T, M, H, W, C]; the page enlarges it."""
  _, M, H, W, _ = shape
  scale = enlargement(W)
  return Picture(uri(gif, "gif"), alt, (M * (W + 1) - 1) * scale, H * scale)


def enlargement(width: int) -> int:
  """By what whole number images of this width are enlarged in strips: to about 60 pixels."""
  return max(1, round(60 / width))
