"""Table 2 in print: the same cells and footnotes in Markdown, LaTeX and HTML, from the frame of `table2` only."""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from aesthetic_pretraining.evaluation.statistics import significance
from aesthetic_pretraining.files import atomic_path
from aesthetic_pretraining.initialisations import BASELINE
from aesthetic_pretraining.reporting.markup import escape_latex, escape_markdown, latex_needs
from aesthetic_pretraining.reporting.table2 import Column, columns, sets_of, tested
from aesthetic_pretraining.settings.labels import LabelledSet

MISSING = "–"  # not trained in this run
UNDEFINED = "undef."  # trained, but the metric has no value
ODD = "‡"  # evaluated on other images, or other labels, than ImageNet
EPOCHS = "Epochs: until fine-tuning stopped, as the paper defines its column. Best epoch: that of the network that is kept and tested."
PAPERS_EPOCHS = (
    " If the paper's numbers are best epochs (its notebook reads files named by these numbers, fidelity row 35), it stopped about 10 "
    "epochs later, and its saving of 47 % of the epochs would be about 45 %."
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
    """The printed table, common to all versions: per row its label and one `Cell` per column (`table2.columns`)."""
    best, shown = {}, columns(table)
    for column in shown:
        # Compare rounded values, so that two that print alike are both best. Rows that are not comparable do not compete.
        values = table[column.name].round(column.decimals).mask([_odd(row, column) for _, row in table.iterrows()])
        best[column.name] = values.eq(getattr(values, column.best)()) if column.best else values.isna() & False
    return [
        (record["label"], [_cell(record, column, bool(best[column.name][index])) for column in shown])
        for index, record in table.iterrows()
    ]


def footnotes(table: pd.DataFrame) -> list[str]:
    """The footnotes of the table, as plain sentences."""
    first, sets, marked = table.iloc[0], sets_of(table), tested(table)
    seeds = sorted(set(table["seeds"]) - {0})
    methods = {method for name in marked for method in table[f"{name}_method"].dropna()}
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
    lines += [*_luck(table), EPOCHS + (PAPERS_EPOCHS if table["epochs_published"].notna().any() else "")]
    lines += [_pictures(first, sets), *(line for each in sets[1:] for line in _rescaled(table, sets[0], each))]
    for name, each in marked.items():
        for row in table[table[f"{name}_tested"] < table["seeds"]].itertuples():
            lines.append(
                f"{row.label}: only {getattr(row, f'{name}_tested')} of {row.seeds} training runs were tested on {each.title}, "
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
    if (table[[column.name for column in columns(table)]].isna().any(axis=1) & (table["seeds"] > 0)).any():
        lines.append(f"{UNDEFINED}: undefined, because a seed has fewer than three images or all of its scores are equal.")
    for each in sets:
        for row in table[table[f"{each.name}_problem"] != ""].itertuples():
            lines.append(f"{ODD} {row.label} cannot be compared on {each.title}: {getattr(row, f'{each.name}_problem')}.")
    if (absent := table["label"][table["seeds"] == 0]).any():
        lines.append(f"Not trained in this run: {', '.join(absent)}.")
    return lines


def tests(table: pd.DataFrame) -> list[tuple[str, list[str]]]:
    """(label, a text per test set) of each row that was tested: the largest corrected p, and how many training runs are significant."""
    found, names = [], tested(table)
    for _, row in table.iterrows():
        texts = [
            f"{row[f'{name}_p']:.3g} ({row[f'{name}_smaller']} of {row[f'{name}_tested']})"
            if pd.notna(row[f"{name}_p"])
            else MISSING
            for name in names
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


def _pictures(first: pd.Series, sets: Sequence[LabelledSet]) -> str:
    """The footnote on the test images, and on what constant predictions reach on the first set."""
    home = sets[0]
    numbers = [f"{first[f'{each.name}_n']:,} {each.title}" for each in sets]
    # ASSUME: a picture's prediction is that of the network whose test fold has it; correlations are over all of them at once
    pooled = (
        f"; {home.title}'s are predicted in {home.folds} folds, each by the network that was not trained on it"
        if home.folds
        else ""
    )
    return (
        f"{_listed(numbers)} images, {first['share']} % of the training labels{pooled}. "
        f"On {home.title}, always predicting the majority class gives ACC {first[f'{home.name}_majority']:.4f}, "
        f"always predicting the mean training score gives MAE {first[f'{home.name}_constant_mae']:.4f}."
    )


def _listed(words: Sequence[str]) -> str:
    """a; a and b; a, b and c."""
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def _rescaled(table: pd.DataFrame, home: LabelledSet, other: LabelledSet) -> list[str]:
    """The footnote on the error on another set's own scale; none where the scales are the same."""
    name = f"{other.name}_mae_rescaled"
    numbers = [
        f"{row['label']} {row[name]:.4f}" + ("" if np.isnan(row[f"{name}_sd"]) else f" ± {row[f'{name}_sd']:.4f}")
        for _, row in table[table[name].notna()].iterrows()
    ]
    if not numbers or (home.low, home.high) == (other.low, other.high):
        return []
    suggested = ", as the published errors suggest" if table[f"{other.name}_mae_published"].notna().any() else ""
    scale = f"{other.low:g} to {other.high:g}"
    return [
        f"{other.title} MAE compares predictions on {home.low:g} to {home.high:g} with opinion scores on {scale} without rescaling"
        f"{suggested}; with predictions rescaled linearly to {scale} it is: {', '.join(numbers)}."
    ]


def to_markdown(table: pd.DataFrame) -> str:
    """The table as GitHub Markdown, note first."""
    heads = ["Pretext task", *(escape_markdown(f"{c.group} {c.title}".strip()) + _arrow(c, "↑", "↓") for c in columns(table))]
    lines = [f"**{escape_markdown(note_of(table))}**", ""] if note_of(table) else []
    lines += ["| " + " | ".join(heads) + " |", "|---|" + "---:|" * (len(heads) - 1)]
    for label, cells in rows(table):
        lines.append("| " + " | ".join([escape_markdown(label), *map(_markdown_cell, cells)]) + " |")
    return "\n".join([*lines, "", *(f"{line}\n" for line in footnotes(table))])


def to_latex(table: pd.DataFrame) -> str:
    """The table for LaTeX: a `table*` (needs the package booktabs) with note and footnotes in the caption."""
    caption = " ".join(filter(None, [note_of(table) and f"[{note_of(table)}]", "Performance results.", *footnotes(table)]))
    heads = ["Pretext task", *(c.title + _arrow(c, r" $\uparrow$", r" $\downarrow$") for c in columns(table))]
    body = [" & ".join([escape_latex(label), *map(_latex_cell, cells)]) + r" \\" for label, cells in rows(table)]
    tex = "\n".join(
        [
            r"\begin{table*}",
            r"\centering",
            rf"\caption{{{escape_latex(caption)}}}",
            r"\begin{tabular}{lr" + "r" * (len(heads) - 2) + "}",
            r"\toprule",
            *_latex_groups(columns(table)),
            " & ".join(heads) + r" \\",
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table*}",
            "",
        ]
    )
    return latex_needs(tex) + tex


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
    compared = f"{column.name}_tested" in record  # only errors are
    dagger = compared and record["init"] != BASELINE and record[f"{column.name}_significant"] is True
    runs = record[f"{column.name}_tested"] if compared and pd.notna(record[f"{column.name}_tested"]) else 0
    absent = UNDEFINED if record["seeds"] else MISSING
    return Cell(
        mean=absent if np.isnan(record[column.name]) else f"{record[column.name]:.{decimals}f}",
        spread="" if np.isnan(spread) else f"{spread:.{decimals}f}",
        published="" if np.isnan(published) else f"{published:.{column.decimals}f}",
        best=best,
        dagger=dagger,
        odd=_odd(record, column),
        smaller=f"{record[f'{column.name}_smaller']}/{runs}" if runs > 1 else "",
    )


def _latex_groups(shown: Sequence[Column]) -> list[str]:
    """The line with the test sets above the column heads, and the rules below it."""
    line, rules, at = "", "", 2
    for group, members in groupby(shown, key=lambda column: column.group):
        width = len(list(members))
        line += rf" & \multicolumn{{{width}}}{{c}}{{{escape_latex(group)}}}" if group else " &" * width
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
