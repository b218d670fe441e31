"""Images of trained runs as a picture, an array or a folder of pictures."""

import math
import pathlib
import re
import tempfile
import zipfile
from collections.abc import Sequence

import numpy as np
from PIL import Image

from genjax import files
from genjax.analysis import sampling, selection
from genjax.analysis.selection import Selection
from genjax.plotting import galleries, plots
from genjax.types import UserError, counted

SIDE = 30_000  # pixels that a side of a picture may have
OTHERS = {".bmp", ".gif", ".jpeg", ".jpg", ".npy", ".pdf", ".svg", ".tif", ".tiff", ".webp"}
NAMES = r"(.*-)?run\d+(-failed)?-\d+(-label\d+)?\.png"  # what a folder of single pictures holds


def write(
  out: pathlib.Path,
  selections: Sequence[Selection],
  labels: Sequence[np.ndarray],
  noise_seed: int = 0,
) -> None:
  """Writes images of all runs: a picture, an array or a folder, by the ending of `out`.

  Args:
    selections: as `selection.read` gives them.
    labels: for each [N], as `sampling.labels` gives them.

  Raises:
    UserError: `out` cannot be written, or cannot hold such images.
  """
  if out.suffix.lower() in OTHERS:
    raise UserError(f"--out={out}: expected .png, .npz, or a folder for single pictures")
  kind = {".png": _picture, ".npz": _array}.get(out.suffix.lower(), _folder)
  if kind is not _folder:
    _check_alike(out, selections)
  kind(out, selections, labels, noise_seed)


def _check_alike(out: pathlib.Path, selections: Sequence[Selection]) -> None:
  shapes = {one.saved.image_shape: one.path for one in selections}
  if len(shapes) > 1:
    (a, path), (b, other) = list(shapes.items())[:2]
    raise UserError(
      f"--out={out}: images of {path} are {a} and those of {other} {b}; a folder takes both"
    )


