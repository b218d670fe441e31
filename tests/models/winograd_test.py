"""Convolutions of 2 x 2 taps by nine products, against XLA's own."""

import draws
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from genjax.models import convolution, winograd


def _ours(x, kernel):
  return winograd.conv(x, kernel, jnp.matmul)


def _theirs(x, kernel):
  around = ((1, 1), (1, 1))
  return lax.conv_general_dilated(
    x, kernel, (1, 1), around, dimension_numbers=("NHWC", "HWIO", "NHWC")
  )


def _inputs(size):
  x = draws.normal(0, (2, 3, *size, 3))
  return x, draws.normal(1, (2, 2, 2, 3, 5), 1 / 3)


def _slope(f):
  """The gradient by the kernel of a penalty on the slope by the image."""

  def penalty(x, kernel):
    return (jax.grad(lambda x: jnp.sin(f(x, kernel)).sum())(x) ** 2).sum()

  return jax.grad(penalty, 1)


@pytest.mark.parametrize("size", [(1, 1), (2, 1), (3, 4), (5, 6)])
def test_equals_lax_in_value_and_gradients_of_runs_together(size):
  x, kernel = _inputs(size)
  for derive in (
    lambda f: f,
    lambda f: jax.grad(lambda x, kernel: jnp.sin(f(x, kernel)).sum(), (0, 1)),
    _slope,
  ):
    ours, theirs = (jax.jit(jax.vmap(derive(f)))(x, kernel) for f in (_ours, _theirs))
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
      np.testing.assert_allclose(a, b, rtol=0, atol=1e-5 * float(jnp.abs(b).max()))


def _products(size, stride, channels):
  """How many matrix products a transposed convolution takes."""
  x = jnp.zeros((2, 5, 5, channels))
  w = jnp.zeros((size, size, channels, channels))
  jaxpr = jax.make_jaxpr(lambda x, w: convolution.gemm_conv_transpose(x, w, stride, "SAME"))(x, w)
  return str(jaxpr).count("dot_general")


def test_wide_layers_of_two_taps_take_it():
  wide = convolution.WINOGRAD
  assert _products(4, 2, wide) == _products(6, 3, wide) == 9
  assert _products(4, 2, wide - 1) == _products(6, 2, wide) == _products(3, 1, wide) == 1
