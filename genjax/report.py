"""One self-contained HTML page about runs: `python -m genjax.report --workdir=vae`.

Also of several workdirs (`--workdir=vae wgan`), and of studies. `genjax.main` writes the same at
its end. The page needs no network, and the same workdirs give the same bytes.
"""

import pathlib

from absl import flags

from genjax import cli, process

_FLAGS = cli.flags_of(__name__)
_WORKDIR = flags.DEFINE_string(
  "workdir", None, "Folder that main left, or a study; more may follow.", flag_values=_FLAGS
)
_OUT = flags.DEFINE_string(
  "out", "", "File of the page; report.html in the workdir if empty.", flag_values=_FLAGS
)
_DATA = cli.data_flag(_FLAGS)


def main(more: list[str]) -> None:
  paths = list(map(pathlib.Path, cli.workdirs_of(_WORKDIR, more)))
  process.prepare_jax()
  from genjax.reporting import build

  every = build.distinct(paths)
  out = pathlib.Path(_OUT.value or (every[0] / build.FILE if len(every) == 1 else build.FILE))
  build.write(every, out, where=_DATA.value)
  print(f"{out}: {out.stat().st_size / 1e6:.1f} MB; open it in a browser")


if __name__ == "__main__":
  cli.run(main, positional="workdirs")
