"""One small fine-tuning that two test files start from, and what it wrote."""

import dataclasses
import json

import numpy as np
import pandas as pd
import torch
from safetensors.torch import load_file

from aesthetic_pretraining.models.backbones import build_backbone
from aesthetic_pretraining.models.network import score_network
from aesthetic_pretraining.training.features import FeaturesConfig, features
from aesthetic_pretraining.training.features_file import Features
from aesthetic_pretraining.training.finetune import FinetuneConfig

CONFIG = FinetuneConfig(
    backbone="efficientnet_lite0", seed=1, low=1, high=10, bins=10, batch=2, learning_rate_features=1e-4, learning_rate_head=1e-3, weight_decay=4e-5, halving=0.5,
    halve_after=1, stop_after=9, max_epochs=4, min_improvement=0.5, dropout=0.75, flip=True, emd="per_image", emd_r=2, trainable="all", threads=1,
)  # fmt: skip
TRAIN, VAL = ["p0", "p2", "p3", "p4", "p6", "p7"], ["p1", "p5"]


def outputs(folder):
    return [(folder / name).read_bytes() for name in ("weights.safetensors", "history.csv", "summary.json")]


def table(folder):
    return pd.read_csv(folder / "history.csv"), json.loads((folder / "summary.json").read_text())


def network_of(folder, bins=10):
    network = score_network(build_backbone("efficientnet_lite0"), dropout=0.0, bins=bins)
    network.load_state_dict(load_file(folder / "weights.safetensors"))
    return network.eval()


def pixels(store, name, flipped=False):
    array = store.pixels(name)
    return torch.from_numpy((array[:, ::-1] if flipped else array).copy()).permute(2, 0, 1)


def emd(network, store, votes, names, flipped=None):
    """Mean of NIMA's distance, picture by picture, by numpy."""
    distances = []
    for name, flip in zip(names, flipped or [False] * len(names), strict=True):
        with torch.no_grad():
            p = network(pixels(store, name, flip)[None])["votes"].double().softmax(1)[0].numpy()
        distances.append(np.sqrt(np.mean((p.cumsum() - (votes[name] / votes[name].sum()).cumsum()) ** 2)))
    return np.mean(distances)


def features_of(store, start, folder, ids=(*TRAIN, *VAL)):
    """What the backbone in `start` makes of these images and their mirror images, through files."""
    for mirrored, name in enumerate(("plain.npy", "mirrored.npy")):
        features(FeaturesConfig(CONFIG.backbone, CONFIG.batch, 1), store, ids, start, folder / name, bool(mirrored))
    return Features(ids, folder / "plain.npy", folder / "mirrored.npy")


def arguments_of(store, votes, start, features):
    """arguments(folder, **changes of the config) -> what finetune takes, with its outputs in that folder."""

    def make(folder, train=TRAIN, votes=votes, val=VAL, **changes):
        return dict(
            config=dataclasses.replace(CONFIG, **changes), store=store, votes=votes, train=train, val=val, start=start, features=features,
            weights=folder / "weights.safetensors", history_csv=folder / "history.csv", summary_json=folder / "summary.json", work=folder / "work",
            describe={"pretraining": "imagenet", "share": 100, "seed": 1},
        )  # fmt: skip

    return make
