"""Checks of the paper's claims against saved tables, one function per kind of claim (docs/statistics.md).

Each takes the evidence, the published value and the arguments given in `resources/claims.yaml`.
"""

from collections.abc import Callable, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import ndtri
from scipy.stats import rankdata

from aesthetic_pretraining.evaluation.pretext_metrics import first_pretraining
from aesthetic_pretraining.evaluation.statistics.comparisons import UNMEASURED, Quantity, count
from aesthetic_pretraining.evaluation.statistics.intervals import POWER
from aesthetic_pretraining.evaluation.statistics.learning_curve import FARTHEST
from aesthetic_pretraining.evaluation.statistics.proportions import wilson
from aesthetic_pretraining.evaluation.statistics.training_luck import SEEDS, Trainings, known_luck, mean_interval, next_training
from aesthetic_pretraining.initialisations import BASELINE
from aesthetic_pretraining.reporting import verdicts
from aesthetic_pretraining.reporting.claim_evidence import Evidence
from aesthetic_pretraining.reporting.table2 import columns_of

EPOCHS_RESOLUTION = 0.1  # ASSUME: an interval wider than ±0.1 of ImageNet's epochs is too wide to confirm a saving
WHOLE_PERCENT = 0.01  # the paper truncates its percentages: 47.6 % is printed as 47 %
LABELS_RESOLUTION = 0.1  # ASSUME: as a fraction of the labels; half a step between the shares in the paper's figure
UNKNOWN = (np.nan, np.nan, np.nan)


class Finding(NamedTuple):
    """What a run found for a claim.

    Attributes:
        value, low, high: a number and its interval, NaN if there is none. words: a description.
        verdict: against the paper, of `verdicts`.
        own: the same claim judged by the differences between this run's rows alone, as one of `verdicts.HERE`'s keys; "" if it
            is about a published number and not about a difference.
        detectable: the smallest difference that the test could show, in words; "" if not known.
    """

    value: float
    low: float
    high: float
    words: str
    verdict: str
    own: str = ""
    detectable: str = ""


def cell(evidence: Evidence, published: float, init: str, column: str) -> Finding:
    """One number of Table 2, with its verdict there."""
    row = evidence.table.set_index("init").loc[init]
    return Finding(row[column], row[f"{column}_low"], row[f"{column}_high"], "", row[f"{column}_verdict"])


def dagger(evidence: Evidence, published: str, init: str, column: str) -> Finding:
    """Whether the absolute errors are significantly smaller than ImageNet's in all training runs, or in none, as in the paper.

    If they are in some, it depends on the seed and is within noise; so is a difference from the paper whose interval contains 0.
    """
    row = evidence.table.set_index("init").loc[init]
    p, ours = row[f"{column}_p"], row[f"{column}_significant"]
    if pd.isna(ours):
        return Finding(*UNKNOWN, "", verdicts.NOT_MEASURED)
    _, low, high, *_ = evidence.gain(init, 100, BASELINE, 100, column)
    smaller, tested = row[f"{column}_smaller"], row[f"{column}_tested"]
    undecided = 0 < smaller < tested or (not low > 0 and not high < 0)
    differing = verdicts.WITHIN_NOISE if undecided else verdicts.NOT_REPRODUCED
    words = f"significant in {smaller} of {tested} training run{'s' if tested > 1 else ''} (largest p = {p:.2g})"
    same = {0: "not significant", tested: "significant"}.get(smaller) == published
    return Finding(p, np.nan, np.nan, words, verdicts.REPRODUCED if same else differing)


def better(
    evidence: Evidence,
    published: str,
    inits: Sequence[str],
    others: Sequence[str],
    columns: Sequence[str],
    shares: Sequence[int] = (100,),
) -> Finding:
    """Whether each of `inits` beats each of `others` in each column: certain where the whole interval is above 0."""
    compared = list(product(inits, others, evidence.shares(shares), columns))
    gains = [evidence.gain(a, share, b, share, column) for a, b, share, column in compared]
    return _finding(evidence, gains, of=[column for *_, column in compared])


def matches(
    evidence: Evidence, published: str, init: str, other: str, shares: Sequence[Sequence[int]], columns: Sequence[str]
) -> Finding:
    """Whether `init` is at most the margin worse than `other`, for pairs of shares of the labels.

    ASSUME: the margin is the gain that the paper reports in that column with all labels: a loss of that size would matter to it.
    """
    known = [
        pair for pair in shares if list(pair) == evidence.shares(pair)
    ] or shares  # "every share" means every one of this run
    compared = list(product(known, columns))
    gains = [
        evidence.gain(init, share, other, other_share, column).plus(abs(evidence.published_gain(init, other, column)))
        for (share, other_share), column in compared
    ]
    return _finding(evidence, gains, "no worse", [column for _, column in compared])


