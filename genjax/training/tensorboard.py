"""TensorBoard events of one run."""

import contextlib
import pathlib
import sys
import time
from collections.abc import Iterator


@contextlib.contextmanager
def _without_torch() -> Iterator[None]:
  """tensorboardX imports it where it is there: for seconds, and for nothing that is used here."""
  hidden = sys.modules.setdefault("torch", None) is None
  try:
    yield
  finally:
    if hidden:
      del sys.modules["torch"]


with _without_torch():
  from tensorboardX.event_file_writer import EventsWriter
  from tensorboardX.proto.event_pb2 import Event, SessionLog
  from tensorboardX.proto.summary_pb2 import Summary


class Events:
  """Writes scalars at once.

  tensorboardX's SummaryWriter has a thread and a queue of its own, which for many runs are many,
  and which an interrupt leaves waiting for each other for ever.
  """

  def __init__(self, folder: pathlib.Path, step: int):
    """Goes on after `step`: TensorBoard forgets what other files in the folder have beyond it."""
    folder.mkdir(parents=True, exist_ok=True)
    # The suffix keeps two files apart that begin in one second, of which each would be the other.
    self._writer = EventsWriter(str(folder / "events"), f".{step}")
    log = SessionLog(status=SessionLog.START)
    self._writer.write_event(Event(wall_time=time.time(), step=step + 1, session_log=log))

  def add(self, step: int, scalars: dict[str, float]) -> None:
    """Figures of one step, by name."""
    values = [Summary.Value(tag=name, simple_value=value) for name, value in scalars.items()]
    summary = Summary(value=values)
    self._writer.write_event(Event(wall_time=time.time(), step=step, summary=summary))
    self._writer.flush()

  def close(self) -> None:
    self._writer.close()
