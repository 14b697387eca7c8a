"""Votes for sets that have only mean scores: a histogram with exactly this mean, and this spread where one is given.

NIMA did the same for TID2013 (Talebi and Milanfar, 2018, section III.A): the histogram of maximum entropy with the given mean and
standard deviation.
"""

import numpy as np

STEEPEST = 2000.0  # on -1..1, where 20 bins are 0.105 apart: a bin beside the centre keeps exp(-22) of it
HALVINGS = 60  # of each bisection, to the precision of a float


def histogram(mean: np.ndarray, values: np.ndarray, spread: np.ndarray | None = None) -> np.ndarray:
    """Fractions of votes (N, K), each row adding up to 1.

    ASSUME: without a spread, all votes are on the two values around the mean, because nothing else is known of them. A spread that no
    histogram with this mean can have becomes the nearest one that it can.

    Args:
        mean: (N,) mean scores, from the lowest to the highest of `values`.
        values: (K,) the score of each bin, ascending, at equal steps.
        spread: (N,) standard deviations; NaN where unknown.
    """
    middle, half = (values[0] + values[-1]) / 2, (values[-1] - values[0]) / 2
    grid, wanted = (values - middle) / half, (np.asarray(mean, float) - middle) / half
    votes = neighbours(wanted, grid)
    if spread is None:
        return votes
    variance = (np.asarray(spread, float) / half) ** 2
    narrow = votes @ grid**2 - wanted**2
    wide = 1 - wanted**2  # all votes on the two ends
    ends = np.zeros_like(votes)
    ends[:, 0], ends[:, -1] = (1 - wanted) / 2, (1 + wanted) / 2
    votes = np.where((variance >= wide)[:, None], ends, votes)
    between = (variance > narrow) & (variance < wide)  # False for NaN
    rows, back = np.unique(np.stack([wanted, variance], axis=1)[between], axis=0, return_inverse=True)
    if len(rows):
        votes[between] = most_entropy(rows[:, 0], rows[:, 1], grid)[back.ravel()]
    return votes


def neighbours(mean: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """All votes on the two values of `grid` around the mean: (N, K)."""
    place = np.clip((mean - grid[0]) / (grid[1] - grid[0]), 0, len(grid) - 1)
    lower = np.minimum(np.floor(place).astype(int), len(grid) - 2)
    votes = np.zeros((len(mean), len(grid)))
    rows = np.arange(len(mean))
    votes[rows, lower], votes[rows, lower + 1] = 1 - (place - lower), place - lower
    return votes


def most_entropy(mean: np.ndarray, variance: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Fractions proportional to exp(a x + b x^2), with a and b by bisection: the mean rises with a, the variance with b."""
    low, high = np.full(len(mean), -STEEPEST), np.full(len(mean), STEEPEST)
    for _ in range(HALVINGS):
        b = (low + high) / 2
        votes = _with_mean(mean, b, grid)
        wider = votes @ grid**2 - mean**2 < variance
        low, high = np.where(wider, b, low), np.where(wider, high, b)
    return _with_mean(mean, (low + high) / 2, grid)


def _with_mean(mean: np.ndarray, b: np.ndarray, grid: np.ndarray) -> np.ndarray:
    low, high = np.full(len(mean), -4 * STEEPEST), np.full(len(mean), 4 * STEEPEST)
    for _ in range(HALVINGS):
        a = (low + high) / 2
        below = _softmax(a, b, grid) @ grid < mean
        low, high = np.where(below, a, low), np.where(below, high, a)
    return _softmax((low + high) / 2, b, grid)


def _softmax(a: np.ndarray, b: np.ndarray, grid: np.ndarray) -> np.ndarray:
    exponent = a[:, None] * grid + b[:, None] * grid**2
    votes = np.exp(exponent - exponent.max(axis=1, keepdims=True))
    return votes / votes.sum(axis=1, keepdims=True)
