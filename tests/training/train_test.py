"""Training from one checkpoint to the next: it can be stopped anywhere and gives the same bits."""

import contextlib
import functools
import gc
import os
import pathlib
import random
import shutil
import signal
import sys
import threading
import time

import growing
import jax
import numpy as np
import pytest
import trainings
from systems import assert_trees_equal

from genjax import process
from genjax.plotting import curves
from genjax.training import blocks, config_file, planning, study, train, workdir
from genjax.types import UserError

FAST, HUGE = 1e-3, 1e30  # learning rates: the second leaves the range of floats within steps

pytestmark = pytest.mark.usefixtures("caches")


def _rows(tree, chosen):
  return jax.tree.map(lambda leaf: leaf[np.array(chosen)], tree)


def _finite(tree):
  return all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(tree) if leaf.dtype.kind == "f")


def _assert_same(path, other, plan):
  """Two workdirs with the same last checkpoint, bit for bit, and the same tables."""
  assert_trees_equal(trainings.saved(path, plan), trainings.saved(other, plan))
  for name in ("metrics.csv", "runs.csv"):
    assert (path / name).read_text() == (other / name).read_text()


def test_the_data_of_a_study_are_read_through_once(tmp_path, monkeypatch):
  read = []
  monkeypatch.setattr(planning.files, "checksum", lambda *parts: read.append(parts) or 7)
  monkeypatch.setattr(train.Training, "__init__", lambda self, plan, path: setattr(self, "step", 0))
  monkeypatch.setattr(train.Training, "until", lambda self, steps, title: None)
  plans = planning.plans(trainings.wanted("vae", **{"grid.width": (8, 12, 16)}))
  assert read == []  # describe has no use for it
  study.run(plans, tmp_path)
  assert len(read) == 2  # training and validation images, and test images
  records = [config_file.read_config(tmp_path / folder) for folder in plans]
  assert [record["dataset"]["crc32"] for record in records] == [7, 7, 7]


# Stopping and going on.


def test_n_steps_and_n_more_equal_two_n(vae, tmp_path, no_pictures):
  path, plan = vae
  train.Training(plan, tmp_path).until(6, "")
  assert {row["last_step"] for row in trainings.runs_csv(tmp_path)} == {"6"}
  train.Training(plan, tmp_path).until(12, "")
  _assert_same(tmp_path, path, plan)


WGAN = {
  "model.network": "s1_wgan",
  "model.loss": "wasserstein",
  "model.regulariser": "clip",
  "model.optimiser": "rmsprop",
  "model.critic_steps": 2,
  "sweep.ema_decay": (0.9,),
  "sweep.latents": (2,),
  "batch_size": 8,
  "steps": 4,
  "log_every": 1,
  "eval_every": 2,
}


@pytest.fixture(scope="module")
def wgan(caches, tmp_path_factory):
  """A GAN with batch norm and averages that is done, its plan, and which figures it has drawn."""
  path, plan, drawn = tmp_path_factory.mktemp("wgan"), trainings.plan("gan", **WGAN), []
  with growing.no_pictures(), pytest.MonkeyPatch.context() as patch:
    patch.setattr(curves, "curves", lambda series, labels: drawn.extend(series))
    train.train(plan, path)
  return path, plan, drawn


def test_a_gan_with_statistics_and_averages_goes_on_to_the_same_bits(wgan, tmp_path, no_pictures):
  path, plan, _ = wgan
  for stop in (2, 4):
    train.Training(plan, tmp_path).until(stop, "")
  _assert_same(tmp_path, path, plan)
  np.testing.assert_array_equal(trainings.saved(tmp_path, plan).state.step, 4)


def test_a_finished_training_is_left_as_it_is(vae, tmp_path):
  copy = pathlib.Path(shutil.copytree(vae[0], tmp_path / "copy"))
  train.train(vae[1], copy)
  _assert_same(copy, vae[0], vae[1])
  for picture in (*copy.glob("samples/*.png"), *copy.glob("plots/*.png")):
    assert picture.read_bytes() == (vae[0] / picture.relative_to(copy)).read_bytes()


