"""What a design can show, and which are refused."""

import pytest
import trainings

from genjax import config
from genjax.metrics import power
from genjax.training import design, study
from genjax.types import UserError


def _design(**changes):
  wanted = config.default("vae")
  wanted.update_from_flattened_dict({"steps": 4} | changes)
  return design.of(dict(config.cells(wanted)))


TEN = tuple(range(10))


def test_neighbours_along_two_axes_are_the_family():
  planned = _design(**{
    "sweep.seeds": TEN, "sweep.latents": (2, 10, 50), "grid.width": (64, 128),
    "contrasts": "neighbours",
  })  # fmt: skip
  assert len(planned.seeds) == 6
  assert len(planned.pairs) == 2 * 2 + 3
  assert ("width=64 latent 2", "width=64 latent 10") in planned.pairs
  assert ("width=64 latent 2", "width=128 latent 2") in planned.pairs
  assert planned.least == pytest.approx(7 * power.least_p(10, 10))
  said = design.described(planned)
  assert said.startswith("7 planned comparisons (neighbours), 10 seeds each: p corrected")
  assert f"{power.detectable_shift(10, 10, 7):.1f} sd of a setting's runs" in said
  design.check(planned)


def test_a_plan_that_cannot_conclude_is_refused_and_no_plan_is_not():
  few = {"sweep.seeds": (0, 1), "sweep.latents": (2, 10, 50)}
  free = _design(**few)
  design.check(free)
  assert design.described(free) == (
    "3 settings, 3 pairs, 2 seeds each: no winner can be named, as that takes 10 seeds of each"
  )
  planned = _design(contrasts="neighbours=latent", **few)
  with pytest.raises(UserError) as caught:
    design.check(planned)
  assert str(caught.value) == (
    "config.contrasts: 2 planned comparisons (neighbours=latent) cannot name a winner, as that "
    "takes 10 seeds of each; set more config.sweep.seeds, plan fewer contrasts, or go on all the "
    "same with --explore"
  )


def test_a_family_can_be_too_large():
  rates = tuple(i / 1000 for i in range(1, 99))
  planned = _design(**{
    "sweep.seeds": TEN, "sweep.learning_rate": rates, "contrasts": "all"
  })  # fmt: skip
  assert len(planned.pairs) == 98 * 97 / 2
  with pytest.raises(UserError, match=r"4,753 planned .* cannot be below 0\.05"):
    design.check(planned)


def test_one_setting_is_compared_with_nothing():
  assert design.described(_design(**{"sweep.seeds": (0,)})) == ""
  design.check(_design(contrasts="all", **{"sweep.seeds": (0,)}))


def test_a_plan_that_does_not_fit_names_the_key():
  with pytest.raises(
    UserError, match=r"^config\.contrasts=neighbours=depth: no two settings differ"
  ):
    _design(contrasts="neighbours=depth", **{"sweep.latents": (2, 10)})
  with pytest.raises(UserError, match=r"^config\.contrasts=reference=latent=3: no setting matches"):
    _design(contrasts="reference=latent=3", **{"sweep.latents": (2, 10)})


@pytest.mark.parametrize(
  ("seeds", "latents", "length"),
  [((3,), (2, 3), "seed 3 alone, 12 steps"), ((0, 3), (2,), "12 steps")],
)
def test_a_seed_by_itself_is_named(seeds, latents, length):
  """`--config.sweep.seeds=3` is seed 3, and no three seeds."""
  plan = trainings.plan("vae", **{"sweep.seeds": seeds, "sweep.latents": latents})
  said = study.described({"": plan})
  assert said == f"2 runs of VAE dense on digits (scikit-learn), {length}"
