"""Pictures and tables within a page."""

import base64
import io

import numpy as np
import pytest
import scored
from PIL import Image

from genjax.analysis import setting_tables
from genjax.plotting.tables import Block, Column, Estimate, Table
from genjax.reporting import page


def decoded(uri):
  with Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))) as image:
    return np.asarray(image)


@pytest.mark.parametrize(
  ("text", "shown"),
  [
    ("-", "\N{EN DASH}"),
    ("-1.50", "\N{MINUS SIGN}1.50"),
    ("1e-05", "1e-05"),
    ("width-2 <b>", "width-2 &lt;b&gt;"),
    ("2.0 [-1.0, 5.0]", '2.0 <span class="interval">[\N{MINUS SIGN}1.0, 5.0]</span>'),
  ],
)
def test_a_cell(text, shown):
  assert str(page.cell(text)) == shown


COLUMNS = (
  Column("setting", "setting", "text"),
  Column("n", "n", "count"),
  Column("mean", "mean [95%]", interval=True),
  Column("floor", "floor"),
)


def test_a_table_loses_the_columns_in_which_there_is_nothing():
  rows = [("a", 2, Estimate(1, 0, 2), float("nan")), ("b", 3, Estimate(4, 3, 5), float("nan"))]
  notes = ["so", "-: not measured"]
  (grid,) = page.grids(Table(COLUMNS, [Block("loss, lower is better; fd@aa", {}, rows, notes)]))
  assert (grid.caption, grid.below) == ("loss, lower is better", "fd@aa")
  assert grid.heads == [("setting", False), ("n", True), ("mean [95%]", True)]
  assert grid.rows[1] == ["b", "3", "4.000 [3.000, 5.000]"]
  assert grid.notes == ["so"]
  rows[1] = ("b", 3, Estimate(4, 3, 5), 0.5)
  (grid,) = page.grids(Table(COLUMNS, [Block("loss", {}, rows, notes)]))
  assert grid.notes == notes  # of the floor of a


def test_blocks_of_one_row_are_one_table():
  nothing = Estimate(1, 0, 2), 0.5
  blocks = [Block("fd; x", {}, [("vae", 2, *nothing)]), Block("kd; y", {}, [("vae", 3, *nothing)])]
  (grid,) = page.grids(Table(COLUMNS, blocks))
  assert [row[:3] for row in grid.rows] == [["fd", "x", "2"], ["kd", "y", "3"]]
  assert grid.below == "vae"


def test_a_score_under_two_networks_has_two_rows(tmp_path):
  networks = {"aa": scored.protocol(), "bb": scored.protocol("inception-1")}
  path = scored.write(tmp_path / "a", {"fd@aa": 1, "fd@bb": 2}, protocols=networks)
  (grid,) = page.grids(setting_tables.middles(scored.found(path)))
  assert [row[1] for row in grid.rows] == [
    "fd@bb, features inception-1",
    "fd@aa, features mnist-0-3fa91c77",
  ]
  assert grid.heads[1] == ("column", False)


def test_rows_of_two_settings_are_not_put_together():
  estimate = Estimate(1, 0, 2)
  column = Column("setting", "setting", "text"), Column("v", "v", interval=True)
  blocks = [Block("FD; fd@aa", {}, [(name, estimate)]) for name in "ab"]
  grids = page.grids(Table(column, blocks))
  assert [grid.rows[0][0] for grid in grids] == ["a", "b"]


def test_a_strip_has_each_pixel_as_a_square(tmp_path):
  images = np.arange(2 * 3 * 28 * 28, dtype=np.uint32).reshape(2, 3, 28, 28, 1).astype(np.uint8)
  picture = page.strip(list(images), "six images")
  pixels = decoded(picture.source)
  assert pixels.shape == (2 * 56 + page.GAP, 3 * 56 + 2 * page.GAP)
  assert (picture.width, picture.height) == pixels.shape[::-1]
  second = pixels[56 + page.GAP :, 56 + page.GAP : 2 * 56 + page.GAP]
  np.testing.assert_array_equal(second, images[1, 1, ..., 0].repeat(2, 0).repeat(2, 1))
  assert (pixels[56 : 56 + page.GAP] == 255).all()


def test_a_sprite_keeps_every_pixel():
  pixels = np.random.default_rng(0).integers(0, 256, (30, 20, 3), np.uint8)
  np.testing.assert_array_equal(decoded(page.sprite(pixels)), pixels)


def test_frames_stand_side_by_side():
  frames = np.random.default_rng(0).integers(0, 256, (4, 2, 5, 6, 1), np.uint8)
  joined = page.side_by_side(frames)
  assert joined.shape == (4, 5, 13, 3)
  np.testing.assert_array_equal(joined[2, :, 7:, 1], frames[2, 1, ..., 0])
  assert (joined[:, :, 6] == 255).all()
