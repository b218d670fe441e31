"""What `compare` prints, writes and refuses."""

import csv
import errno
import json
import os

import numpy as np
import pytest
import scored
from PIL import Image

from genjax.analysis import comparison
from genjax.plotting import plots
from genjax.types import UserError

NAN = np.nan
ASKED = {("fd", "bb"), ("coverage", "bb")}
NETWORKS = {key: scored.protocol(f"mnist-{i}") for i, key in enumerate(("aa", "bb", "cc"))}


@pytest.fixture(scope="module")
def two(tmp_path_factory):
  """What compare makes of a VAE and a GAN at two latents, 10 seeds each, by three networks."""
  folder = tmp_path_factory.mktemp("two")
  rng = np.random.default_rng(0)
  for name, shift in (("vae", 40), ("gan", 20)):
    quality = shift + np.repeat([10, 0], 10) + rng.random(20)
    steps = {4: 2 * quality, 8: quality}
    values = {f"fd@{key}": steps for key in NETWORKS}
    values["coverage@aa"] = np.where(quality > 45, 0.1, 0.8)
    values["val_loss" if name == "vae" else "val_swd"] = quality + rng.random(20)
    failed = (3,) if name == "gan" else ()
    scored.write(folder / name, values, 10, (2, 20), protocols=NETWORKS, failed=failed)
  out = folder / "made" / "here"
  return comparison.compare([folder / "vae", folder / "gan"], out, everything=True).text, out


def collapsed(text):
  return " ".join(text.split())


def read(path):
  with open(path) as file:
    return list(csv.DictReader(file))


def test_a_table_for_each_network_is_printed_and_written(two):
  text, out = two
  for i, key in enumerate(NETWORKS):
    assert f"Frechet distance, lower is better; fd@{key}, features mnist-{i}\nsetting " in text
  for line in (
    "gan latent 2    9       1 ",
    "  1 of 1 failed runs have a figure from before the failure (runs.csv): they count as failed",
    "aa        features  mnist 3.0.1, test split, best weights, 10,000 generated images",
    "fd mnist-0 mnist-1 4 1.00 39 1.00",
  ):
    assert line in (text if "  " in line else collapsed(text)), line
  rows = read(out / "scores.csv")
  assert [(row["score"], row["features"]) for row in rows[::4]] == [
    ("fd", "mnist-0"),
    ("fd", "mnist-1"),
    ("fd", "mnist-2"),
    ("coverage", "mnist-0"),
  ]
  assert [row["setting"] for row in rows[:4]] == [
    f"{name} latent {latent}" for name in ("vae", "gan") for latent in (2, 20)
  ]
  pairs = read(out / "pairs.csv")
  assert {row["verdict"] for row in pairs[:6]} == {"B"}
  assert {row["verdict"] for row in pairs[6:]} == {"descriptive"}
  assert len(read(out / "runs.csv")) == 4 * 40
  assert [row["loss"] for row in read(out / "losses.csv")] == ["val_loss"] * 3 + ["val_swd"] * 3
  health = read(out / "health.csv")
  assert [row["few_modes"] for row in health] == ["10", "0", "0", "0"]
  assert (health[2]["setting"], health[2]["failed"]) == ("gan latent 2", "1")


def test_the_first_screen_is_the_answer(two, tmp_path):
  _, out = two
  folder = out.parents[1]
  text = comparison.compare([str(folder / "vae"), str(folder / "gan")], tmp_path / "out").text
  lines = text.splitlines()
  assert len(lines) <= 30
  assert max(map(len, lines)) <= 100
  how = "best weights, 10,000 images, features of mnist-0"
  assert lines[0] == f"Interquartile mean over seeds [95%], {how}"
  assert lines[1].split()[-4:] == ["FD", "↓", "coverage", "↑"]
  names = [f"{name} latent {latent}" for name in ("vae", "gan") for latent in (2, 20)]
  assert [line[:13].strip() for line in lines[3:7]] == names
  assert lines[7].split() == ["real", "test", "images", "-", "-", "0.710", "0.950"]
  assert "1 of 1 failed runs have a figure from before" in lines[8]
  said = collapsed(text)
  assert (
    "gan latent 20 is better than vae latent 2 by FD (p < 0.0001); P(better) by coverage 1.00"
  ) in said
  assert "(FD decides: p is adjusted for the 6 pairs of settings (Holm); P(better)" in said
  assert "10 of 40 runs have health flags: few modes 10; flags.csv says why" in said
  assert "--all prints every table" in said
  chosen = comparison.compare([folder / "vae"], tmp_path / "out", metrics=["coverage"]).text
  assert "Frechet" not in chosen


