"""Mean scores of the unlabelled photos, predicted by fine-tuned networks: are the photos highly aesthetic (section 4.2)?

The paper uses a published version of NIMA. Here it is the run's own network of that kind, fine-tuned from ImageNet.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from aesthetic_pretraining.data.letterbox import letterbox
from aesthetic_pretraining.data.store import Store
from aesthetic_pretraining.evaluation.metrics import mean_score
from aesthetic_pretraining.evaluation.photos.shares import shares_above
from aesthetic_pretraining.files import atomic_path
from aesthetic_pretraining.models.backbones import build_backbone
from aesthetic_pretraining.models.network import load_into, score_network
from aesthetic_pretraining.settings.photos import ScoresConfig
from aesthetic_pretraining.training import runtime
from aesthetic_pretraining.training.distributed import Alone
from aesthetic_pretraining.training.inputs import predict_votes


class Letterboxed:
    """A store of photos, letterboxed as labelled images are: uint8 (size, size, 3)."""

    def __init__(self, store: Store, size: int):
        self.store, self.size = store, size

    def pixels(self, photo: str) -> np.ndarray:
        return letterbox(self.store.pixels(photo), self.size)


def photo_scores(
    config: ScoresConfig,
    store: Store,
    split: pd.DataFrame,
    weights: Mapping[int, str | Path],
    *,
    scores: str | Path,
    shares: str | Path,
    published: bool = True,
    workers: int = 0,
) -> None:
    """Write every network's mean score for every photo, and how many photos score above `config.above`.

    Args:
        split: columns id and split of the photos.
        weights: {seed: fine-tuned network}.
        scores: Parquet: id, split, seed<n> (mean score) for each seed.
        shares: CSV of `photos.shares.shares_above`, which has `published`, too.
    """
    device = runtime.set_up(config.threads, training=False)
    table = split[["id", "split"]].reset_index(drop=True)
    for seed, path in weights.items():
        network = score_network(build_backbone(config.backbone), dropout=0.0, bins=len(config.values))
        load_into(network, path)
        network.to(device).eval()
        ids = list(table["id"])
        guessed = predict_votes(network, ids, Letterboxed(store, config.size), None, config.batch, Alone(device), workers)
        votes = guessed.double().numpy()
        table[f"seed{seed}"] = (mean_score(votes, config.values) / votes.sum(axis=1)).astype("float32")
    with atomic_path(scores) as tmp:
        table.to_parquet(tmp, index=False)
    with atomic_path(shares) as tmp:
        shares_above(table, config.above, published).to_csv(tmp, index=False, float_format="%.6g", lineterminator="\n")
