"""Claims about several comparisons, such as "all of 21 are better" (docs/statistics.md)."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import t


class Quantity(NamedTuple):
    """A quantity claimed to be above 0: its interval (NaN if not measured), the interval's degrees of freedom, what it is over
    ("": everything), and the smallest value that the test shows with the power of `intervals.POWER` (NaN if not known)."""

    value: float
    low: float
    high: float
    df: float = np.inf
    over: str = ""
    detectable: float = np.nan

    def negative(self) -> "Quantity":
        """The negated quantity."""
        return self._replace(value=-self.value, low=-self.high, high=-self.low)

    def plus(self, margin: float) -> "Quantity":
        """The quantity shifted by a constant."""
        return self._replace(value=self.value + margin, low=self.low + margin, high=self.high + margin)

    def simultaneous(self, number: int, confidence: float) -> "Quantity":
        """With a simultaneous interval for `number` quantities, by Bonferroni: confidence 1 - (1 - confidence) / number each."""
        tails = 1 - (1 - confidence) / 2, 1 - (1 - confidence) / 2 / number
        one, all_of_them = t.ppf(tails, self.df)
        wider = all_of_them / one
        return self._replace(
            low=self.value - (self.value - self.low) * wider, high=self.value + (self.high - self.value) * wider
        )


UNMEASURED = Quantity(np.nan, np.nan, np.nan)


class Count(NamedTuple):
    """How many of several quantities are above 0.

    Attributes:
        share: their fraction, NaN if one was not measured. words: the same in words.
        all_above: whether all certainly are. some_below: whether one certainly is not.
        measured, known: whether all have a value, an interval.
    """

    share: float
    words: str
    all_above: bool
    some_below: bool
    measured: bool
    known: bool


def count(found: Sequence[Quantity], confidence: float, word: str) -> Count:
    """Count, among quantities that are all claimed to be above 0, those that are; `word` describes one that is.

    "All are" needs no correction for multiple comparisons: the probability that every interval is above 0 although one quantity is
    not is at most that of this one interval (intersection-union test, Berger 1982). "One is not" does need it: with 21 intervals of
    95 %, one is wrong by chance in half of all cases. So that is concluded from simultaneous intervals only.
    """
    value, low, high = np.array([each[:3] for each in found], float).T
    corrected = np.array([each.simultaneous(len(found), confidence).high for each in found])
    words = f"{(value > 0).sum()} of {len(value)} {word}, {(low > 0).sum()} beyond noise"
    if (high < 0).any():
        words += f"; {(high < 0).sum()} the other way beyond noise"
        words += f", {(corrected < 0).sum()} of them corrected for {len(found)} comparisons" if len(found) > 1 else ""
    if (missing := np.isnan(value).sum()) > 0:
        words += f"; {missing} not measured"
    partial = sorted(
        {each.over for each in found if each.over and not each.over.startswith("seeds") and not np.isnan(each.low)}
    )
    words += f"; interval over {' or '.join(partial)} only" if partial else ""
    return Count(
        (value > 0).mean() if not missing else np.nan,
        words,
        bool((low > 0).all()),
        bool((corrected < 0).any()),
        not missing,
        not np.isnan(low).any(),
    )