def test_the_answer_is_by_one_protocol_and_no_setting_vanishes(tmp_path):
  """An older, smaller evaluation, and one of validation images, whatever their ids' order."""
  protocols = {
    "aa": scored.protocol(generated_images=200),
    "bb": scored.protocol(),
    "cc": scored.protocol(split="validation"),
  }
  figures = {"fd@aa": 100, "fd@bb": 1, "fd@cc": 55, "coverage@bb": 0.5}
  a = scored.write(tmp_path / "a", figures, protocols=protocols)
  changed = {"dd": scored.protocol(real_images=9)}
  b = scored.write(tmp_path / "b", {"fd@dd": 7}, protocols=changed)
  lines = comparison.scored([a, b], "best", [], ASKED | {("fd", "dd")}).splitlines()
  assert lines[3].split()[:4] == ["a", "3", "0", "1.00"]
  assert lines[4].split() == ["b", "-", "-", "-", "-"]
  assert "not all features scores can be compared with each other" in "".join(lines)
  assert lines[-1] == f"python -m genjax.compare {a} {b} has every table"
  held = comparison.scored([a], "best", [], {("fd", "cc")}).splitlines()
  assert held[4].startswith("real validation images")
  assert held[3].split()[3] == "55.0"
  (_, heads, *_) = comparison.scored([a], "best", ["coverage"], {("coverage", "bb")}).splitlines()
  assert heads.split() == ["setting", "n", "failed", "coverage", "↑"]
  assert (
    comparison.scored([a], "last", [], ASKED)
    == "no scores of last weights that could be compared\n"
  )


def test_the_same_score_decides_wherever_it_is_asked(tmp_path):
  """By swd a is better and by fd b; the order of evaluate's --metrics names no winner."""
  figures = {"fd@aa": 90 + np.arange(10), "swd@aa": 0.1 + np.arange(10) / 100}
  a = scored.write(tmp_path / "a", figures, 10)
  b = scored.write(tmp_path / "b", {"fd@aa": 9 - np.arange(10), "swd@aa": 0.9}, 10)
  said = "b is better than a by FD (p < 0.0001)"
  for names in (["swd", "fd"], ["swd"]):
    lines = collapsed(comparison.scored([a, b], "best", names, {(n, "aa") for n in names}))
    assert said in lines
    assert "wasserstein" in lines.lower()
  text = collapsed(comparison.compare([a, b], tmp_path / "out").text)
  assert said in text
  assert "also scored: swd; --metrics=... shows them" in text
  assert f"--workdir={a} --metrics=fd --seed=1` does" in text
  chosen = collapsed(comparison.compare([a, b], tmp_path / "out", metrics=["swd"]).text)
  assert "a is better than b by " in chosen


def test_an_evaluation_prints_what_it_was_asked_for(tmp_path):
  """One by other noise, or of fewer images, stands beside it in the workdir."""
  protocols = {
    "aa": scored.protocol(),
    "bb": scored.protocol(seed=1),
    "cc": scored.protocol(generated_images=200),
  }
  figures = {"fd@aa": 1, "fd@bb": 22, "fd@cc": 333}
  path = scored.write(tmp_path / "w", figures, protocols=protocols)
  for key, figure in (("aa", "1.00"), ("bb", "22.0"), ("cc", "333")):
    lines = comparison.scored([path], "best", ["fd"], {("fd", key)}).splitlines()
    assert lines[3].split()[3] == figure


