"""The labels that a better initialisation saves: the horizontal distance between two learning curves (docs/statistics.md).

"With 20 % fewer labels" asks at which fraction of the labels one curve reaches the other's error with all labels. There are few
points and errors are noisy, so a curve is fitted to each: error = a + b x^-c, with the fraction of the labels x, a and b >= 0, c > 0
(Hestness et al. 2017, "Deep learning scaling is predictable, empirically": a power law with an offset).
"""

from typing import NamedTuple

import numpy as np

FEWEST_SHARES = 3  # the number of parameters of the curve
LEAST, MOST = 0.05, 8.0  # ASSUME: range of exponents; beyond it, a curve is a straight line over log x, or a step
EXPONENTS = 60  # initial grid; then FINER - 1 finer ones around the best
FINER = 4
FARTHEST = 2.0  # ASSUME: how far a fitted curve is extrapolated, in multiples of all labels


class Curves(NamedTuple):
    """K fitted curves, error = a + b x^-c; NaN if the errors were not finite."""

    a: np.ndarray
    b: np.ndarray
    c: np.ndarray

    def at(self, x: np.ndarray | float) -> np.ndarray:
        """Errors (K,) at the fractions x, (K,) or a scalar."""
        return self.a + self.b * np.power(x, -self.c)

    def where(self, error: np.ndarray, lowest: float) -> np.ndarray:
        """Fractions (K,) at which the curves reach errors (K,): at least `lowest`, infinite if above `FARTHEST`."""
        with np.errstate(divide="ignore", invalid="ignore"):
            x = np.power(self.b / (error - self.a), 1 / self.c)
        x = np.where(error > self.a, x, np.inf)  # a flat curve reaches any error above its offset, at x = 0
        x = np.where((self.b == 0) & (error >= self.a), 0, x)
        x = np.where(x > FARTHEST, np.inf, np.maximum(x, lowest))
        return np.where(np.isnan(error) | np.isnan(self.a), np.nan, x)


def fit(x: np.ndarray, errors: np.ndarray) -> Curves:
    """Least-squares fit of K learning curves.

    c is searched on a grid that is refined around the best; for each c, a and b solve a linear problem. So there are no local minima
    in a and b, and curves never rise.

    Args:
        x: (J,) fractions of the labels, > 0, at least `FEWEST_SHARES` different ones. errors: (K, J).
    Raises: ValueError for fewer fractions.
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
    """For each curve, the fit with the smaller sum of squares, which is never one with undefined errors."""
    better = other[1] < one[1]
    return Curves(*(np.where(better, new, old) for new, old in zip(other[0], one[0], strict=True))), np.where(
        better, other[1], one[1]
    )


def labels_needed(x: np.ndarray, errors: np.ndarray, baseline: np.ndarray) -> np.ndarray:
    """The fraction of the labels (K,) at which one curve reaches the other's error with all labels, x = 1.

    Args:
        x: (J,) fractions, of both. errors, baseline: (K, J), smaller is better.
    Returns: 0.8 is a saving of 20 %; the smallest measured fraction if even that suffices, infinity if more than `FARTHEST` times
        all labels would be needed.
    """
    return fit(x, errors).where(fit(x, baseline).at(1.0), float(np.min(x)))


def share_interval(needed: np.ndarray, confidence: float) -> tuple[float, float]:
    """Percentile interval of resampled `labels_needed` (B,), with a possibly infinite upper end; NaN if any resample is undefined."""
    if np.isnan(needed).any():
        return np.nan, np.nan
    ends = np.quantile(
        needed, [(1 - confidence) / 2, (1 + confidence) / 2], method="inverted_cdf"
    )  # interpolating with infinity gives NaN
    return float(ends[0]), float(ends[1])
