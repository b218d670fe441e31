import gc
import os
import pathlib
from importlib import metadata

# Most of a test's time is the compiler's, here of programs that run for milliseconds: without
# LLVM's optimisation, and without an MLIR pipeline for each fused loop, it takes a third; in one
# piece, as tests take all cores anyhow, a fifth less again.
_FLAGS = "--xla_backend_optimization_level=0 --xla_cpu_parallel_codegen_split_count=1"
if metadata.version("jaxlib").startswith("0.10."):  # later ones do not know it, and end the process
  # Not with CPU_OPT_PRESET_FAST_COMPILE, which saves 6% more: together they miscompile some
  # programs (jaxlib 0.10.2: gradients of the slopes of a jitted critic at two batches).
  _FLAGS += " --xla_cpu_use_fusion_emitters=false"
os.environ.setdefault("XLA_FLAGS", _FLAGS)
# Which lines each operation came from takes a tenth of lowering and of compiling, and no test asks.
os.environ.setdefault("JAX_TRACEBACK_IN_LOCATIONS_LIMIT", "0")

from jaxtyping import install_import_hook

# Annotated shapes hold wherever a test goes, and nothing checks them outside of tests. An int will
# do for a float, as it does for Python's typing.
_CHECKER = "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))"
install_import_hook(["genjax.types", "genjax.rng", "genjax.models", "genjax.metrics"], _CHECKER)

import forked
import growing
import jax
import pytest
import trainings
from jax.experimental.compilation_cache import compilation_cache

from genjax.training import train

jax.config.update("jax_num_cpu_devices", 2)
jax.config.update("jax_numpy_rank_promotion", "raise")


MAPS = pathlib.Path("/proc/self/maps")


def pytest_collection_finish():
  """What is imported by now stays: looking through it for garbage took a tenth of the time."""
  gc.collect()
  gc.freeze()
  gc.set_threshold(5_000, 20, 50)


@pytest.fixture(autouse=True, scope="module")
def forget_programs():
  """A process may map so many pieces of memory, and each compiled program takes some of them.

  Linux allows 65,530; with 12,000 programs take 4 GiB.
  """
  yield
  if not MAPS.exists() or len(MAPS.read_text().splitlines()) > 12_000:
    jax.clear_caches()
    gc.collect()


@pytest.fixture(scope="session")
def caches(tmp_path_factory):
  """Compiled programs and decoded data are shared by the session, and with processes it starts."""
  place = tmp_path_factory.getbasetemp()
  place = place.parent if "PYTEST_XDIST_WORKER" in os.environ else place  # of all workers
  compiled, data = place / "compiled", place / "data"
  before = dict(os.environ)
  os.environ |= {"JAX_COMPILATION_CACHE_DIR": str(compiled), "GENJAX_CACHE": str(data)}
  jax.config.update("jax_compilation_cache_dir", str(compiled))
  jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)
  compilation_cache.reset_cache()  # what was compiled so far had decided that there is none
  yield
  os.environ.clear()
  os.environ.update(before)
  jax.config.update("jax_compilation_cache_dir", None)
  compilation_cache.reset_cache()


@pytest.fixture
def no_pictures():
  """Half of a small training's time is drawing."""
  with growing.no_pictures():
    yield


@pytest.fixture(scope="session")
def commands(caches, tmp_path_factory):
  """Runs command lines: `commands("sample", "--num=1", ...)`."""
  running = forked.Commands(tmp_path_factory.mktemp("streams"))
  yield running
  running.close()


@pytest.fixture(scope="session")
def vae(caches, tmp_path_factory):
  """A workdir that is done, with checkpoints at 6 and 12, and its plan; not to be written to."""
  path = tmp_path_factory.mktemp("vae")
  plan = trainings.plan("vae", **{"sweep.learning_rate": (1e-3, 0.3)})
  train.train(plan, path)
  return path, plan
