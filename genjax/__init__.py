"""Generative models with many seeds: whole training runs vectorised in JAX."""

__all__ = ["load", "table"]

DISTRIBUTION = "genjax-seeds"  # another library is installed as genjax


def _end_quietly() -> None:
  """Lets Ctrl-C end a command that still imports, for seconds, with a line and status 130."""
  import os
  import signal
  import sys

  def end(signum, frame):
    os.write(2, b"\ninterrupted\n")
    os._exit(130)

  # `python -m genjax.main` is called "-m" until Python has found the module. Who imports genjax as
  # a library keeps the handler that there is.
  if sys.argv[:1] == ["-m"]:
    signal.signal(signal.SIGINT, end)  # cli.run sets another, once all is imported


_end_quietly()


def __dir__() -> list[str]:
  return [*globals(), *__all__]


def __getattr__(name: str):
  # Orbax takes a while to import; code that only needs the losses should not pay for it.
  if name == "load":
    from genjax.training.loading import load

    return load
  if name == "table":
    from genjax.analysis.listing import table

    return table
  raise AttributeError(f"module 'genjax' has no attribute {name!r}")
