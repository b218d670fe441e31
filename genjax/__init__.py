"""Generative models with many seeds: whole training runs vectorised in JAX."""

__all__ = ["load"]


def __dir__() -> list[str]:
  return [*globals(), *__all__]


def __getattr__(name: str):
  # Orbax takes a while to import; who only wants the losses need not wait.
  if name == "load":
    from genjax.checkpoint import load

    return load
  raise AttributeError(f"module 'genjax' has no attribute {name!r}")
