"""Does ours agree with the published number? The verdicts on the cells of Table 2 (docs/statistics.md defines them)."""

from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import t

from aesthetic_pretraining.files import write_text
from aesthetic_pretraining.intervals import POWER
from aesthetic_pretraining.markup import escape_markdown
from aesthetic_pretraining.table2 import COLUMNS, Column
from aesthetic_pretraining.table2_print import MISSING, UNDEFINED, note_of

REPRODUCED, WITHIN_NOISE, NOT_REPRODUCED = "reproduced", "within noise", "not reproduced"
NOT_COMPARABLE = "not comparable: demo data"
NOT_TRAINED, NOT_MEASURED, HAS_NO_VALUE, NO_INTERVAL = "not trained", "not measured", "undefined", "no interval"
UNPUBLISHED = "not in the paper"
# ASSUME: an interval wider than this on either side fits so many values that it confirms none; in the metric's unit
RESOLUTION = dict.fromkeys([column.name for column in COLUMNS], 0.05) | {"epochs": 10.0, "best_epoch": 10.0}
ENDS = ("low", "high", "diff", "diff_low", "diff_high", "detectable")


def of_value(published: float, low: float, high: float, spread: float, resolution: float) -> str:
    """Whether a published value agrees with ours.

    Args:
        low, high: interval of ours. spread: standard deviation of ours over seeds, NaN for one seed.
        resolution: half-width above which the interval can confirm nothing.
    """
    if np.isnan(low):
        return NO_INTERVAL
    if low <= published <= high and high - low <= 2 * resolution:
        return REPRODUCED
    # The published value is one training: another one of ours may differ by two standard deviations as well.
    more = 0 if np.isnan(spread) else 2 * spread
    return WITHIN_NOISE if low - more <= published <= high + more else NOT_REPRODUCED


def of_sign(low: float, high: float) -> str:
    """Whether a quantity that is claimed to be above zero is."""
    if np.isnan(low):
        return NO_INTERVAL
    return REPRODUCED if low > 0 else NOT_REPRODUCED if high < 0 else WITHIN_NOISE


def over_seeds(mean: float, spread: float, seeds: int, confidence: float) -> tuple[float, float]:
    """Student's interval of a mean over seeds; NaN for fewer than two."""
    if seeds < 2:
        return np.nan, np.nan
    half = t.ppf((1 + confidence) / 2, seeds - 1) * spread / np.sqrt(seeds)
    return mean - half, mean + half


def attach(table: pd.DataFrame, intervals: pd.DataFrame, confidence: float, comparable: bool) -> pd.DataFrame:
    """Table 2 (`table2.build`) with, per column, `_low`, `_high`, `_diff`, `_diff_low`, `_diff_high`, `_detectable`, `_verdict`.

    Args:
        intervals: the frame `intervals.VALUES`; of the epochs, which no picture explains, Student's interval over seeds is taken.
        comparable: False where labels are simulated: then no verdict is given.
    `_diff` is the difference to ImageNet; `_detectable` the smallest one that the test set shows.
    """
    known = intervals.set_index(["init", "share", "dataset", "metric"])[
        ["low", "high", "difference", "diff_low", "diff_high", "detectable"]
    ]
    columns = {}
    for column in COLUMNS:
        dataset, _, metric = column.name.rpartition("_") if column.group else ("", "", column.name)
        ends = known.reindex(
            [(init, share, dataset, metric) for init, share in zip(table["init"], table["share"], strict=True)]
        )
        ends = pd.DataFrame(ends.to_numpy(), columns=ENDS)
        if not dataset:
            found = table[[column.name, f"{column.name}_sd", "seeds"]].itertuples(index=False)
            seeds = [over_seeds(*row, confidence) for row in found]
            ends[["low", "high"]] = np.array(seeds).round(6)
        columns |= {f"{column.name}_{end}": ends[end] for end in ENDS}
        columns[f"{column.name}_verdict"] = [
            _verdict(row, column, low, high, comparable)
            for (_, row), low, high in zip(table.iterrows(), ends["low"], ends["high"], strict=True)
        ]
    return pd.concat([table, pd.DataFrame(columns), pd.Series(confidence, table.index, name="confidence")], axis=1)


