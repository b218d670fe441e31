"""Simulated coverage, size and power of what genjax says: `python launch/simulate.py`.

Three tables for BUILD.md, of figures whose truth is known. Intervals: how often that of 95% holds
the truth. Tests: how often one at 5% finds what is not there. Verdicts: whole studies, from runs to
the verdicts of `compare`, of settings that do not differ but for the last one.
"""

import itertools
import math
from collections.abc import Callable, Iterator

import numpy as np
from absl import app, flags

from genjax.analysis import findings, measures
from genjax.analysis.recorded_scores import Scores
from genjax.analysis.workdirs import RunRecord
from genjax.metrics import association, rank_tests, significance, statistics, trends, variance
from genjax.metrics.statistics import ranked

TIMES = flags.DEFINE_integer("times", 2000, "Simulations of each interval and test.")
STUDIES = flags.DEFINE_integer("studies", 500, "Studies of each design.")
SEEDS = (3, 5, 10, 20)
FAILING = 0.2  # the chance of a run's failure, where runs fail


def _normal(rng: np.random.Generator, shape: tuple) -> np.ndarray:
  return rng.normal(size=shape)


def _ties(rng: np.random.Generator, shape: tuple) -> np.ndarray:
  """As counts of classes have them."""
  return np.round(rng.normal(size=shape))


def _failures(rng: np.random.Generator, shape: tuple) -> np.ndarray:
  return np.where(rng.random(shape) < FAILING, math.nan, rng.normal(size=shape))


FIGURES = {"normal": _normal, "ties": _ties, "failures": _failures}
Draw = Callable[[np.random.Generator, tuple], np.ndarray]


def _markdown(head: tuple, rows: Iterator[tuple]) -> None:
  print(f"| {' | '.join(head)} |\n|{' --- |' * len(head)}", flush=True)
  for row in rows:
    print(f"| {' | '.join(row)} |", flush=True)
  print(flush=True)


# Intervals.


def _intervals() -> dict[str, Callable]:
  """name -> function of (rng, n, draw): whether the interval holds the truth."""

  def of_summary(part: str, middle: Callable) -> Callable:
    truths = {draw: middle(draw(np.random.default_rng(0), (400_001,))) for draw in FIGURES.values()}

    def holds(rng: np.random.Generator, n: int, draw: Draw) -> bool:
      low, high = getattr(statistics.summary(draw(rng, (n,)), "lower"), part)
      return low <= truths[draw] <= high

    return holds

  def better(rng: np.random.Generator, n: int, draw: Draw) -> bool:
    low, high = significance.probability_of_better(*draw(rng, (2, n)))[1]
    return low <= 0.5 <= high

  def failed(rng: np.random.Generator, n: int, draw: Draw) -> bool:
    rate = FAILING if draw is _failures else 0.05
    low, high = significance.failure_rate(int((rng.random(n) < rate).sum()), n)[1]
    return low <= rate <= high

  def share(rng: np.random.Generator, n: int, draw: Draw) -> bool:
    runs = draw(rng, (3, n, 1)) + rng.normal(size=(3, n, 2))
    split = variance.split(list(runs))
    truth = 0.5 if draw is not _ties else (1 + 1 / 12) / (2 + 1 / 12)
    return split is None or split.interval.low <= truth <= split.interval.high

  return {
    "mean (Student)": of_summary("of_mean", np.nanmean),
    "median (order statistics)": of_summary(
      "of_median", lambda x: float(np.median(ranked(x, True)))
    ),
    "IQM (BCa, percentiles with failures)": of_summary(
      "of_iqm", lambda x: float(statistics.iqm(ranked(x, True)))
    ),
    "P(better) (Newcombe)": better,
    "failure rate (Clopper-Pearson)": failed,
    "share of training (F)": share,
  }


# Tests.


def _tests() -> dict[str, Callable]:
  """name -> function of (rng, n, draw): p where nothing is to be found."""

  def drawn(rng: np.random.Generator, draw: Draw, *shape: int) -> np.ndarray:
    return ranked(draw(rng, shape), lower=True)

  def rank_sum(rng: np.random.Generator, n: int, draw: Draw) -> float:
    return rank_tests.rank_sum_p(*drawn(rng, draw, 2, n))

  def paired(rng: np.random.Generator, n: int, draw: Draw) -> float:
    return rank_tests.paired_p(*(2 * rng.normal(size=n) + drawn(rng, draw, 2, n)))

  def agree(rng: np.random.Generator, n: int, draw: Draw) -> float:
    return rank_tests.seeds_agree_p(drawn(rng, draw, 4, n))

  def trend(rng: np.random.Generator, n: int, draw: Draw) -> float:
    return trends.jonckheere([list(line) for line in drawn(rng, draw, 2, 4, n)]).p_value

  def equivalence(rng: np.random.Generator, n: int, draw: Draw) -> float:
    a, b = drawn(rng, draw, 2, n)
    return trends.equivalence_p(a + 2, b, 2.0)

  def interaction(rng: np.random.Generator, n: int, draw: Draw) -> float:
    main = 5 * np.arange(2)[:, None, None] + 9 * np.arange(3)[:, None]
    return trends.interaction_p([list(row) for row in main + drawn(rng, draw, 2, 3, n)])

  def spread(rng: np.random.Generator, n: int, draw: Draw) -> float:
    return trends.spread_p(list(drawn(rng, draw, 3, n)))

  def correlation(rng: np.random.Generator, n: int, draw: Draw) -> float:
    shift = 5 * np.arange(3)[:, None]
    x, y = ((draw(rng, (3, n)) + shift).ravel() for _ in range(2))
    return association.spearman(x, y, np.repeat(range(3), n).tolist())[2]

  return {
    "rank sum": rank_sum,
    "rank sum, pairs of seeds": paired,
    "seeds agree (Kendall's W)": agree,
    "trend (Jonckheere, two lines)": trend,
    "equivalence, at the margin": equivalence,
    "interaction (aligned ranks)": interaction,
    "spread (Brown-Forsythe)": spread,
    "correlation within settings": correlation,
  }


