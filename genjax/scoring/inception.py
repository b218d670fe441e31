"""Inception-v3 as the Frechet inception distance has it, with weights from a file.

It is the TensorFlow network of 2015-12-05 (Szegedy et al. 2016) that Heusel et al. 2017 took, in
the layout of its published port to PyTorch (`pt_inception-2015-12-05-*.pth` of pytorch-fid and
torch-fidelity). From torchvision's network it differs in three ways: average pools do not count
their padding, the last block has a max pool where the one before it has an average pool, and there
are 1008 outputs.
"""

import hashlib
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from genjax.scoring import weight_files
from genjax.scoring.inception_layers import LAYERS, Architecture, ConvBlock, Pool
from genjax.types import FeatureNetwork, PyTree, UserError

SIZE = 299  # height and width that images get
OUTPUTS = 1008, 1000  # with and without the classes that no image was of
EPSILON = 1e-3  # of batch norm
BATCH = 50  # images that go through it at once: each has 299 x 299 pixels
# A measure is worth more than its time: no TF32 or bfloat16 where an accelerator would take these.
PRECISION = lax.Precision.HIGHEST


def load(path: str) -> FeatureNetwork:
  """The network with the weights of a file: .pth, .npz or .safetensors with the keys of `shapes`.

  Raises:
    UserError: the file is absent or damaged, or not of this network.
  """
  return build(weight_files.read(path), path)


def build(arrays: Mapping[str, np.ndarray], source: str) -> FeatureNetwork:
  """The network with these weights. `UserError` names `source` and the first key that is wrong."""
  outputs = arrays["fc.bias"].size if "fc.bias" in arrays else OUTPUTS[0]
  expected = shapes(outputs)
  _check(arrays, expected, source)
  arrays = {key: np.asarray(arrays[key], np.float32) for key in sorted(expected)}
  names = [key.removesuffix(".conv.weight") for key in expected if key.endswith(".conv.weight")]
  params = {name: _fold(arrays, name) for name in names} | {"fc": arrays["fc.weight"].T}
  for name, part in params.items():
    if not all(np.isfinite(x).all() for x in jax.tree.leaves(part)):
      raise UserError(f"{source}: the weights of {name} are not finite; expected a trained network")
  params = jax.tree.map(jnp.asarray, params)
  return FeatureNetwork(f"inception-{_digest(arrays)}", params, apply, False, BATCH)


def shapes(outputs: int = OUTPUTS[0]) -> dict[str, tuple[int, ...]]:
  """Keys of a file of weights, and the shapes of their arrays, as PyTorch has them."""
  kernels, channels = _kernels(LAYERS, 3)
  found = {}
  for name, shape in kernels.items():
    found[f"{name}.conv.weight"] = shape
    for part in ("weight", "bias", "running_mean", "running_var"):
      found[f"{name}.bn.{part}"] = shape[:1]
  return found | {"fc.weight": (outputs, channels), "fc.bias": (outputs,)}


def _kernels(layers: Architecture, inputs: int) -> tuple[dict[str, tuple[int, ...]], int]:
  """Shapes `[O, I, h, w]` of the kernels by name, and the channels of the output."""
  match layers:
    case ConvBlock():
      return {layers.name: (layers.channels, inputs, *layers.kernel)}, layers.channels
    case Pool():
      return {}, inputs
    case list():
      parts = [_kernels(branch, inputs) for branch in layers]
      return {k: v for found, _ in parts for k, v in found.items()}, sum(n for _, n in parts)
    case _:
      kernels = {}
      for part in layers:
        found, inputs = _kernels(part, inputs)
        kernels |= found
      return kernels, inputs


