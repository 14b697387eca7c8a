"""Proportions with Wilson's intervals, and means with Student's t intervals."""

from statistics import NormalDist

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

CONFIDENCE = 0.95


def wilson(yes: ArrayLike, n: ArrayLike, confidence: float = CONFIDENCE) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper end, 0..1, of Wilson's score interval for each proportion yes / n; NaN if n is 0.

    Wilson (1927). Unlike the normal approximation, it stays within 0..1 and keeps its coverage near both ends. The n answers must
    be independent.
    """
    yes, n = np.asarray(yes, float), np.asarray(n, float)
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = yes / n
        centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
        half = z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    return np.where(n > 0, centre - half, np.nan).clip(0), np.where(n > 0, centre + half, np.nan).clip(None, 1)


def mean_interval(
    mean: ArrayLike, spread: ArrayLike, n: int, confidence: float = CONFIDENCE
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The means, and the lower and upper ends of Student's t intervals; NaN ends for fewer than two values.

    Args:
        spread: sample standard deviation (n - 1) of the n values, which must be independent.
    """
    from scipy.special import stdtrit  # imports much faster than scipy.stats

    mean, spread = np.asarray(mean, float), np.asarray(spread, float)
    half = stdtrit(n - 1, (1 + confidence) / 2) * spread / np.sqrt(n) if n > 1 else np.full_like(mean, np.nan)
    return mean, mean - half, mean + half


def with_shares(counts: pd.DataFrame, yes: str, n: str) -> pd.DataFrame:
    """The frame with the columns share (0..1), low and high added, computed from its counts."""
    low, high = wilson(counts[yes], counts[n])
    return counts.assign(share=counts[yes] / counts[n], low=low, high=high)
