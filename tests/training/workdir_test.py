"""The files of a workdir: who may write them, what is in them, and what a resumed run keeps."""

import errno
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from importlib import metadata

import numpy as np
import pytest
import trainings

import genjax
from genjax import config, files
from genjax.config import keys
from genjax.scoring import score_files
from genjax.scoring.score_files import Place
from genjax.training import config_file, metrics_file, provenance, workdir
from genjax.types import UserError

SWEEP = {"seeds": [0, 1], "b2": [0.999], "decay_steps": [0.0], "seeds_at_once": 0}
MODEL = {"name": "vae", "precision": "float32"}
RECORD = {
  "config": {
    "contrasts": "",
    "mark": [],
    "batch_size": 8,
    "model": MODEL | {"width": 16},
    "sweep": SWEEP,
  },
  "dataset": {"source": "digits", "image_shape": (28, 28, 1), "train": 100},
}


# config.json


def test_config_json_has_the_config_the_data_the_revision_and_the_versions(tmp_path):
  config_file.settle(tmp_path, RECORD)
  written = json.loads((tmp_path / "config.json").read_text())
  assert written["config"]["model"] == RECORD["config"]["model"]
  assert written["config"]["sweep"] == SWEEP
  assert written["dataset"]["image_shape"] == [28, 28, 1]
  assert isinstance(written["revision"], str)
  assert {"genjax", "jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy"} == set(
    written["versions"]
  )
  assert written["versions"]["numpy"] == np.__version__
  assert written["versions"]["genjax"] == metadata.version(genjax.DISTRIBUTION)
  assert config_file.read_config(tmp_path)["dataset"] == written["dataset"]
  assert [file.name for file in tmp_path.iterdir()] == ["config.json"]


def test_where_a_workdir_comes_from_is_written_once_and_never_compared(tmp_path):
  config_file.settle(tmp_path, RECORD, {"command": "python -m genjax.main --workdir='a b'"})
  config_file.settle(tmp_path, RECORD, {"command": "python -m genjax.main --workdir=c"})
  assert config_file.read_config(tmp_path)["command"] == "python -m genjax.main --workdir='a b'"


def test_the_same_record_settles_again_and_leaves_the_file(tmp_path):
  config_file.settle(tmp_path, RECORD)
  before = (tmp_path / "config.json").read_bytes()
  config_file.settle(tmp_path, RECORD)
  assert (tmp_path / "config.json").read_bytes() == before


def test_what_says_how_and_not_what_may_change(tmp_path):
  """As sweep.chunk, after memory ran out: config.json then has the new values."""
  config = {"keep": 3, "eval_every": 4, "data": {"dir": "a", "cache": "", "background": "white"}}
  record = RECORD | {"config": RECORD["config"] | config}
  config_file.settle(tmp_path, record, {"command": "first"})
  free = {
    "keep": 5,
    "eval_every": 2,
    "data": {"dir": "b", "cache": "c", "background": "white"},
    "sweep": SWEEP | {"chunk": 2},
  }
  config_file.settle(tmp_path, record | {"config": record["config"] | free}, {"command": "second"})
  found = config_file.read_config(tmp_path)
  assert found["config"]["sweep"] == SWEEP | {"chunk": 2}
  assert (found["config"]["keep"], found["config"]["data"]["dir"]) == (5, "b")
  assert found["command"] == "first"
  (change,) = found["changes"]
  assert change.endswith(
    ", from step 0 on: data.cache is 'c', was ''; data.dir is 'b', was 'a'; eval_every is 2, was 4;"
    " keep is 5, was 3; sweep.chunk is 2, was 'absent'"
  )
  with pytest.raises(UserError, match=r"batch_size is 9, was 8\. "):
    config_file.settle(tmp_path, record | {"config": record["config"] | free | {"batch_size": 9}})


# What files of before a key meant, by format: history, which no later code changes.
MEANT_BY_ALL = {
  2: {
    "contrasts": "", "mark": [], "data.background": "white", "model.precision": "float32",
    "sweep.b2": [0.999], "sweep.decay_steps": [0.0], "sweep.seeds_at_once": 0,
  },
  1: {"model.initialiser": "lecun_normal", "model.optimiser_rule": "optax"},
}  # fmt: skip
MEANT = {
  "vae": {2: {}, 1: {"model.reconstruction": "sum"}},
  "gan": {
    2: {
      "model.spectral_norm": False, "model.shared_images": False,
      "sweep.critic_learning_rate": [0.0],
    },
    1: {
      "model.critic_warmup": 0, "model.clipped": "weights", "model.clip_first": False,
      "model.half_batches": False, "model.label_noise": 0.0, "model.batch_norm": "torch",
    },
  },
}  # fmt: skip


