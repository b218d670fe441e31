"""Folders of images, as people have them."""

import os

import numpy as np
import pytest
from PIL import Image

from genjax.data import cache, folders, sources
from genjax.types import UserError


def write_folder(root, classes, mode="L", size=(6, 6), count=3):
  rng = np.random.default_rng(len(classes))
  for name in classes:
    (root / name).mkdir(parents=True, exist_ok=True)
    for i in range(count):
      pixels = rng.integers(0, 256, (*size[::-1], 4), dtype=np.uint8)
      Image.fromarray(pixels, "RGBA").convert(mode).save(root / name / f"{i}.png")
  return root


def test_by_class(tmp_path):
  write_folder(tmp_path, ["cat", "ant", "bee"])
  (tmp_path / "ant" / "notes.txt").write_text("not an image")
  (tmp_path / "ant" / "._0.png").write_text("what macOS leaves")
  (tmp_path / ".git").mkdir()
  arrays = folders.read(tmp_path, 0)
  assert arrays.train.image.shape == (9, 6, 6, 1)
  assert arrays.train.label.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]  # in the order of the names
  assert (arrays.test, len(arrays.classes)) == (None, 3)
  np.testing.assert_array_equal(
    arrays.train.image[4, :, :, 0], np.asarray(Image.open(tmp_path / "bee" / "1.png"))
  )


def test_with_train_and_test(tmp_path):
  write_folder(tmp_path / "train", ["a", "b"], "RGB")
  write_folder(tmp_path / "test", ["b"], "RGB", count=2)
  arrays = folders.read(tmp_path, 0)
  assert arrays.train.image.shape == (6, 6, 6, 3)
  assert arrays.test.label.tolist() == [1, 1]  # numbered as in train
  assert len(arrays.classes) == 2
  np.testing.assert_array_equal(
    arrays.test.image[1], np.asarray(Image.open(tmp_path / "test" / "b" / "1.png"))
  )
  write_folder(tmp_path / "test", ["c"], "RGB")
  with pytest.raises(UserError, match="test/c: no such class"):
    folders.read(tmp_path, 0)


def test_with_a_class_called_train(tmp_path):
  write_folder(tmp_path, ["train", "tram"])
  arrays = folders.read(tmp_path, 0)
  assert len(arrays.classes) == 2
  assert len(arrays.train.label) == 6


@pytest.mark.parametrize(
  ("modes", "channels"),
  [(["L"], 1), (["1"], 1), (["LA"], 1), (["RGB"], 3), (["RGBA"], 3), (["P"], 3), (["L", "RGB"], 3)],
)
def test_channels(tmp_path, modes, channels):
  for mode in modes:
    write_folder(tmp_path, [f"class{mode}"], mode)
  image = folders.read(tmp_path, 0).train.image
  assert image.shape == (3 * len(modes), 6, 6, channels)
  if modes == ["L", "RGB"]:  # a grey image among others is as grey as before
    grey = np.asarray(Image.open(tmp_path / "classL" / "0.png"))
    np.testing.assert_array_equal(image[0], np.stack([grey] * 3, -1))


def test_of_unequal_sizes(tmp_path):
  write_folder(tmp_path, ["a"], size=(6, 6))
  write_folder(tmp_path, ["b"], size=(8, 5))
  with pytest.raises(UserError) as error:
    folders.read(tmp_path, 0)
  for part in ("a/0.png is 6x6", "b/0.png is 8x5", "--config.data.size"):
    assert part in str(error.value)
  assert folders.read(tmp_path, 7).train.image.shape == (6, 7, 7, 1)


@pytest.mark.parametrize("damage", ["short", "text", "empty", "deep"])
def test_with_an_unreadable_image(tmp_path, damage):
  bad = write_folder(tmp_path, ["a"], size=(64, 64)) / "a" / "1.png"
  if damage == "deep":
    Image.fromarray(np.full((64, 64), 40_000, np.uint16)).save(bad)
  else:
    bad.write_bytes({"short": bad.read_bytes()[:500], "text": b"hello", "empty": b""}[damage])
  with pytest.raises(UserError, match=r"a/1\.png: not a readable image") as error:
    folders.read(tmp_path, 0)
  assert "\n" not in str(error.value)


