"""Table 2 in print: the same cells and footnotes in Markdown, LaTeX and HTML, from the frame of `table2` only."""

from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from aesthetic_pretraining.evaluation.statistics import significance
from aesthetic_pretraining.files import atomic_path
from aesthetic_pretraining.initialisations import BASELINE
from aesthetic_pretraining.reporting.markup import escape_latex, escape_markdown
from aesthetic_pretraining.reporting.table2 import NAMES, PROBLEMS, RESCALED, TABLE2_COLUMNS, TESTED, Column

MISSING = "–"  # not trained in this run
UNDEFINED = "undef."  # trained, but the metric has no value
ODD = "‡"  # evaluated on other images, or other labels, than ImageNet
EPOCHS = (
    "Epochs: until fine-tuning stopped, as the paper defines its column. Best epoch: that of the network that is kept and tested. If "
    "the paper's numbers are best epochs (its notebook reads files named by these numbers, fidelity row 35), it stopped about 10 "
    "epochs later, and its saving of 47 % of the epochs would be about 45 %."
)
SCALES = (
    "TID2013 MAE compares predictions on 1 to 10 with opinion scores on 0 to 9 without rescaling, as the published errors suggest; "
    "with predictions rescaled linearly to 0 to 9 it is"
)


class Cell(NamedTuple):
    """One printed number.

    Attributes:
        mean: over training runs. spread: standard deviation over them, "" for one run. published: "" if there is none.
        best, dagger, odd: whether it is the best of its column, significantly better than ImageNet, not comparable.
        smaller: "k/n" if in k of several tested runs the errors are significantly smaller than ImageNet's, else "".
    """

    mean: str
    spread: str
    published: str
    best: bool
    dagger: bool
    odd: bool
    smaller: str


def rows(table: pd.DataFrame) -> list[tuple[str, list[Cell]]]:
    """The printed table, common to all versions: per row its label and one `Cell` per entry of `TABLE2_COLUMNS`."""
    best = {}
    for column in TABLE2_COLUMNS:
        # Compare rounded values, so that two that print alike are both best. Rows that are not comparable do not compete.
        values = table[column.name].round(column.decimals).mask([_odd(row, column) for _, row in table.iterrows()])
        best[column.name] = values.eq(getattr(values, column.best)()) if column.best else values.isna() & False
    return [
        (record["label"], [_cell(record, column, bool(best[column.name][index])) for column in TABLE2_COLUMNS])
        for index, record in table.iterrows()
    ]


def footnotes(table: pd.DataFrame) -> list[str]:
    """The footnotes of the table, as plain sentences."""
    first = table.iloc[0]
    seeds = sorted(set(table["seeds"]) - {0})
    methods = {method for name in TESTED for method in table[f"{name}_method"].dropna()}
    lines = [f"† {significance.sentence(int(first['comparisons']), first['alpha'], methods)}."]
    if len(seeds) > 1:
        numbers = [
            f"{row.label} {row.seeds}" + (f" from {row.pretrainings} pretrainings" if row.pretrainings > 1 else "")
            for row in table.itertuples()
            if row.seeds
        ]
        lines.append(f"Mean ± standard deviation over training runs, whose number differs: {', '.join(numbers)}.")
    elif seeds != [1]:
        lines.append(f"Mean ± standard deviation over training runs; number of runs: {seeds[0]}.")
    lines += [*_luck(table), EPOCHS]
    lines.append(
        f"{first['ava_n']:,} AVA and {first['tid2013_n']:,} TID2013 images, {first['share']} % of the training labels. "
        f"On AVA, always predicting the majority class gives ACC {first['ava_majority']:.4f}, "
        f"always predicting the mean training score gives MAE {first['ava_constant_mae']:.4f}."
    )
    lines += _rescaled(table)
    for name, dataset in TESTED.items():
        for row in table[table[f"{name}_tested"] < table["seeds"]].itertuples():
            lines.append(
                f"{row.label}: only {getattr(row, f'{name}_tested')} of {row.seeds} training runs were tested on {dataset.upper()}, "
                "because ImageNet lacks their fine-tuning seeds."
            )
    if "references" in table:
        lines.append(first["references"])
    if (capped := table["label"][table["capped"] > 0]).any():
        lines.append(f"Ended by the cap of epochs rather than by early stopping at least once: {', '.join(capped)}.")
    if "settings" in table:
        lines.append(f"{first['settings']}.")
    if "warnings" in table:
        lines.append(first["warnings"])
    if (table[NAMES].isna().any(axis=1) & (table["seeds"] > 0)).any():
        lines.append(f"{UNDEFINED}: undefined, because a seed has fewer than three images or all of its scores are equal.")
    for name in PROBLEMS:
        for row in table[table[name] != ""].itertuples():
            lines.append(
                f"{ODD} {row.label} cannot be compared on {name.removesuffix('_problem').upper()}: {getattr(row, name)}."
            )
    if (absent := table["label"][table["seeds"] == 0]).any():
        lines.append(f"Not trained in this run: {', '.join(absent)}.")
    return lines


