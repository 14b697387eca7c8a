"""What each pretraining came to: updates, images, losses, how far the backbone moved; and what a reader has to be warned of.

A pretraining whose kept epoch lies inside of the frozen start hands ImageNet's own backbone on, and a ranking network that orders
photos no better than a coin has learned nothing: rows of Table 2 that come from such networks say nothing of their task.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.files import atomic_path
from aesthetic_pretraining.initialisations import title_of

if TYPE_CHECKING:
    from torch import Tensor

STATISTICS = ("running_mean", "running_var")  # batch normalisation's, which move without a gradient
COUNT = "num_batches_tracked"  # counts its steps, and changes no output
CHANCE = 0.5  # share of pairs of levels that a coin orders right
UNMOVED, STATISTICS_ONLY, AT_CHANCE = "unmoved", "statistics_only", "chance"  # flags


class Drift(NamedTuple):
    """Largest absolute change of a backbone from the start: of its weights, and of batch normalisation's running statistics."""

    weights: float
    statistics: float

    @property
    def flag(self) -> str:
        """What is to be said of it, "" if the weights moved."""
        if self.weights:
            return ""
        return STATISTICS_ONLY if self.statistics else UNMOVED


def drift(start: Mapping[str, Tensor], kept: Mapping[str, Tensor]) -> Drift:
    """How far a backbone is from where it started.

    Args:
        start, kept: states of the backbone alone, or of a network on it, where names begin with "backbone.".
    Raises: KeyError naming a weight that the kept network lacks, RuntimeError if one has another shape.
    """
    start, kept = _backbone(start), _backbone(kept)
    weights = statistics = 0.0
    for name, before in start.items():
        if name.endswith(COUNT):
            continue
        moved = (kept[name].float() - before.float()).abs().max().item()
        if name.endswith(STATISTICS):
            statistics = max(statistics, moved)
        else:
            weights = max(weights, moved)
    return Drift(weights, statistics)


def kept(history: pd.DataFrame) -> pd.Series:
    """The row of the kept epoch: the lowest validation loss, of equal ones the last (fidelity row 7)."""
    return history.iloc[::-1].loc[lambda rows: rows["val_loss"] == rows["val_loss"].min()].iloc[0]


def collect(
    start: str | Path, networks: Iterable[tuple[str, int, str | Path, str | Path]], ranking: pd.DataFrame
) -> pd.DataFrame:
    """One row per pretraining.

    Args:
        start: safetensors of the backbone that all began with.
        networks: (task, seed of the pretraining, safetensors, history csv) of each.
        ranking: `pretext_metrics.RankingAccuracy.pooled`: columns task, photos, accuracy, low, high, and pretraining if there are
            several; tasks without a row have no score to rank by.
    Returns: columns task, pretraining; epochs (that were run), kept_epoch; updates, unfrozen_updates (those that let the backbone
        learn) and pictures (that passed the network) until the kept epoch's end; train_loss, val_loss (of the kept epoch),
        last_train_loss, last_val_loss; weights_moved, statistics_moved (`Drift`); ranking_accuracy, ranking_low, ranking_high,
        test_photos, empty where there is no score; flags, separated by blanks: "unmoved" (the kept backbone is the start's),
        "statistics_only" (only its running statistics differ), "chance" (ranking no better than a coin).
    Raises: UserError naming a file that is broken or of another network.
    """
    first, rows = _read(start), []
    for task, seed, weights, history in networks:
        table, best = pd.read_csv(history), _read(weights)
        row = kept(table)
        try:
            moved = drift(first, best)
        except (KeyError, RuntimeError) as error:
            raise UserError(f"{weights}: is no network on the backbone of {start}; delete it and run again") from error
        mine = ranking[ranking["task"] == task]
        if "pretraining" in ranking:
            mine = mine[mine["pretraining"] == seed]
        judged = mine.iloc[0] if len(mine) else pd.Series(dtype=float)
        chance = len(mine) > 0 and not judged["low"] > CHANCE  # also where there is no interval
        rows.append(
            {
                "task": task,
                "pretraining": seed,
                "epochs": len(table),
                "kept_epoch": int(row["epoch"]),
                "updates": int(row["steps"]),
                "unfrozen_updates": int(row["unfrozen_updates"]),
                "pictures": int(row["pictures"]),
                "train_loss": row["train_loss"],
                "val_loss": row["val_loss"],
                "last_train_loss": table["train_loss"].iloc[-1],
                "last_val_loss": table["val_loss"].iloc[-1],
                "weights_moved": moved.weights,
                "statistics_moved": moved.statistics,
                "ranking_accuracy": judged.get("accuracy"),
                "ranking_low": judged.get("low"),
                "ranking_high": judged.get("high"),
                "test_photos": judged.get("photos"),
                "flags": " ".join(filter(None, [moved.flag, AT_CHANCE if chance else ""])),
            }
        )
    return pd.DataFrame(rows).astype({"test_photos": "Int64"})