def _rates(functions: dict[str, Callable], good: Callable) -> Iterator[tuple]:
  for name, function in functions.items():
    for kind, draw in FIGURES.items():
      rates = []
      for n in SEEDS:
        rng = np.random.default_rng(n)
        found = [good(function(rng, n, draw)) for _ in range(TIMES.value)]
        known = [one for one in found if one is not None]
        rates.append(f"{np.mean(known):.3f}" if len(known) > TIMES.value / 2 else "")
      if any(rates):
        yield name, kind, *rates


def _rejects(p: float) -> bool | None:
  return None if math.isnan(p) else p < 0.05


# Studies.

SCORES = ("fd", "kd", "coverage")  # of which the first decides


def _study(rng: np.random.Generator, settings: int, n: int, shift: float, failing: float):
  """What `evaluate` would have left of runs of which the last setting's are better by `shift`."""
  moved = np.repeat(np.append(np.zeros(settings - 1), shift), n)
  shared = rng.normal(size=n * settings)  # what scores have in common
  failed = rng.random(n * settings) < failing
  runs = [
    RunRecord(
      "w", {}, r % n, r // n, f"s{r // n}", "w", "failed" if failed[r] else "done", 8, 12, {},
      {"latent": r // n},
    )
    for r in range(n * settings)
  ]  # fmt: skip
  for name in SCORES:
    good = moved + 0.8 * shared + 0.6 * rng.normal(size=n * settings)
    values = 100 + good * (1 if name == "coverage" else -1)
    steps, floors = np.full(len(runs), 8), np.full(len(runs), math.nan)
    record = {"group": "features", "split": "test"}
    yield Scores(name, "aa", record, runs, values, steps, floors, 10)


def _verdicts(studies: list, plan: str, best: str) -> tuple[float, float]:
  """Studies with a false verdict, and true ones among the comparisons of the best setting."""
  false, true, chances = 0, 0, 0
  for scores in studies:
    measured = measures.of_scores(list(scores))
    names = list(measured[0].settings)
    pairs = tuple(itertools.pairwise(names)) if plan == "neighbours" else None
    measured = findings.decide([one._replace(contrasts=pairs) for one in measured])
    (decider,) = (one for one in measured if one.decides)  # the others give no verdicts
    compared, wrong = decider.compared, False
    for one in compared:
      said = {"A": one.a, "B": one.b, "trade-off": "neither"}.get(one.verdict)
      is_true = best in (one.a, one.b) and said == best
      wrong |= said is not None and not is_true
      true += is_true
    chances += sum(best in (one.a, one.b) for one in compared)
    false += wrong
  return false / len(studies), true / max(chances, 1)


def _designs() -> Iterator[tuple]:
  for failing in (0.0, FAILING):
    for n in (5, 10, 20):
      for settings in (2, 4, 10):
        cells = []
        for plan in ("all", "neighbours"):
          for shift in (0.0, 1.0, 2.0):
            rng = np.random.default_rng(n)
            studies = [list(_study(rng, settings, n, shift, failing)) for _ in range(STUDIES.value)]
            false, power = _verdicts(studies, plan, f"s{settings - 1}" if shift else "")
            cells += [f"{false:.3f}", f"{power:.2f}"] if shift else [f"{false:.3f}"]
        yield f"{failing:.0%}", f"{n}", f"{settings}", *cells


def main(_) -> None:
  seeds = tuple(f"n = {n}" for n in SEEDS)
  _markdown(("interval", "figures", *seeds), _rates(_intervals(), bool))
  _markdown(("test", "figures", *seeds), _rates(_tests(), _rejects))
  plans = ("all pairs", "neighbours")
  kinds = ("false at 0 sd", "false at 1", "true at 1", "false at 2", "true at 2")
  heads = tuple(f"{plan}: {kind}" for plan in plans for kind in kinds)
  _markdown(("failing", "n", "settings", *heads), _designs())


if __name__ == "__main__":
  app.run(main)