def _picture(out, selections, labels, noise_seed) -> None:
  runs = [label for one in selections for label in one.labels]
  N, (H, W, _) = len(labels[0]), selections[0].saved.image_shape
  columns = N if len(runs) > 1 else _columns(N, labels[0])
  rows = len(runs) if len(runs) > 1 else -(-N // columns)
  if max(columns * (2 * W + galleries.COLUMN_GAP), rows * (2 * H + galleries.ROW_GAP)) > SIDE:
    raise UserError(
      f"{N:,} images of {counted(len(runs), 'run')} are too many for one picture; expected a "
      "smaller --num, or an --out that is a folder or ends in .npz"
    )
  heads = _heads(labels, columns, selection.class_names(selections))
  with files.file(out) as partial:
    images = np.concatenate(
      [
        np.concatenate([block.images for block in sampling.draw(one, noise_seed, classes)], 1)
        for one, classes in zip(selections, labels, strict=True)
      ]
    )
    note = _footnote(selections, labels, noise_seed)
    names = ", ".join(dict.fromkeys(one.name for one in selections))
    title = f"Samples of {names}" if len(selections) < 4 else "Samples"
    if len(runs) > 1:
      figure = galleries.gallery(images, runs, heads, title, note)
    else:
      ((run, row),) = zip(selections[0].index, selections[0].numbers, strict=True)
      title += f": run {run}, seed {row['seed']}, latent {row['latent']}"
      figure = galleries.grid(images[0], runs[0], columns, heads, title, note)
    plots.save(figure, partial)


def _columns(count: int, labels: np.ndarray) -> int:
  """Of about a square; each column has one class, where there are few."""
  square = math.ceil(math.sqrt(count))
  turns = len(set(labels.tolist()))
  return min(count, max(1, round(square / turns)) * turns) if turns <= 20 else square


def _heads(labels: Sequence[np.ndarray], columns: int, names: Sequence[str]) -> list[str] | None:
  """The classes over the columns, where each column has one; None where there are none."""
  of_columns = [{int(label) for row in labels for label in row[i::columns]} for i in range(columns)]
  of_columns = [classes - {-1} for classes in of_columns]
  if all(len(classes) == 1 for classes in of_columns):
    return [names[classes.pop()] for classes in of_columns]
  return None


def _footnote(selections, labels, noise_seed) -> str:
  steps = sorted({int(step) for one in selections for step in one.steps})
  at = f"step {steps[0]:,}" if len(steps) == 1 else f"of steps {steps[0]:,} to {steps[-1]:,}"
  weights = {"best": "Best", "last": "Last", "raw": "Last, not averaged,"}[selections[0].weights]
  classes = sorted({int(label) for row in labels for label in row} - {-1})
  drawn = f", class {selection.class_names(selections)[classes[0]]}" if len(classes) == 1 else ""
  return f"{weights} weights, {at}; noise seed {noise_seed}{drawn}."


def _array(out, selections, labels, noise_seed) -> None:
  R, N = sum(len(one.index) for one in selections), len(labels[0])
  about = {
    "label": np.concatenate(
      [np.tile(row, (len(one.index), 1)) for one, row in zip(selections, labels, strict=True)]
    ),
    "z": sampling.noise(selections, noise_seed, N),
    "workdir": [one.name for one in selections for _ in one.index],
    "run": [i for one in selections for i in one.index],
    "seed": [row["seed"] for one in selections for row in one.numbers],
    "latent": [row["latent"] for one in selections for row in one.numbers],
    "step": np.concatenate([one.steps for one in selections]),
    "failed_at": [label.failed_at for one in selections for label in one.labels],
  }
  shape = (R, N, *selections[0].saved.image_shape)
  # Block by block into a file: all images may be more than memory holds.
  with files.file(out) as partial, tempfile.NamedTemporaryFile(dir=partial.parent) as images:
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(images, header)
    start, size, above = images.tell(), int(np.prod(shape[2:])), 0
    for one, classes in zip(selections, labels, strict=True):
      for block in sampling.draw(one, noise_seed, classes):
        for r, row in enumerate(block.images):
          images.seek(start + ((above + r) * N + block.first) * size)
          images.write(row.tobytes())
      above += len(one.index)
    images.flush()
    with open(partial, "wb") as stream:
      np.savez(stream, **about)
    with zipfile.ZipFile(partial, "a") as archive:
      archive.write(images.name, "image.npy")


def _folder(out, selections, labels, noise_seed) -> None:
  N = len(labels[0])
  with files.folder(out, NAMES) as partial:
    for one, classes in zip(selections, labels, strict=True):
      prefix = f"{one.name.replace('/', '-')}-" if len(selections) > 1 else ""
      places = len(str(len(one.saved.rows) - 1))
      names = [
        f"{prefix}run{run:0{places}}{'-failed' if label.failed else ''}"
        for run, label in zip(one.index, one.labels, strict=True)
      ]
      for block in sampling.draw(one, noise_seed, classes):
        for name, images in zip(names, block.images, strict=True):
          for number, image in enumerate(images, block.first):
            label = f"-label{classes[number]}" if classes[number] >= 0 else ""
            file = partial / f"{name}-{number:0{len(str(N - 1))}}{label}.png"
            Image.fromarray(image.squeeze(-1) if image.shape[-1] == 1 else image).save(file)


def place(paths: Sequence[str], selections: Sequence[Selection]) -> pathlib.Path:
  """Where a picture goes if nothing is said: into the workdir; of several into this folder."""
  path = pathlib.Path(paths[0])
  if len(paths) == 1 and [one.path for one in selections] == [path]:
    return path / "samples" / "sample.png"
  names = [re.sub(r"[^\w.=-]+", "-", pathlib.Path(path).resolve().name) for path in paths]
  more = f"-and-{len(names) - 3}-more" if len(names) > 3 else ""
  return pathlib.Path(f"samples-{'-'.join(names[:3])}{more}.png")