def test_what_no_run_has_takes_no_column(tmp_path):
  """A score that came out as NaN, beside one of two seeds of noise that another workdir has not."""
  protocols = {"aa": scored.protocol(), "bb": scored.protocol(seed=1)}
  a = scored.write(tmp_path / "a", {"fd@aa": 1, "fd@bb": 2}, 10, protocols=protocols)
  scored.append(a, "coverage@aa", dict.fromkeys(range(10), NAN))
  b = scored.write(tmp_path / "b", {"fd@aa": 2}, 10)
  text = comparison.compare([a, b], tmp_path / "out").text
  assert "coverage" not in text.splitlines()[1]
  assert "seed is 0" not in text
  assert "too narrow" not in text


def test_scores_of_more_images_stand_in_no_table_with_what_was_asked_for(tmp_path):
  protocols = {"aa": scored.protocol(), "bb": scored.protocol("", "images", generated_images=200)}
  figures = {"fd@aa": 50, "swd@bb": 2}
  path = scored.write(tmp_path / "w", figures, latents=(2, 10), protocols=protocols)
  text = comparison.scored([path], "best", ["swd"], {("swd", "bb")})
  assert "FD" not in text
  assert "200 images" in text.splitlines()[0]
  protocols["bb"]["generated_images"] = 10000
  (path / "protocols.json").write_text(json.dumps(protocols))
  assert "FD" in comparison.scored([path], "best", ["swd"], {("swd", "bb")})


def test_runs_in_trouble_are_told_of_where_they_are_scored(tmp_path):
  figures = {"fd@aa": 50, "modes@aa": 3}
  path = scored.write(tmp_path / "w", figures, 3, protocols={"aa": scored.protocol()})
  text = comparison.scored([path], "best", ["fd"], {("fd", "aa"), ("modes", "aa")})
  where = f"python -m genjax.compare {path}"
  assert f"3 of 3 runs have health flags: few modes 3; {where} says why\n" in text


def test_runs_that_all_failed_are_told_of(tmp_path):
  path = scored.write(tmp_path / "w", {}, 3, failed=(0, 1, 2))
  said = "all 3 runs failed, and none left best weights to score; see runs.csv\n"
  assert comparison.scored([path], "best", [], set()) == said


def test_equivalence_is_said_where_the_pair_is_and_leaves_with_the_question(tmp_path):
  rng = np.random.default_rng(0)
  a, b, c = (
    scored.write(tmp_path / name, {"fd@aa": middle + rng.random(20)}, 20)
    for name, middle in (("a", 100), ("b", 100), ("c", 102))
  )
  out = tmp_path / "out"
  text = collapsed(comparison.compare([a, b, c], out, margin=0.05).text)
  assert "a and b: by FD equivalent within 0.05 of their median (p < 0.0001)" in text
  better = "a is better than c by FD (p < 0.0001), and the two are equivalent within 0.05 of"
  assert better in text
  assert "not decided" not in text
  assert (out / "equivalence.csv").exists()
  assert "a and b: not decided by FD" in collapsed(comparison.compare([a, b, c], out).text)
  assert not (out / "equivalence.csv").exists()


def test_a_score_that_another_workdir_has_is_missed(tmp_path):
  a = scored.write(tmp_path / "a", {"fd@aa": 1, "coverage@aa": 0.5, "nll@aa": 7})
  b = scored.write(tmp_path / "b", {"fd@aa": 1})
  command = f"`python -m genjax.evaluate --workdir={b} --metrics=coverage`"
  text = comparison.compare([a, b], tmp_path / "out").text
  assert f"note: b: no coverage, which others have; run {command}" in text
  assert text.count("note:") == 1


def test_what_was_written_is_said_and_is_there(two):
  text, out = two
  said = collapsed(text).rpartition(f"{out}: ")[2].split(", ")
  assert sorted(said) == sorted(path.name for path in out.iterdir())
  expected = {
    f"{kind}-features-{key}.png" for kind in ("latent", "steps", "best") for key in NETWORKS
  }
  expected |= {f"{loss}-features-aa.png" for loss in ("val_loss", "val_swd")}
  tables = {
    f"{name}.{form}" for name in ("scores", "pairs", "agreement") for form in ("csv", "tex")
  }
  assert expected | tables <= set(said)
  for path in out.glob("*.png"):
    with Image.open(path) as image:
      assert image.info["dpi"] == pytest.approx((200, 200), abs=0.1)


