"""Settings compared by the scores of their runs: tables and figures in a folder."""

import collections
import itertools
import os
import pathlib
import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from genjax import files
from genjax.analysis import (
  conditions,
  correlations,
  findings,
  health,
  measures,
  pair_tables,
  questions,
  recorded_scores,
  score_curves,
  score_panels,
  score_plots,
  setting_tables,
  variance_tables,
  workdirs,
)
from genjax.analysis.measures import Measure
from genjax.analysis.recorded_scores import Scores
from genjax.analysis.workdirs import Workdir
from genjax.config.contrasts import Pair
from genjax.metrics.catalogue import SCORES
from genjax.mistakes import suggestion
from genjax.plotting import plots, tables
from genjax.plotting.tables import Table
from genjax.types import UserError, grouped

# Of the files that it writes.
NAMES = (
  r"(protocols|scores|pairs|questions|equivalence|variance|agreement|losses|health|flags|runs)"
  r"\.(csv|tex)"
  r"|(latent|settings|steps|best|val_\w+)-[\w-]+\.png|\..*\.partial"
)
_CSV_ALONE = ("protocols", "flags", "runs")  # too long, or too wide, for a page


class Comparison(NamedTuple):
  """What scores say of settings; printed, it is what `python -m genjax.compare` says."""

  settings: Table  # under each score each setting: how many runs, and their middle with intervals
  pairs: Table  # under each score each two settings: probability of being better, p, verdict
  text: str

  def __repr__(self) -> str:
    return self.text.rstrip("\n")


def compare(
  paths: Sequence[str | os.PathLike],
  out: pathlib.Path,
  weights: str = "best",
  metrics: Sequence[str] = (),
  everything: bool = False,
  contrasts: str = "",
  margin: float = 0.0,
) -> Comparison:
  """Writes tables and figures; the text is what is to be printed: the answer, or every table.

  Args:
    paths: workdirs and studies.
    out: a folder, which is made where there is none.
    weights: "best", "last" or "raw".
    metrics: keys of SCORES, which then are the answer's; all where empty. The first decides.
    everything: whether to print what the files hold.
    margin: of equivalence, as in `questions.equivalence`; 0 where that is not asked.
    contrasts: which settings are compared, as in `config.contrasts`; "" for what the config plans.

  Raises:
    UserError: a path is not a workdir, nothing was scored, or the folder cannot be written.
  """
  homes = workdirs.read(paths)
  _check(metrics, homes)
  files.check_ours(out, NAMES)
  all_scores = recorded_scores.read(homes, weights)
  found = _chosen(all_scores, metrics)
  measured = measures.of_scores(found, workdirs.planned(homes, contrasts))
  measured = findings.decide(measured, metrics)
  judged = health.of_runs(homes, all_scores, weights)
  made = _tables(found, measured, judged, margin)
  written = _write(out, made | {"runs": setting_tables.runs(measured)}, found)
  # Not wrapped, so that the commands in them can be copied.
  notes = "".join(f"note: {line}\n" for line in recorded_scores.remarks(homes, weights))
  if everything:
    parts = [*(tables.text(table) for table in made.values() if table.blocks), notes]
    line = f"{out}: {', '.join(written)}"
  else:
    alike = questions.equivalent(made["equivalence"], margin)
    parts = [
      _answer(measured, weights, metrics, f"{out}/pairs.csv", alike),
      notes,
      tables.text(made["equivalence"]) if made["equivalence"].blocks else "",
      findings.unseen(measured, metrics),
      _noise(found, measured, homes, weights),
      _health(judged),
    ]
    csvs = [name for name in written if name.endswith(".csv")]
    figures = sum(name.endswith(".png") for name in written)
    line = f"{out}: {', '.join(csvs)}, and {figures} figures; --all prints every table"
  text = "\n".join([*filter(None, parts), findings.wrapped(line)])
  return Comparison(made["scores"], made["pairs"], text)


def _tables(
  found: list[Scores], measured: list[Measure], judged: health.Judged, margin: float
) -> dict[str, Table]:
  """The tables by the names of their files, but for that of all runs."""
  return {
    "protocols": conditions.protocols(found),
    "scores": setting_tables.middles(measured),
    "pairs": pair_tables.pairs(measured),
    "questions": questions.answered(measured),
    "equivalence": questions.equivalence(measured, margin) if margin else Table((), []),
    "variance": variance_tables.splits(found),
    "agreement": correlations.agreement(found),
    "losses": correlations.with_losses(found),
    "health": health.counts(judged),
    "flags": health.reasons(judged),
  }


def _answer(
  measured: Sequence[Measure],
  weights: str,
  metrics: Sequence[str],
  where: str,
  alike: Mapping[Pair, str] = findings.NOTHING,
) -> str:
  """The headlines, or the metrics that are asked for, of all settings; `where` holds the rest."""
  first = findings.headlines(measured, metrics) or findings.headlines(measured)
  title = findings.title(first, "Interquartile mean over seeds [95%]", f"{weights} weights")
  answer = findings.answer(first, title, where, measured, alike)
  return answer + "".join(map(findings.wrapped, questions.trend_sentences(first)))


def _noise(
  found: Sequence[Scores], measured: Sequence[Measure], homes: Sequence[Workdir], weights: str
) -> str:
  """What evaluation adds to the score that decides, where settings are compared by one."""
  decider = next((measure.name for measure in measured if measure.decides and measure.compared), "")
  ours = [home for home in homes if "images" not in home.record]
  if not (decider and ours):
    return ""
  asked = {str(one.record.get("metric", one.name)) for one in found if one.name == decider}
  command = f"{recorded_scores.evaluation(ours[0], weights)} --metrics={','.join(asked)}"
  return findings.wrapped(variance_tables.variance_sentence(found, decider, command))


