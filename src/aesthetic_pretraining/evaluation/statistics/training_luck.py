"""The variation between training runs ("luck"): the second part of every interval, after images (docs/statistics.md).

A row of Table 2 is the mean of training runs that differ in their pretraining seed and, for each of those, in their fine-tuning
seed. `sample` resamples images and seeds together. Images are bootstrapped directly. Seeds are too few for that: with n of them, a
bootstrap has (n - 1) / n of the right variance, and normal ends where the mean of n values needs Student's. So a resample weights
the seeds' deviations from their mean by normal random numbers with corrected variance, and every part (images, fine-tuning,
pretraining) is stretched by the ratio of Student's quantile, for its number of levels, to the normal one. The half-widths of the
parts then add in quadrature, which keeps at most the nominal error level in a nested design of normal effects of any size
(test_training_luck.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.special import ndtri
from scipy.stats import chi2, t

from aesthetic_pretraining.evaluation.statistics.bootstrap import Panel, bootstrap
from aesthetic_pretraining.initialisations import BASELINE
from aesthetic_pretraining.seeding import seeded_int

RIDGE = f"{BASELINE}_ridge"  # as a row: ridge regression on ImageNet's frozen features, which no seed changes
FEWEST_SEEDS = 3  # ASSUME: with fewer, an interval is useless: Student's quantile is 12.7 for two
FEWEST_CLUSTERS = 3
CAUTIOUS = 0.25  # ASSUME: the quantile of the variance explained by images that is subtracted from that of the seeds
INTERVAL_KINDS = ("seeds_and_images", "images")  # of report.interval
IMAGES, SEEDS = "images", "seeds"
PRETRAINING, FINETUNING = "pretraining seeds", "fine-tuning seeds"


@dataclass(frozen=True)
class Trainings:
    """The training runs of one row: initialisation, (pretraining seed, fine-tuning seed) of each of its T runs, their columns (T,)."""

    init: str
    seeds: tuple[tuple[int, int], ...]
    columns: np.ndarray

    @cached_property
    def pretrainings(self) -> tuple[int, ...]:
        """Pretraining seeds, ascending."""
        return tuple(sorted({pretraining for pretraining, _ in self.seeds}))

    @cached_property
    def finetunings(self) -> tuple[int, ...]:
        """Fine-tuning seeds, ascending."""
        return tuple(sorted({seed for _, seed in self.seeds}))

    @cached_property
    def complete(self) -> bool:
        """Whether every pretraining was fine-tuned exactly once with every seed."""
        return len(self.seeds) == len(set(self.seeds)) == len(self.pretrainings) * len(self.finetunings)

    @cached_property
    def weights(self) -> np.ndarray:
        """(T,): the weight of each run in the row's mean; pretrainings count equally, however often they were fine-tuned."""
        size = {p: sum(each == p for each, _ in self.seeds) for p in self.pretrainings}
        return np.array([1 / (size[p] * len(size)) for p, _ in self.seeds])

    @cached_property
    def levels(self) -> dict[str, np.ndarray]:
        """{PRETRAINING or FINETUNING: (levels, T)}: for each effect that can be resampled, the contrast of each level with the row's mean."""
        found = {}
        if len(self.pretrainings) >= FEWEST_SEEDS:
            found[PRETRAINING] = np.array([[p == each for p, _ in self.seeds] for each in self.pretrainings], float)
        if len(self.finetunings) >= FEWEST_SEEDS and self.complete:
            found[FINETUNING] = np.array([[s == each for _, s in self.seeds] for each in self.finetunings], float)
        return {kind: members / members.sum(axis=1, keepdims=True) - self.weights for kind, members in found.items()}

    @cached_property
    def missing(self) -> frozenset[str]:
        """The kinds of seeds whose variation this row cannot show; ImageNet has no pretraining seeds, its weights are one file."""
        needed = {BASELINE: {FINETUNING}, RIDGE: set()}.get(self.init, {FINETUNING, PRETRAINING})
        return frozenset(needed - self.levels.keys())


@dataclass(frozen=True)
class Sampled:
    """A resampled test set.

    Attributes:
        rows: the G rows. clusters: number of independent images or scenes. seeds: whether seeds were resampled, too.
        value: {metric: (G,)}. resampled: {metric: (B, G)}, each part stretched for its number of levels; NaN if undefined.
        runs: {metric: (R,)}, of each run.
    """

    rows: Sequence[Trainings]
    clusters: int
    seeds: bool
    value: dict[str, np.ndarray]
    resampled: dict[str, np.ndarray]
    runs: dict[str, np.ndarray]

    def over(self, *rows: int) -> str:
        """What an interval of these rows, or of their difference, is over, as text."""
        luck = known_luck(*(self.rows[k] for k in rows)) if self.seeds else ""
        return f"{luck} and images" if luck else IMAGES

    def freedom(self, *rows: int) -> int:
        """The smallest degrees of freedom of all parts, the conservative choice for converting to another confidence level."""
        sizes = [len(levels) for k in rows for levels in self.rows[k].levels.values()] if self.seeds else []
        return min(self.clusters, *sizes) - 1 if sizes else self.clusters - 1