def _stop(start, path, at, how):
  """Starts the command and stops it a moment after metrics.csv has a row of the step `at`."""
  process = start()
  while not process.ended():
    if (path / "metrics.csv").exists():
      last = (path / "metrics.csv").read_text().rsplit("\n", 2)[-2]
      if last[0].isdigit() and int(last.split(",")[0]) >= at:
        break
    time.sleep(0.01)
  time.sleep(random.uniform(0, 0.3))
  process.send_signal(how)
  status, _, errors = process.wait()
  return status, errors


LONG = {"steps": 100, "log_every": 5, "eval_every": 20}


def test_an_interrupt_that_python_dropped_comes_again(monkeypatch):
  """As one raised within a callback of the garbage collector."""
  monkeypatch.setattr(process, "_commanded", threading.Event())
  monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
  before = signal.getsignal(signal.SIGINT)

  def callback(phase, info):
    gc.callbacks.remove(callback)
    signal.raise_signal(signal.SIGINT)

  try:
    process.claim_signals()
    gc.callbacks.append(callback)
    gc.collect()
    with pytest.raises(KeyboardInterrupt):
      time.sleep(10)
  finally:
    signal.signal(signal.SIGINT, before)


class _Asked:
  """Signals of which one comes after so many looks."""

  def __init__(self, looks):
    self.looks = looks

  def __bool__(self):
    self.looks -= 1
    return self.looks < 0

  def __getitem__(self, _):
    return signal.SIGTERM


def test_a_training_that_is_asked_to_end_loses_no_step(tmp_path, no_pictures, monkeypatch):
  """Between two rows of metrics.csv too: their sums are saved beside the weights."""
  monkeypatch.setattr(blocks, "LONGEST", 8)  # which gives blocks of 6, and single steps
  plan = trainings.plan("vae", steps=40, log_every=20, eval_every=40)
  whole, parts = tmp_path / "whole", tmp_path / "parts"
  train.train(plan, whole)
  with monkeypatch.context() as patch:
    patch.setattr(process, "held_signals", lambda _: contextlib.nullcontext(_Asked(2)))
    with pytest.raises(
      process.Terminated, match=r"ended by SIGTERM; .* from step (\d+) of"
    ) as told:
      train.train(plan, parts)
  assert told.value.status == 143
  (saved,) = (parts / "checkpoints").iterdir()
  assert int(saved.name) % 20
  assert f"from step {saved.name} of {parts}" in str(told.value)
  train.train(plan, parts)
  _assert_same(parts, whole, plan)


def test_a_training_that_is_asked_to_end_at_its_last_step_ends(
  vae, tmp_path, no_pictures, monkeypatch
):
  """And not the next cell of its study, or its pictures, first."""
  asked, validate = [], train.Training._validate

  def then_asked(training):
    validate(training)
    if training.step == vae[1].steps:
      asked.append(signal.SIGTERM)

  with monkeypatch.context() as patch:
    patch.setattr(process, "held_signals", lambda _: contextlib.nullcontext(asked))
    patch.setattr(train.Training, "_validate", then_asked)
    with pytest.raises(process.Terminated, match=f"from step {vae[1].steps} of"):
      train.train(vae[1], tmp_path)
  assert {row["status"] for row in trainings.runs_csv(tmp_path)} == {"running"}
  train.train(vae[1], tmp_path)
  _assert_same(tmp_path, *vae)


def test_signals_are_held_once_and_what_is_ignored_stays_so(monkeypatch):
  monkeypatch.setattr(process, "_commanded", threading.Event())
  process._commanded.set()  # or the signal would end this process
  before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
  try:
    with process.held_signals() as came:
      os.kill(os.getpid(), signal.SIGTERM)
      os.kill(os.getpid(), signal.SIGHUP)
      assert came == [signal.SIGTERM]
      assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL  # a second one ends it
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
  finally:
    signal.signal(signal.SIGHUP, before)


