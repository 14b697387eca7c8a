"""Sentences on the baselines for fine-tuned networks: a constant, and ridge regression on frozen ImageNet features.

The numbers are metrics/references.csv, which rule `probe` computes.
"""

import pandas as pd

from aesthetic_pretraining.initialisations import BASELINE
from aesthetic_pretraining.initialisations import LABELS as NAMES
from aesthetic_pretraining.settings.labels import Labels

CONSTANT = "constant"  # always the training images' mean score, and their mean histogram of votes
RIDGE = f"{BASELINE}_ridge"
REFERENCE_COLUMNS = ["reference", "split", "metric", "value", "low", "high", "pictures"]
SHOWN = {"lcc": "LCC", "srcc": "SRCC", "acc": "ACC", "mae": "MAE"}


def value(references: pd.DataFrame, reference: str, split: str, metric: str) -> float:
    """One number of metrics/references.csv; NaN if there is none."""
    row = references[references[["reference", "split", "metric"]].eq([reference, split, metric]).all(axis=1)]
    return float(row["value"].iloc[0]) if len(row) else float("nan")


def sentences(references: pd.DataFrame, metrics: pd.DataFrame, labels: Labels, share: int = 100) -> list[str]:
    """Footnotes for Table 2: the baselines on the home set's test images, and the rows that do not beat ImageNet + ridge.

    Args:
        references: columns `REFERENCE_COLUMNS`.
        metrics: the metrics frame; rows of the table are means over the networks of one initialisation at `share`.
    """
    test = references[references["reference"].eq(RIDGE) & references["split"].eq("test")].set_index("metric")
    numbers = ", ".join(f"{title} {_spelled(test.loc[name])}" for name, title in SHOWN.items())
    base = test.loc["srcc", "value"]
    home = labels.home
    lines = [
        f"Baseline on {home.title}: {NAMES[BASELINE]} + ridge, a linear probe of the features that fine-tuning starts from, has {numbers}.",
        f"Always predicting the training images' mean histogram gives EMD (r = 2) {value(references, CONSTANT, 'test', 'emd2'):.4f}, "
        f"{NAMES[BASELINE]} + ridge {_spelled(test.loc['emd2'])}.",
    ]
    if pd.isna(base):
        return [*lines, f"Rows cannot be compared with {NAMES[BASELINE]} + ridge, whose SRCC is undefined."]
    reached = metrics[metrics["share"] == share].groupby("init", sort=False)[f"{home.name}_srcc"]
    reached = reached.agg(lambda v: v.mean(skipna=False))
    below = [f"{NAMES.get(init, init)} ({srcc:.4f})" for init, srcc in reached.items() if srcc < base]
    undefined = [NAMES.get(init, init) for init in reached.index[reached.isna()]]
    lines.append(
        f"Below {NAMES[BASELINE]} + ridge in SRCC on {home.title}: {', '.join(below)}."
        if below
        else f"No row with an SRCC on {home.title} is below {NAMES[BASELINE]} + ridge."
    )
    return [*lines, f"Without an SRCC on {home.title} to compare: {', '.join(undefined)}."] if undefined else lines


def _spelled(row: pd.Series) -> str:
    """A value with its interval, if there is one."""
    ends = "" if pd.isna(row["low"]) else f" [{row['low']:.4f}, {row['high']:.4f}]"
    return "undefined" if pd.isna(row["value"]) else f"{row['value']:.4f}{ends}"
