"""Networks and models that are not genjax's: how they are called, and what is asked of them."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from genjax import parts
from genjax.mistakes import reason
from genjax.models.layers import Layers
from genjax.types import Shape, UserError

# What genjax hands to a factory of networks that has arguments of these names.
_HANDED = ("layers", "num_classes")
KINDS = (bool, int, float, str)  # of an option


def options(name: str, where: str) -> dict[str, Any]:
  """The keys that a factory adds to a config, and their defaults: its arguments from the third on.

  Args:
    name: `MODULE:OBJECT` of a function `(shape, latent, **options)`, of networks or of a model.
    where: what names it, as "config.model.network".

  Raises:
    UserError: it cannot be imported or is no such function; or an option has no default, or one
      that is neither a number, nor True or False, nor text.
  """
  factory = parts.find(name, where)
  if not callable(factory):
    raise UserError(f"{where} is {name!r}, not a function; expected one of (shape, latent, ...)")
  arguments = list(inspect.signature(factory).parameters.values())
  free = [a for a in arguments if a.kind not in (a.VAR_POSITIONAL, a.VAR_KEYWORD)]
  if len(free) < 2:
    raise UserError(f"{where} is {name!r}, which takes {len(free)} arguments; expected (shape, "
                    "latent, ...)")  # fmt: skip
  found = {a.name: a.default for a in free[2:] if a.name not in _HANDED}
  taken = ("name", "network") if where.endswith("network") else ("name",)
  for option, value in found.items():
    if option in taken:
      raise UserError(
        f"{where} is {name!r}, whose argument {option} is a key of every config; give it another "
        "name"
      )
    if not isinstance(value, KINDS):
      shown = "no default" if value is inspect.Parameter.empty else f"the default {value!r}"
      raise UserError(
        f"{where} is {name!r}, whose argument {option} has {shown}; expected a number, True or "
        "False, or text"
      )
  return found


def handed(factory: Callable, given: Mapping[str, Any]) -> dict[str, Any]:
  """Those of the keywords that a factory takes."""
  arguments = inspect.signature(factory).parameters
  everything = any(a.kind == a.VAR_KEYWORD for a in arguments.values())
  return {name: value for name, value in given.items() if everything or name in arguments}


def build(
  kind: type, network: str, shape: Shape, latent: int, given: Mapping[str, Any], spectral_norm: bool
) -> Any:
  """The networks of a factory of one's own.

  Args:
    kind: `VaeNetworks` or `GanNetworks`, which the factory must give.
    network: `MODULE:OBJECT` of `(shape, latent, **options) -> VaeNetworks or GanNetworks`.
    shape: H, W, C.
    latent: Z.
    given: what it is given of these names if it has such arguments: options of a config, `width`
      and `depth` where they are not 0, `num_classes` of the data, and `layers`, which makes layers
      as the config's `initialiser`, `batch_norm`, `leaky_slope` and `precision` say: see
      `layers.Layers`.
    spectral_norm: as of `networks.build`.

  Raises:
    UserError: the factory raises or gives something else, or its networks do not take these images
      and latents.
  """
  where = "config.model.network"
  factory = parts.find(network, where)
  if spectral_norm:
    raise UserError(
      f"config.model.spectral_norm is True, and {where} is {network!r}, which normalises its own "
      "kernels: expected False, and `dataclasses.replace(layers, spectral=True)` in the critic"
    )
  built = called(factory, network, where, shape, latent, **handed(factory, given))
  if not isinstance(built, kind):
    raise UserError(
      f"{where} is {network!r}, which gives {type(built).__name__}; expected {kind.__name__}"
    )
  _check_shapes(built, network, shape, latent)
  return built


def called(factory: Callable, name: str, where: str, *arguments: Any, **given: Any) -> Any:
  """What a factory of one's own gives. Raises `UserError` with its name where it raises."""
  try:
    return factory(*arguments, **given)
  except UserError:
    raise
  except Exception as error:
    raise UserError(f"{where} is {name!r}: {reason(error)}") from error


def _check_shapes(built: Any, network: str, shape: Shape, latent: int) -> None:
  """Raises `UserError` where a network's output has another shape than is expected of it."""
  image, z = (jax.ShapeDtypeStruct((2, *one), jnp.float32) for one in (shape, (latent,)))
  label = jax.ShapeDtypeStruct((2,), jnp.int32)
  expected = {
    "encoder": ((2, latent), (2, latent)),
    "decoder": (2, *shape),
    "generator": (2, *shape),
    "critic": (2,),
  }
  for player, inputs in built.inputs(image, z, label).items():
    module = getattr(built, player)
    try:
      out, variables = jax.eval_shape(module.init_with_output, jax.random.key(0), *inputs)
    except Exception as error:
      raise UserError(
        f"config.model.network is {network!r}: its {player}: {reason(error)}"
      ) from error
    shapes = jax.tree.map(lambda leaf: leaf.shape, out)
    if shapes != expected[player]:
      raise UserError(
        f"config.model.network is {network!r}, whose {player} returns shape {shapes} for a batch "
        f"of 2; expected {expected[player]}"
      )
    if "batch_stats" in variables and not isinstance(getattr(module, "layers", None), Layers):
      raise UserError(
        f"config.model.network is {network!r}, whose {player} has batch norm and no field "
        "`layers`: expected those that the factory is given, and `layers.batch_norm(train)`"
      )