def test_ctrl_c_is_held_once_there_is_something_to_save(monkeypatch, capsys):
  monkeypatch.setattr(process, "_commanded", threading.Event())
  monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
  before, trained = signal.getsignal(signal.SIGINT), False
  try:
    process.claim_signals()
    with process.held_signals(lambda: trained) as came:
      with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
      assert (came, capsys.readouterr().err) == ([], "")
      trained = True
      signal.raise_signal(signal.SIGINT)
      assert came == [signal.SIGINT]
      assert capsys.readouterr().err == "\nsaving what was reached; Ctrl-C again ends at once\n"
      with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    ended = process.Terminated(came[0], "the same command goes on from step 3 of w")
    assert (str(ended), ended.status) == (
      "interrupted; the same command goes on from step 3 of w", 130
    )  # fmt: skip
  finally:
    signal.signal(signal.SIGINT, before)


def test_a_killed_and_an_interrupted_training_go_on_to_the_same_bits(tmp_path, commands):
  plan = trainings.plan(**LONG)
  whole, parts = tmp_path / "whole", tmp_path / "parts"
  flags = [f"--config.{key}={value}" for key, value in LONG.items()]
  line = "main", f"{trainings.CONFIG}:vae", f"--workdir={parts}", *flags
  start = functools.partial(commands.start, *line)
  with growing.no_pictures():
    train.train(plan, whole)
  code, errors = _stop(start, parts, 25, signal.SIGKILL)
  assert code == -signal.SIGKILL, errors
  before = {row["last_step"] for row in trainings.runs_csv(parts)}
  assert before
  assert "100" not in before
  code, errors = _stop(start, parts, 45, signal.SIGTERM)
  assert code == 128 + signal.SIGTERM, errors
  reached = max(int(file.name) for file in (parts / "checkpoints").iterdir())
  assert errors.rstrip().splitlines()[-1] == (
    f"ended by SIGTERM; the same command goes on from step {reached} of {parts}"
  )
  code, errors = _stop(start, parts, 70, signal.SIGINT)
  assert code == 130, errors
  assert "Traceback" not in errors
  reached = max(int(file.name) for file in (parts / "checkpoints").iterdir())
  assert errors.rstrip().splitlines()[-1] == (
    f"interrupted; the same command goes on from step {reached} of {parts}"
  )
  assert {row["status"] for row in trainings.runs_csv(parts)} == {"running"}
  status, output, errors = start().wait()
  assert status == 0, errors
  assert "runs at step 100" in output
  _assert_same(parts, whole, plan)
  for run, seed_and_latent in enumerate(plan.rows):
    shown = trainings.scalars(
      parts / "tensorboard" / "latent {latent}, seed {seed}".format(**seed_and_latent)
    )
    written = [row for row in trainings.metrics_csv(parts) if row["run"] == str(run)]
    assert shown == {(row["name"], int(row["step"])): np.float32(row["value"]) for row in written}
  assert not list(parts.rglob("*.partial"))
  assert not list(parts.rglob("*orbax-checkpoint-tmp*"))


@pytest.mark.parametrize("calls", [lambda taken, *_: 1, lambda taken, *_: 2 + taken % 3])
def test_how_steps_are_cut_into_calls_changes_nothing(
  vae, tmp_path, no_pictures, monkeypatch, calls
):
  monkeypatch.setattr(train, "_pace", calls)
  train.train(vae[1], tmp_path)
  _assert_same(tmp_path, *vae)


def test_pace_follows_the_time_of_a_call():
  assert train._pace(1, 100.0, 1) == 1
  assert train._pace(10, 2.0, 1) == 10
  assert train._pace(10, 4.0, 1) == 5
  assert train._pace(10, 0.0, 1) == 20  # at most twice as many
  assert train._pace(8, 1.5, 1) == 10
  assert train._pace(8, 1.5, 4) == 8  # in whole blocks
  assert train._pace(8, 100.0, 4) == 4


