"""A run as plain files: what another process, without genjax, reads from them."""

import json
import runpy
import subprocess
import sys
import textwrap
from collections.abc import Callable

import draws
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import trainings
from safetensors.numpy import load_file, save_file
from systems import SYSTEMS, small

import genjax
from genjax.analysis import exporting, selection, torch_code
from genjax.models.initialisers import INITIALISERS
from genjax.models.layers import ConvTranspose, Dense, Map, reshape
from genjax.scoring import weight_files
from genjax.training import sweep
from genjax.types import UserError

FILES = [
  *("README.txt", "generate.stablehlo", "generator_torch.py", "layers.json", "params.safetensors")
]


@pytest.fixture(scope="module")
def conditional(caches, tmp_path_factory):
  """Batch norm, an average that is not the weights, and two latents, of which one is padded."""
  path = tmp_path_factory.mktemp("conditional")

  def moved(progress):
    ema = jax.tree.map(lambda leaf: leaf * 1.25 + 0.01, progress.state.ema)
    state = progress.state._replace(ema=ema)
    return progress._replace(state=state, best=state._replace(opt_state={}))

  plan = trainings.plan("gan", **{"model.network": "s1_cgan", "sweep.seeds": (0,)})
  trainings.untrained(path, plan, moved)
  return path


def exported(path, out, runs, chosen="best"):
  (found,) = selection.read([path], runs, chosen)
  return exporting.write(out, found)


def lines_of(readme):
  """The program in a README.txt."""
  lines = readme.splitlines(keepends=True)
  return textwrap.dedent("".join(line for line in lines if line.startswith("    ")))


def run_alone(folder, program):
  """In a process that never imports genjax."""
  code = f"import sys\nsys.path = [p for p in sys.path if p]\n{program}\n"
  code += "assert not [m for m in sys.modules if m.startswith('genjax')]\n"
  result = subprocess.run(
    [sys.executable, "-W", "error", "-c", code],
    cwd=folder,
    capture_output=True,
    text=True,
    timeout=300,
  )
  assert result.returncode == 0, result.stderr


def test_the_readme_s_lines_draw_what_the_run_draws(vae, tmp_path):
  out = tmp_path / "out"
  assert exported(vae[0], out, ["0"]) == sorted([*FILES, "encode.stablehlo"])
  run = genjax.load(vae[0])[0]
  program = lines_of((out / "README.txt").read_text())
  assert len(program.splitlines()) <= 11
  program += "encode = export.deserialize(bytearray(open('encode.stablehlo', 'rb').read())).call\n"
  program += "mean, logvar = encode(images)\n"
  program += "np.savez('found.npz', z=z, images=images, mean=mean, logvar=logvar, **params)\n"
  run_alone(out, program)
  found = dict(np.load(out / "found.npz"))
  assert found["z"].shape == (16, 2)  # of a sweep whose other latent is 3
  images = run.generate(found["z"])
  np.testing.assert_allclose(found["images"], images, atol=1e-6)
  for name, expected in zip(("mean", "logvar"), jax.jit(run.encode)(images), strict=True):
    np.testing.assert_allclose(found[name], expected, rtol=1e-5, atol=1e-5)
  np.testing.assert_array_equal(
    found["decoder/latent/kernel"], run.state.params["decoder"]["latent"]["kernel"][:2]
  )
  np.testing.assert_array_equal(
    found["encoder/mean/bias"], run.state.params["encoder"]["mean"]["bias"][:2]
  )