@pytest.mark.parametrize(("model", "count"), [("vae", 40), ("gan", 58)])
def test_a_config_of_before_some_keys_is_read_with_what_it_meant(model, count):
  """A key that is new says what was meant before, or old workdirs could not be read."""
  full = json.loads(json.dumps(config.default(model).to_dict()))
  for form in (2, 1):
    meant = MEANT_BY_ALL[form] | MEANT[model][form]
    if form == 1:
      meant |= MEANT_BY_ALL[2] | MEANT[model][2]
    expected = {k: dict(part) if isinstance(part, dict) else part for k, part in full.items()}
    old = {k: dict(part) if isinstance(part, dict) else part for k, part in full.items()}
    for name, value in meant.items():
      section, _, last = name.rpartition(".")
      (expected[section] if section else expected)[last] = value
      del (old[section] if section else old)[last]
      if section == "model":
        del old["grid"][last]
    if form == 2:
      assert len(config.flatten(old)) == count  # of the first format 2
    keys.complete_older(old, form)
    assert old == expected
    assert keys_by_format(model)[form] == set(MEANT_BY_ALL[form] | MEANT[model][form])


def keys_by_format(model):
  """Format -> the keys of a model that files of it may lack and later ones have."""
  found = {1: set(), 2: set()}
  for key in keys.KEYS:
    if key.older and model in (key.models or (model,)):
      found[key.older[0]].add(key.name)
  return found


@pytest.mark.parametrize("model", ["vae", "gan"])
def test_a_file_of_before_some_keys_is_completed_when_it_is_read(tmp_path, model):
  full = json.loads(json.dumps(config.default(model).to_dict()))
  old = json.loads(json.dumps(full))
  del old["mark"], old["sweep"]["b2"]
  config_file.settle(tmp_path, RECORD | {"config": old})
  assert config_file.read_config(tmp_path)["config"] == full


def test_test_images_are_data_as_well(tmp_path):
  """Older records know nothing of them."""
  data = {"source": "a", "crc32": 7, "test": 10, "test_crc32": 8}
  old = {key: data[key] for key in ("source", "crc32")}
  assert config_file.data_differences(old, data) == []
  assert config_file.data_differences(data, data | {"source": "b", "classes": ["x"]}) == []
  assert config_file.data_differences(data, data | {"test_crc32": 9}) == ["test_crc32 is 9, was 8"]
  config_file.settle(tmp_path, RECORD | {"dataset": old})
  config_file.settle(tmp_path, RECORD | {"dataset": data})  # and are noted where it goes on
  assert config_file.read_config(tmp_path)["dataset"] == data


def test_lost_figures_are_spoken_of_once(tmp_path, caplog):
  metrics_file.tell_lost_figures(tmp_path / "new")
  (tmp_path / "checkpoints" / "6").mkdir(parents=True)
  for _ in range(2):
    metrics_file.tell_lost_figures(tmp_path)
  (record,) = caplog.records
  assert record.getMessage().startswith(f"{tmp_path} has no metrics.csv")


def test_figures_are_appended_to_no_line_that_was_cut_short(tmp_path, caplog):
  file = tmp_path / "metrics.csv"
  metrics_file.write(file, ["4,0,loss,1", "4,1,loss,2"])
  whole = file.read_text()
  metrics_file.mend(tmp_path)
  assert (file.read_text(), caplog.records) == (whole, [])
  file.write_text(whole + "4,1")
  metrics_file.mend(tmp_path)
  assert file.read_text() == whole
  assert caplog.records[0].getMessage() == (
    f"{file} was cut short; what followed its last whole line is gone."
  )
  metrics_file.append(file, [(5, 0, "fd@1", 3.0)])
  assert [row.name for row in metrics_file.read_rows(file, 2)] == ["loss", "loss", "fd@1"]


