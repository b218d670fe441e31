"""What a command line becomes before its flags are set."""

import pytest

from genjax import flag_parsing


def test_a_key_that_is_given_twice_has_its_last_value():
  first = ["main", "--config=a.py", "--config.sweep.latents=(2,)", "--config.steps=4", "-v=1"]
  second = ["--config.sweep.latents=(8,)", "--config.steps=6", "--config.sweep.seeds=(0,)"]
  assert flag_parsing._last_of_each(first + second) == ["main", "--config=a.py", "-v=1", *second]


@pytest.mark.parametrize(
  ("given", "kept"),
  [
    (["--config.steps", "4", "--config.steps=6"], ["--config.steps=6"]),
    (["--config.steps", "4", "--config.steps", "6"], ["--config.steps=6"]),
    (
      ["--config.data.binarise", "--config.steps", "4"],
      ["--config.data.binarise", "--config.steps=4"],
    ),
    (["--config.sweep.kl_weight", "-1", "w"], ["--config.sweep.kl_weight=-1", "w"]),
    (["--config.sweep.kl_weight", "-.5"], ["--config.sweep.kl_weight=-.5"]),
    (["--config.data.binarise", "-workdir=w"], ["--config.data.binarise", "-workdir=w"]),
  ],
)
def test_a_key_and_its_value_may_be_two_arguments(given, kept):
  joined = flag_parsing.joined(["main", *given])
  assert flag_parsing._last_of_each(joined) == ["main", *kept]


def test_a_home_directory_is_expanded_in_any_flag(monkeypatch):
  monkeypatch.setenv("HOME", "/home/me")
  for given, expected in (
    ("--workdir=~/runs", "--workdir=/home/me/runs"),
    ("--config.data.name=~/a=b", "--config.data.name=/home/me/a=b"),
    ("--out=~", "--out=/home/me"),
    ("--workdir=./~odd", "--workdir=./~odd"),
    ("--runs=~3", "--runs=~3"),
    ("~/runs", "~/runs"),  # the shell's
  ):
    assert flag_parsing._expanded(given) == expected


@pytest.mark.parametrize(
  ("given", "expected"),
  [
    (["--config.sweep.seeds=range(3)"], ["--config.sweep.seeds=(0, 1, 2)"]),
    (["--config.sweep.seeds= range(100, 102) "], ["--config.sweep.seeds=(100, 101)"]),
    (["-config.grid.width=range(10,1,-4)"], ["-config.grid.width=(10, 6, 2)"]),
    (
      ["--config.sweep.seeds", "range(1)", "range(1)"],
      ["--config.sweep.seeds=(0,)", "range(1)"],
    ),
    (["--workdir=range(3)", "--config.data.name=range(3)", "--config.sweep.seeds=(1,)"],) * 2,
  ],
)
def test_a_range_of_a_key_is_its_numbers(given, expected):
  assert [*map(flag_parsing._with_range, flag_parsing.joined(given))] == expected


@pytest.mark.parametrize(
  "odd",
  ["()", "(0)", "(3", "(1.5)", "(n)", "(1, 2, 3, 4)", "(1, 9, 0)", "(- 1)", "(1_0)", "(100001)",
   f"({10**40})"],
)  # fmt: skip
def test_no_range_of_a_key(odd, capsys):
  with pytest.raises(SystemExit) as caught:
    flag_parsing._with_range(f"--config.sweep.seeds=range{odd}")
  assert caught.value.code == 2
  assert capsys.readouterr().err == (
    f"genjax: config.sweep.seeds is 'range{odd}'; expected a range of 1 to 100,000 whole numbers, "
    "such as range(10)\n"
  )
