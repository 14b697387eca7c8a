"""How well the pretext tasks were learnt, counted photo by photo, so that memory does not grow with their number.

Each class takes one photo's outputs at a time (`add`) and gives a small table at the end (`frame`).
"""

import numpy as np
import pandas as pd

from aesthetic_pretraining.distortions import ASPECTS, DISTORTIONS, VARIANTS, anchor_index, indices, norm
from aesthetic_pretraining.proportions import CONFIDENCE, with_shares


def ladder(distortion: str) -> list[tuple[int, int]]:
    """(level, position in `VARIANTS`) of a distortion by rising level, its anchor as level 0 included."""
    return sorted([(0, anchor_index(distortion)), *((VARIANTS[i].level, i) for i in indices(distortion))])


def steps() -> list[tuple[str, int, int, int]]:
    """(distortion, level, position of the level before it, its own position): every pair of neighbouring levels of one side.

    The level before is one nearer to 0; the ranking task (equation 1) wants its score to be the higher one.
    """
    found = []
    for distortion in DISTORTIONS:
        place = dict(ladder(distortion))
        found += [(distortion, k, place[k - (1 if k > 0 else -1)], place[k]) for k in place if k]
    return found


class RankingAccuracy:
    """Share of photos whose neighbouring levels a network's score puts in the right order; equal scores are not right."""

    def __init__(self) -> None:
        self.pairs = steps()
        self.before, self.after = np.array([[before, after] for _, _, before, after in self.pairs]).T
        self.right: dict[str, np.ndarray] = {}
        self.photos: dict[str, int] = {}
        self.spread: dict[str, tuple[float, float]] = {}  # mean of the photos' shares, sum of squares around it

    def add(self, task: str, scores: np.ndarray) -> None:
        """scores: (174,), of one photo's pictures in the order of `VARIANTS`."""
        right = scores[self.before] > scores[self.after]
        self.right[task] = self.right.get(task, 0) + right
        self.photos[task] = count = self.photos.get(task, 0) + 1
        mean, squares = self.spread.get(task, (0.0, 0.0))  # Welford (1962)
        off = right.mean() - mean
        self.spread[task] = mean + off / count, squares + off * off * (count - 1) / count

    def pooled(self) -> pd.DataFrame:
        """Columns task, photos, accuracy (share of all pairs), low, high (95 %, Student's t over the photos; empty for one).

        The pairs of one photo are no independent answers, so that Wilson's interval over all pairs would be far too narrow.
        """
        from scipy.stats import t  # here, because its import takes seconds

        rows = []
        for task, (mean, squares) in self.spread.items():
            count = self.photos[task]
            half = t.ppf(0.5 + CONFIDENCE / 2, count - 1) * np.sqrt(squares / (count - 1) / count) if count > 1 else np.nan
            rows.append((task, count, mean, mean - half, mean + half))
        return pd.DataFrame(rows, columns=["task", "photos", "accuracy", "low", "high"])

    def frame(self) -> pd.DataFrame:
        """Columns task, distortion, level (the further one of the two), photos, right, share, low, high (Wilson, 95 %)."""
        rows = [
            (task, distortion, level, self.photos[task], int(right))
            for task, counts in self.right.items()
            for (distortion, level, _, _), right in zip(self.pairs, counts, strict=True)
        ]
        return with_shares(pd.DataFrame(rows, columns=["task", "distortion", "level", "photos", "right"]), "right", "photos")


class Confusion:
    """Which distortion of its aspect each classification head names (Appendix D); originals take no part."""

    def __init__(self) -> None:
        self.names = {aspect: [name for name, d in DISTORTIONS.items() if d.aspect == aspect] for aspect in ASPECTS}
        self.counts = {
            (aspect, name, VARIANTS[i].level): np.zeros(len(self.names[aspect]), int)
            for aspect in ASPECTS
            for name in self.names[aspect]
            for i in indices(name)
        }
        self.photos = 0

    def add(self, logits: dict[str, np.ndarray]) -> None:
        """logits: {aspect: (174, distortions of the aspect)} of one photo; other heads are passed over."""
        for aspect, names in self.names.items():
            answers = logits[aspect].argmax(axis=1)
            for name in names:
                for i in indices(name):
                    self.counts[aspect, name, VARIANTS[i].level][answers[i]] += 1
        self.photos += 1

    def frame(self) -> pd.DataFrame:
        """Columns aspect, applied, level, answered, photos: how many photos got that answer, zeros included.

        No rows if no photo was added.
        """
        rows = [
            (aspect, applied, level, answered, int(count))
            for (aspect, applied, level), counts in self.counts.items()
            for answered, count in zip(self.names[aspect], counts, strict=True)
            if self.photos
        ]
        return pd.DataFrame(rows, columns=["aspect", "applied", "level", "answered", "photos"])


class CrossResponse:
    """How each intensity output answers to each distortion: all 21 x 21 of Figure 4's panels in two numbers each.

    Both are taken within photos (each photo's mean over the levels is subtracted), because photos differ in how bright,
    noisy or wide they look before anything is done to them.
    """

    def __init__(self) -> None:
        self.ladders = {name: ladder(name) for name in DISTORTIONS}
        size = len(DISTORTIONS)
        self.photos, self.xx, self.xy, self.yy = 0, np.zeros(size), np.zeros((size, size)), np.zeros((size, size))

    def add(self, outputs: np.ndarray) -> None:
        """outputs: (174, 21), of one photo's pictures, in the registry's orders."""
        for k, (name, levels) in enumerate(self.ladders.items()):
            x = np.array([norm(name, level) for level, _ in levels])
            y = outputs[[i for _, i in levels]].astype(float)
            x, y = x - x.mean(), y - y.mean(axis=0)
            self.xx[k] += x @ x
            self.xy[k] += x @ y
            self.yy[k] += (y * y).sum(axis=0)
        self.photos += 1

    def frame(self) -> pd.DataFrame:
        """Columns applied, output, photos, slope (change of the output over norm(level) of equation 3), correlation (-1..1).

        The correlation is empty where the output never changes. No rows if no photo was added.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            slope = self.xy / self.xx[:, None]
            correlation = np.where(self.yy > 0, self.xy / np.sqrt(self.xx[:, None] * self.yy), np.nan)
        rows = [
            (applied, output, self.photos, slope[k, m], correlation[k, m])
            for k, applied in enumerate(DISTORTIONS)
            for m, output in enumerate(DISTORTIONS)
            if self.photos
        ]
        return pd.DataFrame(rows, columns=["applied", "output", "photos", "slope", "correlation"])
