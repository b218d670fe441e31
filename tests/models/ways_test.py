"""Ways to convolve: all give the same, and what each looks like when runs are vectorised."""

import functools
import re

import draws
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from genjax.models import convolution, ways

KEY = jax.random.key(0)
CASES = [  # kind, image, kernel, stride, padding
  ("conv", (2, 7, 6, 3), (3, 3, 3, 4), 1, "SAME"),
  ("conv", (2, 7, 6, 3), (4, 4, 3, 2), 2, "SAME"),
  ("conv", (2, 8, 9, 1), (5, 5, 1, 4), 2, "SAME"),
  ("conv", (2, 9, 8, 2), (3, 3, 2, 4), 2, "VALID"),
  ("transpose", (2, 4, 5, 3), (4, 4, 3, 2), 2, "SAME"),
  ("transpose", (2, 4, 5, 3), (5, 5, 3, 1), 2, "SAME"),
  ("transpose", (2, 3, 4, 3), (3, 3, 3, 2), 1, "VALID"),
  ("transpose", (2, 3, 4, 3), (3, 3, 3, 9), 1, "SAME"),  # wide enough for windows.IN_PLACE
]
STRIDED = convolution.ConvShape(*CASES[1])


def _of(way, layer, runs=()):
  """A bounded function of image and kernel, and both, with leading axes `runs`."""
  x, w = (draws.normal(i, runs + shape) for i, shape in enumerate((layer.image, layer.kernel)))
  convolve = getattr(way, layer.kind)
  return lambda x, w: jnp.sin(convolve(x, w, layer.stride, layer.padding)).sum(), x, w


def _slope(f):
  """The gradient by the kernel of a penalty on the slope by the image."""
  return jax.grad(lambda x, w: (jax.grad(f)(x, w) ** 2).sum(), 1)


@functools.cache
def _derived(way, layer):
  """The value of two runs, both gradients, and that of a penalty on one."""
  f, x, w = _of(way, layer, (2,))
  every = (lambda f: f, lambda f: jax.grad(f, (0, 1)), _slope)
  return [jax.jit(jax.vmap(derive(f)))(x, w) for derive in every]


@pytest.mark.parametrize("name", ways.WAYS)
@pytest.mark.parametrize("case", CASES)
def test_all_ways_are_the_same_with_gradients(name, case):
  layer = convolution.ConvShape(*case)
  both = _derived(ways.WAYS[name], layer), _derived(convolution.LAX, layer)
  for found, expected in zip(*both, strict=True):
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
      np.testing.assert_allclose(a, b, atol=1e-5 * np.abs(b).max())


def _looks(name):
  """Of two runs' gradients: how many convolutions, which are grouped, which dilated."""
  f, x, w = _of(ways.WAYS[name], STRIDED, (2,))
  text = jax.jit(jax.vmap(jax.grad(f, (0, 1)))).lower(x, w).as_text()
  lines = re.findall(r"stablehlo\.convolution.*", text)
  grouped = [line for line in lines if re.search(r"group_count = [2-9]", line)]
  return len(lines), len(grouped), len([line for line in lines if "hs_dilate = [2" in line])


def test_what_each_way_makes_of_runs_together():
  assert _looks("products") == _looks("products, one by one") == (0, 0, 0)
  count, grouped, dilated = _looks("XLA's")
  assert count >= 2
  assert grouped
  assert dilated
  assert _looks("phases")[1] > 0
  assert _looks("phases")[2] == 0
  assert _looks("XLA's, one by one")[1] == 0
  assert _looks("phases, one by one")[1:] == (0, 0)


def test_a_layer_goes_the_way_that_is_chosen_for_it():
  other = STRIDED._replace(stride=1)
  choose = ways.by({str(STRIDED): "phases"})
  with convolution.chosen(choose):
    assert convolution.way_of(STRIDED) is ways.PHASES
    assert convolution.way_of(other) is convolution.GEMM
  assert convolution.way_of(STRIDED) is convolution.GEMM
  assert str(STRIDED) == "conv 2x7x6x3 by 4x4x3x2, stride 2, SAME"