def sample(
    panel: Panel,
    rows: Sequence[Trainings],
    clusters: np.ndarray,
    *,
    resamples: int,
    seed: int,
    confidence: float,
    kind: str = INTERVAL_KINDS[0],
) -> Sampled:
    """Resample images and, with `kind` "seeds_and_images", seeds of one test set.

    Args:
        rows: each of the panel's runs belongs to one of them.
        clusters: (N,), the cluster of each image (`bootstrap.draws`).
        confidence: of the percentile intervals to be taken of the result; Student's quantiles depend on it.
    Raises: ValueError for an unknown kind.
    """
    runs, drawn = bootstrap(panel, clusters, resamples, seed)
    return combine(rows, runs, drawn, int(clusters.max()) + 1, seed=seed, confidence=confidence, kind=kind)


def combine(
    rows: Sequence[Trainings],
    runs: dict[str, np.ndarray],
    drawn: dict[str, np.ndarray],
    clusters: int,
    *,
    seed: int,
    confidence: float,
    kind: str = INTERVAL_KINDS[0],
) -> Sampled:
    """`sample`, given each metric of each run, {metric: (R,)}, and the same in resamples of `clusters` clusters, {metric: (B, R)}."""
    if kind not in INTERVAL_KINDS:
        raise ValueError(f"unknown kind of interval {kind!r}, known: {', '.join(INTERVAL_KINDS)}")
    value = {metric: np.array([values[row.columns] @ row.weights for row in rows]) for metric, values in runs.items()}
    resampled = {}
    for metric, values in drawn.items():
        if clusters < FEWEST_CLUSTERS:
            resampled[metric] = np.full((len(values), len(rows)), np.nan)
            continue
        # the variance of a bootstrap is too small over images, just as over seeds
        moved = (values - runs[metric]) * np.sqrt(clusters / (clusters - 1))
        of_pictures = np.stack([moved[:, row.columns] @ row.weights for row in rows], axis=1)
        resampled[metric] = value[metric] + of_pictures * stretch(clusters, confidence)
        if kind == INTERVAL_KINDS[0]:
            resampled[metric] += _luck(rows, runs[metric], moved, seed, confidence)
    return Sampled(rows, clusters, kind == INTERVAL_KINDS[0], value, resampled, runs)


def stretch(levels: int, confidence: float) -> float:
    """The ratio of Student's two-sided quantile for the mean of `levels` values to the normal one."""
    tail = (1 + confidence) / 2
    return float(t.ppf(tail, levels - 1) / ndtri(tail))


def _luck(rows: Sequence[Trainings], runs: np.ndarray, moved: np.ndarray, seed: int, confidence: float) -> np.ndarray:
    """What other seeds add to each row's mean in each resample: (B, G).

    Rows with the same fine-tuning seeds have the random weights in common, so that what a seed does to both cancels in their
    difference; likewise for the shares of the labels of one initialisation and its pretraining seeds.

    Args:
        runs: (R,). moved: (B, R), how far the resampled images move each run.
    """
    added = np.zeros((len(moved), len(rows)))
    for kind in (FINETUNING, PRETRAINING):
        affected = [k for k, row in enumerate(rows) if kind in row.levels]
        part = real_share([rows[k] for k in affected], kind, runs, moved)
        for k in affected:
            row, levels = rows[k], rows[k].levels[kind]
            names = row.finetunings if kind == FINETUNING else (row.init, *row.pretrainings)
            random = np.random.default_rng(seeded_int("luck", seed, kind, *names)).standard_normal((len(moved), len(levels)))
            deviations = levels @ runs[row.columns]
            scale = np.sqrt(part / (len(levels) * (len(levels) - 1))) * stretch(len(levels), confidence)
            added[:, k] += random @ deviations * scale
    return added


def real_share(rows: Sequence[Trainings], kind: str, runs: np.ndarray, moved: np.ndarray) -> float:
    """The fraction, 0..1, of the variance between an effect's levels that is not already in the variation over images.

    Two training runs differ on a test set because one is better, and because they err on different images. The second part is
    already in the resampled images; counted twice, it would widen the intervals of small test sets by up to a half. For pretraining
    seeds, the variance explained by their fine-tuning seeds is subtracted likewise. Estimated over all rows together, and cautiously
    (`CAUTIOUS`). 1 if nothing is known.
    """
    total: Any = 0.0
    explained: Any = 0.0
    freedom = 0.0
    for row in rows:
        levels, mine, other = row.levels[kind], runs[row.columns], moved[:, row.columns]
        known = _between(levels, mine), _between(levels, other).mean()
        if kind == PRETRAINING and FINETUNING in row.levels:  # minus the residual of both effects
            rest = np.eye(len(mine)) - row.weights - sum(_spread_out(row, each) for each in row.levels)
            degrees = (len(row.pretrainings) - 1) * (len(row.finetunings) - 1)
            left, left_drawn = (((rest @ each.T) ** 2).sum(axis=0).mean() / degrees / len(mine) for each in (mine[None], other))
            known = known[0], known[1] + left - left_drawn
        if np.isfinite(known).all():
            total, explained, freedom = total + known[0], explained + known[1], freedom + len(levels) - 1
    if total <= 0:
        return 1.0
    return float(np.clip(1 - explained / total * chi2.ppf(CAUTIOUS, freedom) / freedom, 0, 1))