def _verdict(row: pd.Series, column: Column, low: float, high: float, comparable: bool) -> str:
    published = row[f"{column.name}_published"]
    if not row["seeds"]:
        return NOT_TRAINED
    if np.isnan(row[column.name]):
        return HAS_NO_VALUE
    if np.isnan(published):
        return UNPUBLISHED
    if not comparable:
        return NOT_COMPARABLE
    if column.name == "epochs" and row["capped"]:
        return f"{NO_INTERVAL}: the cap ended some"
    return of_value(published, low, high, row[f"{column.name}_sd"], RESOLUTION[column.name])


def to_markdown(table: pd.DataFrame) -> str:
    """Every cell of Table 2 as a line: ours with its interval, its difference to ImageNet, the published value, the verdict."""
    lines = [f"**{escape_markdown(note_of(table))}**", ""] if note_of(table) else []
    lines += ["| Pretext task | Metric | Ours | Difference to ImageNet | Published | Verdict |", "|---|---|---:|---:|---:|---|"]
    for column in COLUMNS:
        for _, row in table.iterrows():
            printed = [escape_markdown(row["label"]), f"{column.group} {column.title}".strip(), *_numbers(row, column)]
            lines.append("| " + " | ".join([*printed, row[f"{column.name}_verdict"]]) + " |")
    return "\n".join([*lines, "", *(f"{line}\n" for line in footnotes(table))])


def footnotes(table: pd.DataFrame) -> list[str]:
    """What the intervals and the verdicts mean, and how small a difference the test sets can show."""
    confidence = f"{table['confidence'].iloc[0] * 100:g} %"
    return [
        f"In brackets: {confidence} intervals, from a paired bootstrap over pictures, which leaves the networks as they are; of "
        "epochs, Student's interval over seeds.",
        f"Verdicts: {REPRODUCED}: the published value lies in our interval, which is no wider than ±0.05 (epochs: ±10); "
        f"{WITHIN_NOISE}: it lies there, but the interval is wider, or it lies outside by no more than two standard deviations over "
        f"seeds; {NOT_REPRODUCED}: it lies farther away; {NO_INTERVAL}: one seed, or too few pictures; simulated labels get no verdict.",
        f"Smallest difference to ImageNet that would show (chance {POWER * 100:g} %, two-sided at {confidence}), the largest of all rows: "
        + "; ".join(
            f"{c.group} {c.title} {worst:.4f}"
            for c in COLUMNS
            if not np.isnan(worst := table[f"{c.name}_detectable"].astype(float).max())
        )
        + ".",
    ]


def write(table: pd.DataFrame, path: Path) -> None:
    """Write `to_markdown`."""
    write_text(path, to_markdown(table))


def _numbers(row: pd.Series, column: Column) -> list[str]:
    """Ours with its interval, the difference to ImageNet with its own, the published value, as printed."""
    value, published, decimals = row[column.name], row[f"{column.name}_published"], column.decimals
    exact = decimals or int(row["seeds"] > 1)  # epochs of several seeds have a fractional mean
    ours = (UNDEFINED if row["seeds"] else MISSING) if np.isnan(value) else f"{value:.{exact}f}"
    difference = row[f"{column.name}_diff"]
    return [
        ours + _brackets(row[f"{column.name}_low"], row[f"{column.name}_high"], exact, ""),
        ""
        if np.isnan(difference)
        else f"{difference:+.{decimals}f}"
        + _brackets(row[f"{column.name}_diff_low"], row[f"{column.name}_diff_high"], decimals, "+"),
        "" if np.isnan(published) else f"{published:.{decimals}f}",
    ]


def _brackets(low: float, high: float, decimals: int, sign: str) -> str:
    return "" if np.isnan(low) else f" [{low:{sign}.{decimals}f}, {high:{sign}.{decimals}f}]"
