"""Predictions of a fine-tuned network on a labelled set."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from aesthetic_pretraining.data.store import Store
from aesthetic_pretraining.evaluation.metrics import HISTOGRAM, PROBABILITIES, mean_score
from aesthetic_pretraining.evaluation.predictions import write_predictions
from aesthetic_pretraining.models.backbones import build_backbone
from aesthetic_pretraining.models.network import load_into, score_network
from aesthetic_pretraining.settings.inference import PredictConfig
from aesthetic_pretraining.training import runtime
from aesthetic_pretraining.training.distributed import Alone
from aesthetic_pretraining.training.feature_cache import predict_votes


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
    """Write id, target, predicted (mean score 1..10) and p1..p10 (probabilities of the votes) of each image as Parquet.

    Args:
        votes: counts (N, 10) of the human votes 1..10, if there are any; their fractions are written as t1..t10.
    """
    device = runtime.set_up(config.threads, training=False)
    network = score_network(build_backbone(config.backbone), dropout=0.0)
    load_into(network, weights)
    network.to(device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]  # not in torch's stubs
    guessed = predict_votes(network, ids, store, None, config.batch, Alone(device), workers).double().numpy()
    frame = pd.DataFrame({"id": ids, "target": target, "predicted": mean_score(guessed) / guessed.sum(axis=1)})
    frame[PROBABILITIES] = guessed
    if votes is not None:
        frame[HISTOGRAM] = votes / votes.sum(axis=1, keepdims=True)
    write_predictions(frame.astype({"target": float}), out)
