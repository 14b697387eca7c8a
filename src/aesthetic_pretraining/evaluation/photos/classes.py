"""What is in the unlabelled photos: classes and objects that trained networks find in them (section 4.2, Appendix B).

The original photos of the pretraining set are classified, not their copies in the stores, so that each network gets its own size.
"""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.utils.data import Dataset

from aesthetic_pretraining.data.images import OUTER, Unreadable, read_picture
from aesthetic_pretraining.data.letterbox import shrink
from aesthetic_pretraining.data.sources import Source
from aesthetic_pretraining.errors import UserError
from aesthetic_pretraining.files import atomic_path
from aesthetic_pretraining.models.backbones import DETECTOR, Classifier, Detector, imagenet_classifier, object_detector
from aesthetic_pretraining.models.sound import REMEMBERED
from aesthetic_pretraining.settings.photos import ClassesConfig
from aesthetic_pretraining.training import loader, runtime

OWN = "backbone"  # in photo_check.networks: backbone.name
COUNTS = ["network", "kind", "index", "name", "first", "photos"]
DIVERSITY = ["network", "kind", "photos", "nothing", "classes", "seen", "effective", "evenness", "most", "most_share"]
NO_OBJECT = ("__background__", "N/A")
KEY = "photo_check.networks"


class Tally:
    """Counts, per class, of photos with it as the top prediction and of photos that contain it, in constant memory."""

    def __init__(self, network: str, kind: str, names: Sequence[str]):
        self.network, self.kind, self.names = network, kind, names
        self.first, self.holding = np.zeros(len(names), int), np.zeros(len(names), int)
        self.photos = 0

    def add(self, classes: Sequence[int]) -> None:
        """One photo's classes, the most certain one first; empty if nothing was found."""
        self.photos += 1
        self.first[list(classes[:1])] += 1
        self.holding[sorted(set(classes))] += 1

    def counts(self) -> pd.DataFrame:
        """Columns `COUNTS`: the classes that were found, in descending order of photos with them as the top prediction."""
        rows = [
            (self.network, self.kind, k, self.names[k], int(self.first[k]), int(self.holding[k]))
            for k in np.argsort(-self.first, kind="stable")
            if self.holding[k]
        ]
        return pd.DataFrame(rows, columns=COUNTS)

    def diversity(self) -> tuple:
        """A row of `DIVERSITY`.

        effective: exp(H) of the distribution of `first` (Hill number of order 1): the number of equally frequent classes with the
        same diversity. evenness: H divided by its maximum for the classes with `first` > 0, 0..1 (Pielou).
        """
        found = self.first[self.first > 0]
        shares = found / found.sum() if found.size else found
        entropy = float(-(shares * np.log(shares)).sum()) if found.size else math.nan
        evenness = entropy / math.log(len(found)) if len(found) > 1 else math.nan
        most = int(self.first.argmax())
        return (
            *(self.network, self.kind, self.photos, self.photos - int(found.sum())),
            *(sum(name not in NO_OBJECT for name in self.names), int((self.holding > 0).sum()), math.exp(entropy), evenness),
            *((self.names[most], self.first[most] / self.photos) if found.size else ("", math.nan)),
        )


def photo_classes(
    config: ClassesConfig,
    source: Source,
    files: dict[str, str],
    *,
    counts: str | Path,
    diversity: str | Path,
    workers: int = 0,
) -> None:
    """Pass every photo through every network and write how many photos each class was found in.

    Args:
        source, files: where the photos are, and {id: file in it}.
        counts: CSV, columns `COUNTS`; first: photos with the class as the top prediction; photos: photos that contain it (the same
            for a classifier; for a detector, with any object scored at least `object_score`).
        diversity: CSV, columns `DIVERSITY`, one row per network; nothing: photos in which no object was found.
        workers: processes that read photos.
    Raises: UserError if a network's weights are unavailable (before any photo is read), or if a photo no longer exists.
    """
    device = runtime.set_up(config.threads, training=False)
    names = dict.fromkeys(config.backbone if name == OWN else name for name in config.networks)
    networks = {name: _network(name).to(device) for name in names}
    tallies = []
    for name, network in networks.items():
        tally = Tally(name, "object" if isinstance(network, Detector) else "class", network.names)
        answers = (
            _objects(network, source, files, config.object_score, workers, device)
            if isinstance(network, Detector)
            else _classes(network, source, files, config.batch, workers, device)
        )
        for found in answers:
            tally.add(found)
        tallies.append(tally)
    with atomic_path(counts) as tmp:
        pd.concat([tally.counts() for tally in tallies]).to_csv(tmp, index=False, lineterminator="\n")
    with atomic_path(diversity) as tmp:
        table = pd.DataFrame([tally.diversity() for tally in tallies], columns=DIVERSITY)
        table.to_csv(tmp, index=False, float_format="%.6g", lineterminator="\n")


def _network(name: str) -> Classifier | Detector:
    try:
        return object_detector() if name == DETECTOR else imagenet_classifier(name, KEY, REMEMBERED)
    except UserError as error:
        raise UserError(f"{error}, or remove it from {KEY} in params.yaml") from error


@torch.no_grad()
def _classes(
    network: Classifier, source: Source, files: dict[str, str], batch: int, workers: int, device: torch.device
) -> Iterator[list[int]]:
    """[most certain class] of each photo."""
    photos = Photos(source, files, network.resize, network.crop)
    for pictures in loader.batches(photos, loader.cut(len(photos), batch), workers):
        yield from ([k] for k in network(pictures.to(device)).argmax(dim=1).tolist())


@torch.no_grad()
def _objects(
    network: Detector, source: Source, files: dict[str, str], least: float, workers: int, device: torch.device
) -> Iterator[list[int]]:
    """Kinds of the objects of each photo, most certain first; one photo at a time, because sizes differ."""
    photos = Photos(source, files, network.short_side)
    for photo in loader.batches(photos, loader.cut(len(photos), 1), workers):
        kinds, scores = network(photo[0].to(device))
        yield kinds[scores >= least].tolist()


class Photos(Dataset[Tensor]):
    """Photos, uint8 (3, H, W) each, by their position in `files`: the short side at `short`; with `crop` the centre square of so many pixels of it."""

    def __init__(self, source: Source, files: dict[str, str], short: int, crop: int = 0):
        self.source, self.files, self.short, self.crop = source, list(files.values()), short, crop

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, position: int) -> Tensor:
        file = self.files[position]
        try:
            pixels = shrink(read_picture(self.source.read(file), self.short, OUTER).pixels, self.short)
        except FileNotFoundError as error:
            raise UserError(
                f"photos: {file} no longer exists; put it back, or run again with --forcerun listing store"
            ) from error
        except Unreadable as error:
            raise UserError(
                f"photos: {file} can no longer be read ({error}); run again with --forcerun listing store"
            ) from error
        if self.crop:
            top, left = ((side - self.crop) // 2 for side in pixels.shape[:2])
            pixels = pixels[top : top + self.crop, left : left + self.crop]
        return torch.from_numpy(pixels.copy()).permute(2, 0, 1)
