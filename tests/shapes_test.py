"""Shapes in annotations are checked in tests, by the hook of conftest.py, and nowhere else."""

import subprocess
import sys
from typing import get_type_hints

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import systems
from beartype.door import is_bearable
from jaxtyping import jaxtyped

from genjax.metrics import distances, frechet, likelihood
from genjax.models import losses
from genjax.rng import latent_noise
from genjax.types import Dataset, Progress


@pytest.mark.parametrize(
  "call",
  [
    lambda: losses.gaussian_kl(jnp.zeros((2, 3)), jnp.zeros((1, 3))),  # a function
    lambda: systems.small("s1_gan").generate(systems.run(), None, jnp.zeros(3)),  # within another
    lambda: distances.squared_distances(jnp.zeros((2, 3)), jnp.zeros((2, 4))),  # of metrics
    lambda: latent_noise(jnp.zeros(2, jnp.uint32), (1, 2)),  # a dtype: no typed key
  ],
)
def test_a_wrong_shape_raises(call):
  with pytest.raises(
    TypeError, match=r"^Type-check error whilst checking the parameters of genjax"
  ):
    call()


def test_nothing_is_checked_at_run_time():
  code = """
import sys, jax.numpy as jnp
import genjax.metrics.distances, genjax.metrics.likelihood, genjax.training
from genjax.models import losses
print(losses.gaussian_kl(jnp.zeros((2, 3)), jnp.zeros((1, 3))).shape, "beartype" in sys.modules)
"""
  done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
  assert done.stdout == "(2, 3) False\n"


def _holds(record):
  """Whether fields are as annotated; the hook leaves that out, as JAX fills records with others."""
  with jaxtyped("context"):
    hints = get_type_hints(type(record))
    return all(is_bearable(getattr(record, name), hint) for name, hint in hints.items())


def test_records_hold_what_they_say():
  model, run = systems.small("s1_vae"), systems.run()
  state, batches = model.init(run), systems.batches(model, size=4)
  batch = jax.tree.map(lambda leaf: leaf[0], batches)
  bound = likelihood.elbo(
    run.key, lambda z: z.sum(-1), jnp.zeros((4, 3)), jnp.zeros((4, 3)), run.latent_mask
  )
  split = systems.digits().train
  dataset = Dataset(jnp.asarray(split.image), jnp.asarray(split.label))
  features = np.random.default_rng(0).normal(size=(20, 3))
  real = frechet.moments(features), distances.manifold(features)
  for record in (run, state, Progress.begin(state), batch, dataset, bound, *real):
    assert _holds(record), record
  assert not _holds(batches)  # K steps'
  assert not _holds(dataset._replace(label=dataset.label[:-1]))