def test_a_block_is_traced_and_compiled_once(tmp_path, no_pictures, monkeypatch):
  plan, traced, advance = trainings.plan(), [], blocks.advance
  plan = plan._replace(model=plan.model._replace(provenance=None))  # of which no programs are kept

  def counted(model, batch_size, length, *options):
    traced.append(length)
    return advance(model, batch_size, length, *options)

  monkeypatch.setattr(blocks, "advance", counted)
  training = train.Training(plan, tmp_path)
  training.until(12, "")
  assert traced == [3]
  training = train.Training(plan, tmp_path)  # from a checkpoint
  training.until(18, "")
  assert traced == [3]
  assert len(training.programs.advance.program(3).programs) == 1
  train.Training(plan, tmp_path).until(19, "")  # which no blocks fill
  assert traced == [3, 1]


def test_a_step_is_traced_once_and_equal_plans_are_by_one_program(tmp_path, no_pictures):
  plan, traced = trainings.plan("vae", steps=3), []

  def step(*given):
    traced.append(given)
    return plan.model.step(*given)

  counted = plan._replace(model=plan.model._replace(step=step))
  train.train(counted, tmp_path / "counted")
  assert len(traced) == 1
  again = trainings.plan("vae", steps=3)
  assert again.model is plan.model
  made = [train.Training(p, tmp_path / str(i)) for i, p in enumerate((plan, again))]
  assert made[0].programs[2:] == made[1].programs[2:]
  assert made[0].programs.advance.program(3) is made[1].programs.advance.program(3)
  assert made[0].programs.begin is made[1].programs.begin
  for training in made:
    training.history.close()
    training.checkpoints.close()


@pytest.mark.parametrize("runs", [1, 3])
def test_runs_that_fill_no_two_devices_train_on_one(tmp_path, no_pictures, runs):
  changes = {"sweep.seeds": tuple(range(runs)), "sweep.latents": (2,), "log_every": 2}
  plan = trainings.plan(**changes)
  train.train(plan, tmp_path)
  progress = trainings.saved(tmp_path, plan)
  np.testing.assert_array_equal(progress.state.step, [12] * runs)
  assert sorted(trainings.metric(tmp_path, "loss")[runs - 1]) == [2, 4, 6, 8, 10, 12]


# A run that fails.


def _failing(chunk, bad):
  """Eight runs, of which 2, 3, 6 and 7 have the learning rate `bad`."""
  return trainings.plan(**{"sweep.learning_rate": (FAST, bad), "sweep.chunk": chunk})


GOOD, BAD = [0, 1, 4, 5], [2, 3, 6, 7]


@pytest.mark.parametrize("chunk", [0, 4])
def test_a_run_that_fails_leaves_the_others_bit_for_bit(tmp_path, no_pictures, chunk):
  failing, sound = _failing(chunk, HUGE), _failing(chunk, 2e-3)
  train.train(failing, tmp_path / "failing")
  train.train(sound, tmp_path / "sound")
  broken = trainings.saved(tmp_path / "failing", failing)
  whole = trainings.saved(tmp_path / "sound", sound)
  assert_trees_equal(_rows(broken, GOOD), _rows(whole, GOOD))
  for name in ("loss", "val_loss", "kl_dim/1"):
    ours, theirs = (trainings.metric(tmp_path / path, name) for path in ("failing", "sound"))
    assert {run: ours[run] for run in GOOD} == {run: theirs[run] for run in GOOD}
  # Those that failed stay at their last good state.
  failed_at = broken.failed_at[BAD]
  assert (failed_at >= 1).all()
  assert (failed_at < 12).all()
  np.testing.assert_array_equal(broken.failed_at[GOOD], -1)
  np.testing.assert_array_equal(broken.state.step[BAD], failed_at)
  assert _finite(broken.state)
  table = trainings.runs_csv(tmp_path / "failing")
  assert [row["status"] for row in table] == ["done", "done", "failed", "failed"] * 2
  assert [int(row["last_step"]) for row in table] == list(broken.state.step)
  val_runs = set(trainings.metric(tmp_path / "failing", "val_loss"))
  assert val_runs == set(GOOD)


