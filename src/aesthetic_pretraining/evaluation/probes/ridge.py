"""Ridge regression in closed form: one decomposition for every strength of regularisation, in memory that does not grow
with the number of pictures.

For standardised features Z (n, d) and centred targets Y (n, T), a strength s gives the weights that minimise

    |Y - Z W|^2 / n + s |W|^2,   W = (Z'Z / n + s)^-1 Z'Y / n

(Hoerl and Kennard 1970). Because the features are standardised and the error is a mean, 1 is the average eigenvalue of
Z'Z / n, whatever the number of pictures and features: the same strengths are sensible for every share of the labels.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

AT_ONCE = 4096  # pictures whose features are in memory as float64
FLAT = 1e-6  # relative; a feature, or a target, that varies less is constant: what is left is round-off


@dataclass(frozen=True)
class Ridge:
    """Linear models of T targets, one for each of K strengths.

    Attributes:
        centre, scale: (d,), mean and standard deviation of the training pictures' features; scale is infinite where a feature
            is constant, which so counts nothing.
        weights: (K, d, T), of standardised features. intercept: (T,), the targets' training means.
    """

    centre: np.ndarray
    scale: np.ndarray
    weights: np.ndarray
    intercept: np.ndarray

    def predict(self, features: np.ndarray, rows: Sequence[int]) -> np.ndarray:
        """Predictions (K, n, T) for these rows of `features`, (N, d)."""
        parts = [z @ self.weights for z, _ in _standardised(features, np.asarray(rows, int), self.centre, self.scale)]
        empty = np.empty((len(self.weights), 0, len(self.intercept)))
        return np.concatenate([empty, *parts], axis=1) + self.intercept

    def only(self, k: int) -> "Ridge":
        """The model of the k-th strength alone."""
        return Ridge(self.centre, self.scale, self.weights[[k]], self.intercept)


def fit(features: np.ndarray, rows: Sequence[int], targets: np.ndarray, strengths: Sequence[float]) -> Ridge:
    """Fit all strengths on these rows of `features`.

    Args:
        features: (N, d), finite; may be a file's map, of which only `AT_ONCE` rows are held at a time.
        rows: of the n >= 1 training pictures, in any order; means, scales and weights come from these alone.
        targets: (n, T), of the same pictures.
        strengths: K numbers above 0.
    Pictures may be fewer than features: then the n x n matrix is decomposed, else the d x d one; both give the same weights.
    Raises: ValueError for no pictures or a strength that is not above 0.
    """
    order = np.argsort(rows, kind="stable")  # a file's map is read forwards, and the order of the pictures changes no last bit
    rows, targets = np.asarray(rows, int)[order], np.asarray(targets, float)[order]
    strengths = np.asarray(strengths, float)
    if not len(rows) or not (strengths > 0).all():
        raise ValueError(f"needs pictures and strengths above 0, got {len(rows)} pictures, strengths {strengths.tolist()}")
    n, d = len(rows), features.shape[1]
    centre, scale = _moments(features, rows)
    intercept = targets.mean(axis=0)
    # trap: equal targets less their mean leave round-off, whose ranks would be taken for a prediction
    y = np.where(np.ptp(targets, axis=0) > FLAT * np.maximum(np.abs(intercept), FLAT), targets - intercept, 0.0)
    if n > d:
        gram, moment = np.zeros((d, d)), np.zeros((d, y.shape[1]))
        for z, at in _standardised(features, rows, centre, scale):
            gram += z.T @ z
            moment += z.T @ y[at]
        values, vectors = np.linalg.eigh(gram / n)
        turned, back = vectors.T @ moment / n, vectors
    else:
        z = np.concatenate([z for z, _ in _standardised(features, rows, centre, scale)])
        values, vectors = np.linalg.eigh(z @ z.T / n)
        turned, back = vectors.T @ y / n, z.T @ vectors
    values = values.clip(0)  # of a rank-deficient matrix some come out as -1e-16
    weights = np.stack([back @ (turned / (values + strength)[:, None]) for strength in strengths])
    return Ridge(centre, scale, weights, intercept)


def _moments(features: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation (d,) of the rows; in two passes, because squares less a squared mean lose digits."""
    one = np.ones(features.shape[1])
    centre = sum(z.sum(axis=0) for z, _ in _standardised(features, rows, 0 * one, one)) / len(rows)
    scale = np.sqrt(sum((z**2).sum(axis=0) for z, _ in _standardised(features, rows, centre, one)) / len(rows))
    return centre, np.where(scale > FLAT * np.abs(centre), scale, np.inf)


def _standardised(
    features: np.ndarray, rows: np.ndarray, centre: np.ndarray, scale: np.ndarray
) -> Iterator[tuple[np.ndarray, slice]]:
    """Standardised features (m, d) of up to `AT_ONCE` rows at a time, and which of the rows they are."""
    for start in range(0, len(rows), AT_ONCE):
        at = slice(start, start + AT_ONCE)
        yield (features[rows[at]].astype(float) - centre) / scale, at
