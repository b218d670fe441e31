"""What measures say of settings, in a line for each two: which is better, and what is open."""

import pathlib
import textwrap
from collections.abc import Mapping, Sequence

from genjax.analysis import pair_tables, setting_tables
from genjax.analysis.measures import DESCRIBES, Measure
from genjax.config.contrasts import Pair
from genjax.metrics import power
from genjax.metrics.significance import Compared, PairTest
from genjax.metrics.statistics import ENOUGH
from genjax.plotting import tables
from genjax.types import counted

LINES = 12  # comparisons that a screen has room for
MANY = 1000  # seeds: more than anybody trains
NOTHING: Mapping[Pair, str] = {}


def decide(all_measures: Sequence[Measure], names: Sequence[str] = ()) -> list[Measure]:
  """The same measures, of which one gives verdicts: the first headline that compares settings.

  None does while some of its figures are of runs that are still being trained.
  """
  first = [measure for measure in headlines(all_measures, names) if len(measure.judged) > 1][:1]
  final = [measure for measure in first if not measure.preliminary]
  return [measure._replace(decides=measure in final) for measure in all_measures]


def of(
  all_measures: Sequence[Measure], where: str, alike: Mapping[Pair, str] = NOTHING
) -> list[str]:
  """A line for each two settings that are compared, those that are decided first.

  Args:
    all_measures: measures, of which one decides (`decide`); the others' probabilities stand beside.
    where: what has the lines that have no room here.
    alike: of settings that were shown to be equivalent, within what.
  """
  by_pair = {}
  for measure in sorted(all_measures, key=lambda one: not one.decides):
    for one in measure.compared:
      by_pair.setdefault((one.a, one.b), []).append((measure, one))
  decided = {
    pair: pair in alike or any(one.verdict in "AB" for _, one in own)
    for pair, own in by_pair.items()
  }
  tests = {id(measure): len(measure.compared) for measure in all_measures}
  order = sorted(by_pair, key=lambda pair: not decided[pair])
  lines = [_line(by_pair[pair], tests, alike.get(pair, "")) for pair in order[:LINES]]
  lines += dict.fromkeys(filter(None, (measure.too_many for measure in all_measures)))
  if len(order) > LINES:
    rest = sum(decided[pair] for pair in order[LINES:])
    lines.append(f"{len(order) - LINES} more comparisons, {rest} of them decided: {where}")
  return lines


def _line(own: Sequence[tuple[Measure, Compared]], tests: Mapping[int, int], alike: str) -> str:
  (measure, pair), *others = own
  if pair.verdict == DESCRIBES:
    said = _probabilities(pair.a, own)
    return f"{pair.a} and {pair.b}: no score decides; P({pair.a} better) by {said}"
  leans = pair.verdict == "B" or (pair.verdict != "A" and pair.comparison.probability < 0.5)
  better, other = (pair.b, pair.a) if leans else (pair.a, pair.b)
  short, n = measure.short, min(pair.comparison.n)
  if pair.verdict in ("A", "B"):
    text = f"{better} is better than {other} by {short} (p {tables.p_value(pair.adjusted)})"
    text += f", and the two are {alike}" if alike else ""
  elif alike:
    text = f"{better} and {other}: by {short} {alike}"
  elif pair.verdict == "not enough seeds":
    text = f"{better} and {other}: {short} with {counted(n, 'seed')} decides nothing"
  elif pair.verdict == "trade-off":
    text = f"{better} and {other}: by {short} a trade-off, as the better runs fail more often"
  else:
    many = _seeds(pair.comparison, tests[id(measure)])
    most = "at most " * pair.comparison.paired  # as swaps within seeds show more than rank sums do
    text = f"{better} and {other}: not decided by {short} ({most}{many} seeds)"
  if pair.verdict not in ("A", "B"):
    return f"{text}; P({better} better) by {_probabilities(better, own)}"
  return f"{text}; P(better) by {_probabilities(better, others)}" if others else text


def _probabilities(first: str, others: Sequence[tuple[Measure, Compared]]) -> str:
  """P(better) of one setting by these scores."""
  shown = [
    f"{measure.short} {p if pair.a == first else 1 - p:.2f}"
    for measure, pair in others
    for p in [pair.comparison.probability]
  ]
  return ", ".join(dict.fromkeys(shown))


def _seeds(compared: PairTest, tests: int) -> str:
  seeds = power.seeds_to_decide(compared.probability, max(compared.n), tests)
  # Two digits: it is no better known.
  return f"about {int(float(f'{seeds:.1e}')):,}" if seeds <= MANY else f"over {MANY:,}"


COLUMNS = 5  # that a screen has room for


