"""Is a model closer to the human scores than the ImageNet one? (paper, section 5; the daggers of Table 2)

For each picture the absolute error of a model is paired with that of the ImageNet row; a one-sided Wilcoxon signed-rank test
asks whether the model's errors are smaller, and Bonferroni's correction pays for asking several times.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.stats import wilcoxon

from aesthetic_pretraining.metrics import Run
from aesthetic_pretraining.names import BASELINE

ALPHA = 0.01  # section 5: "at an alpha level of 1%"
DECIMALS = 9  # score points; differences of errors closer than this are ties


def absolute_errors(seeds: Sequence[pd.DataFrame]) -> pd.Series:
    """Absolute error per picture, indexed by sorted id, averaged over the seeds.

    Args:
        seeds: one prediction frame (columns id, target, predicted) per seed, all over the same pictures.
    Raises: ValueError for no frame, or naming a picture that is repeated or not in every frame.
    """
    # ASSUME: the paper trained once. Averaging per picture keeps one pair per picture; pooling the seeds instead would count
    # each picture several times as if they were independent and make every p value too small.
    errors = [(frame["target"] - frame["predicted"]).abs().set_axis(frame["id"]).sort_index() for frame in seeds]
    for series in errors:
        _same_pictures(series, errors[0])
    if not errors:
        raise ValueError("no predictions to take errors from")
    return sum(errors) / len(errors)


def wilcoxon_less(errors: pd.Series, baseline: pd.Series) -> float:
    """One-sided p value, 0..1, of "`errors` are as large as `baseline`" against "they are smaller".

    Wilcoxon's signed-rank test on the paired differences; pictures with equal errors are left out (Wilcoxon's own way), equal
    differences share their mean rank. 1.0 where no pair differs. The p value is exact for up to 50 pairs without ties or 13
    with, else the normal approximation.

    Args:
        errors, baseline: absolute errors, finite, in score points, indexed by the same ids in the same order.
    Raises: ValueError naming a picture that only one side has or whose error is not finite.
    """
    _same_pictures(errors, baseline)
    # Two differences that are equal on paper differ in their last bit, and would no longer be ties: round before ranking.
    differences = (errors - baseline).round(DECIMALS)
    if not np.isfinite(differences).all():
        raise ValueError(f"picture {differences.index[~np.isfinite(differences)][0]!r} has no finite error")
    differences = differences[differences != 0]
    if differences.empty:
        return 1.0
    return float(wilcoxon(differences.to_numpy(), alternative="less").pvalue)


def bonferroni(p: float, comparisons: int) -> float:
    """A p value corrected for the number of comparisons made: min(1, p * comparisons)."""
    return min(1.0, p * comparisons)


def compare(predictions: Mapping[Run, pd.DataFrame], *, share: int = 100, alpha: float = ALPHA) -> pd.DataFrame:
    """Every initialisation against `BASELINE`, on every test set.

    Args:
        predictions: prediction frames by run (`metrics.read_predictions`); only those of `share` percent are compared.
        alpha: level, after correction, below which a difference is significant.
    Returns: one row per comparison: init, dataset, n (pictures), p_raw, p (corrected), significant, comparisons, alpha.
    Raises: ValueError if the baseline is missing, or test sets or pictures differ.
    """
    groups: dict[tuple[str, str], list[pd.DataFrame]] = {}
    for run, frame in predictions.items():
        if run.share == share:
            groups.setdefault((run.dataset, run.init), []).append(frame)
    errors = {key: absolute_errors(seeds) for key, seeds in groups.items()}

    # ASSUME: the paper gives no number of comparisons. We count every row but the baseline's, on every test set: with the
    # paper's six rows and two sets, 10. Counting only its three own tasks (6) would be milder.
    pairs = [key for key in errors if key[1] != BASELINE]
    rows = []
    for dataset, init in pairs:
        if (dataset, BASELINE) not in errors:
            raise ValueError(f"no {BASELINE} predictions on {dataset} to compare {init} with")
        p = wilcoxon_less(errors[dataset, init], errors[dataset, BASELINE])
        corrected = bonferroni(p, len(pairs))
        rows.append((init, dataset, len(errors[dataset, init]), p, corrected, corrected < alpha, len(pairs), alpha))
    return pd.DataFrame(rows, columns=["init", "dataset", "n", "p_raw", "p", "significant", "comparisons", "alpha"])


def sentence(comparisons: int, alpha: float) -> str:
    """What a dagger means, in words for captions and footnotes."""
    return (
        "significantly smaller absolute errors than ImageNet: one-sided Wilcoxon signed-rank test over pictures, "
        f"Bonferroni-corrected for {comparisons} comparison{'s' if comparisons != 1 else ''}, alpha = {alpha:g}"
    )


def _same_pictures(errors: pd.Series, baseline: pd.Series) -> None:
    """ValueError unless both series list the same ids, each once, in the same order."""
    for series in (errors, baseline):
        if not series.index.is_unique:
            raise ValueError(f"picture {series.index[series.index.duplicated()][0]!r} is there twice")
    if odd := sorted(set(errors.index) ^ set(baseline.index)):
        raise ValueError(f"picture {odd[0]!r} was not scored by both models ({len(odd)} such pictures)")
    if not errors.index.equals(baseline.index):
        raise ValueError("the same pictures in different orders: sort both by id first")
