import numpy as np
import pytest
from PIL import Image

from genjax.data import npz, sources
from genjax.types import UserError

PIXELS = np.random.default_rng(0).integers(0, 256, (12, 6, 6), dtype=np.uint8)
LABELS = np.arange(12) % 3


def write_npz(path, **arrays):
  np.savez(path, **arrays)
  return str(path)


def test_digits_are_drawn_like_mnist():
  train, test, classes, source, _ = sources.digits(0)
  assert train.image.shape == (1797, 28, 28, 1)
  assert train.image.dtype == np.uint8
  assert train.label.dtype == np.int32
  assert (test, classes) == (None, tuple("0123456789"))
  assert "digits" in source
  assert train.image.min() == 0
  assert train.image.max() == 255
  assert not train.image[:, :4].any()  # the margin
  assert not train.image[:, :, -4:].any()
  # Shrunk again, they are scikit-learn's images but for the smoothing.
  small = np.stack(
    [
      np.asarray(Image.fromarray(x).resize((8, 8), Image.Resampling.BOX))
      for x in train.image[:, 4:24, 4:24, 0]
    ]
  )
  from sklearn.datasets import load_digits

  assert np.corrcoef(small.ravel(), load_digits().images.ravel())[0, 1] > 0.97
  np.testing.assert_array_equal(train.label, load_digits().target)


def test_digits_take_a_size():
  assert sources.digits(16).train.image.shape == (1797, 16, 16, 1)


@pytest.mark.parametrize(
  ("given", "expected"),
  [
    (PIXELS, PIXELS),
    (PIXELS[..., None], PIXELS),
    (PIXELS / 255, PIXELS),
    ((PIXELS / 255).astype(np.float32), PIXELS),
    ((PIXELS - 0.4).clip(0) / 255, PIXELS),
    (PIXELS == 7, 255 * (PIXELS == 7)),
    ((PIXELS == 7).astype(np.uint8), 255 * (PIXELS == 7)),  # black and white, not black
    ((PIXELS == 7).astype(np.int64), 255 * (PIXELS == 7)),
    (PIXELS.astype(np.int64), PIXELS),
    (PIXELS.astype(np.int64) + 1000, None),
    (PIXELS.astype(np.int64) - 1, None),
    (PIXELS.astype(np.float32), None),
    (PIXELS / 255 - 0.01, None),
    (np.where(PIXELS == 7, np.nan, PIXELS / 255), None),
    (PIXELS[0], None),
    (PIXELS[0, 0, 0], None),
    (PIXELS[:0], None),
    (PIXELS.reshape(12, 2, 6, 3)[..., :2], None),  # 2 channels
    (PIXELS.astype(str), None),
    (PIXELS.astype(object), None),
  ],
)
def test_npz_pixels(tmp_path, given, expected):
  path = write_npz(tmp_path / "a.npz", image=given)
  if expected is None:
    with pytest.raises(UserError, match=r"a\.npz") as error:
      npz.read(path, 0)
    assert "\n" not in str(error.value)
    assert given.dtype == object or "image is" in str(error.value) or "shape" in str(error.value)
  else:
    arrays = npz.read(path, 0)
    np.testing.assert_array_equal(arrays.train.image[..., 0], expected)
    assert arrays.train.image.dtype == np.uint8
    assert arrays.train.image.ndim == 4


def test_npz_without_labels_has_one_class(tmp_path):
  arrays = npz.read(write_npz(tmp_path / "a.npz", image=PIXELS), 0)
  assert arrays.classes == ("0",)
  assert not arrays.train.label.any()
  assert arrays.test is None


def test_npz_as_keras_has_it(tmp_path):
  path = write_npz(
    tmp_path / "a.npz",
    x_train=PIXELS,
    y_train=LABELS[:, None],
    x_test=PIXELS[:5],
    y_test=LABELS[:5],
  )
  arrays = npz.read(path, 0)
  np.testing.assert_array_equal(arrays.train.label, LABELS)
  assert arrays.train.label.dtype == np.int32
  np.testing.assert_array_equal(arrays.test.image[..., 0], PIXELS[:5])
  np.testing.assert_array_equal(arrays.test.label, LABELS[:5])
  assert arrays.classes == ("0", "1", "2")


def test_npz_as_medmnist_has_it(tmp_path):
  """With labels [N, 1]; validation images are trained on, where there is a test part."""
  arrays = {"train_images": PIXELS[:5], "val_images": PIXELS[5:8], "test_images": PIXELS[8:]}
  arrays |= {"train_labels": LABELS[:5, None], "val_labels": LABELS[5:8, None]}
  path = write_npz(tmp_path / "a.npz", **arrays, test_labels=LABELS[8:, None].astype(np.uint8))
  found = npz.read(path, 0)
  np.testing.assert_array_equal(found.train.image[..., 0], PIXELS[:8])
  np.testing.assert_array_equal(found.train.label, LABELS[:8])
  np.testing.assert_array_equal(found.test.image[..., 0], PIXELS[8:])
  np.testing.assert_array_equal(found.test.label, LABELS[8:])
  assert found.notes == ("images of val_images are trained on",)
  del arrays["test_images"]
  found = npz.read(write_npz(tmp_path / "a.npz", **arrays), 0)
  np.testing.assert_array_equal(found.train.label, LABELS[:5])
  np.testing.assert_array_equal(found.test.label, LABELS[5:8])
  assert found.notes == ("images of val_images are the test part",)


