"""Predictions: what a fine-tuned network says of a labelled set."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from aesthetic_pretraining import runtime
from aesthetic_pretraining.backbones import build_backbone
from aesthetic_pretraining.files import atomic_path
from aesthetic_pretraining.finetune import predict_votes
from aesthetic_pretraining.networks import load_into, score_network
from aesthetic_pretraining.store import Store

SCORES = np.arange(1, 11)


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
) -> None:
    """Write id, target, predicted (mean score 1..10) and p1..p10 (probabilities of the votes) of each picture as CSV."""
    device = runtime.set_up(config.threads, training=False)
    network = score_network(build_backbone(config.backbone), dropout=0.0)
    load_into(network, weights)
    network.to(device, memory_format=torch.channels_last).eval()
    votes = predict_votes(network, ids, store, None, config, device, workers).double().numpy()
    frame = pd.DataFrame({"id": ids, "target": target, "predicted": votes @ SCORES / votes.sum(axis=1)})
    frame[[f"p{s}" for s in SCORES]] = votes
    with atomic_path(out) as tmp:
        frame.to_csv(tmp, index=False, float_format="%.8g")
