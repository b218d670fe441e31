"""Lines on what measures say."""

import numpy as np
import scored

from genjax.analysis import findings


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
  (line,) = findings.of(scored.found(*paths), "pairs.csv")
  assert line == (
    "a is better than b by FD (p 0.002); b is better than a by kernel distance "
    "(p 0.002); not decided: coverage (over 1,000 seeds)"
  )


def test_few_seeds_decide_nothing(tmp_path):
  paths = _workdirs(tmp_path, 3, fd=[[1, 2, 3], [4, 5, 6]], coverage=[0.1, 0.2])
  (line,) = findings.of(scored.found(*paths), "pairs.csv")
  assert line == "a and b: FD and coverage with 3 seeds decide nothing"
  assert findings.legend([line]) == ["(a verdict takes 10 seeds of each)"]


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
