import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from genjax.scoring import inception, inception_layers
from genjax.types import UserError

SHAPES = inception.shapes()


def weights():
  """Random weights that neither blow the activations up nor damp them, equal everywhere."""
  rng, made = np.random.RandomState(0), {}
  for key in sorted(SHAPES):
    shape = SHAPES[key]
    noise = rng.standard_normal(shape)
    if key.endswith(("bn.weight", "bn.running_var")):
      noise = 1 + 0.1 * np.tanh(noise)
    elif len(shape) == 1:
      noise *= 0.1
    else:
      noise *= np.sqrt(2 / np.prod(shape[1:]))
    made[key] = noise.astype(np.float32)
  return made


def images():
  """Neither square nor of one brightness."""
  x = np.random.RandomState(1).uniform(size=(2, 24, 40, 3)).astype(np.float32)
  x[1] **= 3
  return x


@pytest.fixture(scope="module")
def arrays():
  return weights()


@pytest.fixture(scope="module")
def network(arrays, tmp_path_factory):
  path = tmp_path_factory.mktemp("inception") / "inception.npz"
  np.savez(path, **arrays)
  return inception.load(str(path))


# What pytorch-fid 0.3 says of these weights and images, in float64:
#   inception.load_state_dict_from_url = lambda *_, **__: {k: torch.from_numpy(v) for k, v in ...}
#   model = inception.InceptionV3().eval().double()
#   features = model(torch.from_numpy(images().transpose(0, 3, 1, 2)).double())[0][:, :, 0, 0]
#   logits = features @ weights()["fc.weight"].T
GOLDEN = {
  "features": [
    [0.0, 0.787035, 0.622255, 0.934224, 1.404367, 0.056208],
    [0.0, 0.924502, 0.90709, 1.15276, 2.001111, 0.097296],
  ],
  "features' norm": [41.38131, 53.96773],
  "logits": [[0.24133, 1.543478, -0.876073, 1.032585], [0.20478, 1.948592, -1.032515, 1.259848]],
  "logits' norm": [40.51382, 52.99483],
}


def test_features_and_logits_are_pytorch_fids(network):
  features, logits = jax.jit(network.apply)(network.params, images())
  assert features.shape == (2, 2048)
  assert logits.shape == (2, 1008)
  close = {"rtol": 1e-4, "atol": 1e-5}
  np.testing.assert_allclose(features[:, :6], GOLDEN["features"], **close)
  np.testing.assert_allclose(jnp.linalg.norm(features, axis=1), GOLDEN["features' norm"], **close)
  np.testing.assert_allclose(logits[:, :4], GOLDEN["logits"], **close)
  np.testing.assert_allclose(jnp.linalg.norm(logits, axis=1), GOLDEN["logits' norm"], **close)


def test_keys_and_parameters_are_torchvisions():
  # torchvision.models.inception_v3(num_classes=1008, aux_logits=False)
  running = [key for key in SHAPES if "running" in key]
  assert len(SHAPES) == 94 * 5 + 2
  assert sum(np.prod(SHAPES[key]) for key in SHAPES.keys() - running) == 23_850_960
  assert inception.shapes(1000)["fc.weight"] == (1000, 2048)
  assert SHAPES["Conv2d_1a_3x3.conv.weight"] == (32, 3, 3, 3)
  assert SHAPES["Mixed_5b.branch5x5_2.conv.weight"] == (64, 48, 5, 5)
  assert SHAPES["Mixed_6c.branch7x7_2.conv.weight"] == (160, 160, 1, 7)
  assert SHAPES["Mixed_7c.branch_pool.conv.weight"] == (192, 2048, 1, 1)


def test_the_digest_is_of_the_weights_alone(arrays, network):
  assert re.fullmatch("inception-[0-9a-f]{12}", network.name)
  # Whatever their order, their precision on disk, and what is not read.
  same = {key: x.astype(np.float64) for key, x in reversed(arrays.items())}
  same["Conv2d_1a_3x3.bn.num_batches_tracked"] = np.array(7)
  assert inception.build(same, "").name == network.name
  same["fc.bias"] = same["fc.bias"] + 1
  assert inception.build(same, "").name != network.name


def test_batch_norm_is_folded():
  arrays = {
    "a.conv.weight": np.float32([[[[1, 2]]], [[[3, 4]]]]),  # [O, I, h, w] = [2, 1, 1, 2]
    "a.bn.weight": np.float32([6, 2]),
    "a.bn.bias": np.float32([10, 20]),
    "a.bn.running_mean": np.float32([1, 5]),
    "a.bn.running_var": np.float32([9 - 1e-3, 4 - 1e-3]),
  }
  kernel, offset = inception._fold(arrays, "a")  # scales 6 / 3 and 2 / 2
  np.testing.assert_allclose(kernel, [[[[2, 3]], [[4, 4]]]], rtol=1e-6)  # [h, w, I, O]
  np.testing.assert_allclose(offset, [8, 15], rtol=1e-6)


