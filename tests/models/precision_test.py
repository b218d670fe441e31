"""Products of numbers that are rounded to bfloat16; everything else stays float32."""

import functools
import json
import re

import draws
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import trainings
from systems import SYSTEMS, batches, run, small

from genjax.models import convolution
from genjax.training import config_file, planning

X, W = (draws.normal(i, shape) for i, shape in enumerate([(5, 64), (64, 7)]))


def _bfloat16(x):
  return np.asarray(jnp.asarray(x, jnp.bfloat16), np.float64)


def test_numbers_are_rounded_and_sums_are_not():
  y, pull = jax.vjp(convolution.rounded, X, W)
  g = jnp.sin(y)
  expected = [
    _bfloat16(X) @ _bfloat16(W),
    _bfloat16(g) @ _bfloat16(W).T,
    _bfloat16(X).T @ _bfloat16(g),
  ]
  for found, right in zip((y, *pull(g)), expected, strict=True):
    assert found.dtype == jnp.float32
    np.testing.assert_allclose(found, right, rtol=1e-5, atol=1e-5)
  assert np.abs(y - X @ W).max() > 1e-3


def test_a_gradient_of_a_gradient():
  def penalty(w, product):
    slope = jax.grad(lambda x: jnp.sin(product(x, w)).sum())(X / 10)
    return (slope**2).sum()

  ours, right = (jax.grad(penalty)(W, product) for product in (convolution.rounded, jnp.matmul))
  np.testing.assert_allclose(ours, right, atol=0.03 * jnp.abs(right).max())
  assert np.abs(ours - right).max() > 0


@pytest.mark.parametrize("columns", [7, 40])  # of 64 rows: few, and as many as go the other way
def test_products_as_they_are_and_their_gradients_to_the_second_order(columns):
  w = draws.normal(2, (64, columns))

  def penalty(w, product):
    slope = jax.grad(lambda x: jnp.sin(product(x, w)).sum())(X / 10)
    return (slope**2).sum()

  def sine(w, product):
    return jnp.sin(product(X, w)).sum()

  np.testing.assert_array_equal(convolution.exact(X, w), jnp.matmul(X, w))
  turned = "optimization_barrier" in str(jax.make_jaxpr(convolution.inner)(X, X[:, :columns]))
  assert turned == (columns == 7)
  for f in (sine, penalty, lambda w, product: jax.grad(penalty)(w, product).sum()):
    ours, right = (
      jax.jit(jax.grad(functools.partial(f, product=product)))(w)
      for product in (convolution.exact, jnp.matmul)
    )
    np.testing.assert_allclose(ours, right, rtol=1e-4, atol=1e-5 * np.abs(right).max())


@pytest.mark.parametrize("name", ["s2_vae", "s3_vae", "s4_vae", "s1_gan"])
def test_a_step_has_such_products_alone_and_keeps_float32(name):
  model = small(name, precision="bfloat16")
  one, state = run(), jax.eval_shape(model.init, run())
  batch = batches(model, 4, shape=SYSTEMS[name].shape)
  after, metrics = jax.eval_shape(model.step, one, state, batch)
  kept = {leaf.dtype for leaf in jax.tree.leaves((after, metrics))}
  assert kept <= {jnp.dtype("float32"), jnp.dtype("int32")}
  text = jax.jit(model.step).lower(one, state, batch).as_text()
  products = re.findall(r"stablehlo\.dot_general .* : \((.*)\) -> (.*)", text)
  assert len(products) > 8
  for given, result in products:
    assert given.count("bf16>") == 2
    assert "f32>" in result
    assert "bf16" not in result
  sums = re.findall(r"stablehlo\.add .* : (.*)", text)
  assert not [kind for kind in sums if "bf16" in kind]


def test_a_vae_learns_as_well(caches):
  losses = {}
  for precision in convolution.PRODUCTS:
    model = small("s2_vae", precision=precision)
    state, step = jax.jit(model.init)(run()), jax.jit(model.step)
    for i in range(30):
      state, metrics = step(run(), state, batches(model, 32, 32 * i))
    losses[precision] = float(metrics["loss"])
  assert losses["bfloat16"] != losses["float32"]
  assert losses["bfloat16"] == pytest.approx(losses["float32"], rel=0.02)


def test_config_json_says_how_products_were_made(tmp_path, caches):
  config_file.settle(tmp_path, planning.record(trainings.plan("vae")))
  record = json.loads((tmp_path / "config.json").read_text())
  assert record["products"].startswith("float32, ")
  del record["config"]["model"]["precision"], record["config"]["grid"]["precision"]
  (tmp_path / "config.json").write_text(json.dumps(record))
  before = config_file.read_config(tmp_path)["config"]  # of a workdir that is older than the key
  assert before["model"]["precision"] == "float32"
