"""Animated GIFs of images, whose pixels stay what they are where 256 colours allow it.

Axes: T frames, H W pixels.
"""

import io

import numpy as np
from PIL import Image

COLOURS = 256
MILLISECONDS = 80  # that a frame stays
PAUSE = 600  # that the first and the last one stay


def gif(frames: np.ndarray, milliseconds: int = MILLISECONDS, pause: int = PAUSE) -> bytes:
  """A GIF that goes forth and back without end.

  Args:
    frames: [T, H, W, 3] uint8, T at least 2. Up to 256 colours in all frames together are kept as
      they are; of more, the nearest of 256, without dithering, which would flicker.
    milliseconds: that a frame stays; GIFs count in tens.
    pause: milliseconds that the first and the last one stay.

  Raises:
    ValueError: the frames are of another shape or kind.
  """
  if frames.ndim != 4 or len(frames) < 2 or frames.shape[-1] != 3 or frames.dtype != np.uint8:
    raise ValueError(f"frames {frames.shape} {frames.dtype}: expected [T, H, W, 3] uint8, T > 1")
  T = len(frames)
  durations = [milliseconds] * (2 * T - 2)
  durations[0] = durations[T - 1] = max(pause, milliseconds)
  back = frames[-2:0:-1]  # without the ends twice
  first, *others = map(_image, *_indexed(np.concatenate([frames, back])))
  file = io.BytesIO()
  first.save(
    file, "GIF", save_all=True, append_images=others, duration=durations, loop=0, optimize=False
  )
  return file.getvalue()


def _indexed(frames: np.ndarray) -> tuple[np.ndarray, list[bytes]]:
  """Indices [T, H, W] into a palette, and that palette for each frame: one for all of them."""
  colours = frames.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
  distinct, index = np.unique(colours, return_inverse=True)
  index = index.reshape(colours.shape)
  wanted = np.stack([distinct >> 16, distinct >> 8, distinct], 1).astype(np.uint8)  # [N, 3]
  if len(distinct) > COLOURS:
    # Of the colours themselves, each once: a rare one counts like a frequent one.
    row = Image.fromarray(wanted[None]).quantize(COLOURS, dither=Image.Dither.NONE)
    index = np.asarray(row)[0][index]
    wanted = np.array(row.getpalette(), np.uint8).reshape(-1, 3)
  return index.astype(np.uint8), [wanted.tobytes()] * len(frames)


def _image(index: np.ndarray, palette: bytes) -> Image.Image:
  image = Image.fromarray(index, "L")
  image.putpalette(palette)
  return image
