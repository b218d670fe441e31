"""Every key of a config has a check, and its message says what is expected."""

import math

import ml_collections
import pytest

from genjax import config
from genjax.config import keys
from genjax.models import losses
from genjax.types import UserError


def changed(model="vae", **values):
  """The defaults with other values at dotted keys, whatever their types; 10 steps."""
  result = config.default(model).to_dict() | {"steps": 10}
  for key, value in values.items():
    *folders, last = key.split(".")
    place = result
    for folder in folders:
      place = place[folder]
    place[last] = value
  return ml_collections.ConfigDict(result)


def refusal(checked):
  with pytest.raises(UserError) as caught:
    config.check(checked)
  assert "\n" not in str(caught.value)
  return str(caught.value)


WHOLE_0, WHOLE_1 = (f"a whole number from {low}" for low in range(2))
WIDTH = "0 for the report's, or a whole number from 4"
DEPTH = "0 for the report's, or a whole number from 2"
FINITE_0, POSITIVE = "a finite number from 0", "a finite number above 0"
BELOW_1 = "a number from 0 to below 1"
SEED = "a whole number from 0 to 4294967295"
ANY_NETWORK = "one of 'dense', 's1_vae'"
NAN, INF = math.nan, math.inf

# key -> its model, what is right, and values that are not; a key that sweeps takes tuples.
KEYS = {
  "contrasts": ("vae", '"", "all" pairs, "neighbours"', ["every", "reference=", "all=2", 3, None]),
  "data.name": ("vae", "the name of a dataset, a directory or an .npz", ["", 3, None]),
  "data.dir": ("vae", "text", [3, None]),
  "data.cache": ("vae", "text", [3, None]),
  "data.size": ("vae", WHOLE_0, [-1, 2.0, "28", True, None]),
  "data.channels": ("vae", "one of 0, 1, 3", [2, -1, "3", None]),
  "data.background": ("vae", "one of 'white', 'black'", ["grey", "", 0, None]),
  "data.validation": ("vae", "a fraction between 0 and 1", [0, 1, -0.1, 1.5, NAN, "0.1", True]),
  "data.binarise": ("vae", "True or False", [1, "yes", None]),
  "batch_size": ("vae", WHOLE_1, [0, -1, 8.0, True, "8"]),
  "steps": ("vae", WHOLE_0, [-1, 1.5, True, "1"]),
  "epochs": ("vae", FINITE_0, [-1.0, NAN, INF, True, "1"]),
  "log_every": ("vae", WHOLE_1, [0, 1.0, True]),
  "eval_every": ("vae", WHOLE_1, [0, 1.0, True]),
  "eval_images": ("vae", WHOLE_1, [0, 1.0, True]),
  "evals": ("vae", "one of 'fd', 'fd_infinity'", ["fd", ("no_score",), (3,), (["fd"],), None]),
  "keep": ("vae", WHOLE_1, [0, 1.0, True]),
  "mark": ("vae", FINITE_0, [3, (-1.0,), ("100", 3), (NAN,), None]),
  "sample_columns": ("vae", WHOLE_1, [0, 1.0, True]),
  "model.name": ("vae", "one of vae, gan", ["vea", "", 3, None, ["vae"]]),
  "model.network": ("vae", ANY_NETWORK, ["s9", "", 3, None]),
  "model.width": ("vae", WIDTH, [1, 3, -8, 8.0, True]),
  "model.depth": ("vae", DEPTH, [1, -2, 2.0, True]),
  "model.samples": ("vae", WHOLE_1, [0, -1, 1.0, True]),
  "model.leaky_slope": ("gan", BELOW_1, [1.0, -0.1, NAN, True, "0.2"]),
  "model.loss": ("gan", "one of 'minimax', 'nonsaturating'", ["wgan", "", 3]),
  "model.regulariser": ("gan", "one of 'none', 'clip', 'gradient_penalty'", ["gp", "", None]),
  "model.critic_steps": ("gan", WHOLE_1, [0, -1, 1.0, True]),
  "model.critic_warmup": ("gan", WHOLE_0, [-1, 1.0, True, None]),
  "model.clipped": ("gan", "one of 'weights', 'all', 'convolutions'", ["conv", "", 3]),
  "model.clip_first": ("gan", "True or False", [1, "yes", None]),
  "model.half_batches": ("gan", "True or False", [1, "yes", None]),
  "model.spectral_norm": ("gan", "True or False", [1, "yes", None]),
  "model.shared_images": ("gan", "True or False", [1, "yes", None]),
  "model.label_noise": ("gan", FINITE_0, [-0.1, NAN, INF, True, "0.05"]),
  "model.reconstruction": ("vae", "one of 'sum', 'mean'", ["avg", "", 3]),
  "model.initialiser": ("vae", "one of 'report', 'keras', 'torch'", ["glorot", "", 3]),
  "model.batch_norm": ("gan", "one of 'report', 'keras', 'torch'", ["tf", "", 0.9]),
  "model.optimiser_rule": ("vae", "one of 'report', 'keras', 'keras3'", ["tf", "", 3]),
  "model.precision": ("vae", "one of 'float32', 'bfloat16'", ["float16", "", 32]),
  "model.optimiser": ("gan", "one of 'adam', 'rmsprop', 'sgd'", ["adamw", "", 3]),
  "sweep.seeds": ("vae", SEED, [(), 3, "0", (-1,), (2**32,), (0.5,), (True,), ("0",), ([0],)]),
  "sweep.latents": ("vae", WHOLE_1, [(), 3, (0,), (2, 0), (-1,), (2.0,), (True,), ([2],)]),
  "sweep.chunk": ("vae", WHOLE_0, [-1, 1.0, True, (1,)]),
  "sweep.seeds_at_once": ("gan", WHOLE_0, [-1, 1.0, True, (1,)]),
  "sweep.learning_rate": ("vae", POSITIVE, [(), 1e-3, (0.0,), (-1e-3,), (NAN,), (INF,), (1e39,)]),
  "sweep.b1": ("vae", BELOW_1, [(), 0.5, (1.0,), (1,), (-0.1,), (NAN,), (True,), ("0.5",)]),
  "sweep.b2": ("vae", BELOW_1, [(), 0.999, (1.0,), (-0.1,), (NAN,), (True,), ("0.9",)]),
  "sweep.critic_learning_rate": ("gan", FINITE_0, [(), 1e-3, (-1e-3,), (NAN,), (INF,)]),
  "sweep.decay_steps": ("vae", FINITE_0, [(), 100.0, (-1.0,), (NAN,), (INF,)]),
  "sweep.kl_weight": ("vae", FINITE_0, [(), 1.0, (-1.0,), (NAN,), (INF,), (True,)]),
  "sweep.clip": ("gan", POSITIVE, [(), 0.01, (0.0,), (-0.01,), (NAN,), (INF,)]),
  "sweep.penalty_weight": ("gan", FINITE_0, [(), 10.0, (-1.0,), (NAN,), (INF,)]),
  "sweep.ema_decay": ("gan", BELOW_1, [(), 0.9, (1.0,), (-0.1,), (NAN,)]),
  "grid.network": ("vae", ANY_NETWORK, ["dense", ("s9",), (3,), (["dense"],)]),
  "grid.width": ("vae", WIDTH, [8, (8, 1), (8.0,), (True,)]),
  "grid.depth": ("vae", DEPTH, [2, (2, 1), (2.0,)]),
  "grid.samples": ("vae", WHOLE_1, [2, (1, 0), (1.0,)]),
  "grid.leaky_slope": ("gan", BELOW_1, [0.2, (0.2, 1.0)]),
  "grid.critic_warmup": ("gan", WHOLE_0, [2, (1, -1), (1.0,)]),
  "grid.clipped": ("gan", "one of 'weights', 'all', 'convolutions'", ["all", ("all", "conv")]),
  "grid.clip_first": ("gan", "True or False", [True, (0, 1)]),
  "grid.half_batches": ("gan", "True or False", [True, (0, 1)]),
  "grid.spectral_norm": ("gan", "True or False", [True, (0, 1)]),
  "grid.shared_images": ("gan", "True or False", [True, (0, 1)]),
  "grid.label_noise": ("gan", FINITE_0, [0.05, (0.05, -0.1)]),
  "grid.reconstruction": ("vae", "one of 'sum', 'mean'", ["sum", ("sum", "avg")]),
  "grid.initialiser": ("vae", "one of 'report', 'keras'", ["keras", ("keras", "glorot")]),
  "grid.batch_norm": ("gan", "one of 'report', 'keras'", ["keras", ("keras", "tf")]),
  "grid.optimiser_rule": ("vae", "one of 'report', 'keras'", ["keras", ("keras", "tf")]),
  "grid.precision": ("vae", "one of 'float32', 'bfloat16'", ["bfloat16", ("float32", "f16")]),
  "grid.optimiser": ("vae", "one of 'adam', 'rmsprop', 'sgd'", ["adam", ("adam", "adamw")]),
  "grid.loss": ("gan", "one of 'minimax'", ["hinge", ("hinge", "wgan")]),
  "grid.regulariser": ("gan", "one of 'none', 'clip'", ["clip", ("clip", "gp")]),
  "grid.critic_steps": ("gan", WHOLE_1, [2, (1, 0), (1.0,)]),
}