def test_heeds_how_the_camera_was_held(tmp_path):
  (tmp_path / "a").mkdir()
  exif = Image.Exif()
  exif[0x0112] = 6  # to be turned by 90 degrees
  Image.new("RGB", (8, 4)).save(tmp_path / "a" / "0.jpg", exif=exif)
  assert folders.read(tmp_path, 0).train.image.shape == (1, 8, 4, 3)


def test_without_images(tmp_path):
  with pytest.raises(UserError, match="no images; expected"):
    folders.read(tmp_path, 0)
  write_folder(tmp_path / "train", ["a"])
  (tmp_path / "test").mkdir()
  with pytest.raises(UserError, match="test: no images"):
    folders.read(tmp_path, 0)


def _fill(folder, grey, count=2, name="{}.png"):
  """Images of one grey level."""
  folder.mkdir(parents=True, exist_ok=True)
  for i in range(count):
    Image.fromarray(np.full((6, 6), grey, np.uint8)).save(folder / name.format(i))


def _greys(part):
  """Label -> the grey levels of its images."""
  found = {}
  for image, label in zip(part.image, part.label, strict=True):
    found.setdefault(int(label), set()).add(int(image[0, 0, 0]))
  return found


@pytest.mark.parametrize(
  ("train", "test"),
  [("train", "test"), ("Training", "Testing"), ("train", "val"), ("training", "validation")],
)
@pytest.mark.parametrize("classes", [("a", "b"), ("",)])
def test_parts_by_their_usual_names(tmp_path, train, test, classes):
  """With classes inside and without: never is test/ a class to train on."""
  for i, name in enumerate(classes):
    _fill(tmp_path / train / name, 50 + i)
    _fill(tmp_path / test / name, 200 + i)
  arrays = folders.read(tmp_path, 0)
  assert _greys(arrays.train) == {i: {50 + i} for i in range(len(classes))}
  assert _greys(arrays.test) == {i: {200 + i} for i in range(len(classes))}
  assert arrays.classes == (classes if classes[0] else ("0",))


def test_validation_images_beside_a_test_part_are_trained_on(tmp_path):
  """Of these `data.load` splits off its own validation part."""
  for part, grey in (("train", 50), ("valid", 100), ("test", 200)):
    _fill(tmp_path / part / "a", grey)
  arrays = folders.read(tmp_path, 0)
  assert _greys(arrays.train) == {0: {50, 100}}
  assert _greys(arrays.test) == {0: {200}}
  assert arrays.notes == ("images of valid are trained on",)


def test_images_in_no_class_folder_are_of_one_class_and_it_is_said(tmp_path):
  _fill(tmp_path, 9, count=3)
  arrays = folders.read(tmp_path, 0)
  assert (arrays.classes, arrays.train.label.tolist()) == (("0",), [0, 0, 0])
  assert arrays.notes == ("no class folders, so that all images are of one class",)


def test_a_class_has_all_images_below_its_folder(tmp_path):
  _fill(tmp_path / "a", 1)
  _fill(tmp_path / "a" / "more" / "still", 2)
  _fill(tmp_path / "b", 3)
  assert _greys(folders.read(tmp_path, 0).train) == {0: {1, 2}, 1: {3}}


def test_classes_are_in_the_order_of_their_numbers(tmp_path):
  for number in range(12):
    _fill(tmp_path / f"{number}", number)
  (tmp_path / "5x").mkdir()  # holds no image, and is not a class
  arrays = folders.read(tmp_path, 0)
  assert arrays.classes == tuple(map(str, range(12)))
  assert _greys(arrays.train) == {number: {number} for number in range(12)}