@pytest.mark.parametrize(("index", "chosen"), [(0, "best"), (1, "raw")])
def test_a_conditional_generator_with_batch_norm(conditional, tmp_path, index, chosen):
  assert exported(conditional, tmp_path / "out", [str(index)], chosen) == FILES
  run = genjax.load(conditional, chosen)[index]
  with open(tmp_path / "out" / "generate.stablehlo", "rb") as file:
    generate = jax.export.deserialize(bytearray(file.read()))
  assert set(generate.platforms) == {"cpu", "cuda", "tpu"}
  latent = run.numbers["latent"]
  for count in (1, 7):  # any batch
    z, label = run.noise(count), jnp.arange(count) % 10
    found = generate.call(z, label)
    np.testing.assert_allclose(found, run.generate(z, label), atol=1e-5)
  params = load_file(tmp_path / "out" / "params.safetensors")
  state = run.state
  assert params["generator/latent/kernel"].shape[-2] == latent + 10
  for part, leaf in (("params", "scale"), ("stats", "mean")):
    expected = state.ema[part]["BatchNorm_0"][leaf]
    np.testing.assert_array_equal(params[f"generator/BatchNorm_0/{leaf}"], expected)
    if chosen == "best":  # the average, and not the weights that were averaged
      assert not np.array_equal(getattr(state, part)["generator"]["BatchNorm_0"][leaf], expected)
  assert sum(name.startswith("critic/") for name in params) == len(
    jax.tree.leaves((state.params["critic"], state.stats["critic"]))
  )
  readme = (tmp_path / "out" / "README.txt").read_text()
  assert f"z [B, {latent}] standard normal, label [B] int32, 0 to 9 -> image [B, 28, 28" in readme
  assert f"weights {chosen}" in readme
  assert weight_files.read(str(tmp_path / "out" / "params.safetensors")).keys() == params.keys()


def test_the_layers_have_as_many_parameters_as_the_file(conditional, tmp_path):
  exported(conditional, tmp_path / "out", ["latent=2"])
  layers = json.loads((tmp_path / "out" / "layers.json").read_text())
  params = load_file(tmp_path / "out" / "params.safetensors")
  for player, rows in layers.items():
    sizes = [array.size for name, array in params.items() if name.startswith(f"{player}/")]
    assert sum(row["parameters"] + row["statistics"] for row in rows) == sum(sizes)
  assert layers["generator"][-1]["output"] == ["B", 28, 28, 1]


@pytest.mark.parametrize("name", SYSTEMS)
def test_every_network_takes_any_batch_on_every_platform(name):
  """Nothing is compiled."""
  model, row = small(name, latent=2), {"seed": 0, "latent": 2}
  run = jax.tree.map(lambda leaf: leaf[0], sweep.runs([row]))
  shapes = jax.eval_shape(model.init, run)
  state = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
  inputs = [((2,), jnp.float32)] + [((), jnp.int32)] * bool(model.num_classes)
  assert exporting._exported(lambda *inputs: model.generate(run, state, *inputs), *inputs)
  if model.encode:
    image = SYSTEMS[name].shape
    assert exporting._exported(lambda x: model.encode(run, state, x), (image, jnp.float32))


def test_an_export_is_replaced_whole(vae, tmp_path, monkeypatch):
  out = tmp_path / "out"
  exported(vae[0], out, ["0"])
  before = (out / "params.safetensors").read_bytes()
  monkeypatch.setattr(exporting, "_readme", lambda *_: 1 / 0)
  with pytest.raises(ZeroDivisionError):
    exported(vae[0], out, ["1"])
  assert (out / "params.safetensors").read_bytes() == before
  assert [file.name for file in tmp_path.iterdir()] == ["out"]
  monkeypatch.undo()
  exported(vae[0], out, ["1"])
  assert (out / "params.safetensors").read_bytes() != before
  assert [file.name for file in tmp_path.iterdir()] == ["out"]


def test_one_run_at_a_time(vae, tmp_path):
  with pytest.raises(UserError, match=r"8 runs of .* are chosen; expected one"):
    exported(vae[0], tmp_path / "out", [])
  assert not list(tmp_path.iterdir())


def in_torch(folder, *inputs):
  """What the page of PyTorch makes of these arrays."""
  torch = pytest.importorskip("torch")
  generator = runpy.run_path(str(folder / torch_code.FILE))["Generator"]
  given = [torch.from_numpy(np.array(one)) for one in inputs]
  return generator(folder / "params.safetensors")(*given).detach().numpy()


def test_a_conditional_generator_is_equal_in_pytorch(conditional, tmp_path):
  exported(conditional, tmp_path, ["latent=2"])
  (run,) = (one for one in genjax.load(conditional) if one.numbers["latent"] == 2)
  z, label = run.noise(5), jnp.arange(5)
  np.testing.assert_allclose(in_torch(tmp_path, z, label), run.generate(z, label), atol=1e-4)


