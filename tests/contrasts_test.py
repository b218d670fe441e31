"""Which settings a plan compares."""

import pytest

from genjax.config import contrasts
from genjax.types import UserError

# S0's study: depths at latent 2, latents at depth 4.
S0 = {f"depth={d}": {"depth": d, "latent": 2} for d in (2, 4, 8, 10, 12)} | {
  f"depth=4 latent {z}": {"depth": 4, "latent": z} for z in (75, 10, 20, 30, 50)
}
LAWS = {name: {"initialiser": name, "latent": 2} for name in ("keras", "flax", "torch")}


def test_lines_are_along_one_axis_and_in_the_order_of_numbers():
  depth, latent = contrasts.lines(S0)
  assert (depth.axis, depth.values) == ("depth", [2, 4, 8, 10, 12])
  assert (latent.axis, latent.values) == ("latent", [2, 10, 20, 30, 50, 75])
  assert latent.settings[:2] == [["depth=4"], ["depth=4 latent 10"]]
  assert not contrasts.lines(LAWS)[0].numeric


def test_plans_and_their_pairs():
  assert len(contrasts.pairs("", S0)) == len(contrasts.pairs("all", S0)) == 45
  assert len(contrasts.pairs("neighbours", S0)) == 4 + 5
  assert contrasts.pairs("neighbours=depth", S0)[0] == ("depth=2", "depth=4")
  assert len(contrasts.pairs("neighbours", LAWS)) == 3  # names have no order
  against = contrasts.pairs("reference=depth=4,latent=10", S0)
  assert len(against) == 9
  assert {a for a, _ in against} == {"depth=4 latent 10"}
  assert contrasts.pairs("reference=depth=4", S0) == [  # a name, before it is a coordinate
    ("depth=4", other) for other in S0 if other != "depth=4"
  ]
  assert contrasts.pairs("reference=flax", LAWS) == [("flax", "keras"), ("flax", "torch")]


@pytest.mark.parametrize("axis", ["width", "depth", "critic_learning_rate", "decay_steps"])
def test_a_zero_that_stands_for_another_number_has_no_place_among_them(axis):
  settings = {str(v): {axis: v} for v in (0, 1500, 12000)}
  (line,) = contrasts.lines(settings)
  assert not line.numeric
  assert len(contrasts.pairs("neighbours", settings)) == 3  # as of names
  (without,) = contrasts.lines({str(v): {axis: v} for v in (12000, 1500)})
  assert without.numeric
  (other,) = contrasts.lines({str(v): {"penalty_weight": v} for v in (1, 0)})
  assert (other.numeric, other.values) == (True, [0, 1])


def test_settings_of_equal_coordinates_are_both_beside_the_next():
  settings = {"a": {"latent": 2}, "b": {"latent": 2}, "c": {"latent": 5}}
  assert contrasts.pairs("neighbours", settings) == [("a", "c"), ("b", "c")]


@pytest.mark.parametrize(
  ("plan", "message"),
  [
    (
      "neighbours=width",
      "no two settings differ along one width alone; there are axes depth",
    ),
    ("reference=depth=3", "no setting matches; there are depth=2, depth=4"),
    ("reference=latent=2", "5 settings match"),
  ],
)
def test_plans_that_do_not_fit_are_refused(plan, message):
  with pytest.raises(UserError) as caught:
    contrasts.pairs(plan, S0)
  assert f"contrasts={plan}: {message}" in str(caught.value)


def test_what_a_plan_may_be():
  for plan in (
    "",
    "all",
    "neighbours",
    "neighbours=latent",
    "reference=latent=10",
    "reference=vae",
  ):
    assert contrasts.valid(plan), plan
  for plan in ("every", "all=2", "neighbours=", "reference", "reference=", "=x"):
    assert not contrasts.valid(plan), plan
