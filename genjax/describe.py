"""What a config would train: `python -m genjax.describe --config=configs/gan_mnist.py:s1`.

For each program of a study: layers with output shapes and parameters, the cost of a step, and the
memory of the sweep; for a study also which differences its comparisons could show. As in `main`, a
study whose planned comparisons could not name a winner is refused. Nothing is trained or
downloaded: the sizes of well-known datasets are built in. Only the caches of `main` are written:
decoded images and compiled programs. `--keys` lists what a config can set instead.
"""

from genjax import cli, config_flag, process

_FLAGS = cli.flags_of(__name__)
config_flag.define(_FLAGS)
cli.define(
  _FLAGS,
  explore=cli.EXPLORE,
  keys=(False, "List every key with its value, its meaning and what is right for it."),
)


def main() -> None:
  given, overrides = cli.config_of()
  process.prepare_jax()
  from genjax import config as genjax_config

  wanted = genjax_config.settled(given, overrides)
  if _FLAGS.keys:
    genjax_config.check(wanted)
    print("\n".join(genjax_config.listed(wanted.to_dict())))
    return
  from genjax.scoring.watch import WATCH
  from genjax.training import description, design, planning

  genjax_config.check_overrides(overrides, wanted)
  plans = planning.plans(wanted, description.load, WATCH)
  for text in description.sections(plans):
    print(text, end="", flush=True)
  if not _FLAGS.explore:
    design.check(design.of({folder: plan.config for folder, plan in plans.items()}))


if __name__ == "__main__":
  cli.run(main)