def test_every_key_of_the_defaults_is_in_the_table():
  keys = set()
  for model in ("vae", "gan"):
    keys |= set(config.flatten(config.default(model).to_dict()))
  assert keys == set(KEYS) | {"cells"}


@pytest.mark.parametrize("model", ["vae", "gan"])
def test_every_key_has_a_meaning_and_a_default_that_is_right(model):
  known = keys.of(model)
  assert set(known) == set(config.flatten(config.default(model).to_dict()))
  for name, key in known.items():
    values = key.default if isinstance(key.default, tuple) else (key.default,)
    assert all(map(key.rule.allows, values)), name
    assert len(key.meaning.splitlines()) == 1, name


def test_names_are_looked_up_when_a_config_is_checked(monkeypatch):
  wanted = changed("gan", **{"model.loss": "logistic"})
  assert "logistic" not in refusal(wanted).partition("one of ")[2]
  monkeypatch.setitem(losses.GAN_LOSSES, "logistic", losses.GAN_LOSSES["nonsaturating"])
  config.check(wanted)
  assert "'logistic'" in refusal(changed("gan", **{"model.loss": "logit"}))


@pytest.mark.parametrize(
  ("key", "value"), [(key, value) for key, row in KEYS.items() for value in row[2]]
)
def test_a_wrong_value_is_named_with_what_would_be_right(key, value):
  model, right, _ = KEYS[key]
  message = refusal(changed(model, **{key: value}))
  assert message.startswith(f"config.{key} is {value!r}; expected ")
  assert right in message


