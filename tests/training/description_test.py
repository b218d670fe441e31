"""What `describe` prints, against the reports' tables and arithmetic."""

import contextlib
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import trainings
from jax import lax

from genjax import config, models
from genjax.models import convolution, modules, networks, summary
from genjax.training import cost, description, memory, planning, sweep, train
from genjax.types import Batch, UserError, rounded

MNIST, CIFAR10 = (28, 28, 1), (32, 32, 3)
NHWC = ("NHWC", "HWIO", "NHWC")
ALL = networks.VAES | networks.GANS


def model_of(network, **changes):
  name = "vae" if network in networks.VAES else "gan"
  return config.default(name).model.to_dict() | {"network": network} | changes


def tables(network, shape, latent, **changes):
  return summary.tables(models.build(model_of(network, **changes), shape, 10, latent), shape)


def printed(made):
  """player -> (parameters, trained) of its printed total; and the same of both."""
  result, player = {}, None
  for line in description.table(made):
    cells = line.split()
    if "output" in cells:
      player = cells[0]
    elif cells and cells[0] in ("total", "both"):
      result["both" if cells[0] == "both" else player] = tuple(cells[1:])
  return result


# Tables.


@pytest.mark.parametrize(
  ("network", "shape", "latent", "expected"),
  [
    (
      "s1_wgan",
      MNIST,
      50,
      {"generator": ("851,713", "851,201"), "critic": ("70,337", "70,081")},
    ),
    (
      "s1_cgan",
      MNIST,
      100,
      {"generator": ("1,228,033", "1,227,521"), "critic": ("80,577", "80,321")},
    ),
    # The report counts what is trained: 2 * (128 + 256) and 2 * (256 + 128 + 64) statistics more.
    (
      "s1_wgan_cifar10",
      CIFAR10,
      100,
      {"generator": ("1,070,275", "1,069,379"), "critic": ("664,515", "663,747")},
    ),
    (
      "s4_gan",
      MNIST,
      100,
      {"generator": ("2,330,944", "2,305,472"), "critic": ("212,865", "212,865")},
    ),
    # 4 gates of 128, which read 28 pixels, 128 states and two biases; then mean and logvar.
    (
      "s3_vae",
      MNIST,
      20,
      {"encoder": ("86,056", "86,056"), "decoder": ("103,824", "103,824")},
    ),
  ],
)
def test_totals_are_the_report_s(network, shape, latent, expected):
  found = printed(tables(network, shape, latent))
  both = found.pop("both")
  assert found == expected
  figures = [[int(f.replace(",", "")) for f in pair] for pair in expected.values()]
  assert both == tuple(f"{a + b:,}" for a, b in zip(*figures, strict=True))


def test_the_rows_of_s1_s_discriminator_are_the_report_s():
  lines = description.table(tables("s1_gan", MNIST, 100))
  lines = lines[[line.split()[:1] for line in lines].index(["critic"]) :]
  rows = [" ".join(line.split()) for line in lines[: lines.index("")]]
  assert rows == [
    "critic output parameters trained",
    "conv 4 x 4, stride 2 [B, 14, 14, 64] 1,088 1,088",
    "leaky_relu [B, 14, 14, 64]",
    "conv 4 x 4, stride 2 [B, 7, 7, 64] 65,600 65,600",
    "leaky_relu [B, 7, 7, 64]",
    "flatten [B, 3136]",
    "dense [B, 1] 3,137 3,137",
    "total 69,825 69,825",
  ]


def test_layers_without_parameters_stand_where_they_are_called():
  made = tables("s1_vae_cifar10", CIFAR10, 5)
  names = [(layer.name, layer.output) for layer in made["encoder"]]
  assert names[4:] == [
    ("max_pool", (4, 4, 128)),
    ("flatten", (2048,)),
    ("mean: dense", (5,)),
    ("logvar: dense", (5,)),
  ]
  assert made["decoder"][-1][:2] == ("max_pool", (32, 32, 3))
  critic = [layer.name for layer in tables("s1_gan_cifar10", CIFAR10, 100)["critic"]]
  assert critic[-3:] == ["flatten", "dropout 0.4", "dense"]
  generator = tables("s1_wgan_cifar10", CIFAR10, 100)["generator"]
  assert generator[1] == ("latent: transposed conv 4 x 4, VALID", (4, 4, 256), 409_856, 0)
  assert generator[2] == ("batch norm", (4, 4, 256), 512, 512)


