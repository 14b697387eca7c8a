"""How well predicted mean scores agree with human ones (paper, section 4.6).

``lcc``, ``srcc``, ``accuracy`` and ``mae`` each are one number of Table 2, computed from two arrays of shape (N,): the mean
opinion score and the predicted mean score of N pictures; ``emd`` compares two whole distributions of votes. ``evaluate``
computes them for one prediction file, ``predictions.collect`` for all of them: the metrics frame, one row per fine-tuned
model, from which Table 2 and Figures 3 and 5 are made.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import rankdata

from aesthetic_pretraining.data.labelled.facts import scale_of

TARGET_SCALES = {name: scale_of(name) for name in ("ava", "tid2013")}  # lowest and highest mean opinion score
PROBABILITIES = [f"p{score}" for score in range(1, 11)]  # predicted shares of the votes
HISTOGRAM = [f"t{score}" for score in range(1, 11)]  # true shares of the votes, where people voted on 1..10
METRICS_COLUMNS = [
    # epochs until fine-tuning ended; the epoch that was kept; capped: 1 if the cap ended it, 0 if early stopping did
    *("init", "share", "pretraining", "seed", "epochs", "best_epoch", "capped"),
    *("ava_n", "ava_lcc", "ava_srcc", "ava_acc", "ava_mae", "ava_emd1", "ava_emd2", "ava_majority", "ava_constant_mae"),
    *("tid2013_n", "tid2013_lcc", "tid2013_srcc", "tid2013_mae", "tid2013_mae_rescaled"),
]

AESTHETIC_ABOVE = 5.0  # section 4.6
ROUND_OFF = 1e-6  # a mean of exactly 5, computed as sum(k * p_k), may come out as 5.000000000000001


def _checked(target: ArrayLike, predicted: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Both inputs as float arrays of one shape (N,), N > 0; ValueError names the first row that is not finite."""
    target, predicted = np.asarray(target, float), np.asarray(predicted, float)
    if target.ndim != 1 or target.shape != predicted.shape or not target.size:
        raise ValueError(f"need two equally long lists of scores, got shapes {target.shape} and {predicted.shape}")
    broken = ~np.isfinite(target) | ~np.isfinite(predicted)
    if broken.any():
        row = int(broken.argmax())
        raise ValueError(f"row {row}: target {target[row]}, predicted {predicted[row]} is not a pair of finite numbers")
    return target, predicted


def lcc(target: ArrayLike, predicted: ArrayLike) -> float:
    """Pearson's linear correlation, -1..1, of two arrays of shape (N,).

    NaN where it is undefined or says nothing: fewer than 3 pictures, or one side constant.
    Raises ValueError for unequal lengths, no pictures, or a number that is not finite (names the row).
    """
    target, predicted = _checked(target, predicted)
    if len(target) < 3 or np.ptp(target) == 0 or np.ptp(predicted) == 0:
        return float("nan")
    return float(np.corrcoef(target, predicted)[0, 1])


def srcc(target: ArrayLike, predicted: ArrayLike) -> float:
    """Spearman's rank correlation, -1..1: Pearson's of the ranks, ties share their mean rank. NaN and errors as `lcc`."""
    target, predicted = _checked(target, predicted)
    return lcc(rankdata(target), rankdata(predicted))


def mae(target: ArrayLike, predicted: ArrayLike) -> float:
    """Mean absolute error of two arrays of shape (N,), in score points, >= 0. Errors as `lcc`."""
    target, predicted = _checked(target, predicted)
    return float(np.abs(target - predicted).mean())


def aesthetic(score: ArrayLike) -> np.ndarray:
    """Whether each mean score on 1..10, shape (N,), calls its picture aesthetic: bool, shape (N,)."""
    # ASSUME: the paper labels scores above and below five; exactly five is not aesthetic, as in the released code
    return np.asarray(score, float) > AESTHETIC_ABOVE + ROUND_OFF


def accuracy(target: ArrayLike, predicted: ArrayLike) -> float:
    """Share of the pictures, 0..1, that both arrays of shape (N,) call aesthetic or both do not. Errors as `lcc`."""
    target, predicted = _checked(target, predicted)
    return float((aesthetic(target) == aesthetic(predicted)).mean())


def majority(target: ArrayLike) -> float:
    """Accuracy, 0.5..1, of always saying the more frequent of the two classes of `target`, shape (N,)."""
    share = float(aesthetic(target).mean())
    return max(share, 1 - share)


