"""Metrics of the agreement between predicted and human mean scores (paper, section 4.6).

`lcc`, `srcc`, `accuracy` and `mae` are numbers of Table 2, computed from the mean opinion scores and the predicted mean scores of
N images, both of shape (N,). `emd` compares whole distributions of votes. `evaluate` computes all of them for one prediction file,
`predictions.collect` for all files: the metrics frame, one row per fine-tuned model, behind Table 2 and Figures 3 and 5.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from aesthetic_pretraining.settings.labels import LabelledSet, Labels

RUN_COLUMNS = ("init", "share", "pretraining", "seed", "epochs", "best_epoch", "capped")
HOME_METRICS = ("n", "lcc", "srcc", "acc", "mae", "emd1", "emd2", "majority", "constant_mae")
OTHER_METRICS = ("n", "lcc", "srcc", "mae", "mae_rescaled")
ROUND_OFF = 1e-6  # a mean of exactly 5, computed as sum(k * p_k), may be 5.000000000000001


def probabilities(bins: int) -> list[str]:
    """The columns with the predicted fractions of the votes, p1 .. p<bins>."""
    return [f"p{k}" for k in range(1, bins + 1)]


def histogram(bins: int) -> list[str]:
    """The columns with the true fractions of the votes, t1 .. t<bins>; only in files of sets with votes on the home set's values."""
    return [f"t{k}" for k in range(1, bins + 1)]


def metrics_columns(labels: Labels) -> list[str]:
    """The columns of the metrics frame: of the run, then `<set>_<metric>` of each tested set.

    epochs: until fine-tuning stopped; best_epoch: of the kept weights; both are means over the folds where there are any. capped: 1
    if the cap ended it (in any fold), 0 if early stopping did.
    """
    found = [*RUN_COLUMNS]
    for each in labels.tested:
        found += [f"{each.name}_{metric}" for metric in (HOME_METRICS if each == labels.home else OTHER_METRICS)]
    return found


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
    from scipy.stats import rankdata  # here, because it imports slowly and jobs that only predict need none of it

    target, predicted = _checked(target, predicted)
    return lcc(rankdata(target), rankdata(predicted))


def mae(target: ArrayLike, predicted: ArrayLike) -> float:
    """Mean absolute error of two arrays of shape (N,), in score points, >= 0. Errors as for `lcc`."""
    target, predicted = _checked(target, predicted)
    return float(np.abs(target - predicted).mean())


def aesthetic(score: ArrayLike, above: float) -> np.ndarray:
    """Whether each image is aesthetic, that is, has a mean score above `above`, shape (N,): bool, shape (N,)."""
    # ASSUME: the paper labels scores above and below five; exactly five is not aesthetic, as in the released code
    return np.asarray(score, float) > above + ROUND_OFF


def accuracy(target: ArrayLike, predicted: ArrayLike, above: float) -> float:
    """Fraction of images, 0..1, with the same class (`aesthetic` or not) in both arrays of shape (N,). Errors as for `lcc`."""
    target, predicted = _checked(target, predicted)
    return float((aesthetic(target, above) == aesthetic(predicted, above)).mean())


def majority(target: ArrayLike, above: float) -> float:
    """Accuracy, 0.5..1, of always predicting the more frequent of the two classes of `target`, shape (N,)."""
    share = float(aesthetic(target, above).mean())
    return max(share, 1 - share)


def mean_score(distribution: ArrayLike, values: Sequence[float]) -> np.ndarray:
    """Expected score, shape (N,), of distributions, shape (N, K), over votes with these K values."""
    return np.asarray(distribution, float) @ np.array(values)


def rescaled(predicted: ArrayLike, home: LabelledSet, other: LabelledSet) -> np.ndarray:
    """Mean scores on the scale of the set `home`, shape (N,), rescaled linearly to that of `other`."""
    return other.low + (np.asarray(predicted, float) - home.low) / (home.high - home.low) * (other.high - other.low)


