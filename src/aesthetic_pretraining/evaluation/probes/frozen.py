"""A linear probe: frozen features with labels, and the linear models fitted to them (docs/statistics.md)."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from aesthetic_pretraining.data.ledger import usable
from aesthetic_pretraining.data.split import roles, subset
from aesthetic_pretraining.evaluation.folds import folds_of
from aesthetic_pretraining.evaluation.metrics import emd, histogram, probabilities
from aesthetic_pretraining.evaluation.probes import ridge
from aesthetic_pretraining.evaluation.scenes import scenes
from aesthetic_pretraining.seeding import seeded_int
from aesthetic_pretraining.settings.probes import ProbeConfig
from aesthetic_pretraining.training.features_file import read_features

FEWEST_SCENES = 3  # one to fit on, one to choose the regularisation on, one to test on


class Labelled(NamedTuple):
    """A labelled set with features, as one training sees it: ids, features (N, d), mean scores (N,), scenes (N,), roles "train",
    "val", "test" or "" (N,), and fractions of the votes (N, K), or None where none are predicted."""

    ids: list[str]
    features: np.ndarray
    score: np.ndarray
    scene: np.ndarray
    role: np.ndarray
    votes: np.ndarray | None

    @property
    def targets(self) -> np.ndarray:
        """The targets of a probe, (N, 1) or (N, 1 + K): the mean score, then the fractions of the votes."""
        return self.score[:, None] if self.votes is None else np.column_stack([self.score, self.votes])

    def rows(self, role: str) -> np.ndarray:
        """Positions of the images of one role."""
        return np.flatnonzero(self.role == role)

    def training(self, share: int, seed: int) -> np.ndarray:
        """Positions of the training images that fine-tuning uses at this share and seed; subsets are nested (fidelity row 16)."""
        place = {self.ids[row]: row for row in self.rows("train")}
        return np.array([place[picture] for picture in subset(list(place), share, seed)])


class Fitted(NamedTuple):
    """A probe fitted on one set: models of the score and of the votes (None without votes), and the strength chosen for each."""

    score: ridge.Ridge
    votes: ridge.Ridge | None
    strength: float
    votes_strength: float

    def frame(self, data: Labelled, rows: np.ndarray, votes: bool) -> pd.DataFrame:
        """Predictions for `intervals.estimate`: id, scene, target, predicted; with `votes` p1..pK and t1..tK.

        Scores are not clipped: predictions outside the scale count as errors.
        """
        frame = pd.DataFrame({"id": [data.ids[row] for row in rows], "scene": data.scene[rows], "target": data.score[rows]})
        frame["predicted"] = self.score.predict(data.features, rows)[0, :, 0]
        if votes:
            assert self.votes is not None and data.votes is not None
            bins = data.votes.shape[1]
            frame[probabilities(bins)] = as_shares(self.votes.predict(data.features, rows)[0, :, 1:])
            frame[histogram(bins)] = data.votes[rows]
        return frame


def labelled(features: str | Path, ledger: pd.DataFrame, split: pd.DataFrame, votes: Sequence[str] = ()) -> list[Labelled]:
    """A set's features and labels, one for each training: of each fold of the split, or a single one where it has none.

    Args:
        features: of rule `features`; its row k belongs to the ledger's k-th usable image.
        votes: the ledger's columns of votes, if they are to be predicted.
    """
    rows = usable(ledger)
    counts = rows[list(votes)].to_numpy(float)
    whole = Labelled(
        list(rows["id"]),
        read_features(features, len(rows)),
        rows["score"].to_numpy(float),
        scenes(rows),
        np.array([]),
        counts / counts.sum(axis=1, keepdims=True) if votes else None,
    )
    found = []
    for fold in folds_of(split):
        role = roles(split, fold)
        known = dict(zip(role["id"], role["split"], strict=True))
        found.append(whole._replace(role=rows["id"].map(known).fillna("").to_numpy(str)))
    return found


def as_shares(predicted: np.ndarray) -> np.ndarray:
    """A linear model's predicted fractions of the votes (N, K) as distributions: clipped at 0, then normalised to a sum of 1.

    Predictions sum to 1 even before clipping, because the training targets do; so no row is all zeros.
    """
    positive = predicted.clip(0)
    return positive / positive.sum(axis=1, keepdims=True)


def votes_loss(true: np.ndarray, guessed: np.ndarray, r: int, variant: str) -> float:
    """The loss of fine-tuning (`losses.earth_movers_distance`, fidelity row 13) between distributions of votes, both (N, K)."""
    gaps = emd(true, guessed, r)
    return float(gaps.mean() if variant == "per_image" else (gaps**r).mean() ** (1 / r))


def fit_chosen(data: Labelled, train: np.ndarray, val: np.ndarray, config: ProbeConfig) -> Fitted:
    """Fit on the positions `train` with every strength, and keep the one that is best on the positions `val`.

    ASSUME: best means the lowest mean squared error of the mean score, which ridge regression minimises, and for the votes the
    lowest loss of fine-tuning; ties go to the highest strength. There is no refit including `val`.
    """
    models = ridge.fit(data.features, train, data.targets[train], config.strengths)
    guessed = models.predict(data.features, val)
    k = _best(((guessed[:, :, 0] - data.score[val]) ** 2).mean(axis=1))
    if data.votes is None:
        return Fitted(models.only(k), None, float(config.strengths[k]), np.nan)
    losses = [votes_loss(data.votes[val], as_shares(shares), config.emd_r, config.emd) for shares in guessed[:, :, 1:]]
    v = _best(np.array(losses))
    return Fitted(models.only(k), models.only(v), float(config.strengths[k]), float(config.strengths[v]))


def scenes_of(data: Labelled, rows: np.ndarray) -> int:
    """The number of scenes that these images show."""
    return len(set(data.scene[rows]))


def unseen_scenes(data: Labelled, rows: np.ndarray, config: ProbeConfig) -> tuple[pd.DataFrame, list[Fitted]]:
    """Cross-validated predictions for each of these images by probes that were not trained on its scene; and the probes.

    Scenes are dealt into `config.folds` folds (at most one per scene) in an order that depends on the seed. Each fold is predicted
    by a probe that was fitted on all other folds but the next, on which its regularisation was chosen.
    """
    order = sorted(set(data.scene[rows]), key=lambda scene: seeded_int("scenes", config.seed, scene))
    folds, place = min(config.folds, len(order)), {scene: k for k, scene in enumerate(order)}
    fold = np.array([place[scene] % folds for scene in data.scene[rows]])
    frames, probes = [], []
    for k in range(folds):
        choose = fold == (k + 1) % folds
        probes.append(fit_chosen(data, rows[(fold != k) & ~choose], rows[choose], config))
        frames.append(probes[-1].frame(data, rows[fold == k], votes=False))
    return pd.concat(frames, ignore_index=True), probes


def _best(errors: np.ndarray) -> int:
    """Position of the lowest error, the last one of ties."""
    return int(np.flatnonzero(errors <= errors.min() * (1 + 1e-9))[-1])
