"""One run as plain files, for programs without genjax."""

import json
import pathlib
import textwrap
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import export as jax_export
from safetensors.numpy import save

from genjax import files, models
from genjax.analysis import torch_code
from genjax.analysis.selection import Selection
from genjax.models import modules, summary
from genjax.training import provenance, sweep
from genjax.types import Model, Run, State, UserError

PLATFORMS = ("cpu", "cuda", "tpu")
NAMES = (
  r"params\.safetensors|layers\.json|(generate|encode)\.stablehlo|README\.txt|generator_torch\.py"
)


def write(out: pathlib.Path, chosen: Selection) -> list[str]:
  """Writes the files of one run; returns their names.

  Raises:
    UserError: they are several runs, or `out` cannot be written.
  """
  if len(chosen.index) != 1:
    raise UserError(
      f"{len(chosen.index)} runs of {chosen.path} are chosen; expected one, as "
      f"--runs={chosen.index[0]}"
    )
  model, run, state = narrow(chosen)
  shape, latent = chosen.saved.image_shape, model.latent
  layers = summary.tables(model, shape)
  with files.folder(out, NAMES) as folder:
    (folder / "params.safetensors").write_bytes(save(parameters(model, state), _about(chosen)))
    (folder / "layers.json").write_text(json.dumps(_plain(layers), indent=2) + "\n")
    z, label = ((latent,), jnp.float32), ((), jnp.int32)
    inputs = [z, label] if model.num_classes else [z]
    generate = _exported(lambda *inputs: model.generate(run, state, *inputs), *inputs)
    (folder / "generate.stablehlo").write_bytes(generate)
    if model.encode:
      encode = _exported(lambda image: model.encode(run, state, image), (shape, jnp.float32))
      (folder / "encode.stablehlo").write_bytes(encode)
    code = torch_code.write(model, shape)
    if code:
      (folder / torch_code.FILE).write_text(code)
    (folder / "README.txt").write_text(_readme(chosen, model, bool(code)))
    return sorted(file.name for file in folder.iterdir())


def narrow(chosen: Selection) -> tuple[Model, Run, State]:
  """The model, the run and its weights without what pads its latent to the sweep's largest."""
  saved, (row,) = chosen.saved, chosen.numbers
  model = models.shared(
    saved.config.model.to_dict(), saved.image_shape, saved.model.num_classes, row["latent"]
  )
  run = jax.tree.map(lambda leaf: leaf[0], sweep.runs([row]))
  _, state = jax.tree.map(lambda leaf: leaf[0], chosen.rows)
  like = jax.eval_shape(model.init, run)._replace(opt_state={})
  return model, run, jax.tree.map(modules.crop_latent, state, like)


def parameters(model: Model, state: State) -> dict[str, np.ndarray]:
  """Weights and batch norm's statistics by name, as "generator/latent/kernel".

  Where a player is averaged, as a GAN's generator, it is the average, which `generate` uses.
  """
  params, stats = state.params, state.stats
  if model.averaged:
    params = params | {model.averaged: state.ema["params"]}
    stats = stats | {model.averaged: state.ema["stats"]}
  return {
    "/".join(entry.key for entry in path): np.ascontiguousarray(leaf)
    for tree in (params, stats)
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
  }


def _exported(f: Callable, *inputs: tuple[tuple[int, ...], jnp.dtype]) -> bytes:
  """A function of batches as StableHLO, for any batch size; of each input the shape of one.

  Raises:
    UserError: a network of one's own asks for the batch size as a number.
  """
  (batch,) = jax_export.symbolic_shape("B")
  arguments = [jax.ShapeDtypeStruct((batch, *shape), dtype) for shape, dtype in inputs]
  try:
    exported = jax_export.export(jax.jit(f), platforms=PLATFORMS)(*arguments)
  except TypeError as error:
    raise UserError(
      f"the network cannot be exported for any batch size ({str(error).splitlines()[0]}); expected "
      "x.shape[0] in it, not len(x)"
    ) from error
  return bytes(exported.serialize())


def _plain(layers: summary.Tables) -> dict:
  return {
    player: [
      {
        "layer": layer.name,
        "output": ["B", *layer.output],
        "parameters": layer.trained,
        "statistics": layer.statistics,
      }
      for layer in rows
    ]
    for player, rows in layers.items()
  }


def _about(chosen: Selection) -> dict[str, str]:
  """What the run is, for the header of its weights."""
  (run,), (row,), (step,) = chosen.index, chosen.numbers, chosen.steps
  about = {"workdir": chosen.name, "run": run, **row, "weights": chosen.weights, "step": step}
  if chosen.labels[0].failed:
    about["failed_at"] = chosen.labels[0].failed_at
  return {name: f"{value}" for name, value in about.items()}


_README = """\
{about}

{contents}

To load them takes numpy, and jax with the package flatbuffers:

    import json
    import numpy as np
    from jax import export
    data = open("params.safetensors", "rb").read()
    start = 8 + int.from_bytes(data[:8], "little")
    header = {{k: v for k, v in json.loads(data[8:start]).items() if k != "__metadata__"}}
    place = {{name: slice(*[start + i for i in h["data_offsets"]]) for name, h in header.items()}}
    params = {{k: np.frombuffer(data[place[k]], "<f4").reshape(header[k]["shape"]) for k in header}}
    generate = export.deserialize(bytearray(open("generate.stablehlo", "rb").read())).call
    z = np.random.default_rng(0).standard_normal((16, {latent}), np.float32)
    images = generate({arguments})
"""


def _readme(chosen: Selection, model: Model, torch: bool) -> str:
  about = ", ".join(f"{name} {value}" for name, value in _about(chosen).items())
  about = f"A run that genjax {provenance.version('genjax')} trained: {about}."
  image = f"image [B, {', '.join(map(str, chosen.saved.image_shape))}] in [0, 1]"
  latent, classes = f"[B, {model.latent}]", model.num_classes
  label = f", label [B] int32, 0 to {classes - 1}" if classes else ""
  contents = {
    "params.safetensors": "weights by player and layer, and batch norm's statistics mean and var",
    "layers.json": "the layers in the order of their calls: output and number of parameters",
    "generate.stablehlo": f"z {latent} standard normal{label} -> {image}",
  }
  if model.encode:
    contents["encode.stablehlo"] = f"{image} -> mean {latent}, logvar {latent} of z"
  if torch:
    contents[torch_code.FILE] = "generate in PyTorch, from params.safetensors; no JAX"
  return _README.format(
    about=textwrap.fill(about, 96),
    contents="\n".join(f"{name:20}{text}" for name, text in contents.items()),
    latent=model.latent,
    arguments="z, np.arange(16, dtype=np.int32) % " + str(classes) if classes else "z",
  )
