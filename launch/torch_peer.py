"""The same training in PyTorch, for `python launch/bench.py --peer=torch`; no part of genjax.

`python launch/torch_peer.py SYSTEM MODE SECONDS` prints the steps a second of one run: the same
layers, optimiser, batch and images as the system of that name in bench.py, as PyTorch is mostly
written; MODE is eager or compile. A number in place of SECONDS, `2000x12`, trains 12 runs of so
many steps one after another, and prints how long that took.
"""

import os
import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

MODES = ("eager", "compile")


def s1_gan(nn) -> Callable:
  """S1's GAN on MNIST: 1,164,289 and 69,825 parameters, latent 100, batch 64."""
  import torch

  batch, latent = 64, 100
  generator = nn.Sequential(
    nn.Linear(latent, 6272),
    nn.Unflatten(1, (128, 7, 7)),
    nn.LeakyReLU(0.2),
    nn.ConvTranspose2d(128, 128, 4, 2, 1),
    nn.LeakyReLU(0.2),
    nn.ConvTranspose2d(128, 128, 4, 2, 1),
    nn.LeakyReLU(0.2),
    nn.Conv2d(128, 1, 7, padding=3),
    nn.Sigmoid(),
  )
  critic = nn.Sequential(
    nn.Conv2d(1, 64, 4, 2, 1),
    nn.LeakyReLU(0.2),
    nn.Conv2d(64, 64, 4, 2, 1),
    nn.LeakyReLU(0.2),
    nn.Flatten(),
    nn.Linear(3136, 1),
  )
  counts = [sum(p.numel() for p in net.parameters()) for net in (generator, critic)]
  assert counts == [1164289, 69825], counts
  adam = [torch.optim.Adam(net.parameters(), 2e-4, (0.5, 0.999)) for net in (generator, critic)]
  loss, ones, zeros = nn.BCEWithLogitsLoss(), torch.ones(batch, 1), torch.zeros(batch, 1)

  def critic_loss(image, z):
    return loss(critic(image), ones) + loss(critic(generator(z).detach()), zeros)

  def generator_loss(z):
    return loss(critic(generator(z)), ones)

  return batch, latent, ((critic_loss, adam[1], True), (generator_loss, adam[0], False))


def s2_vae(nn) -> Callable:
  """S2's VAE on MNIST: 807,700 parameters, latent 2, batch 128."""
  import torch

  batch, latent = 128, 2
  hidden = nn.Sequential(nn.Flatten(), nn.Linear(784, 512), nn.ReLU())
  mean, logvar = nn.Linear(512, latent), nn.Linear(512, latent)
  decoder = nn.Sequential(nn.Linear(latent, 512), nn.ReLU(), nn.Linear(512, 784))
  nets = nn.ModuleList([hidden, mean, logvar, decoder])
  assert sum(p.numel() for p in nets.parameters()) == 807700
  adam = torch.optim.Adam(nets.parameters(), 1e-3)

  def loss(image, noise):
    h = hidden(image)
    m, v = mean(h), logvar(h)
    logits = decoder(m + torch.exp(v / 2) * noise)
    nll = nn.functional.binary_cross_entropy_with_logits(logits, image.flatten(1), reduction="sum")
    return (nll - 0.5 * (1 + v - m**2 - v.exp()).sum()) / batch

  return batch, latent, ((loss, adam, True),)


def _trainer(system: str, mode: str) -> Callable[[int], None]:
  """`(steps) -> None`, of one run."""
  import torch

  torch.manual_seed(0)
  batch, latent, updates = globals()[system](torch.nn)
  images = torch.randint(0, 256, (8192, 1, 28, 28), dtype=torch.uint8)
  updates = [
    (torch.compile(loss) if mode == "compile" else loss, adam, reads)
    for loss, adam, reads in updates
  ]

  def train(steps: int) -> None:
    for _ in range(steps):
      image = images[torch.randint(0, len(images), (batch,))].float() / 255
      for loss, adam, reads in updates:
        z = torch.randn(batch, latent)
        adam.zero_grad(set_to_none=True)
        (loss(image, z) if reads else loss(z)).backward()
        adam.step()

  return train


