"""What stands for a protocol, and which scores a model has."""

import jax
import jax.numpy as jnp
import pytest
import trainings

from genjax.metrics import catalogue
from genjax.metrics.catalogue import SCORES
from genjax.scoring import protocols
from genjax.training import sweep
from genjax.types import UserError


def test_equal_protocols_have_one_identity_and_others_another():
  facts = {"split": "test", "seed": 0, "images": 200}
  identity = protocols.identity(facts)
  assert identity == protocols.identity(dict(reversed(facts.items())))
  assert len(identity) == 8
  assert protocols.identity(facts | {"seed": 1}) != identity


def test_scores_are_computed_in_full_float32():
  """An accelerator would take TF32 or bfloat16: other figures by the same protocol."""

  def score(weights, images):
    return jax.grad(lambda w: (jnp.tanh(images @ w) ** 2).sum())(weights)

  context = protocols.Context(*[None] * 5, num_runs=2)
  weights, images = jnp.ones((2, 3, 4)), jnp.ones((5, 3))
  programs = [
    sweep.compiled(score).lower(weights[0], images),
    context.vectorised(score).lower(weights, images),
  ]
  for program in programs:
    products = [line for line in program.as_text().splitlines() if "dot_general" in line]
    assert len(products) > 1
    assert all("[HIGHEST, HIGHEST]" in line for line in products)


@pytest.fixture(scope="module")
def models(caches):
  conditional = trainings.plan("gan", **{"model.network": "s4_cgan"})
  return {
    "vae": trainings.plan("vae").model,
    "gan": trainings.plan("gan").model,
    "conditional": conditional.model,
  }


def test_which_scores_a_model_has(models):
  has = {key: {n for n in SCORES if protocols.fits(n, model)} for key, model in models.items()}
  everyone = {name for name, score in SCORES.items() if not score.needs}
  critics = {"critic_gap", "critic_gap_scaled", "critic_gap_real"}
  assert has["vae"] == everyone | {"elbo", "nll", "nll_ess", "kl", "active_units", "kl_dim"}
  assert has["gan"] == everyone | critics
  assert has["conditional"] == has["gan"] | {"label_agreement", "cas"}


def test_a_score_of_dimensions_has_a_figure_for_each_that_a_run_has():
  assert catalogue.figures("kl_dim", 3) == ("kl_dim/0", "kl_dim/1", "kl_dim/2")
  assert catalogue.figures("kl", 3) == ("kl",)


def test_a_score_that_a_model_has_not_is_refused(models):
  protocols.check(("fd", "nll"), models["vae"], "x")
  only = r"^x has 'nll', which only a model with an encoder and a decoder has$"
  with pytest.raises(UserError, match=only):
    protocols.check(("fd", "nll"), models["vae"]._replace(decode=None), "x")
  with pytest.raises(UserError, match=only):
    protocols.check(("fd", "nll"), models["gan"], "x")
  with pytest.raises(
    UserError, match=r"^x has 'fid'; expected a score or MODULE:OBJECT; did you mean fd\?"
  ):
    protocols.check(("fid",), models["gan"], "x")
