"""How many labels a better start saves: the horizontal distance of two learning curves (docs/statistics.md).

"With 20 % fewer labels" asks at which share of the labels one curve reaches the error that the other has with all of them. Shares are
few and errors noisy, so a curve is fitted to each: error = a + b x^-c, x the share of the labels, a and b >= 0, c > 0
(Hestness et al. 2017, "Deep learning scaling is predictable, empirically": a power law that ends at an offset).
"""

from typing import NamedTuple

import numpy as np

FEWEST_SHARES = 3  # as many as the curve has parameters
LEAST, MOST = 0.05, 8.0  # ASSUME: exponents; beyond, a curve is a straight line over log x, or a step
EXPONENTS = 60  # tried at first, then ever finer around the best
FINER = 4
FARTHEST = 2.0  # ASSUME: times all labels; how far a fitted curve is believed


class Curves(NamedTuple):
    """K fitted curves, error = a + b x^-c; NaN where the errors were not finite."""

    a: np.ndarray
    b: np.ndarray
    c: np.ndarray

    def at(self, x: np.ndarray | float) -> np.ndarray:
        """Errors (K,) at the shares x, (K,) or one number."""
        return self.a + self.b * np.power(x, -self.c)

    def where(self, error: np.ndarray, lowest: float) -> np.ndarray:
        """Shares (K,) at which the curves reach errors (K,); not below `lowest`, infinite where that takes more than `FARTHEST`."""
        with np.errstate(divide="ignore", invalid="ignore"):
            x = np.power(self.b / (error - self.a), 1 / self.c)
        x = np.where(error > self.a, x, np.inf)  # above its offset a curve without slope has any error, x = 0
        x = np.where((self.b == 0) & (error >= self.a), 0, x)
        x = np.where(x > FARTHEST, np.inf, np.maximum(x, lowest))
        return np.where(np.isnan(error) | np.isnan(self.a), np.nan, x)


def fit(x: np.ndarray, errors: np.ndarray) -> Curves:
    """Least squares for each of K learning curves.

    c is searched on a grid, which gets finer around the best; for each c, a and b are the solution of a linear problem, so that there is
    no other minimum to be caught in, and a curve never rises.

    Args:
        x: (J,) shares of the labels, > 0, at least `FEWEST_SHARES` different ones. errors: (K, J).
    Raises: ValueError for fewer shares.
    """
    if len(np.unique(x)) < FEWEST_SHARES:
        raise ValueError(f"a learning curve needs {FEWEST_SHARES} shares of the labels, got {len(np.unique(x))}")
    errors = np.asarray(errors, float)
    best = Curves(*np.full((3, len(errors)), np.nan)), np.full(len(errors), np.inf)
    step = (MOST / LEAST) ** (1 / (EXPONENTS - 1))
    for exponent in np.geomspace(LEAST, MOST, EXPONENTS):
        best = _better(best, _with_exponent(x, errors, np.full(len(errors), exponent)))
    for round_ in range(1, FINER):
        around = np.where(np.isnan(best[0].c), 1.0, best[0].c)
        for part in (-1, -0.75, -0.5, -0.25, 0.25, 0.5, 0.75, 1):
            exponent = np.clip(around * step ** (part * 0.25 ** (round_ - 1)), LEAST, MOST)
            best = _better(best, _with_exponent(x, errors, exponent))
    return best[0]


def _with_exponent(x: np.ndarray, errors: np.ndarray, c: np.ndarray) -> tuple[Curves, np.ndarray]:
    """The best curves with these exponents (K,), and their sums of squares (K,)."""
    power = np.asarray(x, float) ** -c[:, None]
    centre, middle = errors.mean(axis=1), power.mean(axis=1)
    apart = power - middle[:, None]
    b = np.maximum((errors * apart).sum(axis=1) / (apart**2).sum(axis=1), 0)
    a = centre - b * middle
    through = np.maximum((errors * power).sum(axis=1) / (power**2).sum(axis=1), 0)  # without an offset
    a, b = np.maximum(a, 0), np.where(a < 0, through, b)
    return Curves(a, b, c), ((errors - a[:, None] - b[:, None] * power) ** 2).sum(axis=1)


def _better(one: tuple[Curves, np.ndarray], other: tuple[Curves, np.ndarray]) -> tuple[Curves, np.ndarray]:
    """Of each curve the one with the smaller sum of squares; undefined errors never have it."""
    better = other[1] < one[1]
    return Curves(*(np.where(better, new, old) for new, old in zip(other[0], one[0], strict=True))), np.where(
        better, other[1], one[1]
    )


def labels_needed(x: np.ndarray, errors: np.ndarray, baseline: np.ndarray) -> np.ndarray:
    """Which share of the labels (K,) one curve needs for the error that the other has with all labels, x = 1.

    Args:
        x: (J,) shares, of both. errors, baseline: (K, J), smaller is better.
    Returns: 0.8 is a saving of 20 %; the smallest measured share where even that is good enough, infinity where more than
        `FARTHEST` times all labels would be needed.
    """
    return fit(x, errors).where(fit(x, baseline).at(1.0), float(np.min(x)))


def share_interval(needed: np.ndarray, confidence: float) -> tuple[float, float]:
    """Percentile interval of resampled `labels_needed` (B,), whose upper end may be infinite; NaN if any resample is undefined."""
    if np.isnan(needed).any():
        return np.nan, np.nan
    ends = np.quantile(needed, [(1 - confidence) / 2, (1 + confidence) / 2], method="inverted_cdf")  # no mean with infinity
    return float(ends[0]), float(ends[1])
