"""Metrics of the pretext tasks, accumulated photo by photo in constant memory.

Each class takes one network's outputs for one photo at a time (`add`) and returns a small table at the end (`frame`). Networks of
one task are distinguished by their pretraining seed.
"""

import numpy as np
import pandas as pd

from aesthetic_pretraining.distortions import ASPECTS, DISTORTIONS, VARIANTS, anchor_index, indices, norm
from aesthetic_pretraining.evaluation.statistics.proportions import CONFIDENCE, with_shares


def first_pretraining(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of a table's first pretraining seed (column pretraining): figures and claims use one network per task."""
    return table[table["pretraining"] == table["pretraining"].iloc[0]] if len(table) else table


def ladder(distortion: str) -> list[tuple[int, int]]:
    """(level, position in `VARIANTS`) of a distortion by ascending level, including its anchor as level 0."""
    return sorted([(0, anchor_index(distortion)), *((VARIANTS[i].level, i) for i in indices(distortion))])


def steps() -> list[tuple[str, int, int, int]]:
    """(distortion, level, position of the previous level, own position) of every pair of adjacent levels on one side.

    The previous level is one step nearer to 0; the ranking task (equation 1) asks for its score to be the higher one.
    """
    found = []
    for distortion in DISTORTIONS:
        place = dict(ladder(distortion))
        found += [(distortion, k, place[k - (1 if k > 0 else -1)], place[k]) for k in place if k]
    return found


def equation_1() -> tuple[list[int], list[int]]:
    """Positions (less distorted, more distorted) of every pair of equation 1: any two levels on one side, 500 pairs."""
    less, more = [], []
    for distortion in DISTORTIONS:
        place = dict(ladder(distortion))
        for side in (-1, 1):
            levels = sorted((k for k in place if k * side >= 0), key=abs)
            pairs = [(i, j) for j in range(len(levels)) for i in range(j)]
            less += [place[levels[i]] for i, _ in pairs]
            more += [place[levels[j]] for _, j in pairs]
    return less, more


class RankingAccuracy:
    """Fraction of photos whose adjacent levels a network's score ranks correctly; equal scores are wrong."""

    def __init__(self) -> None:
        self.pairs = steps()
        self.before, self.after = np.array([[before, after] for _, _, before, after in self.pairs]).T
        self.less, self.more = map(np.array, equation_1())
        self.right: dict[tuple[str, int], np.ndarray] = {}
        self.photos: dict[tuple[str, int], int] = {}
        self.all_right: dict[tuple[str, int], float] = {}  # sum over photos of the fraction of equation 1's pairs
        self.spread: dict[tuple[str, int], tuple[float, float]] = {}  # mean of the photos' fractions, sum of squares around it

    def add(self, task: str, pretraining: int, scores: np.ndarray) -> None:
        """scores: (174,), of one photo's variants in the order of `VARIANTS`, by the network of a task and pretraining seed."""
        right = scores[self.before] > scores[self.after]
        network = (task, pretraining)
        self.right[network] = self.right.get(network, 0) + right
        self.all_right[network] = self.all_right.get(network, 0.0) + (scores[self.less] > scores[self.more]).mean()
        self.photos[network] = count = self.photos.get(network, 0) + 1
        mean, squares = self.spread.get(network, (0.0, 0.0))  # Welford (1962)
        off = right.mean() - mean
        self.spread[network] = mean + off / count, squares + off * off * (count - 1) / count

    def pooled(self) -> pd.DataFrame:
        """Columns task, pretraining, photos, accuracy (of adjacent pairs), low, high, all_pairs (accuracy of equation 1's pairs).

        low, high: 95 % interval, Student's t over photos; empty for one photo. The pairs of one photo are not independent, so that
        Wilson's interval over all pairs would be far too narrow. all_pairs: any two levels on one side, which the ranking loss sums
        over; most are further apart than adjacent levels and so easier to rank.
        """
        from scipy.stats import t  # imported here because it takes seconds

        rows = []
        for network, (mean, squares) in self.spread.items():
            count = self.photos[network]
            half = t.ppf(0.5 + CONFIDENCE / 2, count - 1) * np.sqrt(squares / (count - 1) / count) if count > 1 else np.nan
            rows.append((*network, count, mean, mean - half, mean + half, self.all_right[network] / count))
        return pd.DataFrame(rows, columns=["task", "pretraining", "photos", "accuracy", "low", "high", "all_pairs"])

    def frame(self) -> pd.DataFrame:
        """Columns task, pretraining, distortion, level (of the two, the further one), photos, right, share, low, high (Wilson, 95 %)."""
        rows = [
            (*network, distortion, level, self.photos[network], int(right))
            for network, counts in self.right.items()
            for (distortion, level, _, _), right in zip(self.pairs, counts, strict=True)
        ]
        return with_shares(
            pd.DataFrame(rows, columns=["task", "pretraining", "distortion", "level", "photos", "right"]), "right", "photos"
        )


class Confusion:
    """The distortion of its aspect that each classification head predicts (Appendix D); originals are left out."""

    def __init__(self) -> None:
        self.names = {aspect: [name for name, d in DISTORTIONS.items() if d.aspect == aspect] for aspect in ASPECTS}
        self.counts: dict[int, dict[tuple[str, str, int], np.ndarray]] = {}

    def add(self, pretraining: int, logits: dict[str, np.ndarray]) -> None:
        """logits: {aspect: (174, distortions of the aspect)} of one photo by the network of a pretraining seed; other heads are ignored."""
        counts = self.counts.setdefault(
            pretraining,
            {
                (aspect, name, VARIANTS[i].level): np.zeros(len(self.names[aspect]), int)
                for aspect in ASPECTS
                for name in self.names[aspect]
                for i in indices(name)
            },
        )
        for aspect, names in self.names.items():
            answers = logits[aspect].argmax(axis=1)
            for name in names:
                for i in indices(name):
                    counts[aspect, name, VARIANTS[i].level][answers[i]] += 1

    def frame(self) -> pd.DataFrame:
        """Columns pretraining, aspect, applied, level, answered, photos: the number of photos with that prediction, including zeros.

        No rows if no photo was added.
        """
        rows = [
            (pretraining, aspect, applied, level, answered, int(count))
            for pretraining, table in self.counts.items()
            for (aspect, applied, level), counts in table.items()
            for answered, count in zip(self.names[aspect], counts, strict=True)
        ]
        return pd.DataFrame(rows, columns=["pretraining", "aspect", "applied", "level", "answered", "photos"])


class Sums:
    """Sums over photos of products of one network's outputs and levels, each minus its mean within the photo."""

    def __init__(self) -> None:
        size = len(DISTORTIONS)
        self.photos, self.xx, self.xy, self.yy = 0, np.zeros(size), np.zeros((size, size)), np.zeros((size, size))


class CrossResponse:
    """The response of each intensity output to each distortion: all 21 x 21 panels of Figure 4 in two numbers each.

    Both are computed within photos (each photo's mean over the levels is subtracted), because undistorted photos already differ
    in brightness, noise or width.
    """

    def __init__(self) -> None:
        self.ladders = {name: ladder(name) for name in DISTORTIONS}
        self.sums: dict[int, Sums] = {}

    def add(self, pretraining: int, outputs: np.ndarray) -> None:
        """outputs: (174, 21), of one photo's variants, in the registry's orders, by the network of a pretraining seed."""
        sums = self.sums.setdefault(pretraining, Sums())
        for k, (name, levels) in enumerate(self.ladders.items()):
            x = np.array([norm(name, level) for level, _ in levels])
            y = outputs[[i for _, i in levels]].astype(float)
            x, y = x - x.mean(), y - y.mean(axis=0)
            sums.xx[k] += x @ x
            sums.xy[k] += x @ y
            sums.yy[k] += (y * y).sum(axis=0)
        sums.photos += 1

    def frame(self) -> pd.DataFrame:
        """Columns pretraining, applied, output, photos, slope (of the output over norm(level), equation 3), correlation (-1..1).

        The correlation is empty if the output is constant. No rows if no photo was added.
        """
        rows = []
        for pretraining, sums in self.sums.items():
            with np.errstate(divide="ignore", invalid="ignore"):
                slope = sums.xy / sums.xx[:, None]
                correlation = np.where(sums.yy > 0, sums.xy / np.sqrt(sums.xx[:, None] * sums.yy), np.nan)
            rows += [
                (pretraining, applied, output, sums.photos, slope[k, m], correlation[k, m])
                for k, applied in enumerate(DISTORTIONS)
                for m, output in enumerate(DISTORTIONS)
            ]
        return pd.DataFrame(rows, columns=["pretraining", "applied", "output", "photos", "slope", "correlation"])