def _check(arrays: Mapping, expected: Mapping, source: str) -> None:
  right = "Inception-v3 in the layout of pt_inception-2015-12-05-*.pth"
  for key, shape in expected.items():
    if key not in arrays:
      raise UserError(f"{source}: no array {key!r}; expected {right}")
    array = arrays[key]
    if array.shape != shape or array.dtype.kind != "f":
      raise UserError(
        f"{source}: {key} is {array.dtype} {list(array.shape)}; expected floats {list(shape)}"
      )
  outputs = len(arrays["fc.bias"])
  if outputs not in OUTPUTS:
    raise UserError(f"{source}: fc.bias has {outputs} outputs; expected 1008 or 1000")
  for key in arrays:
    # PyTorch counts the batches of training, which nothing here reads.
    if key not in expected and not key.endswith(".bn.num_batches_tracked"):
      raise UserError(f"{source}: unknown array {key!r}; expected {right}")


def _fold(arrays: Mapping[str, np.ndarray], name: str) -> tuple[np.ndarray, np.ndarray]:
  """Kernel `[h, w, I, O]` and offset `[O]` of a convolution and its batch norm together."""
  weight, bias, mean, variance = (
    arrays[f"{name}.bn.{part}"].astype(np.float64)
    for part in ("weight", "bias", "running_mean", "running_var")
  )
  with np.errstate(all="ignore"):  # what is not finite, `build` finds
    scale = weight / np.sqrt(variance + EPSILON)
    kernel = arrays[f"{name}.conv.weight"].transpose(2, 3, 1, 0) * scale.astype(np.float32)
    return kernel, (bias - mean * scale).astype(np.float32)


def _digest(arrays: Mapping[str, np.ndarray]) -> str:
  """Of the weights as float32, in whatever kind of file they came."""
  digest = hashlib.sha256()
  for key in sorted(arrays):
    digest.update(f"{key} {arrays[key].shape}\n".encode())
    digest.update(np.ascontiguousarray(arrays[key]))
  return digest.hexdigest()[:12]


def apply(params: PyTree, images: Array) -> tuple[Array, Array]:
  """Features after the last pool, and logits without their bias.

  The inception score is of the logits without bias (Salimans et al. 2016, their code), and no other
  score reads them.

  Args:
    params: of what `build` gives.
    images: [B, H, W, C] in [0, 1] with C of 1 or 3; grey ones get three equal channels.

  Returns:
    [B, 2048] and [B, 1008], or [B, 1000] where the weights have so many outputs.
  """
  features = _apply(LAYERS, params, resize(images)).mean((1, 2))
  return features, jnp.matmul(features, params["fc"], precision=PRECISION)


def resize(images: Array) -> Array:
  """`[B, H, W, 1 or 3]` in [0, 1] -> `[B, 299, 299, 3]` in [-1, 1].

  Bilinear between the pixels' centres and without a filter before it, as pytorch-fid has it.
  """
  B, *_, C = images.shape
  x = jax.image.resize(images, (B, SIZE, SIZE, C), "bilinear", antialias=False)
  return jnp.broadcast_to(2 * x - 1, (B, SIZE, SIZE, 3))


def _apply(layers: Architecture, params: PyTree, x: Array) -> Array:
  match layers:
    case ConvBlock():
      return _conv(layers, *params[layers.name], x)
    case Pool():
      return _pool(layers, x)
    case list():
      return jnp.concatenate([_apply(branch, params, x) for branch in layers], -1)
    case _:
      for part in layers:
        x = _apply(part, params, x)
      return x


def _conv(conv: ConvBlock, kernel: Array, offset: Array, x: Array) -> Array:
  strides, layout = (conv.stride, conv.stride), ("NHWC", "HWIO", "NHWC")
  y = lax.conv_general_dilated(
    x, kernel, strides, conv.padding, dimension_numbers=layout, precision=PRECISION
  )
  return jax.nn.relu(y + offset[None, None, None])


def _pool(pool: Pool, x: Array) -> Array:
  window, strides = (1, 3, 3, 1), (1, pool.stride, pool.stride, 1)
  if pool.kind == "max":
    return lax.reduce_window(x, -jnp.inf, lax.max, window, strides, pool.padding)
  inside = jnp.ones((1, *x.shape[1:3], 1), x.dtype)  # padding is not counted
  total, count = (
    lax.reduce_window(y, 0.0, lax.add, window, strides, pool.padding) for y in (x, inside)
  )
  return total / count