def test_latex_rows_have_as_many_cells_as_columns(two):
  _, out = two
  for path in out.glob("*.tex"):
    lines = path.read_text().splitlines()
    columns = len(lines[1].rpartition("{")[2].rstrip("}"))
    for line in lines[2:]:
      if line.endswith(r"\\") and not line.startswith(r"\multicolumn"):
        assert line.replace(r"\&", "").count("&") == columns - 1, line


def test_metrics_choose(two, tmp_path):
  folder = two[1].parents[1]
  paths = [folder / "vae", folder / "gan"]
  text = comparison.compare(paths, tmp_path / "out", "best", ["fd"], everything=True).text
  assert "coverage@" not in text
  assert "vae latent 2 10 0 10 " in collapsed(text)  # collapsed, as coverage still says
  assert len(read(tmp_path / "out" / "pairs.csv")) == 18


def test_scores_that_came_out_as_nan_for_all_runs(tmp_path):
  path = scored.write(tmp_path / "w", {"fd@aa": [1, 2, 3]})
  scored.append(path, "kd@aa", dict.fromkeys(range(3), NAN))
  text = collapsed(comparison.compare([path], tmp_path / "out", everything=True).text)
  assert "3 of 3 runs have no figure, as it came out as NaN" in text
  assert "not scored" not in text
  only = comparison.compare([path], tmp_path / "kd", metrics=["kd"]).text
  assert ".csv" in only
  assert ".png" not in only


def test_few_seeds_a_study_and_a_run_that_is_not_scored(tmp_path):
  for depth in (2, 10):
    values = {"fd@aa": [1, 2, NAN if depth == 2 else 3], "kl@aa": 5}
    scored.write(tmp_path / "study" / f"depth={depth}", values)
  short = comparison.compare([tmp_path / "study"], tmp_path / "out").text
  said = "depth=2 and depth=10: FD with 2 seeds decides nothing"
  assert (
    f"{said}; P(depth=2 better) by FD 0.67 (P(better), the chance that a run of the one beats a "
    "run of the other, gives no verdict; a verdict takes 10 seeds of each)"
  ) in collapsed(short)
  text = comparison.compare([tmp_path / "study"], tmp_path / "out", everything=True).text
  assert "depth=2 depth=10 2 3 0 0 no 0.67 [0.21, 0.93]" in collapsed(text)
  assert "not enough seeds" in text
  assert "  with less than 10 seeds of each, no winner is named" in text
  command = f"python -m genjax.evaluate --workdir={tmp_path}/study/depth=2"
  note = f"note: depth=2: 1 of 3 runs are not scored; run `{command}`"
  assert note in text
  names = {path.name for path in (tmp_path / "out").iterdir()}
  assert "settings-features-aa.png" in names
  assert not names & {"steps-features-aa.png", "agreement.csv", "losses.csv", "flags.csv"}


def test_other_protocols_are_told_and_kept_apart(tmp_path):
  a = scored.write(tmp_path / "a", {"fd@aa": 1})
  changed = {"bb": scored.protocol(generated_images=5000)}
  b = scored.write(tmp_path / "b", {"fd@bb": 2}, protocols=changed)
  text = comparison.compare([a, b], tmp_path / "out").text
  said = "generated_images is 10000 in a, 5000 in b"
  assert f"note: not all features scores can be compared with each other: {said}" in text
  assert not (tmp_path / "out" / "pairs.csv").exists()
  assert {"settings-features-aa.png", "settings-features-bb.png"} <= set(
    os.listdir(tmp_path / "out")
  )


def test_one_protocol_on_other_data_has_figures_of_its_own(tmp_path):
  a = scored.write(tmp_path / "a", {"fd@aa": 1})
  b = scored.write(tmp_path / "b", {"fd@aa": 2}, source="cifar10 3.0.2")
  comparison.compare([a, b], tmp_path / "out")
  names = {path.name for path in (tmp_path / "out").glob("settings-*")}
  assert names == {"settings-features-aa-1.png", "settings-features-aa-2.png"}


