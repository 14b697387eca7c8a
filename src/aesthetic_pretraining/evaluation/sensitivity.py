"""How far the features of each initialisation move when a photo is distorted.

Section 5 says that the features of RotNet and SimCLR, like ImageNet's, hardly change with lighting and other style, while the
paper's own pretext tasks make them sensitive to it. No labels are used.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from aesthetic_pretraining.distortions import ASPECTS, DISTORTIONS, VARIANTS, anchor_index
from aesthetic_pretraining.distortions.variants import Variants
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.evaluation.statistics.proportions import mean_interval
from aesthetic_pretraining.files import atomic_path
from aesthetic_pretraining.models.network import new_backbone
from aesthetic_pretraining.settings.photos import SensitivityConfig
from aesthetic_pretraining.training import loader, runtime
from aesthetic_pretraining.training.datasets import VariantsDataset

ALL = "all"  # in column level: over all levels; in column distortion: over all distortions of the aspect
MOVES = ["init", "aspect", "distortion", "level", "photos", "distance", "low", "high"]
LEVELS = [(name, v.level, i, anchor_index(name)) for i, v in enumerate(VARIANTS) if (name := v.distortion)]
ORIGINAL = 0  # position in VARIANTS of the undistorted photo


class Moves:
    """Distances of one network's features, accumulated photo by photo, and their unit.

    21 numbers are kept per photo, one per distortion; everything else has constant size.
    """

    def __init__(self) -> None:
        self.rows: list[np.ndarray] = []  # a photo's mean distance by distortion
        self.sum, self.squares = np.zeros(len(LEVELS)), np.zeros(len(LEVELS))  # of the distances over photos
        self.mean, self.spread = np.zeros(1), 0.0  # of the undistorted photos' features, and squared distances to it (Welford)

    def add(self, features: np.ndarray) -> None:
        """features: (174, width) of one photo's variants in the order of `VARIANTS`."""
        features = features.astype(np.float64)
        at, base = np.array([[i, anchor] for _, _, i, anchor in LEVELS]).T
        distances = np.linalg.norm(features[at] - features[base], axis=1)
        names = np.array([name for name, _, _, _ in LEVELS])
        self.rows.append(np.array([distances[names == name].mean() for name in DISTORTIONS]))
        self.sum, self.squares = self.sum + distances, self.squares + distances**2
        step = features[ORIGINAL] - self.mean
        self.mean = self.mean + step / len(self.rows)
        self.spread += float(step @ (features[ORIGINAL] - self.mean))

    @property
    def unit(self) -> float:
        """Root-mean-square distance between the features of two different undistorted photos."""
        return float(np.sqrt(2 * self.spread / (len(self.rows) - 1)))

    def by_photo(self) -> np.ndarray:
        """(photos, 21): mean over the levels of each distortion, in units of `unit`."""
        return np.stack(self.rows) / self.unit

    def frame(self, init: str, confidence: float) -> pd.DataFrame:
        """Columns `MOVES`: each level, then each distortion and each aspect over all levels; Student's t intervals over photos."""
        photos, rows = len(self.rows), []
        mean = self.sum / photos / self.unit
        spread = np.sqrt(np.maximum(self.squares / self.unit**2 - photos * mean**2, 0) / (photos - 1))
        for (name, level, _, _), *numbers in zip(LEVELS, *mean_interval(mean, spread, photos, confidence), strict=True):
            rows.append((init, DISTORTIONS[name].aspect, name, level, photos, *numbers))
        moved = pd.DataFrame(self.by_photo(), columns=list(DISTORTIONS))
        for aspect in ASPECTS:
            inside = moved[[name for name, d in DISTORTIONS.items() if d.aspect == aspect]]
            for name, values in [*inside.items(), (ALL, inside.mean(axis=1))]:
                pooled = mean_interval(values.mean(), values.std(ddof=1), photos, confidence)
                rows.append((init, aspect, name, ALL, photos, *map(float, pooled)))
        table = pd.DataFrame(rows, columns=MOVES)
        return table.assign(low=table["low"].clip(lower=0))  # distances are not negative


@torch.no_grad()
def sensitivity(
    config: SensitivityConfig,
    variants: Variants,
    photos: Sequence[str],
    seed: int,
    weights: Mapping[str, str | Path],
    *,
    table: str | Path,
    by_photo: str | Path,
    workers: int = 0,
) -> None:
    """Pass each photo's 174 variants through every pretrained backbone and write how far the features move.

    Args:
        weights: {initialisation: safetensors}, pretrained and not fine-tuned.
        table: CSV, columns `MOVES`. distance: Euclidean, between the features of a distorted photo and of its level 0 (crops and
            rotations have their own), divided by the root-mean-square distance between two different photos, so that networks
            with features of different norm can be compared. ASSUME: the paper names no measure.
        by_photo: Parquet: init, photo, and each of the 21 distortions' mean distance over its levels.
        workers: processes that render variants.
    Raises: UserError for fewer than two photos, or for a network with equal features for all photos.
    """
    if len(photos) < 2:
        raise UserError(
            f"sensitivity: needs at least two test photos, has {len(photos)}; increase photos.shares.test in params.yaml"
        )
    device = runtime.set_up(config.threads, training=False)
    networks = {
        init: new_backbone(config.backbone, path).to(device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]  # not in torch's stubs
        for init, path in weights.items()
    }
    moves = {init: Moves() for init in networks}
    for pictures in loader.batches(VariantsDataset(variants, photos, seed), loader.cut(len(photos), 1), workers):
        parts = pictures[0].to(device).split(config.batch)
        for init, network in networks.items():
            moves[init].add(torch.cat([network(part) for part in parts]).float().cpu().numpy())
    for init, found in moves.items():
        if not found.unit > 0:
            raise UserError(f"sensitivity: {init} gives all photos the same features; pretrain it again")
    frames = [found.frame(init, config.confidence) for init, found in moves.items()]
    with atomic_path(table) as tmp:
        pd.concat(frames).to_csv(tmp, index=False, float_format="%.6g", lineterminator="\n")
    rows = [
        pd.DataFrame(found.by_photo(), columns=list(DISTORTIONS)).assign(init=init, photo=list(photos))
        for init, found in moves.items()
    ]
    with atomic_path(by_photo) as tmp:
        pd.concat(rows)[["init", "photo", *DISTORTIONS]].to_parquet(tmp, index=False)
