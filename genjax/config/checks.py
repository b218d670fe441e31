"""Whether a config is right: the first mistake is one line."""

import ml_collections

from genjax import parts
from genjax.config import keys
from genjax.config.keys import Key, flatten
from genjax.metrics import catalogue
from genjax.models import MODELS, losses, networks
from genjax.types import UserError


def check(config: ml_collections.ConfigDict) -> None:
  """Raises `UserError`, one line with the key and what is expected, for the first mistake."""
  flat = flatten(config.to_dict())
  model = flat.get("model.name")
  if model not in list(MODELS) and not parts.is_name(model):  # it may be no string
    expected = f"one of {', '.join(MODELS)}, or MODULE:OBJECT"
    raise UserError(f"config.model.name is {model!r}; expected {expected}")
  known = keys.of(model, keys.networks_of(flat))
  for key in flat:
    if key not in known:
      owners = [other for other in MODELS if key in keys.of(other)]
      if owners:
        raise UserError(
          f"unknown key config.{key}; only {owners[0]!r} models have it, and config.model.name is "
          f"{model!r}"
        )
      raise UserError(keys.unknown(key, known))
  for name, key in sorted(known.items()):
    if name not in flat:
      raise UserError(f"config.{name} is missing; its default is {key.default!r}")
    if name != "cells":
      _check_value(key, flat[name])
  if len(flat["mark"]) not in (0, 2):
    raise UserError(f"config.mark is {flat['mark']!r}; expected (), or an FD and a step")
  _check_parts(flat)
  _check_together(flat, known)
  _check_cells(flat["cells"], known)


def _check_value(key: Key, value, where: str = "config.") -> None:
  said = f"{where}{key.name} is {value!r}"
  several = isinstance(key.default, tuple)
  if several and not (isinstance(value, tuple | list) and (value or not key.default)):
    expected = "one value or more" if value == () else "a tuple"
    raise UserError(f"{said}; expected {expected}: {key.rule.words}")
  if several and len(value) == 1 and isinstance(value[0], str) and value[0][:1] in ("(", "["):
    example = f' such as "{key.default}"' if key.default else ""
    raise UserError(
      f"{where}{key.name} is {value[0]}, which cannot be read; expected a tuple{example}, for "
      f"each value {key.rule.words}"
    )
  if not all(map(key.rule.allows, value if several else (value,))):
    each = "for each value " if several else ""
    raise UserError(f"{said}; expected {each}{key.rule.words}")
  if several and len(set(value)) < len(value):
    raise UserError(f"{said}, which names a value twice; expected once")


def _check_parts(flat: dict) -> None:
  """Raises `UserError` where `MODULE:OBJECT` is not there, or is not what the key takes."""
  for loss in filter(parts.is_name, (flat.get("model.loss"), *flat.get("grid.loss", ()))):
    losses.find(loss)
  for name in flat["evals"]:
    catalogue.find(name, "config.evals")


def _check_together(flat: dict, known: dict[str, Key]) -> None:
  if (flat["steps"] > 0) == (flat["epochs"] > 0):
    raise UserError(
      "one of config.steps and config.epochs must be set, and the other 0; they are "
      f"{flat['steps']} and {flat['epochs']:g}"
    )
  name, network = flat["model.name"], flat.get("model.network")
  fitting = networks.NETWORKS.get(name, (network,))  # a model of one's own knows its networks
  if network not in fitting and not parts.is_name(network):
    kind = name.upper()
    raise UserError(f"config.model.network {network!r} is no {kind}; one of {', '.join(fitting)}")
  for key in known.values():
    if key.needs and isinstance(key.default, tuple) and len(flat[key.name]) > 1:
      other, readers = key.needs
      asked = set(flat[f"grid.{other}"] or [flat[f"model.{other}"]])
      if not asked <= set(readers):
        raise UserError(
          f"config.{key.name} has several values, and "
          f"{'not every cell' if asked & set(readers) else 'nothing'} reads them: "
          f"expected config.model.{other}={' or '.join(map(repr, readers))}"
        )
  halved = True in (flat.get("model.half_batches"), *flat.get("grid.half_batches", ()))
  if halved and flat["batch_size"] % 2:
    raise UserError(
      f"config.batch_size is {flat['batch_size']}, and half batches need an even number"
    )
  if flat.get("model.samples", 1) > 1 and set(flat["sweep.kl_weight"]) != {1}:
    raise UserError(
      f"config.sweep.kl_weight is {flat['sweep.kl_weight']}, and the importance-weighted bound of "
      f"{flat['model.samples']} samples has no KL weight: expected (1.0,)"
    )
  conventions = {flat.get("model.reconstruction"), *flat.get("grid.reconstruction", ())}
  if flat.get("model.samples", 1) > 1 and "mean" in conventions:
    raise UserError(
      "config.model.reconstruction is 'mean', and the importance-weighted bound of "
      f"{flat['model.samples']} samples is a sum over pixels; expected 'sum'"
    )


def _check_cells(cells, known: dict[str, Key]) -> None:
  if not (isinstance(cells, tuple | list) and all(isinstance(cell, dict) for cell in cells)):
    raise UserError(
      f"config.cells is {cells!r}; expected a tuple of dictionaries, such as "
      "--config.cells=\"({'model.depth': 2}, {'model.depth': 4})\""
    )
  for cell in cells:
    for key, value in cell.items():
      if key not in known or not key.startswith(("model.", "sweep.")) or key == "model.name":
        right = [k for k in (f"model.{key}", f"sweep.{key}") if k in known]
        near = f", {right[0]!r}" if right else ""
        raise UserError(f"config.cells has {key!r}; expected a model.* or sweep.* key{near}")
      _check_value(known[key], value, "config.cells: ")
