"""Whether our numbers agree with the published ones: verdicts on the cells of Table 2 (defined in docs/statistics.md)."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import t

from aesthetic_pretraining.evaluation.statistics.intervals import POWER
from aesthetic_pretraining.evaluation.statistics.training_luck import (
    FEWEST_SEEDS,
    SEEDS,
    Trainings,
    known_luck,
    mean_interval,
    next_training,
)
from aesthetic_pretraining.files import write_text
from aesthetic_pretraining.reporting.markup import escape_markdown
from aesthetic_pretraining.reporting.table2 import Column, columns
from aesthetic_pretraining.reporting.table2_print import MISSING, UNDEFINED, note_of

REPRODUCED, WITHIN_NOISE, NOT_REPRODUCED = "reproduced", "within noise", "not reproduced"
ANOTHER = "another experiment"  # `experiment.other_than_published` says why
# of a claim in another experiment, judged by the differences between this run's own rows
HERE = {REPRODUCED: "holds here", WITHIN_NOISE: "not seen here", NOT_REPRODUCED: "reversed here"}
NOT_TRAINED, NOT_MEASURED, HAS_NO_VALUE, NO_INTERVAL = "not trained", "not measured", "undefined", "no interval"
FEW_SEEDS = f"{NO_INTERVAL}: fewer than {FEWEST_SEEDS} seeds"
FEW_PRETRAININGS = f"{NO_INTERVAL}: fewer than {FEWEST_SEEDS} pretrainings"
UNPUBLISHED = "not in the paper"
# ASSUME: half-width above which an interval contains too many values to confirm one, in the metric's unit
RESOLUTION, EPOCHS_RESOLUTION = 0.05, 10.0
ENDS = {
    **{name: name for name in ("low", "high", "over", "diff_low", "diff_high", "diff_over", "detectable")},
    **{"diff": "difference", "next_low": "next_low", "next_high": "next_high", "next_over": "next_over"},
}  # suffix in Table 2 -> column of `intervals.INTERVAL_COLUMNS`
TEXTS = ("over", "diff_over", "next_over")
REASONS = {"votes": "experiment", "pretext": "pretext_experiment"}  # columns of Table 2 for `experiment.other_than_published`


def of_value(published: float, low: float, high: float, resolution: float, over: str = SEEDS) -> str:
    """Whether a published value, which comes from one training run, agrees with ours.

    Args:
        low, high: prediction interval of one more training run of ours (`training_luck.next_training`), NaN if there is none.
        resolution: half-width above which the interval cannot confirm a value.
        over: the seeds that the interval covers (`training_luck.known_luck`). Without the pretraining seeds it is too narrow: a
            value inside agrees, but one outside does not disagree.
    """
    if np.isnan(low):
        return FEW_SEEDS
    if low <= published <= high:
        return REPRODUCED if high - low <= 2 * resolution else WITHIN_NOISE
    return NOT_REPRODUCED if over == SEEDS else FEW_PRETRAININGS


def resolution_of(column: Column) -> float:
    """Half-width above which an interval confirms no value of this column."""
    return RESOLUTION if column.group else EPOCHS_RESOLUTION


def of_sign(low: float, high: float) -> str:
    """Whether a quantity that is claimed to be above zero is, by its interval; NaN for none."""
    if np.isnan(low):
        return NO_INTERVAL
    return REPRODUCED if low > 0 else NOT_REPRODUCED if high < 0 else WITHIN_NOISE


def of_mean(mean: float, spread: float, number: int, confidence: float) -> tuple[float, float]:
    """Student's t interval of the mean of `number` independent values; NaN for fewer than `FEWEST_SEEDS`."""
    if number < FEWEST_SEEDS:
        return np.nan, np.nan
    half = t.ppf((1 + confidence) / 2, number - 1) * spread / np.sqrt(number)
    return mean - half, mean + half


def attach(
    table: pd.DataFrame, intervals: pd.DataFrame, metrics: pd.DataFrame, confidence: float, reasons: Mapping[str, str]
) -> pd.DataFrame:
    """Table 2 (`table2.build`) with `_verdict` and all of `ENDS` for each column, and with `confidence` and the columns of `REASONS`.

    `_diff` is the difference to ImageNet, `_detectable` the smallest difference that the test set can show, `_next` the prediction
    interval of one more training run.

    Args:
        intervals: the frame `intervals.INTERVAL_COLUMNS`.
        metrics: the metrics frame, for the epochs: these do not vary over images, so their intervals are over seeds only.
        reasons: why this is not the paper's experiment (`experiment.other_than_published`); then there are no verdicts.
    """
    known = intervals.set_index(["init", "share", "dataset", "metric"])[list(ENDS.values())]
    added: dict[str, pd.Series | list[str]] = {}
    for column in columns(table):
        dataset, _, metric = column.name.rpartition("_") if column.group else ("", "", column.name)
        places = list(zip(table["init"], table["share"], strict=True))
        ends = (
            known.reindex([(*place, dataset, metric) for place in places]).set_axis(list(ENDS), axis=1).reset_index(drop=True)
        )
        if not dataset:
            of_epochs = [_epochs(metrics, metric, *place, confidence) for place in places]
            ends = pd.DataFrame(of_epochs, columns=list(ENDS))
        ends = ends.astype({end: object if end in TEXTS else float for end in ENDS}).fillna(dict.fromkeys(TEXTS, ""))
        added |= {f"{column.name}_{end}": ends[end] for end in ENDS}
        added[f"{column.name}_verdict"] = [
            _verdict(row, column, bounds, reasons["votes"])
            for (_, row), (_, bounds) in zip(table.iterrows(), ends.iterrows(), strict=True)
        ]
    more = {"confidence": confidence} | {name: reasons[kind] for kind, name in REASONS.items()}
    return pd.concat([table, pd.DataFrame(added)], axis=1).assign(**more)


