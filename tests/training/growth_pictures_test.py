"""The pictures of a workdir that has grown are those of a study that was trained whole."""

import growing
import pytest
import trainings

from genjax.training import growth

pytestmark = pytest.mark.usefixtures("caches")
SHORT = {"steps": 1, "eval_every": 1, "log_every": 1, "model.width": 4, "sample_columns": 2}


def _train(path, kind, **changes):
  plan = trainings.plan(kind, **SHORT | changes)
  growth.check(plan, path)
  return growth.run(plan, path)


def _pictures(path):
  """By name: the bytes of each, which its file then loses."""
  files = [*path.glob("plots/*.png"), *(path / "samples" / f"{n}.png" for n in ("best", "last"))]
  found = {file.name: file.read_bytes() for file in files}
  for file in files:
    file.unlink()
  return found


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
def test_pictures_are_those_of_a_training_of_all(tmp_path, kind):
  key, values, others = GROWN[kind]
  with growing.no_pictures(), pytest.MonkeyPatch.context() as patch:
    _train(tmp_path, kind, **others, **{key: values[:1]})
    patch.setattr(growth, "_join", lambda *_: None)
    _train(tmp_path, kind, **others, **{key: values})
  assert _train(tmp_path, kind, **others, **{key: values}) == 0
  assert [row["status"] for row in trainings.runs_csv(tmp_path)] == [
    "done",
    "failed" if kind == "gan" else "done",
  ]
  drawn = _pictures(tmp_path)
  assert len(drawn) >= 4
  assert _train(tmp_path, kind, **others, **{key: values}) == 0  # which draws its end anew
  assert _pictures(tmp_path) == drawn
