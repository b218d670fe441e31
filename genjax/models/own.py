"""Networks and models that are not genjax's: how they are called, and what is asked of them."""

import inspect
import numbers
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from genjax import parts
from genjax.mistakes import reason
from genjax.models.layers import Layers
from genjax.types import NUMBERS, Batch, Model, Run, Shape, State, UserError

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
  _check_networks(built, network, shape, latent)
  return built


def called(factory: Callable, name: str, where: str, *arguments: Any, **given: Any) -> Any:
  """What a factory of one's own gives. Raises `UserError` with its name where it raises."""
  try:
    return factory(*arguments, **given)
  except UserError:
    raise
  except Exception as error:
    raise UserError(f"{where} is {name!r}: {reason(error)}") from error


def outcome(f: Any, said: str, *inputs: Any) -> Any:
  """Shapes and dtypes of what `f` gives. Raises `UserError`, which begins as is said, if it cannot.

  `inputs` are such as `jax.eval_shape` takes.
  """
  try:
    return jax.eval_shape(lambda *given: f(*given), *inputs)
  except Exception as error:
    raise UserError(f"{said}: {reason(error)}") from error


def check_floats(found: Any, expected: Any, said: str) -> None:
  """Raises `UserError`, which begins as is said, where these are no floats of the expected shapes.

  Both are trees: of what `outcome` gives, and of shapes.
  """
  shapes = jax.tree.map(lambda leaf: leaf.shape, found)
  kinds = {str(leaf.dtype) for leaf in jax.tree.leaves(found)}
  if shapes != expected:
    raise UserError(f"{said} returns shape {shapes} for a batch of 2; expected {expected}")
  if not all(jnp.issubdtype(kind, jnp.floating) for kind in kinds):
    raise UserError(f"{said} returns {' and '.join(sorted(kinds))}; expected floats")


def _check_networks(built: Any, network: str, shape: Shape, latent: int) -> None:
  """Raises `UserError` where a network's output is another than is expected of it."""
  where = f"config.model.network is {network!r}"
  image, z = (jax.ShapeDtypeStruct((2, *one), jnp.float32) for one in (shape, (latent,)))
  label = jax.ShapeDtypeStruct((2,), jnp.int32)
  expected = {
    "encoder": ((2, latent), (2, latent)),
    "decoder": (2, *shape),
    "generator": (2, *shape),
    "critic": (2,),
  }
  if not _is_range(ends := getattr(built, "image_range", (0, 1))):
    raise UserError(f"{where}, whose image_range is {ends!r}; expected (0, 1) or (-1, 1)")
  for player, inputs in built.inputs(image, z, label).items():
    module = getattr(built, player)
    init = module.init_with_output
    out, variables = outcome(init, f"{where}: its {player}", jax.random.key(0), *inputs)
    check_floats(out, expected[player], f"{where}, whose {player}")
    if "batch_stats" in variables and not isinstance(getattr(module, "layers", None), Layers):
      raise UserError(
        f"{where}, whose {player} has batch norm and no field "
        "`layers`: expected those that the factory is given, and `layers.batch_norm(train)`"
      )


def _is_range(ends: Any) -> bool:
  pair = isinstance(ends, tuple) and len(ends) == 2
  return pair and all(isinstance(end, numbers.Real) for end in ends) and ends[0] < ends[1]


def check_model(built: Model, name: str, shape: Shape) -> None:
  """Raises `UserError` where a function of a model of one's own cannot be called, or gives else."""

  def floats(*shape: int) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, jnp.float32)

  def like(leaves: Any, *before: int) -> Any:
    return jax.tree.map(lambda x: jax.ShapeDtypeStruct((*before, *x.shape), x.dtype), leaves)

  said = f"config.model.name is {name!r}"
  key = jax.eval_shape(lambda: jax.random.key(0))
  run = Run(key, floats(built.latent), **dict.fromkeys(NUMBERS, floats()))
  batch = Batch(floats(2, *shape), jax.ShapeDtypeStruct((2,), jnp.int32))
  state = outcome(built.init, f"{said}: its init", run)
  if not isinstance(state, State):
    raise UserError(f"{said}, whose init gives {type(state).__name__}; expected a State")
  step = outcome(built.step, f"{said}: its step", run, state, like(batch, built.batches_per_step))
  if not (isinstance(step, tuple) and len(step) == 2 and like(step[0]) == like(state)):
    raise UserError(f"{said}, whose step gives no State such as init's, and metrics; expected both")
  given = floats(2, built.latent), batch.label if built.num_classes else None
  images = outcome(built.generate, f"{said}: its generate", run, state, *given)
  check_floats(images, (2, *shape), f"{said}, whose generate")
  metrics = outcome(built.diagnose, f"{said}: its diagnose", run, state, key, batch)
  if built.criterion not in metrics:
    raise UserError(
      f"{said}, whose criterion is {built.criterion!r}; expected a figure that its diagnose gives: "
      f"{', '.join(metrics)}"
    )
