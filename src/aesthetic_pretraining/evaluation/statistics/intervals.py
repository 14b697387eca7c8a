"""Intervals of every metric of every row and of every difference between two rows (docs/statistics.md).

`estimate` makes two frames from saved predictions: the values, each with its difference to the ImageNet row at the same share of
the labels, and the differences of all pairs of rows. Table 2, the figures and the claims take their intervals from these.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import ndtri

from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.evaluation.metrics import per_picture
from aesthetic_pretraining.evaluation.predictions import Member, Row, frames_of, odd_rows, rows_of
from aesthetic_pretraining.evaluation.runs import Run
from aesthetic_pretraining.evaluation.scenes import clusters
from aesthetic_pretraining.evaluation.statistics.bootstrap import Panel, interval
from aesthetic_pretraining.evaluation.statistics.training_luck import (
    FEWEST_CLUSTERS,
    Sampled,
    Trainings,
    known_luck,
    next_training,
    sample,
)
from aesthetic_pretraining.initialisations import BASELINE
from aesthetic_pretraining.seeding import seeded_int
from aesthetic_pretraining.settings.intervals import IntervalConfig
from aesthetic_pretraining.settings.labels import Labels

POWER = 0.8  # ASSUME: the usual statistical power
NUMBERS = ["value", "low", "high", "difference", "diff_low", "diff_high", "detectable", "next_low", "next_high"]
INTERVAL_COLUMNS = [
    "init",
    "share",
    "dataset",
    "metric",
    "seeds",
    "pictures",
    *NUMBERS,
    "over",
    "diff_over",
    "next_over",
    "problem",
]
DIFFERENCES = [
    *("init", "share", "other", "other_share", "dataset", "metric"),
    *("difference", "low", "high", "df", "over", "detectable"),
]
RANGES = {"lcc": (-1, 1), "srcc": (-1, 1), "acc": (0, 1)}  # other metrics: 0 to infinity
UNDEFINED = "undefined: fewer than three images, or all scores are equal"
UNDEFINED_RESAMPLE = "no interval: undefined in a resample because there are too few images"
FEW_SCENES = f"no interval: the images show fewer than {FEWEST_CLUSTERS} scenes"


class TestSet(NamedTuple):
    """A resampled test set: all rows, {row that cannot be compared: reason}, and the resamples of the others, in their order."""

    rows: dict[Row, list[Member]]
    problems: dict[Row, str]
    sampled: Sampled

    @property
    def sound(self) -> list[Row]:
        """The rows that were resampled."""
        return [row for row in self.rows if row not in self.problems]


def resample(predictions: Mapping[Run, pd.DataFrame], config: IntervalConfig, labels: Labels) -> dict[str, TestSet]:
    """{test set: its resamples}, from prediction frames by run (`predictions.read_predictions`).

    Images of one scene are drawn together; in a frame without column `scene`, every image is its own.

    Raises: UserError if not even ImageNet's own predictions can be used.
    """
    found = {}
    for dataset in dict.fromkeys(run.dataset for run in predictions):
        rows = rows_of(predictions, dataset)
        problems = odd_rows(rows)
        sound = {row: members for row, members in rows.items() if row not in problems}
        if not sound:
            raise UserError(
                f"{dataset}: {BASELINE}'s predictions cannot be used, {problems.popitem()[1]}; run again with --forcerun predict"
            )
        first = next(iter(sound.values()))[0].frame
        sampled = sample(
            panel_of(sound, dataset, labels),
            trainings_of(sound),
            clusters(first["scene"] if "scene" in first else first["id"]),
            resamples=config.resamples,
            # a set's draws do not depend on which other sets there are
            seed=seeded_int("intervals", config.seed, dataset),
            confidence=config.confidence,
            kind=config.interval,
        )
        found[dataset] = TestSet(rows, problems, sampled)
    return found


def estimate(
    predictions: Mapping[Run, pd.DataFrame], config: IntervalConfig, labels: Labels
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """`tables` of `resample`."""
    return tables(resample(predictions, config, labels), config.confidence)


def tables(sets: Mapping[str, TestSet], confidence: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Intervals of all metrics of all rows, and of all differences between rows.

    Returns: frames with the columns `INTERVAL_COLUMNS` and `DIFFERENCES`. `difference` is the row minus ImageNet's at the same share,
        in the metric's unit; `detectable` is the smallest difference that this test shows with power `POWER`; `next_low` and
        `next_high` are the prediction interval of one more training run on the same images (`training_luck.next_training`). `over`,
        `diff_over`, `next_over` state what an interval is over: unless it is "seeds and images", some variation between training runs
        is missing. `df`: degrees of freedom, for other confidence levels. A row evaluated on other images, or an undefined metric,
        has empty numbers and a `problem` that says why.
    """
    values: list[dict[str, object]] = []
    differences: list[tuple] = []
    for dataset, test in sets.items():
        for metric in test.sampled.value:
            table = _values(test, metric, confidence)
            for row, members in test.rows.items():
                head = dict(zip(INTERVAL_COLUMNS, (*row, dataset, metric, len(members), len(members[0].frame)), strict=False))
                values.append(head | table.get(row, {"problem": test.problems.get(row)}))
            differences += [
                (*first, *second, dataset, metric, *rest) for first, second, *rest in _pairs(test, metric, confidence)
            ]
    return pd.DataFrame(values, columns=INTERVAL_COLUMNS), pd.DataFrame(differences, columns=DIFFERENCES)


