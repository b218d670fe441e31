"""Windows of an image, against each pixel of each of them."""

import draws
import jax
import numpy as np
import pytest

from genjax.models import windows

patches, fold = (jax.jit(f, static_argnums=1) for f in (windows.patches, windows.fold))
SHAPES = [(4, 2), (5, 2), (5, 3), (7, 1), (1, 1), (2, 3)]  # kernel, stride


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize(("kernel", "stride"), SHAPES)
def test_patches_are_the_windows_pixel_by_pixel(kernel, stride, padding):
  win = windows.Windows.over((9, 10), kernel, stride, padding)
  x = np.arange(2 * 9 * 10 * 3, dtype=np.float32).reshape(2, 9, 10, 3) + 1
  before = [(0, 0), *((size, kernel) for size in win.before), (0, 0)]
  padded = np.pad(x, before)
  expected = [
    [padded[:, i : i + kernel, j : j + kernel].reshape(2, -1) for j in _begins(win, 1)]
    for i in _begins(win, 0)
  ]
  expected = np.array(expected).transpose(2, 0, 1, 3)
  np.testing.assert_array_equal(patches(x, win), expected)


def _begins(win, axis):
  return [n * win.stride for n in range(win.count[axis])]


@pytest.mark.parametrize("channels", [3, windows.IN_PLACE])
@pytest.mark.parametrize(("kernel", "stride"), SHAPES)
def test_fold_is_the_transpose_of_patches(kernel, stride, channels):
  win = windows.Windows.over((9, 10), kernel, stride, "SAME")
  x = draws.normal(0, (2, 9, 10, channels))
  p = draws.normal(1, (2, *win.count, channels * kernel**2))
  np.testing.assert_allclose(np.vdot(patches(x, win), p), np.vdot(x, fold(p, win)), rtol=1e-5)
