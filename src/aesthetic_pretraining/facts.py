"""What results of pretraining rest on, in words: photos and updates, counted in the run's own split and histories.

No label takes part in pretraining or in what is asked of its networks before fine-tuning. So these results are about real photos
wherever the votes are simulated, and say on how many photos and after how many updates they were found.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from aesthetic_pretraining.names import LABELS

UNLABELLED = "no label takes part"


def roles(dataset: str, split: pd.DataFrame) -> dict[str, int]:
    """{"<set>: <role>": pictures} of a set's split, whose column `split` holds the roles."""
    return {f"{dataset}: {role}": int(n) for role, n in sorted(split["split"].value_counts().items())}


def read(paths: Iterable[str | Path]) -> dict[str, list[pd.DataFrame]]:
    """{task: histories of its pretrainings} from their files, models/<scale>/pretrained/<task>.csv."""
    found: dict[str, list[pd.DataFrame]] = {}
    for path in map(Path, paths):
        found.setdefault(path.stem, []).append(pd.read_csv(path))
    return found


def kept(history: pd.DataFrame) -> pd.Series:
    """The row of a training's history whose weights were kept: the lowest validation loss, of several the last one."""
    return history[history["val_loss"] == history["val_loss"].min()].iloc[-1]


def updates(histories: Mapping[str, Sequence[pd.DataFrame]]) -> str:
    """How many updates the kept weights of each network have seen: "24 updates", or "updates: ranking 24, RotNet 36 to 48".

    Args:
        histories: {task: a history (columns steps, val_loss) of each of its pretrainings}; at least one of each task.
    """
    found = {task: _range(int(kept(history)["steps"]) for history in several) for task, several in histories.items()}
    if len(set(found.values())) == 1:
        (number,) = set(found.values())
        return f"{number} updates{' each' if len(found) > 1 else ''}"
    return "updates: " + ", ".join(f"{LABELS.get(task, task)} {number}" for task, number in found.items())


def trained(counts: Mapping[str, int], histories: Mapping[str, Sequence[pd.DataFrame]]) -> str:
    """How networks were pretrained, one sentence. Arguments as `basis`."""
    return (
        f"Pretrained on {_photos(counts, 'train')}, validated on {counts['photos: val']:,} others, {updates(histories)}; "
        f"{UNLABELLED}."
    )


def judged(counts: Mapping[str, int], histories: Mapping[str, Sequence[pd.DataFrame]]) -> str:
    """On which photos networks were pretrained and then judged, and that no label takes part. Arguments as `basis`."""
    return f"Pretrained on {basis(counts, histories)}; {UNLABELLED}."


def basis(counts: Mapping[str, int], histories: Mapping[str, Sequence[pd.DataFrame]]) -> str:
    """On which photos networks were pretrained and then judged, such as "12 photos, 24 updates; judged on 4 others (test)".

    Args:
        counts: `roles` of the photos. histories: those of the networks, see `updates`.
    """
    return f"{_photos(counts, 'train')}, {updates(histories)}; judged on {counts['photos: test']:,} others (test)"


def shown(number: int, counts: Mapping[str, int], role: str = "") -> str:
    """How many of the run's photos, or of those of one role, stand in a figure, one sentence."""
    total = counts[f"photos: {role}"] if role else sum(n for what, n in counts.items() if what.startswith("photos: "))
    words = " ".join(filter(None, [f"{total:,}", role, "photo" if total == 1 else "photos"]))
    return f"{number:,} of the run's {words}; {UNLABELLED}."


def _photos(counts: Mapping[str, int], role: str) -> str:
    number = counts[f"photos: {role}"]
    return f"{number:,} photo{'' if number == 1 else 's'}"


def _range(numbers: Iterable[int]) -> str:
    numbers = list(numbers)
    low, high = min(numbers), max(numbers)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
