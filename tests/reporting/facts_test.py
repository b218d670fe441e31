"""What was run, in words."""

import copy

import jax

from genjax.analysis import selection
from genjax.reporting import facts
from genjax.training import config_file, loading


def test_facts_of_a_sweep(vae):
  (one,) = selection.read([vae[0]])
  told = facts.of_workdir(config_file.read_config(vae[0]), one)
  assert told["Model"] == "VAE"
  assert told["Seeds"] == "2: 0, 1"
  assert told["Swept"] == "latent 2, 3; learning rate 0.001, 0.3"
  assert told["Fixed"] == "b1 0.9; b2 0.999; kl weight 1"
  assert told["Length"] == "12 steps"
  params = jax.tree.leaves(loading.read(vae[0]).progress.state.params)
  total = sum(leaf[0].size for leaf in params)
  assert told["Parameters"].startswith(f"{total:,} a run (decoder ")
  assert told["Begun"] == facts.NOT_RECORDED


def test_what_workdirs_share_and_in_what_they_differ(vae):
  record = config_file.read_config(vae[0])
  other = copy.deepcopy(record)
  other["config"]["model"]["width"] = 16
  other["config"]["sweep"]["seeds"] = list(range(10))
  each = {name: facts.of_workdir(r, None) for name, r in {"a": record, "b": other}.items()}
  shared, table = facts.common(each)
  assert "Options" not in shared
  assert shared["Length"] == "12 steps"
  assert [column.head for column in table.columns] == ["workdir", "options", "seeds"]
  assert table.blocks[0].rows[1] == (
    "b",
    each["b"]["Options"],
    "10: 0 to 9",
  )
  assert facts.common({"a": each["a"]})[1] is None
  assert facts.lead([record, other]).startswith("VAE dense on ")
