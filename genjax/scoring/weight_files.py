"""Arrays by name from a file of a network's weights: .npz, .safetensors or PyTorch's .pth.

What a file is, its first bytes say, and not its name. PyTorch is not needed, and no code of a
file's is run: of its pickle only tensors are read, from the archives of torch.save since 1.6 and
from the streams of before.
"""

import collections
import functools
import os
import pickle
import zipfile
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from genjax.mistakes import reason
from genjax.types import UserError

_STREAM = 0x1950A86A20F9469CFC6C, 1001  # PyTorch's magic number, and the layout's version
_STORAGES = {
  "DoubleStorage": "<f8",
  "FloatStorage": "<f4",
  "HalfStorage": "<f2",
  "LongStorage": "<i8",
  "IntStorage": "<i4",
  "ByteStorage": "u1",
}


def read(path: str) -> dict[str, np.ndarray]:
  """The arrays of a file, in its order; some may be views that cannot be written to.

  Raises:
    UserError: the file is absent, damaged or of another kind, or is a .pth that holds anything but
      a dictionary of tensors.
  """
  try:
    with open(os.path.expanduser(path), "rb") as stream:
      head = stream.read(9)
      stream.seek(0)
      return _reader(head)(stream)
  except FileNotFoundError as error:
    raise UserError(f"{path}: no such file; expected a .pth, .npz or .safetensors") from error
  except Exception as error:  # a damaged file fails in as many ways as it has bytes
    raise UserError(f"{path}: not a readable file of weights ({reason(error)})") from error


def _reader(head: bytes) -> Callable[[BinaryIO], dict[str, np.ndarray]]:
  if head.startswith(b"PK"):
    return _archive
  if head.startswith(b"\x80\x02"):
    return _torch_stream
  if head.endswith(b"{"):  # after the header's length
    return _safetensors
  raise ValueError("neither .pth, .npz nor .safetensors")


def _archive(stream: BinaryIO) -> dict[str, np.ndarray]:
  with zipfile.ZipFile(stream) as archive:
    found = [name for name in archive.namelist() if name.endswith("/data.pkl")]
    if found:
      return _torch_archive(archive, found[0].removesuffix("data.pkl"))
  stream.seek(0)
  with np.load(stream) as members:
    return dict(members)


def _safetensors(stream: BinaryIO) -> dict[str, np.ndarray]:
  from safetensors.numpy import load  # here alone: whoever evaluates imports this module

  return load(stream.read())


class _Storage(NamedTuple):
  dtype: np.dtype
  key: str
  size: int


class _Tensor(NamedTuple):
  """A view of a storage; offset and strides count entries."""

  storage: _Storage
  offset: int
  shape: tuple[int, ...]
  strides: tuple[int, ...]

  def array(self, data: bytes) -> np.ndarray:
    dtype = self.storage.dtype
    expected = self.storage.size * dtype.itemsize
    if len(data) != expected:
      raise ValueError(f"storage {self.storage.key} has {len(data)} bytes; expected {expected}")
    strides = [stride * dtype.itemsize for stride in self.strides]
    # NumPy checks that the view lies within the storage.
    return np.ndarray(self.shape, dtype, data, self.offset * dtype.itemsize, strides)


class _Unpickler(pickle.Unpickler):
  """Makes dictionaries of `_Tensor` and of plain values, and refuses whatever else is named."""

  def find_class(self, module: str, name: str) -> Any:
    if module == "torch" and name in _STORAGES:
      return np.dtype(_STORAGES[name])
    try:
      return _NAMED[module, name]
    except KeyError:
      raise pickle.UnpicklingError(f"it names {module}.{name}; only tensors are read") from None

  def persistent_load(self, saved: tuple) -> _Storage:
    kind, dtype, key, _, size, *view = saved  # the device does not matter
    if kind != "storage" or any(view):
      raise pickle.UnpicklingError(f"it holds a {kind} that is no plain storage")
    return _Storage(dtype, key, size)


_NAMED = {
  ("collections", "OrderedDict"): collections.OrderedDict,
  ("torch._utils", "_rebuild_parameter"): lambda tensor, *_: tensor,
  ("torch._utils", "_rebuild_tensor_v2"): lambda *tensor: _Tensor(*tensor[:4]),
}


def _torch_archive(archive: zipfile.ZipFile, root: str) -> dict[str, np.ndarray]:
  if f"{root}byteorder" in archive.namelist() and archive.read(f"{root}byteorder") != b"little":
    raise ValueError("its numbers are big-endian; expected little-endian")
  with archive.open(f"{root}data.pkl") as stream:
    tensors = _tensors(_Unpickler(stream).load())
  data = functools.cache(lambda key: archive.read(f"{root}data/{key}"))
  return {name: tensor.array(data(tensor.storage.key)) for name, tensor in tensors.items()}


def _torch_stream(stream: BinaryIO) -> dict[str, np.ndarray]:
  magic, version, system, pickled, keys = (_Unpickler(stream).load() for _ in range(5))
  if (magic, version) != _STREAM or not system["little_endian"]:
    raise ValueError("a pickle, but not of PyTorch on a little-endian machine")
  tensors = _tensors(pickled)
  storages = {tensor.storage.key: tensor.storage for tensor in tensors.values()}
  data = {}
  for key in keys:
    size = int.from_bytes(stream.read(8), "little")
    data[key] = stream.read(size * storages[key].dtype.itemsize)
  return {name: tensor.array(data[tensor.storage.key]) for name, tensor in tensors.items()}


def _tensors(pickled: Any) -> Mapping[str, _Tensor]:
  if not isinstance(pickled, dict):
    raise ValueError(f"it holds a {type(pickled).__name__}; expected a dictionary of tensors")
  for name, value in pickled.items():
    if not isinstance(value, _Tensor):
      raise ValueError(f"{name!r} is a {type(value).__name__}; expected a tensor")
  return pickled
