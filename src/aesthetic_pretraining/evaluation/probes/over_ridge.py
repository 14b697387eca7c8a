"""Every fine-tuned row with all labels against ridge regression on ImageNet's frozen features, with intervals (docs/statistics.md).

Fine-tuning that does not beat a linear model of the features that it starts from has taught nothing that shows in the scores.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from aesthetic_pretraining.evaluation.runs import UNTRAINED, Run
from aesthetic_pretraining.evaluation.statistics.intervals import IntervalConfig, resample, to_one
from aesthetic_pretraining.evaluation.statistics.training_luck import RIDGE
from aesthetic_pretraining.settings.labels import Labels

OVER_COLUMNS = ["init", "metric", "difference", "low", "high", "over", "detectable"]


def over_ridge(
    predictions: Mapping[Run, pd.DataFrame], ridge: pd.DataFrame, config: IntervalConfig, labels: Labels, share: int = 100
) -> pd.DataFrame:
    """Differences, row minus ridge, of all metrics on the set that networks are trained on: columns `OVER_COLUMNS`.

    Images and seeds are resampled as for Table 2's intervals, both sides on the same images; ridge has no seeds.

    Args:
        predictions: frames by run; only those on the home set at `share` count.
        ridge: the predictions of ridge regression for the same images (`probe.probe`).
    Raises: UserError if ImageNet's own predictions cannot be used.
    """
    home = labels.home.name
    mine = {run: frame for run, frame in predictions.items() if run.dataset == home and run.share == share}
    mine[Run(RIDGE, share, UNTRAINED, 0, home)] = ridge
    test = resample(mine, config, labels)[home]
    rows = [
        (init, metric, *numbers)
        for metric in test.sampled.value
        for (init, _), *numbers in to_one(test, metric, (RIDGE, share), config.confidence)
    ]
    return pd.DataFrame(rows, columns=OVER_COLUMNS)


def beyond_noise(rows: pd.DataFrame, side: int) -> np.ndarray:
    """Which rows' intervals of the difference lie wholly above zero (side 1) or below it (-1)."""
    return ((rows["low"] > 0) if side > 0 else (rows["high"] < 0)).to_numpy()
