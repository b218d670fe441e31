"""Tables of figures in four forms: aligned text, HTML, CSV, and LaTeX with booktabs."""

import csv
import html as escaping
import io
import itertools
import math
import re
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple


class Estimate(NamedTuple):
  """A figure and its interval; the ends are infinite, or NaN, where none is known."""

  value: float
  low: float
  high: float


class Column(NamedTuple):
  """A column: its name in CSV, its heading in text, and how its cells are formatted."""

  name: str  # in CSV; with an interval also NAME_low and NAME_high
  head: str  # in text and LaTeX; "" for a column of the CSV alone
  # "text", "count", "figure" (four digits), "brief" (three), "share" (two decimals) or "p"
  kind: str = "figure"
  interval: bool = False  # the cells are Estimates

  @property
  def names(self) -> list[str]:
    ends = [f"{self.name}_low", f"{self.name}_high"] if self.interval else []
    return [self.name, *ends]


class Block(NamedTuple):
  """Rows under a title, such as those of one score."""

  title: str
  about: dict[str, str]  # the same in the CSV: columns before the others; the same keys in all
  rows: list[tuple]  # a cell for each column: str, int, float or Estimate
  notes: Sequence[str] = ()


class Table(NamedTuple):
  """Blocks of rows under common columns; prints as aligned text, and as HTML in a notebook."""

  columns: Sequence[Column]
  blocks: list[Block]

  @property
  def shown(self) -> list[Column]:
    """The columns but those of the CSV alone."""
    return [column for column in self.columns if column.head]

  def __repr__(self) -> str:  # what a Python prompt shows
    return text(self).removesuffix("\n")

  def records(self) -> list[dict[str, str | float | None]]:
    """A dictionary for each row: how it was measured, its cells, NAME_low and NAME_high."""
    found = []
    for block in self.blocks:
      for row in block.rows:
        record = dict(block.about)
        for column, cell in zip(self.columns, row, strict=True):
          record |= zip(column.names, cell if column.interval else [cell], strict=True)
        found.append(record)
    return found

  def to_pandas(self):
    """`records` as a `pandas.DataFrame`. Raises ImportError where pandas is not installed."""
    import pandas

    return pandas.DataFrame(self.records())

  def _repr_html_(self) -> str:  # what a notebook shows
    return html(self)


def figure(value: float, digits: int = 4) -> str:
  """Four digits, or others: 1,234, 41.20, 0.7100; "-" where there is none."""
  if math.isnan(value):
    return "-"
  if math.isinf(value) or value == 0:
    return f"{value:g}"
  short = f"{value:.{digits - 1}e}"
  exponent = math.floor(math.log10(abs(float(short))))
  if not -4 <= exponent < 9:
    return short
  return f"{value:,.{max(digits - 1 - exponent, 0)}f}"


def p_value(value: float) -> str:
  """A p-value for people: two digits, or "< 0.0001"; "-" where there is none."""
  if math.isnan(value):
    return "-"
  return "< 0.0001" if value < 1e-4 else f"{value:.2g}"


_SHOWN = {
  "text": str,
  "count": lambda count: "-" if count is None else f"{count:,}",
  "figure": figure,
  "brief": partial(figure, digits=3),
  "share": lambda share: "-" if math.isnan(share) else f"{share:.2f}",
  "p": p_value,
}


def _shown(cell, column: Column) -> str:
  show = _SHOWN[column.kind]
  if not column.interval:
    return show(cell)
  value, *ends = map(show, cell)
  known = math.isfinite(cell.low) or math.isfinite(cell.high)
  return f"{value} [{', '.join(ends)}]" if known else value


def visible(table: Table, block: Block) -> list[list[str]]:
  """The cells of a block as text, without the columns of the CSV alone."""
  return [
    [_shown(cell, column) for cell, column in zip(row, table.columns, strict=True) if column.head]
    for row in block.rows
  ]


def text(table: Table) -> str:
  """Blocks with an empty line between; columns of one width in all, text to the left."""
  columns = table.shown
  heads = [column.head for column in columns]
  bodies = [visible(table, block) for block in table.blocks]
  rows = [heads, *itertools.chain(*bodies)]
  head, *lines = aligned(rows, [column.kind == "text" for column in columns])
  blocks = []
  for block, body in zip(table.blocks, bodies, strict=True):
    own, lines = lines[: len(body)], lines[len(body) :]
    rule = "-" * max(map(len, [head, *own]))
    notes = [f"  {note}" for note in block.notes]
    blocks.append("\n".join([*block.title.split("\n"), head, rule, *own, *notes]) + "\n")
  return "\n".join(blocks)