# What must pass, as the table above would also hold if everything were refused.
RIGHT = {
  "data.name": ["digits", "./faces", "x.npz"],
  "data.size": [0, 32],
  "data.validation": [0.01, 0.99],
  "data.binarise": [True],
  "batch_size": [1, 10_000],
  "evals": [(), ("fd",), ("kd", "fd")],
  "model.width": [0, 4],
  "model.depth": [0, 2, 6],
  "model.optimiser": ["rmsprop", "sgd"],
  "sweep.seeds": [(0,), (2**32 - 1, 7), [1, 2]],
  "sweep.latents": [(1,), (100, 2)],
  "sweep.learning_rate": [(1,), (1e-12, 1e30)],
  "sweep.b1": [(0,), (0.0, 0.999)],
  "sweep.kl_weight": [(0,), (0.0, 4)],
  "grid.width": [(), (8,), (8, 16)],
}


@pytest.mark.parametrize(
  ("key", "value"), [(key, value) for key, values in RIGHT.items() for value in values]
)
def test_a_right_value_passes(key, value):
  config.check(changed(**{key: value}))


@pytest.mark.parametrize("model", ["vae", "gan"])
def test_defaults_pass_once_they_have_a_length(model):
  wanted = config.default(model)
  assert refusal(wanted).startswith("one of config.steps and config.epochs must be set")
  wanted.epochs = 0.5
  config.check(wanted)