def reason_of(table: pd.DataFrame, kind: str = "votes") -> str:
    """Why Table 2 is not the paper's experiment, "" if it is; `kind` as in `REASONS`."""
    reason = table[REASONS[kind]].iloc[0]
    return "" if pd.isna(reason) else reason


def _epochs(metrics: pd.DataFrame, name: str, init: str, share: int, confidence: float) -> dict:
    """Intervals of the mean and of one more training run for epochs or best epoch (`name`) of one row; empty if a run reached the cap."""
    rows = metrics[(metrics["init"] == init) & (metrics["share"] == share)]
    if rows.empty or rows["capped"].any():
        return {}
    row = Trainings(init, tuple(zip(rows["pretraining"], rows["seed"], strict=True)), np.arange(len(rows)))
    found: dict[str, object] = {}
    for ends, function in ((("low", "high"), mean_interval), (("next_low", "next_high"), next_training)):
        found |= dict(zip(ends, np.round(function(row, rows[name], confidence), 6), strict=True))
    return found | {"over": known_luck(row), "next_over": known_luck(row)}


def _verdict(row: pd.Series, column: Column, ends: pd.Series, reason: str) -> str:
    published = row[f"{column.name}_published"]
    if not row["seeds"]:
        return NOT_TRAINED
    if np.isnan(row[column.name]):
        return HAS_NO_VALUE
    if np.isnan(published):
        return UNPUBLISHED
    if reason:
        return ANOTHER
    if row.get(f"{column.name.rpartition('_')[0]}_problem"):
        return f"{NO_INTERVAL}: other images than ImageNet's"
    if column.name == "epochs" and row["capped"]:
        return f"{NO_INTERVAL}: some training runs reached the cap"
    return of_value(published, ends["next_low"], ends["next_high"], resolution_of(column), ends["next_over"])


def to_markdown(table: pd.DataFrame) -> str:
    """One line per cell of Table 2: ours with its interval, the difference to ImageNet, the published value, the verdict."""
    lines = [f"**{escape_markdown(note_of(table))}**", ""] if note_of(table) else []
    lines += ["| Pretext task | Metric | Ours | Difference to ImageNet | Published | Verdict |", "|---|---|---:|---:|---:|---|"]
    for column in columns(table):
        for _, row in table.iterrows():
            printed = [
                escape_markdown(row["label"]),
                escape_markdown(f"{column.group} {column.title}".strip()),
                *_numbers(row, column),
            ]
            lines.append("| " + " | ".join([*printed, row[f"{column.name}_verdict"]]) + " |")
    return "\n".join([*lines, "", *(f"{line}\n" for line in footnotes(table))])


def footnotes(table: pd.DataFrame) -> list[str]:
    """Footnotes: what the intervals and verdicts mean, and the smallest difference that the test sets can show."""
    confidence = f"{table['confidence'].iloc[0] * 100:g} %"
    over = sorted({each for column in columns(table) for each in table[f"{column.name}_over"] if each and not pd.isna(each)})
    lines = [f"In brackets: {confidence} intervals, over {' or '.join(over)}; of epochs over seeds."]
    if not over:
        lines = ["No number has an interval; metrics/intervals.csv says why."]
    if any(each.removesuffix(" and images") != SEEDS for each in over):
        lines.append(
            "Intervals without all seeds come from fewer than three of them, and do not cover the variation between training runs."
        )
    if reason_of(table):
        lines.append(f"{ANOTHER.capitalize()} than the paper's ({reason_of(table)}), so its numbers get no verdict.")
    if any(table[f"{column.name}_published"].notna().any() for column in columns(table)):
        lines.append(
            f"Verdicts: {REPRODUCED}: the published value, which comes from one training run, is in the {confidence} prediction interval of "
            f"one more training run of ours on the same images, and the interval is no wider than ±0.05 (epochs: ±10); {WITHIN_NOISE}: it is inside, "
            f"but the interval is wider; {NOT_REPRODUCED}: it is outside; {NO_INTERVAL}: fewer than three seeds, or it is outside an "
            "interval that does not cover the variation between pretraining runs."
        )
    largest = {f"{c.group} {c.title}": table[f"{c.name}_detectable"].astype(float).max() for c in columns(table)}
    if shown := [f"{name} {worst:.4f}" for name, worst in largest.items() if not np.isnan(worst)]:
        lines.append(
            f"Smallest detectable difference to ImageNet (power {POWER * 100:g} %, two-sided at {confidence}), the largest of all rows: "
            f"{'; '.join(shown)}."
        )
    return lines


def write(table: pd.DataFrame, path: Path) -> None:
    """Write `to_markdown`."""
    write_text(path, to_markdown(table))


def _numbers(row: pd.Series, column: Column) -> list[str]:
    """Our value with its interval, the difference to ImageNet with its interval, the published value, as printed."""
    value, published, decimals = row[column.name], row[f"{column.name}_published"], column.decimals
    exact = decimals or int(row["seeds"] > 1)  # the mean epoch of several seeds is fractional
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