def test_a_run_that_fails_is_frozen_where_it_was_after_its_last_good_step(tmp_path, no_pictures):
  plan = _failing(0, HUGE)
  train.train(plan, tmp_path / "on")
  frozen = trainings.saved(tmp_path / "on", plan)
  (last,) = set(frozen.failed_at[BAD].tolist())
  (tmp_path / "stopped").mkdir()
  train.Training(plan, tmp_path / "stopped").until(last, "")
  stopped = trainings.saved(tmp_path / "stopped", plan)
  assert (stopped.failed_at == -1).all()
  assert_trees_equal(_rows(frozen.state, BAD), _rows(stopped.state, BAD))


def test_a_run_that_failed_stays_failed_when_training_goes_on(tmp_path, no_pictures):
  plan = _failing(0, HUGE)
  train.Training(plan, tmp_path).until(6, "")
  before = trainings.saved(tmp_path, plan)
  train.Training(plan, tmp_path).until(12, "")
  after = trainings.saved(tmp_path, plan)
  assert_trees_equal(_rows(after, BAD), _rows(before, BAD))
  np.testing.assert_array_equal(after.state.step[GOOD], 12)


def test_when_all_runs_fail_the_training_ends_and_says_so(tmp_path, capfd):
  plan = trainings.plan(**{"sweep.learning_rate": (HUGE,), "sweep.seeds": (0,)})
  train.train(plan, tmp_path)
  table = trainings.runs_csv(tmp_path)
  assert [row["status"] for row in table] == ["failed", "failed"]
  assert [row["best_step"] for row in table] == ["0", "0"]
  assert "all runs failed" in capfd.readouterr().err
  for picture in ("samples/last.png", "samples/best.png", "plots/training.png"):
    assert (tmp_path / picture).stat().st_size > 1000
  train.train(plan, tmp_path)  # and again
  assert trainings.runs_csv(tmp_path) == table


# What is kept, counted and fed.


def test_the_best_state_is_that_of_the_lowest_validation_loss(vae):
  path, plan = vae
  progress = trainings.saved(path, plan)
  at = {step: trainings.saved(path, plan, step).state.params for step in (6, 12)}
  best = [int(row["best_step"]) for row in trainings.runs_csv(path)]
  for run, losses in trainings.metric(path, "val_loss").items():
    assert best[run] == min(losses, key=losses.get)
    assert_trees_equal(_rows(progress.best.params, run), _rows(at[best[run]], run))
    np.testing.assert_allclose(progress.best_value[run], losses[best[run]], rtol=1e-6)
  assert set(best) == {6, 12}
  np.testing.assert_array_equal(progress.best.step, best)


def test_a_row_of_metrics_csv_is_the_mean_since_the_row_before(tmp_path, no_pictures):
  plan = trainings.plan(steps=4, eval_every=4, log_every=1)
  train.train(plan, tmp_path / "each")
  plan = trainings.plan(steps=4, eval_every=4, log_every=2)
  train.train(plan, tmp_path / "two")
  each, two = (trainings.metric(tmp_path / name, "loss") for name in ("each", "two"))
  for run in range(4):
    assert sorted(each[run]) == [1, 2, 3, 4]
    assert sorted(two[run]) == [2, 4]
    np.testing.assert_allclose(two[run][2], (each[run][1] + each[run][2]) / 2, rtol=1e-6)
    np.testing.assert_allclose(two[run][4], (each[run][3] + each[run][4]) / 2, rtol=1e-6)


def test_the_gap_stands_for_a_loss_that_is_its_mirror_image(wgan):
  path, _, drawn = wgan
  kept = {row["name"] for row in trainings.metrics_csv(path)}
  assert {"critic_loss", "critic_gap", "val_critic_loss", "val_critic_gap"} <= kept
  assert set(drawn) == kept - {"critic_loss", "val_critic_loss"}