def test_steps_and_epochs_exclude_each_other():
  assert refusal(changed(epochs=1.5)) == (
    "one of config.steps and config.epochs must be set, and the other 0; they are 10 and 1.5"
  )


@pytest.mark.parametrize(
  ("key", "value", "near"),
  [
    ("batchsize", 8, "did you mean batch_size?"),
    ("model.widht", 8, "did you mean model.width?"),
    ("sweep.learning_rates", (1e-3,), "did you mean sweep.learning_rate?"),
    ("sweep.clip", (0.01,), "only 'gan' models have it, and config.model.name is 'vae'"),
    ("model.width.deep", 8, "did you mean model.width?"),
    ("zzz", 1, "known are batch_size, cells, contrasts, data.background"),
  ],
)
def test_an_unknown_key_is_named_with_a_near_one(key, value, near):
  changes = {"model.width": {}} if key == "model.width.deep" else {}
  message = refusal(changed(**changes, **{key: value}))
  assert message.startswith(f"unknown key config.{key}; ")
  assert near in message


@pytest.mark.parametrize("key", ["batch_size", "model.width", "sweep.seeds", "grid.depth"])
def test_a_missing_key_is_named_with_its_default(key):
  wanted = changed()
  *folders, last = key.split(".")
  place = wanted
  for folder in folders:
    place = place[folder]
  with place.unlocked():
    del place[last]
  standard = config.flatten(config.default("vae").to_dict())[key]
  assert refusal(wanted) == f"config.{key} is missing; its default is {standard!r}"


@pytest.mark.parametrize(
  ("model", "key", "value"),
  [
    ("vae", "sweep.seeds", (0, 1, 0)),
    ("vae", "sweep.latents", (2, 2)),
    ("vae", "sweep.learning_rate", (1, 1.0)),
    ("vae", "grid.width", (8, 8)),
    ("gan", "grid.loss", ("hinge", "hinge")),
  ],
)
def test_a_value_that_is_named_twice(model, key, value):
  message = refusal(changed(model, **{key: value}))
  assert message.startswith(f"config.{key} is {value!r}, which names a value twice")


@pytest.mark.parametrize(
  ("model", "network", "message"),
  [
    ("vae", "s1_gan", "config.model.network 's1_gan' is no VAE; one of dense"),
    ("vae", "s4_cgan", "config.model.network 's4_cgan' is no VAE; one of dense"),
    ("gan", "s3_vae", "config.model.network 's3_vae' is no GAN; one of dense, s1_gan"),
  ],
)
def test_a_network_of_the_other_model(model, network, message):
  assert refusal(changed(model, **{"model.network": network})).startswith(message)


# A number may be swept where the model reads it; one value passes anywhere.
@pytest.mark.parametrize(
  ("model", "number", "key", "reader", "other"),
  [
    ("gan", "clip", "regulariser", "'clip'", "none"),
    (
      "gan",
      "penalty_weight",
      "regulariser",
      "'gradient_penalty' or 'r1' or 'r2' or 'r1_r2'",
      "clip",
    ),
    ("gan", "b1", "optimiser", "'adam'", "rmsprop"),
    ("vae", "b2", "optimiser", "'adam'", "sgd"),
  ],
)
def test_a_number_is_swept_only_where_something_reads_it(model, number, key, reader, other):
  swept = {f"sweep.{number}": (0.1, 0.2)}
  message = refusal(changed(model, **swept, **{f"model.{key}": other}))
  assert message == (
    f"config.sweep.{number} has several values, and nothing reads them: "
    f"expected config.model.{key}={reader}"
  )
  reader = reader.split("'")[1]
  config.check(changed(model, **swept, **{f"model.{key}": reader}))
  config.check(changed(model, **swept, **{f"model.{key}": other, f"grid.{key}": (reader,)}))
  config.check(changed(model, **{f"sweep.{number}": (0.1,), f"model.{key}": other}))


