"""Table 2: six initialisations on AVA and TID2013, our numbers beside the published ones.

`build` makes the whole table as one frame, which is saved as `table2.csv`. `table2_print` prints the Markdown, LaTeX and HTML
versions from that frame only, so they cannot disagree.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from aesthetic_pretraining.evaluation.predictions import odd_rows, rows_of
from aesthetic_pretraining.evaluation.runs import Run, Training
from aesthetic_pretraining.evaluation.statistics import significance
from aesthetic_pretraining.initialisations import LABELS


class Column(NamedTuple):
    """One column of the table: name in the frame, metric, test set, printed decimals, and whether the maximum or minimum is best."""

    name: str
    title: str
    group: str
    decimals: int
    best: str  # "max", "min", or "" where the paper marks no best


TABLE2_COLUMNS = (
    Column("epochs", "Epochs", "", 0, ""),  # ASSUME: "the best value for each metric" is bold, and epochs are no metric
    Column("best_epoch", "Best epoch", "", 0, ""),
    Column("ava_lcc", "LCC", "AVA", 4, "max"),
    Column("ava_srcc", "SRCC", "AVA", 4, "max"),
    Column("ava_acc", "ACC", "AVA", 4, "max"),
    Column("ava_mae", "MAE", "AVA", 4, "min"),
    Column("tid2013_lcc", "LCC", "TID2013", 4, "max"),
    Column("tid2013_srcc", "SRCC", "TID2013", 4, "max"),
    Column("tid2013_mae", "MAE", "TID2013", 4, "min"),
)
NAMES = [column.name for column in TABLE2_COLUMNS]
TESTED = {"ava_mae": "ava", "tid2013_mae": "tid2013"}  # columns with daggers, and the test set of each
PROBLEMS = [f"{dataset}_problem" for dataset in TESTED.values()]
RESCALED = "tid2013_mae_rescaled"  # a footnote, not a column: the paper reports the error that is not rescaled
CONSTANTS = ["ava_n", "tid2013_n", "ava_majority", "ava_constant_mae"]  # properties of the test sets, equal in all rows


def build(
    metrics: pd.DataFrame,
    predictions: Mapping[Run, pd.DataFrame],
    published: pd.DataFrame,
    *,
    note: str = "",
    settings: str = "",
    warnings: Sequence[str] = (),
    references: Sequence[str] = (),
    alpha: float = significance.ALPHA,
    share: int = 100,
) -> pd.DataFrame:
    """Table 2 as a frame: the paper's rows in its order, then every other initialisation in the order of `metrics`.

    A row of the paper that `metrics` lacks has 0 seeds, and none of our numbers.

    Args:
        metrics: the metrics frame (`predictions.collect`); only rows with `share` percent of the labels are used.
        predictions: prediction frames by run (`predictions.read_predictions`), for the significance tests.
        published: the published table (resources/table2_published.csv).
        settings: how the networks were trained, as far as a reader has to know, such as the distortion table and engine.
        warnings: sentences on problems with this run's networks (`pretrained.warnings`), printed under the table.
        references: sentences on the baselines to beat (`references.sentences`), for the footnotes.
        note: a caveat that every printed version carries, such as "demo: simulated votes".
    Returns: columns
        init, label, seeds (number of training runs: fine-tuning seeds times pretraining seeds), pretrainings (number of pretraining seeds),
        capped (fraction of training runs that reached the cap of epochs);
        per column of the table, and for `RESCALED`, the mean over runs and `_sd` (sample standard deviation, empty for one run);
        per column `_published`;
        for the two MAEs `_tested` and `_smaller` (runs tested, and runs with smaller errors), `_p` (corrected), `_effect`, `_method`
        (of the least significant run), `_significant`, `_significant_published`;
        per test set `_problem` (why the row cannot be compared, else empty);
        comparisons, alpha, share, `CONSTANTS`; settings, references, warnings and note, if given.
        6 decimals; p values have 6 significant digits.
    Raises: ValueError naming a model that appears twice.
    """
    metrics = metrics[metrics["share"] == share]
    if (twice := metrics.duplicated([*Training._fields])).any():
        raise ValueError(f"two rows of metrics for {metrics[twice].iloc[0]['init']}")
    paper = list(published["initialisation"])
    inits = paper + [init for init in metrics["init"].unique() if init not in paper]

    groups = metrics.groupby("init")[[*NAMES, RESCALED, *CONSTANTS, "capped"]]
    # skipna=False: an undefined correlation of one seed must not vanish in the mean of the others.
    means = groups.agg(lambda values: values.mean(skipna=False)).reindex(inits).round(6)
    spreads = groups.agg(lambda values: values.std(ddof=1, skipna=False)).reindex(inits).round(6)  # ASSUME: +- is one sample sd
    quoted = published.set_index("initialisation").rename(columns=lambda name: name.replace("tid_", "tid2013_")).reindex(inits)
    tests = significance.compare(predictions, share=share, alpha=alpha).set_index(["dataset", "init"])
    chosen = {run: frame for run, frame in predictions.items() if run.share == share}

    table = pd.DataFrame({"init": inits, "label": [LABELS.get(init, init) for init in inits]})
    table["seeds"] = groups.size().reindex(inits, fill_value=0).to_numpy()
    table["pretrainings"] = metrics.groupby("init")["pretraining"].nunique().reindex(inits, fill_value=0).to_numpy()
    table["capped"] = means["capped"].to_numpy()
    for name in NAMES:
        table[name] = means[name].to_numpy()
        table[f"{name}_sd"] = spreads[name].to_numpy()
        table[f"{name}_published"] = quoted[name].to_numpy() if name in quoted else np.nan  # the paper has no best epoch
        if name in TESTED:
            tested = tests[tests.index.get_level_values(0) == TESTED[name]].droplevel(0).reindex(inits)
            table[f"{name}_tested"], table[f"{name}_smaller"] = tested["tested"].to_numpy(), tested["smaller"].to_numpy()
            table[f"{name}_p"] = [float(f"{p:.6g}") for p in tested["p"]]  # not round(): a p value of 1e-9 is not 0
            table[f"{name}_effect"] = tested["effect"].astype(float).round(6).to_numpy()
            table[f"{name}_method"] = tested["method"].to_numpy()
            table[f"{name}_significant"] = tested["significant"].to_numpy()
            table[f"{name}_significant_published"] = quoted[f"{name}_significant"].to_numpy()
    table[RESCALED], table[f"{RESCALED}_sd"] = means[RESCALED].to_numpy(), spreads[RESCALED].to_numpy()
    for dataset in TESTED.values():
        problems = odd_rows(rows_of(chosen, dataset))
        table[f"{dataset}_problem"] = [problems.get((init, share), "") for init in inits]
    table["comparisons"], table["alpha"], table["share"] = len(tests), alpha, share
    table[CONSTANTS] = means[CONSTANTS].dropna().iloc[0].to_numpy()
    table = table.astype({"ava_n": int, "tid2013_n": int})
    texts = {"settings": settings, "references": " ".join(references), "warnings": " ".join(warnings), "note": note}
    for name, text in texts.items():
        if text:
            table[name] = text
    return _typed(table)


def read(path: Path) -> pd.DataFrame:
    """Read the frame from table2.csv."""
    return _typed(
        pd.read_csv(
            path,
            dtype=dict.fromkeys(["init", "label", "settings", "references", "warnings", "note", *PROBLEMS], str),
            keep_default_na=False,
            na_values=[""],
        )
    )


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    """The frame with nullable booleans and integers: a test that was not made is NA, neither True nor False."""
    numbers = {name: "Int64" for name in table.columns if name.endswith(("_tested", "_smaller"))}
    booleans = {name: "boolean" for name in table.columns if "_significant" in name}
    return table.fillna(dict.fromkeys(PROBLEMS, "")).astype(numbers | booleans)