def test_a_latent_dimension_that_a_run_lacks_has_no_figure(vae):
  latents = {i: row["latent"] for i, row in enumerate(vae[1].rows)}
  for dimension in range(3):
    runs = set(trainings.metric(vae[0], f"kl_dim/{dimension}"))
    assert runs == {run for run, latent in latents.items() if latent > dimension}


@pytest.mark.parametrize(
  ("model", "epochs", "changes", "steps"),
  [
    # 1,797 digits: 300 for test; of the other 1,497, 150 for validation.
    ("vae", 1.0, {"batch_size": 16}, 84),  # 1,347 / 16
    ("vae", 2.5, {"batch_size": 16}, 210),
    ("vae", 1.0, {"batch_size": 1347}, 1),
    ("vae", 0.001, {"batch_size": 16}, 1),  # at least one
    ("gan", 10.0, {"batch_size": 16, "model.critic_steps": 5}, 168),  # 840 of the critic
  ],
)
def test_an_epoch_shows_every_image_once(model, epochs, changes, steps):
  assert trainings.plan(model, epochs=epochs, steps=0, **changes).steps == steps


def test_steps_are_taken_as_they_are():
  assert trainings.plan(steps=7).steps == 7


@pytest.mark.parametrize(
  ("model", "changes", "message"),
  [
    ("vae", {"batch_size": 1348}, r"batch_size=1348: expected 1 to 1347"),
    ("gan", {"data.size": 32}, r"images of \(28, 28, 1\), and the data's are \(32, 32, 1\)"),
    ("vae", {"data.name": "no_such_set"}, "no_such_set"),
  ],
)
def test_what_does_not_go_together_is_refused_before_training(model, changes, message):
  with pytest.raises(UserError, match=message):
    trainings.plan(model, **changes)


@pytest.mark.parametrize("binarise", [False, True])
def test_images_are_black_or_white_where_they_are_binarised(tmp_path, no_pictures, binarise):
  plan = trainings.plan(**{"data.binarise": binarise, "steps": 2, "eval_every": 2})

  def grey(batch):
    return ((batch.image > 0) & (batch.image < 1)).mean()

  def step(run, state, batch):
    state, metrics = plan.model.step(run, state, batch)
    return state, metrics | {"grey": grey(batch), "mean": batch.image.mean()}

  def diagnose(run, state, key, batch):
    return plan.model.diagnose(run, state, key, batch) | {"val_grey": grey(batch)}

  train.train(plan._replace(model=plan.model._replace(step=step, diagnose=diagnose)), tmp_path)
  for name in ("grey", "val_grey"):
    runs = trainings.metric(tmp_path, name).values()
    values = [value for steps in runs for value in steps.values()]
    assert len(values) == 4
    assert all(value == 0 if binarise else 0.1 < value < 0.5 for value in values), name
  (mean,) = trainings.metric(tmp_path, "mean")[0].values()
  assert 0.1 < mean < 0.3  # of the digits' pixels


def test_a_workdir_in_use_or_of_another_config_is_refused(vae, tmp_path):
  copy = pathlib.Path(shutil.copytree(vae[0], tmp_path / "copy"))
  files = {path: path.stat().st_mtime_ns for path in copy.rglob("*") if path.name != ".lock"}
  with (
    workdir.claim(copy),
    pytest.raises(UserError, match="is writing to it; wait for it"),
  ):
    train.train(vae[1], copy)
  with pytest.raises(UserError, match=r"model\.width is 16, was 8"):
    train.train(trainings.plan(**{"model.width": 16}), copy)
  after = {path: path.stat().st_mtime_ns for path in copy.rglob("*") if path.name != ".lock"}
  assert after == files


# Something is learnt.


def test_a_vae_learns_the_digits(tmp_path, no_pictures):
  changes = {"model.width": 32, "steps": 200, "log_every": 20, "eval_every": 200}
  plan = trainings.plan(**changes, **{"sweep.learning_rate": (3e-3,), "sweep.latents": (3,)})
  train.train(plan, tmp_path)
  pixels = plan.splits.validation.image / 255
  mean = np.clip(plan.splits.train.image.mean(0) / 255, 1e-3, 1 - 1e-3)
  # The best that a model can do that makes the same image of all.
  same = -(pixels * np.log(mean) + (1 - pixels) * np.log(1 - mean)).sum((1, 2, 3)).mean()
  for steps in trainings.metric(tmp_path, "loss").values():
    assert steps[20] > 1.3 * steps[200]
  for steps in trainings.metric(tmp_path, "val_loss").values():
    assert steps[200] < 0.95 * same