@pytest.mark.parametrize("ending", ["gif", "jfif", "pgm", "ppm", "PNG", "pbm"])
def test_other_endings_of_images_are_read(tmp_path, ending):
  (tmp_path / "a").mkdir()
  image = Image.fromarray(np.full((6, 6), 255, np.uint8))
  image = image.convert({"pbm": "1", "ppm": "RGB"}.get(ending, "L"))
  image.save(tmp_path / "a" / f"0.{ending}", "JPEG" if ending == "jfif" else None)
  arrays = folders.read(tmp_path, 0)
  np.testing.assert_array_equal(arrays.train.image, 255)


def test_what_is_not_taken_is_counted_and_named_once(tmp_path):
  _fill(tmp_path / "a", 1)
  for name in ("notes.txt", "more.TXT", "README", ".DS_Store", "._0.png", "Thumbs.db"):
    (tmp_path / "a" / name).write_text("x")
  for name in ("__MACOSX", ".git"):
    (tmp_path / "a" / name).mkdir()
  _fill(tmp_path, 1, count=2, name="beside{}.png")
  arrays = folders.read(tmp_path, 0)
  assert len(arrays.train.label) == 2
  assert arrays.notes == (
    "not taken as images: 2 *.txt, 1 files without an ending, 3 hidden files, "
    "2 hidden folders, 2 images beside the class folders",
  )


def test_all_broken_files_are_named_at_most_twenty(tmp_path):
  _fill(tmp_path / "a", 1)
  for i in range(23):
    (tmp_path / "a" / f"broken{i}.png").write_text("x")
  with pytest.raises(UserError) as told:
    folders.read(tmp_path, 0)
  line = str(told.value)
  assert line.count("not a readable image") == 20
  assert line.index("broken2.png") < line.index("broken10.png")
  assert line.endswith("; and 3 more")


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_ink_on_nothing_is_black_on_white(tmp_path, mode):
  (tmp_path / "a").mkdir()
  ink = np.zeros((6, 6, 4), np.uint8)
  ink[2:4, 2:4, 3] = 255
  Image.fromarray(ink).convert(mode).save(
    tmp_path / "a" / "0.png" if mode != "PA" else tmp_path / "a" / "0.tif"
  )
  arrays = folders.read(tmp_path, 0)
  image = arrays.train.image
  assert image.shape == (1, 6, 6, 1)
  np.testing.assert_array_equal(image[0, :, :, 0] == 0, ink[..., 3] == 255)
  assert (image[0, :2] == 255).all()
  said = "what is transparent in 1 images is white (config.data.background)"
  assert said in arrays.notes
  assert not folders.read(tmp_path, 0, "black").train.image.any()


def test_an_opaque_alpha_channel_is_not_spoken_of(tmp_path):
  (tmp_path / "a").mkdir()
  Image.new("RGBA", (6, 6), (7, 7, 7, 255)).save(tmp_path / "a" / "0.png")
  arrays = folders.read(tmp_path, 0)
  assert (arrays.train.image == 7).all()
  assert arrays.notes == ()


def test_a_palette_of_greys_is_grey(tmp_path):
  (tmp_path / "a").mkdir()
  grey = Image.fromarray(np.arange(36, dtype=np.uint8).reshape(6, 6) * 7)
  grey.quantize(16).save(tmp_path / "a" / "0.png")
  image = folders.read(tmp_path, 0).train.image
  assert image.shape == (1, 6, 6, 1)
  np.testing.assert_allclose(image[0, :, :, 0], np.asarray(grey), atol=20)


def _laid_out(root, layout):
  """Files such as "train/a/0.png"; the grey of an image is its place in the list."""
  for grey, name in enumerate(layout.split()):
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((6, 6), grey, np.uint8)).save(root / name)