def headlines(all_measures: Sequence[Measure], names: Sequence[str] = ()) -> list[Measure]:
  """The measures that answer first, one of each name.

  Of several protocols that of test images, then of most settings, then of most images is taken.

  Args:
    all_measures: all of them; of equals the first network's stands for the others.
    names: which are wanted; those with a headline, or else the first of all, where empty.
  """

  def fitness(measure: Measure) -> tuple[bool, int, int]:
    about = measure.about
    return about.get("split") == "test", len(measure.known), int(about.get("images") or 0)

  best = {}
  for measure in [one for one in all_measures if one.known] or all_measures:
    if measure.name not in best or fitness(measure) > fitness(best[measure.name]):
      best[measure.name] = measure
  if names:
    return [best[name] for name in names if name in best]
  return [one for one in best.values() if one.headline][:COLUMNS] or list(best.values())[:COLUMNS]


def title(first: Sequence[Measure], *parts: str) -> str:
  """Of a table: these parts, how many images and what measured them, where that is one for all."""
  images, networks = (
    {measure.about.get(key, "") for measure in first} - {""} for key in ("images", "features")
  )
  said = [f"{int(images.pop()):,} images"] if len(images) == 1 else []
  said += [f"features of {networks.pop()}"] if len(networks) == 1 else []
  return ", ".join([*parts, *said])


def unseen(
  measured: Sequence[Measure], metrics: Sequence[str], how: str = "--metrics=... shows them"
) -> str:
  """A line on the scores that the answer has no column for, and how they are seen."""
  seen = {measure.name for measure in headlines(measured, metrics)}
  rest = dict.fromkeys(measure.name for measure in measured if measure.name not in seen)
  line = f"also scored: {', '.join(rest)}; {how}"
  return wrapped(line) if rest else ""


def answer(
  first: Sequence[Measure],
  title: str,
  where: str,
  every: Sequence[Measure] = (),
  alike: Mapping[Pair, str] = NOTHING,
) -> str:
  """One table of these measures, and a line for each two settings.

  Args:
    first: the measures that are columns.
    title: of the table.
    where: what holds the comparisons that have no room.
    every: measures whose settings have their row too.
    alike: as of `of`.
  """
  table = setting_tables.overview(first, title, every)
  lines = of(first, where, alike)
  text = "".join(map(wrapped, [*lines, *legend(first, lines)]))
  return "\n".join(filter(None, [tables.text(table), text]))


def printed(
  name: str,
  all_measures: Sequence[Measure],
  title: str,
  meanings: str,
  out: pathlib.Path,
  everything: bool,
) -> str:
  """What a command prints of its measures: the answer, or the tables that its files hold.

  Args:
    name: of the files, as `pair_tables.files` has it.
    all_measures: all of them.
    title: how they were measured.
    meanings: of the columns.
    out: the folder of the files.
    everything: whether to print the tables of settings and of pairs.
  """
  if not everything:
    head = f"{title}\nInterquartile mean over seeds [95%]; {meanings}"
    return answer(headlines(all_measures), head, f"{out}/{name}_pairs.csv")
  made = [setting_tables.middles(all_measures), pair_tables.pairs(all_measures)]
  return "\n".join([f"{title}\n", *(tables.text(table) for table in made if table.blocks)])


def legend(all_measures: Sequence[Measure], lines: Sequence[str]) -> list[str]:
  """What the lines of `of` take for known, and which score decides."""
  text = " ".join(lines)
  decider = next(
    (measure for measure in all_measures if measure.decides and measure.compared), None
  )
  chances = "P(better), the chance that a run of the one beats a run of the other, gives no verdict"
  if decider is None:
    unfinished = any(measure.preliminary and measure.compared for measure in all_measures)
    return [f"({pair_tables.PRELIMINARY}; {chances})"] if unfinished else []
  tests = len(decider.compared)
  planned = "planned comparisons" if decider.contrasts is not None else "pairs of settings"
  family = f"the {tests} {planned}" if tests > 1 else "one comparison"
  known = {
    "(p ": f"{decider.short} decides: p is adjusted for {family} (Holm)",
    "P(": chances,
    " seeds)": "seeds: of each setting, to show the difference as it looks now, with power 0.8",
    " decides nothing": f"a verdict takes {ENOUGH} seeds of each",
  }
  said = [meaning for mark, meaning in known.items() if mark in text]
  return [f"({'; '.join(said)})"] if said else []


def wrapped(text: str) -> str:
  """Lines of at most 100 characters, the second and later ones indented."""
  whole = {"break_long_words": False, "break_on_hyphens": False}
  return textwrap.fill(text, 100, subsequent_indent="  ", **whole) + "\n"
