"""How sure the metrics are: a paired bootstrap over pictures (docs/statistics.md).

One resample draws as many pictures as the test set has, with replacement, and is shared by all networks: rows of Table 2
are compared on the same draw. A resample is kept as the number of times that each picture was drawn, so that every metric
is a weighted one: means and moments are one matrix product for many resamples, and ranks follow from running sums of those
numbers in the order of the scores.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr, ndtri

AT_ONCE = 64  # resamples whose moments are one matrix product
DECIMALS = 12  # of a metric; closer values differ by round-off
FEWEST = 3  # pictures; of fewer, correlations are undefined (metrics.lcc)
METHODS = ("percentile", "bca")


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
        groups: of each of G groups the runs that it is the mean of: the seeds of one row.
    """

    target: np.ndarray
    predicted: np.ndarray
    means: dict[str, np.ndarray]
    groups: Sequence[Sequence[int]]

    @cached_property
    def orders(self) -> list[Order]:
        """The order of the target, then of each run."""
        return [Order.of(scores) for scores in (self.target, *self.predicted.T)]

    @cached_property
    def moments(self) -> np.ndarray:
        """What is summed up for means and for Pearson's correlations: (N, 2 + 3 R + R for each mean)."""
        y, x = (self.target - self.target.mean())[:, None], self.predicted - self.predicted.mean(axis=0)
        return np.hstack([y, y**2, x, x**2, x * y, *self.means.values()])

    def metrics(self, counts: np.ndarray) -> dict[str, np.ndarray]:
        """{metric: (B, G)}: the mean over seeds of each metric in B resamples; counts (B, N), see `statistics`."""
        return {
            name: np.stack([values[:, runs].mean(axis=1) for runs in self.groups], axis=1)
            for name, values in statistics(self, counts).items()
        }


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
    result = np.full(panel.predicted.shape[1], np.nan)
    if len(counts) < FEWEST:
        return result
    n = int(counts.sum())
    target, *runs = panel.orders
    g = target.sums(counts)
    spread = _spread(n, g)
    # twice the target's ranks less their mean; they sum up to 0, so that the other side's mean drops out
    deviations = counts * (2 * np.cumsum(g) - g - n)[target.group]
    for run, order in enumerate(runs):
        g = order.sums(counts)
        product = spread * _spread(n, g)
        if product > 0:
            covariance = order.sums(deviations).astype(float) @ (2 * np.cumsum(g) - g).astype(float)
            result[run] = np.clip(3 * covariance / np.sqrt(product), -1, 1)
    return result


def _spread(n: int, g: np.ndarray) -> float:
    """Twelve times the sum of squared deviations of mean ranks, from the sizes (K,) of the groups."""
    g = g.astype(float)
    return float(n) ** 3 - (g * g) @ g


def draws(pictures: int, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Bootstrap resamples as counts (up to AT_ONCE, pictures); the same for the same arguments."""
    generator = np.random.default_rng(seed)
    for first in range(0, resamples, AT_ONCE):
        width = min(AT_ONCE, resamples - first)
        yield np.stack([np.bincount(generator.integers(0, pictures, pictures), minlength=pictures) for _ in range(width)])


def leave_one_out(pictures: int) -> Iterator[np.ndarray]:
    """The jackknife as counts (up to AT_ONCE, pictures): each resample lacks one picture."""
    for first in range(0, pictures, AT_ONCE):
        yield 1 - np.eye(min(AT_ONCE, pictures - first), pictures, first, dtype=int)


@dataclass(frozen=True)
class Bootstrap:
    """Each metric of each group: {metric: array}, on the set itself (G,), in resamples (B, G), and without one picture (N, G)."""

    value: dict[str, np.ndarray]
    resampled: dict[str, np.ndarray]
    jackknife: dict[str, np.ndarray] | None


def bootstrap(panel: Panel, resamples: int, seed: int, method: str = "percentile") -> Bootstrap:
    """The paired bootstrap of one test set; `method` "bca" needs the jackknife, which costs as much as N more resamples."""
    if method not in METHODS:
        raise ValueError(f"unknown kind of interval {method!r}, known: {', '.join(METHODS)}")
    pictures = len(panel.target)
    return Bootstrap(
        {name: values[0] for name, values in panel.metrics(np.ones((1, pictures), int)).items()},
        _metrics_of_all(panel, draws(pictures, resamples, seed)),
        _metrics_of_all(panel, leave_one_out(pictures)) if method == "bca" else None,
    )


def _metrics_of_all(panel: Panel, blocks: Iterator[np.ndarray]) -> dict[str, np.ndarray]:
    parts = [panel.metrics(counts) for counts in blocks]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def interval(
    value: np.ndarray, resampled: np.ndarray, confidence: float, jackknife: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Bootstrap intervals (K,), (K,) of K statistics: percentile, or BCa (Efron 1987) if there is a jackknife.

    Args:
        value: the statistics themselves, (K,). resampled: (B, K). jackknife: (N, K).
    BCa falls back on the percentiles where it is undefined: all resamples on one side of the value, or all equal.
    NaN where the value or one of its resamples is undefined: to leave such resamples out would make the interval too narrow.
    """
    tail = np.array([(1 - confidence) / 2, (1 + confidence) / 2])[:, None]
    tails = np.broadcast_to(tail, (2, resampled.shape[1]))
    if jackknife is not None:
        above = (resampled - value).round(DECIMALS)  # equal on paper must be equal here: such resamples count half
        bias = ndtri(((above < 0).mean(axis=0) + (above <= 0).mean(axis=0)) / 2)
        u = jackknife.mean(axis=0) - jackknife
        with np.errstate(divide="ignore", invalid="ignore"):
            acceleration = (u**3).sum(axis=0) / (6 * (u**2).sum(axis=0) ** 1.5)
            shifted = bias + ndtri(tail)
            adjusted = ndtr(bias + shifted / (1 - acceleration * shifted))
        tails = np.where(np.isfinite(adjusted).all(axis=0), adjusted, tails)
    ordered = np.sort(resampled, axis=0)  # NaN comes last
    at = tails * (len(ordered) - 1)
    below = np.floor(at).astype(int)
    above = np.minimum(below + 1, len(ordered) - 1)
    low, high = (np.take_along_axis(ordered, k, axis=0) for k in (below, above))
    ends = low + (high - low) * (at - below)
    return tuple(np.where(np.isnan(value) | np.isnan(ordered[-1]), np.nan, ends))
