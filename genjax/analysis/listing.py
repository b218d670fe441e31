"""The runs of a workdir as a table, for a terminal or a notebook."""

import math
import pathlib
from collections.abc import Sequence

from genjax import config as genjax_config
from genjax.analysis import workdirs
from genjax.analysis.workdirs import RunRecord, Workdir
from genjax.mistakes import one_path, suggestion
from genjax.plotting.tables import Block, Column, Table
from genjax.types import UserError

CRITERIA = ("val_loss", "val_swd")  # lowest at the best step, of a VAE and of a GAN


def table(path: str | pathlib.Path, metrics: Sequence[str] = ()) -> Table:
  """A line for each run: its numbers, how far it came, and last figures of metrics.csv.

  Args:
    path: a workdir, or a study, of which each folder has a block of its own.
    metrics: names of metrics.csv; "fd" stands for all that begin with "fd@". What the best step is
      chosen by where empty.

  Raises:
    UserError: `path` is neither, nothing is trained yet, or no run has such a metric.
  """
  homes = workdirs.read([one_path("path", path)])
  runs = [run for home in homes for run in home.runs]
  names = _chosen(runs, metrics)
  varying = [n for n in runs[0].numbers if n not in ("seed", "latent")]
  varying = [n for n in varying if len({run.numbers.get(n) for run in runs}) > 1]
  columns = [
    Column("run", "run", "count"),
    Column("seed", "seed", "count"),
    Column("latent", "latent", "count"),
    *(Column(name, name.replace("_", " ")) for name in varying),
    Column("status", "status", "text"),
    Column("best_step", "best step", "count"),
    Column("last_step", "last step", "count"),
    *(Column(name, name) for name in names),
  ]
  blocks = [_block(home, varying, names) for home in homes if home.runs]
  model = homes[0].record["config"].get("model")
  read = genjax_config.numbers(model, [runs[0].numbers]) if model else runs[0].numbers
  fixed = [n for n in read if n not in ("seed", "latent", *varying)]
  same = ", ".join(f"{name.replace('_', ' ')} {runs[0].numbers[name]:g}" for name in fixed)
  if same:
    blocks[-1] = blocks[-1]._replace(notes=[f"all runs have {same}"])
  return Table(columns, blocks)


def _chosen(runs: Sequence[RunRecord], metrics: Sequence[str]) -> list[str]:
  known = sorted({name for run in runs for name in run.figures})
  if isinstance(metrics, str):
    metrics = [metrics]
  if not metrics:
    return [name for name in CRITERIA if name in known]
  chosen = []
  for metric in metrics:
    found = [name for name in known if metric in (name, name.partition("@")[0])]
    if not found:
      raise UserError(f"no run has the metric {metric!r}{suggestion(metric, known)}")
    chosen += found
  return list(dict.fromkeys(chosen))


def _block(home: Workdir, varying: Sequence[str], names: Sequence[str]) -> Block:
  rows = [
    (
      i,
      run.seed,
      run.latent,
      *(run.numbers.get(name, math.nan) for name in varying),
      run.status,
      run.best_step,
      run.last_step,
      *(run.at(name, math.inf) for name in names),
    )
    for i, run in enumerate(home.runs)
  ]
  return Block(str(home.path), {"workdir": home.name}, rows)
