"""How far metrics move with other pictures: a paired bootstrap (docs/statistics.md).

One resample draws as many clusters as the test set has (pictures, or scenes of which there are several pictures), with
replacement, and is shared by all networks: rows of Table 2 are compared on the same draw. A resample is kept as the number of
times that each picture was drawn, so that every metric is a weighted one: means and moments are one matrix product for many
resamples, and ranks follow from running sums of those numbers in the order of the scores.
`training_luck` adds what another training would change.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

AT_ONCE = 64  # resamples whose moments are one matrix product
FEWEST = 3  # pictures; of fewer, correlations are undefined (metrics.lcc)


class Order(NamedTuple):
    """Pictures in rising order of a score (N,), where each group of equal scores starts in it (K,), the group of each picture (N,)."""

    pictures: np.ndarray
    starts: np.ndarray
    group: np.ndarray

    @classmethod
    def of(cls, scores: np.ndarray) -> "Order":
        """The order of scores, shape (N,)."""
        _, group = np.unique(scores, return_inverse=True)
        pictures = np.argsort(group, kind="stable")
        return cls(pictures, np.flatnonzero(np.diff(group[pictures], prepend=-1)), group)

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Sums (K,) of `values` (N,) over each group of equal scores."""
        values = values[self.pictures]
        return values if len(self.starts) == len(values) else np.add.reduceat(values, self.starts)


@dataclass(frozen=True)
class Panel:
    """Predictions of R runs on one test set, aligned by picture.

    Attributes:
        target: (N,). predicted: (N, R). means: {metric: (N, R)}, metrics that are means over pictures.
    """

    target: np.ndarray
    predicted: np.ndarray
    means: dict[str, np.ndarray]

    @cached_property
    def orders(self) -> list[Order]:
        """The order of the target, then of each run."""
        return [Order.of(scores) for scores in (self.target, *self.predicted.T)]

    @cached_property
    def moments(self) -> np.ndarray:
        """What is summed up for means and for Pearson's correlations: (N, 2 + 3 R + R for each mean)."""
        y, x = (self.target - self.target.mean())[:, None], self.predicted - self.predicted.mean(axis=0)
        return np.hstack([y, y**2, x, x**2, x * y, *self.means.values()])


def statistics(panel: Panel, counts: np.ndarray) -> dict[str, np.ndarray]:
    """Every metric of every run in B resamples, {metric: (B, R)}; NaN where a correlation is undefined.

    Args:
        counts: (B, N), whole numbers >= 0: how often each picture is in each resample.
    """
    sums = counts.astype(float) @ panel.moments / counts.sum(axis=1, keepdims=True)
    runs = panel.predicted.shape[1]
    mean_y, square_y, mean_x, square_x, product, *means = np.split(sums, [1, 2, *range(2 + runs, sums.shape[1], runs)], axis=1)
    srcc = np.array([rank_correlations(panel, row) for row in counts])
    spread = (square_x - mean_x**2) * (square_y - mean_y**2)
    # where one side has one value only, moments may differ from 0 by round-off; ranks do not
    spread = np.where(np.isnan(srcc), np.nan, spread)
    lcc = np.clip((product - mean_x * mean_y) / np.sqrt(spread), -1, 1)
    return dict(zip(panel.means, means, strict=True)) | {"lcc": lcc, "srcc": srcc}


def rank_correlations(panel: Panel, counts: np.ndarray) -> np.ndarray:
    """Spearman's correlations (R,) of the target with each run in one resample, counts (N,); NaN where undefined.

    In a resample all copies of a picture, and all pictures of one score, share their mean rank. With g copies in the groups of
    equal scores, in rising order, a group's rank is cumsum(g) - (g - 1) / 2, and the ranks' squared deviations sum up to
    (n^3 - sum g^3) / 12. Pearson's correlation of these ranks is what scipy.stats.spearmanr computes of the drawn pictures.
    Doubled ranks keep the sums in whole numbers, whose running sums are four times as fast.
    """
    runs = panel.predicted.shape[1]
    if len(counts) < FEWEST:
        return np.full(runs, np.nan)
    n = int(counts.sum())
    target, *orders = panel.orders
    g = target.sums(counts)
    spread = _spread(n, g)
    # twice the target's ranks less their mean; they sum up to 0, so that the other side's mean drops out
    deviations = counts * (2 * np.cumsum(g) - g - n)[target.group]
    covariance, product = np.empty(runs), np.empty(runs)
    for run, order in enumerate(orders):
        g = order.sums(counts)
        product[run] = spread * _spread(n, g)
        covariance[run] = order.sums(deviations).astype(float) @ (2 * g.cumsum() - g).astype(float)
    product[product <= 0] = np.nan
    return np.clip(3 * covariance / np.sqrt(product), -1, 1)


def _spread(n: int, g: np.ndarray) -> float:
    """Twelve times the sum of squared deviations of mean ranks, from the sizes (K,) of the groups."""
    g = g.astype(float)
    return float(n) ** 3 - (g * g) @ g


def draws(clusters: np.ndarray, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Bootstrap resamples as counts (up to AT_ONCE, N); the same for the same arguments.

    Args:
        clusters: (N,), which of the C clusters 0 .. C - 1 each picture belongs to. C clusters are drawn, each with all its pictures,
            so that resamples of clusters of different sizes differ in their number of pictures.
    """
    generator, number = np.random.default_rng(seed), int(clusters.max()) + 1
    for first in range(0, resamples, AT_ONCE):
        width = min(AT_ONCE, resamples - first)
        drawn = [np.bincount(generator.integers(0, number, number), minlength=number) for _ in range(width)]
        yield np.stack(drawn)[:, clusters]


def bootstrap(panel: Panel, clusters: np.ndarray, resamples: int, seed: int) -> tuple[dict, dict]:
    """Each metric of each run, {metric: (R,)}, and in each resample of the clusters (N,) of `draws`, {metric: (B, R)}."""
    value = {name: values[0] for name, values in statistics(panel, np.ones((1, len(panel.target)), int)).items()}
    parts = [statistics(panel, counts) for counts in draws(clusters, resamples, seed)]
    return value, {name: np.concatenate([part[name] for part in parts]) for name in value}


def interval(value: np.ndarray, resampled: np.ndarray, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Percentile intervals (K,), (K,) of K statistics (K,) from their resamples (B, K).

    NaN where the value or one of its resamples is undefined: to leave such resamples out would make the interval too narrow.
    """
    ends = np.quantile(resampled, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)  # NaN if any is
    low, high = np.where(np.isnan(value), np.nan, ends)
    return low, high
