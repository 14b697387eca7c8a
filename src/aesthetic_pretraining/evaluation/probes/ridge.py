"""Ridge regression in closed form: one decomposition for all regularisation strengths, in memory independent of the images.

For standardised features Z (n, d) and centred targets Y (n, T), the weights for strength s minimise

    |Y - Z W|^2 / n + s |W|^2,   W = (Z'Z / n + s)^-1 Z'Y / n

(Hoerl and Kennard 1970). Because the features are standardised and the error is a mean, the average eigenvalue of Z'Z / n is 1
for any number of images and features, so that the same strengths suit every share of the labels.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

AT_ONCE = 4096  # images whose features are in memory as float64
FLAT = 1e-6  # relative; a feature or target that varies less is constant up to round-off


@dataclass(frozen=True)
class Ridge:
    """Linear models of T targets, one for each of K strengths.

    Attributes:
        centre, scale: (d,), mean and standard deviation of the training images' features; scale is infinite for a constant
            feature, which so has no effect.
        weights: (K, d, T), of standardised features. intercept: (T,), the targets' training means.
    """

    centre: np.ndarray
    scale: np.ndarray
    weights: np.ndarray
    intercept: np.ndarray

    def predict(self, features: np.ndarray, rows: ArrayLike) -> np.ndarray:
        """Predictions (K, n, T) for these rows of `features`, (N, d)."""
        parts = [z @ self.weights for z, _ in _standardised(features, np.asarray(rows, int), self.centre, self.scale)]
        empty = np.empty((len(self.weights), 0, len(self.intercept)))
        return np.concatenate([empty, *parts], axis=1) + self.intercept

    def only(self, k: int) -> "Ridge":
        """Only the model of the k-th strength."""
        return Ridge(self.centre, self.scale, self.weights[[k]], self.intercept)


def fit(features: np.ndarray, rows: ArrayLike, targets: np.ndarray, strengths: ArrayLike) -> Ridge:
    """Fit all strengths on these rows of `features`.

    With fewer images than features the n x n matrix is decomposed, otherwise the d x d one; both give the same weights.

    Args:
        features: (N, d), finite; if memory-mapped, only `AT_ONCE` rows are read at a time.
        rows: (n,), n >= 1, the training images in any order; means, scales and weights come from these only.
        targets: (n, T), of the same images.
        strengths: (K,), above 0.
    Raises: ValueError for no images or a strength that is not above 0.
    """
    order = np.argsort(rows, kind="stable")  # maps are read forwards, and results do not depend on the order of the images
    rows, targets = np.asarray(rows, int)[order], np.asarray(targets, float)[order]
    strengths = np.asarray(strengths, float)
    if not len(rows) or not (strengths > 0).all():
        raise ValueError(f"needs images and strengths above 0, got {len(rows)} images, strengths {strengths.tolist()}")
    n, d = len(rows), features.shape[1]
    centre, scale = _moments(features, rows)
    intercept = targets.mean(axis=0)
    # trap: constant targets minus their mean leave round-off, whose ranks would look like a prediction
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
    values = values.clip(0)  # a rank-deficient matrix has some of -1e-16
    weights = np.stack([back @ (turned / (values + strength)[:, None]) for strength in strengths])
    return Ridge(centre, scale, weights, intercept)


def _moments(features: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation (d,) of the rows, in two passes to avoid cancellation."""
    one = np.ones(features.shape[1])
    centre = sum(z.sum(axis=0) for z, _ in _standardised(features, rows, 0 * one, one)) / len(rows)
    scale = np.sqrt(sum((z**2).sum(axis=0) for z, _ in _standardised(features, rows, centre, one)) / len(rows))
    return centre, np.where(scale > FLAT * np.abs(centre), scale, np.inf)


def _standardised(
    features: np.ndarray, rows: np.ndarray, centre: np.ndarray, scale: np.ndarray
) -> Iterator[tuple[np.ndarray, slice]]:
    """Standardised features (m, d) of up to `AT_ONCE` rows at a time, and the slice of `rows` that they are."""
    for start in range(0, len(rows), AT_ONCE):
        at = slice(start, start + AT_ONCE)
        yield (features[rows[at]].astype(float) - centre) / scale, at
