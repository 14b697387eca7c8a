"""Metrics of the agreement between predicted and human mean scores (paper, section 4.6).

`lcc`, `srcc`, `accuracy` and `mae` are numbers of Table 2, computed from the mean opinion scores and the predicted mean scores of
N images, both of shape (N,). `emd` compares whole distributions of votes. `evaluate` computes all of them for one prediction file,
`predictions.collect` for all files: the metrics frame, one row per fine-tuned model, behind Table 2 and Figures 3 and 5.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import rankdata

from aesthetic_pretraining.data.labelled.facts import scale_of

TARGET_SCALES = {name: scale_of(name) for name in ("ava", "tid2013")}  # lowest and highest mean opinion score
PROBABILITIES = [f"p{score}" for score in range(1, 11)]  # predicted fractions of the votes
HISTOGRAM = [f"t{score}" for score in range(1, 11)]  # true fractions of the votes, for sets with votes on 1..10
METRICS_COLUMNS = [
    # epochs: until fine-tuning stopped; best_epoch: of the kept weights; capped: 1 if the cap ended it, 0 if early stopping did
    *("init", "share", "pretraining", "seed", "epochs", "best_epoch", "capped"),
    *("ava_n", "ava_lcc", "ava_srcc", "ava_acc", "ava_mae", "ava_emd1", "ava_emd2", "ava_majority", "ava_constant_mae"),
    *("tid2013_n", "tid2013_lcc", "tid2013_srcc", "tid2013_mae", "tid2013_mae_rescaled"),
]

AESTHETIC_ABOVE = 5.0  # section 4.6
ROUND_OFF = 1e-6  # a mean of exactly 5, computed as sum(k * p_k), may be 5.000000000000001


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
    """Pearson correlation, -1..1, of two arrays of shape (N,).

    NaN if it is undefined or meaningless: fewer than 3 images, or one side constant.
    Raises: ValueError for unequal lengths, no images, or naming the row with a number that is not finite.
    """
    target, predicted = _checked(target, predicted)
    if len(target) < 3 or np.ptp(target) == 0 or np.ptp(predicted) == 0:
        return float("nan")
    return float(np.corrcoef(target, predicted)[0, 1])


def srcc(target: ArrayLike, predicted: ArrayLike) -> float:
    """Spearman rank correlation, -1..1: Pearson's of the ranks, ties sharing their mean rank. NaN and errors as for `lcc`."""
    target, predicted = _checked(target, predicted)
    return lcc(rankdata(target), rankdata(predicted))


def mae(target: ArrayLike, predicted: ArrayLike) -> float:
    """Mean absolute error of two arrays of shape (N,), in score points, >= 0. Errors as for `lcc`."""
    target, predicted = _checked(target, predicted)
    return float(np.abs(target - predicted).mean())


def aesthetic(score: ArrayLike) -> np.ndarray:
    """Whether each image is aesthetic by its mean score on 1..10, shape (N,): bool, shape (N,)."""
    # ASSUME: the paper labels scores above and below five; exactly five is not aesthetic, as in the released code
    return np.asarray(score, float) > AESTHETIC_ABOVE + ROUND_OFF


def accuracy(target: ArrayLike, predicted: ArrayLike) -> float:
    """Fraction of images, 0..1, with the same class (aesthetic or not) in both arrays of shape (N,). Errors as for `lcc`."""
    target, predicted = _checked(target, predicted)
    return float((aesthetic(target) == aesthetic(predicted)).mean())


def majority(target: ArrayLike) -> float:
    """Accuracy, 0.5..1, of always predicting the more frequent of the two classes of `target`, shape (N,)."""
    share = float(aesthetic(target).mean())
    return max(share, 1 - share)


def mean_score(distribution: ArrayLike) -> np.ndarray:
    """Expected score, shape (N,), 1..10, of predicted distributions over the scores 1..10, shape (N, 10)."""
    return np.asarray(distribution, float) @ np.arange(1, 11)


def rescaled(predicted: ArrayLike, scale: Sequence[float]) -> np.ndarray:
    """Predicted mean scores on 1..10, shape (N,), rescaled linearly to a set's scale (lowest, highest)."""
    low, high = scale
    return low + (np.asarray(predicted, float) - 1) / 9 * (high - low)


def emd(target: ArrayLike, predicted: ArrayLike, r: int) -> np.ndarray:
    """NIMA's earth mover's distance per image, shape (N,), 0..1, of distributions over the scores 1..10, both (N, 10).

    (1/10 sum_k |CDF_target(k) - CDF_predicted(k)|^r)^(1/r), which fine-tuning minimises (section 4.5, fidelity row 13).
    """
    gaps = np.abs(np.cumsum(predicted, axis=1) - np.cumsum(target, axis=1))
    return (gaps**r).mean(axis=1) ** (1 / r)


def per_picture(predictions: pd.DataFrame, dataset: str) -> dict[str, np.ndarray]:
    """The per-image values of the metrics that are means over images.

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
        predictions: columns id, target, predicted, one row per image; for the EMD also p1..p10 and t1..t10.
        dataset: "ava" or "tid2013".
        training_mean: mean score of the training labels (1..10), the constant prediction behind `ava_constant_mae`.
    Returns: `<dataset>_n`, `_lcc`, `_srcc`, `_mae`; for AVA also `_acc`, `_majority` and `_constant_mae`; for TID2013
        `_mae_rescaled`; with votes `_emd1` and `_emd2`.
    Raises: ValueError for an unknown set, a duplicate image, a number that is not finite, or a target outside the set's scale.
    """
    if dataset not in TARGET_SCALES:
        raise ValueError(f"unknown test set {dataset!r}, known: {', '.join(TARGET_SCALES)}")
    low, high = TARGET_SCALES[dataset]
    target, predicted = _checked(predictions["target"], predictions["predicted"])
    for what, wrong in {
        f"has a {dataset} target outside {low}..{high}": (target < low) | (target > high),
        "appears twice": predictions["id"].duplicated().to_numpy(),
    }.items():
        if wrong.any():
            row = int(wrong.argmax())
            raise ValueError(f"row {row}: image {predictions['id'].iloc[row]!r} {what}")

    # ASSUME: TID2013's scores (0..9) and predictions (1..10) are compared without rescaling, which fits the published error of
    # about 0.97. `mae_rescaled` is the error of predictions rescaled to 0..9; correlations are the same for both.
    values = {"n": len(target), "lcc": lcc(target, predicted), "srcc": srcc(target, predicted)}
    values |= {name: float(value.mean()) for name, value in per_picture(predictions, dataset).items()}
    if dataset == "ava":
        values["majority"] = majority(target)
        values["constant_mae"] = float(np.abs(target - training_mean).mean())
    return {f"{dataset}_{name}": value for name, value in values.items()}


def summary(metrics: pd.DataFrame, share: int = 100) -> dict[str, dict[str, float]]:
    """{initialisation: {metric: mean over its training runs}} at one share of the labels, for DVC to show and compare."""
    rows = metrics[metrics["share"] == share].drop(columns=["share", "pretraining", "seed"])
    return {
        init: {k: round(v, 6) for k, v in means.items()} for init, means in rows.groupby("init").mean().to_dict("index").items()
    }