def scored(
  paths: Sequence[str | pathlib.Path],
  weights: str,
  metrics: Sequence[str],
  asked: Collection[tuple[str, str]],
) -> str:
  """What the scores of some workdirs say, as `compare` prints it first, and by the same score.

  Args:
    paths, weights: as of `compare`.
    metrics: keys of SCORES that have a column, beside the score that decides; headlines if empty.
    asked: (name, id of the protocol) of what the answer is about; others of these names are not in
      it, and others of the same split and of as many images may decide.

  Raises:
    UserError: a path is not a workdir.
  """
  homes = workdirs.read(paths)
  command = f"python -m genjax.compare {shlex.join(map(str, paths))}"
  every = [run for home in homes for run in home.runs]
  if all(run.failed for run in every):
    return f"all {len(every)} runs failed, and none left {weights} weights to score; see runs.csv\n"
  if weights not in recorded_scores.weights_scored(homes):
    return f"no scores of {weights} weights that could be compared\n"
  found = recorded_scores.read(homes, weights)
  measured = measures.of_scores(_beside(found, asked), workdirs.planned(homes))
  measured = findings.decide(measured)
  if metrics:
    decider = (measure.name for measure in measured if measure.decides)
    metrics = list(dict.fromkeys([*decider, *metrics]))
  notes = [f"note: {line}\n" for line in recorded_scores.remarks(homes, weights)]
  answer = _answer(measured, weights, metrics, command)
  answer += _health(health.of_runs(homes, found, weights), command)
  return "\n".join([answer, *notes, f"{command} has every table\n"])


def _beside(found: Sequence[Scores], asked: Collection[tuple[str, str]]) -> list[Scores]:
  """The scores that were asked for, and others of the same split and of as many images."""
  mine = [one.record for one in found if (one.name, one.protocol) in asked]
  names, splits = {name for name, _ in asked}, {record.get("split") for record in mine}
  images = {record["generated_images"] for record in mine if "generated_images" in record}

  def fits(record: dict) -> bool:
    many = record.get("generated_images")
    return record.get("split") in splits and (not images or many is None or many in images)

  return [
    one
    for one in found
    if (one.name, one.protocol) in asked or (one.name not in names and fits(one.record))
  ]


def _health(judged: health.Judged, where: str = "flags.csv") -> str:
  flagged = [flags for _, said in judged if (flags := [n for n, why in said.items() if why])]
  if not flagged:
    return ""
  counts = collections.Counter(itertools.chain(*flagged))
  named = ", ".join(f"{name} {count}" for name, count in counts.items())
  return f"{len(flagged)} of {len(judged)} runs have health flags: {named}; {where} says why\n"


def _check(metrics: Sequence[str], homes: Sequence[workdirs.Workdir]) -> None:
  """Raises `UserError` for what is neither a score of genjax's nor of one's own."""
  recorded = {name.partition("@")[0] for home in homes for name in home.scores}
  known = [*SCORES, *sorted(recorded - SCORES.keys())]
  for name in metrics:
    if name not in known:
      raise UserError(f"--metrics has {name!r}, which is not a score{suggestion(name, known)}")


def _chosen(found: list[Scores], metrics: Sequence[str]) -> list[Scores]:
  chosen = [scores for scores in found if not metrics or scores.name in metrics]
  missing = [name for name in metrics if name not in {scores.name for scores in chosen}]
  if missing:
    known = ", ".join(dict.fromkeys(scores.name for scores in found))
    raise UserError(f"--metrics has {', '.join(missing)}, which no workdir has; available: {known}")
  return chosen


def _write(out: pathlib.Path, made: dict[str, Table], found: list[Scores]) -> list[str]:
  """Writes all tables and figures in place of an earlier call's; returns the files' names."""
  contents = {}
  for name, table in made.items():
    if table.blocks:
      contents[f"{name}.csv"] = tables.csv_text(table)
      if name not in _CSV_ALONE:
        contents[f"{name}.tex"] = tables.latex(table)
  written = list(contents)
  with files.contents(out, NAMES) as place:
    for name, content in contents.items():
      files.write(place / name, content)
    for name, figure in _figures(found):
      if figure:
        plots.save(figure, place / f"{name}.png")
        written.append(f"{name}.png")
  return written


def _figures(found: list[Scores]) -> Iterator[tuple[str, plots.Figure | None]]:
  """(name, figure) of all figures; None where there is nothing to be drawn."""
  found = [scores for scores in found if scores.known.any()]
  families = grouped(found, lambda one: (one.protocol, *recorded_scores.of_data(one.record)))
  ids = [protocol for protocol, *_ in families]
  for i, (place, family) in enumerate(families.items()):
    record = family[0].record
    title = f"{record['weights']} weights, {record.get('features') or record['group']}"
    name = f"{record['group']}-{place[0]}"
    # The same protocol on other data.
    name += f"-{i + 1}" if ids.count(place[0]) > 1 else ""
    by_latent = score_plots.spans_latents(family)
    own, every, some = score_panels.thinned(family, found, "line" if by_latent else "setting")
    if by_latent:
      figure = score_plots.against_latent(own, f"Scores by latent size: {title}{some}", every)
      yield f"latent-{name}", figure
    else:
      figure = score_plots.by_setting(own, f"Scores by setting: {title}{some}", every)
      yield f"settings-{name}", figure
    own, every, some = score_panels.thinned(family, found, "setting")
    title += some
    yield f"steps-{name}", score_curves.over_training(own, f"Over training: {title}", every)
    yield f"best-{name}", score_curves.best_of(own, f"Best of k runs: {title}", every)
    for loss in correlations.LOSSES:
      text = f"Scores by {loss}: {title}"
      yield f"{loss}-{name}", score_curves.against_loss(own, loss, text, every)
