"""The table of runs, on files that are written by hand."""

import numpy as np
import pytest
import scored

import genjax
from genjax.plotting import tables
from genjax.types import UserError


def test_a_workdir_in_a_terminal(tmp_path):
  figures = {"val_loss": {4: [9, 8], 8: [7, np.nan]}, "loss": {8: [1, 2]}, "fd@aa": [0.5, 0.25]}
  path = scored.write(tmp_path / "w", figures, seeds=2, failed=(1,), learning_rate=0.001, b1=0.5)
  assert repr(genjax.table(path)).splitlines() == [
    str(path),
    "run  seed  latent  status  best step  last step  val_loss",
    "---------------------------------------------------------",
    "  0     0      10  done            8         12     7.000",
    "  1     1      10  failed          8         12     8.000",
    "  all runs have learning rate 0.001, b1 0.5",
  ]
  found = scored.rows(genjax.table(path, metrics=["loss", "fd"]))
  assert [(row["run"], row["loss"], row["fd@aa"]) for row in found] == [
    ("0", "1", "0.5"),
    ("1", "2", "0.25"),
  ]
  assert list(found[0])[-2:] == ["loss", "fd@aa"]
  assert scored.rows(genjax.table(path, "loss"))[1]["loss"] == "2"


def test_a_study_has_a_block_for_each_folder(tmp_path):
  for rate in (0.1, 0.2):
    scored.write(tmp_path / f"rate={rate}", {"val_swd": [3]}, seeds=1, learning_rate=rate)
  (tmp_path / "rate=0.3").mkdir()  # begun, and not validated yet
  (tmp_path / "rate=0.3" / "config.json").write_text(
    (tmp_path / "rate=0.1" / "config.json").read_text()
  )
  table = genjax.table(tmp_path)
  assert [block.title for block in table.blocks] == [
    str(tmp_path / f"rate={x}") for x in (0.1, 0.2)
  ]
  found = scored.rows(table)
  assert [(row["workdir"], row["learning_rate"], row["val_swd"]) for row in found] == [
    ("rate=0.1", "0.1", "3"),
    ("rate=0.2", "0.2", "3"),
  ]
  assert tables.html(table).count("<tr>") == 6


def test_what_there_is_not(tmp_path):
  path = scored.write(tmp_path / "w", {"val_loss": [1], "loss": [2]}, seeds=1)
  with pytest.raises(UserError, match=r"no run has the metric 'val_los'; did you mean val_loss\?"):
    genjax.table(path, ["val_los"])
  with pytest.raises(UserError, match="is not a folder; expected a workdir"):
    genjax.table(tmp_path / "none")
  (path / "runs.csv").unlink()
  with pytest.raises(UserError, match="nothing is trained yet"):
    genjax.table(path)
