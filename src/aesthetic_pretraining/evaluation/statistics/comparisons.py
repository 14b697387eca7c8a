"""Claims of several comparisons: "all of 21 are better" (docs/statistics.md)."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import t


class Quantity(NamedTuple):
    """What is claimed to be above 0, with its interval (NaN where not measured), the degrees of freedom of that, and what it is over ("": all there is)."""

    value: float
    low: float
    high: float
    df: float = np.inf
    over: str = ""

    def negative(self) -> "Quantity":
        """The other way round."""
        return self._replace(value=-self.value, low=-self.high, high=-self.low)

    def plus(self, margin: float) -> "Quantity":
        """Moved by a constant."""
        return self._replace(value=self.value + margin, low=self.low + margin, high=self.high + margin)

    def simultaneous(self, number: int, confidence: float) -> "Quantity":
        """With the interval that holds for all of `number` quantities at once, by Bonferroni: each at 1 - (1 - confidence) / number."""
        tails = 1 - (1 - confidence) / 2, 1 - (1 - confidence) / 2 / number
        one, all_of_them = t.ppf(tails, self.df)
        wider = all_of_them / one
        return self._replace(
            low=self.value - (self.value - self.low) * wider, high=self.value + (self.high - self.value) * wider
        )


UNMEASURED = Quantity(np.nan, np.nan, np.nan)


class Count(NamedTuple):
    """How many of several quantities are above 0: the share (NaN if one was not measured), in words, and three answers.

    all_above: each is, surely; some_below: one is not, surely; measured, known: none lacks its value, its interval.
    """

    share: float
    words: str
    all_above: bool
    some_below: bool
    measured: bool
    known: bool


def count(found: Sequence[Quantity], confidence: float, word: str) -> Count:
    """Of quantities that are all claimed to be above 0, count those that are; `word` is what such a one is called.

    "All are" needs no correction for their number: the chance that every interval is above 0 although one quantity is not, is at
    most that of this one interval (intersection-union test, Berger 1982). "One is not" needs it: of 21
    intervals of 95 %, one misses by chance in half of all runs. So it is said of simultaneous intervals alone.
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