def aligned(rows: Sequence[Sequence[str]], left: Sequence[bool]) -> list[str]:
  """A line of each row, in columns of which some stand to the left and the others to the right."""
  widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
  return [
    "  ".join(
      cell.ljust(width) if to_left else cell.rjust(width)
      for cell, width, to_left in zip(row, widths, left, strict=True)
    ).rstrip()
    for row in rows
  ]


def html(table: Table) -> str:
  """One table, its blocks under another, without a style sheet."""
  columns = table.shown
  across = f'<t{{kind}} colspan="{len(columns)}" style="text-align:left">{{text}}</t{{kind}}>'
  parts = []
  for block in table.blocks:
    if block.title:
      parts.append(across.format(kind="h", text=escaping.escape(block.title)))
    parts.append(_html_cells("th", [column.head for column in columns], columns))
    parts += [_html_cells("td", row, columns) for row in visible(table, block)]
    parts += [across.format(kind="d", text=escaping.escape(note)) for note in block.notes]
  return "\n".join(["<table>", *(f"<tr>{part}</tr>" for part in parts), "</table>"])


def _html_cells(tag: str, cells: Sequence[str], columns: Sequence[Column]) -> str:
  sides = ["left" if column.kind == "text" else "right" for column in columns]
  return "".join(
    f'<{tag} style="text-align:{side}">{escaping.escape(cell)}</{tag}>'
    for cell, side in zip(cells, sides, strict=True)
  )


def csv_text(table: Table) -> str:
  """A line a row, with full figures; empty where there is none."""
  about = list(table.blocks[0].about) if table.blocks else []
  stream = io.StringIO()
  writer = csv.writer(stream, lineterminator="\n")
  writer.writerow([*about, *(name for column in table.columns for name in column.names)])
  for block in table.blocks:
    for row in block.rows:
      writer.writerow([*block.about.values(), *(part for cell in row for part in _raw(cell))])
  return stream.getvalue()


def _raw(cell) -> list[str]:
  if isinstance(cell, Estimate):
    ends = [end if math.isfinite(end) else math.nan for end in (cell.low, cell.high)]
    return [part for value in (cell.value, *ends) for part in _raw(value)]
  if cell is None or cell != cell:  # NaN
    return [""]
  return [f"{cell:.7g}" if isinstance(cell, float) else str(cell)]


def latex(table: Table) -> str:
  """One tabular, a block under another."""
  columns = table.shown
  alignment = "".join("l" if column.kind == "text" else "r" for column in columns)
  lines = ["% \\usepackage{booktabs}", f"\\begin{{tabular}}{{{alignment}}}", "\\toprule"]
  lines.append(_row(column.head for column in columns))
  for block in table.blocks:
    lines += ["\\midrule"]
    lines += [_across(line, len(columns), r"\textit{%s}") for line in block.title.split("\n")]
    lines += [_row(row) for row in visible(table, block)]
    lines += [_across(note, len(columns), r"{\footnotesize %s}") for note in block.notes]
  return "\n".join([*lines, "\\bottomrule", "\\end{tabular}"]) + "\n"


def _row(cells) -> str:
  return " & ".join(map(_escaped, cells)) + r" \\"


def _across(text: str, columns: int, style: str) -> str:
  return rf"\multicolumn{{{columns}}}{{l}}{{{style % _escaped(text)}}} \\"


_SPECIAL = {c: f"\\{c}" for c in "&%$#_{}"} | {
  "~": r"\textasciitilde{}",
  "^": r"\textasciicircum{}",
  "\\": r"\textbackslash{}",
  "<": "$<$",
  ">": "$>$",
}


def _escaped(text: str) -> str:
  if text == "-":
    return "--"
  text = "".join(_SPECIAL.get(c, c) for c in text)
  text = re.sub(r"(?<!\w)-(?=\d)", "$-$", text)  # a minus sign, and no hyphen
  # After the end of a row, LaTeX would take these for its options.
  return f"{{}}{text}" if text.startswith(("[", "*")) else text