def test_data_are_the_same_by_their_checksum_whatever_they_are_called(tmp_path):
  data = {"source": "faces (folder of images)", "crc32": 7}
  moved = {"data": {"name": "/new/people"}, "model": MODEL}
  record = {"config": moved | {"data": {"name": "/old/faces"}}, "dataset": data}
  config_file.settle(tmp_path, record)
  renamed = data | {"source": "people (folder of images)"}
  config_file.settle(tmp_path, {"config": moved, "dataset": renamed})
  assert config_file.read_config(tmp_path)["config"]["data"]["name"] == "/new/people"
  moved["data"]["background"] = "black"
  named = r"crc32 is 8, was 7; data.background is 'black', was 'white'"
  with pytest.raises(UserError, match=named):
    config_file.settle(tmp_path, {"config": moved, "dataset": renamed | {"crc32": 8}})


def test_the_revision_is_this_package_s_and_no_other_repository_s(tmp_path, monkeypatch):
  def git(*arguments):
    who = ["-c", "user.email=a@b", "-c", "user.name=a"]
    subprocess.run(["git", *who, *arguments], cwd=tmp_path, check=True, capture_output=True)

  def revision(package):
    monkeypatch.setattr(provenance, "__file__", str(package / "training" / "provenance.py"))
    return provenance.revision.__wrapped__()

  installed, own = tmp_path / ".venv" / "lib" / "genjax", tmp_path / "genjax"
  for package in (installed, own):
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
  git("init", "-q")
  (tmp_path / "paper.tex").write_text("x")
  git("add", "paper.tex")
  git("commit", "-qm", "paper")
  assert revision(installed) == revision(own) == ""  # beside somebody's paper
  git("add", "--force", ".")
  git("commit", "-qm", "all")
  assert revision(installed) == ""
  assert revision(own) == ""  # a copy in somebody's repository
  (tmp_path / "setup.cfg").write_text("[metadata]\nname = genjax-seeds\n")
  git("add", "setup.cfg")
  git("commit", "-qm", "ours")
  assert len(revision(own)) == 40
  (own / "__init__.py").write_text("1")
  assert revision(own).endswith("+changes")


@pytest.mark.parametrize(
  ("part", "changes", "said"),
  [
    ("config", {"batch_size": 9}, "batch_size is 9, was 8. "),
    ("config", {"sweep": SWEEP | {"seeds": (0, 2)}}, "sweep.seeds is [0, 2], was [0, 1]. "),
    ("config", {"model": MODEL}, "model.width is 'absent', was 16. "),
    ("config", {"steps": 5}, "steps is 5, was 'absent'. "),
    (
      "config",
      {"batch_size": 9, "model": MODEL | {"width": 8}},
      "batch_size is 9, was 8; model.width is 8, was 16. ",
    ),
    ("dataset", {"train": 99}, "train is 99, was 100. "),
    (
      "config",
      {f"a{i}": i for i in range(10)},
      "; ".join(f"a{i} is {i}, was 'absent'" for i in range(8)) + "; 2 more. ",
    ),
  ],
)
def test_a_changed_record_is_refused_with_its_keys(tmp_path, part, changes, said):
  config_file.settle(tmp_path, RECORD)
  before = (tmp_path / "config.json").read_bytes()
  with pytest.raises(UserError) as caught:
    config_file.settle(tmp_path, RECORD | {part: RECORD[part] | changes})
  grows = said.startswith(("sweep.", "steps"))
  more = " (a sweep may get more values, and a training more steps)" if grows else ""
  assert str(caught.value) == (
    f"{tmp_path}/config.json was made with another {part}: {said}"
    f"Restore those values{more}, or name another --workdir"
  )
  assert (tmp_path / "config.json").read_bytes() == before


def test_another_model_s_runs_are_named_and_none_of_its_keys(tmp_path):
  config_file.settle(tmp_path, RECORD)
  changed = RECORD["config"] | {"model": {"name": "gan", "critic_steps": 1}}
  with pytest.raises(UserError) as caught:
    config_file.settle(tmp_path, RECORD | {"config": changed})
  assert str(caught.value) == f"{tmp_path} has runs of vae, not gan; name another --workdir"


@pytest.mark.parametrize(
  "text", ["", "{", "[]", "3", '{"config": {}}', '{"config": [], "dataset": {}}', "\udc80"]
)
def test_a_config_json_that_cannot_be_read(tmp_path, text):
  (tmp_path / "config.json").write_bytes(text.encode(errors="surrogateescape"))
  with pytest.raises(UserError, match=r"config\.json cannot be read; restore it, or start again"):
    config_file.read_config(tmp_path)


