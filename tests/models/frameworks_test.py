"""A model that is built obeys its keys of a framework; the parts have their own tests."""

import jax
import numpy as np
import pytest
from systems import batches, run, small

RATE = 1e-3


def _started(name, **changes):
  model = small(name, **changes)
  a_run = run(learning_rate=(RATE,), clip=(0.01,))
  return model, a_run, jax.jit(model.init)(a_run)


# The first kernel of s1_gan's critic has 4 x 4 x 1 x 4 numbers, that of the dense VAE's encoder
# 784 x 8: the bound of a uniform distribution, by the formula of each framework.
BOUNDS = {
  ("s1_gan", "keras"): (6 / (16 * 1 + 16 * 4)) ** 0.5,
  ("s1_gan", "torch"): 16**-0.5,
  ("s2_vae", "keras"): (6 / (784 + 8)) ** 0.5,
  ("s2_vae", "torch"): 784**-0.5,
}


@pytest.mark.parametrize(("name", "initialiser"), BOUNDS)
def test_first_weights_are_those_of_the_initialiser(name, initialiser):
  _, _, state = _started(name, initialiser=initialiser)
  player, layer = ("critic", "Conv_0") if name == "s1_gan" else ("encoder", "Dense_0")
  first = state.params[player][layer]
  bound = BOUNDS[name, initialiser]
  assert 0.9 * bound < np.abs(first["kernel"]).max() <= bound
  assert (np.abs(first["bias"]).max() > 0) == (initialiser == "torch")


@pytest.mark.parametrize("name", ["s2_gan", "s2_vae"])
@pytest.mark.parametrize(("rule", "decay"), [("keras", 0.9), ("torch", 0.99)])
def test_a_step_is_that_of_the_optimiser_s_rule(name, rule, decay):
  """RMSprop's first step is the rate over the root of 1 - decay, wherever there is a gradient."""
  model, a_run, before = _started(name, optimiser="rmsprop", optimiser_rule=rule)
  after, _ = jax.jit(model.step)(a_run, before, batches(model))
  for player, params in after.params.items():
    moved = jax.tree.map(lambda a, b: np.abs(a - b).max(), params, before.params[player])
    longest = max(jax.tree.leaves(moved))
    np.testing.assert_allclose(longest, RATE / (1 - decay) ** 0.5, rtol=2e-3)


@pytest.mark.parametrize(
  ("framework", "momentum", "epsilon", "clipped"),
  [("keras", 0.99, 1e-3, "weights"), ("torch", 0.9, 1e-5, "all")],
)
def test_statistics_and_clipping_are_those_of_the_keys(framework, momentum, epsilon, clipped):
  """A running variance of 1 is kept by the momentum; batch norm's scales are clipped with "all"."""
  model, a_run, before = _started("s1_wgan", batch_norm=framework, clipped=clipped, critic_steps=1)
  after, _ = jax.jit(model.step)(a_run, before, batches(model))
  for layer in after.stats["generator"].values():
    assert (layer["var"] > momentum).all()
    assert (layer["var"] < momentum + (1 - momentum) * 9).all()
  for player in ("generator", "critic"):
    assert getattr(model.networks, player).layers.norm.epsilon == epsilon
  kernels, scales = (
    [np.abs(layer[part]).max() for layer in after.params["critic"].values() if part in layer]
    for part in ("kernel", "scale")
  )
  bound = np.float32(0.01)
  assert max(kernels) == bound
  assert (max(scales) == bound) == (clipped == "all")


@pytest.mark.parametrize("slope", [0.2, 0.3])
def test_both_players_have_the_leaky_slope(slope):
  model = small("s1_gan", leaky_slope=slope)
  assert model.networks.critic.layers.slope == model.networks.generator.layers.slope == slope
