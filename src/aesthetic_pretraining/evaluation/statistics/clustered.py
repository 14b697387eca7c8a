"""Intervals of a proportion whose answers share people, photos or both, so that they are not independent."""

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from scipy.special import stdtrit  # imports much faster than scipy.stats

from aesthetic_pretraining.evaluation.statistics.proportions import CONFIDENCE, wilson


def share_interval(
    yes: np.ndarray, clusters: Sequence[np.ndarray], confidence: float = CONFIDENCE
) -> tuple[float, float, float]:
    """The share of yes, and the ends of its interval over clusters: Wilson's, for as many answers as the clustered ones are worth.

    The variance is that of Cameron, Gelbach and Miller (2011), of one way or two; the answers' number is divided by the design effect
    (Kish) and corrected for the few clusters by Student's t with one less than the fewest clusters as degrees of freedom (Korn and
    Graubard 1998). Both ends are NaN if one way has a single cluster, from which nothing is known about others.

    ASSUME: the design effect is at least 1, because clusters whose answers differ more than chance would have it are a chance
    themselves. If all answers are equal, their variance is unknown: every cluster then counts as one answer.

    Args:
        yes: (N,) bool, N > 0.
        clusters: one or two arrays (N,): the cluster of each answer, such as its person, and its photo.
    Returns: share, low, high, each in 0..1.
    """
    yes, n = np.asarray(yes, float), len(yes)
    codes = [np.unique(way, return_inverse=True)[1] for way in clusters]
    fewest = min(int(way.max()) + 1 for way in codes)
    share = float(yes.mean())
    if fewest < 2:
        return share, np.nan, np.nan
    plain = share * (1 - share) / n
    worth = n / max(1.0, variance(yes, codes) / plain) if plain else float(fewest)
    tail = (1 + confidence) / 2
    worth *= float(NormalDist().inv_cdf(tail) / stdtrit(fewest - 1, tail)) ** 2
    low, high = wilson(share * worth, worth, confidence)
    return share, float(low), float(high)


def variance(yes: np.ndarray, codes: Sequence[np.ndarray]) -> float:
    """The variance of a mean over one or two ways of clustering, each with at least two clusters.

    Of two ways: V(first) + V(second) - V(both), and at least as much as either. codes: (N,) integers from 0 for each way.
    """
    each = [_one_way(yes, way) for way in codes]
    if len(each) == 1:
        return each[0]
    first, second = codes
    both = np.unique(first * (int(second.max()) + 1) + second, return_inverse=True)[1]
    return max(sum(each) - _one_way(yes, both), *each)


def _one_way(yes: np.ndarray, codes: np.ndarray) -> float:
    sums = np.bincount(codes, yes - yes.mean())
    return float(len(sums) / (len(sums) - 1) * (sums @ sums) / len(yes) ** 2)