def _between(levels: np.ndarray, runs: np.ndarray) -> np.ndarray:
    """Variance of the mean over the levels, estimated from their differences; runs (..., T)."""
    return ((runs @ levels.T) ** 2).sum(axis=-1) / (len(levels) * (len(levels) - 1))


def _spread_out(row: Trainings, kind: str) -> np.ndarray:
    """(T, T): the contrast of each run's level of an effect with the row's mean."""
    place = {p: k for k, p in enumerate(row.pretrainings if kind == PRETRAINING else row.finetunings)}
    return row.levels[kind][[place[seeds[kind == FINETUNING]] for seeds in row.seeds]]


def known_luck(*rows: Trainings) -> str:
    """The kinds of seeds whose variation the rows show, as text: all, one kind, or none ("")."""
    missing = frozenset().union(*(row.missing for row in rows))
    return SEEDS if not missing else "".join({kind for row in rows for kind in row.levels} - missing)


def mean_interval(row: Trainings, runs: np.ndarray, confidence: float) -> tuple[float, float]:
    """Interval over seeds only, (low, high), for the mean of a quantity that does not vary over images, such as epochs.

    Like `sample` without images. NaN if no kind of seed has at least `FEWEST_SEEDS` values.
    """
    values = np.asarray(runs, float)[row.columns]
    mean = float(values @ row.weights)
    if not row.levels:
        return np.nan, np.nan
    alone = Trainings(row.init, row.seeds, np.arange(len(values)))
    share = {kind: real_share([alone], kind, values, np.zeros((1, len(values)))) for kind in row.levels}
    parts = [
        share[kind] * _between(levels, values) * (stretch(len(levels), confidence) * ndtri((1 + confidence) / 2)) ** 2
        for kind, levels in row.levels.items()
    ]
    half = float(np.sqrt(sum(parts)))
    return mean - half, mean + half


def next_training(row: Trainings, runs: np.ndarray, confidence: float) -> tuple[float, float]:
    """Prediction interval of one more training run, evaluated on the same images.

    Student's prediction interval: with n fine-tuning seeds, mean +- t (n - 1 degrees of freedom) * standard deviation *
    sqrt(1 + 1 / n). With three or more pretraining seeds, the variances of pretraining, fine-tuning and residual are estimated
    (two-way analysis of variance) and combined accordingly, with Satterthwaite's degrees of freedom; with one or two, the interval
    is over fine-tuning only.

    Args:
        runs: (R,), the metric of every run of the panel, or (T,) of this row's runs if `columns` refers to those.
    Returns: low, high; NaN for fewer than `FEWEST_SEEDS` fine-tuning seeds, or an undefined metric.
    """
    values = np.asarray(runs, float)[row.columns]
    if FINETUNING not in row.levels or np.isnan(values).any():
        return np.nan, np.nan
    p, s = len(row.pretrainings), len(row.finetunings)
    order = sorted(range(len(values)), key=lambda k: row.seeds[k])
    table = values[order].reshape(p, s)
    if PRETRAINING in row.levels:
        of_p, of_s = s * table.mean(axis=1).var(ddof=1), p * table.mean(axis=0).var(ddof=1)
        rest = table - table.mean(axis=1, keepdims=True) - table.mean(axis=0) + table.mean()
        of_rest = (rest**2).sum() / ((p - 1) * (s - 1))
        weight_p, weight_s = (1 + 1 / p) / s * (of_p > of_rest), (1 + 1 / s) / p * (of_s > of_rest)
        parts = weight_p * of_p, weight_s * of_s, (1 + 1 / (p * s) - weight_p - weight_s) * of_rest
        variance = sum(parts)
        squares = [part**2 / df for part, df in zip(parts, (p - 1, s - 1, (p - 1) * (s - 1)), strict=True)]
        freedom = variance**2 / sum(squares) if variance > 0 else s - 1
    else:
        variance, freedom = table.var(axis=1, ddof=1).mean() * (1 + 1 / s), s - 1
    half = t.ppf((1 + confidence) / 2, freedom) * np.sqrt(variance)
    mean = float(values @ row.weights)
    return mean - half, mean + half
