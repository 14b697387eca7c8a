"""Predictions of a fine-tuned run on a labelled set."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from aesthetic_pretraining.data.split import roles
from aesthetic_pretraining.data.store import Store
from aesthetic_pretraining.evaluation.folds import folds_of
from aesthetic_pretraining.evaluation.metrics import histogram, mean_score, probabilities
from aesthetic_pretraining.evaluation.predictions import write_predictions
from aesthetic_pretraining.evaluation.scenes import scenes
from aesthetic_pretraining.models.backbones import build_backbone
from aesthetic_pretraining.models.network import load_into, score_network
from aesthetic_pretraining.settings.inference import PredictConfig
from aesthetic_pretraining.training import runtime
from aesthetic_pretraining.training.distributed import Alone
from aesthetic_pretraining.training.inputs import predict_votes


class Networks:
    """The fine-tuned networks of a run, one or one for each fold, which predict images in inference mode."""

    def __init__(self, config: PredictConfig, weights: Sequence[str | Path], workers: int = 0):
        """
        Args:
            weights: safetensors, by fold.
            workers: processes that decode images ahead of a network; 0: this one.
        Raises: UserError naming a file that does not fit.
        """
        self.config, self.workers, self.device = config, workers, runtime.set_up(config.threads, training=False)
        self.networks = []
        for path in weights:
            network = score_network(build_backbone(config.backbone), dropout=0.0, bins=len(config.values))
            load_into(network, path)
            network.to(self.device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]  # not in torch's stubs
            self.networks.append(network)

    def votes(self, store: Store, ids: Sequence[str], fold: int = 0) -> np.ndarray:
        """Probabilities (N, K) of the votes: of the network of a fold (from 1), or (0) the mean over all networks."""
        chosen = self.networks[fold - 1 : fold] if fold else self.networks
        alone = Alone(self.device)
        each = [predict_votes(n, ids, store, None, self.config.batch, alone, self.workers).double().numpy() for n in chosen]
        return np.mean(each, axis=0)


def predict(
    networks: Networks, store: Store, ledger: pd.DataFrame, split: pd.DataFrame, out: str | Path, votes: Sequence[str] = ()
) -> None:
    """Write the predictions on a set's test images as Parquet, in the ledger's order.

    Columns: id, scene (`scenes.scenes`), target, predicted (mean score on the scale of the training's set), p1..pK (probabilities of
    its votes) and, with `votes`, t1..tK.

    Where `split` has folds, each image is predicted by the network of the fold in which it is a test image; otherwise by all networks:
    ASSUME: the mean of their predicted distributions.

    Args:
        ledger: id, score, `votes`, maybe group. split: of rule split.
        votes: the ledger's columns with the counts or fractions of the human votes, if there are any for the same K values.
    """
    parts = []
    for fold in folds_of(split):
        role = roles(split, fold)
        test = ledger[ledger["id"].isin(role["id"][role["split"] == "test"])]
        guessed = networks.votes(store, list(test["id"]), fold)
        parts.append(frame_of(test, guessed, networks.config.values, votes))
    write_predictions(pd.concat(parts).sort_index() if len(parts) > 1 else parts[0], out)


def frame_of(test: pd.DataFrame, guessed: np.ndarray, values: Sequence[float], votes: Sequence[str] = ()) -> pd.DataFrame:
    """A prediction file's rows, indexed as the ledger's rows `test`; guessed: (N, K)."""
    columns = {"id": test["id"], "scene": scenes(test), "target": test["score"].astype(float)}
    frame = pd.DataFrame(columns | {"predicted": mean_score(guessed, values) / guessed.sum(axis=1)}, index=test.index)
    frame[probabilities(len(values))] = guessed
    if votes:
        true = test[list(votes)].to_numpy(float)
        frame[histogram(len(values))] = true / true.sum(axis=1, keepdims=True)
    return frame
