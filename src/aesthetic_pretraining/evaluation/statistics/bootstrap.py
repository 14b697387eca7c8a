"""The variation of metrics over images: a paired bootstrap (docs/statistics.md).

One resample draws as many clusters as the test set has (images, or scenes with several images), with replacement, and is shared by
all networks, so that rows of Table 2 are compared on the same draw. A resample is stored as the number of times that each image was
drawn, which makes every metric a weighted one: means and moments of many resamples are one matrix product, and ranks follow from
cumulative sums of the counts in the order of the scores. `training_luck` adds the variation between training runs.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

AT_ONCE = 64  # resamples per matrix product
FEWEST = 3  # images; with fewer, correlations are undefined (metrics.lcc)


class Order(NamedTuple):
    """The images in ascending order of a score (N,), the start of each group of ties in it (K,), and the group of each image (N,)."""

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
        """Sums (K,) of `values` (N,) over each group of ties."""
        values = values[self.pictures]
        return values if len(self.starts) == len(values) else np.add.reduceat(values, self.starts)


@dataclass(frozen=True)
class Panel:
    """Predictions of R training runs on one test set, aligned by image.

    Attributes:
        target: (N,). predicted: (N, R). means: {metric: (N, R)}, per-image values of the metrics that are means over images.
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
        """The summands of means and Pearson correlations: (N, 2 + 3 R + R for each mean)."""
        y, x = (self.target - self.target.mean())[:, None], self.predicted - self.predicted.mean(axis=0)
        return np.hstack([y, y**2, x, x**2, x * y, *self.means.values()])


def statistics(panel: Panel, counts: np.ndarray) -> dict[str, np.ndarray]:
    """Every metric of every run in B resamples, {metric: (B, R)}; NaN for an undefined correlation.

    Args:
        counts: (B, N), integers >= 0: how often each image is in each resample.
    """
    sums = counts.astype(float) @ panel.moments / counts.sum(axis=1, keepdims=True)
    runs = panel.predicted.shape[1]
    mean_y, square_y, mean_x, square_x, product, *means = np.split(sums, [1, 2, *range(2 + runs, sums.shape[1], runs)], axis=1)
    srcc = np.array([rank_correlations(panel, row) for row in counts])
    spread = (square_x - mean_x**2) * (square_y - mean_y**2)
    # if one side is constant, moments may differ from 0 by round-off; ranks do not
    spread = np.where(np.isnan(srcc), np.nan, spread)
    lcc = np.clip((product - mean_x * mean_y) / np.sqrt(spread), -1, 1)
    return dict(zip(panel.means, means, strict=True)) | {"lcc": lcc, "srcc": srcc}


def rank_correlations(panel: Panel, counts: np.ndarray) -> np.ndarray:
    """Spearman correlations (R,) of the target with each run in one resample, counts (N,); NaN if undefined.

    In a resample, all copies of an image and all images with the same score share their mean rank. With g copies in each group of
    ties, in ascending order, a group's rank is cumsum(g) - (g - 1) / 2, and the squared deviations of the ranks sum to
    (n^3 - sum g^3) / 12. Pearson's correlation of these ranks equals scipy.stats.spearmanr of the drawn images. Doubled ranks keep
    the sums in integers, whose cumulative sums are four times as fast.
    """
    runs = panel.predicted.shape[1]
    if len(counts) < FEWEST:
        return np.full(runs, np.nan)
    n = int(counts.sum())
    target, *orders = panel.orders
    g = target.sums(counts)
    spread = _spread(n, g)
    # twice the centred ranks of the target; they sum to 0, so that the other side's mean cancels
    deviations = counts * (2 * np.cumsum(g) - g - n)[target.group]
    covariance, product = np.empty(runs), np.empty(runs)
    for run, order in enumerate(orders):
        g = order.sums(counts)
        product[run] = spread * _spread(n, g)
        covariance[run] = order.sums(deviations).astype(float) @ (2 * g.cumsum() - g).astype(float)
    product[product <= 0] = np.nan
    return np.clip(3 * covariance / np.sqrt(product), -1, 1)


def _spread(n: int, g: np.ndarray) -> float:
    """Twelve times the sum of squared deviations of the mean ranks, from the sizes (K,) of the groups of ties."""
    g = g.astype(float)
    return float(n) ** 3 - (g * g) @ g


def draws(clusters: np.ndarray, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Bootstrap resamples as counts (up to AT_ONCE, N), a deterministic function of the arguments.

    Args:
        clusters: (N,), the cluster 0 .. C - 1 of each image. C clusters are drawn, each with all of its images, so that the number of
            images varies between resamples if clusters differ in size.
    """
    generator, number = np.random.default_rng(seed), int(clusters.max()) + 1
    for first in range(0, resamples, AT_ONCE):
        width = min(AT_ONCE, resamples - first)
        drawn = [np.bincount(generator.integers(0, number, number), minlength=number) for _ in range(width)]
        yield np.stack(drawn)[:, clusters]


def bootstrap(panel: Panel, clusters: np.ndarray, resamples: int, seed: int) -> tuple[dict, dict]:
    """Each metric of each run, {metric: (R,)}, and the same in each resample of `draws`, {metric: (B, R)}."""
    value = {name: values[0] for name, values in statistics(panel, np.ones((1, len(panel.target)), int)).items()}
    parts = [statistics(panel, counts) for counts in draws(clusters, resamples, seed)]
    return value, {name: np.concatenate([part[name] for part in parts]) for name in value}


def interval(value: np.ndarray, resampled: np.ndarray, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Percentile intervals (K,), (K,) of K statistics (K,) from their resamples (B, K).

    NaN if the value or any resample is undefined: leaving out such resamples would make the interval too narrow.
    """
    ends = np.quantile(resampled, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)  # NaN if any is
    low, high = np.where(np.isnan(value), np.nan, ends)
    return low, high
