"""Inputs for fine-tuning and predictions of it: images, or cached features of the frozen backbone."""

import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from aesthetic_pretraining.data.store import PixelSource
from aesthetic_pretraining.files import enough_space
from aesthetic_pretraining.models.network import Network, distribution
from aesthetic_pretraining.training import gradient_cache, loader
from aesthetic_pretraining.training.datasets import LabelledImages
from aesthetic_pretraining.training.distributed import Alone


def epoch_inputs(
    images: LabelledImages, parts: Sequence[range], cache: "FeatureCache | None", team: Alone, workers: int
) -> Iterator[Tensor]:
    """Yield the input of each batch, on the training device.

    With a cache: features (n, width), float32, of the whole batch in every rank, because they are cheap to use. Without: this
    rank's share of the images, uint8 (m, 3, S, S).

    Args:
        images: the dataset of one epoch.
        parts: positions in `images`, one range for each batch.
        cache: features of all images, or None.
        workers: loader processes; 0: this process.
    """
    if cache is not None:
        found = (cache.read(images.ids[part.start : part.stop], images.mirrored[part.start : part.stop]) for part in parts)
        yield from loader.ahead(found, team.device)
        return
    yield from loader.batches(images, [part[team.share(len(part))] for part in parts], workers, team.device)


class FeatureCache:
    """The frozen backbone's features of every image and, with flips, of its mirror image, in a file on disk.

    Each rank computes its share, in the precision of training (compute.precision); features are stored as float32.
    """

    def __init__(
        self,
        path: Path,
        network: Network,
        store: PixelSource,
        ids: Sequence[str],
        sides: int,
        batch: int,
        team: Alone,
        workers: int,
    ):
        """
        Args:
            path: the file, (sides, len(ids), width) float32; it is replaced if it exists.
            network: its backbone computes the features, in inference mode.
            ids: images in `store`.
            sides: 1: the images as they are; 2: their mirror images as well.
            batch: images that pass the network at once.
            workers: loader processes; 0: this process.
        Raises: UserError if the disk is full.
        """
        self.row = {i: k for k, i in enumerate(ids)}
        mine, shape = team.share(len(ids)), (sides, len(ids), network.backbone.width)
        partial = path.with_name(f".{path.name}.tmp")
        if team.first:
            reserve(partial, 4 * math.prod(shape))
        team.wait()
        features = np.memmap(partial, np.float32, "r+", shape=shape)
        network.eval()
        parts = loader.cut(mine.stop - mine.start, batch)
        with torch.no_grad():
            for side, flipped in enumerate([False, True][:sides]):
                at = mine.start
                dataset = LabelledImages(store, ids[mine], [flipped] * len(ids[mine]))
                for images in loader.batches(dataset, parts, workers, team.device):
                    features[side, at : at + len(images)] = gradient_cache.features(network, images, team).cpu().numpy()
                    at += len(images)
        features.flush()
        team.wait()
        if team.first:
            os.replace(partial, path)
        team.wait()
        self.features = np.memmap(path, np.float32, "r", shape=shape)

    def read(self, ids: Sequence[str], flipped: Sequence[bool]) -> Tensor:
        """Features (n, width), float32, of the images or their mirror images. Raises KeyError for an unknown id."""
        return torch.from_numpy(np.stack([self.features[int(f), self.row[i]] for i, f in zip(ids, flipped, strict=True)]))


class SharedFeatures:
    """A `FeatureCache` that several trainings from the same frozen backbone read, one after the other: the folds of a run.

    Only the first one computes it, for the images of all.
    """

    def __init__(self, path: Path, ids: Sequence[str]):
        """
        Args:
            path: the file. ids: the images of all trainings.
        """
        self.path, self.ids = path, ids
        self.made: FeatureCache | None = None

    def cache(self, network: Network, store: PixelSource, sides: int, batch: int, team: Alone, workers: int) -> FeatureCache:
        """The features, computed at the first call; arguments as of `FeatureCache`."""
        if self.made is None:
            self.made = FeatureCache(self.path, network, store, self.ids, sides, batch, team, workers)
        return self.made

    def remove(self) -> None:
        """Delete the file."""
        self.path.unlink(missing_ok=True)


def reserve(path: Path, size: int) -> None:
    """Allocate a file of `size` bytes.

    Raises: UserError if the disk is too full; writing to a memory map of a file without room would kill the process.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with enough_space(path), open(path, "wb") as file:
        os.posix_fallocate(file.fileno(), 0, size)


@torch.no_grad()
def predict_votes(
    network: Network, ids: Sequence[str], store: PixelSource, cache: FeatureCache | None, batch: int, team: Alone, workers: int
) -> Tensor:
    """Probabilities (n, bins) of the votes for the images as they are, on the CPU; the network has to be in inference mode."""
    out = []
    parts = loader.cut(len(ids), batch, least=2 * team.size)
    for inputs in epoch_inputs(LabelledImages(store, ids), parts, cache, team, workers):
        outputs = network.on_features(inputs) if cache is not None else gradient_cache.forward(network, inputs, 0, team)
        out.append(distribution(outputs).cpu())
    return torch.cat(out)