def test_an_lstm_is_one_row_with_its_last_state():
  encoder = tables("s3_vae", MNIST, 20)["encoder"]
  assert ("LSTM", (128,), 4 * 128 * (28 + 128 + 2), 0) in encoder
  assert sum(layer.trained > 0 for layer in encoder) == 3


@pytest.mark.parametrize("network", ALL)
def test_rows_have_every_parameter_of_every_network(network):
  shape = ALL[network].shape or MNIST
  # "dense" is both's.
  kinds = [kind for kind, known in networks.NETWORKS.items() if network in known]
  for kind in kinds:
    keys = config.default(kind).model.to_dict() | {"network": network, "width": 16}
    model = models.build(keys, shape, 10, 6)
    run = jax.eval_shape(lambda: sweep.runs([{"seed": 0, "latent": 6}]))
    state = jax.eval_shape(jax.vmap(model.init), run)
    made = summary.tables(model, shape)
    assert set(made) == set(state.params)
    for player, rows in made.items():
      assert sum(row.trained for row in rows) == modules.count(state.params[player])
      assert sum(row.statistics for row in rows) == modules.count(state.stats[player])
    assert max(map(len, description.table(made))) <= 100


# FLOP.


def product(a, b):
  return a @ b


A, B = jnp.ones((3, 5)), jnp.ones((5, 7))
ONE = 2 * 3 * 5 * 7


def test_matrix_products_count_wherever_they_stand():
  def scanned(a, b):
    return lax.scan(lambda c, _: (c, a @ b), 0, None, length=4)

  def branches(a, b):
    return lax.cond(a.sum() > 0, lambda: (a @ b).sum(), lambda: (a @ b @ b.T).sum())

  @jax.custom_vjp
  def custom(a, b):
    return a @ b

  custom.defvjp(lambda a, b: (a @ b, None), lambda _, g: (g, g))
  assert cost.flops(product, A, B) == ONE
  assert cost.flops(jax.jit(product), A, B) == ONE
  assert cost.flops(jax.checkpoint(product), A, B) == ONE
  assert cost.flops(custom, A, B) == ONE
  assert cost.flops(scanned, A, B) == 4 * ONE
  assert cost.flops(branches, A, B) == 2 * ONE
  assert cost.flops(lambda a, b: jnp.tanh(a) + b.sum(), A, B) == 0
  assert cost.flops(jax.vmap(product, (0, None)), jnp.ones((6, 3, 5)), B) == 6 * ONE

  def both(a, b):
    return (a @ b).sum()

  assert cost.flops(jax.value_and_grad(both, (0, 1)), A, B) == 3 * ONE
  assert cost.flops(jax.grad(both, (0, 1)), A, B) == 2 * ONE  # nobody reads the product itself


def test_a_while_loop_with_products_has_no_count():
  square = jnp.ones((3, 3))
  with pytest.raises(ValueError, match="while loop"):
    cost.flops(lambda a: lax.while_loop(lambda a: a.sum() < 9, lambda a: a @ a, a), square)
  assert cost.flops(lambda x: lax.while_loop(lambda x: x < 9, lambda x: x + 1, x), 0) == 0


def test_a_convolution_counts_what_meets_a_pixel():
  x, w = jnp.ones((2, 4, 4, 3)), jnp.ones((3, 3, 3, 5))
  # Of a kernel of 3 along 4 pixels: 2, 3, 3 and 2 meet one.
  assert (
    cost.flops(lambda x, w: convolution.lax_conv(x, w, 1, "SAME"), x, w) == 2 * 2 * 10**2 * 3 * 5
  )
  assert (
    cost.flops(lambda x, w: convolution.lax_conv(x, w, 1, "VALID"), x, w) == 2 * 2 * 6**2 * 3 * 5
  )

  def above(x, w):
    return lax.conv_general_dilated(x, w, (2, 2), [(2, 0)] * 2, dimension_numbers=NHWC)

  # Windows at -2 and at 0: 1 and 3.
  assert cost.flops(above, x, w) == 2 * 2 * 4**2 * 3 * 5
  # With stride 2 the padding is below alone: 3 and 2. The transposed one has as many, and so has
  # each gradient.
  strided = 2 * 2 * 5**2 * 3 * 5
  assert cost.flops(lambda x, w: convolution.lax_conv(x, w, 2, "SAME"), x, w) == strided

  def transposed(x, w):
    return convolution.lax_conv_transpose(x, w, 2, "SAME")

  small = jnp.ones((2, 2, 2, 3))
  assert cost.flops(transposed, small, w) == strided
  gradient = jax.value_and_grad(lambda x, w: convolution.lax_conv(x, w, 2, "SAME").sum(), (0, 1))
  assert cost.flops(gradient, x, w) == 3 * strided
  # As matrix products: all nine of each of 2 x 2 windows, zeros too.
  gemm = cost.flops(lambda x, w: convolution.gemm_conv(x, w, 2, "SAME"), x, w)
  assert gemm == 2 * 2 * 6**2 * 3 * 5


