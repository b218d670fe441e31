"""What real images score is measured once for all workdirs of the same data."""

import math
from types import SimpleNamespace

import jax
import numpy as np
import pytest

from genjax import data
from genjax.scoring import feature_networks, feature_scores, floors, image_scores
from genjax.scoring.protocols import Context, Settings
from genjax.types import Dataset

SPLITS = data.load("digits")
MODEL = SimpleNamespace(encode=None, decode=None, score=None, num_classes=10)


def _context(held=SPLITS.test, splits=SPLITS, **settings):
  return Context(MODEL, splits, held, held.label, Settings(**settings), num_runs=1)


class Counted:
  """A floor that says how often it was measured, and what."""

  def __init__(self):
    self.asked = []

  def __call__(self, names):
    self.asked.append(set(names))
    return {name: np.float32(len(name)) for name in names if name != "unknown"}


def _floor(measure, path, facts=(), **given):
  context = _context(**given)
  return floors.kept(measure, context, context.protocol("images", **dict(facts)), str(path))


def test_each_figure_is_measured_once(tmp_path):
  measure = Counted()
  assert _floor(measure, tmp_path)({"fd"}) == {"fd": 2}
  assert _floor(measure, tmp_path)({"fd", "swd"}) == {"fd": 2, "swd": 3}
  assert _floor(measure, tmp_path)({"swd"})["swd"] == 3
  assert measure.asked == [{"fd"}, {"swd"}]
  assert _floor(measure, tmp_path)({"fd", "unknown"}) == {"fd": 2, "swd": 3}


def _changed(dataset, **parts):
  changed = {name: change(getattr(dataset, name)) for name, change in parts.items()}
  return dataset._replace(**changed)


def test_what_floors_depend_on_is_measured_anew(tmp_path, monkeypatch):
  measure, (train, test) = Counted(), (SPLITS.train, SPLITS.test)
  others = [
    {},
    {"seed": 1},
    {"facts": {"features": "another"}},
    {"held": _changed(test, image=np.flipud)},
    {"held": _changed(test, label=np.flipud)},
    {"held": _changed(test, image=lambda x: x.swapaxes(1, 2).reshape(len(x), 14, 56, 1))},
    {"held": _changed(test, image=lambda x: x.reshape(len(x), 14, 56, 1))},
    {"held": Dataset(*(x[:200] for x in test))},
    {"splits": SPLITS._replace(train=_changed(train, image=np.flipud))},
    {"splits": SPLITS._replace(train=_changed(train, label=np.flipud))},
  ]
  for given in others:
    _floor(measure, tmp_path, **given)({"fd"})
  for name in ("versions", "revision"):
    monkeypatch.setattr(floors.provenance, name, lambda: "another")
    _floor(measure, tmp_path)({"fd"})
  assert measure.asked == [{"fd"}] * (len(others) + 2)


@pytest.mark.parametrize("content", ["{", "[1]", '{"fd": "much"}', '{"fd": null}', "\udcff"])
def test_a_damaged_file_is_measured_again(tmp_path, content, caplog):
  measure = Counted()
  _floor(measure, tmp_path)({"fd"})
  (file,) = tmp_path.rglob("*.npz")
  file.write_bytes(content.encode(errors="surrogateescape"))
  for _ in range(2):
    assert _floor(measure, tmp_path)({"fd"}) == {"fd": 2}
  assert len(measure.asked) == 2
  assert f"{file} are damaged and not used" in caplog.text


def test_a_score_that_real_images_do_not_have_is_kept_too(tmp_path):
  asked = []

  def measure(names):
    asked.append(names)
    return dict.fromkeys(names, math.nan)

  for _ in range(2):
    assert math.isnan(_floor(measure, tmp_path)({"fd"})["fd"])
  assert asked == [{"fd"}]


def test_without_a_place_each_is_measured(tmp_path, caplog):
  measure = Counted()
  protocol = _context().protocol("images")
  for _ in range(2):
    floors.kept(measure, _context(), protocol, None)({"fd"})
  (tmp_path / "file").touch()
  assert _floor(measure, tmp_path / "file")({"fd"}) == {"fd": 2}
  assert len(measure.asked) == 3
  assert "Arrays are not cached" in caplog.text


def test_a_second_workdir_looks_at_no_real_image(tmp_path, monkeypatch):
  (network,) = feature_networks.load(SPLITS, str(tmp_path), "", 1, {"fd"})
  names = {"fd", "coverage", "swd", "sharpness"}

  def floor():
    reference = feature_scores.Reference(network, SPLITS, SPLITS.test, cache=str(tmp_path))
    groups = (
      feature_scores.group(_context(), reference),
      image_scores.group(_context(), str(tmp_path)),
    )
    return {
      name: group.floor({*group.names} & names)[name]
      for group in groups
      for name in names & {*group.names}
    }

  first = floor()
  assert first.keys() == names

  def refuse(*_):
    raise AssertionError("a real image was looked at")

  monkeypatch.setattr(feature_scores.Reference, "see", refuse)
  monkeypatch.setattr(feature_scores.Reference, "score", refuse)
  monkeypatch.setattr(image_scores.pixels, "pyramid_slices", refuse)
  jax.clear_caches()
  assert floor() == first
