"""A study: programs that are trained one after another."""

import pathlib
import time
from collections.abc import Mapping, Sequence

import ml_collections
from tqdm import tqdm

from genjax import config as genjax_config
from genjax.training import config_file, growth, parting, planning
from genjax.types import UserError, counted, first_few


def run(
  plans: dict[str, planning.Plan],
  path: pathlib.Path,
  origin: dict | None = None,
  folders: Sequence[str] = (),
  part: str = "",
) -> None:
  """Trains programs one after another, and goes on where it stopped.

  Args:
    plans: what to train, by folder; "" where there is but one program.
    path: the workdir.
    origin: what a new config.json says besides, as `cli.origin` has it.
    folders: those of the whole study, where other processes train the others; all planned if empty.
    part: the only one that is trained, as in `growth.run`.

  Raises:
    UserError: as `check` (then nothing is written); or a workdir is damaged.
  """
  check(plans, path, folders)
  numbers = {folder: number for number, folder in enumerate(folders or plans, 1)}
  left = {
    folder: plan
    for folder, plan in plans.items()
    if not (folder and parting.holds(path / folder, plan.config))
  }
  if len(left) < len(plans):
    done = [folder for folder in plans if folder not in left]
    what = f"{done[0]} is" if len(done) == 1 else f"{len(done)} of {len(numbers)} cells are"
    print(f"{path}: {what} already done")
  begun, taken, ahead = time.perf_counter(), 0, sum(map(_work, left.values()))
  for folder, plan in left.items():
    title = f"{folder}, {numbers[folder]} of {len(numbers)}" if folder else ""
    if taken:
      seconds = (time.perf_counter() - begun) / taken * ahead
      title += f", {tqdm.format_interval(seconds)} left for all cells"
    taken += growth.run(plan, path / folder, title, origin, part)
    ahead -= _work(plan)


def described(plans: Mapping[str, planning.Plan]) -> str:
  """What plans ask for, in a line: "4 runs of VAE dense on digits (scikit-learn), 12 steps"."""
  every = list(plans.values())
  kinds = list(dict.fromkeys(genjax_config.title(plan.config.model) for plan in every))
  steps = sorted({plan.steps for plan in every})
  length = counted(steps[-1], "step")
  length = length if len(steps) == 1 else f"{steps[0]:,} to {length}"
  cells = f" in {len(every)} cells" if len(every) > 1 else ""
  runs = counted(sum(len(plan.rows) for plan in every), "run")
  seeds = {row["seed"] for plan in every for row in plan.rows}
  alone = f"seed {min(seeds)} alone, " if len(seeds) == 1 else ""
  return f"{runs} of {first_few(kinds)} on {every[0].splits.source}, {alone}{length}{cells}"


def check(plans: dict[str, planning.Plan], path: pathlib.Path, folders: Sequence[str] = ()) -> None:
  """Raises `UserError` where programs cannot be trained in a folder; arguments as of `run`.

  A workdir was made by another plan, or the folder is not a workdir and not empty.
  """
  for folder, plan in plans.items():
    if folder and (path / "config.json").exists():
      raise UserError(
        f"{path} holds runs that are no part of a study; name another --workdir for the study"
      )
    growth.check(plan, path / folder)
  if "" not in plans:
    config_file.check_free(path, folders or plans)


def unfinished(path: pathlib.Path, programs: Mapping[str, ml_collections.ConfigDict]) -> list[str]:
  """The cells of a study, or their parts, that still have a run to be trained, by any process."""
  return [
    "/".join(filter(None, [folder, part]))
    for folder, config in programs.items()
    for part in parting.unfinished(config, path / folder)
  ]


def _work(plan: planning.Plan) -> int:
  """Run-steps: what a cell takes is roughly in proportion."""
  return len(plan.rows) * plan.steps
