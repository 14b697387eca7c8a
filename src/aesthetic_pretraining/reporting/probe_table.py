"""The table of linear probes: one frame, tables/probes.csv, from which the Markdown and HTML versions are printed."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from aesthetic_pretraining.files import atomic_path, write_text
from aesthetic_pretraining.initialisations import BASELINE, LABELS, PAPER
from aesthetic_pretraining.reporting.markup import escape_markdown

MISSING = "–"
UNDEFINED = "undef."


class Shown(NamedTuple):
    """One column: name in the frame, printed head, and the row of probe/probes.csv that it shows."""

    name: str
    head: str
    trained_on: str
    dataset: str
    metric: str


COMPARED = (  # printed with intervals, and with the difference to ImageNet
    Shown("ava_srcc", "AVA", "ava", "ava", "srcc"),
    Shown("transfer_srcc", "TID2013, probe of AVA", "ava", "tid2013", "srcc"),
    Shown("scenes_srcc", "TID2013, unseen scenes", "tid2013", "tid2013", "srcc"),
)
OTHER = (
    Shown("ava_lcc", "AVA LCC ↑", "ava", "ava", "lcc"),
    Shown("ava_acc", "ACC ↑", "ava", "ava", "acc"),
    Shown("ava_mae", "MAE ↓", "ava", "ava", "mae"),
    Shown("ava_emd1", "EMD, r = 1 ↓", "ava", "ava", "emd1"),
    Shown("ava_emd2", "EMD, r = 2 ↓", "ava", "ava", "emd2"),
    Shown("scenes_lcc", "TID2013, unseen scenes: LCC ↑", "tid2013", "tid2013", "lcc"),
    Shown("scenes_mae", "MAE ↓", "tid2013", "tid2013", "mae"),
)
NUMBERS = ("value", "low", "high", "difference", "diff_low", "diff_high")


def read_probes(path: Path) -> pd.DataFrame:
    """Read probe/probes.csv, with empty texts as "" rather than NaN."""
    return pd.read_csv(path, dtype={"init": str, "regularisation": str, "problem": str}).fillna(
        {"regularisation": "", "problem": ""}
    )


def build(probes: pd.DataFrame, *, note: str, strengths: tuple[float, float], confidence: float) -> pd.DataFrame:
    """The table: one row per initialisation and share, the paper's initialisations first, shares in descending order.

    Args:
        probes: columns `probe.PROBE_COLUMNS`, at least share 100.
        strengths: the lowest and the highest regularisation of the grid.
        note: a caveat that every printed version carries, such as "demo: simulated votes".
    Returns: columns init, label, share; for every shown column its value, `_low`, `_high`, `_difference` (to ImageNet's probe of
        the same share), `_diff_low`, `_diff_high`; notes (one sentence per line), and note if there is one.
    """
    inits = in_order(probes["init"])
    keys = ["trained_on", "dataset", "metric"]
    found = {(*row[:5],): row[5:] for row in probes[["init", "share", *keys, *NUMBERS]].itertuples(index=False)}
    rows = []
    for init in inits:
        for share in sorted(probes["share"].unique(), reverse=True):
            row = {"init": init, "label": LABELS.get(init, init), "share": share}
            for column in (*COMPARED, *OTHER):
                values = found.get((init, share, *column[2:]), (np.nan,) * len(NUMBERS))
                row |= {_part(column, part): value for part, value in zip(NUMBERS, values, strict=True)}
            rows.append(row)
    table = pd.DataFrame(rows)
    table["notes"] = "\n".join(notes(probes, strengths, confidence))
    return table.assign(note=note) if note else table


def in_order(inits: Iterable[str]) -> list[str]:
    """The distinct initialisations, the paper's first and in its order."""
    found = list(dict.fromkeys(inits))
    return [*(init for init in PAPER if init in found), *(init for init in found if init not in PAPER)]