def test_a_folder_without_config_json_is_no_workdir(tmp_path):
  with pytest.raises(UserError) as caught:
    config_file.read_config(tmp_path)
  assert str(caught.value) == f"{tmp_path} is not a genjax workdir: it has no config.json"
  (tmp_path / "file").write_text("")
  for place in (tmp_path / "absent", tmp_path / "file"):
    with pytest.raises(UserError, match="is not a genjax workdir"):
      config_file.read_config(place)


def test_a_grid_names_a_folder_that_is_a_workdir(tmp_path):
  for width in (8, 16):
    (tmp_path / f"width={width}").mkdir()
    config_file.settle(tmp_path / f"width={width}", RECORD)
  with pytest.raises(UserError) as caught:
    config_file.read_config(tmp_path)
  assert str(caught.value).endswith(f"; its folders are workdirs, as {tmp_path}/width=16")


# Folders that are no workdirs.


def _fill(path, names):
  for name in names:
    place = path / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.mkdir() if name.endswith("/") else place.write_text("mine")


@pytest.mark.parametrize(
  ("names", "said"),
  [
    (["thesis.tex"], "thesis.tex"),
    ([".bashrc"], ".bashrc"),
    (["src/", "README.md", "plots/"], "README.md and 1 more"),
    (["app/config.json", "web/config.json"], "app and 1 more"),
    (["best.lock"], "best.lock"),
  ],
)
def test_a_folder_with_somebody_s_files_is_refused(tmp_path, names, said):
  _fill(tmp_path, names)
  before = sorted(tmp_path.rglob("*"))
  with pytest.raises(UserError) as caught:
    config_file.compare(tmp_path, RECORD)
  assert str(caught.value) == (
    f"--workdir={tmp_path} holds {said} and is not a genjax workdir; name a new folder or an empty "
    "one"
  )
  assert sorted(tmp_path.rglob("*")) == before


def test_what_genjax_and_its_launcher_left_is_nobody_s(tmp_path):
  with workdir.claim(tmp_path / "claimed"):
    pass
  _fill(tmp_path / "claimed", [".config.json.partial", "runs.csv", "metrics.csv", "slurm-7.out"])
  _fill(tmp_path, ["logged/train.log", "empty/"])
  for place in ("claimed", "logged", "empty", "absent"):
    config_file.compare(tmp_path / place, RECORD)


def test_in_a_workdir_there_may_be_anything(tmp_path):
  config_file.settle(tmp_path, RECORD)
  _fill(tmp_path, ["notes.txt", "report.html", "analysis/mine.py"])
  config_file.compare(tmp_path, RECORD)


def test_a_study_may_lie_beside_other_workdirs_and_in_its_own(tmp_path):
  config_file.settle(_folder(tmp_path / "depth=2"), RECORD)
  _fill(tmp_path, ["report.html"])  # of that study, which is done
  config_file.check_free(tmp_path, ["width=8", "width=9"])  # another study's
  (tmp_path / "width=8").mkdir()  # a process that was killed early
  config_file.check_free(tmp_path, ["width=8", "width=9"])
  _fill(tmp_path, ["notes.txt"])
  with pytest.raises(UserError, match=r"holds notes\.txt and is not a genjax workdir"):
    config_file.check_free(tmp_path, ["width=8", "width=9"])
  config_file.settle(tmp_path / "width=8", RECORD)
  config_file.check_free(tmp_path, ["width=8", "width=9"])


