"""Random numbers for different purposes are different."""

import pathlib
import re

import pytest

import genjax
from genjax.rng import Stream

# Of a run's own key, in each model; and scores', which tell theirs apart by a count.
SHARED = {Stream.INIT, Stream.STEP, Stream.METRIC}


@pytest.mark.parametrize("purpose", sorted(set(Stream) - SHARED))
def test_one_module_takes_the_random_numbers_of_a_purpose(purpose):
  files = pathlib.Path(genjax.__file__).parent.rglob("*.py")
  users = [f.stem for f in files if re.search(rf"Stream\.{purpose.name}\b", f.read_text())]
  assert len(users) == 1


def test_who_shares_the_random_numbers_of_scores():
  files = pathlib.Path(genjax.__file__).parent.rglob("*.py")
  users = {f.stem for f in files if "Stream.METRIC" in f.read_text()}
  assert users == {"protocols", "validation"}
