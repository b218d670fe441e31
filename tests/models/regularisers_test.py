"""Which of a critic's weights are clipped."""

import jax
import jax.numpy as jnp
import pytest
from systems import run, small

from genjax.models import regularisers


@pytest.mark.parametrize(
  ("clipped", "bounded"),
  [
    ("all", {"BatchNorm/scale", "BatchNorm/bias", "Conv/kernel", "Conv/bias", "Dense/kernel"}),
    ("weights", {"Conv/kernel", "Conv/bias", "Dense/kernel"}),
    ("convolutions", {"Conv/kernel"}),
  ],
)
def test_what_is_clipped(clipped, bounded):
  state = jax.jit(small("s1_wgan").init)(run())
  ones = jax.tree.map(jnp.ones_like, state.params["critic"])
  cut = regularisers.clip_weights(ones, 0.01, clipped)
  found = {
    f"{layer.split('_')[0]}/{name}"
    for layer, leaves in cut.items()
    for name, leaf in leaves.items()
    if float(leaf.max()) < 1
  }
  assert found - {"Dense/bias"} == bounded
  assert float(regularisers.clip_fraction(ones, 0.01, clipped)) == 1
