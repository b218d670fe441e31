"""Pictures of paths are judged by the images that they are made of."""

import draws
import jax.numpy as jnp
import numpy as np
import pytest
import toys

from genjax.analysis import (
  interpolation,
  latent_pictures,
  latents,
  path_pictures,
  selection,
  smoothness,
)
from genjax.analysis.picture_rows import InterpolationFlags
from genjax.metrics import paths
from genjax.plotting import galleries

ASKED = InterpolationFlags(paths.KINDS, pairs=2, steps=5, seed=3)
SLOPES = jnp.array([[1.0, 0.2, 0.1], [0.0, 1.0, 0.3], [0.5, 0.0, 1.0]])


@pytest.fixture
def drawn(monkeypatch):
  """Pictures stay the arguments that they are made from."""

  def gallery(images, labels, columns=None, title="", note=""):
    return np.asarray(images), labels, title, note

  monkeypatch.setattr(galleries, "gallery", gallery)
  monkeypatch.setattr(
    galleries, "animation", lambda images, labels, *heads: (images, labels, heads)
  )
  return lambda pictures: dict(pictures)


def test_random_paths_have_the_same_ends_in_every_row(vae, drawn):
  (chosen,) = selection.read([vae[0]], ["seed=0"])
  toy = toys.linear(chosen, SLOPES)
  made = drawn(path_pictures.between_random([toy, toy], ASKED))
  assert list(made) == ["random-1", "random-2", "random"]
  a, b = smoothness.ends(2, 3, 3)
  for p in range(2):
    images, labels, _, note = made[f"random-{p + 1}"]
    assert images.shape == (2 * 4 * 2, 5, 1, 1, 3)
    for row, label, numbers in zip(
      images, labels, 2 * np.repeat(toy.numbers, 2).tolist(), strict=True
    ):
      Z = numbers["latent"]
      np.testing.assert_allclose(row[0, 0, 0], SLOPES[:, :Z] @ a[p, :Z], atol=1e-5)
      np.testing.assert_allclose(row[-1, 0, 0], SLOPES[:, :Z] @ b[p, :Z], atol=1e-5)
      if label.about.endswith("linear"):
        np.testing.assert_allclose(row[2], (row[0] + row[-1]) / 2, atol=1e-5)
    assert [label.about for label in labels[:2]] == ["seed 0\nlinear", "seed 0\nspherical"]
    assert "Latent 2:" in note
    assert "Latent 3:" in note
  moving, *_ = made["random"]
  np.testing.assert_array_equal(moving[:, :, 1], made["random-2"][0].swapaxes(0, 1))


def test_between_images_a_vae_goes_from_mean_to_mean(vae, drawn):
  path, plan = vae
  (chosen,) = selection.read([path], ["latent=3"])
  originals = np.asarray(plan.splits.test.image[:4]) / np.float32(255)
  made = drawn(path_pictures.between_images([chosen], ASKED, originals, np.arange(4)))
  for r, run in enumerate(toys.loaded(chosen)):
    reconstructed = np.asarray(run.generate(run.encode(originals)[0]))
    error = np.sqrt(((reconstructed - originals) ** 2).mean((1, 2, 3)))
    for p in range(2):
      images, labels, *_ = made[f"images-{p + 1}"]
      np.testing.assert_array_equal(images[r, [0, -1]], originals[2 * p : 2 * p + 2])
      np.testing.assert_allclose(images[r, [1, -2]], reconstructed[2 * p : 2 * p + 2], atol=1e-5)
      said = labels[r].about.split()
      said = float(said[3]), float(said[5])
      np.testing.assert_allclose(said, error[2 * p : 2 * p + 2], atol=6e-4)


def test_between_images_a_generator_searches(vae, drawn):
  (chosen,) = selection.read([vae[0]], ["latent=3", "seed=0"])
  z = draws.normal(1, (4, 3))
  originals = np.asarray(z @ SLOPES.T).reshape(4, 1, 1, 3)
  toy = toys.linear(chosen, SLOPES)
  made = drawn(path_pictures.between_images([toy], ASKED, originals, np.arange(4)))
  images, *_ = made["images-1"]
  np.testing.assert_allclose(images[:, [1, -2]], images[:, [0, -1]], atol=0.05)


