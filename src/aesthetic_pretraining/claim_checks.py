"""How the claims of the paper are checked: one function per way of checking, on saved tables (docs/statistics.md).

Each takes the evidence, the published value and the arguments that `resources/claims.yaml` gives.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from aesthetic_pretraining import verdicts
from aesthetic_pretraining.names import BASELINE
from aesthetic_pretraining.proportions import wilson
from aesthetic_pretraining.table2 import COLUMNS

SMALLER_IS_BETTER = {column.name for column in COLUMNS if column.best == "min"}
EPOCHS_RESOLUTION = 0.1  # ASSUME: a saving of epochs that is known less well than to a tenth of ImageNet's confirms nothing
WHOLE_PERCENT = 0.01  # the paper cuts its percentages: of 47.6 % it prints 47 %
UNKNOWN = (np.nan, np.nan, np.nan)


@dataclass(frozen=True)
class Evidence:
    """The saved tables: Table 2 with its verdicts, the differences of all rows, metrics, responses, confusion; confidence of
    intervals. `confusion` is empty where ranking + classification was not trained. The last three are for `photo_claims`."""

    table: pd.DataFrame
    differences: pd.DataFrame
    metrics: pd.DataFrame
    responses: pd.DataFrame
    confusion: pd.DataFrame
    confidence: float
    photo_scores: pd.DataFrame | None = None
    diversity: pd.DataFrame | None = None
    sensitivity: pd.DataFrame | None = None

    def gain(self, init: str, share: int, other: str, other_share: int, column: str) -> tuple[float, float, float]:
        """By how much `init` is better than `other`, and the interval's ends; NaN where one of them was not measured."""
        dataset, _, metric = column.rpartition("_")
        sign = -1 if column in SMALLER_IS_BETTER else 1
        for one, two, way in (((init, share), (other, other_share), sign), ((other, other_share), (init, share), -sign)):
            if (*one, *two, dataset, metric) in self._differences:
                value, low, high = self._differences[*one, *two, dataset, metric]
                return (value, low, high) if way == 1 else (-value, -high, -low)
        return UNKNOWN

    @cached_property
    def _differences(self) -> dict[tuple, tuple[float, float, float]]:
        return {row[:6]: row[6:] for row in self.differences.itertuples(index=False, name=None)}

    def published_gain(self, init: str, other: str, column: str) -> float:
        """By how much Table 2 of the paper has `init` better than `other`."""
        published = self.table.set_index("init")[f"{column}_published"]
        return (published[init] - published[other]) * (-1 if column in SMALLER_IS_BETTER else 1)

    def epochs(self, init: str, share: int = 100) -> pd.Series:
        """Epochs of one row, indexed by seed; trainings that the cap ended are NaN, because they had not stopped."""
        rows = self.metrics[(self.metrics["init"] == init) & (self.metrics["share"] == share)].set_index("seed")
        return rows["epochs"].where(rows["capped"] == 0)


class Finding(NamedTuple):
    """What a run says to a claim: a number with its interval where there is one, in words, and the verdict."""

    value: float
    low: float
    high: float
    words: str
    verdict: str


def cell(evidence: Evidence, published: float, init: str, column: str) -> Finding:
    """One number of Table 2, with the verdict that it has there."""
    row = evidence.table.set_index("init").loc[init]
    return Finding(row[column], row[f"{column}_low"], row[f"{column}_high"], "", row[f"{column}_verdict"])


def dagger(evidence: Evidence, published: str, init: str, column: str) -> Finding:
    """Whether the absolute errors are significantly smaller than ImageNet's; without ours, an interval around 0 is noise."""
    row = evidence.table.set_index("init").loc[init]
    p, ours = row[f"{column}_p"], row[f"{column}_significant"]
    if pd.isna(ours):
        return Finding(*UNKNOWN, "", verdicts.NOT_MEASURED)
    _, low, high = evidence.gain(init, 100, BASELINE, 100, column)
    differing = verdicts.WITHIN_NOISE if not low > 0 and not high < 0 else verdicts.NOT_REPRODUCED
    words = f"{'significant' if ours else 'not significant'} (p = {p:.2g})"
    same = ("significant" if ours else "not significant") == published
    return Finding(p, np.nan, np.nan, words, verdicts.REPRODUCED if same else differing)


def better(
    evidence: Evidence,
    published: str,
    inits: Sequence[str],
    others: Sequence[str],
    columns: Sequence[str],
    shares: Sequence[int] = (100,),
) -> Finding:
    """Whether each of `inits` beats each of `others` in each column: surely, where a whole interval is above 0."""
    gains = [evidence.gain(a, share, b, share, column) for a, b, share, column in product(inits, others, shares, columns)]
    return _count(gains)


def matches(
    evidence: Evidence, published: str, init: str, other: str, shares: Sequence[Sequence[int]], columns: Sequence[str]
) -> Finding:
    """Whether `init` is no worse than `other` by more than the margin, for pairs of shares of the labels.

    ASSUME: the margin is the gain that the paper itself reports in that column with all labels; a loss as large as that would
    be one that the paper counts.
    """
    margins = [abs(evidence.published_gain(init, other, column)) for column in columns]
    gains = [
        tuple(np.array(evidence.gain(init, share, other, other_share, column)) + margin)
        for (share, other_share), (column, margin) in product(shares, zip(columns, margins, strict=True))
    ]
    return _count(gains, "no worse")


def no_gain(evidence: Evidence, published: str, init: str, other: str, columns: Sequence[str]) -> Finding:
    """Whether `init` is not better than `other`, up to the gain that the paper reports of `other` over ImageNet (as `matches`)."""
    gains = [
        tuple(
            evidence.published_gain(other, BASELINE, column) - np.array(evidence.gain(init, 100, other, 100, column))[[0, 2, 1]]
        )
        for column in columns
    ]
    return _count(gains, "no gain")