def test_a_decoder_is_equal_in_pytorch(vae, tmp_path):
  exported(vae[0], tmp_path, ["0"])
  run = genjax.load(vae[0])[0]
  z = run.noise(5)
  np.testing.assert_allclose(in_torch(tmp_path, z), run.generate(z), atol=1e-4)


# Between them: strides of 1, 2 and 4, both paddings, pooling, labels, batch norm, three endings.
@pytest.mark.parametrize(
  "name", ["s1_vae_cifar10", "s4_vae", "s4_gan", "s1_wgan_cifar10", "s4_cgan", "dcgan"]
)
def test_a_system_is_equal_in_pytorch(name, tmp_path):
  shape = SYSTEMS[name].shape
  model = small(name)
  run = jax.tree.map(lambda leaf: leaf[0], sweep.runs([{"seed": 0, "latent": 3}]))
  state = jax.jit(model.init)(run)
  code = torch_code.write(model, shape)
  (tmp_path / torch_code.FILE).write_text(code)
  save_file(exporting.parameters(model, state), tmp_path / "params.safetensors")
  z, label = draws.normal(1, (4, 3)), jnp.arange(4)
  given = (z, label) if model.num_classes else (z,)
  expected = jax.jit(model.generate)(run, state, z, label)
  np.testing.assert_allclose(in_torch(tmp_path, *given), expected, atol=1e-4)


def test_a_network_whose_layers_branch_has_no_page():
  class Branching(nn.Module):
    @nn.compact
    def __call__(self, z, label=None, train=False):
      return Dense(4)(z) + Dense(4)(z)

  model = small("s2_gan")
  assert _page(model, Branching()) is None
  assert torch_code.write(model._replace(networks=None), (28, 28, 1)) is None


def _page(model, generator):
  networks = genjax.GanNetworks(generator, None, (0.0, 1.0), model.num_classes)
  return torch_code.write(model._replace(networks=networks), (28, 28, 1))


def test_a_network_that_reads_the_label_in_another_way_has_no_page():
  class Labelled(nn.Module):
    first: bool

    @nn.compact
    def __call__(self, z, label=None, train=False):
      told = [jax.nn.one_hot(label, 10), z]
      return Dense(4)(jnp.concatenate(told if self.first else told[::-1], -1))

  model = small("s4_cgan")
  assert _page(model, Labelled(first=True)) is not None
  assert _page(model, Labelled(first=False)) is None


def test_a_function_is_known_by_what_it_is(tmp_path):
  """Not by its name; and what it is not given it has by default."""

  def relu(x):
    return 3 * jnp.tanh(x)

  class Mapped(nn.Module):
    f: Callable

    @nn.compact
    def __call__(self, z, label=None, train=False):
      return reshape(2, 2)(Map(self.f)(Dense(4)(z)))

  model = small("s2_gan")
  assert _page(model, Mapped(relu)) is None
  _check_in_torch(model, Mapped(nn.leaky_relu), tmp_path)


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize(("kernel", "stride"), [(1, 2), (2, 3), (3, 2)])
def test_a_kernel_may_be_smaller_than_its_stride(kernel, stride, padding, tmp_path):
  class Upsampling(nn.Module):
    @nn.compact
    def __call__(self, z, label=None, train=False):
      x = reshape(3, 2)(Dense(6)(z))
      return ConvTranspose(2, kernel, stride, padding, initialiser=INITIALISERS["torch"])(x)

  _check_in_torch(small("s2_gan"), Upsampling(), tmp_path)


def _check_in_torch(model, network, folder):
  """A network's page and its weights give what it gives."""
  (folder / torch_code.FILE).write_text(_page(model, network))
  z = draws.normal(0, (4, 3))
  expected, variables = jax.jit(network.init_with_output)(jax.random.key(1), z)
  flat = {
    f"generator/{name}/{part}": np.asarray(leaf)
    for name, leaves in variables["params"].items()
    for part, leaf in leaves.items()
  }
  save_file(flat, folder / "params.safetensors")
  np.testing.assert_allclose(in_torch(folder, z), expected, atol=1e-5)
