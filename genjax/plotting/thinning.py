"""Which runs a figure shows where it has no room for all: some of every setting, its first ones."""

import itertools
from collections.abc import Hashable, Sequence

import numpy as np

from genjax.types import grouped

SETTINGS = 32  # as many as differ in their colour or their dashes (plots.looks)
LINES = 100  # thin lines or points, a run each: more are one surface
ROWS = 60  # of a gallery: more are a page that nobody scrolls through


def spread(settings: Sequence[Hashable], most: int = SETTINGS) -> list:
  """At most so many of these settings, each once, in their order: the first, the last and some."""
  names = list(dict.fromkeys(settings))
  places = np.linspace(0, len(names) - 1, min(len(names), most)).round().astype(int)
  return [names[place] for place in places]


def some(settings: Sequence[str], most: int) -> list[int]:
  """The places of at most so many runs, in their order, of runs of these settings.

  Of each setting equally many, its first ones; where there are more settings than that, a run of
  each of those that `spread` keeps.
  """
  if len(settings) <= most:
    return list(range(len(settings)))
  kept, places = spread(settings, most), grouped(range(len(settings)), lambda i: settings[i])
  return sorted(itertools.chain(*(places[name][: most // len(kept)] for name in kept)))


def shown_note(shown: int, runs: int) -> str:
  """A line on what is left out; "" where nothing is."""
  return f"Shown are {shown:,} of {runs:,} runs." if shown < runs else ""
