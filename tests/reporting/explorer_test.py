"""Where the tiles of a latent space lie, and of which latents they are."""

import numpy as np

from genjax.analysis import latents, selection
from genjax.plotting import galleries
from genjax.reporting import explorer


def test_a_latent_of_two_is_seen_on_its_manifold(vae):
  (one,) = selection.read([vae[0]], ["latent=2"])
  space = explorer.space(one, 0, np.array([1.0, 2.0, 0.0]), "KL (nats)", np.zeros(3), 10**6)
  n = len(space.values)
  assert n == 25
  np.testing.assert_array_equal(explorer.points(space)[:, :2], latents.manifold(n))
  assert not explorer.points(space)[:, 2].any()


def test_axes_are_the_dimensions_that_matter(vae):
  (one,) = selection.read([vae[0]], ["latent=3"])
  importance = np.array([0.5, 0.1, 2.0])
  base = np.array([7.0, 8.0, 9.0])
  two = explorer.space(one, 0, importance, "KL (nats)", base, 9**2)
  assert two.dimensions == (0, 2)
  assert two.titles == ("Dimension 0, KL 0.5", "Dimension 2, KL 2")
  points = explorer.points(two)
  assert points.shape == (81, 3)
  assert set(points[:, 1]) == {8}
  np.testing.assert_allclose(points[0], [-2.5, 8, 2.5])  # first axis right, second up
  np.testing.assert_allclose(points[8], [2.5, 8, 2.5])
  three = explorer.space(one, 0, importance, "KL (nats)", base, 9**3)
  assert len(explorer.points(three)) == 9**3
  np.testing.assert_allclose(explorer.points(three)[0], [-2.5, 2.5, -2.5])


def test_tiles_lie_where_the_script_looks(vae):
  tiles = np.arange(12, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 3, 1), np.uint8)
  sheet = galleries.tiled(tiles, 3)
  assert sheet.shape == (8, 9, 1)
  assert (sheet[2:4, 3:6] == 4).all()


def test_what_the_script_reads(vae):
  (one,) = selection.read([vae[0]], ["latent=2"])
  space = explorer.space(one, 1, np.array([1.0, 2.0, 0.0]), "KL (nats)", np.zeros(3), 50)
  images = np.zeros((49, 4, 6, 1), np.uint8)
  told = explorer.page_data(space, "Weights of step 12.", [images, images])
  assert told["name"] == f"{one.labels[1].setting}, seed 1"
  assert told["axes"] == ["Dimension 0", "Dimension 1"]
  assert told["values"][0] == -told["values"][-1] == -1.4652  # the normal quantile of 1/14
  assert (told["width"], told["height"], len(told["sprites"])) == (6, 4, 2)
