"""What a config would train: `python -m genjax.describe --config=configs/gan_mnist.py:s1`.

For each program of a study its layers with their output shapes and parameters, what a step costs,
and what memory its sweep takes; of a study what its comparisons can show, and it is refused as by
`main` where that is nothing. Nothing is trained, and nothing is downloaded: of a well-known dataset
that is not on this machine the sizes are known. Nothing is written but what `main` would find in
its caches: decoded images and compiled programs.
"""

from genjax import cli, config_flag, process

_FLAGS = cli.flags_of(__name__)
config_flag.define(_FLAGS)
cli.define(_FLAGS, explore=cli.EXPLORE)


def main() -> None:
  given, overrides = cli.config_of()
  process.prepare_jax()
  from genjax import config as genjax_config
  from genjax.scoring.watch import WATCH
  from genjax.training import description, design, planning

  wanted = genjax_config.settled(given, overrides)
  genjax_config.check_overrides(overrides, wanted)
  plans = planning.plans(wanted, description.load, WATCH)
  for text in description.sections(plans):
    print(text, end="", flush=True)
  if not _FLAGS.explore:
    design.check(design.of({folder: plan.config for folder, plan in plans.items()}))


if __name__ == "__main__":
  cli.run(main)
