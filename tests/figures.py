"""What the tests of figures share."""

import matplotlib
from PIL import Image

from genjax.plotting import plots


def labels(settings=("latent 2", "latent 10"), seeds=4):
  return [plots.RunLabel(seed, setting, -1) for setting in settings for seed in range(seeds)]


def words(figure):
  legends = [t.get_text() for legend in figure.legends for t in legend.get_texts()]
  return legends + [t.get_text() for t in figure.texts]


def assert_same_bytes(make, folder):
  """A figure made twice is the same file, whatever its user has set meanwhile."""
  plots.save(make(), folder / "first.png")
  mine = {"savefig.dpi": 50, "savefig.bbox": "tight", "font.size": 20, "axes.facecolor": "red"}
  with matplotlib.rc_context(mine):
    plots.save(make(), folder / "second.png")
    assert matplotlib.rcParams["font.size"] == 20
  first = (folder / "first.png").read_bytes()
  assert first == (folder / "second.png").read_bytes()
  assert first.startswith(b"\x89PNG")
  with Image.open(folder / "first.png") as image:
    assert set(image.info) == {"dpi"}  # no date, no version
