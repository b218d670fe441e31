"""The command on whole workdirs: what it leaves, and what it refuses."""

import csv
import shutil

import pytest
import toys

from genjax.analysis import reconstruction, reconstructions, selection, test_images
from genjax.analysis.reconstruction import ReconstructionFlags
from genjax.types import UserError


def test_pictures_and_tables_of_a_study(vae, tmp_path):
  path = tmp_path / "study"
  for width in (8, 16):
    shutil.copytree(vae[0], path / f"width={width}")
  wanted = ReconstructionFlags(runs=("latent=3",), count=60, images=("0", "1", "2"))
  text = reconstruction.reconstruct([path], wanted)
  files = {file.name for file in (path / "reconstruction").iterdir()}
  tables = {"errors.csv", "errors_pairs.csv", "errors_runs.csv"}
  assert files == tables | {"reconstructions.png", "latents.png"}
  assert text.startswith(
    "Errors on 60 test images, best weights, sampled latents of noise seed 0\n"
  )
  assert "with 2 seeds decides nothing" in " ".join(text.split())
  assert "width=16 latent 3" in text
  with open(path / "reconstruction" / "errors_runs.csv") as file:
    rows = list(csv.DictReader(file))
  assert [row["error"] for row in rows[::8]] == ["mse", "reconstruction", "kl"]
  protocol = {"weights": "best", "noise_seed": "0", "images": "60"}
  assert all(protocol.items() <= row.items() for row in rows)
  whole = reconstruction.reconstruct([path], wanted, everything=True)
  assert "not enough seeds" in whole
  assert "median [95%]" in whole
  (chosen,) = selection.read([vae[0]], wanted.runs)
  images = test_images.splits([chosen]).test.image[:60]
  errors = reconstructions.measure(chosen, images, 0).errors["mse"]
  for row, error in zip(rows[:8], 2 * errors.tolist(), strict=True):
    assert float(row["value"]) == pytest.approx(error, rel=1e-5)


def test_a_gan_is_refused(vae):
  (chosen,) = selection.read([vae[0]])
  gan = toys.with_model(chosen, encode=None)
  with pytest.raises(UserError, match=r"no encoder; python -m genjax.interpolate .*--what=images"):
    reconstruction.check([chosen, gan])


def test_what_cannot_be_had(vae, tmp_path):
  (tmp_path / "file").write_text("")
  wanted = ReconstructionFlags(runs=("0",), count=10, out=str(tmp_path / "file"))
  with pytest.raises(UserError, match=r"--out=.*file is a file; name a folder"):
    reconstruction.reconstruct([vae[0]], wanted)
  with pytest.raises(UserError, match="--images=77777: expected places"):
    reconstruction.reconstruct([vae[0]], ReconstructionFlags(images=("77777",)))
  with pytest.raises(UserError, match="is not a folder; expected a workdir"):
    reconstruction.reconstruct([tmp_path / "none"], ReconstructionFlags())
