"""What goes into a network that predicts votes, batch by batch: images, or features of its frozen backbone; and its predictions."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from aesthetic_pretraining.data.store import PixelSource
from aesthetic_pretraining.models.network import Network, distribution
from aesthetic_pretraining.training import gradient_cache, loader
from aesthetic_pretraining.training.datasets import LabelledImages
from aesthetic_pretraining.training.distributed import Alone
from aesthetic_pretraining.training.features_file import Features


def epoch_inputs(
    images: LabelledImages, parts: Sequence[range], features: Features | None, team: Alone, workers: int
) -> Iterator[Tensor]:
    """Yield the input of each batch, on the training device.

    With features: those of the whole batch, (n, width), float32, in every rank, because they are cheap to use. Without: this
    rank's share of the images, uint8 (m, 3, S, S).

    Args:
        images: the dataset of one epoch.
        parts: positions in `images`, one range for each batch.
        features: of all images, or None.
        workers: loader processes; 0: this process.
    """
    if features is not None:
        found = (
            torch.from_numpy(features.read(images.ids[part.start : part.stop], images.mirrored[part.start : part.stop]))
            for part in parts
        )
        yield from loader.ahead(found, team.device)
        return
    yield from loader.batches(images, [part[team.share(len(part))] for part in parts], workers, team.device)


@torch.no_grad()
def predict_votes(
    network: Network, ids: Sequence[str], store: PixelSource, features: Features | None, batch: int, team: Alone, workers: int
) -> Tensor:
    """Probabilities (n, bins) of the votes for the images as they are, on the CPU; the network has to be in inference mode."""
    out = []
    parts = loader.cut(len(ids), batch, least=2 * team.size)
    for inputs in epoch_inputs(LabelledImages(store, ids), parts, features, team, workers):
        outputs = network.on_features(inputs) if features is not None else gradient_cache.forward(network, inputs, 0, team)
        out.append(distribution(outputs).cpu())
    return torch.cat(out)
