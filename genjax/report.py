"""One self-contained HTML page about runs: `python -m genjax.report --workdir=vae`.

Also of several workdirs (`--workdir=vae wgan`), and of studies. `genjax.main` writes the same at
its end. The page needs no network, and the same workdirs give the same bytes.
"""

import pathlib

from genjax import cli, process

_FLAGS = cli.flags_of(__name__)
cli.define(
  _FLAGS,
  workdir=cli.WORKDIR,
  out=("", "File of the page; report.html in the workdir if empty."),
  data=cli.DATA,
)


def main(more: list[str]) -> None:
  paths = list(map(pathlib.Path, cli.workdirs_of(_FLAGS.workdir, more)))
  process.prepare_jax()
  from genjax.reporting import build

  every = build.distinct(paths)
  out = pathlib.Path(_FLAGS.out or (every[0] / build.FILE if len(every) == 1 else build.FILE))
  build.write(every, out, where=_FLAGS.data)
  print(f"{out}: {out.stat().st_size / 1e6:.1f} MB; open it in a browser")


if __name__ == "__main__":
  cli.run(main, positional="workdirs")
