"""The keys of a config, what is right for each, and the programs that a config asks for."""

from genjax.config.checks import check
from genjax.config.files import load, settled
from genjax.config.keys import complete, complete_older, default, flatten
from genjax.config.studies import (
  cells,
  check_overrides,
  check_study,
  folder_of,
  parts_of,
  programs,
  span,
  units,
)
from genjax.config.variants import FLAX, PYRAMID, variant
from genjax.config.words import framework, listed, numbers, options, title