def no_gain(evidence: Evidence, published: str, init: str, other: str, columns: Sequence[str]) -> Finding:
    """Whether `init` is at most the margin better than `other`; the margin is the paper's gain of `other` over ImageNet (cf. `matches`)."""
    gains = [
        evidence.gain(init, 100, other, 100, column).negative().plus(evidence.published_gain(other, BASELINE, column))
        for column in columns
    ]
    return _finding(evidence, gains, "no gain", columns)


def inconsistent(evidence: Evidence, published: str, inits: Sequence[str], other: str, columns: Sequence[str]) -> Finding:
    """Whether each of `inits` is worse than `other` in some column: certain where a whole interval is below 0.

    Searching several columns for one needs simultaneous intervals; "better in all" does not (`comparisons.count`).
    """
    worst, single = [], []
    for init in inits:
        gains = [evidence.gain(init, 100, other, 100, column) for column in columns]
        single += gains
        if any(np.isnan(gain.value) for gain in gains):
            worst.append(UNMEASURED)
            continue
        low = -min(gain.simultaneous(len(columns), evidence.confidence).high for gain in gains)
        least = min(gains, key=lambda gain: gain.value)
        worst.append(least._replace(value=-least.value, low=low, high=-min(gain.low for gain in gains)))
    found = _finding(evidence, worst, "worse somewhere")
    return found._replace(detectable=_detectable(evidence, single, [*columns] * len(inits)))


def epochs_saved(evidence: Evidence, published: float, inits: Sequence[str], pick: str) -> Finding:
    """The largest or smallest fraction of ImageNet's epochs that one of `inits` saves, with the prediction interval of one more training run.

    The paper picks the extreme of a table with one training run per row. So the extreme is taken for each pair of seeds, and the published
    value is treated as one more such extreme. Within the run alone the claim is that one of `inits`, or each of them, saves epochs.
    """
    savings = pd.concat([1 - evidence.epochs(init) / evidence.baseline_epochs(init) for init in inits], axis=1)
    if savings.empty or savings.isna().any(axis=None):
        return Finding(*UNKNOWN, "a training run is missing or reached the cap of epochs", verdicts.NOT_MEASURED)
    saving = savings.max(axis=1) if pick == "most" else savings.min(axis=1)
    row = Trainings(inits[0], tuple(saving.index), np.arange(len(saving)))
    low, high = next_training(row, saving, evidence.confidence)
    verdict = verdicts.of_value(published, low - WHOLE_PERCENT, high + WHOLE_PERCENT, EPOCHS_RESOLUTION, known_luck(row))
    ends = mean_interval(row, saving, evidence.confidence)
    if pick == "most":  # the largest of several savings is above 0 by chance, unless its interval is corrected for their number
        corrected = 1 - (1 - evidence.confidence) / len(inits)
        ends = mean_interval(row, saving, corrected)
    return Finding(saving.mean(), low, high, "", verdict, verdicts.of_sign(*ends))


def faster(evidence: Evidence, published: str, init: str, shares: Sequence[int]) -> Finding:
    """Whether `init` stops earlier than ImageNet at every share of the labels, with intervals over seeds."""
    found = []
    for share in evidence.shares(shares):
        saved = evidence.baseline_epochs(init, share) - evidence.epochs(init, share)
        row = Trainings(init, tuple(saved.index), np.arange(len(saved)))
        if saved.empty or saved.isna().any():
            found.append(UNMEASURED)
            continue
        df = min(map(len, row.levels.values()), default=2) - 1
        ends = mean_interval(row, saved, evidence.confidence)
        found.append(_with_detectable(Quantity(saved.mean(), *ends, df, known_luck(row)), evidence.confidence))
    return _finding(evidence, found, "earlier", ["epochs"] * len(found))


def labels_saved(evidence: Evidence, published: float, init: str, other: str, column: str) -> Finding:
    """The fraction of the labels that `init` saves in reaching what `other` reaches with all of them, from fitted learning curves."""
    dataset, _, metric = column.rpartition("_")
    rows = evidence.labels.set_index(["init", "other", "dataset", "metric"]).sort_index()
    if (init, other, dataset, metric) not in rows.index:
        return Finding(*UNKNOWN, "only one share of the labels", verdicts.NOT_MEASURED)
    row = rows.loc[(init, other, dataset, metric)]
    if np.isnan(row["needed"]):
        return Finding(*UNKNOWN, row["problem"], verdicts.NOT_MEASURED)
    low, high = 1 - row["high"], 1 - row["low"]
    words = f"needs {_percent(row['needed'])} of the labels"
    if np.isnan(low):
        return Finding(1 - row["needed"], np.nan, np.nan, words, verdicts.NO_INTERVAL)
    words += f" [{_percent(row['low'])}, {_percent(row['high'])}]"
    words += "" if row["over"].startswith(SEEDS) else f"; interval over {row['over']} only"
    # "about 20 %" is read off a figure with steps of 20 %: half a step away still agrees with it
    over = SEEDS if row["over"].startswith(SEEDS) else row["over"]
    verdict = verdicts.of_value(published, low - LABELS_RESOLUTION, high + LABELS_RESOLUTION, 2 * LABELS_RESOLUTION, over)
    return Finding(1 - row["needed"], low, high, words, verdict, verdicts.of_sign(low, high))