def tests(table: pd.DataFrame) -> list[tuple[str, list[str]]]:
    """(label, a text per test set) of each row that was tested: the largest corrected p, and how many training runs are significant."""
    found = []
    for _, row in table.iterrows():
        texts = [
            f"{row[f'{name}_p']:.3g} ({row[f'{name}_smaller']} of {row[f'{name}_tested']})"
            if pd.notna(row[f"{name}_p"])
            else MISSING
            for name in TESTED
        ]
        found += [(row["label"], texts)] if set(texts) != {MISSING} else []
    return found


def _luck(table: pd.DataFrame) -> list[str]:
    """Footnotes on the variation that single training runs cannot show."""
    once = list(table["label"][table["seeds"] == 1])
    rows = table[(table["seeds"] > 1) & (table["init"] != BASELINE) & (table["pretrainings"] == 1)]
    lines = []
    if once:
        which = "each row" if len(once) == (table["seeds"] > 0).sum() else ", ".join(once)
        lines.append(f"One training run of {which}: the variation between runs is unknown and in no interval.")
    if len(rows):
        lines.append("One pretraining run per task: the variation between pretraining runs is in neither ± nor any interval.")
    return lines


def _rescaled(table: pd.DataFrame) -> list[str]:
    """The footnote on TID2013's error on the dataset's own scale, 0..9."""
    numbers = [
        f"{row['label']} {row[RESCALED]:.4f}" + ("" if np.isnan(row[f"{RESCALED}_sd"]) else f" ± {row[f'{RESCALED}_sd']:.4f}")
        for _, row in table[table[RESCALED].notna()].iterrows()
    ]
    return [f"{SCALES}: {', '.join(numbers)}."] if numbers else []


def to_markdown(table: pd.DataFrame) -> str:
    """The table as GitHub Markdown, note first."""
    heads = ["Pretext task", *(f"{c.group} {c.title}{_arrow(c, '↑', '↓')}".strip() for c in TABLE2_COLUMNS)]
    lines = [f"**{escape_markdown(note_of(table))}**", ""] if note_of(table) else []
    lines += ["| " + " | ".join(heads) + " |", "|---|" + "---:|" * len(TABLE2_COLUMNS)]
    for label, cells in rows(table):
        lines.append("| " + " | ".join([escape_markdown(label), *map(_markdown_cell, cells)]) + " |")
    return "\n".join([*lines, "", *(f"{line}\n" for line in footnotes(table))])


