"""What results of pretraining rest on, in words: photos and updates, counted in the run's own split and histories.

No label takes part in pretraining or in what is asked of its networks before fine-tuning. So these results are about real photos
wherever the votes are simulated, and say on how many photos and after how many updates they were found.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from aesthetic_pretraining.evaluation.runs import pretraining_of
from aesthetic_pretraining.initialisations import LABELS

UNLABELLED = "no label takes part"


def roles(dataset: str, split: pd.DataFrame) -> dict[str, int]:
    """{"<set>: <role>": pictures} of a set's split, whose column `split` holds the roles."""
    return {f"{dataset}: {role}": int(n) for role, n in sorted(split["split"].value_counts().items())}


def read(paths: Iterable[str | Path]) -> dict[tuple[str, int], pd.DataFrame]:
    """{(task, seed): history} of pretrainings from their files, see `runs.pretraining_of`."""
    return {pretraining_of(path): pd.read_csv(path) for path in paths}


def kept(history: pd.DataFrame) -> pd.Series:
    """The row of a training's history whose weights were kept: the lowest validation loss, of several the last one."""
    return history[history["val_loss"] == history["val_loss"].min()].iloc[-1]


def updates(histories: Mapping[tuple[str, int], pd.DataFrame]) -> str:
    """How many updates the kept weights of each network have seen: "24 updates", or "updates: 24 (ranking), 36 to 48 (RotNet)".

    Args:
        histories: {(task, seed): columns steps, val_loss}; a task's numbers over its seeds are put together.
    """
    found: dict[str, list[int]] = {}
    for (task, _), history in histories.items():
        found.setdefault(task, []).append(int(kept(history)["steps"]))
    several = {task: _range(numbers) for task, numbers in found.items()}
    if len(set(several.values())) == 1:
        return f"{next(iter(several.values()))} updates{' each' if len(histories) > 1 else ''}"
    return "updates: " + ", ".join(f"{number} ({LABELS.get(task, task)})" for task, number in several.items())


def trained(counts: Mapping[str, int], histories: Mapping[tuple[str, int], pd.DataFrame]) -> str:
    """How networks were pretrained, one sentence; all seeds count. Arguments as `basis`."""
    return (
        f"Pretrained on {_photos(counts, 'train')}, validated on {counts['photos: val']:,} others, {updates(histories)}; "
        f"{UNLABELLED}."
    )


def pretrained(counts: Mapping[str, int], histories: Mapping[tuple[str, int], pd.DataFrame]) -> str:
    """How networks were pretrained that were then shown a sample of the test photos, one sentence. Arguments as `basis`."""
    return f"Pretrained on {_photos(counts, 'train')}, {updates(_first(histories))}; {UNLABELLED}."


def judged(counts: Mapping[str, int], histories: Mapping[tuple[str, int], pd.DataFrame]) -> str:
    """On which photos networks were pretrained and then judged, and that no label takes part. Arguments as `basis`."""
    return f"Pretrained on {basis(counts, histories)}; {UNLABELLED}."


def basis(counts: Mapping[str, int], histories: Mapping[tuple[str, int], pd.DataFrame]) -> str:
    """On which photos networks were pretrained and then judged, such as "12 photos, 24 updates; judged on 4 others (test)".

    Args:
        counts: `roles` of the photos. histories: those of the networks, see `updates`; of a task's seeds the first counts, as figures
            and claims look at that one alone (`pretext_metrics.first_pretraining`).
    """
    return f"{_photos(counts, 'train')}, {updates(_first(histories))}; judged on {counts['photos: test']:,} others (test)"


def shown(number: int, counts: Mapping[str, int], role: str = "") -> str:
    """How many of the run's photos, or of those of one role, stand in a figure, one sentence."""
    total = counts[f"photos: {role}"] if role else sum(n for what, n in counts.items() if what.startswith("photos: "))
    words = " ".join(filter(None, [f"{total:,}", role, "photo" if total == 1 else "photos"]))
    return f"{number:,} of the run's {words}; {UNLABELLED}."


def _first(histories: Mapping[tuple[str, int], pd.DataFrame]) -> dict[tuple[str, int], pd.DataFrame]:
    """The history of each task's first seed."""
    first = {task: seed for task, seed in reversed(histories)}
    return {network: history for network, history in histories.items() if first[network[0]] == network[1]}


def _photos(counts: Mapping[str, int], role: str) -> str:
    number = counts[f"photos: {role}"]
    return f"{number:,} photo{'' if number == 1 else 's'}"


def _range(numbers: Iterable[int]) -> str:
    numbers = list(numbers)
    low, high = min(numbers), max(numbers)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
