"""What was saved comes back bit for bit or not at all, and a run can be used on its own."""

import asyncio
import errno
import gc
import os
import pathlib
import shutil
import subprocess
import sys
import threading

import draws
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import trainings
from systems import assert_trees_close, assert_trees_equal

import genjax
from genjax import process
from genjax.rng import image_noise
from genjax.training import checkpoint, loading, sweep, train, workdir
from genjax.types import UserError


@pytest.fixture(scope="module")
def gan(caches, tmp_path_factory):
  """The workdir of a conditional GAN that was saved before its first step, and its plan."""
  path = tmp_path_factory.mktemp("gan")
  plan = trainings.plan("gan", **{"model.network": "s4_cgan", "sweep.seeds": (5,)})
  trainings.untrained(path, plan)
  return path, plan


def _tree(size=1000):
  rng = np.random.default_rng(0)
  return {
    "params": {"a": rng.normal(size=(4, size)).astype(np.float32), "b": rng.normal(size=3)},
    "step": np.array([3, 4], np.int32),
    "odd": np.array([np.nan, np.inf, -0.0, 1e-45], np.float32),
  }


# Saving and restoring.


def test_a_run_is_shown_without_its_weights(vae):
  run = genjax.load(vae[0])[0]
  assert repr(run).startswith("LoadedRun(seed=0, latent=")
  assert repr(run).endswith(f"step={run.step}, failed_at=-1)")
  assert len(repr(run)) < 200


def test_a_tree_comes_back_bit_for_bit(tmp_path):
  tree = _tree()
  writer = checkpoint.Checkpoints(tmp_path / "c", keep=2)
  assert writer.latest() is None
  writer.save(7, tree)
  writer.close()
  reader = checkpoint.Checkpoints(tmp_path / "c")
  assert reader.latest() == 7
  back = reader.restore(7, tree)
  reader.close()
  for path, leaf in jax.tree.leaves_with_path(tree):
    found = dict(jax.tree.leaves_with_path(back))[path]
    assert found.dtype == leaf.dtype
    assert found.tobytes() == leaf.tobytes(), path


def test_a_few_are_kept_and_the_newest_is_the_latest(tmp_path):
  writer = checkpoint.Checkpoints(tmp_path, keep=2)
  for step in (5, 10, 15, 20):
    writer.save(step, {"step": np.full(2, step)})
  writer.close()
  assert sorted(path.name for path in tmp_path.iterdir()) == ["15", "20"]
  reader = checkpoint.Checkpoints(tmp_path)
  assert reader.latest() == 20
  np.testing.assert_array_equal(reader.restore(15, {"step": np.zeros(2, int)})["step"], 15)
  reader.close()


def test_what_a_killed_process_left_half_written_is_removed_by_the_next_writer(tmp_path):
  writer = checkpoint.Checkpoints(tmp_path, keep=2)
  writer.save(5, _tree())
  writer.close()
  left = tmp_path / "10.orbax-checkpoint-tmp"
  shutil.copytree(tmp_path / "5", left)
  reader = checkpoint.Checkpoints(tmp_path)
  assert reader.latest() == 5
  reader.close()
  assert left.exists()  # a reader leaves it: another process may be writing
  (left / "more").write_text("")
  writer = checkpoint.Checkpoints(tmp_path, keep=2)
  assert writer.latest() == 5
  writer.save(10, _tree())
  writer.close()
  assert sorted(path.name for path in tmp_path.iterdir()) == ["10", "5"]
  assert not (tmp_path / "10" / "more").exists()


