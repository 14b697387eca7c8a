"""Sentences on what results of pretraining are based on: photos and updates, counted in the run's own split and histories.

Neither pretraining nor the evaluation of its networks before fine-tuning uses labels. So these results are about real photos
even if the votes are simulated, and state how many photos and how many updates are behind them.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from aesthetic_pretraining.evaluation.runs import pretraining_of
from aesthetic_pretraining.initialisations import title_of

UNLABELLED = "no labels used"


def roles(dataset: str, split: pd.DataFrame) -> dict[str, int]:
    """{"<set>: <role>": number of images} of a set's split, whose column `split` holds the roles."""
    return {f"{dataset}: {role}": int(n) for role, n in sorted(split["split"].value_counts().items())}


def read(paths: Iterable[str | Path]) -> dict[tuple[str, int], pd.DataFrame]:
    """{(task, seed): history} of pretraining runs, read from their files (`runs.pretraining_of`)."""
    return {pretraining_of(path): pd.read_csv(path) for path in paths}


def kept(history: pd.DataFrame) -> pd.Series:
    """The row of a history whose weights were kept: the last one with the lowest validation loss."""
    return history[history["val_loss"] == history["val_loss"].min()].iloc[-1]


def updates(histories: Mapping[tuple[str, int], pd.DataFrame]) -> str:
    """The number of updates behind each network's kept weights: "24 updates" or "updates: 24 (ranking), 36 to 48 (RotNet)".

    Args:
        histories: {(task, seed): columns steps, val_loss}; the seeds of a task are combined to a range.
    """
    found: dict[str, list[int]] = {}
    for (task, _), history in histories.items():
        found.setdefault(task, []).append(int(kept(history)["steps"]))
    several = {task: _range(numbers) for task, numbers in found.items()}
    if len(set(several.values())) == 1:
        return f"{next(iter(several.values()))} updates{' each' if len(histories) > 1 else ''}"
    return "updates: " + ", ".join(f"{number} ({title_of(task)})" for task, number in several.items())


def trained(counts: Mapping[str, int], histories: Mapping[tuple[str, int], pd.DataFrame]) -> str:
    """A sentence on the pretraining of networks, over all seeds. Arguments as for `basis`."""
    return (
        f"Pretrained on {_photos(counts, 'train')}, validated on {counts['photos: val']:,} others, {updates(histories)}; "
        f"{UNLABELLED}."
    )


def pretrained(counts: Mapping[str, int], histories: Mapping[tuple[str, int], pd.DataFrame]) -> str:
    """A sentence on the pretraining of networks that were then tested on a sample of the test photos. Arguments as for `basis`."""
    return f"Pretrained on {_photos(counts, 'train')}, {updates(_first(histories))}; {UNLABELLED}."


def judged(counts: Mapping[str, int], histories: Mapping[tuple[str, int], pd.DataFrame]) -> str:
    """A sentence on the photos that networks were pretrained and evaluated on, without labels. Arguments as for `basis`."""
    return f"Pretrained on {basis(counts, histories)}; {UNLABELLED}."


def basis(counts: Mapping[str, int], histories: Mapping[tuple[str, int], pd.DataFrame]) -> str:
    """The photos that networks were pretrained and evaluated on: "12 photos, 24 updates; evaluated on 4 others (test)".

    Args:
        counts: `roles` of the photos.
        histories: as for `updates`; only the first seed of a task counts, as figures and claims use only that one
            (`pretext_metrics.first_pretraining`).
    """
    return f"{_photos(counts, 'train')}, {updates(_first(histories))}; evaluated on {counts['photos: test']:,} others (test)"


def shown(number: int, counts: Mapping[str, int], role: str = "") -> str:
    """A sentence on how many of the run's photos, or of those of one role, a figure shows."""
    total = counts[f"photos: {role}"] if role else sum(n for what, n in counts.items() if what.startswith("photos: "))
    words = " ".join(filter(None, [f"{total:,}", role, "photo" if total == 1 else "photos"]))
    return f"{number:,} of the run's {words}; {UNLABELLED}."


def _first(histories: Mapping[tuple[str, int], pd.DataFrame]) -> dict[tuple[str, int], pd.DataFrame]:
    """The history of each task's first seed."""
    first = {task: seed for task, seed in reversed(list(histories))}
    return {network: history for network, history in histories.items() if first[network[0]] == network[1]}


def _photos(counts: Mapping[str, int], role: str) -> str:
    number = counts[f"photos: {role}"]
    return f"{number:,} photo{'' if number == 1 else 's'}"


def _range(numbers: Iterable[int]) -> str:
    numbers = list(numbers)
    low, high = min(numbers), max(numbers)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
