"""Planes, ellipses, and what a scatter says."""

import figures
import numpy as np
import pytest
from scipy import stats

from genjax.plotting import latent_plots
from genjax.plotting.plots import RunLabel


def test_an_ellipse_of_known_covariance_holds_its_share():
  covariance = np.array([[4.0, 1.5], [1.5, 1.0]])
  points = np.random.default_rng(0).multivariate_normal([3, -2], covariance, 100_000)
  outline = latent_plots.ellipse(points) - [3, -2]
  # Every point of the outline is as far from the mean, in units of the covariance.
  squared = np.einsum("ni,ij,nj->n", outline, np.linalg.inv(covariance), outline)
  np.testing.assert_allclose(squared, stats.chi2(2).ppf(0.68), rtol=0.03)
  inside = np.einsum("ni,ij,nj->n", points - [3, -2], np.linalg.inv(covariance), points - [3, -2])
  assert (inside < squared.mean()).mean() == pytest.approx(0.68, abs=0.01)


def test_two_dimensions_are_shown_as_they_are():
  mean = np.random.default_rng(0).normal(size=(50, 3))
  shown = latent_plots.plane(mean, 2)
  np.testing.assert_array_equal(shown.points, mean[:, :2])
  assert shown.explained == 1
  assert not latent_plots.plane(mean, 1).points[:, 1].any()


def test_more_dimensions_are_shown_by_their_principal_components():
  rng = np.random.default_rng(0)
  turned, _ = np.linalg.qr(rng.normal(size=(4, 4)))
  mean = (rng.normal(size=(20_000, 4)) * [1, 3, 2, 0.5]) @ turned + 7
  shown = latent_plots.plane(mean, 4)
  assert shown.explained == pytest.approx((9 + 4) / (9 + 4 + 1 + 0.25), rel=0.01)
  np.testing.assert_allclose(shown.points.std(0), [3, 2], rtol=0.02)


@pytest.mark.parametrize("count", [10, 26])
def test_a_scatter_names_its_classes_and_what_it_shows(count):
  rng = np.random.default_rng(0)
  classes = np.arange(300) % count
  planes = [latent_plots.plane(rng.normal(size=(300, z)), z) for z in (2, 5)]
  labels = [RunLabel(0, "latent 2", -1), RunLabel(0, "latent 5", 1_200)]
  figure = latent_plots.scatter(planes, classes, labels, ["latent 2, seed 0", "latent 5, seed 0"])
  words = figures.words(figure)
  assert {str(k) for k in range(count)} <= set(words)
  assert {"latent 2, seed 0", "latent 5, seed 0"} <= set(words)
  explained = f"PCA: {planes[1].explained:.0%} of the variance, failed at step 1,200"
  assert explained in " ".join(words)
  ellipses = [line for line in figure.axes[0].lines if line.get_gid() == "ellipse"]
  assert len(ellipses) == count
  assert len({line.get_color() for line in ellipses}) == count


def test_a_class_of_one_image_has_no_ellipse():
  figure = latent_plots.scatter(
    [latent_plots.plane(np.eye(4, 2), 2)], np.array([0, 0, 0, 1]), [RunLabel(0, "", -1)], ["run"]
  )
  assert len(figure.axes[0].lines) == 1
