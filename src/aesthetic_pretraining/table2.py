"""Table 2: six initialisations on AVA and TID2013, ours beside the published numbers.

`build` makes the whole table as one frame, `table2.csv` is that frame, and the Markdown, LaTeX and HTML versions are printed
from it alone, so they cannot disagree.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from aesthetic_pretraining import significance
from aesthetic_pretraining.files import atomic_path
from aesthetic_pretraining.markup import escape_latex, escape_markdown
from aesthetic_pretraining.names import BASELINE, LABELS
from aesthetic_pretraining.pairing import odd_rows, rows_of
from aesthetic_pretraining.runs import Run, Training


class Column(NamedTuple):
    """One column of the table: name in the frame, what it measures, test set, printed decimals, which end is best."""

    name: str
    title: str
    group: str
    decimals: int
    best: str  # "max", "min", or "" where the paper marks no best


COLUMNS = (
    Column("epochs", "Epochs", "", 0, ""),  # ASSUME: "the best value for each metric" is bold, and epochs are no metric
    Column("ava_lcc", "LCC", "AVA", 4, "max"),
    Column("ava_srcc", "SRCC", "AVA", 4, "max"),
    Column("ava_acc", "ACC", "AVA", 4, "max"),
    Column("ava_mae", "MAE", "AVA", 4, "min"),
    Column("tid2013_lcc", "LCC", "TID2013", 4, "max"),
    Column("tid2013_srcc", "SRCC", "TID2013", 4, "max"),
    Column("tid2013_mae", "MAE", "TID2013", 4, "min"),
)
NAMES = [column.name for column in COLUMNS]
TESTED = {"ava_mae": "ava", "tid2013_mae": "tid2013"}  # columns with daggers, and the test set behind each
PROBLEMS = [f"{dataset}_problem" for dataset in TESTED.values()]
CONSTANTS = ["ava_n", "tid2013_n", "ava_majority", "ava_constant_mae"]  # facts about the test sets, equal in all rows
MISSING = "–"  # not trained in this run
UNDEFINED = "undef."  # trained, but the metric has no value
ODD = "‡"  # scored other pictures, or other labels, than ImageNet


class Cell(NamedTuple):
    """One printed number: the mean over seeds, its spread ("" for one seed), the published value ("" if none), three marks."""

    mean: str
    spread: str
    published: str
    best: bool
    dagger: bool
    odd: bool


def build(
    metrics: pd.DataFrame,
    predictions: Mapping[Run, pd.DataFrame],
    published: pd.DataFrame,
    *,
    note: str = "",
    settings: str = "",
    alpha: float = significance.ALPHA,
    share: int = 100,
) -> pd.DataFrame:
    """Table 2 as a frame, the paper's rows in its order, then every other initialisation in the order of `metrics`.

    Args:
        metrics: the metrics frame (`metrics.collect`); only rows of `share` percent of the labels enter.
        predictions: prediction frames by run (`metrics.read_predictions`), for the significance tests.
        published: the published table (resources/table2_published.csv).
        settings: what a reader has to know of how the networks came about, such as the table and the engine of the distortions.
        note: a caveat that every printed version has to carry, such as "demo: simulated votes".
    Returns: columns init, label, seeds (their number), capped (share of them that the cap of epochs ended); per column of the
        table its mean over the seeds, `_sd` (sample standard deviation, empty for one seed) and `_published`; for the two MAEs
        `_p` (corrected), `_effect`, `_method`, `_significant` and `_significant_published`; per test set `_problem` (why the row
        cannot be compared, else empty); comparisons, alpha, share, `CONSTANTS`; settings and note, if there are any. 6 decimals;
        p values 6 digits.
    A row of the paper that `metrics` lacks is there with 0 seeds and empty numbers of ours.
    Raises: ValueError naming a model that is there twice.
    """
    metrics = metrics[metrics["share"] == share]
    if (twice := metrics.duplicated([*Training._fields])).any():
        raise ValueError(f"two rows of metrics for {metrics[twice].iloc[0]['init']}")
    paper = list(published["initialisation"])
    inits = paper + [init for init in metrics["init"].unique() if init not in paper]

    groups = metrics.groupby("init")[[*NAMES, *CONSTANTS, "capped"]]
    # An undefined correlation of one seed must not vanish in the mean of the others.
    means = groups.agg(lambda values: values.mean(skipna=False)).reindex(inits).round(6)
    spreads = groups.agg(lambda values: values.std(ddof=1, skipna=False)).reindex(inits).round(6)  # ASSUME: +- is one sample sd
    quoted = published.set_index("initialisation").rename(columns=lambda name: name.replace("tid_", "tid2013_")).reindex(inits)
    tests = significance.compare(predictions, share=share, alpha=alpha).set_index(["dataset", "init"])
    chosen = {run: frame for run, frame in predictions.items() if run.share == share}

    table = pd.DataFrame({"init": inits, "label": [LABELS.get(init, init) for init in inits]})
    table["seeds"] = groups.size().reindex(inits, fill_value=0).to_numpy()
    table["capped"] = means["capped"].to_numpy()
    for name in NAMES:
        table[name] = means[name].to_numpy()
        table[f"{name}_sd"] = spreads[name].to_numpy()
        table[f"{name}_published"] = quoted[name].to_numpy()
        if name in TESTED:
            tested = tests[tests.index.get_level_values(0) == TESTED[name]].droplevel(0).reindex(inits)
            table[f"{name}_p"] = [float(f"{p:.6g}") for p in tested["p"]]  # not round(): a p value of 1e-9 is not 0
            table[f"{name}_effect"] = tested["effect"].astype(float).round(6).to_numpy()
            table[f"{name}_method"] = tested["method"].to_numpy()
            table[f"{name}_significant"] = tested["significant"].to_numpy()
            table[f"{name}_significant_published"] = quoted[f"{name}_significant"].to_numpy()
    for dataset in TESTED.values():
        problems = odd_rows(rows_of(chosen, dataset))
        table[f"{dataset}_problem"] = [problems.get((init, share), "") for init in inits]
    table["comparisons"], table["alpha"], table["share"] = len(tests), alpha, share
    table[CONSTANTS] = means[CONSTANTS].dropna().iloc[0].to_numpy()
    table = table.astype({"ava_n": int, "tid2013_n": int})
    for name, text in (("settings", settings), ("note", note)):
        if text:
            table[name] = text
    return _typed(table)


def read(path: Path) -> pd.DataFrame:
    """The frame back from table2.csv."""
    return _typed(
        pd.read_csv(
            path,
            dtype=dict.fromkeys(["init", "label", "settings", "note", *PROBLEMS], str),
            keep_default_na=False,
            na_values=[""],
        )
    )


def rows(table: pd.DataFrame) -> list[tuple[str, list[Cell]]]:
    """The printed table: per row its label and one `Cell` per entry of `COLUMNS`, on which all printed versions agree."""
    best = {}
    for column in COLUMNS:
        # Compare what is printed: two values that look alike are both best. Other pictures are no competition.
        values = table[column.name].round(column.decimals).mask([_odd(row, column) for _, row in table.iterrows()])
        best[column.name] = values.eq(getattr(values, column.best)()) if column.best else values.isna() & False
    return [
        (record["label"], [_cell(record, column, bool(best[column.name][index])) for column in COLUMNS])
        for index, record in table.iterrows()
    ]


def footnotes(table: pd.DataFrame) -> list[str]:
    """What a reader needs under the table, as plain sentences."""
    first = table.iloc[0]
    seeds = sorted(set(table["seeds"]) - {0})
    methods = {method for name in TESTED for method in table[f"{name}_method"].dropna()}
    lines = [f"† {significance.sentence(int(first['comparisons']), first['alpha'], methods)}."]
    if len(seeds) > 1:
        lines.append(
            "Mean ± standard deviation over seeds, whose number differs: "
            + ", ".join(f"{row.label} {row.seeds}" for row in table.itertuples() if row.seeds)
            + "."
        )
    elif seeds != [1]:
        lines.append(f"Mean ± standard deviation over seeds; number of seeds: {seeds[0]}.")
    lines.append(
        f"{first['ava_n']:,} AVA and {first['tid2013_n']:,} TID2013 pictures, {first['share']} % of the training labels. "
        f"On AVA, always saying the majority class has ACC {first['ava_majority']:.4f}, "
        f"always predicting the mean training score has MAE {first['ava_constant_mae']:.4f}."
    )
    if (capped := table["label"][table["capped"] > 0]).any():
        lines.append(f"Ended by the cap of epochs, not by early stopping, at least once: {', '.join(capped)}.")
    if "settings" in table:
        lines.append(f"{first['settings']}.")
    if (table[NAMES].isna().any(axis=1) & (table["seeds"] > 0)).any():
        lines.append(f"{UNDEFINED}: undefined, because a seed has fewer than three pictures or scores that are all equal.")
    for name in PROBLEMS:
        for row in table[table[name] != ""].itertuples():
            lines.append(
                f"{ODD} {row.label} cannot be compared on {name.removesuffix('_problem').upper()}: {getattr(row, name)}."
            )
    if (absent := table["label"][table["seeds"] == 0]).any():
        lines.append(f"Not trained in this run: {', '.join(absent)}.")
    return lines


def to_markdown(table: pd.DataFrame) -> str:
    """The table as GitHub Markdown, note first."""
    heads = ["Pretext task", *(f"{c.group} {c.title}{_arrow(c, '↑', '↓')}".strip() for c in COLUMNS)]
    lines = [f"**{escape_markdown(note_of(table))}**", ""] if note_of(table) else []
    lines += ["| " + " | ".join(heads) + " |", "|---|" + "---:|" * len(COLUMNS)]
    for label, cells in rows(table):
        lines.append("| " + " | ".join([escape_markdown(label), *map(_markdown_cell, cells)]) + " |")
    return "\n".join([*lines, "", *(f"{line}\n" for line in footnotes(table))])


def to_latex(table: pd.DataFrame) -> str:
    """The table for LaTeX: a `table*` that needs the package booktabs; note and footnotes are in the caption."""
    caption = " ".join(filter(None, [note_of(table) and f"[{note_of(table)}]", "Performance results.", *footnotes(table)]))
    heads = ["Pretext task", *(c.title + _arrow(c, r" $\uparrow$", r" $\downarrow$") for c in COLUMNS)]
    body = [" & ".join([escape_latex(label), *map(_latex_cell, cells)]) + r" \\" for label, cells in rows(table)]
    return "\n".join(
        [
            r"\begin{table*}",
            r"\centering",
            rf"\caption{{{escape_latex(caption)}}}",
            r"\begin{tabular}{lr" + "r" * (len(COLUMNS) - 1) + "}",
            r"\toprule",
            r" & & \multicolumn{4}{c}{AVA} & \multicolumn{3}{c}{TID2013} \\",
            r"\cmidrule(lr){3-6}\cmidrule(lr){7-9}",
            " & ".join(heads) + r" \\",
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table*}",
            "",
        ]
    )


def write(table: pd.DataFrame, *paths: Path) -> None:
    """Write the table to each path as its suffix says: .csv, .md or .tex. Same table, same bytes."""
    printers = {".csv": lambda t: t.to_csv(index=False, lineterminator="\n"), ".md": to_markdown, ".tex": to_latex}
    for path in map(Path, paths):
        if path.suffix not in printers:
            raise ValueError(f"{path}: a table is written as one of {', '.join(printers)}")
        with atomic_path(path) as temporary:
            temporary.write_text(printers[path.suffix](table), encoding="utf-8")


def note_of(table: pd.DataFrame) -> str:
    """The note that the table carries, "" if none."""
    return table["note"].iloc[0] if "note" in table else ""


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    """The same frame with three-valued booleans: a test that was not made is empty, neither True nor False."""
    return table.fillna(dict.fromkeys(PROBLEMS, "")).astype(
        {name: "boolean" for name in table.columns if "_significant" in name}
    )


def _odd(record: pd.Series, column: Column) -> bool:
    """Whether a row was trained, but cannot be compared on the test set of a column."""
    return bool(record["seeds"] and record.get(f"{column.name.rsplit('_', 1)[0]}_problem", ""))


def _cell(record: pd.Series, column: Column, best: bool) -> Cell:
    spread, published = record[f"{column.name}_sd"], record[f"{column.name}_published"]
    # Epochs of several seeds have a fractional mean.
    decimals = column.decimals or (1 if not np.isnan(spread) else 0)
    dagger = column.name in TESTED and record["init"] != BASELINE and record[f"{column.name}_significant"] is True
    absent = UNDEFINED if record["seeds"] else MISSING
    return Cell(
        mean=absent if np.isnan(record[column.name]) else f"{record[column.name]:.{decimals}f}",
        spread="" if np.isnan(spread) else f"{spread:.{decimals}f}",
        published="" if np.isnan(published) else f"{published:.{column.decimals}f}",
        best=best,
        dagger=dagger,
        odd=_odd(record, column),
    )


def _arrow(column: Column, up: str, down: str) -> str:
    return {"max": up, "min": down, "": ""}[column.best]


def _markdown_cell(cell: Cell) -> str:
    mean = f"**{cell.mean}**" if cell.best else cell.mean
    return mean + (f" ± {cell.spread}" if cell.spread else "") + (" †" if cell.dagger else "") + (f" {ODD}" if cell.odd else "")


def _latex_cell(cell: Cell) -> str:
    mean = rf"\textbf{{{cell.mean}}}" if cell.best else cell.mean.replace(MISSING, "--")
    marks = (r"$^\dagger$" if cell.dagger else "") + (r"$^\ddagger$" if cell.odd else "")
    return mean + (rf" $\pm$ {cell.spread}" if cell.spread else "") + marks
