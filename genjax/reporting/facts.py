"""What was run, in words: of config.json, of runs.csv and of the weights."""

from collections.abc import Mapping, Sequence

from genjax import config as genjax_config
from genjax.analysis.selection import Selection
from genjax.data.sources import shortened, unnamed
from genjax.models import modules
from genjax.plotting.tables import Block, Column, Table
from genjax.training import config_file
from genjax.types import NUMBERS

NOT_RECORDED = "not recorded"


def of_workdir(record: Mapping, selection: Selection | None) -> dict[str, str]:
  """Term -> text, of one program.

  Args:
    record: its config.json.
    selection: all its runs; None where nothing was saved yet.
  """
  config, data = record["config"], record["dataset"]
  model = config["model"]
  facts = {"Model": genjax_config.title({"name": model["name"]})}
  facts |= {"Network": model["network"]} if "network" in model else {}
  facts["Options"] = genjax_config.options(model)
  facts["Dataset"] = (
    f"{data['source']}: images {' x '.join(map(str, data['image_shape']))}, {data['train']:,} to "
    f"train with, {data['validation']:,} held out"
  )
  if not unnamed(classes := config_file.classes(record)):
    facts["Classes"] = shortened(classes)
  facts |= _numbers(config["sweep"])
  facts["Batch"] = f"{config['batch_size']:,}"
  if selection:
    facts["Parameters"] = parameters(selection)
  return facts | {
    "Length": f"{config['steps']:,} steps" if config["steps"] else f"{config['epochs']:g} epochs",
    "Begun": record.get("date", NOT_RECORDED),
    "Code": record.get("revision") or NOT_RECORDED,
    "Resumed with": "; ".join(record.get("changes", ())),
    "Libraries": ", ".join(f"{k} {v}" for k, v in record.get("versions", {}).items()),
  }


def lead(records: Sequence[Mapping]) -> str:
  """One line: which models, on which data."""
  models = dict.fromkeys(genjax_config.title(record["config"]["model"]) for record in records)
  sources = dict.fromkeys(record["dataset"]["source"] for record in records)
  return f"{', '.join(models)} on {', '.join(sources)}"


def _numbers(sweep: Mapping) -> dict[str, str]:
  """Seeds, what is swept, and what is not, but for what is off."""
  values = {k: v for k, v in sweep.items() if k not in ("seeds", "chunk", "seeds_at_once")}
  swept = {name: value for name, value in values.items() if len(value) > 1}
  fixed = {
    name: value
    for name, value in values.items()
    if len(value) == 1 and (value[0] or NUMBERS.get(name) != 0)
  }

  singular = {"latents": "latent"}

  def told(numbers: Mapping) -> str:
    return "; ".join(
      f"{singular.get(name, name).replace('_', ' ')} {', '.join(f'{v:g}' for v in value)}"
      for name, value in numbers.items()
    )

  return {
    "Swept": told(swept) or "nothing but seeds",
    "Fixed": told(fixed),
    "Seeds": f"{len(sweep['seeds'])}: {_ranges(sorted(sweep['seeds']))}",
  }


def _ranges(seeds: Sequence[int]) -> str:
  """ "0 to 9", or each."""
  whole = list(seeds) == list(range(seeds[0], seeds[-1] + 1))
  return f"{seeds[0]} to {seeds[-1]}" if whole and len(seeds) > 2 else ", ".join(map(str, seeds))


def parameters(selection: Selection) -> str:
  """How many trained numbers each player of a run has, at the program's largest latent."""
  params, R = selection.saved.progress.state.params, len(selection.saved.rows)
  counts = {player: modules.count(part) // R for player, part in params.items()}
  parts = ", ".join(f"{player} {count:,}" for player, count in counts.items())
  return f"{sum(counts.values()):,} a run ({parts})"


def common(each: Mapping[str, Mapping[str, str]]) -> tuple[dict[str, str], Table | None]:
  """The facts that all workdirs share, and a table of those that differ.

  Args:
    each: a workdir's name -> its facts.
  """
  terms = dict.fromkeys(term for facts in each.values() for term in facts)
  shared, differing = {}, []
  for term in terms:
    values = {facts.get(term, "") for facts in each.values()}
    if len(values) > 1:
      differing.append(term)
    elif value := values.pop():
      shared[term] = value
  if len(each) == 1:
    return shared, None
  columns = [Column("workdir", "workdir", "text")]
  columns += [Column(term.lower(), term.lower(), "text") for term in differing]
  rows = [(name, *(facts.get(term, "-") for term in differing)) for name, facts in each.items()]
  return shared, Table(columns, [Block("How the programs differ", {}, rows)])
