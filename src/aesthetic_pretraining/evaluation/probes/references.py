"""Sentences on the baselines for fine-tuned networks: a constant, and ridge regression on frozen ImageNet features.

The numbers are metrics/references.csv and metrics/over_ridge.csv, which the rules `probe` and `over_ridge` compute.
"""

import pandas as pd

from aesthetic_pretraining.evaluation.probes.over_ridge import beyond_noise
from aesthetic_pretraining.evaluation.statistics.labels_saved import HIGHER_IS_BETTER
from aesthetic_pretraining.evaluation.statistics.training_luck import RIDGE
from aesthetic_pretraining.initialisations import BASELINE, title_of
from aesthetic_pretraining.settings.labels import Labels

CONSTANT = "constant"  # always the training images' mean score, and their mean histogram of votes
REFERENCE_COLUMNS = ["reference", "split", "metric", "value", "low", "high", "pictures"]
SHOWN = {"lcc": "LCC", "srcc": "SRCC", "acc": "ACC", "mae": "MAE"}


def value(references: pd.DataFrame, reference: str, split: str, metric: str) -> float:
    """One number of metrics/references.csv; NaN if there is none."""
    row = references[references[["reference", "split", "metric"]].eq([reference, split, metric]).all(axis=1)]
    return float(row["value"].iloc[0]) if len(row) else float("nan")


def sentences(references: pd.DataFrame, over: pd.DataFrame, labels: Labels) -> list[str]:
    """Footnotes for Table 2: the baselines on the home set's test images, and the rows that do not beat ImageNet + ridge.

    Args:
        references: columns `REFERENCE_COLUMNS`.
        over: columns `over_ridge.OVER_COLUMNS`.
    """
    test = references[references["reference"].eq(RIDGE) & references["split"].eq("test")].set_index("metric")
    numbers = ", ".join(f"{title} {_spelled(test.loc[name])}" for name, title in SHOWN.items())
    home, ridge = labels.home, f"{title_of(BASELINE)} + ridge"
    lines = [
        f"Baseline on {home.title}: {ridge}, a linear probe of the features that fine-tuning starts from, has {numbers}.",
        f"Always predicting the training images' mean histogram gives EMD (r = 2) {value(references, CONSTANT, 'test', 'emd2'):.4f}, "
        f"{ridge} {_spelled(test.loc['emd2'])}.",
    ]
    for name, title in SHOWN.items():
        lines.append(_not_better(over[over["metric"] == name], name, title, ridge, home.title))
    return lines


def _not_better(rows: pd.DataFrame, metric: str, title: str, ridge: str, on: str) -> str:
    """Which rows are worse than ridge in one metric, by their means and beyond noise."""
    known = rows.dropna(subset="difference")
    if known.empty:
        return f"Rows cannot be compared with {ridge} in {title}, which is undefined."
    sign = 1 if metric in HIGHER_IS_BETTER else -1
    worse = known[sign * known["difference"] < 0]
    # semicolons, because names of comparison rows have commas
    named = "; ".join(f"{title_of(row.init)} ({row.difference:+.4f})" for row in worse.itertuples())
    above, below = ("; ".join(map(title_of, known["init"][beyond_noise(known, sign * side)])) for side in (1, -1))
    said = (
        f"Worse than {ridge} in {title} on {on}: {named or 'no row'}. Beyond noise better: {above or 'no row'}. Beyond noise worse: "
        f"{below or 'no row'}."
    )
    undefined = "; ".join(map(title_of, rows["init"][rows["difference"].isna()]))
    return f"{said} Without a value to compare: {undefined}." if undefined else said


def _spelled(row: pd.Series) -> str:
    """A value with its interval, if there is one."""
    ends = "" if pd.isna(row["low"]) else f" [{row['low']:.4f}, {row['high']:.4f}]"
    return "undefined" if pd.isna(row["value"]) else f"{row['value']:.4f}{ends}"
