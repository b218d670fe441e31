"""Which latent dimensions matter, and latents that show them."""

import csv
import shutil

import draws
import jax
import jax.numpy as jnp
import numpy as np
import toys

from genjax.analysis import latents, selection


def test_kl_of_a_vae_is_that_of_metrics_csv_at_the_weights_step(vae):
  path, _ = vae
  with open(path / "metrics.csv") as file:
    rows = list(csv.DictReader(file))
  for weights in ("last", "best"):
    (chosen,) = selection.read([path], ["1", "6"], weights)
    values, what = latents.importance(chosen)
    assert (what, values.shape) == (latents.KL, (2, 3))
    for r, run in enumerate(chosen.index):
      step = str(int(chosen.rows[1].step[r]))
      for d in range(chosen.numbers[r]["latent"]):
        (kl,) = [
          float(row["value"])
          for row in rows
          if (row["step"], row["run"], row["name"]) == (step, str(run), f"kl_dim/{d}")
        ]
        assert values[r, d] == kl
    assert values[0, 2] == 0  # masked


def test_scores_of_a_dimension_are_not_taken_for_validation(vae, tmp_path):
  path = shutil.copytree(vae[0], tmp_path / "copy")
  with open(path / "metrics.csv", "a") as file:
    file.write("12,0,kl_dim/0@1f0c93aa,77\n")
  scored, same = (selection.read([p], ["0"], "last")[0] for p in (path, vae[0]))
  np.testing.assert_array_equal(latents.importance(scored)[0], latents.importance(same)[0])


def test_variance_of_a_linear_generator_is_its_squared_slope(vae):
  (chosen,) = selection.read([vae[0]], ["seed=0", "latent=2", "latent=3"])
  slopes = jnp.array([[1.0, 0.0, -0.5], [3.0, 0.0, 0.5]])
  values, what = latents.importance(toys.linear(chosen, slopes))
  assert what == latents.VARIANCE
  for row, numbers in zip(values, chosen.numbers, strict=True):
    expected = [5, 0, 0.25 if numbers["latent"] == 3 else 0]
    np.testing.assert_allclose(row, expected, rtol=1e-5, atol=1e-9)


def test_without_figures_a_vae_has_variances(vae, tmp_path):
  path = shutil.copytree(vae[0], tmp_path / "copy")
  (path / "metrics.csv").unlink()
  (chosen,) = selection.read([path], ["0"])
  values, what = latents.importance(chosen)
  assert what == latents.VARIANCE
  # Of the same numbers by Monte Carlo.
  run, state = jax.tree.map(lambda leaf: leaf[0], chosen.rows)
  z = draws.normal(5, (300, 1, 3))
  z = jnp.tile(z, (1, 200, 1)).at[:, :, 0].set(draws.normal(6, (300, 200)))
  images = chosen.model.generate(run, state, z.reshape(-1, 3)).reshape(300, 200, -1)
  np.testing.assert_allclose(values[0, 0], images.var(1, ddof=1).mean(), rtol=0.25)


def test_manifold_has_equal_masses_between_its_lines():
  grid = latents.manifold(4).reshape(4, 4, 2)
  quantiles = [-1.1503494, -0.3186394, 0.3186394, 1.1503494]  # at 1/8, 3/8, 5/8, 7/8, from a table
  np.testing.assert_allclose(grid[0, :, 0], quantiles, rtol=1e-6)
  np.testing.assert_allclose(grid[:, 0, 1], quantiles[::-1], rtol=1e-6)


def test_traversal_moves_one_dimension_alone():
  base = jnp.array([0.1, 0.2, 0.3, 0.0])
  moved = latents.traversal(base, jnp.array([2, 0]), 5)
  assert moved.shape == (2, 5, 4)
  np.testing.assert_allclose(moved[0, :, 2], [-2.5, -1.25, 0, 1.25, 2.5])
  np.testing.assert_array_equal(moved[0][:, [0, 1, 3]], np.tile(base[jnp.array([0, 1, 3])], (5, 1)))
  np.testing.assert_array_equal(moved[1][:, 1:], np.tile(base[1:], (5, 1)))
