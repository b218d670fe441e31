"""The keys of a config, what is right for each, and the programs that a config asks for."""

from genjax.config.checks import check, suggestion
from genjax.config.keys import default, flatten, options
from genjax.config.studies import cells, check_overrides
from genjax.config.variants import FLAX, variant

__all__ = [
  "FLAX",
  "cells",
  "check",
  "check_overrides",
  "default",
  "flatten",
  "options",
  "suggestion",
  "variant",
]
