"""What the pretext network's intensity outputs say about a photo: linear discriminant analysis of the 21 outputs.

The outputs of ranking_regression are trained one by one, each against its own distortion (equation 3), so that none knows what it shows
for the others. Their joint distribution over held-out photos, each distorted in every way, is measured by rule `respond`. From it:
every pair (distortion, level) and the undistorted photo are classes with normal distributions of one common covariance.

ASSUME: the covariance is shrunk by a tenth towards its diagonal, because few held-out photos make it; half of all photos are
undistorted, and the rest is spread evenly over the distortions, within each evenly over its levels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from aesthetic_pretraining.use.words import Statement

if TYPE_CHECKING:
    import pandas as pd

SHRINKAGE = 0.1
UNDISTORTED = 0.5  # the share of photos that are
NAMED = 3  # distortions, at most
RELIABLE = 0.5  # ASSUME: the least measured precision of a statement that is ever made
# ASSUME: probabilities from which a distortion may be named; for each, the lowest that makes the statement reliable
TOLD = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
FEWEST = 20  # ASSUME: held-out photos, and statements, below which no measurement counts
GROUPS = 10  # of photos, each read by what the others say
NOTHING = ""  # the class of undistorted photos


@dataclass(frozen=True)
class Reading:
    """A linear reading of intensity outputs.

    Attributes:
        classes: (distortion, level) of each class, the undistorted first, as (NOTHING, 0).
        weights: (D, C); bias: (C,). Log probabilities of the classes are outputs @ weights + bias, up to a constant.
        told: {distortion: probability from which it is named}, of those that may be named.
    """

    classes: tuple[tuple[str, int], ...]
    weights: np.ndarray
    bias: np.ndarray
    told: Mapping[str, float]

    def probabilities(self, outputs: np.ndarray) -> np.ndarray:
        """Outputs (N, D) -> probabilities (N, C) of the classes."""
        logits = np.asarray(outputs, float) @ self.weights + self.bias
        likely = np.exp(logits - logits.max(axis=1, keepdims=True))
        return likely / likely.sum(axis=1, keepdims=True)

    def by_distortion(self, outputs: np.ndarray) -> tuple[list[str], np.ndarray, np.ndarray]:
        """Outputs (N, D) -> distortions, their probabilities (N, D'), and their mean levels if applied (N, D')."""
        names = list(dict.fromkeys(name for name, _ in self.classes if name != NOTHING))
        member = np.array([[name == each for each in names] for name, _ in self.classes], float)
        likely = self.probabilities(outputs)
        total = likely @ member
        levels = likely @ (member * np.array([[level] for _, level in self.classes]))
        return names, total, levels / np.maximum(total, 1e-300)

    def statements(self, outputs: np.ndarray) -> list[tuple[Statement, ...]]:
        """Outputs (N, D) -> for each photo at most NAMED reliable statements, the most probable first."""
        names, total, levels = self.by_distortion(outputs)
        found = []
        for likely, level in zip(total, levels, strict=True):
            best = [k for k in np.argsort(-likely, kind="stable")[:NAMED] if likely[k] >= self.told.get(names[k], np.inf)]
            found.append(tuple(Statement(names[k], round(float(level[k]), 1), round(float(likely[k]), 3)) for k in best))
        return found

    def as_json(self) -> dict[str, Any]:
        """What `of_json` reads; six digits, which is more than the outputs have."""
        return {
            "classes": [list(each) for each in self.classes],
            "weights": [[float(f"{value:.6g}") for value in row] for row in self.weights],
            "bias": [float(f"{value:.6g}") for value in self.bias],
            "told": dict(self.told),
            "named": NAMED,
        }

    @classmethod
    def of_json(cls, value: Mapping[str, Any]) -> "Reading":
        """Raises: KeyError, TypeError, ValueError for anything else."""
        classes = tuple((str(name), int(level)) for name, level in value["classes"])
        weights, bias = np.array(value["weights"], float), np.array(value["bias"], float)
        if weights.shape[1:] != bias.shape or len(bias) != len(classes) or not np.isfinite([*bias, *weights.ravel()]).all():
            raise ValueError("weights, bias and classes do not fit each other")
        return cls(classes, weights, bias, {str(k): float(v) for k, v in value["told"].items()})


@dataclass(frozen=True)
class Responses:
    """Intensity outputs for held-out photos in every variant (columns of rule `respond`'s table), one row for each.

    Attributes:
        outputs: (N, D); photo, distortion: (N,) names; level: (N,), 0 for the anchor of the distortion.
    """

    outputs: np.ndarray
    photo: np.ndarray
    distortion: np.ndarray
    level: np.ndarray

    def __getitem__(self, chosen: np.ndarray) -> "Responses":
        return Responses(self.outputs[chosen], self.photo[chosen], self.distortion[chosen], self.level[chosen])

    @property
    def photos(self) -> list[str]:
        """The photos, in their order."""
        return list(dict.fromkeys(self.photo))


def responses_of(table: "pd.DataFrame") -> Responses:
    """The first pretraining seed's rows of rule `respond`'s table of responses."""
    mine = table[table["pretraining"] == table["pretraining"].iloc[0]]
    names = [column for column in table if column not in ("pretraining", "photo", "distortion", "level")]
    return Responses(mine[names].to_numpy(float), *(mine[column].to_numpy() for column in ("photo", "distortion", "level")))


def fit(seen: Responses, told: Mapping[str, float]) -> Reading:
    """The reading of all classes in `seen`; told: as of `Reading`."""
    clean = seen.level == 0
    classes: list[tuple[str, int]] = [(NOTHING, 0)]
    classes += sorted({(str(d), int(k)) for d, k in zip(seen.distortion[~clean], seen.level[~clean], strict=True)})
    rows = [clean, *((seen.distortion == d) & (seen.level == k) for d, k in classes[1:])]
    means = np.stack([seen.outputs[row].mean(axis=0) for row in rows])
    rest = np.concatenate([seen.outputs[row] - mean for row, mean in zip(rows, means, strict=True)])
    covariance = rest.T @ rest / len(rest)
    covariance = (1 - SHRINKAGE) * covariance + SHRINKAGE * np.diag(np.diag(covariance))
    weights = np.linalg.solve(covariance, means.T)  # Fisher (1936)
    return Reading(tuple(classes), weights, np.log(_prior(classes)) - 0.5 * (means.T * weights).sum(axis=0), told)


def _prior(classes: Sequence[tuple[str, int]]) -> np.ndarray:
    """The share of photos in each class, (C,)."""
    names = [name for name, _ in classes]
    each = (1 - UNDISTORTED) / len(set(names[1:]))
    return np.array([UNDISTORTED, *(each / names.count(name) for name in names[1:])])


@dataclass(frozen=True)
class Assessment:
    """How far a reading is right on photos that it was not made from.

    Attributes:
        photos: how many. top3: share of distorted variants whose distortion is among the NAMED most probable ones; chance: of a guess.
        top3_by: {distortion: the same for its variants alone}.
        told: {distortion: probability from which it may be named}, the lowest of TOLD that makes the statement reliable; without those
            that no probability makes so, and without any from fewer than FEWEST photos.
        precision: {distortion: share of the statements "it was applied" that are right from that probability}, weighted as the prior says.
    """

    photos: int
    top3: float
    chance: float
    top3_by: Mapping[str, float]
    told: Mapping[str, float]
    precision: Mapping[str, float]


def assess(seen: Responses) -> Assessment:
    """Read every photo by what the photos of other groups say (cross-validation over photos), and count.

    Raises: ValueError for fewer than two photos.
    """
    photos = seen.photos
    if len(photos) < 2:
        raise ValueError("one photo says nothing about another")
    group = {photo: k % min(GROUPS, len(photos)) for k, photo in enumerate(photos)}
    which = np.array([group[photo] for photo in seen.photo])
    names: list[str] = []
    likely = np.zeros((len(seen.photo), 0))
    for k in sorted(set(group.values())):
        names, total, _ = fit(seen[which != k], {}).by_distortion(seen.outputs[which == k])
        likely = likely if likely.size else np.zeros((len(seen.photo), len(names)))
        likely[which == k] = total
    best = np.argsort(-likely, axis=1, kind="stable")[:, :NAMED]
    true = np.array([names.index(each) for each in seen.distortion])
    distorted = seen.level != 0
    hit = (best == true[:, None]).any(axis=1)
    weight = _weights(seen, len(names))
    told, precision = {}, {}
    for k, name in enumerate(names if len(photos) >= FEWEST else []):
        for least in TOLD:
            named = (best == k).any(axis=1) & (likely[:, k] >= least)
            share = weight[named & distorted & (true == k)].sum() / max(weight[named].sum(), 1e-300)
            if named.sum() >= FEWEST and share >= RELIABLE:
                told[name], precision[name] = least, round(float(share), 4)
                break
    return Assessment(
        len(photos),
        round(float(hit[distorted].mean()), 4),
        round(min(NAMED, len(names)) / len(names), 4),
        {name: round(float(hit[distorted & (true == k)].mean()), 4) for k, name in enumerate(names)},
        told,
        precision,
    )


def _weights(seen: Responses, distortions: int) -> np.ndarray:
    """The weight of each row, so that rows count as the prior says: (N,)."""
    weight = np.zeros(len(seen.level))
    clean = seen.level == 0
    weight[clean] = UNDISTORTED / clean.sum()
    for name in dict.fromkeys(seen.distortion):
        mine = ~clean & (seen.distortion == name)
        weight[mine] = (1 - UNDISTORTED) / distortions / mine.sum()
    return weight