def write(table: pd.DataFrame, path: str | Path) -> None:
    """Write the frame of `collect` as CSV, numbers with six digits. Same frame, same bytes."""
    with atomic_path(path) as tmp:
        table.to_csv(tmp, index=False, float_format="%.6g", lineterminator="\n")


def read(path: str | Path) -> pd.DataFrame:
    """The frame back from pretraining.csv."""
    return pd.read_csv(path, dtype={"flags": str, "test_photos": "Int64"}).fillna({"flags": ""})


def warnings(table: pd.DataFrame) -> list[str]:
    """What Table 2 and the page have to say of the frame of `collect`, a sentence each; none if there is nothing to say."""
    lines = []
    for task, rows in table.groupby("task", sort=False):
        for flag, say in ((UNMOVED, _unmoved), (STATISTICS_ONLY, _unmoved), (AT_CHANCE, _at_chance)):
            if len(found := rows[[flag in flags.split() for flags in rows["flags"]]]):
                which = f" ({len(found)} of {len(rows)} pretrainings)" if len(rows) > 1 else ""
                lines.append(say(title_of(task) + which, found.iloc[0], flag))
    return lines


def unmoved(task: str, row: pd.Series, moved: Drift) -> list[str]:
    """The warning of one training's log, none if its kept epoch moved the backbone; row: of the history."""
    return [_unmoved(title_of(task), row.rename({"epoch": "kept_epoch"}), moved.flag)] if moved.flag else []


def updates(table: pd.DataFrame) -> str:
    """Updates of each task until the kept epoch, one sentence without its full stop; the mean over several pretrainings."""
    means = table.groupby("task", sort=False)[["updates", "unfrozen_updates"]].mean()
    parts = [f"{title_of(task)} {row.updates:,.0f} ({row.unfrozen_updates:,.0f})" for task, row in means.iterrows()]
    return "updates until the kept epoch (those that let the backbone learn): " + ", ".join(parts)


def _unmoved(label: str, row: pd.Series, flag: str) -> str:
    why = "lies inside of the frozen start" if not row["unfrozen_updates"] else "did not move it"
    what = (
        "only batch normalisation's statistics differ from the start's" if flag == STATISTICS_ONLY else "it is the start's own"
    )
    return f"Warning: the weights of {label}'s backbone are ImageNet's, because the kept epoch, {int(row['kept_epoch'])}, {why}; {what}."


def _at_chance(label: str, row: pd.Series, flag: str) -> str:
    interval = (
        "no interval" if pd.isna(row["ranking_low"]) else f"95 % interval {row['ranking_low']:.3f} to {row['ranking_high']:.3f}"
    )
    return (
        f"Warning: {label} ranks the test photos no better than chance: {row['ranking_accuracy']:.3f} of neighbouring levels in the "
        f"right order ({interval}, {row['test_photos']} photos), where a coin has 0.5."
    )


def _backbone(state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    return {name.removeprefix("backbone."): v for name, v in state.items() if name.startswith("backbone.")} or state


def _read(path: str | Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file  # here, because the sentences need no torch

    try:
        return load_file(path)
    except SafetensorError as error:
        raise UserError(f"{path}: is no safetensors file; delete it and run again") from error
