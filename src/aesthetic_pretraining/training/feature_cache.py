"""Labelled pictures on their way into a network and out as votes: batches, the frozen backbone's features, predictions."""

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
from aesthetic_pretraining.training import gradient_cache, runtime
from aesthetic_pretraining.training.distributed import Alone


def epoch_inputs(
    parts: Sequence[Sequence[str]],
    flipped: Sequence[Sequence[bool]],
    store: PixelSource,
    cache: "FeatureCache | None",
    team: Alone,
    workers: int,
) -> Iterator[Tensor]:
    """Yield the input of each batch, on the team's device: cached features of all its pictures (n, width) if there is a cache,
    which are so cheap to use that every process takes all, else uint8 pictures (m, 3, S, S) of this process's share.
    """
    if cache is not None:
        yield from runtime.ahead((cache.read(ids, sides) for ids, sides in zip(parts, flipped, strict=True)), team.device)
        return
    names = [[f"{i}\x1f{int(f)}" for i, f in zip(ids, sides, strict=True)] for ids, sides in zip(parts, flipped, strict=True)]
    yield from runtime.batches([part[team.share(len(part))] for part in names], PictureLoader(store), workers, team.device)


class PictureLoader:
    """ "id, unit separator, 0 or 1" -> the letterboxed picture, mirrored for 1: uint8 (3, S, S)."""

    def __init__(self, store: PixelSource):
        self.store = store

    def __call__(self, name: str) -> Tensor:
        picture, flip = name.split("\x1f")
        tensor = torch.from_numpy(self.store.pixels(picture).copy()).permute(2, 0, 1)
        return tensor.flip(2) if flip == "1" else tensor


class FeatureCache:
    """The frozen backbone's features of every picture and, with flips, of its mirror image, in a file on disk.

    Each process of the team computes its share, in the precision of training (compute.precision); kept as float32.
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
        self.row = {i: k for k, i in enumerate(ids)}
        mine, shape = team.share(len(ids)), (sides, len(ids), network.backbone.width)
        partial = path.with_name(f".{path.name}.tmp")
        if team.first:
            reserve(partial, 4 * math.prod(shape))
        team.wait()
        features = np.memmap(partial, np.float32, "r+", shape=shape)
        network.eval()
        parts = [ids[mine][part.start : part.stop] for part in runtime.cut(mine.stop - mine.start, batch)]
        with torch.no_grad():
            for side, flipped in enumerate([False, True][:sides]):
                at = mine.start
                for pictures in epoch_inputs(
                    parts, [[flipped] * len(p) for p in parts], store, None, Alone(team.device), workers
                ):
                    features[side, at : at + len(pictures)] = gradient_cache.features(network, pictures, team).cpu().numpy()
                    at += len(pictures)
        features.flush()
        team.wait()
        if team.first:
            os.replace(partial, path)
        team.wait()
        self.features = np.memmap(path, np.float32, "r", shape=shape)

    def read(self, ids: Sequence[str], flipped: Sequence[bool]) -> Tensor:
        """Features (n, width) of the pictures or their mirror images."""
        return torch.from_numpy(np.stack([self.features[int(f), self.row[i]] for i, f in zip(ids, flipped, strict=True)]))


def reserve(path: Path, size: int) -> None:
    """Make a file of so many bytes. Raises UserError if the disk lacks them: a map of a file that cannot grow ends the process."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with enough_space(path), open(path, "wb") as file:
        os.posix_fallocate(file.fileno(), 0, size)


@torch.no_grad()
def predict_votes(
    network: Network, ids: Sequence[str], store: PixelSource, cache: FeatureCache | None, batch: int, team: Alone, workers: int
) -> Tensor:
    """Probabilities (n, 10) of the votes for the pictures as they are, on the CPU; the network has to be in inference mode."""
    out = []
    parts = [ids[part.start : part.stop] for part in runtime.cut(len(ids), batch, least=2 * team.size)]
    for inputs in epoch_inputs(parts, [[False] * len(part) for part in parts], store, cache, team, workers):
        outputs = network.on_features(inputs) if cache is not None else gradient_cache.forward(network, inputs, 0, team)
        out.append(distribution(outputs).cpu())
    return torch.cat(out)