def response(evidence: Evidence, published: str, distortion: str, output: str, sign: int) -> Finding:
    """Mean over photos of an output's rank correlation with the distortion's level, with Student's t interval over photos."""
    rows = first_pretraining(evidence.responses)  # the network that Figure 4 shows
    rows = rows[rows["distortion"] == distortion]
    if rows.empty or output not in rows:
        return Finding(*UNKNOWN, "", verdicts.NOT_MEASURED)
    values = rows.pivot(index="photo", columns="level", values=output)
    ranks = rankdata(values, axis=1) - (values.shape[1] + 1) / 2
    levels = np.arange(values.shape[1]) - (values.shape[1] - 1) / 2
    with np.errstate(invalid="ignore"):  # an output that is equal at every level has no slope
        slopes = ranks @ levels / np.sqrt((ranks**2).sum(axis=1) * (levels @ levels))
    mean, spread = np.mean(slopes), np.std(slopes, ddof=1) if len(slopes) > 1 else np.nan
    low, high = np.clip(verdicts.of_mean(mean, spread, len(slopes), evidence.confidence), -1, 1)
    signed = (low, high) if sign > 0 else (-high, -low)
    verdict = verdicts.of_sign(*signed)
    return Finding(mean, low, high, "", verdict, verdict)


def named_better(evidence: Evidence, published: str, aspect: str, others: Sequence[str]) -> Finding:
    """Whether the classification heads are more accurate on one aspect than on others, by Newcombe's interval for differences.

    ASSUME: predictions for several variants of one photo count as independent, which makes the intervals too narrow.
    """
    rows = first_pretraining(evidence.confusion)  # the network that the figure of Appendix D shows
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
        found.append(_with_detectable(Quantity(value, value - down, value + up), evidence.confidence))
    return _finding(evidence, found, "more accurate", ["accuracy"] * len(found))


COMPUTE: dict[str, Callable[..., Finding]] = {
    function.__name__: function
    for function in (
        cell,
        dagger,
        better,
        matches,
        no_gain,
        inconsistent,
        epochs_saved,
        faster,
        labels_saved,
        response,
        named_better,
    )
}


PRETEXT = (response.__name__, named_better.__name__)  # depend on distorted photos, not on votes


def _finding(evidence: Evidence, found: Sequence[Quantity], word: str = "better", of: Sequence[str] = ()) -> Finding:
    """The finding for quantities that are all claimed to be above 0: reproduced if all certainly are, not if one certainly is not.

    Args:
        of: what each quantity is a difference of: a column of Table 2, or a name.
    """
    counted = count(found, evidence.confidence, word)
    if counted.some_below:
        verdict = verdicts.NOT_REPRODUCED
    elif counted.all_above:
        verdict = verdicts.REPRODUCED
    elif not counted.measured:
        verdict = verdicts.NOT_MEASURED
    else:
        verdict = verdicts.WITHIN_NOISE if counted.known else verdicts.NO_INTERVAL
    return Finding(counted.share, np.nan, np.nan, counted.words, verdict, verdict, _detectable(evidence, found, of))


def _detectable(evidence: Evidence, found: Sequence[Quantity], of: Sequence[str]) -> str:
    """The smallest difference that the test could show, for each column the largest of those compared: "SRCC 0.051, MAE 0.04"."""
    largest: dict[str, float] = {}
    for quantity, name in zip(found, of, strict=False):
        if not np.isnan(quantity.detectable):
            largest[name] = max(largest.get(name, 0.0), quantity.detectable)
    titles = {column.name: column for column in columns_of(evidence.sets.values())}
    several = len({titles[name].group for name in largest if name in titles}) > 1
    words = []
    for name, least in largest.items():
        column = titles.get(name)
        title = name if column is None else f"{column.group} {column.title}" if several else column.title
        words.append(f"{title} {least:.2g}")
    return ", ".join(words)


def _with_detectable(quantity: Quantity, confidence: float) -> Quantity:
    """With the smallest value that the test could show, from the width of the interval: (z + z of `POWER`) standard errors."""
    half, z = (quantity.high - quantity.low) / 2, ndtri((1 + confidence) / 2)
    return quantity._replace(detectable=float(half * (z + ndtri(POWER)) / z))


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if np.isfinite(share) else f"more than {100 * FARTHEST:.0f} %"