@pytest.mark.parametrize(
  ("error", "reason"),
  [
    (OSError(errno.ENOSPC, "No space left on device"), "No space left on device"),
    (OSError(errno.EDQUOT, "Disk quota exceeded"), "Disk quota exceeded"),
    (ValueError("RESOURCE_EXHAUSTED: Error writing a file"), "No space left on device"),
    (RuntimeError("cannot save: Disk quota exceeded [/x]"), "Disk quota exceeded"),
    (ValueError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 1 byte"), None),
    (OSError(errno.EIO, "Input/output error"), None),
  ],
)
def test_a_full_disk_is_said_in_a_line(tmp_path, error, reason):
  if reason is None:
    with pytest.raises(type(error)), workdir.room(tmp_path):
      raise error
    return
  line = rf"--workdir={tmp_path} cannot be written \({reason}\); make room"
  with pytest.raises(UserError, match=line), workdir.room(tmp_path):
    raise error
  wrapped = ValueError("saving failed")  # as where a library wraps what it met
  wrapped.__cause__ = error
  with pytest.raises(UserError, match=line), workdir.room(tmp_path):
    raise wrapped


def _folder(path):
  path.mkdir()
  return path


def test_a_file_is_replaced_as_a_whole(tmp_path, monkeypatch):
  files.write(tmp_path / "file", "old")

  def full(*_):
    raise OSError("no space left on device")

  monkeypatch.setattr(files.os, "replace", full)
  with pytest.raises(OSError, match="no space"):
    files.write(tmp_path / "file", "new")
  assert (tmp_path / "file").read_text() == "old"


# Who writes.

# A process that claims a workdir, says how that went, and waits with it.
CLAIM = """
import pathlib, sys, time
from genjax.scoring import score_files
from genjax.training import workdir
from genjax.scoring.score_files import Place
from genjax.types import UserError
try:
  with workdir.claim(pathlib.Path(sys.argv[1])):
    print("claimed", flush=True)
    sys.stdin.read()
except UserError as error:
  print(error, flush=True)
"""


def _claiming(path):
  pipe = subprocess.PIPE
  return subprocess.Popen([sys.executable, "-c", CLAIM, path], stdin=pipe, stdout=pipe, text=True)


def _is_busy(line, path):
  whose = f"process {os.getpid()} on {socket.gethostname()}, since .*"
  end = "is writing to it; wait for it, or name another folder"
  return re.fullmatch(f"--workdir={path}: {whose} {end}", line)


def test_a_second_process_is_refused_until_the_first_ends(tmp_path):
  place = tmp_path / "new" / "deep"
  with workdir.claim(place):
    with _claiming(place) as second:
      assert _is_busy(second.stdout.readline().strip(), place)
      second.communicate()
    with pytest.raises(UserError) as caught, workdir.claim(place):
      pass
    assert _is_busy(str(caught.value), place)
  with workdir.claim(place):
    pass


def test_a_process_that_is_killed_leaves_no_lock(tmp_path):
  with _claiming(tmp_path) as first:
    assert first.stdout.readline().strip() == "claimed"
    whose = rf"process {first.pid} on .* is writing to it"
    with pytest.raises(UserError, match=whose), workdir.claim(tmp_path):
      pass
    first.send_signal(signal.SIGKILL)
    first.communicate()
  with workdir.claim(tmp_path):
    pass


def test_an_error_releases_the_workdir(tmp_path):
  with pytest.raises(ValueError, match="inside"), workdir.claim(tmp_path):
    raise ValueError("inside")
  with workdir.claim(tmp_path):
    pass


@pytest.mark.parametrize("name", ["file", "file/inside"])
def test_a_file_cannot_be_a_workdir(tmp_path, name):
  (tmp_path / "file").write_text("mine")
  with pytest.raises(UserError) as caught, workdir.claim(tmp_path / name):
    pass
  assert str(caught.value).startswith(f"--workdir={tmp_path}/{name} cannot be written (")
  assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("to", ["file", "gone"])
def test_a_link_that_leads_to_no_folder_cannot_be_a_workdir(tmp_path, to):
  (tmp_path / "file").write_text("mine")
  (tmp_path / "link").symlink_to(tmp_path / to)
  with pytest.raises(UserError) as caught, workdir.claim(tmp_path / "link"):
    pass
  assert str(caught.value) == (
    f"--workdir={tmp_path}/link cannot be written (a file or a broken link has that name); "
    "name a folder that can"
  )


# runs.csv


def test_runs_csv_has_numbers_then_results(tmp_path):
  rows = [
    {"seed": 0, "latent": 2, "clip": 0.01, "learning_rate": 1e-3},
    {"seed": 7, "latent": 2, "clip": 0.01, "learning_rate": 1e-3},
  ]
  results = [
    {"status": "done", "best_step": np.int32(6), "last_step": np.int32(12)},
    {"status": "failed", "best_step": np.int32(0), "last_step": np.int32(3)},
  ]
  workdir.write_runs(tmp_path, rows, results)
  assert (tmp_path / "runs.csv").read_text() == (
    "run,seed,latent,clip,learning_rate,status,best_step,last_step\n"
    "0,0,2,0.01,0.001,done,6,12\n"
    "1,7,2,0.01,0.001,failed,0,3\n"
  )


def test_a_damaged_table_of_runs_is_refused(tmp_path):
  rows = [{"seed": 0, "latent": 2}, {"seed": 1, "latent": 2}]
  workdir.write_runs(tmp_path, rows, [{"status": "done", "best_step": 6, "last_step": 6}] * 2)
  right = (tmp_path / "runs.csv").read_text()
  assert [row["seed"] for row in workdir.read_runs(tmp_path)] == ["0", "1"]
  for wrong in (
    right[:-9],
    right.replace("1,1,", "2,1,"),
    right.replace(",done", ",done,"),
    right.replace("1,1,", "1,0.5,"),
    "run\n",
  ):
    (tmp_path / "runs.csv").write_text(wrong)
    with pytest.raises(UserError, match=r"runs.csv cannot be read; the command that made"):
      workdir.read_runs(tmp_path)
    assert not workdir.finished(tmp_path)


def test_runs_that_failed_at_their_first_step_have_ended(tmp_path):
  result = {"status": "failed", "best_step": 0, "last_step": 0}
  workdir.write_runs(tmp_path, [{"seed": 0}, {"seed": 1}], [result] * 2)
  assert not workdir.finished(tmp_path)
  (tmp_path / "checkpoints" / "4").mkdir(parents=True)
  assert workdir.finished(tmp_path)


# metrics.csv and TensorBoard

FIRST = {"loss": np.array([1.5, 2.0], np.float32), "kl": np.array([0.1, np.nan], np.float32)}
NAN = np.nan


def _history(path, step=0, names=("seed 0", "seed 1")):
  return metrics_file.History(path, list(names), [""] * len(names), step)


def test_metrics_csv_has_a_row_for_each_figure(tmp_path):
  history = _history(tmp_path)
  history.add(3, FIRST)
  history.add(6, {"loss": np.array([1e9, -1 / 3]), "kl_dim": np.array([[1.0, 2.0], [3.0, NAN]])})
  history.close()
  assert (tmp_path / "metrics.csv").read_text() == (
    "step,run,name,value\n"
    "3,0,kl,0.1\n"
    "3,0,loss,1.5\n"
    "3,1,loss,2\n"
    "6,0,kl_dim/0,1\n"
    "6,1,kl_dim/0,3\n"
    "6,0,kl_dim/1,2\n"
    "6,0,loss,1e+09\n"
    "6,1,loss,-0.3333333\n"
  )


def test_series_are_what_was_added(tmp_path):
  history = _history(tmp_path)
  history.add(3, FIRST)
  history.add(6, {"loss": np.array([1.0, 4.0])})
  history.close()
  series = history.series()
  assert list(series) == ["kl", "loss"]
  np.testing.assert_array_equal(series["loss"][0], [3, 6])
  np.testing.assert_array_equal(series["loss"][1], [[1.5, 1.0], [2.0, 4.0]])
  np.testing.assert_array_equal(series["kl"][1], [[0.1], [NAN]])  # as in the file
  assert list(history.series("l")) == ["loss"]


def _write(history, steps):
  """At each step what is logged, and then what is validated."""
  for step in steps:
    history.add(step, {"loss": np.array([1.0, 2.0]) / step, "reconstruction": np.array([0.5, NAN])})
    history.add(step, {"kl_dim": np.array([[0.25], [0.75]]), "val_loss": np.array([NAN, step])})
  history.close()


def _nine_steps(path):
  _write(_history(path), (3, 6, 9))
  return (path / "metrics.csv").read_text()


@pytest.mark.parametrize("checkpoint", [0, 3, 6, 9])
def test_a_resumed_run_keeps_the_rows_up_to_its_checkpoint(tmp_path, checkpoint):
  text = _nine_steps(tmp_path)
  lines = text.splitlines(keepends=True)
  kept = lines[: 1 + 6 * checkpoint // 3]
  history = _history(tmp_path, checkpoint)
  assert (tmp_path / "metrics.csv").read_text() == "".join(kept)
  for steps, values in history.series().values():
    assert list(steps) == [step for step in (3, 6, 9) if step <= checkpoint]
    assert values.shape == (2, len(steps))
  history.close()


def test_a_resumed_run_goes_on_as_if_it_had_not_stopped(tmp_path):
  (tmp_path / "whole").mkdir()
  (tmp_path / "parts").mkdir()
  whole = _nine_steps(tmp_path / "whole")
  _nine_steps(tmp_path / "parts")
  history = _history(tmp_path / "parts", 3)
  _write(history, (6, 9))
  assert (tmp_path / "parts" / "metrics.csv").read_text() == whole
  np.testing.assert_allclose(
    history.series()["loss"][1], [[1 / 3, 1 / 6, 1 / 9], [2 / 3, 1 / 3, 2 / 9]], rtol=1e-6
  )


def test_a_resumed_run_keeps_the_scores_of_its_checkpoint_and_of_earlier_ones(tmp_path):
  _nine_steps(tmp_path)
  scores = {Place("fd", "0a", 1, step): step / 4 for step in (3, 6, 9)}
  score_files.add(tmp_path, scores)
  _write(_history(tmp_path, 6), (9,))
  assert score_files.read(tmp_path) == {p: x for p, x in scores.items() if p.step <= 6}


def test_what_an_evaluation_adds_while_a_training_resumes_is_kept(tmp_path, monkeypatch):
  _nine_steps(tmp_path)
  scores = {Place("fd", "0a", 1, 9): 1.5}
  adding = threading.Thread(target=score_files.add, args=(tmp_path, scores))

  def slowly(*arguments):
    adding.start()
    adding.join(0.5)
    write(*arguments)

  write = files.write
  monkeypatch.setattr(files, "write", slowly)
  _history(tmp_path, 9).close()
  adding.join()
  assert score_files.read(tmp_path) == scores


@pytest.mark.parametrize("cut", [1, 4, 8])
def test_a_last_line_that_was_cut_short_is_dropped(tmp_path, cut):
  text = _nine_steps(tmp_path)
  (tmp_path / "metrics.csv").write_text(text[:-cut])
  _history(tmp_path, 6).close()
  assert (tmp_path / "metrics.csv").read_text() == "".join(text.splitlines(keepends=True)[:13])


def test_an_empty_file_begins_anew(tmp_path):
  (tmp_path / "metrics.csv").write_text("")
  history = _history(tmp_path, 6)
  history.close()
  assert (tmp_path / "metrics.csv").read_text() == "step,run,name,value\n"
  assert history.series() == {}


@pytest.mark.parametrize(
  "line",
  ["", "3,0", "3,0,loss,x", "x,0,loss,1", "3,2,loss,1", "3,-1,loss,1", "3,0,loss,1,2", "\udcff"],
)
def test_a_damaged_line_is_named(tmp_path, line):
  lines = _nine_steps(tmp_path).split("\n")
  lines[4] = line
  damaged = "\n".join(lines).encode(errors="surrogateescape")
  (tmp_path / "metrics.csv").write_bytes(damaged)
  with pytest.raises(UserError) as caught:
    _history(tmp_path, 9)
  assert str(caught.value) == (
    f"{tmp_path}/metrics.csv line 5 is no row of step,run,name,value; restore the file, or delete "
    "that line"
  )
  assert (tmp_path / "metrics.csv").read_bytes() == damaged


def test_tensorboard_events_can_be_read_back(tmp_path):
  history = _history(tmp_path, names=("latent 2, seed 0", "latent 2, seed 1"))
  history.add(3, FIRST)
  history.add(6, {"loss": np.array([np.inf, 0.25])})
  history.close()
  first, second = (tmp_path / "tensorboard" / f"latent 2, seed {seed}" for seed in (0, 1))
  assert trainings.scalars(first) == {("kl", 3): np.float32(0.1), ("loss", 3): 1.5}
  assert trainings.scalars(second) == {("loss", 3): 2.0, ("loss", 6): 0.25}


def test_tensorboard_shows_a_resumed_run_as_one(tmp_path):
  _nine_steps(tmp_path)
  history = _history(tmp_path, 6)
  history.add(9, {"loss": np.array([7.0, 8.0])})
  history.close()
  shown = trainings.scalars(tmp_path / "tensorboard" / "seed 0")
  losses = {step: value for (name, step), value in shown.items() if name == "loss"}
  assert losses == {3: np.float32(0.3333333), 6: np.float32(0.1666667), 9: 7.0}
  assert ("reconstruction", 9) not in shown
