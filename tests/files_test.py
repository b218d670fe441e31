"""A file or a folder is there whole, or what was there before."""

import pathlib

import pytest

from genjax import files
from genjax.types import UserError

OURS = r"\d+\.png"


def tree(path):
  return {str(p.relative_to(path)): p.read_text() for p in path.rglob("*") if p.is_file()}


def test_a_file_takes_its_place_at_the_end(tmp_path):
  path = tmp_path / "new" / "a.txt"
  with files.file(path) as partial:
    partial.write_text("one")
    assert not path.exists()
  with files.file(path) as partial:
    partial.write_text("two")
    assert path.read_text() == "one"
  assert tree(tmp_path) == {"new/a.txt": "two"}


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_what_is_raised_leaves_what_was_there(tmp_path, error):
  (tmp_path / "a").write_text("old")
  (tmp_path / "d").mkdir()
  (tmp_path / "d" / "1.png").write_text("old")

  def fail(place, name):
    with place as partial:
      (partial / name if name else partial).write_text("half")
      raise error

  for path in (tmp_path / "a", tmp_path / "new" / "b"):
    with pytest.raises(error):
      fail(files.file(path), "")
  for path in (tmp_path / "d", tmp_path / "new" / "d"):
    with pytest.raises(error):
      fail(files.folder(path, OURS), "2.png")
  assert tree(tmp_path) == {"a": "old", "d/1.png": "old"}
  assert {path.name for path in tmp_path.iterdir()} == {"a", "d"}


def test_a_folder_is_replaced_with_all_it_holds(tmp_path):
  for names in (["1.png", "2.png"], ["3.png"], []):
    with files.folder(tmp_path / "d", OURS) as partial:
      for name in names:
        (partial / name).write_text(name)
    assert tree(tmp_path) == {f"d/{name}": name for name in names}
    assert [path.name for path in tmp_path.iterdir()] == ["d"]


def test_a_folder_has_these_files_and_no_others(tmp_path):
  for contents in ({"1.png": b"1", "2.png": b"2"}, {"3.png": b"3"}):
    files.write_folder(tmp_path / "d", OURS, contents)
  assert tree(tmp_path) == {"d/3.png": "3"}


def test_what_is_somebody_s_is_let_be(tmp_path):
  (tmp_path / "mine.txt").write_text("mine")
  (tmp_path / ".lock").write_text("hidden, so that the other is named")
  for path, message in ((tmp_path, "holds mine"), (tmp_path / "mine.txt" / "a", "cannot be")):
    with pytest.raises(UserError, match=message):
      files.check_folder(path, OURS)
  files.check_folder(tmp_path / "new" / "d", OURS)
  refused = [
    (files.folder(tmp_path, OURS), r"holds mine\.txt, which this command did not write"),
    (files.folder(tmp_path / "mine.txt", OURS), "is a file; name a folder"),
    (files.file(tmp_path), "is a folder; name a file in it"),
    (files.file(tmp_path / "mine.txt" / "a"), "cannot be written"),
    (files.folder(tmp_path / "mine.txt" / "a", OURS), "cannot be written"),
  ]
  for place, message in refused:
    with pytest.raises(UserError, match=f"^--out={tmp_path}.*{message}"), place:
      raise AssertionError("entered")
  assert tree(tmp_path) == {"mine.txt": "mine", ".lock": "hidden, so that the other is named"}


def test_a_folder_s_contents_are_replaced_and_it_stays_itself(tmp_path, monkeypatch):
  (tmp_path / "far").mkdir(mode=0o750)
  (tmp_path / "link").symlink_to("far")
  monkeypatch.chdir(tmp_path / "far")
  for path in (tmp_path / "link", tmp_path / "far", pathlib.Path(".")):
    for name in ("1.png", "2.png"):
      with files.contents(path, rf"{OURS}|\..*\.partial") as partial:
        (partial / name).write_text(name)
        assert partial.parent.samefile(tmp_path / "far")
      (tmp_path / "far" / ".left.partial").mkdir()  # by a process that was killed
      assert tree(tmp_path / "far") == {name: name}
  assert (tmp_path / "link").is_symlink()
  assert (tmp_path / "far").stat().st_mode & 0o777 == 0o750
  assert pathlib.Path.cwd() == tmp_path / "far"


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "No space left")])
def test_contents_that_cannot_be_made_leave_what_was_there(tmp_path, error):
  (tmp_path / "d").mkdir()
  (tmp_path / "d" / "1.png").write_text("old")

  def fail(path):
    with files.contents(path, OURS) as partial:
      (partial / "2.png").write_text("half")
      raise error

  (tmp_path / "empty").mkdir()
  for path in (tmp_path / "d", tmp_path / "empty", tmp_path / "new" / "e"):
    with pytest.raises((KeyboardInterrupt, UserError)):
      fail(path)
  assert tree(tmp_path) == {"d/1.png": "old"}
  assert {path.name for path in tmp_path.iterdir()} == {"d", "empty"}


def test_a_link_to_a_folder_stays_one(tmp_path):
  (tmp_path / "far").mkdir()
  (tmp_path / "link").symlink_to("far")
  for name in ("1.png", "2.png"):
    files.write_folder(tmp_path / "link", OURS, {name: b"new"})
    assert tree(tmp_path / "far") == {name: "new"}
  assert (tmp_path / "link").is_symlink()
  assert {path.name for path in tmp_path.iterdir()} == {"far", "link"}
