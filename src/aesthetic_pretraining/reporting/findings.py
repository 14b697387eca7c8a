"""What a run found, in three sentences: the start of the report, from Table 2 and the claims alone."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from aesthetic_pretraining.evaluation.statistics.training_luck import FINETUNING, IMAGES, PRETRAINING
from aesthetic_pretraining.initialisations import BASELINE, PAPER_RANKING
from aesthetic_pretraining.reporting import verdicts
from aesthetic_pretraining.reporting.table2 import Column, columns, sets_of

HEADLINE = ("srcc", "rank correlation")  # ASSUME: of the paper's metrics the one that an order of photos is judged by
# {what an interval is over: the runs whose variation it lacks}
UNSEEN = {
    IMAGES: "training runs",
    f"{FINETUNING} and {IMAGES}": "pretraining runs",
    f"{PRETRAINING} and {IMAGES}": "fine-tuning runs",
}


class Counts(NamedTuple):
    """Differences to ImageNet: how many are for the better and the worse, and how many of these have an interval without 0."""

    better: int
    better_beyond: int
    worse: int
    worse_beyond: int
    all: int


def sentences(table: pd.DataFrame, claims: pd.DataFrame | None, *, simulated: bool) -> list[str]:
    """Three sentences: the paper's pretext tasks against ImageNet, the best network, and what may be concluded.

    Args:
        table: the frame of table2.csv, with its verdicts (`verdicts.attach`). A table without them has no intervals.
        claims: the frame of claims.csv; None if none were checked.
        simulated: whether the votes are.
    """
    return [_against_imagenet(table), _best(table), _conclusion(claims, simulated)]


def against_imagenet(table: pd.DataFrame) -> Counts:
    """All differences of the paper's pretext tasks to ImageNet in the metrics of Table 2, epochs not among them."""
    better = better_beyond = worse = worse_beyond = number = 0
    for column, (_, row) in ((c, r) for c in _metrics(table) for r in table[table["init"].isin(PAPER_RANKING)].iterrows()):
        gain, low, high = _gain(row, column)
        if np.isnan(gain):
            continue
        number += 1
        better, worse = better + (gain > 0), worse + (gain < 0)
        better_beyond, worse_beyond = better_beyond + (low > 0), worse_beyond + (high < 0)
    return Counts(better, better_beyond, worse, worse_beyond, number)


def _against_imagenet(table: pd.DataFrame) -> str:
    found, titles = against_imagenet(table), " and ".join(each.title for each in sets_of(table))
    if not found.all:
        return "No pretext task of the paper was compared with ImageNet weights in this run."
    return (
        f"In {found.better} of {found.all} comparisons on {titles}, a pretext task of the paper is a better start than ImageNet "
        f"weights, {_beyond(found.better_beyond)}; in {found.worse} it is a worse one, {_beyond(found.worse_beyond)} "
        f"({_noise(table)})."
    )


def _best(table: pd.DataFrame) -> str:
    metric, words = HEADLINE
    home = sets_of(table)[0]
    column = next(c for c in _metrics(table) if c.name == f"{home.name}_{metric}")
    rows = table[(table[f"{home.name}_problem"] == "") & table[column.name].notna()]
    if rows.empty:
        return f"No network has a {words} on {home.title}."
    best = rows.loc[rows[column.name].idxmax()]
    text = f"The highest {words} on {home.title} is {_with_ends(best, column)}, of {best['label']}"
    imagenet = rows[rows["init"] == BASELINE]
    if best["init"] == BASELINE or imagenet.empty:
        return f"{text}."
    gain, low, _ = _gain(best, column)
    noise = "without an interval" if np.isnan(low) else "beyond noise" if low > 0 else "within noise"
    amount = "" if np.isnan(gain) else f": {gain:.3f} more, {noise}"
    return f"{text}; that of ImageNet is {_with_ends(imagenet.iloc[0], column)}{amount}."


def _conclusion(claims: pd.DataFrame | None, simulated: bool) -> str:
    if simulated:
        return (
            "The votes are simulated, so these numbers show that the chain works and nothing about how people judge photos; "
            "only what pretraining learnt is about real photos."
        )
    if claims is None:
        return "The paper\u2019s claims were not checked in this run."
    prose = claims["verdict"][~claims["id"].str.startswith("table2.")].str.partition(":")[0]
    judged = prose[prose.isin([*verdicts.HERE, *verdicts.HERE.values()])]
    counts = ", ".join(f"{count} \u201c{verdict}\u201d" for verdict, count in judged.value_counts().items())
    return (
        f"Of the paper\u2019s {len(prose)} claims in prose, this run can judge {len(judged)}{f': {counts}' if counts else ''}; "
        "\u201cnot seen here\u201d and \u201cwithin noise\u201d are no evidence against a claim."
    )


def _metrics(table: pd.DataFrame) -> list[Column]:
    return [column for column in columns(table) if column.group]


def _gain(row: pd.Series, column: Column) -> tuple[float, float, float]:
    """By how much a row is better than ImageNet, with the ends of the interval; NaN for what is not known."""
    value, low, high = (
        float(row[name]) if (name := f"{column.name}_{end}") in row and pd.notna(row[name]) else np.nan
        for end in ("diff", "diff_low", "diff_high")
    )
    return (value, low, high) if column.best == "max" else (-value, -high, -low)


def _beyond(number: int) -> str:
    return f"{number or 'none'} of them beyond noise"


def _noise(table: pd.DataFrame) -> str:
    """What counts as beyond noise."""
    names = [name for column in _metrics(table) if (name := f"{column.name}_diff_over") in table]
    over = sorted({each for name in names for each in table[name] if isinstance(each, str) and each})
    if not over:
        return "no difference has an interval"
    text = f"{table['confidence'].iloc[0] * 100:g} % intervals over {' or '.join(over)}, each by itself"
    without = [UNSEEN[each] for each in over if each in UNSEEN]
    if without:
        runs = " or ".join(dict.fromkeys(without))
        text += f"; the variation between {runs} is in {'none' if len(without) == len(over) else 'only some'} of them"
    return text


def _with_ends(row: pd.Series, column: Column) -> str:
    low, high = (row.get(f"{column.name}_{end}", np.nan) for end in ("low", "high"))
    return f"{row[column.name]:.3f}" + ("" if pd.isna(low) else f" [{low:.3f}, {high:.3f}]")
