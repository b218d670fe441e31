"""What a sweep takes, and what becomes of one that does not fit."""

import json

import jax
import numpy as np
import pytest
import trainings

import genjax
from genjax.training import cost, memory, planning, sweep, train
from genjax.types import UserError

KEYS = {"seeds": tuple(range(8)), "chunk": 0}


def taking(temporary, state=80):
  return memory.Memory(state, 0, 0, 0, 0, images=10, temporary=temporary, process=0)


@pytest.fixture
def together(monkeypatch):
  """A backend that computes all runs of a device at once, where it may."""
  monkeypatch.setattr(sweep, "at_once", lambda runs, chunk=0: min(chunk or runs, runs))


@pytest.mark.parametrize(
  ("most", "temporary", "chunk"),
  [
    (170, lambda n: 10 * n, 0),
    (169, lambda n: 10 * n, 7),
    (130, lambda n: 10 * n, 4),
    (130, lambda n: 10 * n if n < 4 else 10 * n + 9, 3),  # less than in proportion is not enough
    (60, lambda n: 10 * n, 1),  # which does not fit either
  ],
)
def test_as_many_runs_at_once_as_fit(together, monkeypatch, most, temporary, chunk):
  monkeypatch.setattr(memory, "limit", lambda: most)
  monkeypatch.setattr(memory, "of", lambda made, given: taking(temporary(made or 8)))
  rows = sweep.runs([{"seed": seed, "latent": 2} for seed in range(8)])
  given = memory.Shapes(rows, None, None, None, None)
  fit = memory.fitting(lambda chunk: chunk, given)
  assert (fit.programs, fit.chunk) == (chunk, chunk)
  assert fit.memory.temporary == temporary(chunk or 8)
  assert memory.fitting(lambda chunk: chunk, given, 5).chunk == 5  # as the config says


@pytest.mark.parametrize(
  ("most", "changes", "said"),
  [
    (90, {}, ""),
    (89, {}, "config.sweep.seeds_at_once=7 trains"),
    (20, {}, "config.sweep.seeds_at_once=1 trains"),
    (19, {}, "a smaller config.batch_size or network"),
    (89, {"chunk": 4}, "config.sweep.chunk=0 computes"),
  ],
)
def test_who_has_not_the_memory_is_told_what_would_fit(monkeypatch, most, changes, said):
  monkeypatch.setattr(memory, "limit", lambda: most * 2**30)
  taken = memory.Memory(*(size * 2**30 for size in taking(0)))
  why = memory.refusal(memory.Fitting(None, 0, taken), KEYS | changes)
  assert bool(why) == bool(said)
  assert said in why
  if why:
    assert f"training takes 90 GiB of a device that has {most} GiB; " in why


@pytest.fixture
def no_process(monkeypatch):
  monkeypatch.setattr(memory, "_resident", lambda: 0)


def test_a_sweep_that_is_too_large_is_refused_and_goes_in_parts(
  no_process, no_pictures, caches, tmp_path, monkeypatch
):
  wanted = trainings.wanted("vae")
  (plan,) = planning.plans(wanted).values()
  whole = _memory(plan, 0)
  state = whole.total - whole.images - whole.temporary
  most = memory.limit()
  monkeypatch.setattr(memory, "limit", lambda: whole.total - state // 4)
  with pytest.raises(UserError, match=r"config\.sweep\.seeds_at_once=1 trains them in parts"):
    train.train(plan, tmp_path / "w")
  assert not any((tmp_path / "w" / "checkpoints").glob("*"))
  monkeypatch.setattr(memory, "limit", lambda: most)
  wanted.sweep.seeds_at_once = 1
  assert len(genjax.train(wanted, tmp_path / "w", report=False)) == 4


def test_the_choice_is_kept(no_process, no_pictures, caches, tmp_path, monkeypatch, capsys):
  """Two runs on each of two devices: their activations fit one by one."""
  monkeypatch.setattr(sweep, "at_once", lambda runs, chunk=0: min(chunk or 2, 2))
  plan = trainings.plan("vae", batch_size=64)
  plan = plan._replace(model=plan.model._replace(provenance=None))  # of which no programs are kept
  alone, both = _memory(plan, 1).total, _memory(plan, 2).total
  monkeypatch.setattr(memory, "limit", lambda: (alone + both) // 2)
  train.train(plan, tmp_path)
  assert json.loads((tmp_path / "config.json").read_text())["at_once"] == 1
  assert "4 runs, 1 at once, take " in capsys.readouterr().out
  monkeypatch.setattr(memory, "limit", lambda: 2 * both)
  train.train(plan, tmp_path)
  assert "4 runs, 1 at once, take " in capsys.readouterr().out


def _memory(plan, chunk):
  return cost.planned(plan, chunk)[1].memory


def test_the_limit_of_a_control_group(tmp_path):
  own, groups = tmp_path / "own", tmp_path / "groups"
  (groups / "job" / "step").mkdir(parents=True)
  assert memory._allowed(own, groups) == np.iinfo(np.int64).max  # nothing is known
  own.write_text("4:memory:/x\n0::/job/step\n")
  (groups / "job" / "step" / "memory.max").write_text("max\n")
  assert memory._allowed(own, groups) == np.iinfo(np.int64).max
  (groups / "memory.max").write_text("4096\n")
  assert memory._allowed(own, groups) == 4096
  (groups / "job" / "step" / "memory.max").write_text("1024\n")
  assert memory._allowed(own, groups) == 1024


def test_devices_of_a_cpu_share_the_machine(monkeypatch):
  monkeypatch.setattr(memory, "_machine", lambda: 1000)
  monkeypatch.setattr(memory, "_allowed", lambda: 600)
  assert memory.limit() == 600 // len(jax.devices())
