"""Lines on what measures say."""

import numpy as np
import pytest
import scored

from genjax.analysis import findings, pair_tables, workdirs
from genjax.types import UserError


def _workdirs(folder, seeds=10, **figures):
  """A workdir for each place of the figures, `name -> [values [R] of each workdir]`."""
  count = len(next(iter(figures.values())))
  return [
    scored.write(
      folder / "abcdefgh"[i], {f"{name}@aa": values[i] for name, values in figures.items()}, seeds
    )
    for i in range(count)
  ]


SPREAD = np.linspace(0, 0.5, 10)


def test_who_is_better_by_what_and_what_is_open(tmp_path):
  coverage = [0.5 + SPREAD, 0.5 + SPREAD[::-1]]
  paths = _workdirs(
    tmp_path, fd=[1 + SPREAD, 2 + SPREAD], kd=[2 + SPREAD, 1 + SPREAD], coverage=coverage
  )
  found = findings.decide(scored.found(*paths))
  (line,) = findings.of(found, "pairs.csv")
  assert line == (
    "a is better than b by FD (p 0.002); P(better) by kernel distance 0.00, coverage 0.50"
  )
  assert findings.legend(found, [line]) == [
    "(FD decides: p is adjusted for one comparison (Holm); P(better), the chance that a run of the "
    "one beats a run of the other, gives no verdict)"
  ]
  (line,) = findings.of(findings.decide(found, ["coverage"]), "pairs.csv")
  assert line == (
    "a and b: not decided by coverage (over 1,000 seeds); P(a better) by coverage 0.50, FD 1.00, "
    "kernel distance 0.00"
  )


def test_few_seeds_decide_nothing(tmp_path):
  paths = _workdirs(tmp_path, 3, fd=[[1, 2, 3], [4, 5, 6]], coverage=[0.1, 0.2])
  found = findings.decide(scored.found(*paths))
  (line,) = findings.of(found, "pairs.csv")
  assert line == "a and b: FD with 3 seeds decides nothing; P(a better) by FD 1.00, coverage 0.00"
  assert "a verdict takes 10 seeds of each" in findings.legend(found, [line])[0]


def test_nothing_is_decided_while_runs_are_trained(tmp_path):
  figures = {"fd@aa": 1 + SPREAD}
  done = scored.write(tmp_path / "a", figures, 10)
  running = scored.write(tmp_path / "b", {"fd@aa": 2 + SPREAD}, 10, status="running")
  nan = scored.write(tmp_path / "n", {}, 10, status="running")
  scored.append(nan, "fd@aa", dict.fromkeys(range(10), np.nan))
  for other, name in ((running, "b"), (nan, "n")):
    found = findings.decide(scored.found(done, other))
    (line,) = findings.of(found, "pairs.csv")
    assert line == f"a and {name}: no score decides; P(a better) by FD 1.00"
    (meaning,) = findings.legend(found, [line])
    assert meaning.startswith(f"({pair_tables.PRELIMINARY}; P(better), the chance that")
    assert pair_tables.PRELIMINARY in scored.notes(pair_tables.pairs(found))
  # Runs that have no figure yet take nothing from those that have one.
  new = scored.write(tmp_path / "c", {}, 1, first_seed=10, status="running")
  other = scored.write(tmp_path / "d", {"fd@aa": 2 + SPREAD}, 10)
  (line,) = findings.of(findings.decide(scored.found(done, other, new)), "pairs.csv")
  assert "is better than" in line


def test_the_setting_that_looks_better_comes_first(tmp_path):
  paths = _workdirs(tmp_path, 3, fd=[[4, 5, 6], [1, 2, 3]], coverage=[0.1, 0.2])
  (line,) = findings.of(findings.decide(scored.found(*paths)), "pairs.csv")
  assert line == "b and a: FD with 3 seeds decides nothing; P(b better) by FD 1.00, coverage 1.00"


def test_one_score_decides_and_what_no_end_is_better_of_does_not(tmp_path):
  paths = _workdirs(tmp_path, sharpness=[1 + SPREAD, 2 + SPREAD], swd=[1 + SPREAD, 2 + SPREAD])
  found = findings.decide(scored.found(*paths))
  assert [one.name for one in found if one.decides] == ["swd"]
  (line,) = findings.of(found, "pairs.csv")
  assert line.startswith("a is better than b by sliced Wasserstein distance (p ")


def test_planned_contrasts_are_the_lines_and_the_family(tmp_path):
  path = scored.write(
    tmp_path / "a", {"fd@aa": np.repeat([1, 2, 3], 10) + np.tile(SPREAD, 3)}, 10, (2, 10, 50)
  )
  homes = workdirs.read([path])
  found = scored.found(path)
  assert len(findings.of(found, "pairs.csv")) == 3
  chosen = workdirs.planned(homes, "neighbours=latent")
  found = [one._replace(contrasts=chosen) for one in found]
  lines = findings.of(found, "pairs.csv")
  assert [line.partition(" by")[0] for line in lines] == [
    "latent 2 is better than latent 10",
    "latent 10 is better than latent 50",
  ]
  assert "p is adjusted for the 2 planned comparisons (Holm)" in findings.legend(found, lines)[0]
  # Of a part of the study nothing was planned, and what is asked for now is not there.
  (home,) = homes
  part = home._replace(contrasts="neighbours", runs=home.runs[:10])
  assert workdirs.planned([part]) == ()
  with pytest.raises(UserError, match="no two settings differ"):
    workdirs.planned([part], "neighbours")


def test_decided_comparisons_come_first_and_the_rest_is_counted(tmp_path):
  paths = _workdirs(tmp_path, fd=[[i] * 10 for i in (1, 1, 1, 1, 1, 2)])
  lines = findings.of(scored.found(*paths), "pairs.csv")
  assert len(lines) == findings.LINES + 1
  assert all("is better than f by" in line for line in lines[:5])
  assert not any("is better" in line for line in lines[5:])
  assert lines[-1] == "3 more comparisons, 0 of them decided: pairs.csv"


def test_what_has_no_better_end_is_not_compared(tmp_path):
  paths = _workdirs(tmp_path, sharpness=[1 + SPREAD, 2 + SPREAD])
  assert findings.of(scored.found(*paths), "pairs.csv") == []


def test_headlines_are_by_the_first_network_and_fall_back(tmp_path):
  protocols = {key: scored.protocol(f"net-{key}") for key in ("aa", "bb")}
  figures = {"fd@aa": 1, "fd@bb": 1, "kd@aa": 1, "coverage@aa": 1}
  found = scored.found(scored.write(tmp_path / "a", figures, protocols=protocols))
  first = findings.headlines(found)
  assert [(m.name, m.about["features"]) for m in first] == [
    ("fd", "net-aa"),
    ("coverage", "net-aa"),
  ]
  found = scored.found(scored.write(tmp_path / "b", {"kd@aa": 1, "swd@aa": 1}))
  assert [m.name for m in findings.headlines(found)] == ["kd", "swd"]