def mean_score(distribution: ArrayLike) -> np.ndarray:
    """Expected score, shape (N,), 1..10, of predicted distributions over the scores 1..10, shape (N, 10)."""
    return np.asarray(distribution, float) @ np.arange(1, 11)


def rescaled(predicted: ArrayLike, scale: Sequence[float]) -> np.ndarray:
    """Predicted mean scores on 1..10, shape (N,), laid linearly onto a set's scale (lowest, highest)."""
    low, high = scale
    return low + (np.asarray(predicted, float) - 1) / 9 * (high - low)


def emd(target: ArrayLike, predicted: ArrayLike, r: int) -> np.ndarray:
    """Earth mover's distance of NIMA per picture, shape (N,), 0..1, of distributions over the scores 1..10, both (N, 10).

    (1/10 sum_k |CDF_target(k) - CDF_predicted(k)|^r)^(1/r): what fine-tuning minimises (section 4.5, fidelity row 13).
    """
    gaps = np.abs(np.cumsum(predicted, axis=1) - np.cumsum(target, axis=1))
    return (gaps**r).mean(axis=1) ** (1 / r)


def per_picture(predictions: pd.DataFrame, dataset: str) -> dict[str, np.ndarray]:
    """The metrics that are means over pictures, before the mean.

    {"mae", for AVA "acc", for TID2013 "mae_rescaled", with votes "emd1", "emd2": (N,)}.
    """
    target, predicted = _checked(predictions["target"], predictions["predicted"])
    values = {"mae": np.abs(target - predicted)}
    if dataset == "ava":
        values["acc"] = (aesthetic(target) == aesthetic(predicted)).astype(float)
    else:
        values["mae_rescaled"] = np.abs(target - rescaled(predicted, TARGET_SCALES[dataset]))
    if set(HISTOGRAM) <= set(predictions):
        true, guessed = predictions[HISTOGRAM].to_numpy(float), predictions[PROBABILITIES].to_numpy(float)
        values |= {f"emd{r}": emd(true, guessed, r) for r in (1, 2)}
    return values


def evaluate(predictions: pd.DataFrame, dataset: str, training_mean: float = float("nan")) -> dict[str, float]:
    """The metrics of one model on one test set, named as in the metrics frame.

    Args:
        predictions: columns id, target, predicted; one row per picture; for the EMD also p1..p10 and t1..t10.
        dataset: "ava" or "tid2013".
        training_mean: mean score of the training labels (1..10), the constant prediction behind `ava_constant_mae`.
    Returns: `<dataset>_n`, `_lcc`, `_srcc`, `_mae`; for AVA also `_acc`, `_majority` and `_constant_mae`; for TID2013
        `_mae_rescaled`; with votes `_emd1` and `_emd2`.
    Raises: ValueError for an unknown set, a repeated picture, a number that is not finite or a target off the set's scale.
    """
    if dataset not in TARGET_SCALES:
        raise ValueError(f"unknown test set {dataset!r}, known: {', '.join(TARGET_SCALES)}")
    low, high = TARGET_SCALES[dataset]
    target, predicted = _checked(predictions["target"], predictions["predicted"])
    for what, wrong in {
        f"has a {dataset} target outside {low}..{high}": (target < low) | (target > high),
        "is there twice": predictions["id"].duplicated().to_numpy(),
    }.items():
        if wrong.any():
            row = int(wrong.argmax())
            raise ValueError(f"row {row}: picture {predictions['id'].iloc[row]!r} {what}")

    # ASSUME: TID2013 opinions (0..9) and predictions (1..10) are compared as they are. The published error near 0.97 fits
    # that reading. `mae_rescaled` is the error of predictions on the set's own scale; correlations are the same in both.
    values = {"n": len(target), "lcc": lcc(target, predicted), "srcc": srcc(target, predicted)}
    values |= {name: float(value.mean()) for name, value in per_picture(predictions, dataset).items()}
    if dataset == "ava":
        values["majority"] = majority(target)
        values["constant_mae"] = float(np.abs(target - training_mean).mean())
    return {f"{dataset}_{name}": value for name, value in values.items()}


def summary(metrics: pd.DataFrame, share: int = 100) -> dict[str, dict[str, float]]:
    """{initialisation: {metric: mean over its trainings}} at one share of the labels: what DVC shows and compares."""
    rows = metrics[metrics["share"] == share].drop(columns=["share", "pretraining", "seed"])
    return {
        init: {k: round(v, 6) for k, v in means.items()} for init, means in rows.groupby("init").mean().to_dict("index").items()
    }
