"""How sure the metrics are: a paired bootstrap over pictures (docs/statistics.md).

One resample draws as many pictures as the test set has, with replacement, and is shared by all networks: rows of Table 2
are compared on the same draw. A resample is kept as the number of times that each picture was drawn, so that every metric
is a weighted one: means and moments are one matrix product for many resamples, and ranks follow from running sums of those
numbers in the order of the scores.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

AT_ONCE = 32  # resamples in one block; larger blocks leave the processor's cache and take twice as long
DECIMALS = 12  # of a metric; closer values differ by round-off
FEWEST = 3  # pictures; of fewer, correlations are undefined (metrics.lcc)
METHODS = ("percentile", "bca")


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

    def metrics(self, counts: np.ndarray) -> dict[str, np.ndarray]:
        """{metric: (B, G)}: the mean over seeds of each metric in B resamples; counts (N, B), see `statistics`."""
        return {
            name: np.stack([values[:, runs].mean(axis=1) for runs in self.groups], axis=1)
            for name, values in statistics(self, counts).items()
        }


def statistics(panel: Panel, counts: np.ndarray) -> dict[str, np.ndarray]:
    """Every metric of every run in B resamples, {metric: (B, R)}; NaN where a correlation is undefined.

    Args:
        counts: (N, B), float, whole numbers >= 0: how often each picture is in each resample.
    """
    n = counts.sum(axis=0)[:, None]
    values = {name: counts.T @ each / n for name, each in panel.means.items()}
    y = (panel.target - panel.target.mean())[:, None]
    x = panel.predicted - panel.predicted.mean(axis=0)
    mean_x, mean_y = counts.T @ x / n, counts.T @ y / n
    covariance = counts.T @ (x * y) / n - mean_x * mean_y
    product = (counts.T @ x**2 / n - mean_x**2) * (counts.T @ y**2 / n - mean_y**2)
    srcc = rank_correlations(panel, counts)
    undefined = np.isnan(srcc)  # one side has one value only; here moments may differ from 0 by round-off
    with np.errstate(divide="ignore", invalid="ignore"):
        values["lcc"] = np.where(undefined, np.nan, np.clip(covariance / np.sqrt(product), -1, 1))
    return values | {"srcc": srcc}


def rank_correlations(panel: Panel, counts: np.ndarray) -> np.ndarray:
    """Spearman's correlations (B, R) of the target with each run in B resamples; counts (N, B) as in `statistics`.

    In a resample all copies of a picture, and all pictures of one score, share their mean rank. With g copies in the groups of
    equal scores, in rising order, a group's rank is cumsum(g) - (g - 1) / 2, and the ranks' squared deviations sum up to
    (n^3 - sum g^3) / 12. Pearson's correlation of these ranks is what scipy.stats.spearmanr computes of the drawn pictures.
    """
    n, width = counts.sum(axis=0), counts.shape[1]
    order, starts, place = _groups_of_equals(panel.target)
    g = _add_groups(counts, order, starts)
    ranks = np.cumsum(g, axis=0) - g / 2 - n / 2  # less the mean rank (n + 1) / 2
    spread = _spread(n, g)
    both = np.hstack([counts, counts * ranks[place]])  # one gather for both
    result = np.empty((width, panel.predicted.shape[1]))
    for run, predicted in enumerate(panel.predicted.T):
        order, starts, _ = _groups_of_equals(predicted)
        sums = _add_groups(both, order, starts)
        g, target_ranks = sums[:, :width], sums[:, width:]
        # the constants of the second factor's ranks drop out, because the first factor's sum is 0
        covariance = np.einsum("ib,ib->b", target_ranks, np.cumsum(g, axis=0) - g / 2)
        product = spread * _spread(n, g)
        with np.errstate(divide="ignore", invalid="ignore"):
            result[:, run] = np.where(product > 0, np.clip(covariance / np.sqrt(product), -1, 1), np.nan)
    return result if len(panel.target) >= FEWEST else np.full_like(result, np.nan)


def _groups_of_equals(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sorting order (N,), where each group of equal scores starts in it (K,), and the group of each picture (N,)."""
    _, place = np.unique(scores, return_inverse=True)
    order = np.argsort(place, kind="stable")
    return order, np.flatnonzero(np.diff(place[order], prepend=-1)), place


def _add_groups(values: np.ndarray, order: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Sums (K, B) of `values` (N, B) over each group of equal scores."""
    values = values[order]
    return values if len(starts) == len(order) else np.add.reduceat(values, starts, axis=0)


def _spread(n: np.ndarray, g: np.ndarray) -> np.ndarray:
    """Sum of squared deviations (B,) of mean ranks, from the sizes (K, B) of the groups."""
    return (n**3 - np.einsum("ib,ib,ib->b", g, g, g)) / 12


def draws(pictures: int, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Bootstrap resamples as counts (pictures, up to AT_ONCE), float; the same for the same arguments."""
    generator = np.random.default_rng(seed)
    for first in range(0, resamples, AT_ONCE):
        width = min(AT_ONCE, resamples - first)
        drawn = generator.integers(0, pictures, (width, pictures)) + pictures * np.arange(width)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=width * pictures).reshape(width, pictures)
        yield np.ascontiguousarray(counts.T, dtype=float)


def leave_one_out(pictures: int) -> Iterator[np.ndarray]:
    """The jackknife as counts (pictures, up to AT_ONCE): each resample lacks one picture."""
    for first in range(0, pictures, AT_ONCE):
        width = min(AT_ONCE, pictures - first)
        yield 1.0 - np.eye(pictures, width, -first)


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
        {name: values[0] for name, values in panel.metrics(np.ones((pictures, 1))).items()},
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
