"""Predictions: what a fine-tuned network says of a labelled set, and what a pretrained one says of distorted photos."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from aesthetic_pretraining import runtime
from aesthetic_pretraining.backbones import build_backbone
from aesthetic_pretraining.distortions import DISTORTIONS, VARIANTS, anchor_index
from aesthetic_pretraining.distortions.render import rows
from aesthetic_pretraining.files import atomic_path
from aesthetic_pretraining.labelled import predict_votes
from aesthetic_pretraining.metrics import HISTOGRAM, PROBABILITIES, mean_score, write_predictions
from aesthetic_pretraining.networks import Network, load_into, score_network
from aesthetic_pretraining.pretext import RankingRegression
from aesthetic_pretraining.store import Store
from aesthetic_pretraining.team import Alone
from aesthetic_pretraining.variants import Variants


@dataclass(frozen=True)
class PredictConfig:
    """params.yaml: backbone.name, finetune.batch, finetune.threads."""

    backbone: str
    batch: int
    threads: int


def predict(
    config: PredictConfig,
    store: Store,
    ids: Sequence[str],
    target: Sequence[float],
    weights: str | Path,
    out: str | Path,
    workers: int = 0,
    votes: np.ndarray | None = None,
) -> None:
    """Write id, target, predicted (mean score 1..10) and p1..p10 (probabilities of the votes) of each picture as Parquet.

    Args:
        votes: counts (N, 10) of the human votes 1..10, where there are any: their shares are written as t1..t10.
    """
    device = runtime.set_up(config.threads, training=False)
    network = score_network(build_backbone(config.backbone), dropout=0.0)
    load_into(network, weights)
    network.to(device, memory_format=torch.channels_last).eval()
    guessed = predict_votes(network, ids, store, None, config.batch, Alone(device), workers).double().numpy()
    frame = pd.DataFrame({"id": ids, "target": target, "predicted": mean_score(guessed) / guessed.sum(axis=1)})
    frame[PROBABILITIES] = guessed
    if votes is not None:
        frame[HISTOGRAM] = votes / votes.sum(axis=1, keepdims=True)
    write_predictions(frame.astype({"target": float}), out)


@torch.no_grad()
def respond(
    config: PredictConfig,
    variants: Variants,
    photos: Sequence[str],
    distortion: str,
    outputs: Sequence[str],
    seed: int,
    weights: str | Path,
    out: str | Path,
) -> None:
    """Write the intensities that a pretrained ranking_regression network reads off photos at each level of a distortion.

    One row per photo, level (0 included) and output: photo, distortion, level, output, value (Figure 4).
    """
    device = runtime.set_up(config.threads, training=False)
    network = Network(build_backbone(config.backbone), RankingRegression.heads)
    load_into(network, weights)
    network.to(device, memory_format=torch.channels_last).eval()
    names = list(DISTORTIONS)
    kept = rows([distortion])
    shown = [k for k, i in enumerate(kept) if VARIANTS[i].distortion == distortion or i == anchor_index(distortion)]
    table = []
    for photo in photos:
        pictures = variants.pictures(photo, seed, only=[distortion])[shown]
        values = network(pictures.to(device))["intensity"].cpu().numpy()
        for i, row in zip(shown, values, strict=True):
            table += [(photo, distortion, VARIANTS[kept[i]].level, name, row[names.index(name)]) for name in outputs]
    with atomic_path(out) as tmp:
        pd.DataFrame(table, columns=["photo", "distortion", "level", "output", "value"]).to_csv(
            tmp, index=False, float_format="%.8g"
        )
