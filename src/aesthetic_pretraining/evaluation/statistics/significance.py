"""Whether a model is significantly closer to the human scores than ImageNet's (paper, section 5; the daggers of Table 2).

The absolute errors of a model and of the ImageNet row are paired by image; a one-sided Wilcoxon signed-rank test, with Bonferroni
correction, tests whether the model's errors are smaller.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import PermutationMethod, rankdata, wilcoxon

from aesthetic_pretraining.evaluation.predictions import odd_rows, rows_of
from aesthetic_pretraining.evaluation.runs import Run
from aesthetic_pretraining.initialisations import BASELINE

ALPHA = 0.01  # section 5: "at an alpha level of 1%"
DECIMALS = 9  # of score points; differences that are equal after rounding are ties
SIGNIFICANCE_COLUMNS = [
    *("init", "dataset", "n", "tested", "smaller", "significant", "pairs", "p_raw", "p", "effect", "method"),
    *("comparisons", "alpha", "problem"),
]
EXACT, EXACT_WITH_TIES = 50, 13  # largest number of pairs with an exact test
NO_BASELINE = f"no comparable {BASELINE} predictions"
NO_SEED = f"{BASELINE} has none of its fine-tuning seeds"


class SignedRank(NamedTuple):
    """Wilcoxon's test: one-sided p value, effect size, number of pairs that differ, and whether p is exact.

    The effect is the matched-pairs rank-biserial correlation: the fraction of the rank sum where the model is closer, minus the
    fraction where the baseline is. 1: closer on every image, -1: on none.
    """

    p: float
    effect: float
    pairs: int
    exact: bool


def absolute_errors(predictions: pd.DataFrame) -> pd.Series:
    """Absolute error per image, in score points, indexed by sorted id; predictions: columns id, target, predicted."""
    return (predictions["target"] - predictions["predicted"]).abs().set_axis(predictions["id"]).sort_index()


def wilcoxon_less(errors: pd.Series, baseline: pd.Series) -> SignedRank:
    """Wilcoxon's signed-rank test of "`errors` are as large as `baseline`" against "they are smaller".

    Images with equal errors are dropped (Wilcoxon's own treatment of zeros), equal differences share their mean rank. If no pair
    differs, p is 1 and the effect 0. p is exact for up to `EXACT` pairs without ties or `EXACT_WITH_TIES` with ties, otherwise from
    the normal approximation.

    Args:
        errors, baseline: absolute errors, finite, in score points, indexed by the same ids in the same order.
    Raises: ValueError naming an image that only one side has or whose error is not finite.
    """
    _same_images(errors, baseline)
    # Round before ranking: mathematically equal differences may differ in the last bit and would not be ties.
    differences = (errors - baseline).round(DECIMALS)
    if not np.isfinite(differences).all():
        raise ValueError(f"image {differences.index[~np.isfinite(differences)][0]!r} has no finite error")
    values = differences[differences != 0].to_numpy()
    if not len(values):
        return SignedRank(1.0, 0.0, 0, True)
    ranks = rankdata(np.abs(values))
    ties = len(np.unique(ranks)) < len(ranks)
    exact = len(values) <= (EXACT_WITH_TIES if ties else EXACT)
    all_signs = PermutationMethod(n_resamples=2**EXACT_WITH_TIES) if ties else "exact"
    method = all_signs if exact else "asymptotic"
    p = wilcoxon(values, alternative="less", method=method).pvalue
    return SignedRank(float(p), float(-(np.sign(values) @ ranks) / ranks.sum()), len(values), exact)


def bonferroni(p: float, comparisons: int) -> float:
    """A p value corrected for the number of comparisons: min(1, p * comparisons)."""
    return min(1.0, p * comparisons)


def compare(predictions: Mapping[Run, pd.DataFrame], *, share: int = 100, alpha: float = ALPHA) -> pd.DataFrame:
    """Every initialisation against `BASELINE` on every test set: each network against ImageNet's with the same fine-tuning seed.

    Args:
        predictions: prediction frames by run (`predictions.read_predictions`); only those of `share` percent are compared.
        alpha: significance level after correction.
    Returns: one row per comparison: init, dataset, n (images), tested (networks with an ImageNet counterpart of the same seed),
        smaller (those with significantly smaller errors), significant (whether all are), and, for the test with the largest p: pairs
        (images whose errors differ), p_raw, p (corrected), effect (`SignedRank`), method ("exact" or "approximate"); comparisons,
        alpha, problem. A comparison that cannot be made has empty numbers and a problem that says why, but still counts as one.
    """
    # ASSUME: the paper gives no number of comparisons. We count every row but the baseline on every test set: 10 for the paper's
    # six rows and two sets. Counting only its own three tasks (6) would be more lenient. Seeds repeat this family of comparisons
    # rather than enlarge it.
    # ASSUME: the paper trained once. With several networks, a row is significant if each of them is, which keeps the level: the
    # largest p is a valid p value of "all are better". The test covers images, not the variation between training runs: with many
    # images it calls any lucky network better, so that "most are" would be true half of the time without any real difference.
    chosen = {run: frame for run, frame in predictions.items() if run.share == share}
    sets = {dataset: rows_of(chosen, dataset) for dataset in dict.fromkeys(run.dataset for run in chosen)}
    comparisons = sum(init != BASELINE for rows in sets.values() for init, _ in rows)
    table = []
    for dataset, rows in sets.items():
        problems = odd_rows(rows)
        sound = (BASELINE, share) in rows.keys() - problems.keys()
        base = {member.seed: absolute_errors(member.frame) for member in rows[BASELINE, share]} if sound else {}
        for row, members in rows.items():
            if row[0] == BASELINE:
                continue
            found = {"init": row[0], "dataset": dataset, "n": len(members[0].frame), "comparisons": comparisons, "alpha": alpha}
            if row in problems or not base:
                table.append(found | {"problem": problems.get(row, NO_BASELINE)})
                continue
            tests = [wilcoxon_less(absolute_errors(m.frame), base[m.seed]) for m in members if m.seed in base]
            if not tests:
                table.append(found | {"problem": NO_SEED})
                continue
            smaller = sum(bonferroni(test.p, comparisons) < alpha for test in tests)
            weakest = max(tests, key=lambda test: test.p)
            found |= {"tested": len(tests), "smaller": smaller, "significant": smaller == len(tests), "problem": ""}
            found |= {"pairs": weakest.pairs, "p_raw": weakest.p, "p": bonferroni(weakest.p, comparisons)}
            table.append(found | {"effect": weakest.effect, "method": "exact" if weakest.exact else "approximate"})
    return pd.DataFrame(table, columns=SIGNIFICANCE_COLUMNS).astype(
        {"significant": "boolean", "tested": "Int64", "smaller": "Int64"}
    )


def sentence(comparisons: int, alpha: float, methods: Collection[str]) -> str:
    """The meaning of a dagger, for captions and footnotes; `methods` are those of the tests that were made."""
    kinds = {"exact": "exact p values", "approximate": "p values by normal approximation"}
    return (
        "significantly smaller absolute errors than ImageNet in every training run, each compared with ImageNet's run of the same "
        "fine-tuning seed (k/n: in k of n training runs): one-sided Wilcoxon signed-rank test over images "
        f"({', '.join(kinds[m] for m in kinds if m in methods) or 'not made'}), "
        f"Bonferroni-corrected for {comparisons} comparison{'s' if comparisons != 1 else ''}, alpha = {alpha:g}"
    )


def _same_images(errors: pd.Series, baseline: pd.Series) -> None:
    """ValueError unless both series list the same ids, each once, in the same order."""
    for series in (errors, baseline):
        if not series.index.is_unique:
            raise ValueError(f"image {series.index[series.index.duplicated()][0]!r} appears twice")
    if odd := sorted(set(errors.index) ^ set(baseline.index)):
        raise ValueError(f"image {odd[0]!r} was not scored by both models ({len(odd)} such images)")
    if not errors.index.equals(baseline.index):
        raise ValueError("the same images in different orders: sort both by id first")
