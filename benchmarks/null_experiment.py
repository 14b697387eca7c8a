"""How often does a difference that is none count as beyond noise? (make bench-evidence)

Two equal initialisations are fine-tuned with five seeds each and judged on as many pictures as AVA's test split has. Another seed moves the
linear correlation by 0.002 (standard deviation), and it errs on other pictures: a tenth of the variance of a network's errors is
its own. Both rows are then compared as in Table 2. At 95 % confidence, at most one trial in twenty may find a difference.
With fewer pictures the seeds' spread grows as the pictures' noise does, so that the experiment stays the same.
"""

import argparse

import numpy as np

from aesthetic_pretraining.evaluation.statistics.bootstrap import Panel, bootstrap, interval
from aesthetic_pretraining.evaluation.statistics.training_luck import INTERVAL_KINDS, Trainings, combine

PICTURES, SPREAD, SLOPE, CORRELATION, OWN = 12_818, 0.002, 0.4, 0.69, 0.1
SEEDS = 5
RESAMPLES = 200  # enough, because the noise of the ends is part of what is tested
CONFIDENCE = 0.95


def panel(random: np.random.Generator, pictures: int) -> Panel:
    """Predictions (N, 2 x SEEDS): row 0's seeds, then row 1's."""
    target = random.normal(5.4, 0.73, pictures).clip(1, 10).round(3)
    wanted = CORRELATION + random.normal(0, SPREAD * np.sqrt(PICTURES / pictures), 2 * SEEDS)
    noise = np.sqrt(OWN) * random.normal(0, 1, (pictures, 2 * SEEDS)) + np.sqrt(1 - OWN) * random.normal(0, 1, (pictures, 1))
    predicted = 5.4 + SLOPE * (target - 5.4)[:, None] + SLOPE * 0.73 * np.sqrt(1 / wanted**2 - 1) * noise
    return Panel(target, predicted, {"mae": np.abs(predicted - target[:, None])})


def rates(trials: int, pictures: int = PICTURES) -> dict[tuple[str, int, str], float]:
    """{(kind of interval, seeds of each row, metric): share of the trials in which the difference's interval leaves 0 out}."""
    found: dict[tuple[str, int, str], int] = {}
    for trial in range(trials):
        runs, drawn = bootstrap(
            panel(np.random.default_rng([trial, pictures]), pictures), np.arange(pictures), RESAMPLES, trial
        )
        for kind, number in ((INTERVAL_KINDS[0], 5), (INTERVAL_KINDS[0], 3), (INTERVAL_KINDS[1], 5)):
            labels = tuple((0, seed) for seed in range(number))
            rows = [Trainings(init, labels, first + np.arange(number)) for init, first in (("imagenet", 0), ("copy", SEEDS))]
            sampled = combine(rows, runs, drawn, pictures, seed=trial, confidence=CONFIDENCE, kind=kind)
            for metric, resampled in sampled.resampled.items():
                value = sampled.value[metric][[0]] - sampled.value[metric][[1]]
                low, high = interval(value, resampled[:, [0]] - resampled[:, [1]], CONFIDENCE)
                key = kind, number, metric
                found[key] = found.get(key, 0) + int(low[0] > 0 or high[0] < 0)
    return {key: count / trials for key, count in found.items()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=400)
    parser.add_argument("--pictures", type=int, default=PICTURES)
    asked = parser.parse_args()
    for (kind, number, metric), rate in rates(asked.trials, asked.pictures).items():
        print(f"{kind}, {number} seeds, {metric}: {rate:.3f}")
