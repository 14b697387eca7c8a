"""How many labels each initialisation needs to match ImageNet with all labels, from resampled learning curves."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from aesthetic_pretraining.evaluation.statistics.intervals import TestSet
from aesthetic_pretraining.evaluation.statistics.learning_curve import FEWEST_SHARES, labels_needed, share_interval
from aesthetic_pretraining.initialisations import BASELINE

LABELS_SAVED_COLUMNS = ["init", "other", "dataset", "metric", "shares", "needed", "low", "high", "over", "problem"]
HIGHER_IS_BETTER = ("lcc", "srcc", "acc")  # their error is 1 - metric


def labels_saved(sets: Mapping[str, TestSet], confidence: float) -> pd.DataFrame:
    """One row per test set, metric and initialisation with several shares of the labels in common with ImageNet: `LABELS_SAVED_COLUMNS`.

    `needed` is the fraction of the labels at which its fitted learning curve reaches ImageNet's error with all labels: 0.8 is a
    saving of 20 %; infinite if the curve does not get there with twice all labels. The interval uses the same resamples of images
    and seeds as all others; the points of a curve share images, seeds and pretraining runs within a resample, so that a curve moves
    as a whole. With fewer than three shares there is no curve, and `problem` says so.
    """
    found = []
    for dataset, test in sets.items():
        rows, sampled = test.sound, test.sampled
        for init in dict.fromkeys(init for init, _ in rows if init != BASELINE):
            shares = [share for each, share in rows if each == init and (BASELINE, share) in rows]
            if len(shares) < 2 or 100 not in shares:
                continue
            mine, base = ([rows.index((each, share)) for share in shares] for each in (init, BASELINE))
            for metric, values in sampled.value.items():
                row = {
                    "init": init,
                    "other": BASELINE,
                    "dataset": dataset,
                    "metric": metric,
                    "shares": len(shares),
                    "problem": "",
                }
                if len(shares) < FEWEST_SHARES:
                    found.append(row | {"problem": f"no curve: fewer than {FEWEST_SHARES} shares of the labels"})
                    continue

                def needed(values: np.ndarray, metric=metric, mine=mine, base=base, shares=shares) -> np.ndarray:
                    errors = 1 - values if metric in HIGHER_IS_BETTER else values
                    return labels_needed(np.array(shares) / 100, errors[:, mine], errors[:, base])

                value = needed(values[None])[0]
                low, high = share_interval(needed(sampled.resampled[metric]), confidence)
                known = not np.isnan(value)
                row |= {"needed": value, "low": low, "high": high, "over": sampled.over(*mine, *base) if known else ""}
                found.append(row | {"problem": "" if known else "undefined: a metric on the curve is undefined"})
    return pd.DataFrame(found, columns=LABELS_SAVED_COLUMNS)