@pytest.mark.parametrize(
  ("other", "difference"),
  [
    ({"step": np.zeros(3, np.int32)}, r"step is \[2\] int32 there and \[3\] int32 here"),
    ({"step": np.zeros(2)}, r"step is \[2\] int32 there and \[2\] float64 here"),
    (
      {"step": np.zeros(2, np.int32), "more": np.zeros(2)},
      r"more is absent there and \[2\] float64 here",
    ),
    ({"steps": np.zeros(2, np.int32)}, r"steps is absent there and \[2\] int32 here"),
    ({}, r"step is \[2\] int32 there and absent here"),
  ],
)
def test_a_checkpoint_of_something_else_is_not_called_damaged(tmp_path, other, difference):
  writer = checkpoint.Checkpoints(tmp_path, keep=1)
  writer.save(5, {"step": np.array([1, 2], np.int32)})
  writer.close()
  reader = checkpoint.Checkpoints(tmp_path)
  with pytest.raises(UserError, match=rf"/5 is of another model: {difference}; the code"):
    reader.restore(5, other)
  reader.close()


def test_a_checkpoint_that_lists_no_arrays_is_not_called_damaged_either(tmp_path, monkeypatch):
  """As genjax 0.1.0 wrote them: orbax's own metadata say what there is."""
  save = checkpoint.ocp.args.JsonSave
  with monkeypatch.context() as patch:
    patch.setattr(checkpoint.ocp.args, "JsonSave", lambda about: save({"crc32": about["crc32"]}))
    writer = checkpoint.Checkpoints(tmp_path, keep=1)
    writer.save(5, _tree())
    writer.close()
  reader = checkpoint.Checkpoints(tmp_path)
  assert_trees_equal(reader.restore(5, _tree()), _tree())
  with pytest.raises(
    UserError, match=r"params\.a is \[4, 1000\] float32 there and \[4, 7\] float32"
  ):
    reader.restore(5, _tree(7))
  (tmp_path / "5" / "tree" / "_METADATA").write_text("")
  with pytest.raises(UserError, match="5 is damaged or cut short"):
    reader.restore(5, _tree())
  reader.close()


def test_a_model_that_changed_is_named_by_its_array(vae):
  """As when somebody edits a layer after training: nobody is told to delete the checkpoint."""
  wider = trainings.plan("vae", **{"sweep.learning_rate": (1e-3, 0.3), "model.width": 12})
  line = r"decoder\.Dense_0\.kernel is \[8, 8, 784\] float32 there and \[8, 12, 784\] float32 here"
  with pytest.raises(UserError, match=line) as told:
    trainings.saved(vae[0], wider)
  assert "delete" not in str(told.value)


@pytest.mark.parametrize("forbidden", ["file", "folder"])
def test_what_may_not_be_read_is_not_called_damaged(vae, tmp_path, forbidden):
  copy = _copy(vae, tmp_path)
  folder = copy / "checkpoints" / "12" / "tree"
  target = folder / "_METADATA" if forbidden == "file" else folder
  code = f"from genjax.training import checkpoint; print(checkpoint._unreadable({str(folder)!r}))"
  target.chmod(0)
  try:
    # Root reads everything unless it gives that up.
    drop = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.getuid() == 0 else []
    if drop and not shutil.which("setpriv"):
      pytest.skip("root reads everything, and there is no setpriv")
    told = subprocess.run([*drop, sys.executable, "-c", code], capture_output=True, text=True)
  finally:
    target.chmod(0o755)
  assert told.stdout.strip() == f"{target}: Permission denied"


# Damage.


def _halve(data):
  return data[: len(data) // 2]


def _flip(data):
  middle = len(data) // 2
  return data[:middle] + bytes([data[middle] ^ 0x10]) + data[middle + 1 :]


DAMAGE = {"halved": _halve, "empty": lambda data: b"", "flipped": _flip, "absent": None}


def _copy(vae, tmp_path):
  return pathlib.Path(shutil.copytree(vae[0], tmp_path / "copy"))


def _damage(file, how):
  if DAMAGE[how] is None:
    file.unlink()
  else:
    file.write_bytes(DAMAGE[how](file.read_bytes()))


@pytest.fixture
def commanded(monkeypatch):
  """This process is a command's, which does not wait for reads that end after one that failed."""
  monkeypatch.setattr(process, "_commanded", threading.Event())
  process._commanded.set()
  monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)


