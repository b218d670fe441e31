"""How scores were measured: what the ids of protocols stand for."""

import json
from collections.abc import Iterable, Sequence

from genjax.analysis.recorded_scores import Scores
from genjax.plotting.tables import Block, Column, Table


def real_images(splits: Iterable[str]) -> str:
  """What floors are of: "real test images", without the split where there are several."""
  known = set(splits)
  return " ".join(["real", *(known if len(known) == 1 else ()), "images"])


def in_words(scores: Scores) -> str:
  """What its protocol says, in words."""
  record = {key: value for key, value in scores.record.items() if value not in ("", [], (), None)}
  parts = [str(record.pop("data"))] if "data" in record else []
  parts += [f"{record.pop(key)} {key}" for key in ("split", "weights") if key in record]
  for key in ("generated_images", "real_images"):
    if key in record:
      parts.append(f"{record.pop(key):,} {key.replace('_', ' ')}")
  rest = {key: value for key, value in record.items() if key not in _UNSAID}
  parts += [f"{key.replace('_', ' ')} {_plain(value)}" for key, value in rest.items()]
  return ", ".join(parts)


_UNSAID = ("group", "image_shape", "rules", "score")


def _plain(value) -> str:
  if isinstance(value, int):
    return f"{value:,}"
  return value if isinstance(value, str) else json.dumps(value)


_PROTOCOLS = (
  Column("protocol", "protocol", "text"),
  Column("group", "scores", "text"),
  Column("conditions", "how they were measured", "text"),
)


def protocols(all_scores: Sequence[Scores]) -> Table:
  """What the ids behind the @ stand for."""
  rows = dict.fromkeys((s.protocol, s.record["group"], in_words(s)) for s in all_scores)
  return Table(_PROTOCOLS, [Block("Protocols", {}, list(rows))])