def emd(target: ArrayLike, predicted: ArrayLike, r: int) -> np.ndarray:
    """NIMA's earth mover's distance per image, shape (N,), 0..1, of distributions over K votes at equal steps, both (N, K).

    (1/K sum_k |CDF_target(k) - CDF_predicted(k)|^r)^(1/r), which fine-tuning minimises (section 4.5, fidelity row 13).
    """
    gaps = np.abs(np.cumsum(predicted, axis=1) - np.cumsum(target, axis=1))
    return (gaps**r).mean(axis=1) ** (1 / r)


def per_picture(predictions: pd.DataFrame, dataset: str, labels: Labels) -> dict[str, np.ndarray]:
    """The per-image values of the metrics that are means over images.

    {"mae", for the home set "acc" and, with votes, "emd1", "emd2", for any other "mae_rescaled": (N,)}.
    """
    target, predicted = _checked(predictions["target"], predictions["predicted"])
    values = {"mae": np.abs(target - predicted)}
    if dataset != labels.home.name:
        return values | {"mae_rescaled": np.abs(target - rescaled(predicted, labels.home, labels.by_name[dataset]))}
    values["acc"] = (aesthetic(target, labels.home.above) == aesthetic(predicted, labels.home.above)).astype(float)
    t, p = histogram(labels.home.bins), probabilities(labels.home.bins)
    if set(t) <= set(predictions):
        true, guessed = predictions[t].to_numpy(float), predictions[p].to_numpy(float)
        values |= {f"emd{r}": emd(true, guessed, r) for r in (1, 2)}
    return values


def evaluate(
    predictions: pd.DataFrame, dataset: str, labels: Labels, training_mean: float | Mapping[str, float] = float("nan")
) -> dict[str, float]:
    """The metrics of one model on one test set, named as in the metrics frame.

    Args:
        predictions: columns id, target, predicted, one row per image; for the EMD also p1..pK and t1..tK.
        dataset: name of one of `labels.tested`.
        training_mean: mean score of the training labels, the constant prediction behind `constant_mae`; with folds, {id: that of
            the training whose test image it is}.
    Returns: `<dataset>_n`, `_lcc`, `_srcc`, `_mae`; for the home set also `_acc`, `_majority`, `_constant_mae` and, with votes,
        `_emd1` and `_emd2`; for any other `_mae_rescaled`.
    Raises: ValueError for an unknown set, a duplicate image, a number that is not finite, or a target outside the set's scale.
    """
    if dataset not in labels.by_name:
        raise ValueError(f"unknown test set {dataset!r}, known: {', '.join(labels.by_name)}")
    on = labels.by_name[dataset]
    target, predicted = _checked(predictions["target"], predictions["predicted"])
    for what, wrong in {
        f"has a {dataset} target outside {on.low:g}..{on.high:g}": (target < on.low - ROUND_OFF)
        | (target > on.high + ROUND_OFF),
        "appears twice": predictions["id"].duplicated().to_numpy(),
    }.items():
        if wrong.any():
            row = int(wrong.argmax())
            raise ValueError(f"row {row}: image {predictions['id'].iloc[row]!r} {what}")

    # ASSUME: TID2013's scores (0..9) and predictions (1..10) are compared without rescaling, which fits the published error of
    # about 0.97. `mae_rescaled` is the error of predictions rescaled to the set's scale; correlations are the same for both.
    values = {"n": len(target), "lcc": lcc(target, predicted), "srcc": srcc(target, predicted)}
    values |= {name: float(value.mean()) for name, value in per_picture(predictions, dataset, labels).items()}
    if on == labels.home:
        constant = predictions["id"].map(training_mean) if isinstance(training_mean, Mapping) else training_mean
        values["majority"] = majority(target, on.above)
        values["constant_mae"] = float(np.abs(target - np.asarray(constant, float)).mean())
    return {f"{dataset}_{name}": value for name, value in values.items()}


def summary(metrics: pd.DataFrame, share: int = 100) -> dict[str, dict[str, float]]:
    """{initialisation: {metric: mean over its training runs}} at one share of the labels, for DVC to show and compare."""
    rows = metrics[metrics["share"] == share].drop(columns=["share", "pretraining", "seed"])
    return {
        init: {k: round(v, 6) for k, v in means.items()} for init, means in rows.groupby("init").mean().to_dict("index").items()
    }