@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_file_gives_the_right_numbers_or_an_error(vae, tmp_path, how, capfd, commanded):
  """Every file of a checkpoint in turn: its numbers, or the line that says what to do."""
  right = trainings.saved(*vae)
  copy = _copy(vae, tmp_path)
  newest = copy / "checkpoints" / "12"
  refused = {}
  for file in sorted(path for path in newest.rglob("*") if path.is_file()):
    whole = file.read_bytes()
    _damage(file, how)
    try:
      assert_trees_equal(trainings.saved(copy, vae[1]), right)
    except UserError as error:
      refused[file] = str(error)
    file.write_bytes(whole)
  sizes = {file: file.stat().st_size for file in newest.rglob("*") if file.is_file()}
  data = {file for file, size in sizes.items() if size > 50_000}
  assert data
  assert data | {newest / "tree" / "_METADATA", newest / "checksum" / "metadata"} <= set(refused)
  assert set(refused.values()) <= {
    f"checkpoint {newest} is damaged or cut short ({why}); delete that folder, and the "
    "command that made the workdir goes on from step 6"
    for why in ("files in it are missing or broken", "its checksum differs")
  }
  assert_trees_equal(trainings.saved(copy, vae[1]), right)  # what was put back is whole
  assert "Traceback" not in capfd.readouterr().err


async def _read_unasked(words):
  async def fail():
    raise ValueError(words)

  reading = asyncio.ensure_future(fail())
  await asyncio.sleep(0)
  assert reading.done()


def test_reads_that_fail_beside_the_one_that_is_told_say_nothing(tmp_path, caplog):
  writer = checkpoint.Checkpoints(tmp_path / "c", keep=1)
  writer.save(1, _tree())
  writer.close()
  path = tmp_path / "c" / "1" / "tree"
  asyncio.run(_read_unasked(f"of {path}, which nobody was told of"))
  gc.collect()
  shutil.rmtree(path / "d")
  with pytest.raises(UserError, match="damaged or cut short"):
    checkpoint.Checkpoints(tmp_path / "c").restore(1, _tree())
  asyncio.run(_read_unasked(f"of {path}, which was told"))
  asyncio.run(_read_unasked("of something else"))
  gc.collect()
  late = [str(record.exc_info[1]) for record in caplog.records if record.name == "asyncio"]
  assert late == [f"of {path}, which nobody was told of", "of something else"]


@pytest.mark.parametrize(
  ("error", "said"),
  [(MemoryError(), "out of memory"), (OSError(errno.EIO, "Input/output error"), "Input/output")],
)
def test_what_a_machine_lacks_is_no_damage(tmp_path, monkeypatch, error, said):
  writer = checkpoint.Checkpoints(tmp_path, keep=1)
  writer.save(5, _tree())

  def fail(*arguments, **options):
    raise ValueError("while reading") from error

  with monkeypatch.context() as patch:
    patch.setattr(writer._manager, "restore", fail)
    with pytest.raises(UserError, match=rf"5 cannot be read \({said}") as refused:
      writer.restore(5, _tree())
  assert "delete" not in str(refused.value)
  assert_trees_equal(writer.restore(5, _tree()), _tree())
  writer.close()


def test_every_byte_of_the_numbers_is_watched(vae, tmp_path, commanded):
  right = trainings.saved(*vae)
  copy = _copy(vae, tmp_path)
  files = [path for path in (copy / "checkpoints" / "12").rglob("*") if path.is_file()]
  file = max(files, key=lambda path: path.stat().st_size)
  whole = file.read_bytes()
  refused = 0
  for place in np.linspace(0, len(whole) - 1, 25).astype(int):
    file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
    try:
      assert_trees_equal(trainings.saved(copy, vae[1]), right)
    except UserError:
      refused += 1
  assert refused >= 20  # the rest is padding