@pytest.mark.parametrize(
  ("layout", "classes", "train", "test"),
  [
    # A class called train, beside others.
    ("train/0.png tram/1.png", ("train", "tram"), {0: {0}, 1: {1}}, None),
    ("train/0.png train/.cache/1.png tram/2.png", ("train", "tram"), {0: {0}, 1: {2}}, None),
    ("train/0.png train/more/1.png tram/2.png", ("train", "tram"), {0: {0, 1}, 1: {2}}, None),
    ("test/0.png text/1.png", ("test", "text"), {0: {0}, 1: {1}}, None),
    # Parts, beside what belongs to none.
    ("train/0.png test/1.png unlabeled/2.png", ("0",), {0: {0}}, {0: {1}}),
    ("train/a/0.png other/b/1.png", ("a",), {0: {0}}, None),
    ("train/a/0.png test/a/1.png 2.png", ("a",), {0: {0}}, {0: {1}}),
  ],
)
def test_what_is_a_part_and_what_a_class(tmp_path, layout, classes, train, test):
  _laid_out(tmp_path, layout)
  arrays = folders.read(tmp_path, 0)
  assert arrays.classes == classes
  assert _greys(arrays.train) == train
  assert (arrays.test and _greys(arrays.test)) == test


@pytest.mark.parametrize(
  ("layout", "said"),
  [
    ("val/a/0.png test/a/1.png", "has val and test, and no folder train beside them"),
    ("train/a/0.png valid/a/1.png validation/a/2.png", "are both the validation part"),
    ("train/a/0.png test/1.png", "test: images in no class folder, as .*train has them"),
    ("train/0.png test/a/1.png", "no such class in"),
  ],
)
def test_parts_that_cannot_be_told(tmp_path, layout, said):
  _laid_out(tmp_path, layout)
  with pytest.raises(UserError, match=said):
    folders.read(tmp_path, 0)


def test_what_lies_beside_parts_and_classes_is_named(tmp_path):
  _laid_out(tmp_path, "train/a/0.png train/__MACOSX/a/1.png test/a/2.png more/b/3.png 4.png")
  arrays = folders.read(tmp_path, 0)
  assert arrays.notes == ("not taken as images: 1 hidden folders, 2 images beside the parts",)


def test_names_that_differ_in_zeros_have_one_order(tmp_path):
  for name in ("1", "01", "001", "2"):
    _fill(tmp_path / name, 1)
  assert folders.read(tmp_path, 0).classes == ("001", "01", "1", "2")


def test_links_to_folders_above_are_not_followed(tmp_path):
  _fill(tmp_path / "a", 1)
  (tmp_path / "a" / "again").symlink_to("..")
  (tmp_path / "a" / "itself").symlink_to(".")
  (tmp_path / "b").symlink_to("a")  # this one is a class
  assert _greys(folders.read(tmp_path, 0).train) == {0: {1}, 1: {1}}
  assert len(folders.read(tmp_path, 0).train.label) == 4


def test_folders_that_cannot_be_read_are_named(tmp_path):
  for read in (lambda path: list(sources.walk(path)), lambda path: folders.read(path, 0)):
    with pytest.raises(UserError, match=r"nowhere cannot be read \(No such file"):
      read(tmp_path / "nowhere")


def test_a_class_whose_name_is_no_text(tmp_path):
  name = os.fsdecode(b"K\xe4se")
  _fill(tmp_path / name, 1)
  arrays = folders.read(tmp_path, 0)
  assert arrays.classes == ("K\ufffdse",)
  assert cache.path("", "./" + name, "1", 0, tmp_path).name.isascii()


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA"])
def test_images_stand_as_they_were_held(tmp_path, mode):
  (tmp_path / "a").mkdir()
  image, exif = Image.new(mode, (4, 6)), Image.Exif()
  exif[274] = 6  # a quarter turn
  image.save(tmp_path / "a" / "0.png", exif=exif)
  assert folders.read(tmp_path, 0).train.image.shape[1:3] == (4, 6)
