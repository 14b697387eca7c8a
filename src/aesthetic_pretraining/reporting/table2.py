"""Table 2: every initialisation on every tested set, our numbers beside the published ones where the paper has them.

`build` makes the whole table as one frame, which is saved as `table2.csv` and describes its test sets itself (`sets_of`).
`table2_print` prints the Markdown, LaTeX and HTML versions from that frame only, so they cannot disagree.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from aesthetic_pretraining.evaluation.predictions import odd_rows, rows_of
from aesthetic_pretraining.evaluation.runs import Run, Training
from aesthetic_pretraining.evaluation.statistics import significance
from aesthetic_pretraining.initialisations import title_of
from aesthetic_pretraining.reporting.experiment import PAPER_HOME
from aesthetic_pretraining.settings.labels import FIELDS, LabelledSet


class Column(NamedTuple):
    """One column of the table: name in the frame, metric, test set, printed decimals, and whether the maximum or minimum is best."""

    name: str
    title: str
    group: str
    decimals: int
    best: str  # "max", "min", or "" where the paper marks no best


PUBLISHED = {"ava": "ava", "tid2013": "tid"}  # the sets of the paper's Table 2, by the names of resources/table2_published.csv
CORRELATIONS = (("lcc", "LCC", "max"), ("srcc", "SRCC", "max"))
ERROR, ACCURACY = ("mae", "MAE", "min"), ("acc", "ACC", "max")
TRAINING = (
    Column("epochs", "Epochs", "", 0, ""),  # ASSUME: "the best value for each metric" is bold, and epochs are no metric
    Column("best_epoch", "Best epoch", "", 0, ""),
)


def columns_of(sets: Iterable[LabelledSet]) -> tuple[Column, ...]:
    """The columns for these test sets, the first of which networks are trained on: only that one has an accuracy."""
    found = list(TRAINING)
    for k, each in enumerate(sets):
        metrics = (*CORRELATIONS, *(() if k else (ACCURACY,)), ERROR)
        found += [Column(f"{each.name}_{metric}", title, each.title, 4, best) for metric, title, best in metrics]
    return tuple(found)


def sets_of(table: pd.DataFrame) -> tuple[LabelledSet, ...]:
    """The test sets of a table, the one that networks are trained on first."""
    names = [name.removesuffix("_title") for name in table.columns if name.endswith("_title")]
    return tuple(LabelledSet(name, **{field: table[f"{name}_{field}"].iloc[0] for field in FIELDS}) for name in names)


def columns(table: pd.DataFrame) -> tuple[Column, ...]:
    """The columns of a table."""
    return columns_of(sets_of(table))


def tested(table: pd.DataFrame) -> dict[str, LabelledSet]:
    """{column with daggers: its test set}."""
    return {f"{each.name}_mae": each for each in sets_of(table)}


def problem_columns(names: Iterable[str]) -> list[str]:
    """Of a frame's columns, those that say why a row cannot be compared."""
    return [name for name in names if name.endswith("_problem")]


