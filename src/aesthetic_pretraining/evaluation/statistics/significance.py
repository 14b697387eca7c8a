"""Is a model closer to the human scores than the ImageNet one? (paper, section 5; the daggers of Table 2)

For each picture the absolute error of a model is paired with that of the ImageNet row; a one-sided Wilcoxon signed-rank test
asks whether the model's errors are smaller, and Bonferroni's correction pays for asking several times.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import PermutationMethod, rankdata, wilcoxon

from aesthetic_pretraining.evaluation.predictions import odd_rows, rows_of
from aesthetic_pretraining.evaluation.runs import Run
from aesthetic_pretraining.initialisations import BASELINE

ALPHA = 0.01  # section 5: "at an alpha level of 1%"
DECIMALS = 9  # score points; differences of errors closer than this are ties
SIGNIFICANCE_COLUMNS = [
    *("init", "dataset", "n", "tested", "smaller", "significant", "pairs", "p_raw", "p", "effect", "method"),
    *("comparisons", "alpha", "problem"),
]
EXACT, EXACT_WITH_TIES = 50, 13  # most pairs that are tested exactly
NO_BASELINE = f"no comparable {BASELINE} predictions"
NO_SEED = f"{BASELINE} was fine-tuned with none of its seeds"


class SignedRank(NamedTuple):
    """Wilcoxon's test: one-sided p value, effect size, pairs that differ, and whether p is exact.

    The effect is the matched-pairs rank-biserial correlation: the share of the rank sum where the model is closer, less the
    share where the baseline is; 1: closer on every picture, 0: neither, -1: never.
    """

    p: float
    effect: float
    pairs: int
    exact: bool


def absolute_errors(predictions: pd.DataFrame) -> pd.Series:
    """Absolute error per picture, in score points, indexed by sorted id; predictions: columns id, target, predicted."""
    return (predictions["target"] - predictions["predicted"]).abs().set_axis(predictions["id"]).sort_index()


def wilcoxon_less(errors: pd.Series, baseline: pd.Series) -> SignedRank:
    """Test "`errors` are as large as `baseline`" against "they are smaller".

    Wilcoxon's signed-rank test on the paired differences; pictures with equal errors are left out (Wilcoxon's own way), equal
    differences share their mean rank. p is 1 and the effect 0 where no pair differs. p is exact for up to `EXACT` pairs
    without ties or `EXACT_WITH_TIES` with, else the normal approximation.

    Args:
        errors, baseline: absolute errors, finite, in score points, indexed by the same ids in the same order.
    Raises: ValueError naming a picture that only one side has or whose error is not finite.
    """
    _same_pictures(errors, baseline)
    # Two differences that are equal on paper differ in their last bit, and would no longer be ties: round before ranking.
    differences = (errors - baseline).round(DECIMALS)
    if not np.isfinite(differences).all():
        raise ValueError(f"picture {differences.index[~np.isfinite(differences)][0]!r} has no finite error")
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
    """A p value corrected for the number of comparisons made: min(1, p * comparisons)."""
    return min(1.0, p * comparisons)


def compare(predictions: Mapping[Run, pd.DataFrame], *, share: int = 100, alpha: float = ALPHA) -> pd.DataFrame:
    """Every initialisation against `BASELINE`, on every test set: each network against ImageNet's of the same fine-tuning seed.

    Args:
        predictions: prediction frames by run (`predictions.read_predictions`); only those of `share` percent are compared.
        alpha: level, after correction, below which a difference is significant.
    Returns: one row per comparison: init, dataset, n (pictures), tested (networks that ImageNet has one of the same seed for),
        smaller (of them, those whose errors are significantly smaller), significant (all of them), and of the weakest of these
        tests, the one with the largest p: pairs (pictures whose errors differ), p_raw, p (corrected), effect (`SignedRank`), method
        ("exact" or "approximate"); comparisons, alpha, problem. A comparison that cannot be made has empty numbers and a problem
        that says why; it counts among the comparisons all the same.
    """
    # ASSUME: the paper gives no number of comparisons. We count every row but the baseline's, on every test set: with the
    # paper's six rows and two sets, 10. Counting only its three own tasks (6) would be milder. Seeds repeat this family of
    # comparisons, they do not enlarge it.
    # ASSUME: the paper trained once. With several networks a row is significant if each of them is, which keeps the level: the
    # largest p is a valid one of "all are better". The test knows pictures, not training luck: with many pictures it calls any
    # lucky network better, so that "most are" would hold every other time where nothing differs but luck.
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


def sentence(comparisons: int, alpha: float, methods: Sequence[str]) -> str:
    """What a dagger means, in words for captions and footnotes; `methods` are those of the tests that were made."""
    kinds = {"exact": "exact p values", "approximate": "p values by normal approximation"}
    return (
        "significantly smaller absolute errors than ImageNet in every training, each against ImageNet's of the same fine-tuning "
        "seed (k/n: in k of n trainings): one-sided Wilcoxon signed-rank test over pictures "
        f"({', '.join(kinds[m] for m in kinds if m in methods) or 'not made'}), "
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