def test_a_dense_vae_by_arithmetic():
  size, width, latent = 4, 8, 2
  model = models.build(model_of("dense", width=width), MNIST, 10, latent)
  first = 784 * width
  forward = first + 2 * width * latent + latent * width + width * 784
  # Backward each layer twice, but nobody asks for the gradient of the image.
  assert cost.step_flops(model, MNIST, size) == {"step": 2 * size * (3 * forward - first)}


def test_five_steps_of_the_critic_cost_five_times_one():
  keys = model_of("s1_gan", width=8)
  one = cost.step_flops(models.build(keys | {"critic_steps": 1}, MNIST, 10, 3), MNIST, 4)
  model = models.build(keys | {"critic_steps": 5}, MNIST, 10, 3)
  five = cost.step_flops(model, MNIST, 4)
  assert five == {"critic": 5 * one["critic"], "generator": one["generator"]}
  assert min(one.values()) > 0
  # The players' turns are all of a step.
  run = jax.tree.map(lambda leaf: leaf[0], sweep.runs([{"seed": 0, "latent": 3}]))
  batch = jax.tree.map(
    lambda leaf: jax.ShapeDtypeStruct((5, 4, *leaf[0]), leaf[1]),
    Batch((MNIST, jnp.float32), ((), jnp.int32)),
    is_leaf=lambda leaf: type(leaf) is tuple,
  )
  whole = cost.flops(model.step, run, jax.eval_shape(model.init, run), batch)
  assert whole == sum(five.values())


# Memory.


def memory_of(plan):
  return cost.planned(plan)[1].memory


def test_memory_by_arithmetic(caches):
  # 4 runs on 2 devices, width 8, latents padded to 3
  plan = trainings.plan("vae", batch_size=128)
  found = memory_of(plan)
  params = (784 * 8 + 8) + 2 * (8 * 3 + 3) + (3 * 8 + 8) + (8 * 784 + 784)
  assert found.weights == 4 * params * 2
  assert found.statistics == found.averaged == 0
  assert found.best == 4 * (params + 1) * 2  # and the step
  # Adam's two moments, and its count.
  assert 0 <= found.optimiser - 2 * found.weights <= 2 * 16
  images = len(plan.splits.train.label) + 50
  assert found.images == images * (784 + 4)
  batch = 128 * 784 * 4
  assert found.temporary > 2 * batch  # images and logits
  # What is computed at once lies side by side.
  both = memory_of(trainings.plan("vae", **{"batch_size": 128, "sweep.chunk": 2}))
  assert both[:-2] == found[:-2]
  assert both.temporary > found.temporary + 2 * batch


def test_the_program_is_the_one_that_is_trained(caches, tmp_path):
  plan = trainings.plan("gan")
  training = train.Training(plan, tmp_path)
  with contextlib.closing(training.checkpoints), contextlib.closing(training.history):
    totals = jax.device_put(training.zeros, sweep.sharding(len(plan.rows)))
    given = training.runs, training.progress, totals, training.dataset
    real = trainings.lowered(training.programs.advance, *given)
  step, fit = cost.planned(plan)
  assert not [leaf for leaf in jax.tree.leaves(step.given) if isinstance(leaf, jax.Array)]
  assert trainings.lowered(fit.programs.advance, *step.given[:4]) == real
  assert step.length == 3


# Speed.


