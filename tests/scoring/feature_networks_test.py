"""A user's network is known by what it does."""

import sys

import pytest

from genjax import data
from genjax.scoring import feature_networks

DIGITS = data.load("digits")
VERSIONS = {
  "pixels": "return images.reshape(len(images), -1)[:, 100:140]",
  "the same by another way": "return images.reshape(len(images), -1).T[100:140].T * 1.0000001",
  "other pixels": "return images.reshape(len(images), -1)[:, 101:141]",
  "one of them 0": "return images.reshape(len(images), -1)[:, 100:140].at[:, 7].set(0)",
  "a root": "return images.reshape(len(images), -1)[:, 100:140] ** 0.5",
  "1% brighter": "return 1.01 * images.reshape(len(images), -1)[:, 100:140]",
  "nothing": "return 0 * images.reshape(len(images), -1)[:, 100:140]",
}


@pytest.fixture(scope="module")
def names(tmp_path_factory):
  """What the networks are called, all of one module and one function."""
  folder = tmp_path_factory.mktemp("code")
  found = {}
  with pytest.MonkeyPatch.context() as patch:
    patch.syspath_prepend(folder)
    patch.setattr(sys, "dont_write_bytecode", True)
    for title, line in VERSIONS.items():
      (folder / "mine.py").write_text(f"def features(images):\n  {line}\n")
      sys.modules.pop("mine", None)
      (network,) = feature_networks.load(DIGITS, "", "mine:features", 1, ("fd",))
      found[title] = network.name
  sys.modules.pop("mine", None)
  return found


def test_versions_of_a_function_have_names_of_their_own(names):
  assert all(name.startswith("mine:features-") for name in names.values())
  others = [name for title, name in names.items() if title != "the same by another way"]
  assert len(set(others)) == len(others)


def test_rounding_changes_no_name(names):
  assert names["the same by another way"] == names["pixels"]
