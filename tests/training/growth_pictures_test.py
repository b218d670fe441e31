"""The pictures of a workdir that has grown are those of the study asked for whole."""

import growing
import pytest
import trainings

from genjax.training import growth

pytestmark = pytest.mark.usefixtures("caches")
SHORT = {"steps": 4, "eval_every": 2, "log_every": 2, "model.width": 4, "sample_columns": 2}


def _train(path, kind, **changes):
  plan = trainings.plan(kind, **SHORT | changes)
  growth.check(plan, path)
  return growth.run(plan, path)


@pytest.mark.parametrize(
  ("kind", "changes"),
  [
    ("vae", {"sweep.latents": (3,)}),
    (
      "gan",  # of which one setting fails, and another is watched
      {"model.network": "s3_gan", "sweep.latents": (2,), "sweep.learning_rate": (1e-3, 1e20)}
      | {"evals": ("swd",), "data.validation": 0.3, "eval_images": 200},
    ),
  ],
)
def test_pictures_are_those_of_the_whole(tmp_path, kind, changes):
  whole, path = tmp_path / "whole", tmp_path / "w"
  _train(whole, kind, **changes, **{"sweep.seeds": (0, 1)})
  _train(path, kind, **changes, **{"sweep.seeds": (0,)})
  _train(path, kind, **changes, **{"sweep.seeds": (0, 1)})
  assert growing.metrics(path) == growing.metrics(whole)
  rows = trainings.runs_csv(path)
  assert [row["status"] for row in rows] == {
    "vae": ["done"] * 2,
    "gan": ["done"] * 2 + ["failed"] * 2,
  }[kind]
  assert rows == trainings.runs_csv(whole)
  pictures = sorted(file.relative_to(whole) for file in (whole / "plots").glob("*.png"))
  assert len(pictures) > 1
  assert pictures == sorted(file.relative_to(path) for file in (path / "plots").glob("*.png"))
  samples = [(whole / "samples" / f"{name}.png").relative_to(whole) for name in ("best", "last")]
  for picture in pictures + samples:
    assert (path / picture).read_bytes() == (whole / picture).read_bytes(), picture
