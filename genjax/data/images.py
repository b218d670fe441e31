"""Images of any program: arrays, .npy and .npz files, and folders of pictures."""

import os
import pathlib
import reprlib

import numpy as np

from genjax.data import folders, npz
from genjax.types import UserError

KEYS = ("image", "images", "samples", "arr_0")  # of an .npz; the last is NumPy's own


def read(source: str | os.PathLike | np.ndarray) -> list[np.ndarray]:
  """The images of a source, [N, H, W, C] uint8, of each run that it has.

  Args:
    source: an array, or a .npy or .npz file of one: [N, H, W], [N, H, W, C] or [N, C, H, W] with C
      of 1 or 3, whole numbers from 0 to 255, 0 and 1 for black and white, or floats in [0, 1];
      [R, N, H, W, C] is R runs, as `python -m genjax.sample --out=FILE.npz` writes them. Or a
      folder: all pictures in it, however deep.

  Raises:
    UserError: it is absent or cannot be read, or is no such array.
  """
  if not isinstance(source, str | os.PathLike):
    array = np.asarray(source)
    if array.dtype.kind == "O":
      raise UserError(
        f"the images are {reprlib.repr(source)}; expected an array, a file or a folder, or a list "
        "of such, a run each"
      )
    if array.ndim < 3 or (array.ndim == 3 and array.shape[-1] in (1, 3)):
      raise UserError(
        f"the images are an array of shape {list(array.shape)}, as one image is; expected "
        "[N, H, W, C] of each run, as np.stack makes of a list"
      )
    return _runs("the images", "the array", array)
  path = pathlib.Path(source).expanduser()
  if path.is_dir():
    return [folders.pictures(path)]
  if path.suffix.lower() not in (".npy", ".npz"):
    raise UserError(f"{path} is neither a folder nor a .npy or .npz file")
  if not path.is_file():
    raise UserError(f"{path}: no such file")
  try:
    loaded = np.load(path)
    arrays = {"the array": loaded} if isinstance(loaded, np.ndarray) else dict(loaded)
  except Exception as error:  # a damaged file fails in as many ways as it has bytes
    raise UserError(f"{path}: not a readable file of arrays ({npz.why(error)})") from error
  keys = list(arrays) if len(arrays) == 1 else [key for key in KEYS if key in arrays]
  if len(keys) != 1:
    raise UserError(
      f"{path} has the arrays {', '.join(arrays)}; expected one of them to be called "
      f"{', '.join(KEYS)}"
    )
  return _runs(str(path), keys[0], arrays[keys[0]])


def _runs(path: str, key: str, array: np.ndarray) -> list[np.ndarray]:
  runs, two_tones = array if array.ndim == 5 else array[None], npz.black_and_white([array])
  return [npz.as_bytes(path, key, one, two_tones) for one in runs]