def test_a_grid_of_keys_that_nothing_reads():
  grid = {"grid.clip_first": (False, True)}
  assert refusal(changed("gan", **grid)) == (
    "config.grid.clip_first has several values, and nothing reads them: "
    "expected config.model.regulariser='clip'"
  )
  config.check(changed("gan", **grid, **{"model.regulariser": "clip"}))


def test_half_batches_need_an_even_number():
  odd = {"batch_size": 1, "model.half_batches": True}
  message = "config.batch_size is 1, and half batches need an even number"
  assert refusal(changed("gan", **odd)) == message
  assert refusal(changed("gan", **{"batch_size": 1, "grid.half_batches": (True,)})) == message
  config.check(changed("gan", **{"batch_size": 2, "model.half_batches": True}))
  config.check(changed("gan", batch_size=1))


def test_an_importance_weighted_bound_is_a_sum_over_pixels():
  message = refusal(changed(**{"model.samples": 5, "model.reconstruction": "mean"}))
  assert message.startswith("config.model.reconstruction is 'mean', and the importance-weighted")
  config.check(changed(**{"model.reconstruction": "mean"}))


@pytest.mark.parametrize("network", ["big", "", None, 3])
def test_a_model_of_one_s_own_may_mean_something_else_by_network(network):
  assert config.framework({"name": "mine:make", "network": network}) == ""
  assert config.framework({"name": "gan", "network": "mine:Net"}) == "torch"


def test_numbers_that_are_not_read_or_off_are_not_told():
  row = {"seed": 0, "latent": 2, "clip": 0.01, "b1": 0.5, "penalty_weight": 1.0}
  off = dict.fromkeys(("critic_learning_rate", "decay_steps", "ema_decay"), 0.0)
  gan = {"name": "gan", "network": "s1_gan", "regulariser": "r1", "optimiser": "adam"}
  assert config.numbers(gan, [row | off]) == ["seed", "latent", "b1", "penalty_weight"]
  clipped = gan | {"regulariser": "clip", "optimiser": "rmsprop"}
  assert config.numbers(clipped, [row | off]) == ["seed", "latent", "clip"]
  decays = [row | off, row | off | {"decay_steps": 100.0}]
  assert config.numbers(gan, decays)[-1] == "decay_steps"


def test_a_model_in_words():
  gan = {"name": "gan", "network": "s1_wgan", "regulariser": "clip", "clipped": "all"}
  gan |= {"width": 0, "half_batches": True, "leaky_slope": 0.0, "optimiser_rule": "report"}
  gan |= {"initialiser": "normal_0.02"}
  assert config.options(gan) == (
    "defaults of keras, regulariser clip, clipped all, half batches, leaky slope 0.0, "
    "initialiser normal_0.02"
  )
  vae = {"name": "vae", "network": "s3_vae", "width": 64, "initialiser": "report"}
  assert config.options(vae) == "defaults of torch, width 64"
  assert "clipped" not in config.options(gan | {"regulariser": "none"})


def test_whose_defaults_a_model_has_is_said():
  """Not whose the network's own would be, where the config has another's or nobody's."""
  keys = ("initialiser", "batch_norm", "optimiser_rule")
  wgan = {"name": "gan", "network": "s1_wgan_cifar10", "width": 64}
  assert config.options(wgan | dict.fromkeys(keys, "report")) == "defaults of torch, width 64"
  assert config.options(wgan | dict.fromkeys(keys, "keras")) == "defaults of keras, width 64"
  mixed = zip(keys, ("lecun_normal", "torch", "optax"), strict=True)
  assert config.options(wgan | dict(mixed)) == (
    "width 64, initialiser lecun_normal, batch norm torch, optimiser rule optax"
  )


