"""What measures say of settings, in a line for each two: which is better, and what is open."""

import pathlib
import textwrap
from collections.abc import Sequence
from typing import NamedTuple

from genjax.analysis import setting_tables
from genjax.analysis.measures import Measure
from genjax.metrics import significance
from genjax.metrics.significance import Comparison
from genjax.metrics.statistics import ENOUGH
from genjax.plotting import tables

LINES = 12  # comparisons that a screen has room for
MANY = 1000  # seeds: more than anybody trains


class Verdict(NamedTuple):
  """Of two settings by one measure."""

  measure: Measure
  compared: Comparison
  adjusted: float  # p, by Holm over all pairs under this measure
  verdict: str  # as `significance.verdict` has it
  tests: int  # in that family


def of(found: Sequence[Measure], where: str) -> list[str]:
  """A line for each two settings, those that are decided first; `where` has what has no room."""
  by_pair = {}
  for measure in found:
    compared = setting_tables.compared_by(measure)
    for a, b, *verdict in compared:
      by_pair.setdefault((a, b), []).append(Verdict(measure, *verdict, len(compared)))
  decided = {pair: any(v.verdict in "AB" for v in of_pair) for pair, of_pair in by_pair.items()}
  order = sorted(by_pair, key=lambda pair: not decided[pair])
  lines = [_line(*pair, by_pair[pair]) for pair in order[:LINES]]
  if len(order) > LINES:
    rest = sum(decided[pair] for pair in order[LINES:])
    lines.append(f"{len(order) - LINES} more comparisons, {rest} of them decided: {where}")
  return lines


def _line(a: str, b: str, verdicts: Sequence[Verdict]) -> str:
  said = {kind: [v for v in verdicts if v.verdict == kind] for kind in ("A", "B", *UNDECIDED)}
  parts = [
    f"{better} is better than {other} by {_joined([_shown(v) for v in said[letter]])}"
    for better, other, letter in ((a, b, "A"), (b, a, "B"))
    if said[letter]
  ]
  lead = "" if parts else f"{a} and {b}: "
  if few := said["not enough seeds"]:
    n = min(min(v.compared.n) for v in few)
    names = _joined([v.measure.short for v in few])
    parts.append(f"{names} with {n} {'seed' if n == 1 else 'seeds'} decide nothing")
  if still_open := said["no difference shown"]:
    parts.append(f"not decided: {_joined([_open(v) for v in still_open])}")
  return f"{lead}{'; '.join(parts)}"


UNDECIDED = ("not enough seeds", "no difference shown")


def _shown(one: Verdict) -> str:
  return f"{one.measure.short} (p {tables.p_value(one.adjusted)})"


def _open(one: Verdict) -> str:
  seeds = significance.seeds_to_decide(one.compared, one.tests)
  many = f"about {_rounded(seeds)}" if seeds <= MANY else f"over {MANY:,}"
  return f"{one.measure.short} ({many} seeds)"


def _rounded(seeds: int) -> str:
  """Two digits: it is no better known."""
  return f"{int(float(f'{seeds:.1e}')):,}"


def _joined(names: Sequence[str]) -> str:
  *first, last = dict.fromkeys(names)
  return f"{', '.join(first)} and {last}" if first else last


def headlines(
  found: Sequence[Measure], names: Sequence[str] = (), split: str = "test", most: int = 5
) -> list[Measure]:
  """The measures that answer first, one of each name.

  Of several protocols that of the split, then of most settings, then of most images is taken.

  Args:
    found: all of them; of equals the first network's stands for the others.
    names: which are wanted; those with a headline, or else the first of all, where empty.
    split: of the real images.
    most: columns that a screen has room for, if no names are given.
  """

  def fitness(measure: Measure) -> tuple[bool, int, int]:
    images = measure.about.get("images", "")
    return measure.about.get("split") == split, len(measure.known), int(images or 0)

  best = {}
  for measure in found:
    if measure.name not in best or fitness(measure) > fitness(best[measure.name]):
      best[measure.name] = measure
  if names:
    return [best[name] for name in names if name in best]
  return [one for one in best.values() if one.headline][:most] or list(best.values())[:most]


def answer(first: Sequence[Measure], title: str, where: str, every: Sequence[Measure] = ()) -> str:
  """One table of these measures, and a line for each two settings.

  Args:
    first: the measures that are columns.
    title: of the table.
    where: what holds the comparisons that have no room.
    every: measures whose settings have their row too.
  """
  table = setting_tables.overview(first, title, every)
  lines = of(first, where)
  text = "".join(map(wrapped, [*lines, *legend(lines)]))
  return "\n".join(filter(None, [tables.text(table), text]))


def printed(
  name: str,
  found: Sequence[Measure],
  title: str,
  meanings: str,
  out: pathlib.Path,
  everything: bool,
) -> str:
  """What a command prints of its measures: the answer, or the tables that its files hold.

  Args:
    name: of the files, as `setting_tables.files` has it.
    found: all of them.
    title: how they were measured.
    meanings: of the columns.
    out: the folder of the files.
    everything: whether to print the tables of settings and of pairs.
  """
  if not everything:
    head = f"{title}\nInterquartile mean over seeds [95%]; {meanings}"
    return answer(headlines(found), head, f"{out}/{name}_pairs.csv")
  made = [setting_tables.middles(found), setting_tables.pairs(found)]
  return "\n".join([f"{title}\n", *(tables.text(table) for table in made if table.blocks)])


def legend(lines: Sequence[str]) -> list[str]:
  """What the lines of `of` take for known."""
  text = " ".join(lines)
  known = {
    "(p ": "p is adjusted for all pairs of settings under one score (Holm)",
    " seeds)": "seeds: of each setting, to show the difference as it looks now, with power 0.8",
    " decide nothing": f"a verdict takes {ENOUGH} seeds of each",
  }
  said = [meaning for mark, meaning in known.items() if mark in text]
  return [f"({'; '.join(said)})"] if said else []


def wrapped(text: str) -> str:
  """Lines of at most 100 characters, the second and later ones indented."""
  whole = {"break_long_words": False, "break_on_hyphens": False}
  return textwrap.fill(text, 100, subsequent_indent="  ", **whole) + "\n"
