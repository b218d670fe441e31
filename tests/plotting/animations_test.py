"""Animated GIFs are judged by what a reader decodes."""

import io

import numpy as np
import pytest
from PIL import Image, ImageSequence

from genjax.plotting import animations


def _decoded(file):
  with Image.open(file) as image:
    assert image.info["loop"] == 0
    frames = [
      (np.asarray(f.convert("RGB")), f.info["duration"]) for f in ImageSequence.Iterator(image)
    ]
  return np.stack([frame for frame, _ in frames]), [duration for _, duration in frames]


def test_grey_frames_come_back_exactly_forth_and_back():
  grey = np.random.default_rng(0).integers(0, 256, (4, 20, 30, 1), np.uint8)
  frames = np.broadcast_to(grey, (4, 20, 30, 3))
  decoded, durations = _decoded(io.BytesIO(animations.gif(frames, milliseconds=50, pause=300)))
  np.testing.assert_array_equal(decoded, frames[[0, 1, 2, 3, 2, 1]])
  assert durations == [300, 50, 50, 300, 50, 50]


def test_many_colours_take_the_nearest_of_256_and_no_dithering():
  y, x = np.mgrid[0:64, 0:64]
  ramp = np.stack([4 * x, 4 * y, 2 * (x + y)], -1).astype(np.uint8)
  decoded, _ = _decoded(io.BytesIO(animations.gif(np.stack([ramp, ramp[::-1]]))))
  assert len(np.unique(decoded.reshape(-1, 3), axis=0)) <= 256
  assert np.abs(decoded[0].astype(int) - ramp).mean() < 8
  # Without dithering, equal pixels stay equal wherever they stand.
  np.testing.assert_array_equal(decoded[1], decoded[0][::-1])


def test_what_are_no_frames():
  for frames in (
    np.zeros((2, 4, 4), np.uint8),
    np.zeros((1, 4, 4, 3), np.uint8),
    np.zeros((2, 4, 4, 3)),
  ):
    with pytest.raises(ValueError, match="expected"):
      animations.gif(frames)
