"""Names the commands: `python -m genjax`."""

import sys

from genjax.mistakes import nearest

COMMANDS = {
  "main": "trains what a config describes",
  "describe": "says what a config would train, and what it takes",
  "evaluate": "scores the runs of a workdir",
  "compare": "compares settings by their scores",
  "score": "scores images of any program",
  "report": "writes a page about workdirs",
  "sample": "draws images",
  "interpolate": "draws paths through the latent space",
  "reconstruct": "encodes and decodes test images",
  "export": "writes a run for programs without genjax",
}


if __name__ == "__main__":
  if asked := [argument for argument in sys.argv[1:] if argument not in ("-h", "--help")]:
    near = nearest(asked[0], COMMANDS) or "main"
    sys.stderr.write(f"genjax: commands are modules: python -m genjax.{near} ...\n")
    sys.exit(2)
  print("python -m genjax.COMMAND --help describes each:")
  for name, what in COMMANDS.items():
    print(f"  genjax.{name:12} {what}")