def test_pools():
  x = np.float32([[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]])[None, ..., None] - 20

  def pooled(pool):
    return np.asarray(inception._pool(pool, x))[0, ..., 0] + 20

  # Corners are the mean of 4 entries, edges of 6.
  np.testing.assert_allclose(
    pooled(inception_layers.AVERAGE),
    [[3.5, 4, 5, 5.5], [5.5, 6, 7, 7.5], [7.5, 8, 9, 9.5]],
    rtol=1e-6,
  )
  # Padding is less than any entry, and not 0.
  below = [10, 11, 12, 12]
  assert pooled(inception_layers.Pool("max")).tolist() == [[6, 7, 8, 8], below, below]
  assert pooled(inception_layers.SHRINK).tolist() == [[11]]


@pytest.mark.parametrize("size", [(28, 28), (10, 400), (299, 299)])
def test_images_are_resized_between_centres(size):
  x = np.random.default_rng(0).uniform(size=(2, *size, 3)).astype(np.float32)

  def weights(n):
    """`[299, n]`: of the two pixels beside each place, which at the rim are one."""
    place = (np.arange(299) + 0.5) * n / 299 - 0.5
    low = np.floor(place).astype(int)
    matrix = np.zeros((299, n))
    for pixel, weight in ((low, low + 1 - place), (low + 1, place - low)):
      np.add.at(matrix, (np.arange(299), pixel.clip(0, n - 1)), weight)
    return matrix

  expected = np.einsum("Yy,Xx,byxc->bYXc", weights(size[0]), weights(size[1]), x, optimize=True)
  np.testing.assert_allclose(inception.resize(x), 2 * expected - 1, atol=1e-4)


def test_grey_images_get_three_channels():
  x = np.random.default_rng(0).uniform(size=(2, 28, 28, 1)).astype(np.float32)
  # Each a program of its own, of which some processors' last bits differ.
  np.testing.assert_allclose(inception.resize(x), inception.resize(x.repeat(3, -1)), atol=1e-6)


def _without(key):
  return lambda arrays: {k: x for k, x in arrays.items() if k != key}


def _outputs(n):
  return {"fc.weight": np.zeros((n, 2048), np.float32), "fc.bias": np.zeros(n, np.float32)}


NAN = np.full(192, np.nan, np.float32)


@pytest.mark.parametrize(
  ("change", "said"),
  [
    (lambda _: {}, "no array 'Conv2d_1a_3x3.conv.weight'; expected Inception-v3 in the layout"),
    (_without("Mixed_6a.branch3x3.bn.bias"), "no array 'Mixed_6a.branch3x3.bn.bias'"),
    (_without("fc.bias"), "no array 'fc.bias'"),
    (
      lambda x: x | {"Mixed_5b.branch1x1.conv.weight": np.zeros((1, 1, 192, 64), np.float32)},
      "Mixed_5b.branch1x1.conv.weight is float32 [1, 1, 192, 64]; expected floats [64, 192, 1, 1]",
    ),
    (
      lambda x: x | {"Conv2d_1a_3x3.bn.bias": np.zeros(32, int)},
      "Conv2d_1a_3x3.bn.bias is int64 [32]; expected floats [32]",
    ),
    (
      lambda x: x | {"AuxLogits.conv0.conv.weight": np.zeros(1)},  # torchvision's has it
      "unknown array 'AuxLogits.conv0.conv.weight'",
    ),
    (lambda x: x | _outputs(10), "fc.bias has 10 outputs; expected 1008 or 1000"),
    (
      lambda x: x | {"Mixed_7c.branch_pool.bn.running_mean": NAN},
      "the weights of Mixed_7c.branch_pool are not finite",
    ),
    (
      lambda x: x | {"Mixed_7c.branch_pool.bn.running_var": -np.ones(192, np.float32)},
      "the weights of Mixed_7c.branch_pool are not finite",
    ),
  ],
)
def test_weights_of_another_network(arrays, change, said):
  with pytest.raises(UserError, match="^" + re.escape(f"a.pth: {said}")) as error:
    inception.build(change(arrays), "a.pth")
  assert "\n" not in str(error.value)


def test_a_thousand_outputs(arrays):
  params = inception.build(arrays | _outputs(1000), "a.pth").params
  assert params["fc"].shape == (2048, 1000)


def test_a_file_of_no_weights(tmp_path):
  with pytest.raises(UserError, match="no such file"):
    inception.load(str(tmp_path / "none.pth"))