@pytest.fixture(scope="module")
def mnist():
  if not os.environ.get("TFDS_DATA_DIR"):
    pytest.skip("TFDS_DATA_DIR names no folder with MNIST")
  return planning.load_data(trainings.wanted(**{"data.name": "mnist"}))


REAL = {"data.name": "mnist", "batch_size": 32, "sweep.latents": (8,), "sweep.seeds": (0, 1, 2)}


def test_a_vae_learns_mnist(mnist, tmp_path, no_pictures):
  changes = {"model.width": 64, "steps": 300, "log_every": 10, "eval_every": 300}
  plan = planning.plan(trainings.wanted(**REAL, **changes), mnist)
  train.train(plan, tmp_path)
  for steps in trainings.metric(tmp_path, "loss").values():
    assert steps[10] > 350
    assert steps[300] < 190
  for steps in trainings.metric(tmp_path, "val_loss").values():
    assert steps[300] < 190
  for dimensions in trainings.metric(tmp_path, "kl_dim/0").values():
    assert dimensions[300] >= 0


def test_every_seed_of_a_gan_comes_nearer_to_mnist(mnist, tmp_path, no_pictures):
  changes = {"model.network": "dcgan", "model.width": 8}
  changes |= {"steps": 80, "log_every": 40, "eval_every": 80}
  changes |= {"sweep.learning_rate": (2e-3,), "sweep.b1": (0.5,), "eval_images": 100}
  plan = planning.plan(trainings.wanted("gan", **REAL, **changes), mnist)
  training = train.Training(plan, tmp_path)
  first = training.programs.measure((training.runs, training.progress.state), training.held_out)
  before = training.to_host(first["val_swd"])
  training.until(80, "")
  distances = trainings.metric(tmp_path, "val_swd")
  assert len(distances) == len(before) == 3
  fallen = [steps[80] / before[run] for run, steps in distances.items()]
  assert max(fallen) < 0.9
  assert min(fallen) < 0.6


def test_validation_part_smaller_than_asked(tmp_path, no_pictures):
  """75 images are held out, and fewer than a whole batch of the 1,000 asked for."""
  plan = trainings.plan("vae", **{"data.validation": 0.05, "eval_images": 1000})
  train.train(plan, tmp_path)
  assert trainings.metric(tmp_path, "val_loss")[0].keys() == {6, 12}


def test_what_is_wrong_with_a_run_is_said_and_stands_in_runs_csv(tmp_path, no_pictures, capsys):
  """A critic that is clipped to nothing, and one that is not; also where a training goes on."""
  changes = {"model.loss": "wasserstein", "model.regulariser": "clip", "sweep.clip": (1e-12, 0.1)}
  changes |= {"model.network": "dense", "sweep.seeds": (0,), "sweep.latents": (3,), "eval_every": 3}
  train.train(trainings.plan("gan", steps=9, **changes), tmp_path / "w")
  dead, sound = trainings.runs_csv(tmp_path / "w")
  assert "critic dead" in dead["trouble"].split("; ")
  assert "critic dead" not in sound["trouble"]
  lines = capsys.readouterr().out.splitlines()
  (at,) = [i for i, line in enumerate(lines) if "critic dead in clip 1e-12, seed 0: val_" in line]
  assert "what usually helps: model.regulariser=gradient_penalty" in lines[at + 1]

  again = train.Training(trainings.plan("gan", steps=12, **changes), tmp_path / "w")
  assert [t.name for t in again.troubles[0] if t.name == "critic dead"] == ["critic dead"]
  again.history.close()
  again.checkpoints.close()