def test_speed_by_a_clock_that_is_known(caches, monkeypatch):
  """10 ms a call, and 2 ms a step of all 4 runs."""
  plan = trainings.plan("vae")
  step, _ = cost.planned(plan)
  now, asked = [0.0], []

  def program(runs, carried, dataset, start):
    now[0] += 0.01 + 0.002 * step.length
    asked.append(start)
    return step.program(runs, carried, dataset, start)

  monkeypatch.setattr(cost, "TIMED_SECONDS", 0.2)
  timed = step._replace(program=program)
  rate = cost.run_steps_a_second(timed, plan.splits, plan.rows, lambda: now[0])
  assert step.length == 3
  assert rate == pytest.approx(4 * 3 / 0.016)
  assert asked == list(range(0, 3 * len(asked), 3))
  assert len(asked) > 7  # of 0.1 s or more at last


def test_no_speed_of_steps_that_are_not_taken(caches):
  plan = trainings.plan("vae", **{"sweep.learning_rate": (1e38,)})
  step, _ = cost.planned(plan)
  assert np.isnan(cost.run_steps_a_second(step, plan.splits, plan.rows))


# The whole text.


@pytest.fixture
def uncompiled(monkeypatch):
  """Memory without a compiler: 1 MiB, 2 MiB, and so on; and 40 run-steps/s."""
  figures = memory.Memory(*(n * 2**20 for n in range(1, 9)))

  def planned(plan):
    return None, memory.Fitting(None, plan.config.sweep.chunk, figures)

  monkeypatch.setattr(cost, "planned", planned)
  monkeypatch.setattr(cost, "run_steps_a_second", lambda *_: 40.0)


def text_of(wanted):
  return "".join(description.sections(planning.plans(wanted)))


def test_a_study_has_each_structure_once(uncompiled, caches):
  wanted = trainings.wanted("vae", steps=100)
  wanted.cells = (
    {"model.width": 8},
    {"model.width": 12, "sweep.latents": (2,)},
    {"model.width": 8, "model.samples": 5},
  )
  text = text_of(wanted)
  titles = [line for line in text.splitlines() if line.endswith("of 3)")]
  assert titles == ["width=8 (1 of 3)", "width=12 (2 of 3)", "width=8,samples=5 (3 of 3)"]
  assert text.count("encoder ") == 2
  assert "layers  as in width=8\n" in text
  # 4 runs, 2 and 4, of 100 steps.
  assert "in all  3 programs, 10 runs, 1,000 run-steps, " in text
  # At 40 run-steps/s: 400, 200 and 400.
  said = [line for line in text.splitlines() if "run-steps/s" in line]
  assert [line.split("here: ")[1][:10] for line in said] == [
    "about 10 s",
    "about 5 s ",
    "about 10 s",
  ]
  assert "FLOP, about 25 s here\n" in text
  assert max(map(len, text.splitlines())) <= 100


def test_a_sweep_says_where_its_runs_lie(uncompiled, caches):
  text = " ".join(text_of(trainings.wanted("gan")).split())
  assert "4 runs (2 seeds x 2 latents) of 12 steps, on 2 of 2 cpu devices: 2 on each, 1" in text
  assert "weights 1.0 2.0" in text
  assert "total 36.0 72.0" in text


def test_what_does_not_fit_is_not_timed(uncompiled, caches, monkeypatch):
  """36 MiB, of which 11 are of the two seeds; a part of one fits in 31."""
  monkeypatch.setattr(memory, "limit", lambda: 31 * 2**20)
  monkeypatch.setattr(cost, "run_steps_a_second", None)
  text = " ".join(text_of(trainings.wanted("gan")).split())
  assert "lacking training takes 0.0352 GiB of a device that has 0.0303 GiB; config.sweep." in text
  assert "seeds_at_once=1 trains them in parts that fit" in text
  assert "speed" not in text


def test_a_recipe_s_record_is_told_in_this_machine_s_minutes(uncompiled, caches):
  wanted = trainings.wanted("vae", steps=100)
  assert "mark " not in text_of(wanted)
  wanted.mark = (100.0, 60)  # of 4 runs, 40 of whose steps take a second
  assert "mark    FD 100 at step 60, the median of this recipe's seeds: about 6 s" in text_of(
    wanted
  )