def panel_of(rows: Mapping[Row, Sequence[Member]], dataset: str, labels: Labels) -> Panel:
    """The rows' predictions as arrays, aligned by image, in the rows' order."""
    frames = [frame for row in rows.values() for frame in frames_of(row)]
    means = [per_picture(frame, dataset, labels) for frame in frames]
    return Panel(
        frames[0]["target"].to_numpy(float),
        np.stack([frame["predicted"].to_numpy(float) for frame in frames], axis=1),
        {name: np.stack([mean[name] for mean in means], axis=1) for name in means[0]},
    )


def trainings_of(rows: Mapping[Row, Sequence[Member]]) -> list[Trainings]:
    """The training runs behind the columns of `panel_of`, row by row."""
    ends = np.cumsum([0, *map(len, rows.values())])
    return [
        Trainings(init, tuple((member.pretraining, member.seed) for member in members), np.arange(first, last))
        for ((init, _), members), first, last in zip(rows.items(), ends, ends[1:], strict=False)
    ]


def _values(test: TestSet, metric: str, confidence: float) -> dict[Row, dict]:
    """{row: its numbers and texts in `INTERVAL_COLUMNS`}."""
    rows, sampled = test.sound, test.sampled
    value, low, high = _interval(sampled, metric, np.arange(len(rows)), None, confidence)
    low, high = np.clip((low, high), *RANGES.get(metric, (0, np.inf)))
    base = [rows.index((BASELINE, share)) if (BASELINE, share) in rows else None for _, share in rows]
    found = {}
    for k, row in enumerate(rows):
        numbers = dict(zip(("value", "low", "high", "over"), (value[k], low[k], high[k], sampled.over(k)), strict=True))
        numbers |= {"problem": ""}
        if np.isnan(low[k]):
            few = sampled.clusters < FEWEST_CLUSTERS
            numbers |= {"over": "", "problem": UNDEFINED if np.isnan(value[k]) else FEW_SCENES if few else UNDEFINED_RESAMPLE}
        reference = base[k]
        if reference is not None and reference != k:
            one, other = np.array([k]), np.array([reference])
            difference = np.concatenate(_interval(sampled, metric, one, other, confidence))
            numbers |= dict(zip(("difference", "diff_low", "diff_high"), difference, strict=True))
            numbers |= {"detectable": _detectable(sampled, metric, one, other, confidence)[0]}
            numbers |= {"diff_over": sampled.over(k, reference) if not np.isnan(difference[1]) else ""}
        numbers |= dict(
            zip(("next_low", "next_high"), next_training(sampled.rows[k], sampled.runs[metric], confidence), strict=True)
        )
        numbers |= {"next_over": known_luck(sampled.rows[k]) if not np.isnan(numbers["next_low"]) else ""}
        found[row] = numbers
    return found


def _pairs(test: TestSet, metric: str, confidence: float) -> list[tuple]:
    """(row, other row, difference, its low and high end, degrees of freedom, over, detectable) of all pairs."""
    rows, sampled = test.sound, test.sampled
    pairs = np.array(list(combinations(range(len(rows)), 2)), int).reshape(-1, 2)
    compared = sampled, metric, pairs[:, 0], pairs[:, 1], confidence
    numbers, seen = zip(*_interval(*compared), strict=True), _detectable(*compared)
    return [
        (rows[a], rows[b], *found, sampled.freedom(a, b), sampled.over(a, b), detectable)
        for (a, b), found, detectable in zip(pairs, numbers, seen, strict=True)
    ]


def to_one(test: TestSet, metric: str, other: Row, confidence: float) -> list[tuple]:
    """(row, difference to the row `other`, its low and high end, over, detectable) of all other rows that can be compared."""
    rows, sampled = test.sound, test.sampled
    last = rows.index(other)
    of = np.array([k for k in range(len(rows)) if k != last])
    compared = sampled, metric, of, np.full_like(of, last), confidence
    numbers, seen = zip(*_interval(*compared), strict=True), _detectable(*compared)
    return [(rows[k], *found, sampled.over(k, last), least) for k, found, least in zip(of, numbers, seen, strict=True)]


def _interval(
    sampled: Sampled, metric: str, of: np.ndarray, less: np.ndarray | None, confidence: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Value, low and high end, (K,) each, of the rows `of`, or of their differences to the rows `less`."""

    def pick(values: np.ndarray) -> np.ndarray:
        return values[..., of] if less is None else values[..., of] - values[..., less]

    value = pick(sampled.value[metric])
    return value, *interval(value, pick(sampled.resampled[metric]), confidence)


def _detectable(sampled: Sampled, metric: str, of: np.ndarray, less: np.ndarray, confidence: float) -> np.ndarray:
    """The smallest differences (K,) of the rows `of` to the rows `less` that are seen with power `POWER`; NaN if nothing varies."""
    resampled = sampled.resampled[metric]
    error = np.array([(resampled[:, a] - resampled[:, b]).std(ddof=1) for a, b in zip(of, less, strict=True)])
    return (ndtri((1 + confidence) / 2) + ndtri(POWER)) * np.where(error > 0, error, np.nan)
