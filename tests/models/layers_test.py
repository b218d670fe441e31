"""Convolutions against XLA's own; the latent's layers against a narrow network's."""

import functools

import draws
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from genjax.models import convolution, initialisers, layers

# Every kernel, stride and padding of the reference systems, and sizes that do not divide.
SHAPES = [
  # size, kernel, stride, in, out, padding
  (28, 3, 2, 1, 32, "SAME"),
  (14, 3, 2, 32, 64, "SAME"),
  (28, 4, 2, 1, 64, "SAME"),
  (14, 4, 2, 64, 64, "SAME"),
  (28, 5, 2, 1, 64, "SAME"),
  (28, 7, 1, 16, 1, "SAME"),
  (32, 3, 1, 16, 3, "SAME"),
  (32, 3, 1, 3, 16, "SAME"),
  (7, 5, 1, 16, 8, "SAME"),
  (8, 4, 1, 8, 4, "SAME"),
  (4, 4, 1, 16, 1, "VALID"),
  (9, 4, 2, 3, 5, "VALID"),
  (10, 3, 2, 3, 5, "VALID"),
  (15, 3, 2, 8, 16, "SAME"),
  (7, 4, 2, 16, 3, "SAME"),  # into few channels
  (6, 4, 2, 16, 1, "VALID"),
  (16, 4, 4, 8, 16, "SAME"),
  (11, 2, 3, 3, 4, "SAME"),
  (13, 5, 3, 4, 2, "SAME"),
  (9, 4, 2, 64, 65, "VALID"),  # two taps and many channels: by `winograd`
  (5, 6, 3, 65, 64, "SAME"),
]


def _reference_transpose(x, w, stride, padding):
  return lax.conv_transpose(
    x,
    w.transpose(0, 1, 3, 2),
    (stride, stride),
    padding,
    dimension_numbers=("NHWC", "HWIO", "NHWC"),
    transpose_kernel=True,
  )


@functools.partial(jax.jit, static_argnums=(0, 3, 4))
def _value_and_gradients(f, x, w, stride, padding):
  def loss(x, w):
    y = f(x, w, stride, padding)
    return jnp.sum(jnp.sin(y)), y

  (_, y), gradients = jax.value_and_grad(loss, (0, 1), has_aux=True)(x, w)
  return y, *gradients


def _inputs(size, kernel, channels, features):
  x = draws.normal(0, (2, size, size + 1, channels))
  return x, draws.normal(1, (kernel, kernel, channels, features), 1 / kernel / channels**0.5)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", ["conv", "transpose"])
def test_equals_lax_in_value_and_gradients(kind, shape):
  size, kernel, stride, channels, features, padding = shape
  x, w = _inputs(size, kernel, channels, features)
  if kind == "conv":
    ours, theirs = convolution.gemm_conv, convolution.lax_conv
  else:
    ours, theirs = convolution.gemm_conv_transpose, _reference_transpose
    if kernel < stride:
      theirs = convolution.lax_conv_transpose  # lax.conv_transpose pads such kernels differently
  for a, b in zip(
    _value_and_gradients(ours, x, w, stride, padding),
    _value_and_gradients(theirs, x, w, stride, padding),
    strict=True,
  ):
    np.testing.assert_allclose(a, b, rtol=0, atol=2e-5 * np.abs(b).max())


@pytest.mark.parametrize("shape", SHAPES[:8])
def test_our_lax_transpose_is_that_of_jax(shape):
  size, kernel, stride, channels, features, padding = shape
  x, w = _inputs(size, kernel, channels, features)
  ours, theirs = (
    jax.jit(f, static_argnums=(2, 3))(x, w, stride, padding)
    for f in (convolution.lax_conv_transpose, _reference_transpose)
  )
  np.testing.assert_allclose(ours, theirs, atol=1e-4)


@pytest.mark.parametrize("layer", [layers.Conv, layers.ConvTranspose])
@pytest.mark.parametrize("use_bias", [True, False])
def test_modules_are_their_convolution_and_a_bias(layer, use_bias):
  module = layer(5, 4, 2, use_bias=use_bias)
  x, _ = _inputs(8, 4, 3, 5)
  params = jax.jit(module.init)(jax.random.key(2), x)["params"]
  assert set(params) == ({"kernel", "bias"} if use_bias else {"kernel"})
  bias = np.arange(5, dtype=np.float32) * use_bias
  params = params | ({"bias": bias} if use_bias else {})
  reference = convolution.lax_conv if layer is layers.Conv else _reference_transpose
  product = jax.jit(reference, static_argnums=(2, 3))(x, params["kernel"], 2, "SAME")
  found = jax.jit(module.apply)({"params": params}, x)
  np.testing.assert_allclose(found, np.asarray(product) + bias, atol=1e-5)


@pytest.mark.parametrize("channels", [3, 64])
@pytest.mark.parametrize("kind", ["conv", "transpose"])
def test_second_gradients_as_a_gradient_penalty_needs(kind, channels):
  x, w = _inputs(6, 4, channels, channels)
  ours, theirs = (getattr(way, kind) for way in (convolution.GEMM, convolution.LAX))

  def penalty(conv, w):
    return jnp.sum(jax.grad(lambda x: jnp.sum(jnp.sin(conv(x, w, 2, "SAME"))))(x) ** 2)

  ours, theirs = (jax.jit(jax.grad(functools.partial(penalty, conv)))(w) for conv in (ours, theirs))
  np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-4 * np.abs(theirs).max())


