"""The pictures of a workdir that has grown are those of the study asked for whole."""

import growing
import pytest
import trainings

from genjax.training import growth

pytestmark = pytest.mark.usefixtures("caches")
SHORT = {"steps": 2, "eval_every": 2, "log_every": 1, "model.width": 4, "sample_columns": 2}


def _train(path, kind, **changes):
  plan = trainings.plan(kind, **SHORT | changes)
  growth.check(plan, path)
  return growth.run(plan, path)


# One key of each grows by a value. The second run of the GAN fails, and the first is watched.
GROWN = {
  "vae": ("sweep.seeds", (0, 1), {"sweep.latents": (3,)}),
  "gan": (
    "sweep.learning_rate",
    (1e-3, 1e20),
    {"model.network": "s3_gan", "sweep.latents": (2,), "sweep.seeds": (0,), "evals": ("swd",)}
    | {"data.validation": 0.3, "eval_images": 200},
  ),
}


@pytest.mark.parametrize("kind", GROWN)
def test_pictures_are_those_of_the_whole(tmp_path, kind):
  key, values, others = GROWN[kind]
  whole, path = tmp_path / "whole", tmp_path / "w"
  _train(whole, kind, **others, **{key: values})
  with growing.no_pictures():
    _train(path, kind, **others, **{key: values[:1]})
  _train(path, kind, **others, **{key: values})
  assert growing.metrics(path) == growing.metrics(whole)
  rows = trainings.runs_csv(path)
  assert [row["status"] for row in rows] == ["done", "failed" if kind == "gan" else "done"]
  assert rows == trainings.runs_csv(whole)
  pictures = sorted(file.relative_to(whole) for file in (whole / "plots").glob("*.png"))
  assert len(pictures) > 1
  assert pictures == sorted(file.relative_to(path) for file in (path / "plots").glob("*.png"))
  samples = [(whole / "samples" / f"{name}.png").relative_to(whole) for name in ("best", "last")]
  for picture in pictures + samples:
    assert (path / picture).read_bytes() == (whole / picture).read_bytes(), picture
