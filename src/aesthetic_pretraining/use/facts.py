"""What a bundle says about the run that made its network: data and their terms, metrics with intervals."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from aesthetic_pretraining.initialisations import BASELINE

# photos.sources -> what was learnt from, and its terms (docs/data.md)
PHOTO_TERMS = {
    "packaged": "photos inside Python packages; free licences, listed in docs/data.md",
    "folder": "photos of a folder of the user's own; terms of their owner",
    "bsds500": "photos of BSDS500; a research benchmark without a licence text",
    "pexels": "photos of pexels.com; the site's terms forbid bulk copying for machine learning without permission",
    "unsplash_lite": "photos of the Unsplash Lite dataset; its own terms, photos not to be redistributed",
}
NAMES = {
    "srcc": "rank correlation (SRCC)",
    "lcc": "linear correlation (LCC)",
    "mae": "mean absolute error of the score",
    "acc": "accuracy of above or below the middle",
    "emd2": "earth mover's distance (r = 2)",
}


def data_lines(backbone: str, task: str, photos: Sequence[str], labels: Mapping[str, Any]) -> list[str]:
    """What the weights were learnt from, one line for each, with its terms."""
    found = [
        f"ImageNet, by the weights of {backbone} that training started from; terms: those of ImageNet and of these weights"
    ]
    if task != BASELINE or labels["simulated"]:
        found += [PHOTO_TERMS.get(source, source) for source in photos]
    if labels["simulated"]:
        return [
            *found,
            f"votes in the format of {labels['title']}, simulated from measured properties of photos (docs/simulated-votes.md)",
        ]
    return [*found, f"{labels['title']}: {labels['licence']}"]


def metrics_of(intervals: pd.DataFrame, init: str, dataset: str) -> list[dict[str, Any]]:
    """The metrics of an initialisation with all labels, with their intervals; None for what could not be computed.

    Args: intervals: the table of rule `intervals`.
    """
    rows = intervals[(intervals["init"] == init) & (intervals["share"] == 100) & (intervals["dataset"] == dataset)]
    by_metric = rows.set_index("metric")
    return [
        {"metric": metric, "name": name, "images": int(by_metric["pictures"][metric]), "seeds": int(by_metric["seeds"][metric])}
        | {key: _known(by_metric[key][metric]) for key in ("value", "low", "high")}
        for metric, name in NAMES.items()
        if metric in by_metric.index
    ]


def _known(value: float) -> float | None:
    """JSON has no NaN."""
    return round(float(value), 6) if math.isfinite(value) else None


def metrics_sentence(seeds: int, folds: int, title: str, simulated: bool) -> str:
    """What the metrics were measured on, and of which networks."""
    networks = seeds * max(folds, 1)
    of = "of this network"
    if networks > 1:
        of = f"over {networks} networks trained alike, of which this is one, each on images that it was not trained on"
    images = f"images in the format of {title}, with simulated votes" if simulated else f"images of {title}"
    return f"Measured on the test {images}, {of}."


def best_fold(histories: Sequence[pd.DataFrame]) -> int:
    """Position of the training with the lowest validation loss.

    ASSUME: where a set has folds, a bundle has the network of one fold, not their mean: a mean would take several times as long, and no
    image would be left to measure it on. All folds share their validation images, so that losses can be compared.
    """
    losses = [float(history["val_loss"].min()) for history in histories]
    return losses.index(min(losses))