def test_last_weights(tmp_path):
  protocols = {"aa": scored.protocol(), "bb": scored.protocol(weights="last")}
  values = {"fd@aa": 1, "fd@bb": {12: [4, 5, 6]}}
  path = scored.write(tmp_path / "w", values, protocols=protocols, failed=(2,))
  text = comparison.compare([path], tmp_path / "out", "last", everything=True).text
  assert "fd@bb" in text
  assert "fd@aa" not in text
  (row,) = read(tmp_path / "out" / "scores.csv")
  assert (row["n"], row["failed"], row["mean"], row["median"]) == ("2", "1", "4.5", "5")


@pytest.mark.parametrize(
  ("metrics", "message"),
  [
    (["fdd"], "--metrics has 'fdd', which is not a score; did you mean fd?"),
    (["fd", "recall"], "--metrics has recall, which no workdir has; available: fd, kd"),
  ],
)
def test_scores_that_are_not_there_are_refused(tmp_path, metrics, message):
  path = scored.write(tmp_path / "w", {"fd@aa": 1, "kd@aa": 1})
  with pytest.raises(UserError) as caught:
    comparison.compare([path], tmp_path / "out", metrics=metrics)
  assert str(caught.value) == message
  assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_is_refused(tmp_path):
  path = scored.write(tmp_path / "w", {"fd@aa": 1})
  (tmp_path / "file").write_text("mine")
  with pytest.raises(UserError) as caught:
    comparison.compare([path], tmp_path / "file")
  assert str(caught.value) == f"--out={tmp_path}/file is a file; name a folder"


def test_what_cannot_be_written_leaves_the_comparison_that_was_there(tmp_path, monkeypatch):
  """All tables and figures are of one call."""
  path, out = scored.write(tmp_path / "w", {"fd@aa": 1}, seeds=3), tmp_path / "out"
  comparison.compare([path], out)
  before = {file.name: file.read_bytes() for file in out.iterdir()}
  assert any(name.endswith(".png") for name in before)
  other = scored.write(tmp_path / "v", {"fd@aa": 2}, seeds=3)

  def full(figure, place):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

  monkeypatch.setattr(plots, "save", full)
  with pytest.raises(UserError, match=r"--out=.*/out cannot be written \(No space left"):
    comparison.compare([path, other], out)
  assert {file.name: file.read_bytes() for file in out.iterdir()} == before


# The command.


def test_the_command_line(commands, tmp_path):
  path = scored.write(tmp_path / "w", {"fd@aa": 1, "kd@aa": 1})
  bare = scored.write(tmp_path / "bare", {"val_loss": 1}, protocols={})
  mistakes = [
    ([], "--workdir is missing; name a folder that genjax.main left, or several"),
    ([tmp_path / "nowhere"], f"{tmp_path}/nowhere is not a folder; expected a workdir"),
    ([tmp_path], None),  # a study of two
    ([path, "--metrics=x", bare, "--out=o"], "--metrics has 'x', which is not a score"),
    ([path, f"--workdir={tmp_path}/x"], f"{tmp_path}/x is not a folder"),
  ]
  for arguments, message in mistakes:
    status, out, err = commands("compare", *arguments, cwd=tmp_path)
    if message is None:
      assert (status, err) == (0, "")
      assert "note: bare: no scores of best weights; run `" in out
      assert "comparison: protocols.csv, scores.csv, " in out
      assert (tmp_path / "comparison" / "settings-features-aa.png").exists()
    else:
      assert status == 2, (arguments, err)
      assert out == ""
      assert err.startswith(f"genjax: {message}"), err
      assert err.count("\n") == 1


def test_a_folder_with_files_of_others_is_left_alone(tmp_path):
  path = scored.write(tmp_path / "w", {"fd@aa": 1})
  before = (path / "runs.csv").read_text()
  with pytest.raises(UserError, match=r"w holds config\.json, which this command did not write"):
    comparison.compare([path], path)
  assert (path / "runs.csv").read_text() == before
  for _ in range(2):  # what it wrote itself is written anew
    comparison.compare([path], tmp_path / "out")