@pytest.mark.parametrize(
  ("number", "text"),
  [(118.4, "118"), (1134.2, "1,130"), (21_931, "21,900"), (0.05123, "0.0512"), (5, "5"), (0, "0")],
)
def test_numbers_have_three_digits_and_no_exponent(number, text):
  assert rounded(number) == text


@pytest.mark.parametrize(
  ("seconds", "text"),
  [(3.14, "3.1 s"), (118.4, "120 s"), (863, "14.4 min"), (7300, "2.03 h"), (4.1e6, "1,140 h")],
)
def test_how_long_is_told_in_two_or_three_digits(seconds, text):
  assert description._duration(seconds) == f"about {text}"


def test_large_seeds_are_written_out(uncompiled, caches):
  wanted = trainings.wanted("vae", **{"sweep.seeds": (0, 2**32 - 1)})
  assert "numbers seed 0, 4294967295; latent" in " ".join(text_of(wanted).split())
  chunked = trainings.wanted("gan", **{"sweep.chunk": 9, "sweep.seeds": (0,)})
  assert "1 on each, 1 at once" in " ".join(text_of(chunked).split())
  odd = trainings.wanted("gan", **{"sweep.seeds": (0, 1, 2), "sweep.latents": (3,)})
  assert "on 2 of 2 cpu devices: 2 on each, 1 at once" in " ".join(text_of(odd).split())
  together = trainings.wanted("gan", **{"sweep.chunk": 9})
  assert "2 on each, 2 at once" in " ".join(text_of(together).split())


def test_data_that_are_not_here_have_their_published_sizes(uncompiled, caches, tmp_path):
  def described(name, **changes):
    wanted = trainings.wanted("vae", **{"data.name": name, "data.dir": str(tmp_path)} | changes)
    return "".join(description.sections(planning.plans(wanted, description.load)))

  text = described("mnist")
  assert text.startswith("data    mnist (not on this machine; sizes as published): images 28 x 28 ")
  said = "54,000 to train with, 6,000 held out, 10,000 to test with"
  assert said in " ".join(text.split())
  assert "4 runs (2 seeds x 2 latents)" in text
  text = " ".join(described("cifar100", **{"data.validation": 0.2}).split())
  assert "32 x 32 x 3, 40,000 to train with, 10,000 held out" in text
  assert not list(tmp_path.iterdir())
  with pytest.raises(UserError, match="no dataset 'mnits'"):
    described("mnits")


def test_memory_of_data_that_are_not_here(caches, tmp_path):
  wanted = trainings.wanted("vae", **{"data.name": "mnist", "data.dir": str(tmp_path)})
  (plan,) = planning.plans(wanted, description.load).values()
  assert memory_of(plan).images == (54_000 + 50) * (784 + 4)


def test_data_that_are_here_are_read(caches):
  assert description.load(trainings.wanted("vae")).source == "digits (scikit-learn)"


@pytest.fixture
def described(commands, tmp_path):
  """Runs the command with these flags, which leaves no files."""

  def describe(*flags):
    result = commands("describe", f"{trainings.CONFIG}:vae", *flags, cwd=tmp_path)
    assert not list(tmp_path.iterdir())
    return result

  return describe


def test_the_command_prints_and_writes_nothing(described):
  status, output, errors = described()
  text = text_of(trainings.wanted("vae"))
  speed = re.compile(
    r"[\d.,]+ run-steps/s here: about [\d.,]+ \w+|about [\d.,]+ \w+ here"
    r"|it trains [\d.,]+ [\d.,]+ total [\d.,]+ [\d.,]+"
  )
  assert speed.sub("?", " ".join(output.split())) == speed.sub("?", " ".join(text.split()))
  assert (status, errors) == (0, "")


def test_a_mistake_has_one_line(described):
  status, output, errors = described("--config.model.depth=3")
  assert (status, output) == (2, "")
  assert errors.startswith("genjax: config.model.depth is 3")
  assert errors.count("\n") == 1


def test_classes_that_have_names_are_named(vae):
  _, plan = vae
  for names, said in ((("cat", "a b", *"cdefghij"), "; classes cat, a b, c"), (tuple("0123"), "")):
    text = description._of_data(plan._replace(splits=plan.splits._replace(classes=names)))
    assert ("; classes" in text) == bool(said)
    assert said in " ".join(text.split())
