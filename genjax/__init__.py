"""Generative models with many seeds: whole training runs vectorised in JAX."""

# What there is for programs: name -> the module that has it. README uses nothing else.
_PUBLIC = {
  "train": "genjax.api",
  "evaluate": "genjax.api",
  "compare": "genjax.api",
  "score": "genjax.api",
  "table": "genjax.analysis.listing",
  "load": "genjax.training.loading",
  "prepare_jax": "genjax.process",
  "UserError": "genjax.types",
  "Model": "genjax.types",
  "VaeNetworks": "genjax.models.networks",
  "GanNetworks": "genjax.models.networks",
  "GanLoss": "genjax.models.losses",
  "Metric": "genjax.metrics.catalogue",
  "Arrays": "genjax.data.sources",
  "Dataset": "genjax.types",
}
__all__ = [*_PUBLIC]

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
  # a library, in another package's command too, keeps the handler that there is.
  following = zip(sys.orig_argv, sys.orig_argv[1:], strict=False)
  ours = any(a == "-m" and b.partition(".")[0] == "genjax" for a, b in following)
  if sys.argv[:1] == ["-m"] and ours:
    signal.signal(signal.SIGINT, end)  # `process` sets another, once JAX is imported


_end_quietly()


def _keep_functions() -> None:
  """Lets `genjax.evaluate` be the function although there is a command of that name.

  Python sets a package's attribute to each of its modules that is imported.
  """
  import sys

  module = type(sys)

  class Package(module):
    def __setattr__(self, name: str, value: object) -> None:
      if not (name in _PUBLIC and isinstance(value, module)):
        super().__setattr__(name, value)

  sys.modules[__name__].__class__ = Package


_keep_functions()


def __dir__() -> list[str]:
  return [*globals(), *__all__]


def __getattr__(name: str):
  # Orbax takes a while to import; code that only needs the losses should not pay for it.
  if name in _PUBLIC:
    import importlib

    return getattr(importlib.import_module(_PUBLIC[name]), name)
  raise AttributeError(f"module 'genjax' has no attribute {name!r}")