def test_without_a_grid_there_is_one_program_in_the_workdir_itself():
  wanted = changed()
  ((folder, cell),) = config.cells(wanted)
  assert folder == ""
  assert cell.to_dict() == wanted.to_dict()


def test_a_grid_has_a_folder_for_each_of_its_products():
  wanted = changed("gan", **{"grid.width": (8, 16), "grid.loss": ("hinge", "wasserstein")})
  found = [
    (folder, cell.model.width, cell.model.loss, cell.model.network)
    for folder, cell in config.cells(wanted)
  ]
  assert found == [
    ("loss=hinge,width=8", 8, "hinge", "s1_gan"),
    ("loss=hinge,width=16", 16, "hinge", "s1_gan"),
    ("loss=wasserstein,width=8", 8, "wasserstein", "s1_gan"),
    ("loss=wasserstein,width=16", 16, "wasserstein", "s1_gan"),
  ]


def test_a_cell_is_a_config_that_could_have_been_given_alone():
  wanted = changed(**{"grid.width": (8, 16), "sweep.seeds": (5, 6)})
  cells = dict(config.cells(wanted))
  alone = changed(**{"model.width": 16, "sweep.seeds": (5, 6)})
  assert cells["width=16"].to_dict() == alone.to_dict()
  config.check(cells["width=16"])
  assert wanted.grid.width == (8, 16)  # and the grid is as it was
  assert wanted.model.width == 0


def test_the_order_of_a_grid_is_that_of_the_alphabet_and_of_its_values():
  wanted = changed(**{"grid.width": (16, 8), "grid.depth": (2, 4)})
  assert [folder for folder, _ in config.cells(wanted)] == [
    "depth=2,width=16",
    "depth=2,width=8",
    "depth=4,width=16",
    "depth=4,width=8",
  ]


def test_flatten_joins_keys_by_dots():
  assert config.flatten({"a": 1, "b": {"c": (2, 3), "d": {"e": ""}}}) == {
    "a": 1,
    "b.c": (2, 3),
    "b.d.e": "",
  }


def test_cells_are_combined_with_the_grid_and_change_what_they_name():
  cells = ({"model.depth": 2}, {"model.depth": 4, "sweep.latents": (2, 20)})
  wanted = changed(**{"cells": cells, "grid.width": (8, 16), "sweep.latents": (3,)})
  config.check(wanted)
  found = config.cells(wanted)
  assert [(folder, cell.model.width, cell.sweep.latents) for folder, cell in found] == [
    ("depth=2,width=8", 8, (3,)),
    ("depth=2,width=16", 16, (3,)),
    ("depth=4,width=8", 8, (2, 20)),
    ("depth=4,width=16", 16, (2, 20)),
  ]
  for _, cell in found:
    config.check(cell)
    assert cell.cells == ()
    assert not any(cell.grid.values())


@pytest.mark.parametrize(
  ("cells", "message"),
  [
    (3, "config.cells is 3; expected a tuple of dictionaries"),
    ((3,), "config.cells is (3,); expected a tuple of dictionaries"),
    (({"model.widht": 8},), "config.cells has 'model.widht'; expected a model"),
    (({"batch_size": 8},), "config.cells has 'batch_size'; expected a model"),
    (({"model.name": "gan"},), "config.cells has 'model.name'; expected a model"),
    (
      ({"depth": 2},),
      "config.cells has 'depth'; expected a model.* or sweep.* key, 'model.dep",
    ),
    (({"model.width": "big"},), "config.cells: model.width is 'big'; expected 0 for the rep"),
    (({"sweep.latents": 2},), "config.cells: sweep.latents is 2; expected a tuple"),
    (({"sweep.latents": (0,)},), "config.cells: sweep.latents is (0,); expected for each"),
  ],
)
def test_cells_that_will_not_do(cells, message):
  assert message in refusal(changed(cells=cells))