def inconsistent(evidence: Evidence, published: str, inits: Sequence[str], other: str, columns: Sequence[str]) -> Finding:
    """Whether each of `inits` is worse than `other` in some column: surely, where a whole interval is below 0."""
    worst = []
    for init in inits:
        gains = np.array([evidence.gain(init, 100, other, 100, column) for column in columns])
        worst.append(UNKNOWN if np.isnan(gains).any() else tuple(-gains.min(axis=0)[[0, 2, 1]]))
    return _count(worst, "worse somewhere")


def epochs_saved(evidence: Evidence, published: float, inits: Sequence[str], pick: str) -> Finding:
    """The largest or smallest share of ImageNet's epochs that one of `inits` saves, with Student's interval over seeds."""
    base = evidence.epochs(BASELINE)
    savings = [1 - evidence.epochs(init) / base for init in inits]
    if any(saving.isna().any() or saving.empty for saving in savings):
        return Finding(*UNKNOWN, "a training was not made or was ended by the cap", verdicts.NOT_MEASURED)
    saving = {"most": max, "least": min}[pick](savings, key=lambda saving: saving.mean())
    mean, spread = saving.mean(), saving.std(ddof=1)
    low, high = verdicts.over_seeds(mean, spread, len(saving), evidence.confidence)
    verdict = verdicts.of_value(published, low - WHOLE_PERCENT, high + WHOLE_PERCENT, spread, EPOCHS_RESOLUTION)
    return Finding(mean, low, high, "", verdict)


def faster(evidence: Evidence, published: str, init: str, shares: Sequence[int]) -> Finding:
    """Whether `init` stops earlier than ImageNet with every share of the labels, with Student's intervals over seeds."""
    found = []
    for share in shares:
        saved = evidence.epochs(BASELINE, share) - evidence.epochs(init, share)
        mean, spread = saved.mean(skipna=False), saved.std(ddof=1, skipna=False)
        found.append((mean, *verdicts.over_seeds(mean, spread, len(saved), evidence.confidence)))
    return _count(found, "earlier")


def response(evidence: Evidence, published: str, distortion: str, output: str, sign: int) -> Finding:
    """Mean over photos of the rank correlation of an output with the distortion's level, with Student's interval over photos."""
    rows = evidence.responses
    rows = rows[rows["distortion"] == distortion]
    if rows.empty or output not in rows:
        return Finding(*UNKNOWN, "", verdicts.NOT_MEASURED)
    values = rows.pivot(index="photo", columns="level", values=output)
    ranks = rankdata(values, axis=1) - (values.shape[1] + 1) / 2
    levels = np.arange(values.shape[1]) - (values.shape[1] - 1) / 2
    with np.errstate(invalid="ignore"):  # an output that is the same at every level has no slope
        slopes = ranks @ levels / np.sqrt((ranks**2).sum(axis=1) * (levels @ levels))
    mean, spread = np.mean(slopes), np.std(slopes, ddof=1) if len(slopes) > 1 else np.nan
    low, high = np.clip(verdicts.over_seeds(mean, spread, len(slopes), evidence.confidence), -1, 1)
    signed = (low, high) if sign > 0 else (-high, -low)
    return Finding(mean, low, high, "", verdicts.of_sign(*signed))


def named_better(evidence: Evidence, published: str, aspect: str, others: Sequence[str]) -> Finding:
    """Whether the classification heads name one aspect's distortions more accurately, by Newcombe's intervals of differences.

    ASSUME: answers to several pictures of one photo count as independent, which makes the intervals too narrow.
    """
    rows = evidence.confusion
    if rows.empty:
        return Finding(*UNKNOWN, "", verdicts.NOT_MEASURED)
    right = rows["photos"].where(rows["applied"] == rows["answered"], 0).groupby(rows["aspect"]).sum()
    shares = right / (total := rows.groupby("aspect")["photos"].sum())
    low, high = (pd.Series(end, shares.index) for end in wilson(right, total, evidence.confidence))
    found = []
    for other in others:
        value = shares[aspect] - shares[other]
        down = np.hypot(shares[aspect] - low[aspect], high[other] - shares[other])
        up = np.hypot(high[aspect] - shares[aspect], shares[other] - low[other])
        found.append((value, value - down, value + up))
    return _count(found, "more accurate")


COMPUTE: dict[str, Callable[..., Finding]] = {
    function.__name__: function
    for function in (cell, dagger, better, matches, no_gain, inconsistent, epochs_saved, faster, response, named_better)
}


def _count(found: Sequence[tuple[float, float, float]], word: str = "better") -> Finding:
    """The share of quantities that are above 0, as all are claimed to be: reproduced if all surely are, not if one surely is not.

    Args:
        found: value, low, high of each; NaN where it was not measured. word: what one above 0 is called.
    """
    value, low, high = np.array(found, float).T
    words = f"{(value > 0).sum()} of {len(value)} {word}, {(low > 0).sum()} beyond noise"
    words += f"; {(high < 0).sum()} the other way beyond noise" if (high < 0).any() else ""
    if (missing := np.isnan(value).sum()) > 0:
        words += f"; {missing} not measured"
    if (high < 0).any():
        verdict = verdicts.NOT_REPRODUCED
    elif (low > 0).all():
        verdict = verdicts.REPRODUCED
    elif missing:
        verdict = verdicts.NOT_MEASURED
    else:
        verdict = verdicts.NO_INTERVAL if np.isnan(low).any() else verdicts.WITHIN_NOISE
    return Finding((value > 0).mean() if not missing else np.nan, np.nan, np.nan, words, verdict)
