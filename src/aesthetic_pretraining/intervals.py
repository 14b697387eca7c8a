"""Every metric of every row with its interval, and every difference between two rows with its own (docs/statistics.md).

`estimate` makes two frames out of saved predictions: the values, each with its difference to the ImageNet row at the same
share of the labels; and the differences of all pairs of rows. Table 2, the figures and the claims read their intervals here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.special import ndtri

from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.files import seeded_int
from aesthetic_pretraining.metrics import per_picture
from aesthetic_pretraining.names import BASELINE
from aesthetic_pretraining.pairing import Member, Row, frames_of, odd_rows, rows_of
from aesthetic_pretraining.runs import Run
from aesthetic_pretraining.uncertainty import Bootstrap, Panel, bootstrap, interval

POWER = 0.8  # ASSUME: the usual chance of seeing a difference that is there
VALUES = [
    *("init", "share", "dataset", "metric", "seeds", "pictures", "value", "low", "high"),
    *("difference", "diff_low", "diff_high", "detectable", "problem"),
]
DIFFERENCES = ["init", "share", "other", "other_share", "dataset", "metric", "difference", "low", "high"]
UNDEFINED = "undefined: fewer than three pictures, or scores that are all equal"
UNDEFINED_RESAMPLE = "no interval: undefined in a resample, there are too few pictures"


@dataclass(frozen=True)
class IntervalConfig:
    """params.yaml: report.resamples, report.confidence (0..1), report.interval ("percentile" or "bca"), seed."""

    resamples: int
    confidence: float
    interval: str
    seed: int


def estimate(predictions: Mapping[Run, pd.DataFrame], config: IntervalConfig) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Intervals of all metrics of all rows, and of all differences between rows.

    Args:
        predictions: prediction frames by run (`metrics.read_predictions`); the seeds of one row are averaged.
    Returns: frames with the columns `VALUES` and `DIFFERENCES`. `difference` is the row less ImageNet's at the same share,
        in the metric's unit; `detectable` is the smallest such difference that this test set shows with a chance of `POWER`.
        A row that scored other pictures, or a metric that is undefined, has empty numbers and a `problem` that says why.
    Raises: UserError if not even ImageNet's own predictions can be used.
    """
    values, differences = [], []
    for dataset in dict.fromkeys(run.dataset for run in predictions):
        rows = rows_of(predictions, dataset)
        problems = odd_rows(rows)
        sound = {row: members for row, members in rows.items() if row not in problems}
        if not sound:
            raise UserError(
                f"{dataset}: {BASELINE}'s predictions cannot be used, {problems.popitem()[1]}; run again with --forcerun predict"
            )
        panel = panel_of(sound, dataset)
        # every set has its own draws, whatever other sets there are
        result = bootstrap(panel, config.resamples, seeded_int("intervals", config.seed, dataset), config.interval)
        for metric in result.value:
            table = _values(result, metric, list(sound), config.confidence)
            for row, members in rows.items():
                head = (*row, dataset, metric, len(members), len(members[0].frame))
                values.append((*head, *([np.nan] * 7), problems[row]) if row in problems else (*head, *table[row]))
            differences += [
                (*first, *second, dataset, metric, *numbers)
                for (first, second), numbers in _differences(result, metric, list(sound), config.confidence).items()
            ]
    return pd.DataFrame(values, columns=VALUES), pd.DataFrame(differences, columns=DIFFERENCES)


def panel_of(rows: Mapping[Row, Sequence[Member]], dataset: str) -> Panel:
    """The rows' predictions as arrays, aligned by picture."""
    frames = [frame for row in rows.values() for frame in frames_of(row)]
    means = [per_picture(frame, dataset) for frame in frames]
    counts = [len(row) for row in rows.values()]
    return Panel(
        frames[0]["target"].to_numpy(float),
        np.stack([frame["predicted"].to_numpy(float) for frame in frames], axis=1),
        {name: np.stack([mean[name] for mean in means], axis=1) for name in means[0]},
        np.split(np.arange(len(frames)), np.cumsum(counts)[:-1]),
    )


def _values(result: Bootstrap, metric: str, rows: list[Row], confidence: float) -> dict[Row, tuple]:
    """{row: value, its ends, difference to ImageNet, its ends, what is detectable, problem}."""
    value, low, high = _interval(result, metric, np.arange(len(rows)), None, confidence)
    base = np.array([rows.index((BASELINE, share)) if (BASELINE, share) in rows else -1 for _, share in rows])
    compared = np.array([k for k in range(len(rows)) if base[k] not in (-1, k)], int)
    difference = np.full((4, len(rows)), np.nan)
    if len(compared):
        difference[:3, compared] = _interval(result, metric, compared, base[compared], confidence)
        resampled = result.resampled[metric]
        error = (resampled[:, compared] - resampled[:, base[compared]]).std(axis=0, ddof=1)
        # without any spread nothing is known of what would show
        difference[3, compared] = (ndtri((1 + confidence) / 2) + ndtri(POWER)) * np.where(error > 0, error, np.nan)
    problem = np.where(np.isnan(value), UNDEFINED, np.where(np.isnan(low), UNDEFINED_RESAMPLE, ""))
    return dict(zip(rows, zip(value, low, high, *difference, problem, strict=True), strict=True))


def _differences(result: Bootstrap, metric: str, rows: list[Row], confidence: float) -> dict[tuple[Row, Row], tuple]:
    """{(row, other row): difference and its ends} of all pairs."""
    pairs = np.array(list(combinations(range(len(rows)), 2)), int).reshape(-1, 2)
    numbers = _interval(result, metric, *pairs.T, confidence)
    return {(rows[a], rows[b]): found for (a, b), found in zip(pairs, zip(*numbers, strict=True), strict=True)}


def _interval(
    result: Bootstrap, metric: str, of: np.ndarray, less: np.ndarray | None, confidence: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """value, low, high (K,) of the rows `of`, or of their differences to the rows `less`."""

    def pick(values: np.ndarray) -> np.ndarray:
        return values[..., of] if less is None else values[..., of] - values[..., less]

    value = pick(result.value[metric])
    jackknife = None if result.jackknife is None else pick(result.jackknife[metric])
    return value, *interval(value, pick(result.resampled[metric]), confidence, jackknife)