def build(
    metrics: pd.DataFrame,
    predictions: Mapping[Run, pd.DataFrame],
    published: pd.DataFrame,
    sets: Sequence[LabelledSet],
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
        sets: the test sets, the one that networks are trained on first (`Labels.tested`).
        settings: how the networks were trained, as far as a reader has to know, such as the distortion table and engine.
        warnings: sentences on problems with this run's networks (`pretrained.warnings`), printed under the table.
        references: sentences on the baselines to beat (`references.sentences`), for the footnotes.
        note: a caveat that every printed version carries, such as "demo: simulated votes".
    Returns: columns
        init, label, seeds (number of training runs: fine-tuning seeds times pretraining seeds), pretrainings (number of pretraining seeds),
        capped (fraction of training runs that reached the cap of epochs);
        per column of the table (`columns_of`), and for the `_mae_rescaled` of the further sets, the mean over runs and `_sd` (sample
        standard deviation, empty for one run);
        per column `_published`, empty for what the paper has not;
        for the MAEs `_tested` and `_smaller` (runs tested, and runs with smaller errors), `_p` (corrected), `_effect`, `_method`
        (of the least significant run), `_significant`, `_significant_published`;
        per test set `_problem` (why the row cannot be compared, else empty), its description (`settings.labels.FIELDS`) and `_n`; of
        the first set `_majority` and `_constant_mae`;
        comparisons, alpha, share; settings, references, warnings and note, if given.
        6 decimals; p values have 6 significant digits.
    Raises: ValueError naming a model that appears twice.
    """
    metrics = metrics[metrics["share"] == share]
    if (twice := metrics.duplicated([*Training._fields])).any():
        raise ValueError(f"two rows of metrics for {metrics[twice].iloc[0]['init']}")
    paper = list(published["initialisation"])
    inits = paper + [init for init in metrics["init"].unique() if init not in paper]

    names = [column.name for column in columns_of(sets)]
    rescaled = [f"{each.name}_mae_rescaled" for each in sets[1:]]
    constants = [*(f"{each.name}_n" for each in sets), f"{sets[0].name}_majority", f"{sets[0].name}_constant_mae"]
    groups = metrics.groupby("init")[[*names, *rescaled, *constants, "capped"]]
    # skipna=False: an undefined correlation of one seed must not vanish in the mean of the others.
    means = groups.agg(lambda values: values.mean(skipna=False)).reindex(inits).round(6)
    spreads = groups.agg(lambda values: values.std(ddof=1, skipna=False)).reindex(inits).round(6)  # ASSUME: +- is one sample sd
    quoted = _quoted(published, sets).reindex(inits)
    tests = significance.compare(predictions, share=share, alpha=alpha).set_index(["dataset", "init"])
    chosen = {run: frame for run, frame in predictions.items() if run.share == share}

    table = pd.DataFrame({"init": inits, "label": [title_of(init) for init in inits]})
    table["seeds"] = groups.size().reindex(inits, fill_value=0).to_numpy()
    table["pretrainings"] = metrics.groupby("init")["pretraining"].nunique().reindex(inits, fill_value=0).to_numpy()
    table["capped"] = means["capped"].to_numpy()
    for name in names:
        table[name] = means[name].to_numpy()
        table[f"{name}_sd"] = spreads[name].to_numpy()
        table[f"{name}_published"] = quoted[name].to_numpy() if name in quoted else np.nan  # the paper has no best epoch
        if name.endswith("_mae"):
            tried = tests[tests.index.get_level_values(0) == name.removesuffix("_mae")].droplevel(0).reindex(inits)
            table[f"{name}_tested"], table[f"{name}_smaller"] = tried["tested"].to_numpy(), tried["smaller"].to_numpy()
            table[f"{name}_p"] = [float(f"{p:.6g}") for p in tried["p"]]  # not round(): a p value of 1e-9 is not 0
            table[f"{name}_effect"] = tried["effect"].astype(float).round(6).to_numpy()
            table[f"{name}_method"] = tried["method"].to_numpy()
            table[f"{name}_significant"] = tried["significant"].to_numpy()
            marked = f"{name}_significant"
            table[f"{marked}_published"] = quoted[marked].to_numpy() if marked in quoted else pd.NA
    for name in rescaled:
        table[name], table[f"{name}_sd"] = means[name].to_numpy(), spreads[name].to_numpy()
    for each in sets:
        problems = odd_rows(rows_of(chosen, each.name))
        table[f"{each.name}_problem"] = [problems.get((init, share), "") for init in inits]
    table["comparisons"], table["alpha"], table["share"] = len(tests), alpha, share
    table[constants] = means[constants].dropna().iloc[0].to_numpy()
    table = table.astype({f"{each.name}_n": int for each in sets})
    described = {f"{each.name}_{field}": getattr(each, field) for each in sets for field in FIELDS}
    table = pd.concat([table, pd.DataFrame([described] * len(table), index=table.index)], axis=1)
    texts = {"settings": settings, "references": " ".join(references), "warnings": " ".join(warnings), "note": note}
    for name, text in texts.items():
        if text:
            table[name] = text
    return _typed(table)


def read(path: Path) -> pd.DataFrame:
    """Read the frame from table2.csv."""
    names = list(pd.read_csv(path, nrows=0).columns)
    texts = ["init", "label", "settings", "references", "warnings", "note", *problem_columns(names)]
    texts += [name for name in names if name.endswith("_title")]
    return _typed(pd.read_csv(path, dtype=dict.fromkeys(texts, str), keep_default_na=False, na_values=[""]))


def _quoted(published: pd.DataFrame, sets: Sequence[LabelledSet]) -> pd.DataFrame:
    """The published table with the names of ours, for these sets alone; its epochs only where networks are trained on its set."""
    quoted = published.set_index("initialisation")
    kept = {"epochs": "epochs"} if sets[0].name == PAPER_HOME else {}
    for each in sets:
        if start := PUBLISHED.get(each.name):
            kept |= {
                name: f"{each.name}_{name.removeprefix(f'{start}_')}" for name in quoted.columns if name.startswith(f"{start}_")
            }
    return quoted[list(kept)].rename(columns=kept)


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    """The frame with nullable booleans and integers: a test that was not made is NA, neither True nor False."""
    numbers = {name: "Int64" for name in table.columns if name.endswith(("_tested", "_smaller"))}
    booleans = {name: "boolean" for name in table.columns if "_significant" in name}
    return table.fillna(dict.fromkeys(problem_columns(table.columns), "")).astype(numbers | booleans)
