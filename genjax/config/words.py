"""A config's model in words, and its keys."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence

from genjax import parts
from genjax.config.keys import Key, flatten, networks_of, of
from genjax.models import networks

# Keys whose "report" is what the network's framework does.
FRAMEWORKS = ("initialiser", "batch_norm", "optimiser_rule")


def title(model: Mapping) -> str:
  """A config's model and network: "VAE s1_vae"; of one's own as they are named."""
  name = model["name"]
  parts_of = [name if parts.is_name(name) else name.upper(), model.get("network", "")]
  return " ".join(filter(None, parts_of))


def options(model: Mapping) -> str:
  """A config's model keys in words, but its name and network, and what is off or not read."""
  own = framework(model)
  said, unsaid = [f"defaults of {own}"] if own else [], {"name", "network"}
  unsaid |= {key.name.removeprefix("model.") for key in _unread(model)}
  for key, value in model.items():
    off = value in (0, "none", "float32", networks.REPORT) and key != "leaky_slope"
    if key not in unsaid and not off and not (key in FRAMEWORKS and value == own):
      said.append(key.replace("_", " ") + ("" if value is True else f" {value}"))
  return ", ".join(said)


def _unread(model: Mapping) -> Iterator[Key]:
  """The keys that a config's model does not read, by its others."""
  for key in of(model["name"], networks_of({"model.network": model.get("network")})).values():
    if key.needs and model.get(key.needs[0]) not in key.needs[1]:
      yield key


_OFF_AT_ZERO = ("critic_learning_rate", "decay_steps", "ema_decay")


def numbers(model: Mapping, rows: Sequence[Mapping[str, float]]) -> list[str]:
  """The names of those numbers of runs that their model reads, and that are not off."""
  unread = {key.name.removeprefix("sweep.") for key in _unread(model)}
  unread |= {name for name in _OFF_AT_ZERO if not any(row.get(name) for row in rows)}
  return [name for name in rows[0] if name not in unread]


def framework(model: Mapping) -> str:
  """Whose defaults a model has where no key says otherwise: "keras" or "torch"; "" for nobody's."""
  network = model.get("network", "")
  if not (parts.is_name(network) or network in networks.VAES | networks.GANS):
    return ""  # also where a model of one's own means something else by it
  own = networks.default_of(network, networks.REPORT)
  chosen = [model[key] for key in FRAMEWORKS if key in model] or [networks.REPORT]
  if networks.REPORT in chosen:
    return own
  return chosen[0] if len(set(chosen)) == 1 else ""


def listed(config: Mapping) -> Iterator[str]:
  """Lines: each key as a command line sets it, to its value here; its meaning, what is right."""
  flat = flatten(config)
  for name, key in of(flat["model.name"], networks_of(flat)).items():
    if name.startswith("grid."):
      continue
    value = flat[name]
    yield f"--config.{name}=" + (f'"{value}"' if isinstance(value, tuple | str) else f"{value}")
    where = f"; read where model.{key.needs[0]} is {' or '.join(key.needs[1])}" if key.needs else ""
    words = f"{'each ' * isinstance(value, tuple)}{key.rule.words}"
    said = f"{key.meaning}{where} ({words})"
    yield textwrap.fill(said, 100, initial_indent="    ", subsequent_indent="    ")
  yield '--config.grid.KEY="(A, B)"'
  yield "    values of a model.KEY, a folder each"
