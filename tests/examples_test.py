"""Every file of configs/examples/ trains, is scored and compared, at smoke size."""

import json
import pathlib
import runpy

import growing
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import pytest

import genjax
from genjax import config, models
from genjax.analysis import exporting, interpolation, selection
from genjax.analysis.picture_rows import InterpolationFlags
from genjax.reporting import build
from genjax.training import padding, sweep

FOLDER = pathlib.Path(genjax.__file__).parents[1] / "configs" / "examples"
FILES = sorted(FOLDER.glob("*.py"))
METRICS = {"own_metric": ("swd", "own_metric:thickness")}
# What is not the example's own may be another, and a flow goes on until something is learnt.
CHANGES = {
  "flow": {"steps": 60, "log_every": 20, "eval_every": 60, "sweep.learning_rate": (3e-3,)},
  "own_loss": {"model.network": "dense"},
}


def test_there_is_one_of_each():
  assert [file.stem for file in FILES] == [
    "flow", "own_data", "own_loss", "own_metric", "own_network",
  ]  # fmt: skip


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_it_is_right_as_it_stands(file):
  wanted = config.load(file)
  for _, cell in config.cells(wanted):
    config.check(cell)
    keys, latents = cell.model.to_dict(), cell.sweep.latents
    shape = (cell.data.size or 28, cell.data.size or 28, 1)
    padding.check(keys, models.build(keys, shape, 10, max(latents)), shape, 10, latents)
  assert len(file.read_text().splitlines()) <= 150


@pytest.fixture(scope="module")
def trained(caches, tmp_path_factory):
  """Trains an example, once: name -> its workdir."""
  folder, found = tmp_path_factory.mktemp("examples"), {}

  def train(name):
    if name not in found:
      found[name] = folder / name
      changes = {"sweep.seeds": (0,)} | CHANGES.get(name, {})
      with growing.no_pictures():
        genjax.train(f"{FOLDER / name}.py:smoke", found[name], changes, report=False)
    return found[name]

  return train


def test_a_flow_follows_its_velocity_from_noise_to_images():
  """Where the learned velocity is 1 everywhere, images are the noise and 1, in pixels of [0, 1]."""
  make = runpy.run_path(FOLDER / "flow.py")["make"]
  model = make((8, 8, 1), 64, width=4, integration_steps=3)
  run = jax.tree.map(lambda leaf: leaf[0], sweep.runs([{"seed": 0, "latent": 64}]))
  state = jax.jit(model.init)(run)
  still = jax.tree.map(jnp.zeros_like, state.ema["params"])
  last = max(still, key=lambda name: int(name.rpartition("_")[2]) * name.startswith("Conv_"))
  still[last]["bias"] += 1.0
  state = state._replace(ema=state.ema | {"params": still})
  z = jax.random.normal(jax.random.key(0), (2, 64)) / 4
  expected = np.clip((z + 2) / 2, 0, 1).reshape(2, 8, 8, 1)
  np.testing.assert_allclose(jax.jit(model.generate)(run, state, z), expected, atol=1e-5)


@pytest.mark.parametrize("name", [file.stem for file in FILES])
def test_it_is_trained_scored_compared_and_reported(trained, name, tmp_path):
  path = trained(name)
  names = METRICS.get(name, ("swd",))
  scores = genjax.evaluate(path, names, images=200)
  assert {row["score"] for row in scores.records()} == {n.partition(":")[2] or n for n in names}
  assert all(np.isfinite(row["median"]) for row in scores.records())
  assert genjax.compare(path, out=tmp_path / "out").settings.records()
  build.write([path], tmp_path / "report.html")
  assert (tmp_path / "report.html").stat().st_size > 1000


def test_a_flow_is_interpolated_exported_and_sampled(trained, tmp_path):
  path = trained("flow")
  asked = InterpolationFlags(pairs=1, steps=3, what=("random",), out=str(tmp_path / "paths"))
  interpolation.interpolate([path], asked)
  assert "generate.stablehlo" in exporting.write(tmp_path / "e", selection.read([path], ["0"])[0])
  (best,), (raw,) = genjax.load(path), genjax.load(path, "raw")
  z = best.noise(3)
  assert z.shape == (3, 256)
  assert best.generate(z).shape == (3, 16, 16, 1)
  assert np.abs(np.asarray(best.generate(z) - raw.generate(z))).max() > 0  # the average is another


def test_a_flow_of_another_latent(tmp_path):
  with pytest.raises(genjax.UserError, match=r"config.sweep.latents has 100, and a flow on images"):
    genjax.train(FOLDER / "flow.py", tmp_path, {"sweep.latents": (100,)})


def test_a_flow_learns_a_direction(trained):
  """Its loss falls well below that of standing still: |x - z|^2 is about 1 + the images' 0.9."""
  (run,) = genjax.load(trained("flow"))
  loss = run.metrics["loss"].values
  assert loss[-1] < 0.6 * loss[0]


def test_the_tutorial_runs_from_install_to_interpolation(caches, tmp_path, monkeypatch, capsys):
  """All cells of the notebook, with fewer steps and seeds, in one namespace."""
  cells = json.loads((FOLDER / "tutorial.ipynb").read_text())["cells"]
  code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
  changes = {
    "STEPS, SEEDS = 600, range(10)": "STEPS, SEEDS = 4, range(2)",
    "genjax.prepare_jax()": "",
  }
  text = "\n".join(code)
  for old, new in changes.items():
    assert old in text
    text = text.replace(old, new)
  shown = []
  monkeypatch.setattr("matplotlib.pyplot.show", lambda: shown.append(1))
  monkeypatch.chdir(tmp_path)
  with plt.rc_context({"figure.max_open_warning": 0}):
    exec(compile(text, "tutorial.ipynb", "exec"), {})
  plt.close("all")
  assert len(shown) == 2
  assert "latent 2" in capsys.readouterr().out
  assert (tmp_path / "vae" / "report.html").exists()