def test_classes_go_over_into_one_another(vae, drawn):
  (chosen,) = selection.read([vae[0]], ["0"])
  toy = toys.classes(chosen)
  made = drawn(path_pictures.between_classes([toy], ASKED))
  over, within = (images for images, *_ in list(made.values())[:2])
  for k in range(3):
    expected = np.outer(np.linspace(1, 0, 5), np.eye(3)[k])
    expected += np.outer(np.linspace(0, 1, 5), np.eye(3)[(k + 1) % 3])
    np.testing.assert_allclose(over[k, :, 0, 0], expected, atol=1e-6)
    np.testing.assert_array_equal(within[k, :, 0, 0], np.tile(np.eye(3)[k], (5, 1)))
  (_, across, *_), (_, along, *_) = list(made.values())[:2]
  assert [label.about for label in across] == [
    "class ant\nto bee", "class bee\nto cat", "class cat\nto ant"
  ]  # fmt: skip
  assert [label.about for label in along] == ["class ant", "class bee", "class cat"]
  assert made["classes"][2][0] == ["ant to bee", "bee to cat", "cat to ant"]


def test_classes_of_two_names_have_their_numbers_where_they_share_a_figure(vae, drawn):
  (chosen,) = selection.read([vae[0]], ["0"])
  both = [toys.classes(chosen), toys.classes(chosen, ("x", "y", "z"))]
  made = drawn(path_pictures.between_classes(both, ASKED))
  assert made["classes"][2][0] == ["0 to 1", "1 to 2", "2 to 0"]
  assert "classes" not in interpolation.possible(both)
  unequal = [both[0], toys.classes(chosen, ("x", "y"))]
  assert "unequal numbers of classes" in interpolation.possible(unequal)["classes"]


def test_images_of_two_classes_mix_them_as_well(vae, drawn):
  (chosen,) = selection.read([vae[0]], ["0"])
  originals = np.eye(3, dtype=np.float32)[[0, 2]].reshape(2, 1, 1, 3)
  asked, classes = ASKED._replace(pairs=1), np.array([0, 2])
  made = drawn(path_pictures.between_images([toys.classes(chosen)], asked, originals, classes))
  images = made["images-1"][0][0, 1:-1, 0, 0]
  np.testing.assert_allclose(images[:, 0], np.linspace(1, 0, 5), atol=1e-6)
  np.testing.assert_allclose(images[:, 2], np.linspace(0, 1, 5), atol=1e-6)


def test_a_latent_plane_rises_to_the_right_and_upwards(vae, drawn):
  (chosen,) = selection.read([vae[0]], ["seed=0", "learning_rate=0.001"])
  made = drawn(latent_pictures.manifolds([toys.linear(chosen, jnp.eye(3))]))
  ((images, _, title, _),) = made.values()  # the run with latent 3 has none
  assert images.shape == (1, 1, 20, 20, 3)
  assert "latent 2" in title
  assert (np.diff(images[0, 0, ..., 0], axis=1) > 0).all()
  assert (np.diff(images[0, 0, ..., 1], axis=0) < 0).all()
  assert not images[..., 2].any()


def test_a_traversal_moves_the_dimensions_in_the_order_of_their_importance(vae, drawn):
  (chosen,) = selection.read([vae[0]], ["seed=0", "learning_rate=0.001"])
  slopes = jnp.diag(jnp.array([1.0, 3.0, 2.0]))
  made = drawn(latent_pictures.traversals([toys.linear(chosen, slopes)], ASKED))
  two, three = (images for images, *_ in list(made.values())[:2])
  assert len(two) == 2
  assert len(three) == 3
  for row, d in enumerate([1, 2, 0]):
    moved = np.linspace(-latents.REACH, latents.REACH, 5) * slopes[d, d]
    np.testing.assert_allclose(three[row, :, 0, 0, d], moved, atol=1e-5)
    others = np.delete(three[row, :, 0, 0], d, axis=1)
    np.testing.assert_allclose(others, np.tile(others[:1], (5, 1)), atol=1e-6)
  moving, *_ = made["traversal"]
  assert (moving[:, 0, 2] == 1).all()  # the run with latent 2 has no third
  np.testing.assert_array_equal(moving[:, 1], three.swapaxes(0, 1))
  moving, *_ = made["traversal"]
  assert (moving[:, 0, 2] == 1).all()  # blank: the narrow run has no third dimension
  labels = made[next(iter(made))][1]
  assert labels[0].about.split() == ["dimension", "1", "variance", "3"]  # 9 in one of 3 pixels


def test_a_masked_dimension_is_no_run_s_however_little_its_own_matter(vae, drawn, monkeypatch):
  (chosen,) = selection.read([vae[0]], ["seed=0", "latent=2", "learning_rate=0.001"])
  values = np.array([[-1e-9, 2.0, 0.0]])  # rounding makes the KL of an unused dimension negative
  monkeypatch.setattr(latents, "importance", lambda _: (values, latents.KL))
  made = drawn(latent_pictures.traversals([toys.linear(chosen, jnp.eye(3))], ASKED))
  images, labels, *_ = made[next(iter(made))]
  assert [label.about.split()[1] for label in labels] == ["1", "0"]
  assert np.ptp(images[1, :, 0, 0, 0]) > 0