@pytest.mark.parametrize("how", ["halved", "flipped"])
def test_training_refuses_a_damaged_checkpoint_and_goes_on_once_it_is_deleted(vae, tmp_path, how):
  copy = _copy(vae, tmp_path)
  newest = copy / "checkpoints" / "12"
  files = [path for path in newest.rglob("*") if path.is_file()]
  _damage(max(files, key=lambda path: path.stat().st_size), how)
  before = {path: path.read_bytes() for path in copy.glob("*.csv")}
  with pytest.raises(UserError, match=r"12 is damaged or cut short .*; .* goes on from step 6$"):
    train.train(vae[1], copy)
  assert {path: path.read_bytes() for path in copy.glob("*.csv")} == before  # nothing is lost
  shutil.rmtree(newest)
  with pytest.raises(
    UserError, match=r"trained to step 12, .* last checkpoint is of step 6; rerun"
  ):
    genjax.load(copy)  # whoever reads is not given other weights
  train.train(vae[1], copy)
  assert_trees_equal(trainings.saved(copy, vae[1]), trainings.saved(*vae))
  for name in ("metrics.csv", "runs.csv"):
    assert (copy / name).read_text() == (vae[0] / name).read_text()


@pytest.mark.parametrize(
  "damage",
  [
    lambda text: text[: len(text) * 2 // 3],
    lambda text: text.replace("\n0,", "\n7,"),
    lambda text: text[: text.rstrip().rindex("\n") + 1],  # without the last run
    lambda text: text.replace("done", "dne"),
    lambda text: text.replace("12", "twelve"),
    lambda text: "\0" + text,
    lambda text: "",
  ],
)
def test_training_writes_a_damaged_table_of_runs_anew(vae, tmp_path, no_pictures, damage):
  copy = _copy(vae, tmp_path)
  file = copy / "runs.csv"
  right = file.read_text()
  file.write_text(damage(right))
  assert file.read_text() != right
  train.train(vae[1], copy)
  assert file.read_text() == right


def test_training_tells_what_was_changed_by_hand_in_its_config(vae, tmp_path):
  copy = _copy(vae, tmp_path)
  text = (copy / "config.json").read_text()
  (copy / "config.json").write_text(text.replace('"steps": 12', '"steps": "twelve"'))
  with pytest.raises(UserError, match=r"another config: steps is 12, was 'twelve'. Restore"):
    train.train(vae[1], copy)
  with pytest.raises(UserError, match=r"expected a whole number from 0; restore it$"):
    genjax.load(copy)


def test_the_only_checkpoint_damaged_means_from_the_start(vae, tmp_path):
  copy = _copy(vae, tmp_path)
  shutil.rmtree(copy / "checkpoints" / "6")
  (copy / "checkpoints" / "12" / "tree" / "_METADATA").write_text("")
  with pytest.raises(UserError, match=r"the command that made the workdir goes on from the start$"):
    trainings.saved(copy, vae[1])
  with pytest.raises(UserError, match=r"the command that made the workdir goes on from the start$"):
    genjax.load(copy)


# Runs on their own.


def test_load_gives_the_runs_of_runs_csv(vae):
  loaded = genjax.load(vae[0])
  written = trainings.runs_csv(vae[0])
  assert len(loaded) == len(written) == 8
  for run, row in zip(loaded, written, strict=True):
    of_files = ("run", "status", "best_step", "last_step", "trouble")
    numbers = {name: float(value) for name, value in row.items() if name not in of_files}
    assert {name: float(value) for name, value in run.numbers.items()} == numbers
    assert numbers.keys() >= {"seed", "latent", "learning_rate", "b1", "kl_weight"}
    assert run.failed_at == -1


def test_load_takes_the_best_step_or_the_last(vae):
  written = trainings.runs_csv(vae[0])
  best, last = genjax.load(vae[0]), genjax.load(str(vae[0]), "last")
  assert [run.step for run in best] == [int(row["best_step"]) for row in written]
  assert [run.step for run in last] == [12] * 8
  assert {run.step for run in best} == {6, 12}  # so that the two differ
  z = jnp.ones((1, 2))
  worse = [run.step for run in best].index(6)
  padded = z if best[worse].numbers["latent"] == 2 else jnp.ones((1, 3))
  assert not np.array_equal(best[worse].generate(padded), last[worse].generate(padded))
  with pytest.raises(UserError, match="weights is 'first'; expected 'best', 'last' or"):
    genjax.load(vae[0], "first")


@pytest.mark.parametrize("trained", ["vae", "gan"])
def test_generate_is_the_model_on_padded_noise(trained, request):
  path, plan = request.getfixturevalue(trained)
  progress = trainings.saved(path, plan)
  runs = sweep.runs(plan.rows)
  label = jnp.array([3, 1, 4, 1]) if plan.model.num_classes else None
  generate = jax.jit(plan.model.generate)
  for i, loaded in enumerate(genjax.load(path, "last")):
    run, state = jax.tree.map(lambda leaf, i=i: leaf[i], (runs, progress.state))
    latent = loaded.numbers["latent"]
    z = draws.normal(i, (4, latent))
    padded = jnp.concatenate([z, jnp.zeros((4, plan.model.latent - latent))], 1)
    images = loaded.generate(z, label)
    np.testing.assert_allclose(images, generate(run, state, padded, label), atol=1e-6)
    assert images.shape == (4, 28, 28, 1)
    assert float(images.std()) > 1e-3
    assert_trees_equal(loaded.state, state._replace(opt_state={}))


def test_a_loaded_run_is_a_pure_function(vae):
  run = genjax.load(vae[0])[0]
  z = draws.normal(0, (3, 2))
  images = run.generate(z)
  assert_trees_close(jax.jit(run.generate)(z), images, atol=1e-6)
  one_by_one = jax.vmap(lambda row: run.generate(row[None])[0])(z)
  assert_trees_close(one_by_one, images, atol=1e-6)
  slope = jax.grad(lambda z: run.generate(z).sum())(z)
  assert slope.shape == (3, 2)
  assert float(jnp.abs(slope).min()) > 0


def test_what_one_loaded_run_compiled_serves_the_others(vae):
  first, second, *_ = [run for run in genjax.load(vae[0]) if run.numbers["latent"] == 2]
  z, image = first.noise(3), jnp.zeros((3, 28, 28, 1))
  images, (mean, _) = first.generate(z), first.encode(image)
  with jax.no_tracing():
    assert not np.array_equal(second.generate(z), images)
    assert not np.array_equal(second.encode(image)[0], mean)


def test_the_noise_of_a_run_is_that_of_the_commands(vae):
  narrow, wide = (genjax.load(vae[0])[i] for i in (0, -1))
  assert (narrow.numbers["latent"], wide.numbers["latent"]) == (2, 3)
  z = wide.noise(5, seed=4)
  np.testing.assert_allclose(z, image_noise(4, jnp.arange(9), 3)[:5], rtol=1e-6)
  np.testing.assert_allclose(narrow.noise(5, seed=4), z[:, :2], rtol=1e-6)
  assert not np.array_equal(wide.noise(5), z)
  assert narrow.generate(narrow.noise(2)).shape == (2, 28, 28, 1)


@pytest.mark.parametrize(
  ("kind", "middle"),
  [("linear", [1.5, 2]), ("spherical", [3.5 / np.sqrt(2), 3.5 / np.sqrt(2)])],
)
def test_interpolating_from_one_latent_to_another(vae, kind, middle):
  run = genjax.load(vae[0])[0]
  a, b = np.array([3.0, 0.0]), np.array([0.0, 4.0])
  images = run.interpolate(a, b, steps=3, kind=kind)
  expected = run.generate(jnp.array([[3, 0], middle, [0, 4]], jnp.float32))
  np.testing.assert_allclose(images, expected, atol=1e-5)
  assert run.interpolate(a, b).shape == (9, 28, 28, 1)
  with pytest.raises(UserError, match="kind is 'square'; expected linear or spherical"):
    run.interpolate(a, b, kind="square")
  for ends in ((np.ones(3), np.ones(3)), (np.ones(1), np.ones(2)), (np.ones(2), np.ones((1, 2)))):
    with pytest.raises(UserError, match=r"this run takes \[2\]"):
      run.interpolate(*ends)


def test_interpolating_within_a_class(gan):
  run = genjax.load(gan[0])[0]
  a, b = run.noise(2)
  images = run.interpolate(a, b, steps=2, label=3)
  expected = run.generate(run.noise(2), jnp.array([3, 3]))
  np.testing.assert_allclose(images, expected, atol=1e-6)
  with pytest.raises(UserError, match="this model is conditional"):
    run.interpolate(a, b)


def test_metrics_of_a_run(vae, tmp_path):
  run = genjax.load(vae[0])[3]
  assert (run.path, run.index) == (vae[0], 3)
  written = trainings.metric(vae[0], "val_loss")[3]
  steps, values = run.metrics["val_loss"]
  assert steps.tolist() == [6, 12] == list(written)
  np.testing.assert_array_equal(values.astype(np.float32), list(written.values()))
  assert {"loss", "kl_dim/0", "kl_dim/1"} <= run.metrics.keys()
  copy = _copy(vae, tmp_path)
  run = genjax.load(copy)[3]
  assert "fd@ab" not in run.metrics
  with open(copy / "metrics.csv", "a") as file:
    file.write("12,3,fd@ab,7.5\n6,3,fd@ab,8.5\n12,4,fd@ab,1.5\n")
  assert [part.tolist() for part in run.metrics["fd@ab"]] == [[6, 12], [8.5, 7.5]]
  (copy / "metrics.csv").unlink()
  assert run.metrics == {}


@pytest.mark.parametrize("shape", [(4, 3), (4, 1), (2,), (4, 2, 1), (0, 2)])
def test_noise_of_another_shape_is_refused(vae, shape):
  run = genjax.load(vae[0])[0]
  assert run.numbers["latent"] == 2
  with pytest.raises(UserError, match=r"this run takes \[B, 2\]"):
    run.generate(jnp.zeros(shape))
  with pytest.raises(UserError, match=r"this run takes \[B, 2\]"):
    run.generate(np.zeros(shape).tolist())
  for given in ((0,), ("3",), (2, 1.5), (2, -1)):
    with pytest.raises(UserError, match=r"(count|seed) is .*; expected a whole number from [01]"):
      run.noise(*given)


def test_a_vae_encodes_to_the_run_s_own_dimensions(vae):
  image = jnp.asarray(vae[1].splits.test.image[:5], jnp.float32) / 255
  runs, state = sweep.runs(vae[1].rows), trainings.saved(*vae).state
  for i, loaded in enumerate(genjax.load(vae[0], "last")):
    assert loaded.score is None
    mean, logvar = loaded.encode(image)
    row = jax.tree.map(lambda leaf, i=i: leaf[i], (runs, state))
    expected = vae[1].model.encode(*row, image)
    latent = loaded.numbers["latent"]
    assert mean.shape == logvar.shape == (5, latent)
    np.testing.assert_array_equal(mean, expected[0][:, :latent])
    np.testing.assert_array_equal(logvar, expected[1][:, :latent])
    assert loaded.generate(mean).shape == (5, 28, 28, 1)


def test_a_gan_scores_images(gan):
  image = jnp.asarray(gan[1].splits.test.image[:5], jnp.float32) / 255
  label = jnp.asarray(gan[1].splits.test.label[:5])
  runs, state = sweep.runs(gan[1].rows), trainings.saved(*gan).state
  for i, loaded in enumerate(genjax.load(gan[0], "last")):
    assert loaded.encode is None
    run, state_i = jax.tree.map(lambda leaf, i=i: leaf[i], (runs, state))
    expected = gan[1].model.score(run, state_i, image, label)
    np.testing.assert_array_equal(loaded.score(image, label), expected)
    assert expected.shape == (5,)


@pytest.mark.parametrize("shape", [(2, 32, 32, 3), (2, 28, 28), (28, 28, 1), (2, 1, 28, 28), ()])
@pytest.mark.parametrize("trained", ["vae", "gan"])
def test_images_of_another_shape_are_refused(trained, shape, request):
  run = genjax.load(request.getfixturevalue(trained)[0])[0]
  image = np.zeros(shape, np.float32)
  with pytest.raises(UserError, match=r"this run takes \[B, 28, 28, 1\]") as caught:
    run.encode(image) if run.encode else run.score(image, jnp.array([0, 1]))
  assert str(caught.value).startswith(f"images have shape {shape}; ")


def test_images_in_whole_numbers_and_labels_that_nothing_reads_are_refused(vae, gan):
  image, (plain, conditional) = (
    np.zeros((2, 28, 28, 1), np.uint8),
    (genjax.load(x[0])[0] for x in (vae, gan)),
  )
  with pytest.raises(UserError, match=r"images are uint8; this run takes floats in \[0, 1\]"):
    plain.encode(image)
  with pytest.raises(UserError, match="images are uint8"):
    conditional.score(image, np.zeros(2, int))
  for call in (
    lambda: plain.generate(plain.noise(2), 3),
    lambda: plain.interpolate(*plain.noise(2), label=3),
  ):
    with pytest.raises(UserError, match="this model takes no label"):
      call()


def test_a_conditional_run_needs_labels(gan):
  run = genjax.load(gan[0])[0]
  z, image = jnp.zeros((2, 2)), jnp.zeros((2, 28, 28, 1))
  for call in (lambda: run.generate(z), lambda: run.score(image)):
    with pytest.raises(UserError, match=r"conditional: give label \[B\], 0 to 9"):
      call()
  images = run.generate(z, jnp.array([0, 1]))
  assert float(jnp.abs(images[0] - images[1]).max()) > 1e-4


# Wrong paths.


def test_load_says_what_a_path_is_not(vae, tmp_path):
  (tmp_path / "file").write_text("")
  for place, why in {
    tmp_path: "it has no config.json",
    tmp_path / "absent": "there is no such folder",
    tmp_path / "file": "it is a file",
  }.items():
    with pytest.raises(UserError, match=f"^{place} is not a genjax workdir: {why}"):
      genjax.load(place)
  grid = tmp_path / "grid"
  shutil.copytree(vae[0], grid / "width=8")
  with pytest.raises(UserError, match=r"no config\.json; its folders are workdirs, as .*/width=8$"):
    genjax.load(grid)
  assert len(genjax.load(grid / "width=8")) == 8


@pytest.mark.parametrize("left", ["nothing", "an empty folder"])
def test_a_workdir_without_a_checkpoint_is_said_to_have_none(vae, tmp_path, left):
  copy = _copy(vae, tmp_path)
  shutil.rmtree(copy / "checkpoints")
  if left == "an empty folder":
    (copy / "checkpoints").mkdir()
  with pytest.raises(UserError, match=f"^{copy} has no checkpoint yet; train it first"):
    genjax.load(copy)


def test_a_checkpoint_that_a_training_removes_meanwhile_gives_way_to_the_later_one(
  vae, tmp_path, monkeypatch
):
  path = pathlib.Path(shutil.copytree(vae[0], tmp_path / "copy")) / "checkpoints"
  workdir.reopen(path.parent)
  (path / "12").rename(tmp_path / "12")
  steps = []

  def late(self, step, like):
    steps.append(step)
    if step == 6:
      (tmp_path / "12").rename(path / "12")
      shutil.rmtree(path / "6")
    return restore(self, step, like)

  restore = checkpoint.Checkpoints.restore
  monkeypatch.setattr(checkpoint.Checkpoints, "restore", late)
  np.testing.assert_array_equal(loading.read(path.parent).progress.state.step, 12)
  assert steps == [6, 12]


def test_loading_leaves_the_workdir_as_it_is(vae):
  def listing():
    return {path: path.stat().st_mtime_ns for path in vae[0].rglob("*")}

  before = listing()
  genjax.load(vae[0])
  assert listing() == before
