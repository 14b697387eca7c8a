"""The fraction of unlabelled photos that score above the threshold of "aesthetic" (section 4.2), counted from saved scores."""

import pandas as pd

from aesthetic_pretraining.evaluation.metrics import aesthetic
from aesthetic_pretraining.evaluation.statistics.proportions import with_shares

HIGH_QUALITY = 0.88  # section 4.2
ALL, MEAN = "all", "mean"  # in column split: all splits; in column seed: scores averaged over seeds
SHARES = ["split", "seed", "photos", "above", "share", "low", "high", "published"]


def shares_above(scores: pd.DataFrame, above: float, published: bool = True) -> pd.DataFrame:
    """One row per split (and all photos) and seed (and, for several, their mean score): columns `SHARES`.

    low, high: Wilson's 95 % interval over photos, for the given networks.

    Args:
        scores: columns split and seed<n>, mean scores.
        above: the threshold.
        published: whether the paper's share, of a network trained on AVA, can be compared.
    """
    seeds = [name for name in scores if name.startswith("seed")]
    columns = {name.removeprefix("seed"): scores[name] for name in seeds}
    if len(seeds) > 1:
        columns[MEAN] = scores[seeds].mean(axis=1)
    rows = [
        (part, seed, int(inside.sum()), int(aesthetic(values[inside], above).sum()))
        for part in [*scores["split"].drop_duplicates(), ALL]
        for inside in [(scores["split"] == part) | (part == ALL)]
        for seed, values in columns.items()
    ]
    table = with_shares(pd.DataFrame(rows, columns=SHARES[:4]), "above", "photos")
    return table.assign(published=table["split"].map({ALL: HIGH_QUALITY} if published else {}).astype(float))