def test_no_convolution_is_left_under_vmap():
  x, w = _inputs(14, 4, 3, 5)
  x, w = jnp.stack([x, x]), jnp.stack([w, w])

  def step(w):
    f = jax.vmap(
      lambda x, w: convolution.gemm_conv_transpose(
        convolution.gemm_conv(x, w, 2, "SAME"), w.transpose(0, 1, 3, 2), 2, "SAME"
      )
    )
    return jnp.sum(f(x, w) ** 2)

  assert "conv_general_dilated" not in str(jax.make_jaxpr(jax.grad(step))(w))


@pytest.mark.parametrize("shape", [(3, 3, 11, 8), (4, 4, 1, 16)])
def test_kernels_are_the_numbers_that_flax_draws(shape):
  key = jax.random.key(5)
  lecun = initialisers.INITIALISERS["lecun_normal"]
  drawn = jax.jit(lambda key: initialisers.kernel(key, shape, lecun))(key)
  theirs = jax.jit(nn.initializers.lecun_normal(), static_argnums=1)(key, shape)
  np.testing.assert_allclose(drawn, theirs, rtol=3e-7)  # scaled in another order


iterate = jax.jit(layers.power_iteration)


@pytest.mark.parametrize(
  "layer", [layers.Dense(5, spectral=True), layers.Conv(5, 3, spectral=True)]
)
def test_spectral_norm_divides_by_the_largest_singular_value(layer):
  """Found by power iteration, and by it alone."""
  x = draws.normal(0, (4, 6) if isinstance(layer, layers.Dense) else (4, 8, 8, 6))
  variables = jax.jit(layer.init)(jax.random.key(1), x)
  params, stats = variables["params"], variables["batch_stats"]
  sigma = np.linalg.svd(np.reshape(params["kernel"], (-1, 5)), compute_uv=False)[0]
  plain = np.asarray(jax.jit(layer.clone(spectral=False).apply)({"params": params}, x))

  def apply(stats, **options):
    return layer.apply({"params": params, "batch_stats": stats}, x, **options)

  out, changed = apply(stats, mutable=["batch_stats"])
  np.testing.assert_array_equal(changed["batch_stats"]["singular"], stats["singular"])
  assert np.abs(out - plain / sigma).max() > 1e-2  # not found at once
  for _ in range(200):
    stats = iterate({"layer": params}, {"layer": stats})["layer"]
  np.testing.assert_allclose(apply(stats), plain / sigma, atol=1e-4)


def test_power_iteration_reaches_layers_of_layers():
  class Block(nn.Module):
    @nn.compact
    def __call__(self, x):
      return nn.BatchNorm(use_running_average=True)(layers.Dense(5, spectral=True)(x))

  class Critic(nn.Module):
    @nn.compact
    def __call__(self, x):
      return layers.Dense(3, spectral=True)(Block()(x))

  variables = jax.jit(Critic().init)(jax.random.key(0), jnp.ones((2, 6)))
  params, before = variables["params"], variables["batch_stats"]
  norm = before["Block_0"]["BatchNorm_0"]
  norm |= {name: draws.normal(i, leaf.shape) for i, (name, leaf) in enumerate(norm.items())}
  stats = before
  for _ in range(300):
    stats = iterate(params, stats)
  assert jax.tree.structure(stats) == jax.tree.structure(before)
  for places in (("Dense_0",), ("Block_0", "Dense_0")):
    kernel, found = params, stats
    for place in places:
      kernel, found = kernel[place], found[place]
    largest = np.linalg.svd(kernel["kernel"], compute_uv=False)[0]
    np.testing.assert_allclose(
      np.linalg.norm(kernel["kernel"].T @ kernel["kernel"] @ found["singular"]),
      largest**2,
      rtol=1e-4,
    )
  for name, unmoved in before["Block_0"]["BatchNorm_0"].items():
    np.testing.assert_array_equal(stats["Block_0"]["BatchNorm_0"][name], unmoved)


def test_the_gradient_of_spectral_norm_takes_the_singular_vectors_as_they_are():
  """Also where they are not found yet (Miyato et al. 2018, equation 12)."""
  layer, x = layers.Dense(5, spectral=True), draws.normal(0, (4, 6))
  variables = jax.jit(layer.init)(jax.random.key(1), x)
  kernel, right = variables["params"]["kernel"], variables["batch_stats"]["singular"]
  left = kernel @ right / np.linalg.norm(kernel @ right)

  def by_hand(kernel):
    return (x @ kernel / (left @ kernel @ right)).sum() ** 2

  def by_layer(kernel):
    params = variables["params"] | {"kernel": kernel}
    return layer.apply(variables | {"params": params}, x).sum() ** 2

  found, expected = (jax.jit(jax.grad(f))(kernel) for f in (by_layer, by_hand))
  np.testing.assert_allclose(found, expected, rtol=1e-4)