def to_latex(table: pd.DataFrame) -> str:
    """The table for LaTeX: a `table*` (needs the package booktabs) with note and footnotes in the caption."""
    caption = " ".join(filter(None, [note_of(table) and f"[{note_of(table)}]", "Performance results.", *footnotes(table)]))
    heads = ["Pretext task", *(c.title + _arrow(c, r" $\uparrow$", r" $\downarrow$") for c in TABLE2_COLUMNS)]
    body = [" & ".join([escape_latex(label), *map(_latex_cell, cells)]) + r" \\" for label, cells in rows(table)]
    return "\n".join(
        [
            r"\begin{table*}",
            r"\centering",
            rf"\caption{{{escape_latex(caption)}}}",
            r"\begin{tabular}{lr" + "r" * (len(TABLE2_COLUMNS) - 1) + "}",
            r"\toprule",
            *_latex_groups(),
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
    """Write the table to each path in the format of its suffix: .csv, .md or .tex. Equal tables give equal bytes."""
    printers = {".csv": lambda t: t.to_csv(index=False, lineterminator="\n"), ".md": to_markdown, ".tex": to_latex}
    for path in map(Path, paths):
        if path.suffix not in printers:
            raise ValueError(f"{path}: a table is written as one of {', '.join(printers)}")
        with atomic_path(path) as temporary:
            temporary.write_text(printers[path.suffix](table), encoding="utf-8")


def note_of(table: pd.DataFrame) -> str:
    """The note that the table carries, "" if there is none."""
    return table["note"].iloc[0] if "note" in table else ""


def _odd(record: pd.Series, column: Column) -> bool:
    """Whether a row was trained but cannot be compared on the test set of a column."""
    return bool(record["seeds"] and record.get(f"{column.name.rsplit('_', 1)[0]}_problem", ""))


def _cell(record: pd.Series, column: Column, best: bool) -> Cell:
    spread, published = record[f"{column.name}_sd"], record[f"{column.name}_published"]
    # the mean epoch of several seeds is fractional
    decimals = column.decimals or (1 if not np.isnan(spread) else 0)
    dagger = column.name in TESTED and record["init"] != BASELINE and record[f"{column.name}_significant"] is True
    tested = record[f"{column.name}_tested"] if column.name in TESTED and pd.notna(record[f"{column.name}_tested"]) else 0
    absent = UNDEFINED if record["seeds"] else MISSING
    return Cell(
        mean=absent if np.isnan(record[column.name]) else f"{record[column.name]:.{decimals}f}",
        spread="" if np.isnan(spread) else f"{spread:.{decimals}f}",
        published="" if np.isnan(published) else f"{published:.{column.decimals}f}",
        best=best,
        dagger=dagger,
        odd=_odd(record, column),
        smaller=f"{record[f'{column.name}_smaller']}/{tested}" if tested > 1 else "",
    )


def _latex_groups() -> list[str]:
    """The line with the test sets above the column heads, and the rules below it."""
    line, rules, at = "", "", 2
    for group, columns in groupby(TABLE2_COLUMNS, key=lambda column: column.group):
        width = len(list(columns))
        line += rf" & \multicolumn{{{width}}}{{c}}{{{group}}}" if group else " &" * width
        rules += rf"\cmidrule(lr){{{at}-{at + width - 1}}}" if group else ""
        at += width
    return [line + r" \\", rules]


def _arrow(column: Column, up: str, down: str) -> str:
    return {"max": up, "min": down, "": ""}[column.best]


def _markdown_cell(cell: Cell) -> str:
    mean = f"**{cell.mean}**" if cell.best else cell.mean
    return mean + (f" ± {cell.spread}" if cell.spread else "") + "".join(f" {mark}" for mark in _marks(cell, "†", ODD))


def _latex_cell(cell: Cell) -> str:
    mean = rf"\textbf{{{cell.mean}}}" if cell.best else cell.mean.replace(MISSING, "--")
    marks = "".join(rf"$^{{{mark}}}$" for mark in _marks(cell, r"\dagger", r"\ddagger"))
    return mean + (rf" $\pm$ {cell.spread}" if cell.spread else "") + marks


def _marks(cell: Cell, dagger: str, odd: str) -> list[str]:
    """The marks after a number."""
    return [mark for mark in (cell.dagger and dagger, cell.smaller, cell.odd and odd) if mark]