CELLS = ({"model.depth": 2}, {"model.depth": 4, "sweep.latents": (2, 20)})


@pytest.mark.parametrize(
  ("key", "count", "cell"),
  [
    ("model.depth", 2, "{'model.depth': 2}"),
    ("grid.depth", 2, "{'model.depth': 2}"),
    ("sweep.latents", 1, "{'model.depth': 4, 'sweep.latents': (2, 20)}"),
  ],
)
def test_a_key_of_the_command_line_that_cells_set_themselves(key, count, cell):
  with pytest.raises(UserError) as caught:
    config.check_overrides(["steps", key], changed(cells=CELLS))
  assert str(caught.value) == (
    f"--config.{key}: {count} of the study's 2 cells set it themselves, as {cell}; "
    '--config.cells="()" drops the cells'
  )
  config.check_overrides(["steps", key], changed())


def test_other_keys_of_the_command_line_reach_every_cell():
  config.check_overrides(["steps", "model.width", "sweep.seeds", "cells"], changed(cells=CELLS))
  config.check_overrides(["steps"], changed(cells=3))  # which `check` refuses


def test_two_cells_of_one_folder():
  wanted = changed(cells=({"sweep.latents": (2,)}, {"sweep.latents": (3,)}))
  with pytest.raises(UserError, match=r"config.cells: two cells would have the folder ''"):
    config.cells(wanted)


def test_a_weight_of_the_kl_has_no_place_in_the_importance_weighted_bound():
  config.check(changed(**{"model.samples": 5}))
  message = refusal(changed(**{"model.samples": 5, "sweep.kl_weight": (1.0, 2.0)}))
  assert "has no KL weight: expected (1.0,)" in message


VARIANTS = {"": {"epochs": 1.0}, "s9": {"steps": 7, "data.name": "cifar10", "model.width": 64}}


def test_a_variant_changes_the_defaults_and_smoke_makes_it_small():
  plain, named = (config.variant("vae", VARIANTS, name) for name in ("", "s9"))
  assert (plain.epochs, plain.steps, named.steps, named.model.width) == (1.0, 0, 7, 64)
  for name in ("smoke", "s9,smoke"):
    small = config.variant("vae", VARIANTS, name)
    config.check(small)
    assert (small.data.name, small.steps, small.model.width) == ("digits", 4, 8)
  assert (small.data.size, small.data.channels) == (32, 3)  # as CIFAR-10's
  for latents, few in (((100, 350, 1000), (2, 8)), ((100,), (8,)), ((5,), (5,))):
    small = config.variant("vae", {"": {"sweep.latents": latents}}, "smoke")
    assert small.sweep.latents == few


@pytest.mark.parametrize("name", ["s8", "s9,s9", "smoke,s8"])
def test_a_variant_that_is_not_there(name):
  with pytest.raises(UserError, match=r"no variant 's.*'; expected one of s9, smoke"):
    config.variant("vae", VARIANTS, name)


def test_the_nearest_variant_is_named():
  said = "no variant 's2_studdy'; did you mean s2_study? expected one of s2, s2_study, smoke"
  with pytest.raises(UserError) as caught:
    config.variant("vae", {"": {}, "s2": {}, "s2_study": {}}, "s2_studdy")
  assert str(caught.value) == said


def test_what_is_meant_for_a_tuple_is_told_from_a_text():
  message = refusal(changed(**{"sweep.latents": ("(2,ten)",)}))
  assert message == (
    'config.sweep.latents is (2,ten), which cannot be read; expected a tuple such as "(10,)", '
    "for each value a whole number from 1"
  )
  message = refusal(changed(**{"sweep.latents": ("ten",)}))
  assert (
    message == "config.sweep.latents is ('ten',); expected for each value a whole number from 1"
  )