def notes(probes: pd.DataFrame, strengths: tuple[float, float], confidence: float) -> list[str]:
    """The footnotes of the table, as plain sentences."""
    whole = probes[probes["share"] == 100]
    pictures = whole.groupby("dataset")["pictures"].max()
    lines = [
        "Ridge regression of the mean score on frozen features in inference mode, standardised on the training images; the "
        "regularisation is chosen on the validation split. Unseen scenes: probes trained on TID2013 itself, each evaluated on "
        "reference scenes that it was not trained on.",
        f"In brackets: {100 * confidence:g} % intervals over {pictures['ava']:,} AVA and {pictures['tid2013']:,} TID2013 images. "
        f"Differences are to {LABELS[BASELINE]}'s probe of the same share. The intervals do not cover the variation between "
        "pretraining runs.",
    ]
    ends = {f"{end:.4g}" for end in strengths}
    at_end = [
        f"{LABELS.get(row.init, row.init)} ({row.trained_on}, {row.share} %: {row.regularisation})"
        for row in probes[probes["metric"] == "srcc"].drop_duplicates(["init", "share", "trained_on"]).itertuples()
        if ends & set(row.regularisation.split())
    ]
    if at_end:
        lines.append(
            "The chosen regularisation is at an end of the range from probe.lowest to probe.highest for at least one probe of: "
            f"{', '.join(at_end)}."
        )
    problems = probes[probes["problem"] != ""].drop_duplicates(["init", "share", "trained_on", "dataset", "problem"])
    for (problem, dataset), group in problems.groupby(["problem", "dataset"], sort=False):
        labels = [LABELS.get(init, init) for init in in_order(group["init"])]
        lines.append(f"{dataset.upper()}: {problem} ({', '.join(labels)}).")
    return lines


def read(path: Path) -> pd.DataFrame:
    """Read the frame from tables/probes.csv."""
    return pd.read_csv(
        path, dtype={"init": str, "label": str, "note": str, "notes": str}, keep_default_na=False, na_values=[""]
    )


def write(table: pd.DataFrame, csv: Path, md: Path) -> None:
    """Write the table as CSV and as Markdown; equal tables give equal bytes."""
    with atomic_path(csv) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n")
    write_text(md, to_markdown(table))


def to_markdown(table: pd.DataFrame) -> str:
    """The table as GitHub Markdown: note, correlations with intervals, other metrics, AVA by share, footnotes."""
    lines = [f"**{escape_markdown(table['note'].iloc[0])}**", ""] if "note" in table else []
    for title, heads, body in parts(table):
        lines += [f"{title}:", "", f"| {' | '.join(heads)} |", "|---|" + "---:|" * (len(heads) - 1)]
        lines += ["| " + " | ".join([escape_markdown(label), *cells]) + " |" for label, *cells in body]
        lines.append("")
    return "\n".join([*lines, *(f"{escape_markdown(line)}\n" for line in footnotes(table))])


def footnotes(table: pd.DataFrame) -> list[str]:
    """The footnotes stored in the table."""
    return table["notes"].iloc[0].splitlines()


def parts(table: pd.DataFrame) -> list[tuple[str, list[str], list[list[str]]]]:
    """The printed tables, up to three of (title, heads, rows of text), common to all printed versions."""
    whole = table[table["share"] == 100]
    shares = sorted(table["share"].unique())
    found = [
        (
            "Spearman correlation, and its difference to ImageNet's",
            ["Linear probe of", *(head for column in COMPARED for head in (f"{column.head} ↑", "difference"))],
            [[row["label"], *(text for column in COMPARED for text in _compared(row, column))] for _, row in whole.iterrows()],
        ),
        (
            "Other metrics",
            ["Linear probe of", *(column.head for column in OTHER)],
            [[row["label"], *(_number(row[column.name]) for column in OTHER)] for _, row in whole.iterrows()],
        ),
    ]
    if len(shares) > 1:
        by_share = [
            [label, *(_with_ends(group.set_index("share").loc[share], COMPARED[0]) for share in shares)]
            for label, group in table.groupby("label", sort=False)
        ]
        heads = ["Linear probe of", *(f"{share} % of the labels" for share in shares)]
        found.append(("Spearman correlation on AVA by share of the labels", heads, by_share))
    return found


def _part(column: Shown, part: str) -> str:
    return column.name if part == "value" else f"{column.name}_{part}"


def _compared(row: pd.Series, column: Shown) -> Sequence[str]:
    difference = _number(row[f"{column.name}_difference"], "+")
    if not np.isnan(row[f"{column.name}_diff_low"]):
        difference += f" [{row[f'{column.name}_diff_low']:+.4f}, {row[f'{column.name}_diff_high']:+.4f}]"
    return _with_ends(row, column), MISSING if np.isnan(row[f"{column.name}_difference"]) else difference


def _with_ends(row: pd.Series, column: Shown) -> str:
    ends = (
        "" if np.isnan(row[f"{column.name}_low"]) else f" [{row[f'{column.name}_low']:.4f}, {row[f'{column.name}_high']:.4f}]"
    )
    return _number(row[column.name]) + ends


def _number(value: float, sign: str = "") -> str:
    return UNDEFINED if np.isnan(value) else f"{value:{sign}.4f}"