@pytest.mark.parametrize("key", ["label", "labels", "y_train", "train_labels"])
def test_npz_labels_by_another_library_s_name(tmp_path, key):
  """Never are labels that are there taken for none."""
  arrays = npz.read(write_npz(tmp_path / "a.npz", imgs=PIXELS, **{key: LABELS}), 0)
  np.testing.assert_array_equal(arrays.train.label, LABELS)


def test_npz_is_black_and_white_as_a_whole(tmp_path):
  """A test part of 0 and 1 beside grey training images is nearly black, as they are."""
  dark = (PIXELS == 7).astype(np.uint8)
  arrays = {"x_train": PIXELS, "y_train": LABELS, "x_test": dark, "y_test": LABELS}
  found = npz.read(write_npz(tmp_path / "a.npz", **arrays), 0)
  np.testing.assert_array_equal(found.test.image[..., 0], dark)
  np.testing.assert_array_equal(found.train.image[..., 0], PIXELS)


def test_npz_with_a_pickle_beside_the_images(tmp_path):
  """As dSprites has it: it is not read."""
  path = write_npz(tmp_path / "a.npz", imgs=PIXELS, metadata=np.array({"a": 1}, object))
  arrays = npz.read(path, 0)
  assert arrays.classes == ("0",)
  assert arrays.notes == (
    "no labels, so that all images are of one class", "arrays not taken: metadata"
  )  # fmt: skip


def test_npz_that_names_its_classes(tmp_path):
  path = write_npz(
    tmp_path / "a.npz", Images=PIXELS, labels=LABELS, classes=["a", "b", "c"], more=1
  )
  arrays = npz.read(path, 0)
  assert arrays.classes == ("a", "b", "c")
  assert arrays.notes == ("arrays not taken: more",)


@pytest.mark.parametrize("channels", [1, 3])
def test_npz_with_channels_first(tmp_path, channels):
  image = PIXELS[:, None] if channels == 1 else PIXELS.reshape(4, 3, 6, 6)
  arrays = npz.read(write_npz(tmp_path / "a.npz", image=image), 0)
  np.testing.assert_array_equal(arrays.train.image, image.transpose(0, 2, 3, 1))
  assert f"image has its channels first, {list(image.shape)}" in arrays.notes


@pytest.mark.parametrize(
  ("arrays", "message"),
  [
    ({"pictures": PIXELS}, "no training images among its arrays pictures; expected one of image"),
    ({"x_train": PIXELS, "y_train": LABELS, "x_test": PIXELS}, "no labels of x_test among"),
    (
      {"train_images": PIXELS, "test_labels": LABELS, "test_images": PIXELS},
      "no labels of train_images among",
    ),
    ({"image": PIXELS, "images": PIXELS}, "both image and images among its arrays"),
    ({"X_train": PIXELS, "x_train": PIXELS}, "differ in capitals alone: X_train, x_train"),
    ({"image": PIXELS, "label": LABELS, "class_names": ["a", "b"]}, "class_names is"),
    ({"image": PIXELS, "label": LABELS, "classes": ["a", "b"]}, "expected 3 or more different"),
    ({"image": PIXELS, "label": LABELS, "classes": ["a", "b", "b"]}, "expected 3 or more diff"),
    ({"image": PIXELS, "label": LABELS, "classes": [1, 2, 3]}, "as text"),
    ({"image": PIXELS, "label": LABELS + 2**16}, "integers from 0 to 65535"),
    (
      {"image": PIXELS, "label": LABELS[:-1]},
      r"label is int64 \[11\] from 0 to 2; expected 12 integers",
    ),
    ({"image": PIXELS, "label": LABELS / 2}, "label is float64"),
    ({"image": PIXELS, "label": LABELS + 2**31}, "integers from 0 to 65535"),
    ({"image": PIXELS, "label": LABELS - 1}, "integers from 0 to 65535"),
    (
      {"x_train": PIXELS, "y_train": LABELS, "x_test": PIXELS[:, :5], "y_test": LABELS},
      "unequal shapes",
    ),
  ],
)
def test_npz_that_is_wrong(tmp_path, arrays, message):
  with pytest.raises(UserError, match=message):
    npz.read(write_npz(tmp_path / "a.npz", **arrays), 0)


def test_a_single_array_is_not_an_npz(tmp_path):
  with open(tmp_path / "a.npz", "wb") as file:
    np.save(file, PIXELS)
  with pytest.raises(UserError, match=r"a\.npz: not a readable \.npz file .*a single array"):
    npz.read(str(tmp_path / "a.npz"), 0)


def test_npz_that_is_absent_or_damaged(tmp_path):
  with pytest.raises(UserError, match=r"a\.npz: no such file"):
    npz.read(str(tmp_path / "a.npz"), 0)
  path = tmp_path / "a.npz"
  write_npz(path, image=PIXELS)
  whole = path.read_bytes()
  flipped = bytearray(whole)
  flipped[whole.find(PIXELS.tobytes()) + 100] ^= 1
  for content in (whole[:-50], whole[:10], b"", b"text", bytes(flipped)):
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"a\.npz: not a readable") as refused:
      npz.read(str(path), 0)
    assert "pickle" not in str(refused.value)  # NumPy would advise to execute what is in it


@pytest.mark.parametrize("channels", [1, 3])
def test_npz_is_resized_by_size(tmp_path, channels):
  image = np.repeat(PIXELS[..., None], channels, -1)
  arrays = npz.read(write_npz(tmp_path / "a.npz", image=image), 9)
  assert arrays.train.image.shape == (12, 9, 9, channels)
  expected = Image.fromarray(PIXELS[3]).resize((9, 9), Image.Resampling.LANCZOS)
  np.testing.assert_array_equal(arrays.train.image[3, :, :, -1], np.asarray(expected))