def rate(system: str, mode: str, seconds: float) -> float:
  """Steps a second."""
  train = _trainer(system, mode)
  train(2)  # compiles
  begun = time.perf_counter()
  train(1)
  steps = max(2, int(seconds / (time.perf_counter() - begun)))
  begun = time.perf_counter()
  train(steps)
  return steps / (time.perf_counter() - begun)


def rates(system: str, mode: str, processes: int, seconds: float) -> float:
  """Run-steps a second of as many processes at once, each with its share of the cores."""
  threads = max(1, _cores() // processes)
  environment = os.environ | {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
  arguments = [sys.executable, __file__, system, mode, str(seconds)]
  running = [
    subprocess.Popen(arguments, env=environment, stdout=subprocess.PIPE, text=True)
    for _ in range(processes)
  ]
  said = [process.communicate()[0] for process in running]
  if any(process.returncode for process in running):
    raise RuntimeError(f"{' '.join(arguments)} failed; is torch installed, and a C++ compiler?")
  return sum(map(float, said))


def compare(name: str, sweeps: Mapping[int, Any], rounds: int, seconds: float) -> None:
  """Prints ratios, then rates, of sweeps (`bench.Measured` by number of runs) and of PyTorch.

  One run has one process of PyTorch's on all cores; several may have a process a core as well.
  """
  theirs = {(mode, n): 0.0 for mode in MODES for n in {1, _cores()}}
  for _ in range(rounds):
    for measured in sweeps.values():
      measured.measure(seconds)
    theirs = {of: max(best, rates(name, *of, seconds)) for of, best in theirs.items()}
  print(f"\n{name} against PyTorch")
  for count, measured in sweeps.items():
    eager, best = (
      max(rate for (mode, n), rate in theirs.items() if n <= count and mode in modes)
      for modes in (("eager",), MODES)
    )
    print(f"  {measured.rate / eager:8.2f}  times PyTorch eager, runs: {count}")
    print(f"  {measured.rate / best:8.2f}  times PyTorch at its best, runs: {count}")
  for count, measured in sweeps.items():
    print(f"  {measured.rate:8.2f}  run-steps/s, runs in one program: {count}")
  for (mode, n), rate in theirs.items():
    print(f"  {rate:8.2f}  run-steps/s, PyTorch {mode}, {n} process{'es' * (n > 1)}")


def compare_study(steps: int = 2000, runs: int = 12) -> None:
  """Prints the seconds from command to finished study, of S2's VAE."""
  here = pathlib.Path(__file__).resolve()
  config = f"--config={here.parents[1] / 'configs' / 'vae_mnist.py'}:s2"
  keys = {"data.name": "digits", "data.size": 28, "steps": steps, "eval_every": steps}
  keys["sweep.seeds"] = tuple(range(runs))
  overrides = [f"--config.{key}={value}" for key, value in keys.items()]
  with tempfile.TemporaryDirectory() as folder:
    command = [sys.executable, "-m", "genjax.main", config, *overrides, f"--workdir={folder}/vae"]
    ours = _seconds(command)
  theirs = _seconds([sys.executable, str(here), "s2_vae", "eager", f"{steps}x{runs}"])
  print(f"\n{runs} runs of S2's VAE for {steps:,} steps, from command to end")
  print(f"  {theirs / ours:8.2f}  times as fast as a loop in PyTorch eager")
  print(f"  {ours:8.1f}  s, python -m genjax.main, validation, pictures and report included")
  print(f"  {theirs:8.1f}  s, the loop, which leaves nothing")


def _seconds(command: Sequence[str]) -> float:
  begun = time.perf_counter()
  subprocess.run(command, check=True, capture_output=True)
  return time.perf_counter() - begun


def _cores() -> int:
  return len(os.sched_getaffinity(0))


def main(arguments: Sequence[str]) -> None:
  system, mode, length = arguments
  if "x" not in length:
    print(rate(system, mode, float(length)))
    return
  steps, runs = map(int, length.split("x"))
  begun = time.perf_counter()
  for _ in range(runs):
    _trainer(system, mode)(steps)
  print(time.perf_counter() - begun)


if __name__ == "__main__":
  main(sys.argv[1:])
